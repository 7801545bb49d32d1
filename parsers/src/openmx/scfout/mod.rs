//! The `.scfout` file as it is: connectivity, H, S, position and momentum operators and DM as dense blocks per atom and
//! neighbour, in hartree and OpenMX' order; the input text at its end. [`crate::openmx::matrix`] gives it meaning.
//!
//! Written by `SCF2File.c` of OpenMX 3.7, 3.8 (format 0) and 3.9 (format 3): packed, without padding or record marks, in
//! the byte order of the machine.
//!
//! The matrices stay in the (mapped) file until they are asked for: a file of 1 GB holds 11 to 20 sets of blocks, and no
//! question needs more than half of them.

mod parse;
mod write;
mod zeros;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

pub use zeros::Neighbours;

use super::dat::Dat;
use crate::error::{Context, Result};
use crate::input::{self, ByteOrder, Input};

/// Layout of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// OpenMX 3.7 and 3.8.
    V3_8,
    /// OpenMX 3.9 to 3.9.9: one more number in the head, momentum operators, imaginary parts of DM.
    V3_9,
}

impl Version {
    /// What `SCF2File.c` calls version: field 2 of the file is SpinP + 4 · this.
    pub fn number(self) -> i32 {
        match self {
            Version::V3_8 => 0,
            Version::V3_9 => 3,
        }
    }
}

/// SpinP: what one spin-resolved matrix is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spin {
    /// 0: one matrix for both spins.
    Unpolarized,
    /// 1: up and down.
    Collinear,
    /// 3: Re uu, Re dd, Re ud, and the local part of Im ud; imaginary parts of the non-local part in sets of their own.
    NonCollinear,
}

impl Spin {
    /// OpenMX' number.
    pub fn number(self) -> i32 {
        self.n_sets() as i32 - 1
    }

    /// Number of sets of H, and of DM.
    pub fn n_sets(self) -> usize {
        match self {
            Spin::Unpolarized => 1,
            Spin::Collinear => 2,
            Spin::NonCollinear => 4,
        }
    }
}

/// One full set of blocks: for each atom, for each of its neighbours (itself first), norb × norb' doubles, row-major.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// `Hks[s]`, hartree.
    H(usize),
    /// `iHks[s]`, s = 0, 1, 2: imaginary parts of uu, dd and (added to `Hks[3]`) ud; hartree.
    ImH(usize),
    /// `OLP`.
    Overlap,
    /// `OLPpo[direction][order]`: ⟨φ_i| (r − r_i)^(order+1) |φ_j⟩, bohr^(order+1).
    Position(usize, usize),
    /// `OLPmo[direction]`: ⟨φ_i| ∂/∂r |φ_j⟩, 1/bohr. Only 3.9.
    Momentum(usize),
    /// `DM[s]`: of one spin where SpinP is 0.
    DensityMatrix(usize),
    /// `iDM[s]`, s = 0, 1: imaginary parts of uu and dd (zeros unless SpinP is 3). Only 3.9.
    ImDensityMatrix(usize),
}

/// The whole file. Vectors are [x, y, z]; the unused slot 0 of OpenMX' arrays, which holds garbage, is not kept and written
/// as zero.
#[derive(Debug, Clone)]
pub struct Scfout {
    /// Byte order of the machine that wrote it.
    pub order: ByteOrder,
    /// Layout.
    pub version: Version,
    /// `SpinP_switch`.
    pub spin: Spin,
    /// `Catomnum`, `Latomnum`, `Ratomnum`: atoms of centre and leads (NEGF).
    pub regions: [i32; 3],
    /// Highest power of the position operators (3.9; 1 in 3.8).
    pub order_max: usize,
    /// Lattice vectors of the cells that `ncn` names, bohr. Row 0 is the home cell.
    pub atv: Vec<[f64; 3]>,
    /// The same in units of the lattice vectors.
    pub atv_ijk: Vec<[i32; 3]>,
    /// `Total_NumOrbs`: orbitals of each atom.
    pub n_orbitals: Vec<usize>,
    /// Atoms (from 0; the file counts from 1) of the blocks of each atom, itself first.
    pub natn: Vec<Vec<usize>>,
    /// Cells (rows of `atv`) of the blocks of each atom.
    pub ncn: Vec<Vec<usize>>,
    /// Lattice vectors as rows, bohr.
    pub tv: [[f64; 3]; 3],
    /// Reciprocal lattice vectors as rows, with 2π, 1/bohr.
    pub rtv: [[f64; 3]; 3],
    /// Positions, bohr.
    pub gxyz: Vec<[f64; 3]>,
    /// Everything after the matrices.
    pub tail: Tail,
    /// Where the blocks of each atom start in a set, and the size of a set.
    starts: Vec<usize>,
    sets: Vec<(Set, Place)>,
    input: Arc<Input>,
}

