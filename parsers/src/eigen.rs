//! H c = ε S c for dense Hermitian H and S: factorise S, diagonalise the reduced H (faer).
//!
//! Where neither H nor S has an imaginary part, as at Γ without spin-orbit coupling, all of it is done in real numbers, which
//! is four times faster.

mod hermitian;
mod reduction;
mod root;
#[cfg(test)]
mod tests;
mod tridiagonal;

use faer::{Mat, MatRef, Par};

use crate::error::{Error, Result};
use crate::operator::c64;

pub use hermitian::{
    Number, eigenvalues as hermitian_eigenvalues, eigenvectors as hermitian_eigenvectors, full as hermitian,
};
use hermitian::{lower, real_lower};
use root::Root;

/// Eigenvalues ascending, and eigenvectors as columns with c†Sc = 1.
pub struct States {
    /// ε, hartree.
    pub energies: Vec<f64>,
    /// C, n × number of states.
    pub vectors: Mat<c64>,
}

/// S(k), factorised once for all Hamiltonians at that k.
pub struct OverlapFactor {
    k: [f64; 3],
    factor: Factor,
    par: Par,
}

enum Factor {
    /// S(k) has no imaginary part.
    Real(Root<f64>),
    Complex(Root<c64>),
}

impl OverlapFactor {
    /// Factorises `s` = S(k), of which the upper triangle is read. With `null_space` = t, combinations of orbitals whose
    /// eigenvalue of S(k) is at most t are left out (canonical orthogonalisation), so that fewer states than orbitals come out.
    ///
    /// # Errors
    /// `Inconsistent` where S(k) is not positive definite and `null_space` is `None`; names k and the smallest eigenvalue.
    pub fn new(s: MatRef<'_, c64>, k: [f64; 3], null_space: Option<f64>, par: Par) -> Result<Self> {
        let factor = match real_lower(s) {
            Some(s) => Factor::Real(Root::new(s, k, null_space, par)?),
            None => Factor::Complex(Root::new(lower(s), k, null_space, par)?),
        };
        Ok(OverlapFactor { k, factor, par })
    }

    /// Eigenvalues of `h` = H(k), of which the upper triangle is read, ascending.
    ///
    /// # Errors
    /// `Inconsistent` where no eigenvalues are found (numbers that are not finite).
    pub fn energies(&self, h: MatRef<'_, c64>) -> Result<Vec<f64>> {
        let energies = match &self.factor {
            Factor::Complex(root) => root.energies(lower(h), self.par),
            Factor::Real(root) => match real_lower(h) {
                Some(h) => root.energies(h, self.par),
                None => root.to_complex().energies(lower(h), self.par),
            },
        };
        energies.ok_or_else(|| self.no_convergence())
    }

    /// Eigenvalues and eigenvectors of `h` = H(k), of which the upper triangle is read.
    ///
    /// # Errors
    /// As [`OverlapFactor::energies`].
    pub fn states(&self, h: MatRef<'_, c64>) -> Result<States> {
        let states = match &self.factor {
            Factor::Complex(root) => root.states(lower(h), self.par),
            Factor::Real(root) => match real_lower(h) {
                Some(h) => root.states(h, self.par).map(|(energies, vectors)| (energies, hermitian::complex(&vectors))),
                None => root.to_complex().states(lower(h), self.par),
            },
        };
        let (energies, vectors) = states.ok_or_else(|| self.no_convergence())?;
        Ok(States { energies, vectors })
    }

    fn no_convergence(&self) -> Error {
        let k = self.k;
        Error::inconsistent(format!("no eigenvalues of H(k) at k = {k:?}: are all numbers in H and S finite?"))
    }
}

/// S^(−1/2) of `s` = S(k), of which the upper triangle is read.
///
/// # Errors
/// As [`OverlapFactor::new`] without `null_space`.
pub fn inverse_root(s: MatRef<'_, c64>, k: [f64; 3], par: Par) -> Result<Mat<c64>> {
    let s = lower(s);
    let not_positive = || root::not_positive(s.as_ref(), k, par);
    let (values, vectors) = hermitian::eigenvectors(s.as_ref(), par).ok_or_else(not_positive)?;
    if values.first().is_some_and(|&smallest| smallest <= 0.0) {
        return Err(not_positive());
    }
    let scaled = Mat::from_fn(vectors.nrows(), vectors.ncols(), |i, j| vectors[(i, j)] / values[j].sqrt());
    Ok(scaled * vectors.adjoint())
}
