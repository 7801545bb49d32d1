//! What turns H c = ε S c into an ordinary Hermitian problem, in real or complex numbers.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::triangular_solve::solve_upper_triangular_in_place as solve_upper;
use faer::{Mat, MatRef, Par, Spec};

use super::hermitian::{self, Number, eigenvalues, eigenvectors, mirrored};
use super::reduction::reduce;
use crate::error::{Error, Result};
use crate::operator::c64;

/// A root of S.
pub enum Root<T> {
    /// L of S = L L† (lower triangle).
    Cholesky(Mat<T>),
    /// X with X† S X = 1 on the space of sufficiently independent functions: X = U s^(-1/2).
    Canonical(Mat<T>),
}

impl<T: Number> Root<T> {
    /// From the lower triangle of S(k).
    pub fn new(s: Mat<T>, k: [f64; 3], null_space: Option<f64>, par: Par) -> Result<Self> {
        match null_space {
            Some(threshold) => Ok(Root::Canonical(canonical(s.as_ref(), threshold, k, par)?)),
            None => Ok(Root::Cholesky(cholesky(s.as_ref(), par).ok_or_else(|| not_positive(s.as_ref(), k, par))?)),
        }
    }

    /// Eigenvalues, from the lower triangle of H.
    pub fn energies(&self, h: Mat<T>, par: Par) -> Option<Vec<f64>> {
        eigenvalues(self.reduced(h, par).as_ref(), par)
    }

    /// Eigenvalues and eigenvectors, from the lower triangle of H.
    pub fn states(&self, h: Mat<T>, par: Par) -> Option<(Vec<f64>, Mat<T>)> {
        let (energies, mut vectors) = eigenvectors(self.reduced(h, par).as_ref(), par)?;
        match self {
            Root::Cholesky(l) => solve_upper(l.adjoint(), vectors.as_mut(), par),
            Root::Canonical(x) => vectors = x * vectors,
        }
        Some((energies, vectors))
    }

    /// L⁻¹ H L⁻† (lower triangle), or X† H X.
    fn reduced(&self, mut h: Mat<T>, par: Par) -> Mat<T> {
        match self {
            Root::Cholesky(l) => {
                reduce(h.as_mut(), l.as_ref(), par);
                h
            }
            Root::Canonical(x) => x.adjoint() * mirrored(h) * x,
        }
    }
}

impl Root<f64> {
    /// The same root for a complex H.
    pub fn to_complex(&self) -> Root<c64> {
        match self {
            Root::Cholesky(l) => Root::Cholesky(hermitian::complex(l)),
            Root::Canonical(x) => Root::Canonical(hermitian::complex(x)),
        }
    }
}

fn cholesky<T: Number>(s: MatRef<'_, T>, par: Par) -> Option<Mat<T>> {
    let mut l = s.to_owned();
    let mut memory = MemBuffer::new(cholesky_in_place_scratch::<T>(s.nrows(), par, Spec::default()));
    let stack = MemStack::new(&mut memory);
    cholesky_in_place(l.as_mut(), Default::default(), par, stack, Spec::default()).ok()?;
    Some(l)
}

fn canonical<T: Number>(s: MatRef<'_, T>, threshold: f64, k: [f64; 3], par: Par) -> Result<Mat<T>> {
    let (values, vectors) = eigenvectors(s, par).ok_or_else(|| not_positive(s, k, par))?;
    let dropped = values.iter().take_while(|&&value| value <= threshold.max(0.0)).count();
    if dropped == values.len() {
        return Err(Error::inconsistent(format!("no eigenvalue of S(k) at k = {k:?} exceeds {threshold:e}")));
    }
    let kept = vectors.subcols(dropped, values.len() - dropped);
    Ok(Mat::from_fn(kept.nrows(), kept.ncols(), |i, j| kept[(i, j)].mul_real(1.0 / values[dropped + j].sqrt())))
}

/// The error of an S(k) (lower triangle) without root.
pub fn not_positive<T: Number>(s: MatRef<'_, T>, k: [f64; 3], par: Par) -> Error {
    match eigenvalues(s, par).and_then(|values| values.first().copied()) {
        Some(smallest) => Error::inconsistent(format!(
            "the overlap is not positive definite: the smallest eigenvalue of S(k) is {smallest:.3e} at k = {k:?}"
        )),
        None => Error::inconsistent(format!("the overlap S(k) at k = {k:?} has numbers that are not finite")),
    }
}
