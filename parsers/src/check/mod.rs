//! What must hold for the matrices of any run, measured: each property is one number and a bound.

mod bounds;
mod positive;
mod report;

use std::fmt;
use std::ops::AddAssign;

use nalgebra::Vector3;

use crate::basis::{Basis, Shell};
use crate::calculation::Calculation;
use crate::harmonics;
use crate::operator::{Operator, Pair, SpinOperator, c64};

use bounds::Bounds;
pub use report::Report;

/// A measured property of a run.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Property {
    /// What was measured, and of which matrix.
    pub name: String,
    /// The figure: hartree for H, else a number.
    pub value: f64,
    /// What it must keep to.
    pub bound: Bound,
}

/// What a figure must keep to.
#[derive(Debug, Clone, Copy, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// At most this.
    AtMost(f64),
    /// More than this.
    Above(f64),
}

impl Property {
    fn new(name: impl Into<String>, value: f64, bound: f64) -> Self {
        Property { name: name.into(), value, bound: Bound::AtMost(bound) }
    }

    /// Does it hold? (Not, if it is no number.)
    pub fn holds(&self) -> bool {
        match self.bound {
            Bound::AtMost(bound) => self.value <= bound,
            Bound::Above(bound) => self.value > bound,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::AtMost(bound) => write!(f, "at most {bound:.0e}"),
            Bound::Above(bound) => write!(f, "above {bound:.0e}"),
        }
    }
}

/// All properties that can be seen from the blocks alone; [`Report`] adds that S(k) is positive definite.
pub fn check(run: &Calculation) -> Vec<Property> {
    let spin_operators = [("H0", &run.hamiltonian0), ("H", &run.hamiltonian), ("density matrix", &run.density_matrix)];
    let bounds = Bounds::of(&run.origin);
    let mut properties = Vec::new();
    for (name, operator) in spin_operators {
        if let Some(operator) = operator {
            properties.push(Property::new(
                format!("{name}: elements that are no finite number"),
                not_finite(operator) as f64,
                0.0,
            ));
            let value = hermiticity_error(operator, &run.basis);
            properties.push(Property::new(
                format!("{name}: Hermiticity, largest difference"),
                value,
                bounds.hermiticity,
            ));
        }
    }
    if let Some(s) = &run.overlap {
        properties.extend(overlap_properties(s, run, &bounds));
    }
    properties
}

fn overlap_properties(s: &Operator<f64>, run: &Calculation, bounds: &Bounds) -> Vec<Property> {
    let bad = s.values().iter().filter(|x| !x.is_finite()).count();
    let mut properties = vec![
        Property::new("S: elements that are no finite number", bad as f64, 0.0),
        Property::new("S: symmetry, largest difference", asymmetry(s, s, &run.basis, |x| x), bounds.hermiticity),
        Property::new("S: on-site diagonal, largest distance from 1", norm_error(s, &run.basis), bounds.norm),
    ];
    let direction = direction_residual(s, run);
    properties.extend(direction.map(|value| {
        Property::new(
            "S: order, sign and direction of orbitals (s with l > 0 against Y_lm), residual",
            value,
            bounds.direction,
        )
    }));
    properties
}

/// Number of elements that are no finite number.
pub(crate) fn not_finite(operator: &SpinOperator) -> usize {
    let real = |o: &Operator<f64>| o.values().iter().filter(|x| !x.is_finite()).count();
    match operator {
        SpinOperator::Unpolarized(o) => real(o),
        SpinOperator::Collinear(spins) => spins.iter().map(real).sum(),
        SpinOperator::Spinor(spin) => spin.iter().flat_map(|o| o.values()).filter(|x| !x.is_finite()).count(),
    }
}

/// Largest |O_ij(R) − O_ji(−R)†| over all spin components, in the unit of the operator.
pub fn hermiticity_error(operator: &SpinOperator, basis: &Basis) -> f64 {
    match operator {
        SpinOperator::Unpolarized(o) => asymmetry(o, o, basis, |x| x),
        SpinOperator::Collinear([up, down]) => asymmetry(up, up, basis, |x| x).max(asymmetry(down, down, basis, |x| x)),
        SpinOperator::Spinor([uu, ud, du, dd]) => [(uu, uu), (ud, du), (dd, dd)]
            .map(|(a, b)| asymmetry(a, b, basis, |x| x.conj()))
            .into_iter()
            .fold(0.0, f64::max),
    }
}

