//! Block Lanczos for M = (H − σS)⁻¹ S, which is self-adjoint in the inner product of S: its largest eigenvalues θ = 1/(ε − σ)
//! are those of the states nearest to σ.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};

use super::factor::Factor;
use super::matrix::Hermitian;
use super::noise::Noise;
use super::scalar::{LANES, Scalar};
use crate::bands::eigen::hermitian_eigenvectors;

/// Vectors that are multiplied at once: solving for 8 takes hardly longer than for 2, and 8 fill the products' registers.
const BLOCK: usize = LANES;

/// Combinations of new vectors whose squared length is below this part of the longest one are rounding.
const ROUNDING: f64 = 1e-15;

/// An S-orthonormal basis Q of a Krylov space, kept orthogonal in full.
pub struct Krylov<'a, T> {
    s: &'a Hermitian<'a, T>,
    /// Q and SQ; only the first `width` columns are in use.
    q: Mat<T>,
    sq: Mat<T>,
    width: usize,
    /// Q†SMQ; columns up to `done` are known.
    projected: Mat<T>,
    done: usize,
    noise: Noise,
    par: Par,
}

/// Approximate eigenvectors of M in descending order of |θ|.
pub struct Ritz<T> {
    /// θ = 1/(ε − σ), 1/hartree.
    pub values: Vec<f64>,
    /// ‖M x − θ x‖ in the norm of S.
    pub residuals: Vec<f64>,
    /// Eigenvectors in the basis Q.
    coordinates: Mat<T>,
}

impl<'a, T: Scalar> Krylov<'a, T> {
    /// Starts with random vectors (the same ones in every run).
    pub fn new(s: &'a Hermitian<'a, T>, par: Par) -> Self {
        let n = s.pattern.ncols();
        let empty = || Mat::zeros(n, 0);
        let (q, sq, noise) = (empty(), empty(), Noise::default());
        let mut krylov = Krylov { s, q, sq, width: 0, projected: Mat::zeros(0, 0), done: 0, noise, par };
        krylov.add_random();
        krylov
    }

    /// Number of columns of Q that M was applied to.
    pub fn size(&self) -> usize {
        self.done
    }

    /// Is Q the whole space, so that the Ritz values are all eigenvalues?
    pub fn is_complete(&self) -> bool {
        self.done == self.s.pattern.ncols()
    }

    /// Adds random vectors, which find copies of degenerate states that the space so far is orthogonal to.
    pub fn add_random(&mut self) {
        let n = self.s.pattern.ncols();
        let noise = &mut self.noise;
        let random = Mat::from_fn(n, BLOCK.min(n - self.width), |_, _| T::of(noise.complex()));
        self.append(random);
    }

    /// Applies M to the next block, with the factor of H − σS. `None` where a number is not finite.
    pub fn step(&mut self, factor: &Factor<'_, T>) -> Option<()> {
        if self.done == self.width {
            self.add_random();
        }
        let block = self.done..self.width.min(self.done + BLOCK);
        let mut w = self.sq.subcols(block.start, block.len()).to_owned();
        factor.solve(w.as_mut());
        if !w.col_iter().all(|column| column.iter().all(|x| x.complex().is_finite())) {
            return None;
        }
        let before = self.width;
        let [known, new] = self.append(w);
        self.projected.as_mut().submatrix_mut(0, block.start, before, block.len()).copy_from(known);
        self.projected.as_mut().submatrix_mut(before, block.start, new.nrows(), block.len()).copy_from(new);
        self.done = block.end;
        Some(())
    }

    /// Appends what of `w` is new, orthonormal; w = Q·(first) + (new columns)·(second).
    fn append(&mut self, mut w: Mat<T>) -> [Mat<T>; 2] {
        let mut known = self.project_out(&mut w, None);
        let mut sw = self.s.times(w.as_ref());
        let squares = |j: usize| (0..known.nrows()).map(|i| known[(i, j)].complex().norm_sqr()).sum::<f64>();
        let in_q: Vec<f64> = (0..known.ncols()).map(squares).collect();
        let mut new = self.orthonormalise(&mut w, &mut sw, &in_q);
        // Once more: what was left of a short vector is no longer orthogonal to Q.
        let again = self.project_out(&mut w, Some(&mut sw));
        add_product(known.as_mut(), again.as_ref(), new.as_ref(), T::ONE, self.par);
        new = self.orthonormalise(&mut w, &mut sw, &vec![0.0; new.nrows()]) * new;
        self.reserve(w.ncols());
        self.q.as_mut().subcols_mut(self.width, w.ncols()).copy_from(&w);
        self.sq.as_mut().subcols_mut(self.width, w.ncols()).copy_from(&sw);
        self.width += w.ncols();
        [known, new]
    }

    /// Subtracts Q Q†S w from `w`, and its product with S from `sw`; returns Q†S w.
    fn project_out(&self, w: &mut Mat<T>, sw: Option<&mut Mat<T>>) -> Mat<T> {
        let (q, sq) = (self.q.subcols(0, self.width), self.sq.subcols(0, self.width));
        let parts = inner(sq, w.as_ref(), self.par);
        add_product(w.as_mut(), q, parts.as_ref(), T::of((-1.0).into()), self.par);
        if let Some(sw) = sw {
            add_product(sw.as_mut(), sq, parts.as_ref(), T::of((-1.0).into()), self.par);
        }
        parts
    }

