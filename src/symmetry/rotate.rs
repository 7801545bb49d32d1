//! Operators turned, mirrored or inverted: blocks by the Wigner matrices of their shells, spins by SU(2).

use std::f64::consts::TAU;
use std::ops::{AddAssign, Mul};

use nalgebra::{Matrix2, Matrix3, Quaternion, Rotation3, UnitQuaternion};

use super::wigner::{WignerD, WignerTables};
use crate::parsers::{Basis, Calculation, Operator, Pair, Species, SpinOperator, c64};

/// The run in axes turned by the O(3) matrix `r`: positions and lattice are multiplied by `r`, operators turn with them. For
/// tests of equivariance, and to enlarge a training set of codes with grids.
pub fn rotated(run: &Calculation, r: &Matrix3<f64>) -> Calculation {
    let turn = Turn::new(&run.basis, r);
    let spin = |operator: &Option<SpinOperator>| operator.as_ref().map(|o| turn.spin_operator(o, Some));
    let mut turned = run.clone();
    turned.structure.lattice = run.structure.lattice * r.transpose();
    turned.structure.positions = run.structure.positions.iter().map(|x| r * x).collect();
    turned.overlap = run.overlap.as_ref().map(|o| turn.operator(o, Some));
    turned.hamiltonian = spin(&run.hamiltonian);
    turned.hamiltonian0 = spin(&run.hamiltonian0);
    turned.density_matrix = spin(&run.density_matrix);
    turned
}

/// A rotation for every point of the unit cube; uniform points give uniform rotations (Shoemake 1992).
pub fn uniform_rotation([u, v, w]: [f64; 3]) -> Matrix3<f64> {
    let ((a, b), (c, d)) = ((TAU * v).sin_cos(), (TAU * w).sin_cos());
    let (near, far) = ((1.0 - u).sqrt(), u.sqrt());
    let q = UnitQuaternion::from_quaternion(Quaternion::new(far * d, near * a, near * b, far * c));
    *q.to_rotation_matrix().matrix()
}

/// `n` fixed rotations, spread evenly: points k·(g⁻¹, g⁻², g⁻³) of the unit cube with g⁴ = g + 1 (Roberts 2018).
pub fn spread_rotations(n: usize) -> Vec<Matrix3<f64>> {
    const G: f64 = 1.220_744_084_605_759_5;
    let point = |k: usize| [1, 2, 3].map(|power| (0.5 + (k + 1) as f64 / G.powi(power)).fract());
    (0..n).map(|k| uniform_rotation(point(k))).collect()
}

/// How the orbitals of a basis and the spin turn under one O(3) matrix.
pub struct Turn<'a> {
    basis: &'a Basis,
    /// The elements of each species' matrix that are not zero by shells.
    orbitals: Vec<Vec<Element>>,
    /// Of the proper part, since an axial vector does not see the inversion; its sign is arbitrary and drops out.
    spin: Matrix2<c64>,
}

struct Element {
    row: usize,
    column: usize,
    value: f64,
}

impl<'a> Turn<'a> {
    /// The turn by `r`.
    pub fn new(basis: &'a Basis, r: &Matrix3<f64>) -> Self {
        let l_max = basis.species().iter().flat_map(|s| &s.shells).map(|s| s.l as usize).max().unwrap_or(0);
        let d = WignerTables::new(l_max).matrices(r);
        let orbitals = basis.species().iter().map(|species| elements(species, &d)).collect();
        Turn { basis, orbitals, spin: spin_matrix(r) }
    }

    /// D O Dᵀ: block k of the result is block `source(k)` of `operator`, turned, between atoms of the same species; zero where
    /// there is none.
    pub fn operator<T>(&self, operator: &Operator<T>, source: impl Fn(usize) -> Option<usize>) -> Operator<T>
    where
        T: Copy + Default + AddAssign + Mul<f64, Output = T>,
    {
        let mut turned = Operator::zeros(operator.pairs().clone());
        for (k, pair) in operator.pairs().as_slice().iter().enumerate() {
            if let Some(source) = source(k) {
                self.block(pair, operator.block(source), turned.block_mut(k));
            }
        }
        turned
    }

