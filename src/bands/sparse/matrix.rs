//! H(k) and S(k) as sparse matrices: one pattern for both, found once for a run, values filled in for every k.

use faer::sparse::{SparseColMat, SparseColMatRef, SymbolicSparseColMat, SymbolicSparseColMatRef};

use super::pattern::{Layer, Pattern, Values};
use super::scalar::Scalar;
use crate::parsers::{Basis, Operator, SpinOperator, c64};

/// H(k) and S(k) of a run at any k.
///
/// Rows and columns are the orbitals in the order of the basis; a spinor problem has size 2n, all up components first. Only the
/// upper triangle is read and stored, as [`super::super::eigen::hermitian`] takes it; elements that are 0 in every block of H
/// and S are not in the pattern. Phases are those of [`super::super::bloch`]: O(k) = Σ_R exp(+2πi k·R) O(R).
pub struct SparseBloch<'a> {
    pattern: Pattern,
    h: Layer,
    s: Layer,
    /// Values of every component of H, channel after channel.
    channels: Vec<Vec<Values<'a>>>,
    overlap: [Values<'a>; 1],
}

/// S(k) by itself, in a pattern of its own: it reaches less far than H.
pub struct SparseOverlap<'a> {
    pattern: Pattern,
    layer: Layer,
    values: [Values<'a>; 1],
}

/// Components of S by spins (component, row, column): without spin, and of spinors.
const OF_OVERLAP: [&[[usize; 3]]; 2] = [&[[0, 0, 0]], &[[0, 0, 0], [0, 1, 1]]];

/// A Hermitian matrix by its upper triangle: in every column rows ascend, and the diagonal is the last of them.
#[derive(Debug, Clone)]
pub struct Hermitian<'p, T> {
    /// Where the values stand.
    pub pattern: SymbolicSparseColMatRef<'p, usize>,
    /// Column after column.
    pub values: Vec<T>,
}

impl<'a> SparseBloch<'a> {
    /// Finds the pattern.
    pub fn new(hamiltonian: &'a SpinOperator, overlap: &'a Operator<f64>, basis: &Basis) -> Self {
        let channels: Vec<Vec<Values<'a>>> = match hamiltonian {
            SpinOperator::Unpolarized(both) => vec![vec![Values::Real(both.values())]],
            SpinOperator::Collinear(spins) => spins.iter().map(|spin| vec![Values::Real(spin.values())]).collect(),
            SpinOperator::Spinor(components) => vec![components.iter().map(|c| Values::Complex(c.values())).collect()],
        };
        let overlap_values = [Values::Real(overlap.values())];
        let spinor = matches!(hamiltonian, SpinOperator::Spinor(_));
        // Components of H by spins (row, column); du of a spinor is below the diagonal.
        let of_h: &[[usize; 3]] = if spinor { &[[0, 0, 0], [1, 0, 1], [3, 1, 1]] } else { &[[0, 0, 0]] };
        let mut pattern = Pattern::new(basis, if spinor { 2 } else { 1 });
        let mut h = pattern.layer(hamiltonian.pairs(), of_h);
        let mut s = pattern.layer(overlap.pairs(), OF_OVERLAP[usize::from(spinor)]);
        let sources: Vec<_> =
            channels.iter().map(|values| (0, &values[..])).chain([(1, &overlap_values[..])]).collect();
        pattern.finish([&mut h, &mut s], &sources);
        SparseBloch { pattern, h, s, channels, overlap: overlap_values }
    }

    /// Number of rows: orbitals, or twice as many for spinors.
    pub fn size(&self) -> usize {
        self.pattern.size()
    }

    /// Stored elements: the upper triangle of H(k) or S(k).
    pub fn n_values(&self) -> usize {
        self.pattern.symbolic().row_idx().len()
    }

    /// Number of matrices H(k) at one k: 2 for collinear spins, else 1.
    pub fn n_channels(&self) -> usize {
        self.channels.len()
    }

    /// Are H(k) and S(k) real: is every phase ±1 and H(R) real?
    pub fn is_real_at(&self, k: [f64; 3]) -> bool {
        let real = |values: &Vec<Values<'_>>| values.iter().all(|v| matches!(v, Values::Real(_)));
        self.channels.iter().all(real) && self.pattern.has_real_phases(k)
    }

    /// H(k) of a spin channel. With `T = f64`, [`SparseBloch::is_real_at`] must hold.
    pub fn hamiltonian<T: Scalar>(&self, channel: usize, k: [f64; 3]) -> Hermitian<'_, T> {
        self.filled(&self.h, &self.channels[channel], k)
    }

    /// S(k), with the pattern of H(k).
    pub fn overlap<T: Scalar>(&self, k: [f64; 3]) -> Hermitian<'_, T> {
        self.filled(&self.s, &self.overlap, k)
    }

    /// The energy of orbital number `rank`, from 0, when orbitals are sorted by ⟨φ|H|φ⟩/⟨φ|φ⟩ (first channel): not more than a
    /// first guess at an eigenvalue.
    pub fn orbital_energy(&self, rank: usize) -> f64 {
        let (h, s) = (self.hamiltonian::<c64>(0, [0.0; 3]), self.overlap::<c64>([0.0; 3]));
        let ends = &self.pattern.symbolic().col_ptr()[1..];
        let mut energies: Vec<f64> = ends.iter().map(|&end| h.values[end - 1].re / s.values[end - 1].re).collect();
        energies.sort_by(f64::total_cmp);
        energies.get(rank).or(energies.last()).copied().unwrap_or(0.0)
    }

    /// The pattern of both, with the atoms that its rows belong to.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    fn filled<T: Scalar>(&self, layer: &Layer, values: &[Values<'_>], k: [f64; 3]) -> Hermitian<'_, T> {
        debug_assert!(!<T as faer::traits::ComplexField>::IS_REAL || self.is_real_at(k));
        Hermitian { pattern: self.pattern.symbolic(), values: self.pattern.fill(layer, values, k) }
    }
}