    /// Replaces `w` by an S-orthonormal basis of its columns, and `sw` alike; returns R of w = (new w) R. `in_q` holds the squared
    /// lengths of what was taken from the columns before: next to that, a rest of rounding is nothing.
    fn orthonormalise(&self, w: &mut Mat<T>, sw: &mut Mat<T>, in_q: &[f64]) -> Mat<T> {
        let gram = inner(w.as_ref(), sw.as_ref(), self.par);
        // Columns have lengths as different as the θ: scaled to 1, rounding is the same for all.
        let inverse_length = |j: usize| match gram[(j, j)].re() {
            square if square > ROUNDING * ROUNDING.sqrt() * in_q[j] && square > 0.0 => 1.0 / square.sqrt(),
            _ => 0.0,
        };
        let scales: Vec<f64> = (0..gram.ncols()).map(inverse_length).collect();
        let scaled = Mat::from_fn(gram.nrows(), gram.ncols(), |i, j| gram[(i, j)] * (scales[i] * scales[j]));
        let Some((values, vectors)) = hermitian_eigenvectors(scaled.as_ref(), self.par) else {
            return self.nothing(w, sw);
        };
        let room = self.s.pattern.ncols() - self.width;
        let is_new = |&i: &usize| values[i] > ROUNDING * values[values.len() - 1].max(0.5);
        let kept: Vec<usize> = (0..values.len()).rev().filter(is_new).take(room).collect();
        let to_new =
            Mat::from_fn(scales.len(), kept.len(), |i, j| vectors[(i, kept[j])] * (scales[i] / values[kept[j]].sqrt()));
        let r = Mat::from_fn(kept.len(), scales.len(), |i, j| match scales[j] > 0.0 {
            true => vectors[(j, kept[i])].conj() * (values[kept[i]].sqrt() / scales[j]),
            false => T::ZERO,
        });
        *w = times(w.as_ref(), to_new.as_ref(), self.par);
        *sw = times(sw.as_ref(), to_new.as_ref(), self.par);
        r
    }

    fn nothing(&self, w: &mut Mat<T>, sw: &mut Mat<T>) -> Mat<T> {
        let columns = w.ncols();
        (*w, *sw) = (Mat::zeros(w.nrows(), 0), Mat::zeros(w.nrows(), 0));
        Mat::zeros(0, columns)
    }

    /// Makes room for so many more columns.
    fn reserve(&mut self, columns: usize) {
        let (n, needed) = (self.q.nrows(), self.width + columns);
        if needed > self.q.ncols() {
            let room = (needed + needed / 2).min(n);
            self.q.resize_with(n, room, |_, _| T::ZERO);
            self.sq.resize_with(n, room, |_, _| T::ZERO);
            self.projected.resize_with(room, room, |_, _| T::ZERO);
        }
    }

    /// The eigenvectors of M in the space so far. `None` where a number is not finite.
    pub fn ritz(&self) -> Option<Ritz<T>> {
        let m = self.done;
        let (values, vectors) = hermitian_eigenvectors(self.projected.as_ref().submatrix(0, 0, m, m), self.par)?;
        let rest = self.projected.as_ref().submatrix(m, 0, self.width - m, m);
        let outside = times(rest, vectors.as_ref(), self.par);
        let residual =
            |j: usize| (0..outside.nrows()).map(|i| outside[(i, j)].complex().norm_sqr()).sum::<f64>().sqrt();
        let mut order: Vec<usize> = (0..m).collect();
        order.sort_by(|&a, &b| values[b].abs().total_cmp(&values[a].abs()));
        Some(Ritz {
            values: order.iter().map(|&j| values[j]).collect(),
            residuals: order.iter().map(|&j| residual(j)).collect(),
            coordinates: Mat::from_fn(m, m, |i, j| vectors[(i, order[j])]),
        })
    }

    /// X and SX of the first `count` Ritz vectors.
    pub fn vectors(&self, ritz: &Ritz<T>, count: usize) -> [Mat<T>; 2] {
        let coordinates = ritz.coordinates.subcols(0, count);
        [&self.q, &self.sq].map(|basis| times(basis.subcols(0, self.done), coordinates, self.par))
    }
}

/// A†B.
pub(super) fn inner<T: Scalar>(a: MatRef<'_, T>, b: MatRef<'_, T>, par: Par) -> Mat<T> {
    let mut product = Mat::zeros(a.ncols(), b.ncols());
    matmul(product.as_mut(), Accum::Replace, a.adjoint(), b, T::ONE, par);
    product
}

/// A B.
pub(super) fn times<T: Scalar>(a: MatRef<'_, T>, b: MatRef<'_, T>, par: Par) -> Mat<T> {
    let mut product = Mat::zeros(a.nrows(), b.ncols());
    matmul(product.as_mut(), Accum::Replace, a, b, T::ONE, par);
    product
}

fn add_product<T: Scalar>(sum: MatMut<'_, T>, a: MatRef<'_, T>, b: MatRef<'_, T>, factor: T, par: Par) {
    matmul(sum, Accum::Add, a, b, factor, par);
}
