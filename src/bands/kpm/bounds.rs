//! The interval that holds all eigenvalues, by Lanczos' method.

use faer::{Mat, Side};

use super::moments::random_phases;
use super::problem::{Problem, Scale, real_products};
use crate::bands::sparse::scalar::Scalar;
use crate::parsers::Error;
use crate::random::Random;

/// Steps after which the outermost eigenvalues are looked at.
const STEPS_AT_ONCE: usize = 20;
/// More steps are not needed for the outermost eigenvalues.
const MOST_STEPS: usize = 400;
/// The residual of an outermost eigenvalue, and the margin beyond it, over the width of the spectrum.
const TOLERANCE: f64 = 0.005;

/// An interval somewhat larger than the spectrum of S⁻¹ H.
///
/// # Errors
/// `Inconsistent` where numbers are not finite.
pub fn scale<T: Scalar>(problem: &Problem<'_, T>, seed: u64) -> Result<Scale, Error> {
    let mut lanczos = Lanczos::new(problem, seed);
    loop {
        let ended = lanczos.advance(STEPS_AT_ONCE);
        let [low, high] = lanczos.ends().ok_or_else(not_finite)?;
        let width = (high.value - low.value).max(f64::MIN_POSITIVE);
        let residual = low.residual.max(high.residual);
        if ended || residual < TOLERANCE * width || lanczos.diagonal.len() >= MOST_STEPS {
            let margin = (residual + TOLERANCE * width).max(1e-3 * low.value.abs().max(1e-3));
            return Ok(Scale::between(low.value - margin, high.value + margin));
        }
    }
}

fn not_finite() -> Error {
    Error::inconsistent("no bounds of the spectrum: are all numbers in H and S finite?")
}

/// H x_j = β_(j+1) y_(j+1) + α_j y_j + β_j y_(j−1) with y_j = S x_j and x_i† y_j = δ_ij.
struct Lanczos<'a, T> {
    problem: &'a Problem<'a, T>,
    x: Mat<T>,
    y: Mat<T>,
    before: Mat<T>,
    diagonal: Vec<f64>,
    beside: Vec<f64>,
}

/// An outermost eigenvalue of the tridiagonal matrix.
struct End {
    value: f64,
    /// Of the eigenpair of S⁻¹ H: an eigenvalue is no farther from `value`.
    residual: f64,
}

impl<'a, T: Scalar> Lanczos<'a, T> {
    fn new(problem: &'a Problem<'a, T>, seed: u64) -> Self {
        let n = problem.h.pattern.ncols();
        let y = random_phases(&mut Random::new(seed, u64::MAX), n, 1);
        let (x, before) = (Mat::zeros(n, 1), Mat::zeros(n, 1));
        let mut lanczos = Lanczos { problem, x, y, before, diagonal: Vec::new(), beside: Vec::new() };
        lanczos.normalize();
        lanczos
    }

    /// x = S⁻¹ y, both scaled to x† y = 1; returns √(x† y) before.
    fn normalize(&mut self) -> f64 {
        self.x = self.problem.factor.solved(&self.y);
        let norm = real_products(self.x.as_ref(), self.y.as_ref())[0].max(0.0).sqrt();
        for vector in [&mut self.x, &mut self.y] {
            vector.col_mut(0).iter_mut().for_each(|x| *x = *x * (1.0 / norm));
        }
        norm
    }

    /// Does so many steps; true where the space of all vectors is exhausted.
    fn advance(&mut self, steps: usize) -> bool {
        for _ in 0..steps {
            let mut next = self.problem.h.times(self.x.as_ref());
            let own = real_products(self.x.as_ref(), next.as_ref())[0];
            let before = self.beside.last().copied().unwrap_or(0.0);
            let others = self.y.col(0).iter().zip(self.before.col(0).iter());
            next.col_mut(0).iter_mut().zip(others).for_each(|(next, (&y, &old))| *next -= y * own + old * before);
            self.before = std::mem::replace(&mut self.y, next);
            let beyond = self.normalize();
            self.diagonal.push(own);
            self.beside.push(beyond);
            if self.diagonal.len() >= self.y.nrows() || beyond <= 1e-12 * own.abs() {
                return true;
            }
        }
        false
    }

    fn ends(&self) -> Option<[End; 2]> {
        let n = self.diagonal.len();
        let tridiagonal = Mat::from_fn(n, n, |i, j| match i.abs_diff(j) {
            0 => self.diagonal[i],
            1 => self.beside[i.min(j)],
            _ => 0.0,
        });
        let eigen = tridiagonal.self_adjoint_eigen(Side::Lower).ok()?;
        let end = |index: usize| {
            let residual = (self.beside[n - 1] * eigen.U()[(n - 1, index)]).abs();
            Some(End { value: eigen.S()[index], residual }).filter(|end| (end.value + end.residual).is_finite())
        };
        Some([end(0)?, end(n - 1)?])
    }
}
