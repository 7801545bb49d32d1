//! Which elements of H(k) and S(k) are stored, and which blocks of H(R) and S(R) each is summed from.

use std::collections::BTreeMap;
use std::ops::Range;

use faer::sparse::{SymbolicSparseColMat, SymbolicSparseColMatRef};

use super::scalar::Scalar;
use crate::bands::bloch::phase;
use crate::parsers::{Basis, Pairs, c64};

/// All elements of an operator, as [`crate::parsers::Operator::values`] has them.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// Real blocks.
    Real(&'a [f64]),
    /// Complex blocks.
    Complex(&'a [c64]),
}

/// The upper triangle of H(k) and S(k). A site is an atom, with one spin of a spinor: sites 0 … n_atoms are up, the rest down.
#[derive(Debug)]
pub struct Pattern {
    n_atoms: usize,
    /// First row of every site, and the number of rows.
    first: Vec<usize>,
    cells: BTreeMap<[i32; 3], u32>,
    /// (column site, row site) of every block of the matrix, ascending; row site ≤ column site.
    blocks: Vec<(u32, u32)>,
    /// Stored elements of the blocks, column after column: row · n_columns + column inside the block, as blocks of operators.
    kept: Vec<u32>,
    /// End in `kept` of every column of every block.
    ends: Vec<usize>,
    symbolic: SymbolicSparseColMat<usize>,
}

/// The blocks of H(R), or of S(R), that each block of the matrix is the sum of.
#[derive(Debug)]
pub struct Layer {
    terms: Vec<Term>,
    /// Of every block of the pattern.
    ranges: Vec<Range<usize>>,
}

#[derive(Debug, Clone, Copy)]
struct Term {
    block: (u32, u32),
    cell: u32,
    component: u32,
    /// First element in the operator's values.
    start: usize,
}

impl Pattern {
    /// No block yet; `n_spins` is 2 for spinors, else 1.
    pub(super) fn new(basis: &Basis, n_spins: usize) -> Self {
        let n_atoms = basis.n_atoms();
        let of_spin =
            |spin: usize| (0..n_atoms).map(move |atom| spin * basis.n_orbitals() + basis.orbitals_of(atom).start);
        let first = (0..n_spins).flat_map(of_spin).chain([n_spins * basis.n_orbitals()]).collect();
        let symbolic = SymbolicSparseColMat::new_checked(0, 0, vec![0], None, Vec::new());
        Pattern {
            n_atoms,
            first,
            cells: BTreeMap::new(),
            blocks: Vec::new(),
            kept: Vec::new(),
            ends: Vec::new(),
            symbolic,
        }
    }

    /// Places blocks in the upper triangle: `components` lists (component of the operator, spin of rows, spin of columns).
    pub(super) fn layer(&mut self, pairs: &Pairs, components: &[[usize; 3]]) -> Layer {
        let mut terms = Vec::new();
        for (index, pair) in pairs.as_slice().iter().enumerate() {
            let next = self.cells.len() as u32;
            let cell = *self.cells.entry(pair.r).or_insert(next);
            for &[component, row_spin, column_spin] in components {
                let row = row_spin * self.n_atoms + pair.i as usize;
                let column = column_spin * self.n_atoms + pair.j as usize;
                if row <= column {
                    let (block, start) = ((column as u32, row as u32), pairs.range(index).start);
                    terms.push(Term { block, cell, component: component as u32, start });
                }
            }
        }
        terms.sort_by_key(|term| term.block);
        Layer { terms, ranges: Vec::new() }
    }

    /// Finds the elements that some source does not have as 0, and the terms of every block.
    pub(super) fn finish(&mut self, layers: [&mut Layer; 2], sources: &[(usize, &[Values<'_>])]) {
        let sites = 0..self.first.len() as u32 - 1;
        let of_layers = layers.iter().flat_map(|layer| layer.terms.iter().map(|term| term.block));
        self.blocks = of_layers.chain(sites.map(|site| (site, site))).collect();
        self.blocks.sort_unstable();
        self.blocks.dedup();
        let layers = layers.map(|layer| {
            layer.find_ranges(&self.blocks);
            &*layer
        });
        for block in 0..self.blocks.len() {
            self.keep_nonzero(block, layers, sources);
        }
        self.symbolic = self.compressed_columns();
    }

    fn keep_nonzero(&mut self, block: usize, layers: [&Layer; 2], sources: &[(usize, &[Values<'_>])]) {
        let (n_rows, n_columns) = self.shape(block);
        let mut stored = vec![false; n_rows * n_columns];
        for &(layer, values) in sources {
            for term in layers[layer].of(block) {
                values[term.component as usize].mark_nonzero(term.start, &mut stored);
            }
        }
        let is_diagonal = self.blocks[block].0 == self.blocks[block].1;
        for column in 0..n_columns {
            let rows = if is_diagonal { 0..column + 1 } else { 0..n_rows };
            let always = |row: usize| is_diagonal && row == column;
            let kept = rows.filter(|&row| stored[row * n_columns + column] || always(row));
            self.kept.extend(kept.map(|row| (row * n_columns + column) as u32));
            self.ends.push(self.kept.len());
        }
    }

    /// Rows and columns of a block.
    fn shape(&self, block: usize) -> (usize, usize) {
        let (column, row) = self.blocks[block];
        (self.rows_of_site(row as usize).len(), self.rows_of_site(column as usize).len())
    }

    fn rows_of_site(&self, site: usize) -> Range<usize> {
        self.first[site]..self.first[site + 1]
    }

    /// Calls `visit` with every column of every block: (block, first row of its site, column, its elements in `kept`).
    fn for_each_column(&self, mut visit: impl FnMut(usize, usize, usize, Range<usize>)) {
        let (mut place, mut start) = (0, 0);
        for (block, &(column_site, row_site)) in self.blocks.iter().enumerate() {
            for column in self.rows_of_site(column_site as usize) {
                visit(block, self.first[row_site as usize], column, start..self.ends[place]);
                start = self.ends[place];
                place += 1;
            }
        }
    }

    fn compressed_columns(&self) -> SymbolicSparseColMat<usize> {
        let n = self.size();
        let mut starts = vec![0; n + 1];
        self.for_each_column(|_, _, column, kept| starts[column + 1] += kept.len());
        (0..n).for_each(|column| starts[column + 1] += starts[column]);
        let mut next = starts.clone();
        let mut rows = vec![0; starts[n]];
        self.for_each_column(|block, first, column, kept| {
            let n_columns = self.shape(block).1;
            for &place in &self.kept[kept] {
                rows[next[column]] = first + place as usize / n_columns;
                next[column] += 1;
            }
        });
        SymbolicSparseColMat::new_checked(n, n, starts, None, rows)
    }

    /// Number of rows.
    pub fn size(&self) -> usize {
        *self.first.last().unwrap_or(&0)
    }

    /// The upper triangle in compressed columns.
    pub fn symbolic(&self) -> SymbolicSparseColMatRef<'_, usize> {
        self.symbolic.as_ref()
    }

    /// Number of atoms.
    pub fn n_atoms(&self) -> usize {
        self.n_atoms
    }

    /// The rows of an atom: one range, or one for each spin.
    pub fn rows_of(&self, atom: usize) -> impl Iterator<Item = Range<usize>> {
        (atom..self.first.len() - 1).step_by(self.n_atoms.max(1)).map(|site| self.rows_of_site(site))
    }

    /// Pairs of different atoms that share an element, each at least once.
    pub fn neighbours(&self) -> impl Iterator<Item = (usize, usize)> {
        let (mut columns, mut start) = (0, 0);
        let has_elements = move |block: usize| {
            columns += self.shape(block).1;
            let end = self.ends[..columns].last().copied().unwrap_or(0);
            std::mem::replace(&mut start, end) < end
        };
        let atoms = |&(column, row): &(u32, u32)| (column as usize % self.n_atoms, row as usize % self.n_atoms);
        let blocks = (0..self.blocks.len()).map(has_elements).zip(&self.blocks);
        blocks.filter(|(has, _)| *has).map(move |(_, block)| atoms(block)).filter(|(a, b)| a != b)
    }

    pub(super) fn has_real_phases(&self, k: [f64; 3]) -> bool {
        /// Of a phase over 2π: energies change by less than they are converged to.
        const TOLERANCE: f64 = 1e-12;
        let half_turns = |r: &[i32; 3]| 2.0 * (0..3).map(|a| k[a] * f64::from(r[a])).sum::<f64>();
        self.cells.keys().map(half_turns).all(|x| (x - x.round()).abs() < TOLERANCE)
    }

    /// Values of a matrix in the order of [`Pattern::symbolic`]: Σ_R exp(2πi k·R) O(R).
    pub(super) fn fill<T: Scalar>(&self, layer: &Layer, values: &[Values<'_>], k: [f64; 3]) -> Vec<T> {
        let phases = self.phases(k);
        let symbolic = self.symbolic();
        let mut next = symbolic.col_ptr().to_vec();
        let mut filled = vec![T::ZERO; symbolic.row_idx().len()];
        self.for_each_column(|block, _, column, kept| {
            let target = &mut filled[next[column]..][..kept.len()];
            next[column] += kept.len();
            for term in layer.of(block) {
                let phase = phases[term.cell as usize];
                values[term.component as usize].add(term.start, &self.kept[kept.clone()], phase, target);
            }
        });
        // The diagonal of a Hermitian matrix is real; in the upper triangle it ends its column.
        symbolic.col_ptr()[1..].iter().for_each(|&end| filled[end - 1] = T::of(filled[end - 1].re().into()));
        filled
    }

    fn phases(&self, k: [f64; 3]) -> Vec<c64> {
        let mut phases = vec![c64::ZERO; self.cells.len()];
        self.cells.iter().for_each(|(&r, &place)| phases[place as usize] = phase(k, r));
        phases
    }
}

impl Layer {
    fn find_ranges(&mut self, blocks: &[(u32, u32)]) {
        let mut start = 0;
        let end_of = |block: &(u32, u32)| {
            let n = self.terms[start..].iter().take_while(|term| term.block == *block).count();
            start += n;
            start - n..start
        };
        self.ranges = blocks.iter().map(end_of).collect();
    }

    fn of(&self, block: usize) -> &[Term] {
        &self.terms[self.ranges[block].clone()]
    }
}

impl Values<'_> {
    fn mark_nonzero(&self, start: usize, stored: &mut [bool]) {
        let range = start..start + stored.len();
        match self {
            Values::Real(all) => stored.iter_mut().zip(&all[range]).for_each(|(stored, x)| *stored |= *x != 0.0),
            Values::Complex(all) => {
                stored.iter_mut().zip(&all[range]).for_each(|(stored, x)| *stored |= *x != c64::ZERO)
            }
        }
    }

    /// Adds phase · element for the elements `kept` of the block that starts at `start`.
    fn add<T: Scalar>(&self, start: usize, kept: &[u32], phase: c64, target: &mut [T]) {
        let pairs = target.iter_mut().zip(kept);
        match self {
            Values::Real(all) => {
                let block = &all[start..];
                pairs.for_each(|(sum, &place)| *sum += T::of(phase * block[place as usize]));
            }
            Values::Complex(all) => {
                let block = &all[start..];
                pairs.for_each(|(sum, &place)| *sum += T::of(phase * block[place as usize]));
            }
        }
    }
}
