//! Which elements a file of another code's matrices stores: those where one of them is not 0, and their Hermitian partners.

use std::collections::BTreeMap;

use crate::basis::Basis;
use crate::error::Result;
use crate::foreign::Matrices;
use crate::operator::{Operator, Pair, Pairs, SpinOperator};
use crate::siesta::sparsity::{Sparsity, n_columns};
use crate::siesta::supercell::Supercell;

/// Elements that are not 0, as a mask over dense blocks.
pub struct Pattern<'a> {
    pairs: Pairs,
    is_stored: Vec<bool>,
    basis: &'a Basis,
}

impl<'a> Pattern<'a> {
    /// That of all matrices.
    ///
    /// # Errors
    /// `Inconsistent` where a block names an atom that `basis` lacks.
    pub fn new(matrices: &Matrices, basis: &'a Basis) -> Result<Self> {
        let pairs = matrices.all_pairs(basis)?;
        let mut pattern = Pattern { is_stored: vec![false; pairs.n_values()], pairs, basis };
        pattern.add(matrices.overlap);
        let spin = [matrices.hamiltonian.map(|(_, h)| h), matrices.density_matrix];
        spin.into_iter().flatten().for_each(|operator| pattern.add_spin(operator));
        Ok(pattern)
    }

    fn add_spin(&mut self, operator: &SpinOperator) {
        match operator {
            SpinOperator::Unpolarized(o) => self.add(o),
            SpinOperator::Collinear(o) => o.iter().for_each(|o| self.add(o)),
            SpinOperator::Spinor(o) => o.iter().for_each(|o| self.add(o)),
        }
    }

    /// Marks the elements of `operator` that are not 0, and their Hermitian partners.
    fn add<T: Default + PartialEq>(&mut self, operator: &Operator<T>) {
        let zero = T::default();
        for (pair, block) in operator.blocks() {
            let places =
                [*pair, pair.reversed()].map(|pair| self.pairs.find(&pair).map(|index| self.pairs.range(index)));
            let [Some(own), Some(partner)] = places else { continue };
            let [height, width] = [pair.i, pair.j].map(|atom| self.basis.orbitals_of(atom as usize).len());
            for (element, _) in block.iter().enumerate().filter(|(_, value)| **value != zero) {
                self.is_stored[own.start + element] = true;
                self.is_stored[partner.start + element % width * height + element / width] = true;
            }
        }
    }

    /// All pairs of atoms with a block.
    pub fn pairs(&self) -> &Pairs {
        &self.pairs
    }

    /// Cells along each axis that hold all lattice vectors and their opposites.
    pub fn nsc(&self) -> [i32; 3] {
        [0, 1, 2].map(|axis| {
            let reach = self.pairs.as_slice().iter().map(|pair| pair.r[axis].unsigned_abs()).max();
            2 * reach.unwrap_or_default() as i32 + 1
        })
    }

    /// The elements in the order of columns; the diagonal is always there.
    ///
    /// # Errors
    /// `Limit` where columns do not fit into 32-bit integers.
    pub fn sparsity(&self, supercell: &Supercell) -> Result<Sparsity> {
        let n_orbitals = self.basis.n_orbitals();
        let n_columns = n_columns(n_orbitals, supercell.nsc)?;
        let image_of: BTreeMap<[i32; 3], usize> = supercell.offsets.iter().copied().zip(0..).collect();
        let mut rows: Vec<Vec<i32>> = (1..=n_orbitals as i32).map(|diagonal| vec![diagonal]).collect();
        for (index, pair) in self.pairs.as_slice().iter().enumerate() {
            let first_column = n_orbitals * image_of.get(&pair.r).copied().unwrap_or_default();
            self.add_columns(&mut rows, pair, &self.is_stored[self.pairs.range(index)], first_column);
        }
        let mut row_starts = vec![0];
        let mut columns = Vec::new();
        for mut row in rows {
            row.sort_unstable();
            row.dedup();
            columns.extend(row);
            row_starts.push(columns.len());
        }
        Sparsity::new(row_starts, columns, n_columns)
    }

    /// Those of one block, whose image starts after `first_column`.
    fn add_columns(&self, rows: &mut [Vec<i32>], pair: &Pair, is_stored: &[bool], first_column: usize) {
        let (of_i, of_j) = (self.basis.orbitals_of(pair.i as usize), self.basis.orbitals_of(pair.j as usize));
        for (row, stored) in of_i.zip(is_stored.chunks(of_j.len().max(1))) {
            let columns = of_j.clone().zip(stored).filter(|(_, stored)| **stored);
            rows[row].extend(columns.map(|(column, _)| (first_column + column) as i32 + 1));
        }
    }
}