/// What follows the matrices.
#[derive(Debug, Clone, PartialEq)]
pub struct Tail {
    /// 2 cluster, 3 band (also Γ alone with periodic boundaries), …
    pub solver: i32,
    /// Chemical potential, hartree.
    pub chem_p: f64,
    /// Electronic temperature, kelvin.
    pub e_temp: f64,
    /// Dipole moments of core and of background charge.
    pub dipoles: [[f64; 3]; 2],
    /// Valence electrons in the cell.
    pub n_electrons: f64,
    /// Total spin S (moment in Bohr magnetons: 2 S).
    pub total_spin: f64,
    /// The input file as OpenMX read it: lines of at most 255 bytes with their line ends.
    pub input_text: Vec<Vec<u8>>,
}

/// Where the numbers of a set are.
#[derive(Debug, Clone)]
enum Place {
    /// From this byte of the file.
    File(usize),
    /// Replaced.
    Memory(Arc<Vec<f64>>),
}

/// The numbers of one set, in the order of the file.
#[derive(Clone, Copy)]
pub enum Numbers<'a> {
    /// In the file's bytes.
    File(&'a [[u8; 8]], ByteOrder),
    /// Replaced in memory.
    Memory(&'a [f64]),
}

impl Numbers<'_> {
    /// Number `index`.
    #[inline]
    pub fn at(&self, index: usize) -> f64 {
        match *self {
            Numbers::File(bytes, order) => order.f64(bytes[index]),
            Numbers::Memory(values) => values[index],
        }
    }
}

impl Scfout {
    /// Opens a file, plain or compressed.
    ///
    /// # Errors
    /// Those of [`Scfout::parse`], with the file's name.
    pub fn read(path: &Path) -> Result<Self> {
        Scfout::parse(input::open(path)?).in_file(path)
    }

    /// The input text at the end.
    pub fn input(&self) -> Dat {
        Dat::parse(&self.tail.input_text.concat())
    }

    /// Number of atoms.
    pub fn n_atoms(&self) -> usize {
        self.n_orbitals.len()
    }

    /// Numbers in each set.
    pub fn set_size(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    /// Place of an atom's blocks in each set.
    pub fn elements_of(&self, atom: usize) -> Range<usize> {
        self.starts[atom]..self.starts[atom + 1]
    }

    /// The sets that the file holds, in its order.
    pub fn sets(&self) -> impl Iterator<Item = Set> {
        self.sets.iter().map(|(set, _)| *set)
    }

    /// The numbers of a set, `None` where the file has no such set.
    pub fn numbers(&self, set: Set) -> Option<Numbers<'_>> {
        let (_, place) = self.sets.iter().find(|(s, _)| *s == set)?;
        Some(match place {
            Place::File(start) => Numbers::File(self.set_bytes(*start).as_chunks().0, self.order),
            Place::Memory(values) => Numbers::Memory(values),
        })
    }

    /// A copy of the numbers of a set.
    pub fn values(&self, set: Set) -> Option<Vec<f64>> {
        let numbers = self.numbers(set)?;
        Some((0..self.set_size()).into_par_iter().map(|index| numbers.at(index)).collect())
    }

    /// Puts other numbers in the place of a set; those of the file are left out on writing. `false` where the file has no
    /// such set, or its size is another.
    pub fn replace(&mut self, set: Set, values: Vec<f64>) -> bool {
        let size = self.set_size();
        let place = self.sets.iter_mut().find(|(s, _)| *s == set && values.len() == size);
        match place {
            Some((_, place)) => *place = Place::Memory(Arc::new(values)),
            None => return false,
        }
        true
    }

    /// The sets of a layout, in the order of the file.
    fn layout(version: Version, spin: Spin, order_max: usize) -> Vec<Set> {
        let of_39 = |n: usize| if version == Version::V3_9 { n } else { 0 };
        let imaginary = if spin == Spin::NonCollinear { 3 } else { 0 };
        let positions = (0..3).flat_map(|direction| (0..order_max).map(move |order| Set::Position(direction, order)));
        let mut sets: Vec<Set> = (0..spin.n_sets()).map(Set::H).collect();
        sets.extend((0..imaginary).map(Set::ImH));
        sets.push(Set::Overlap);
        sets.extend(positions);
        sets.extend((0..of_39(3)).map(Set::Momentum));
        sets.extend((0..spin.n_sets()).map(Set::DensityMatrix));
        sets.extend((0..of_39(2)).map(Set::ImDensityMatrix));
        sets
    }

    fn set_bytes(&self, start: usize) -> &[u8] {
        &self.input[start..start + 8 * self.set_size()]
    }
}
