//! Eigenstates of a Hamiltonian on a k mesh, one k point at a time: all of them at once would not fit into memory.

use std::fmt::Debug;

use crate::error::Result;
use crate::operator::c64;

/// The states of one spin channel at one k point, H(k) c = ε S(k) c with O(k) = Σ_R exp(+2πi k·R) O(R).
#[derive(Debug, Clone, PartialEq)]
pub struct States {
    /// ε, hartree, ascending.
    pub energies: Vec<f64>,
    /// f of each state, 0 … 1.
    pub occupations: Vec<f64>,
    /// c, state after state, c†Sc = 1: orbitals in the order of the basis; for spinors all up components, then all down.
    pub coefficients: Vec<c64>,
}

impl States {
    /// Coefficients of one state.
    pub fn state(&self, index: usize) -> &[c64] {
        let n = self.coefficients.len() / self.energies.len().max(1);
        &self.coefficients[index * n..(index + 1) * n]
    }
}

/// The states at each k point of a mesh, for which `hzero::density` solves.
pub trait Eigenstates: Debug + Sync {
    /// k points in reduced coordinates.
    fn kpoints(&self) -> &[[f64; 3]];

    /// Weights of the k points, sum 1.
    fn weights(&self) -> &[f64];

    /// States at k point `index`, one entry per spin channel: two for collinear Hamiltonians.
    ///
    /// # Errors
    /// `Inconsistent` where the eigenproblem has no solution.
    fn at(&self, index: usize) -> Result<Vec<States>>;
}