impl<'a> SparseOverlap<'a> {
    /// Finds the pattern; rows are those of [`SparseBloch`], for spinors both components.
    pub fn new(overlap: &'a Operator<f64>, basis: &Basis, is_spinor: bool) -> Self {
        let mut pattern = Pattern::new(basis, if is_spinor { 2 } else { 1 });
        let mut nothing = pattern.layer(overlap.pairs(), &[]);
        let mut layer = pattern.layer(overlap.pairs(), OF_OVERLAP[usize::from(is_spinor)]);
        let values = [Values::Real(overlap.values())];
        pattern.finish([&mut nothing, &mut layer], &[(1, &values)]);
        SparseOverlap { pattern, layer, values }
    }

    /// The pattern, with the atoms that its rows belong to.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// S(k). With `T = f64`, [`SparseBloch::is_real_at`] must hold.
    pub fn at<T: Scalar>(&self, k: [f64; 3]) -> Hermitian<'_, T> {
        Hermitian { pattern: self.pattern.symbolic(), values: self.pattern.fill(&self.layer, &self.values, k) }
    }
}

impl<T: Scalar> Hermitian<'_, T> {
    /// The upper triangle.
    pub fn upper(&self) -> SparseColMatRef<'_, usize, T> {
        SparseColMatRef::new(self.pattern, &self.values)
    }

    /// Is every element finite?
    pub fn is_finite(&self) -> bool {
        self.values.iter().all(|x| x.complex().is_finite())
    }

    /// Both triangles.
    pub fn full(&self) -> SparseColMat<usize, T> {
        let (n, columns, rows) = (self.pattern.ncols(), self.pattern.col_ptr(), self.pattern.row_idx());
        let starts = full_columns(columns, rows);
        let mut next = starts.clone();
        let (mut all_rows, mut values) = (vec![0; starts[n]], vec![T::ZERO; starts[n]]);
        let mut put = |row: usize, column: usize, value: T| {
            (all_rows[next[column]], values[next[column]]) = (row, value);
            next[column] += 1;
        };
        // Columns ascend, so that what column c puts below the diagonals of earlier columns has ascending rows there.
        for column in 0..n {
            let places = columns[column]..columns[column + 1];
            for (&row, &value) in rows[places.clone()].iter().zip(&self.values[places]) {
                put(row, column, value);
                if row != column {
                    put(column, row, value.conj());
                }
            }
        }
        SparseColMat::new(SymbolicSparseColMat::new_checked(n, n, starts, None, all_rows), values)
    }
}

