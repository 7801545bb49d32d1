//! Where the atoms are.

use nalgebra::{Matrix3, Vector3};

use crate::operator::Pair;

/// Lattice and atoms. Atoms keep the order of the code's orbitals.
#[derive(Debug, Clone, PartialEq)]
pub struct Structure {
    /// Lattice vectors **as rows**, in bohr.
    pub lattice: Matrix3<f64>,
    /// Cartesian positions in bohr, those from which the R of the blocks count (ABACUS moves atoms into the cell).
    pub positions: Vec<Vector3<f64>>,
    /// Species of each atom: an index into [`crate::Basis::species`].
    pub species: Vec<usize>,
}

impl Structure {
    /// Number of atoms in the cell.
    pub fn n_atoms(&self) -> usize {
        self.positions.len()
    }

    /// Cartesian vector of lattice vector `r`, in bohr.
    pub fn translation(&self, r: [i32; 3]) -> Vector3<f64> {
        self.lattice.tr_mul(&Vector3::new(r[0] as f64, r[1] as f64, r[2] as f64))
    }

    /// From atom `i` in the home cell to atom `j` in cell `r`: `d = τ_j + R − τ_i`, in bohr.
    pub fn displacement(&self, pair: &Pair) -> Vector3<f64> {
        self.positions[pair.j as usize] + self.translation(pair.r) - self.positions[pair.i as usize]
    }

    /// Largest differences of components from a structure of the same atoms, bohr: of lattice vectors, and of positions.
    pub fn distance(&self, other: &Structure) -> (f64, f64) {
        let shifts = self.positions.iter().zip(&other.positions).map(|(a, b)| (a - b).amax());
        ((self.lattice - other.lattice).amax(), shifts.fold(0.0, f64::max))
    }

    /// Volume of the cell in bohr³.
    pub fn volume(&self) -> f64 {
        self.lattice.determinant().abs()
    }

    /// Reciprocal lattice vectors as rows, **without** 2π, in 1/bohr: `A Bᵀ = 1`.
    pub fn reciprocal(&self) -> Option<Matrix3<f64>> {
        self.lattice.try_inverse().map(|inverse| inverse.transpose())
    }

    /// Reduced coordinates of a Cartesian point.
    pub fn to_reduced(&self, cartesian: &Vector3<f64>) -> Option<Vector3<f64>> {
        self.reciprocal().map(|b| b * cartesian)
    }
}
