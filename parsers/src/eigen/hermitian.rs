//! Hermitian matrices as one of their triangles, and their eigenpairs.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::tridiag::{tridiag_in_place, tridiag_in_place_scratch};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::traits::ComplexField;
use faer::{Mat, MatRef, Par, Spec};

use super::tridiagonal;
use crate::operator::c64;

/// f64 or c64.
pub trait Number: ComplexField<Real = f64> + Copy {
    /// `x` as such a number.
    fn from_real(x: f64) -> Self;
    /// Complex conjugate.
    fn conj(self) -> Self;
    /// Real part.
    fn re(self) -> f64;
    /// Absolute value.
    fn abs(self) -> f64;
    /// Times a real number.
    fn mul_real(self, x: f64) -> Self;
}

impl Number for f64 {
    fn from_real(x: f64) -> Self {
        x
    }
    fn conj(self) -> Self {
        self
    }
    fn re(self) -> f64 {
        self
    }
    fn abs(self) -> f64 {
        f64::abs(self)
    }
    fn mul_real(self, x: f64) -> Self {
        self * x
    }
}

impl Number for c64 {
    fn from_real(x: f64) -> Self {
        x.into()
    }
    fn conj(self) -> Self {
        c64::conj(&self)
    }
    fn re(self) -> f64 {
        self.re
    }
    fn abs(self) -> f64 {
        self.norm()
    }
    fn mul_real(self, x: f64) -> Self {
        self * x
    }
}

/// The Hermitian matrix with the upper triangle of `a`. The numbers of a file make H(k) and S(k) Hermitian to their own
/// precision only, which a small eigenvalue of S(k) amplifies; LAPACK reads one triangle, and SIESTA's choice of it is this one
/// (its matrix is the transposed one, of which it takes the lower triangle).
pub fn full(a: MatRef<'_, c64>) -> Mat<c64> {
    mirrored(lower(a))
}

/// The lower triangle of [`full`]; zeros above it.
pub fn lower(a: MatRef<'_, c64>) -> Mat<c64> {
    from_upper(a, |x| x.conj())
}

/// [`lower`], where it has no imaginary part.
pub fn real_lower(a: MatRef<'_, c64>) -> Option<Mat<f64>> {
    let is_real = |column: usize| (0..column).all(|row| a[(row, column)].im == 0.0);
    (0..a.ncols()).all(is_real).then(|| from_upper(a, |x| x.re))
}

/// Row by row of `a`, which is column by column of the result.
fn from_upper<T: Number>(a: MatRef<'_, c64>, element: impl Fn(c64) -> T) -> Mat<T> {
    let n = a.nrows();
    let mut lower = Mat::zeros(n, n);
    for column in 0..n {
        lower[(column, column)] = T::from_real(a[(column, column)].re);
        (column + 1..n).for_each(|row| lower[(row, column)] = element(a[(column, row)]));
    }
    lower
}

/// Fills the upper triangle of a Hermitian matrix from the lower one.
pub fn mirrored<T: Number>(mut a: Mat<T>) -> Mat<T> {
    for column in 1..a.ncols() {
        (0..column).for_each(|row| a[(row, column)] = a[(column, row)].conj());
    }
    a
}

/// The same numbers, complex.
pub fn complex(a: &Mat<f64>) -> Mat<c64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)].into())
}

/// Eigenvalues of a Hermitian matrix (its lower triangle is read), ascending; `None` where a number is not finite.
pub fn eigenvalues<T: Number>(a: MatRef<'_, T>, par: Par) -> Option<Vec<f64>> {
    let n = a.nrows();
    let mut reduced = a.to_owned();
    // One row of factors is enough where the reflections are not put together again.
    let mut reflections = Mat::zeros(1, n.saturating_sub(1));
    let mut memory = MemBuffer::new(tridiag_in_place_scratch::<T>(n, par, Spec::default()));
    tridiag_in_place(reduced.as_mut(), reflections.as_mut(), par, MemStack::new(&mut memory), Spec::default());
    let diagonal = (0..n).map(|i| reduced[(i, i)].re()).collect();
    let beside = (1..n).map(|i| reduced[(i, i - 1)].abs()).collect();
    tridiagonal::eigenvalues(diagonal, beside)
}

/// Eigenvalues and eigenvectors (columns) of a Hermitian matrix (its lower triangle is read).
pub fn eigenvectors<T: Number>(a: MatRef<'_, T>, par: Par) -> Option<(Vec<f64>, Mat<T>)> {
    let n = a.nrows();
    let (mut values, mut vectors) = (Diag::<T>::zeros(n), Mat::zeros(n, n));
    let scratch = self_adjoint_evd_scratch::<T>(n, ComputeEigenvectors::Yes, par, Spec::default());
    let mut memory = MemBuffer::new(scratch);
    let stack = MemStack::new(&mut memory);
    self_adjoint_evd(a, values.as_mut(), Some(vectors.as_mut()), par, stack, Spec::default()).ok()?;
    let values: Vec<f64> = values.column_vector().iter().map(|value| value.re()).collect();
    values.iter().all(|value| value.is_finite()).then_some((values, vectors))
}
