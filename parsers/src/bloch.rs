//! Bloch sums: O(k) = Σ_R exp(+2πi k·R) O(R), lattice gauge (no atomic positions in the phase).

use std::collections::BTreeMap;

use faer::{Mat, MatMut};

use crate::basis::Basis;
use crate::operator::{Operator, Pairs, SpinOperator, c64};

/// The blocks of an operator by lattice vector, so that each phase is computed once per k.
pub struct BlochSum<'a> {
    pairs: &'a Pairs,
    basis: &'a Basis,
    cells: Vec<[i32; 3]>,
    cell_of: Vec<usize>,
}

impl<'a> BlochSum<'a> {
    /// Prepares sums over the operators that have exactly these blocks.
    pub fn new(pairs: &'a Pairs, basis: &'a Basis) -> Self {
        let mut index: BTreeMap<[i32; 3], usize> = BTreeMap::new();
        for pair in pairs.as_slice() {
            let next = index.len();
            index.entry(pair.r).or_insert(next);
        }
        let cell_of = pairs.as_slice().iter().map(|pair| index[&pair.r]).collect();
        let mut cells = vec![[0; 3]; index.len()];
        index.iter().for_each(|(&r, &place)| cells[place] = r);
        BlochSum { pairs, basis, cells, cell_of }
    }

    /// O(k), n × n with n the number of orbitals; rows and columns in the order of the basis.
    pub fn at<T: Copy + Into<c64>>(&self, operator: &Operator<T>, k: [f64; 3]) -> Mat<c64> {
        let n = self.basis.n_orbitals();
        let mut sum = Mat::zeros(n, n);
        self.add(operator, &self.phases(k), sum.as_mut());
        sum
    }

    /// H(k) of every spin channel: one for unpolarized, up and down for collinear, and one of size 2n × 2n for spinors
    /// (all up components first, then all down components).
    pub fn channels_at(&self, operator: &SpinOperator, k: [f64; 3]) -> Vec<Mat<c64>> {
        match operator {
            SpinOperator::Unpolarized(both) => vec![self.at(both, k)],
            SpinOperator::Collinear(spins) => spins.iter().map(|spin| self.at(spin, k)).collect(),
            SpinOperator::Spinor(components) => vec![self.spinor_at(components, k)],
        }
    }

    /// S(k) in the space of `operator`'s channels: n × n, or diag(S, S) of size 2n × 2n where `spinor`.
    pub fn overlap_at(&self, overlap: &Operator<f64>, spinor: bool, k: [f64; 3]) -> Mat<c64> {
        let s = self.at(overlap, k);
        if !spinor {
            return s;
        }
        let n = s.nrows();
        let mut doubled = Mat::zeros(2 * n, 2 * n);
        doubled.as_mut().submatrix_mut(0, 0, n, n).copy_from(&s);
        doubled.as_mut().submatrix_mut(n, n, n, n).copy_from(&s);
        doubled
    }

    fn spinor_at(&self, components: &[Operator<c64>; 4], k: [f64; 3]) -> Mat<c64> {
        let n = self.basis.n_orbitals();
        let phases = self.phases(k);
        let mut sum: Mat<c64> = Mat::zeros(2 * n, 2 * n);
        for (component, operator) in components.iter().enumerate() {
            let (row, column) = (n * (component / 2), n * (component % 2));
            self.add(operator, &phases, sum.as_mut().submatrix_mut(row, column, n, n));
        }
        sum
    }

    fn phases(&self, k: [f64; 3]) -> Vec<c64> {
        self.cells.iter().map(|&r| phase(k, r)).collect()
    }

    fn add<T: Copy + Into<c64>>(&self, operator: &Operator<T>, phases: &[c64], mut sum: MatMut<'_, c64>) {
        debug_assert_eq!(operator.pairs().len(), self.pairs.len());
        for ((pair, block), &cell) in operator.blocks().zip(&self.cell_of) {
            let columns = self.basis.orbitals_of(pair.j as usize);
            let rows = self.basis.orbitals_of(pair.i as usize);
            for (row, values) in rows.zip(block.chunks_exact(columns.len().max(1))) {
                for (column, &value) in columns.clone().zip(values) {
                    sum[(row, column)] += phases[cell] * value.into();
                }
            }
        }
    }
}

/// exp(2πi k·R), `k` in reduced coordinates: exactly real where it is real, so that real O(R) have real O(k) where k and −k are
/// equivalent.
pub fn phase(k: [f64; 3], r: [i32; 3]) -> c64 {
    let turns: f64 = (0..3).map(|axis| k[axis] * f64::from(r[axis])).sum();
    match (2.0 * turns).rem_euclid(2.0) {
        0.0 => c64::ONE,
        1.0 => -c64::ONE,
        _ => c64::cis(std::f64::consts::TAU * turns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_exact_where_they_are_real() {
        let k = [0.5, -0.25, 0.1];
        for (r, expected) in
            [([0, 0, 0], 1.0), ([-1, 0, 0], -1.0), ([1, -4, 0], -1.0), ([0, 2, 10], -1.0), ([3, 2, 0], 1.0)]
        {
            assert_eq!(phase(k, r), c64::new(expected, 0.0), "{r:?}");
        }
        for (r, turns) in [([0, -1, 0], 0.25), ([1, 0, -12], -0.7), ([0, 0, 121], 12.1)] {
            assert!((phase(k, r) - c64::cis(std::f64::consts::TAU * turns)).norm() < 1e-13);
        }
    }
}
