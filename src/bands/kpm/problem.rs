//! H(k) and S(k) of one spin channel, scaled so that its spectrum is within −1 … 1, and the recursion of Chebyshev polynomials.

use faer::dyn_stack::MemBuffer;
use faer::{Mat, MatRef};

use crate::bands::sparse::cholesky::Cholesky;
use crate::bands::sparse::matrix::Hermitian;
use crate::bands::sparse::scalar::Scalar;

/// H c = ε S c at one k.
pub struct Problem<'a, T> {
    /// H(k).
    pub h: Hermitian<'a, T>,
    /// S(k).
    pub s: &'a Hermitian<'a, T>,
    /// The factor of S(k).
    pub factor: &'a Cholesky<'a, T>,
}

/// Energies ε = centre + half_width · x with −1 < x < 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Hartree.
    pub centre: f64,
    /// Hartree.
    pub half_width: f64,
}

impl Scale {
    /// The interval between two energies.
    pub fn between(low: f64, high: f64) -> Self {
        Scale { centre: 0.5 * (low + high), half_width: 0.5 * (high - low) }
    }

    /// Energy of `x`, hartree.
    pub fn energy(self, x: f64) -> f64 {
        self.centre + self.half_width * x
    }

    /// Where `energy` is.
    pub fn x(self, energy: f64) -> f64 {
        (energy - self.centre) / self.half_width
    }
}

/// x_m = T_m(B) x_0 for several x_0, the columns, with y_m = S x_m: a step is
/// y_(m+1) = 2 (H x_m − c y_m)/a − y_(m−1), x_(m+1) = S⁻¹ y_(m+1).
pub struct Recursion<'a, T> {
    problem: &'a Problem<'a, T>,
    scale: Scale,
    /// x_m.
    pub x: Mat<T>,
    /// S x_m.
    pub y: Mat<T>,
    /// S x_(m−1).
    pub before: Mat<T>,
    m: usize,
    memory: MemBuffer,
}

impl<'a, T: Scalar> Recursion<'a, T> {
    /// Starts from x_0 with y_0 = S x_0.
    pub fn new(problem: &'a Problem<'a, T>, scale: Scale, x: Mat<T>, y: Mat<T>) -> Self {
        let memory = problem.factor.solve_memory(x.ncols());
        let before = Mat::zeros(x.nrows(), x.ncols());
        Recursion { problem, scale, x, y, before, m: 0, memory }
    }

    /// From m to m + 1.
    pub fn step(&mut self) {
        let factor = if self.m > 0 { 2.0 } else { 1.0 } / self.scale.half_width;
        let shift = factor * self.scale.centre;
        let mut next = self.problem.h.times(self.x.as_ref());
        for column in 0..next.ncols() {
            let others = self.y.col(column).iter().zip(self.before.col(column).iter());
            let pairs = next.col_mut(column).iter_mut().zip(others);
            pairs.for_each(|(next, (&y, &before))| *next = *next * factor - y * shift - before);
        }
        self.x.copy_from(&next);
        self.problem.factor.solve(self.x.as_mut(), &mut self.memory);
        self.before = std::mem::replace(&mut self.y, next);
        self.m += 1;
    }
}

/// Re a_j† b_j of every column j.
pub fn real_products<T: Scalar>(a: MatRef<'_, T>, b: MatRef<'_, T>) -> Vec<f64> {
    let product = |column: usize| {
        let pairs = a.col(column).iter().zip(b.col(column).iter());
        pairs.map(|(&a, &b)| (a.conj() * b).re()).sum()
    };
    (0..a.ncols()).map(product).collect()
}