    /// As [`Turn::operator`]; spinors become U O U† as well.
    pub fn spin_operator(&self, operator: &SpinOperator, source: impl Fn(usize) -> Option<usize>) -> SpinOperator {
        match operator {
            SpinOperator::Unpolarized(o) => SpinOperator::Unpolarized(self.operator(o, source)),
            SpinOperator::Collinear(spins) => {
                SpinOperator::Collinear(spins.each_ref().map(|o| self.operator(o, &source)))
            }
            SpinOperator::Spinor(spins) => {
                SpinOperator::Spinor(self.mixed(spins.each_ref().map(|o| self.operator(o, &source))))
            }
        }
    }

    fn block<T>(&self, pair: &Pair, block: &[T], turned: &mut [T])
    where
        T: Copy + Default + AddAssign + Mul<f64, Output = T>,
    {
        let [rows, columns] = [pair.i, pair.j].map(|atom| &self.orbitals[self.basis.species_index(atom as usize)]);
        let n = self.basis.orbitals_of(pair.j as usize).len();
        let mut half = vec![T::default(); block.len()];
        for d in rows {
            let source = &block[d.column * n..][..n];
            half[d.row * n..][..n].iter_mut().zip(source).for_each(|(half, &value)| *half += value * d.value);
        }
        for (turned, half) in turned.chunks_exact_mut(n).zip(half.chunks_exact(n)) {
            columns.iter().for_each(|d| turned[d.row] += half[d.column] * d.value);
        }
    }

    /// U O U†, element by element, on uu, ud, du, dd.
    fn mixed(&self, mut spins: [Operator<c64>; 4]) -> [Operator<c64>; 4] {
        let adjoint = self.spin.adjoint();
        for place in 0..spins[0].values().len() {
            let [uu, ud, du, dd] = spins.each_ref().map(|o| o.values()[place]);
            let turned = self.spin * Matrix2::new(uu, ud, du, dd) * adjoint;
            let components = [turned.m11, turned.m12, turned.m21, turned.m22];
            spins.iter_mut().zip(components).for_each(|(o, value)| o.values_mut()[place] = value);
        }
        spins
    }
}

fn elements(species: &Species, d: &WignerD) -> Vec<Element> {
    let mut elements = Vec::new();
    let mut start = 0;
    for shell in &species.shells {
        let size = shell.n_orbitals();
        let of_shell = d.block(shell.l as usize).iter().enumerate();
        elements.extend(of_shell.map(|(k, &value)| Element { row: start + k / size, column: start + k % size, value }));
        start += size;
    }
    elements
}

/// exp(−iθ n·σ/2) of the rotation det(R) R about n by θ.
fn spin_matrix(r: &Matrix3<f64>) -> Matrix2<c64> {
    let proper = r * r.determinant().signum();
    let q = UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(proper));
    Matrix2::new(c64::new(q.w, -q.k), c64::new(-q.j, -q.i), c64::new(q.j, -q.i), c64::new(q.w, q.k))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symmetry::wigner::tests::rotation;

    #[test]
    fn spread_rotations_average_tensors_to_nothing() {
        let rotations = spread_rotations(500);
        let tables = WignerTables::new(3);
        for r in &rotations {
            assert!((r * r.transpose() - Matrix3::identity()).norm() < 1e-14 && r.determinant() > 0.0);
        }
        for l in 1..=3 {
            let blocks = || rotations.iter().map(|r| tables.matrices(r).block(l).to_vec());
            for k in 0..(2 * l + 1) * (2 * l + 1) {
                let mean = blocks().map(|block| block[k]).sum::<f64>() / 500.0;
                assert!(mean.abs() < 0.02, "l = {l}, element {k}: {mean}");
            }
        }
    }

    #[test]
    fn spin_turns_as_an_axial_vector() {
        let i = c64::I;
        let [one, zero] = [c64::ONE, c64::ZERO];
        let pauli =
            [Matrix2::new(zero, one, one, zero), Matrix2::new(zero, -i, i, zero), Matrix2::new(one, zero, zero, -one)];
        let half_turn = Matrix3::from_diagonal(&nalgebra::Vector3::new(-1.0, 1.0, -1.0));
        for r in [rotation(0.4, 1.1, -2.0), -rotation(-1.4, 0.2, 0.5), half_turn, -half_turn] {
            let (u, axial) = (spin_matrix(&r), r * r.determinant());
            for a in 0..3 {
                let wanted = (0..3).map(|b| pauli[b] * c64::from(axial[(b, a)])).sum::<Matrix2<c64>>();
                assert!((u * pauli[a] * u.adjoint() - wanted).norm() < 1e-14);
            }
        }
    }
}