/// An element and its size.
trait Number: Copy + Default + std::ops::Sub<Output = Self> {
    fn size(self) -> f64;
}

impl Number for f64 {
    fn size(self) -> f64 {
        self.abs()
    }
}

impl Number for c64 {
    fn size(self) -> f64 {
        self.norm()
    }
}

/// Largest |A(i, j, R)_μν − conj B(j, i, −R)_νμ|; a block without partner counts as if the partner were zero.
fn asymmetry<T: Number>(a: &Operator<T>, b: &Operator<T>, basis: &Basis, conj: impl Fn(T) -> T) -> f64 {
    let mut largest = 0.0_f64;
    for (index, partner) in a.pairs().partners().into_iter().enumerate() {
        let pair = a.pairs().as_slice()[index];
        let (rows, columns) = (basis.orbitals_of(pair.i as usize).len(), basis.orbitals_of(pair.j as usize).len());
        let block = a.block(index);
        let other = partner.map(|partner| b.block(partner));
        for mu in 0..rows {
            for nu in 0..columns {
                let reversed = other.map_or(T::default(), |other| conj(other[nu * rows + mu]));
                largest = largest.max((block[mu * columns + nu] - reversed).size());
            }
        }
    }
    largest
}

/// Largest |S_μμ − 1| of the on-site blocks; a missing block counts as zeros.
fn norm_error(s: &Operator<f64>, basis: &Basis) -> f64 {
    let of_atom = |atom: usize| {
        let n = basis.orbitals_of(atom).len();
        let block = s.get(&Pair::onsite(atom));
        (0..n).map(|mu| (block.map_or(0.0, |block| block[mu * (n + 1)]) - 1.0).abs()).fold(0.0, f64::max)
    };
    (0..basis.n_atoms()).map(of_atom).fold(0.0, f64::max)
}

/// ⟨s_i|S|(l, m)_j⟩ is proportional to Y_lm of the direction from i to j, whatever the radial functions: the norm of what is
/// perpendicular over the norm of all. `None` where the basis has no s shell with l > 0 near it.
fn direction_residual(s: &Operator<f64>, run: &Calculation) -> Option<f64> {
    let mut sum = Sums::default();
    for (pair, block) in s.blocks() {
        let d = run.structure.displacement(pair);
        if d.norm() > 1e-6 {
            sum += block_sums(pair, block, &d.normalize(), &run.basis);
        }
    }
    (sum.all > 0.0).then(|| (sum.perpendicular / sum.all).sqrt())
}

/// Squared norms.
#[derive(Default)]
struct Sums {
    perpendicular: f64,
    all: f64,
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Sums) {
        self.perpendicular += other.perpendicular;
        self.all += other.all;
    }
}

fn block_sums(pair: &Pair, block: &[f64], direction: &Vector3<f64>, basis: &Basis) -> Sums {
    let columns = basis.orbitals_of(pair.j as usize).len();
    let mut sums = Sums::default();
    for (row, _) in shells(basis, pair.i).filter(|(_, shell)| shell.l == 0) {
        for (first, shell) in shells(basis, pair.j).filter(|(_, shell)| shell.l > 0) {
            let start = row * columns + first;
            let values = &block[start..start + shell.n_orbitals()];
            let y = harmonics::real(shell.l, direction);
            let along: f64 = values.iter().zip(&y).map(|(v, y)| v * y).sum();
            sums += Sums {
                perpendicular: values.iter().zip(&y).map(|(v, y)| (v - along * y).powi(2)).sum(),
                all: values.iter().map(|v| v * v).sum(),
            };
        }
    }
    sums
}

/// Shells of an atom, each with the place of its first orbital.
fn shells(basis: &Basis, atom: u32) -> impl Iterator<Item = (usize, &Shell)> {
    basis.species_of(atom as usize).shells.iter().scan(0, |next, shell| {
        let first = *next;
        *next += shell.n_orbitals();
        Some((first, shell))
    })
}
