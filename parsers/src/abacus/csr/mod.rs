//! The csr file as it is: H(R), S(R) or DM(R) as one sparse matrix per lattice vector, in the file's own units (rydberg
//! for H), order and signs. [`crate::abacus::matrix`] gives it meaning.
//!
//! Writing routines of ABACUS: `module_io/write_HS_sparse.cpp` (3.8, old layout), `source_io/.../output_hcontainer.cpp`
//! and `write_HS_R.cpp` (3.9.0.25 and later, new layout).

mod digits;
mod layout;
mod parse;
mod write;

use num_complex::Complex;

pub use layout::{CsrLayout, Quantity, THRESHOLD, Version, structure_lines};

use crate::error::Result;
use crate::input::Text;
use crate::operator::c64;

const DIMENSION_TITLE: &str = "# number of localized basis";
const N_BLOCKS_TITLE: &str = "# number of Bravais lattice vector R";

/// One ionic step of a csr file.
#[derive(Debug, Clone, PartialEq)]
pub struct Csr {
    /// Everything before the first lattice vector.
    pub header: Header,
    /// Rows and columns of each matrix: orbitals, twice that for nspin 4 (index = 2·orbital + spin).
    pub dimension: usize,
    /// Digits after the point, as in `%.8e`.
    pub digits: usize,
    /// One sparse matrix per lattice vector, in the file's order.
    pub blocks: Blocks,
}

/// Which layout, and the words around its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Header {
    /// `STEP: 0`, `Matrix Dimension of H(R): 26`, `Matrix number of H(R): 93`; one line per array.
    Old {
        /// Ionic step from 0; older files lack the line.
        step: Option<u64>,
        /// `H(R)`, `S(R)` or `DM(R)`.
        label: String,
    },
    /// `*_nao.csr`: comments, structure, wrapped lines.
    New {
        /// Ionic step from 1.
        step: u64,
        /// All lines before the first lattice vector, as they stand there. On writing, the numbers before
        /// `# number of localized basis` and `# number of Bravais lattice vector R` become those of the matrices.
        lines: Vec<String>,
    },
}

/// The matrices, real or complex.
#[derive(Debug, Clone, PartialEq)]
pub enum Blocks {
    /// nspin 1 and 2 (and every density matrix).
    Real(Vec<Block<f64>>),
    /// nspin 4: `(re,im)`.
    Complex(Vec<Block<c64>>),
}

/// The sparse matrix of one lattice vector. A matrix without elements has no row pointers either.
#[derive(Debug, Clone, PartialEq)]
pub struct Block<T> {
    /// Lattice vector, in units of the lattice vectors.
    pub r: [i32; 3],
    /// Stored elements, row after row.
    pub values: Vec<T>,
    /// Column of each element, from 0, ascending inside a row.
    pub columns: Vec<u32>,
    /// Row μ holds the elements `row_pointers[μ]..row_pointers[μ + 1]`.
    pub row_pointers: Vec<u32>,
}

impl<T> Block<T> {
    /// No element at all.
    pub fn empty(r: [i32; 3]) -> Self {
        Block { r, values: Vec::new(), columns: Vec::new(), row_pointers: Vec::new() }
    }

    /// Columns and elements of row `row`.
    pub fn row(&self, row: usize) -> (&[u32], &[T]) {
        if self.values.is_empty() {
            return (&[], &[]);
        }
        let range = self.row_pointers[row] as usize..self.row_pointers[row + 1] as usize;
        (&self.columns[range.clone()], &self.values[range])
    }
}

impl Blocks {
    /// Number of lattice vectors.
    pub fn len(&self) -> usize {
        match self {
            Blocks::Real(blocks) => blocks.len(),
            Blocks::Complex(blocks) => blocks.len(),
        }
    }

    /// No lattice vector at all?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lattice vectors in the file's order.
    pub fn lattice_vectors(&self) -> Vec<[i32; 3]> {
        match self {
            Blocks::Real(blocks) => blocks.iter().map(|block| block.r).collect(),
            Blocks::Complex(blocks) => blocks.iter().map(|block| block.r).collect(),
        }
    }

    /// Number of stored elements of all matrices.
    pub fn n_values(&self) -> usize {
        match self {
            Blocks::Real(blocks) => blocks.iter().map(|block| block.values.len()).sum(),
            Blocks::Complex(blocks) => blocks.iter().map(|block| block.values.len()).sum(),
        }
    }
}

impl Header {
    /// Ionic step as the file counts: from 0 in the old layout, from 1 in the new one.
    pub fn step(&self) -> u64 {
        match self {
            Header::Old { step, .. } => step.unwrap_or(0),
            Header::New { step, .. } => *step,
        }
    }
}

/// What an element can be: a real or a complex number of the file.
pub trait Element: Copy + Default + Send + Sync {
    /// Reads the next one.
    ///
    /// # Errors
    /// `Syntax` with the place.
    fn parse(text: &mut Text) -> Result<Self>;

    /// Its absolute value.
    fn magnitude(self) -> f64;

    /// Appends it with `digits` digits after the point.
    fn write(self, digits: usize, out: &mut Vec<u8>);
}

impl Element for f64 {
    #[inline]
    fn parse(text: &mut Text) -> Result<Self> {
        text.f64()
    }

    fn magnitude(self) -> f64 {
        self.abs()
    }

    fn write(self, digits: usize, out: &mut Vec<u8>) {
        digits::exponential(self, digits, out);
    }
}

impl Element for Complex<f64> {
    #[inline]
    fn parse(text: &mut Text) -> Result<Self> {
        text.complex()
    }

    fn magnitude(self) -> f64 {
        self.norm()
    }

    fn write(self, digits: usize, out: &mut Vec<u8>) {
        out.push(b'(');
        digits::exponential(self.re, digits, out);
        out.push(b',');
        digits::exponential(self.im, digits, out);
        out.push(b')');
    }
}
