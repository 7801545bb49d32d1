//! L⁻¹ H L⁻†, one triangle of it: half the work of two full triangular solves.

use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place as solve_lower;
use faer::reborrow::ReborrowMut;
use faer::{Accum, Mat, MatMut, MatRef, Par};

use super::hermitian::{Number, mirrored};

/// Largest size that two full solves do.
const SMALL: usize = 64;

/// Replaces the lower triangle of `h` = H by that of C = L⁻¹ H L⁻†; what is above the diagonal is neither read nor kept.
///
/// With halves 1 and 2, where W = L₂₁ C₁₁ / 2 and A₂₁ = H₂₁ L₁₁⁻† (as LAPACK's `zhegst`, by recursion):
/// C₂₁ = L₂₂⁻¹ (A₂₁ − 2 W), and C₂₂ is the reduction by L₂₂ of H₂₂ − B L₂₁† − L₂₁ B† with B = A₂₁ − W.
pub fn reduce<T: Number>(h: MatMut<'_, T>, l: MatRef<'_, T>, par: Par) {
    let n = h.nrows();
    if n <= SMALL {
        return reduce_small(h, l, par);
    }
    let (l11, _, l21, l22) = l.split_at(n / 2, n / 2);
    let (mut h11, _, mut h21, mut h22) = h.split_at_mut(n / 2, n / 2);
    reduce(h11.rb_mut(), l11, par);
    solve_lower(l11.conjugate(), h21.rb_mut().transpose_mut(), par);
    let w = half_product(l21, h11.as_ref(), par);
    h21 -= &w;
    subtract_both(h22.rb_mut(), h21.as_ref(), l21, par);
    h21 -= &w;
    solve_lower(l22, h21, par);
    reduce(h22, l22, par);
}

fn reduce_small<T: Number>(mut h: MatMut<'_, T>, l: MatRef<'_, T>, par: Par) {
    let mut half = mirrored(h.to_owned());
    solve_lower(l, half.as_mut(), par);
    let mut whole = half.adjoint().to_owned();
    solve_lower(l, whole.as_mut(), par);
    h.copy_from_triangular_lower(&whole);
}

/// A C / 2 for a Hermitian C given by its lower triangle.
fn half_product<T: Number>(a: MatRef<'_, T>, c: MatRef<'_, T>, par: Par) -> Mat<T> {
    use BlockStructure::{Rectangular, StrictTriangularUpper, TriangularLower};
    let half = T::from_real(0.5);
    let mut product = Mat::zeros(a.nrows(), c.ncols());
    matmul(&mut product, Rectangular, Accum::Replace, a, Rectangular, c, TriangularLower, half, par);
    matmul(&mut product, Rectangular, Accum::Add, a, Rectangular, c.adjoint(), StrictTriangularUpper, half, par);
    product
}

/// Subtracts B L† + L B† from the lower triangle of `c`.
fn subtract_both<T: Number>(mut c: MatMut<'_, T>, b: MatRef<'_, T>, l: MatRef<'_, T>, par: Par) {
    use BlockStructure::{Rectangular, TriangularLower};
    for (left, right) in [(b, l), (l, b)] {
        let minus = T::from_real(-1.0);
        let right = right.adjoint();
        matmul(c.rb_mut(), TriangularLower, Accum::Add, left, Rectangular, right, Rectangular, minus, par);
    }
}