/// Where columns of both triangles start, out of those of the upper one.
fn full_columns(columns: &[usize], rows: &[usize]) -> Vec<usize> {
    let n = columns.len() - 1;
    let mut starts = vec![0; n + 1];
    for column in 0..n {
        starts[column + 1] += columns[column + 1] - columns[column];
        rows[columns[column]..columns[column + 1]]
            .iter()
            .filter(|&&row| row != column)
            .for_each(|&row| starts[row + 1] += 1);
    }
    (0..n).for_each(|column| starts[column + 1] += starts[column]);
    starts
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;
    use crate::bands::bloch::BlochSum;
    use crate::bands::eigen::hermitian;
    use crate::parsers::Calculation;

    fn run(fixture: &str) -> Calculation {
        let folder = format!("{}/fixtures/{fixture}", env!("CARGO_MANIFEST_DIR"));
        crate::parsers::read(folder.as_ref(), &Default::default()).unwrap()
    }

    fn largest_difference<T: Scalar>(sparse: &Hermitian<'_, T>, dense: &Mat<c64>) -> f64 {
        let full = sparse.full();
        assert_eq!(full.ncols(), dense.ncols());
        let mut rest = hermitian(dense.as_ref());
        for column in 0..full.ncols() {
            for (row, value) in full.row_idx_of_col(column).zip(full.val_of_col(column)) {
                rest[(row, column)] -= value.complex();
            }
        }
        rest.col_iter().flat_map(|c| c.iter().map(|x| x.norm()).collect::<Vec<_>>()).fold(0.0, f64::max)
    }

    /// One of every code and spin.
    const RUNS: [&str; 6] = [
        "abacus/graphene/scf",
        "abacus/O2_box/scf",
        "siesta/fe2_nc/scf",
        "siesta/mos2/scf",
        "openmx/fe_spin/scf",
        "openmx/gaas_soc/scf",
    ];

    #[test]
    fn sparse_sums_are_the_dense_ones() {
        for fixture in RUNS {
            let run = run(fixture);
            let (h, s) = (run.hamiltonian.as_ref().unwrap(), run.overlap.as_ref().unwrap());
            let sparse = SparseBloch::new(h, s, &run.basis);
            let alone = SparseOverlap::new(s, &run.basis, h.nspin() == 4);
            assert!(alone.pattern().symbolic().row_idx().len() <= sparse.n_values(), "{fixture}");
            let (dense_h, dense_s) = (BlochSum::new(h.pairs(), &run.basis), BlochSum::new(s.pairs(), &run.basis));
            for k in [[0.0; 3], [0.13, -0.31, 0.4], [0.5, 0.0, -0.5]] {
                let channels = dense_h.channels_at(h, k);
                let overlap = dense_s.overlap_at(s, h.nspin() == 4, k);
                assert_eq!(sparse.n_channels(), channels.len());
                assert!(largest_difference::<c64>(&sparse.overlap(k), &overlap) < 1e-13, "{fixture}");
                assert!(largest_difference::<c64>(&alone.at(k), &overlap) < 1e-13, "{fixture}");
                for (channel, dense) in channels.iter().enumerate() {
                    assert!(largest_difference::<c64>(&sparse.hamiltonian(channel, k), dense) < 1e-12, "{fixture}");
                    if sparse.is_real_at(k) {
                        let real = sparse.hamiltonian::<f64>(channel, k);
                        assert!(largest_difference(&real, dense) < 1e-12, "{fixture} {k:?}");
                    }
                }
            }
            assert_eq!(sparse.is_real_at([0.5, 0.0, -0.5]), h.nspin() != 4);
            assert_eq!(sparse.is_real_at([0.25, 0.1, 0.3]), fixture.contains("box"));
        }
    }

    #[test]
    fn what_is_zero_everywhere_is_left_out() {
        let run = run("siesta/mos2/scf");
        let (h, s) = (run.hamiltonian.as_ref().unwrap(), run.overlap.as_ref().unwrap());
        let sparse = SparseBloch::new(h, s, &run.basis);
        let n = run.basis.n_orbitals();
        let nonzero = sparse.hamiltonian::<c64>(0, [0.1, 0.2, 0.3]).values.iter().filter(|x| x.norm() > 0.0).count();
        assert!(nonzero <= sparse.n_values() && sparse.n_values() < n * (n + 1) / 2);
        assert!(sparse.n_values() - nonzero < sparse.n_values() / 100);
    }
}
