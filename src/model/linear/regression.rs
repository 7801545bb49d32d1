//! Ridge regression from its normal equations.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::solvers::Solve;
use faer::{Accum, Mat, MatRef, Par, Side, unzip, zip};

use super::design::Rows;

/// XᵀX (lower triangle), XᵀY and ΣY² of some rows: all that a regression needs, whatever the number of rows.
#[derive(Debug, Clone)]
pub struct Normal {
    xtx: Mat<f64>,
    xty: Mat<f64>,
    yty: Vec<f64>,
    n_rows: f64,
}

/// Weights and what is known about their error.
#[derive(Debug, Clone, PartialEq)]
pub struct Regression {
    /// `[features, outputs]`.
    pub weights: Mat<f64>,
    /// Residual of training per output, root mean square, in units of the (weighted) target.
    pub residual: Vec<f64>,
    /// `[directions, features]`, row-major: the leverage xᵀ(XᵀX + λn)⁻¹x of a row x is about the squared length of `sketch · x`.
    pub sketch: Vec<f32>,
    /// Strength λ of the ridge, relative to the mean square of each feature.
    pub lambda: f64,
}

impl Normal {
    /// No rows yet.
    pub fn zeros(n_inputs: usize, n_outputs: usize) -> Self {
        Normal {
            xtx: Mat::zeros(n_inputs, n_inputs),
            xty: Mat::zeros(n_inputs, n_outputs),
            yty: vec![0.0; n_outputs],
            n_rows: 0.0,
        }
    }

    /// Adds rows.
    pub fn add_rows(&mut self, x: &Rows, y: &Rows) {
        let [x_rows, y_rows] = [x, y].map(matrix);
        let (lower, whole) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
        triangular::matmul(
            &mut self.xtx,
            lower,
            Accum::Add,
            x_rows.transpose(),
            whole,
            x_rows,
            whole,
            1.0,
            Par::rayon(0),
        );
        matmul(&mut self.xty, Accum::Add, x_rows.transpose(), y_rows, 1.0, Par::rayon(0));
        for row in y.values.chunks_exact(y.width) {
            self.yty.iter_mut().zip(row).for_each(|(sum, y)| *sum += y * y);
        }
        self.n_rows += x.len() as f64;
    }

    /// Adds (factor 1) or removes (factor −1) the rows of another one.
    pub fn add(&mut self, other: &Normal, factor: f64) {
        zip!(&mut self.xtx, &other.xtx).for_each(|unzip!(a, b)| *a += factor * *b);
        zip!(&mut self.xty, &other.xty).for_each(|unzip!(a, b)| *a += factor * *b);
        self.yty.iter_mut().zip(&other.yty).for_each(|(sum, y)| *sum += factor * y);
        self.n_rows += factor * other.n_rows;
    }

    /// All rows but those of a fold.
    pub fn without(&self, fold: &Normal) -> Normal {
        let mut rest = self.clone();
        rest.add(fold, -1.0);
        rest
    }

    /// Number of rows.
    pub fn n_rows(&self) -> f64 {
        self.n_rows
    }

    /// ΣY² of all outputs.
    pub fn squared_targets(&self) -> f64 {
        self.yty.iter().sum()
    }

    /// Weights that minimise Σ(Y − XW)² + λ n Σ(sW)², s the root mean square of each feature; `None` where λ is too small for f64.
    fn weights(&self, lambda: f64) -> Option<Mat<f64>> {
        let scale = self.scale();
        let factor = self.standardized(&scale, lambda).llt(Side::Lower).ok()?;
        let rhs = Mat::from_fn(self.xty.nrows(), self.xty.ncols(), |i, j| self.xty[(i, j)] * scale[i]);
        let solution = factor.solve(&rhs);
        Some(Mat::from_fn(rhs.nrows(), rhs.ncols(), |i, j| solution[(i, j)] * scale[i]))
    }

    /// 1/s, or zero for a feature that never occurs.
    fn scale(&self) -> Vec<f64> {
        let mean_square = |i: usize| self.xtx[(i, i)] / self.n_rows;
        (0..self.xtx.nrows())
            .map(|i| if mean_square(i) > 1e-24 { mean_square(i).sqrt().recip() } else { 0.0 })
            .collect()
    }

    fn standardized(&self, scale: &[f64], lambda: f64) -> Mat<f64> {
        let n = self.xtx.nrows();
        let ridge = lambda * self.n_rows;
        Mat::from_fn(n, n, |i, j| match i.cmp(&j) {
            std::cmp::Ordering::Less => 0.0,
            std::cmp::Ordering::Equal => self.xtx[(i, i)] * scale[i] * scale[i] + ridge,
            std::cmp::Ordering::Greater => self.xtx[(i, j)] * scale[i] * scale[j],
        })
    }

    /// Σ(Y − XW)² per output.
    fn squared_errors(&self, weights: &Mat<f64>) -> Vec<f64> {
        let product = symmetric_product(&self.xtx, weights);
        let error = |o: usize| {
            let column = (0..weights.nrows()).map(|i| weights[(i, o)] * (product[(i, o)] - 2.0 * self.xty[(i, o)]));
            (self.yty[o] + column.sum::<f64>()).max(0.0)
        };
        (0..weights.ncols()).map(error).collect()
    }

    /// The regression with the given λ (or the next larger one that f64 can solve), with `directions` rows of its sketch.
    pub fn solve(&self, lambda: f64, directions: usize) -> Regression {
        let (lambda, weights) = (0..12)
            .map(|k| lambda * 10f64.powi(k))
            .find_map(|lambda| self.weights(lambda).map(|weights| (lambda, weights)))
            .unwrap_or((f64::INFINITY, Mat::zeros(self.xty.nrows(), self.xty.ncols())));
        let residual = self.squared_errors(&weights).iter().map(|e| (e / self.n_rows.max(1.0)).sqrt()).collect();
        Regression { residual, sketch: self.sketch(lambda, directions), weights, lambda }
    }

    /// Random signs times the inverse Cholesky factor (Johnson–Lindenstrauss).
    fn sketch(&self, lambda: f64, directions: usize) -> Vec<f32> {
        let scale = self.scale();
        let Ok(factor) = self.standardized(&scale, lambda).llt(Side::Lower) else {
            return vec![0.0; directions * scale.len()];
        };
        let size = (directions as f64).sqrt().recip();
        let mut signs = (0u64..).map(|k| if mix(k) & 1 == 0 { size } else { -size });
        let mut rows = Mat::from_fn(scale.len(), directions, |_, _| signs.next().unwrap_or(size));
        faer::linalg::triangular_solve::solve_upper_triangular_in_place(
            factor.L().transpose(),
            rows.as_mut(),
            Par::Seq,
        );
        (0..directions)
            .flat_map(|k| (0..scale.len()).map(move |i| (k, i)))
            .map(|(k, i)| (rows[(i, k)] * scale[i]) as f32)
            .collect()
    }
}

/// SplitMix64 (Steele et al. 2014): a fixed sequence, so that fits are reproducible.
pub(super) fn mix(k: u64) -> u64 {
    let z = k.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn matrix(rows: &Rows) -> MatRef<'_, f64> {
    MatRef::from_row_major_slice(&rows.values, rows.len(), rows.width)
}

fn symmetric_product(lower: &Mat<f64>, b: &Mat<f64>) -> Mat<f64> {
    let mut product = Mat::zeros(b.nrows(), b.ncols());
    let whole = BlockStructure::Rectangular;
    let (with_diagonal, without) = (BlockStructure::TriangularLower, BlockStructure::StrictTriangularUpper);
    triangular::matmul(&mut product, whole, Accum::Add, lower, with_diagonal, b, whole, 1.0, Par::Seq);
    triangular::matmul(&mut product, whole, Accum::Add, lower.transpose(), without, b, whole, 1.0, Par::Seq);
    product
}

impl Regression {
    /// Predicted rows.
    pub fn predict(&self, x: &Rows) -> Rows {
        let mut values = vec![0.0; x.len() * self.weights.ncols()];
        let product = faer::MatMut::from_row_major_slice_mut(&mut values, x.len(), self.weights.ncols());
        matmul(product, Accum::Replace, matrix(x), &self.weights, 1.0, Par::Seq);
        Rows { width: self.weights.ncols(), values }
    }

    /// Leverage of each row: how far its features lie from those of training; 1 means as uncertain as one row of training alone.
    pub fn leverages(&self, x: &Rows) -> Vec<f64> {
        let projected = self.projected(x);
        (0..x.len()).map(|row| (0..projected.ncols()).map(|k| projected[(row, k)].powi(2)).sum()).collect()
    }

    /// Number of rows of the sketch.
    pub fn n_directions(&self) -> usize {
        self.sketch.len() / self.weights.nrows().max(1)
    }

    /// Rows in the directions of the sketch, `[rows, directions]`: their scalar products are about those of
    /// x₁ᵀ(XᵀX + λn)⁻¹x₂.
    pub fn projected(&self, x: &Rows) -> Mat<f64> {
        let directions = self.n_directions();
        let sketch: Vec<f64> = self.sketch.iter().map(|&s| s as f64).collect();
        let sketch = MatRef::from_row_major_slice(&sketch, directions, x.width);
        let mut projected = Mat::<f64>::zeros(x.len(), directions);
        matmul(&mut projected, Accum::Replace, matrix(x), sketch.transpose(), 1.0, Par::Seq);
        projected
    }
}

/// The largest λ of `candidates` (ascending) that predicts rows which were not used nearly best: with at most `tolerance` times the
/// least squared error. Those rows are each fold in turn, or `validation` if given.
pub fn choose_lambda(
    folds: &[Normal],
    total: &Normal,
    validation: Option<&Normal>,
    candidates: &[f64],
    tolerance: f64,
) -> f64 {
    let filled = || folds.iter().filter(|fold| fold.n_rows > 0.0);
    let trials: Vec<(Normal, &Normal)> = match validation.filter(|validation| validation.n_rows > 0.0) {
        Some(validation) => vec![(total.clone(), validation)],
        None if filled().count() < 2 => return candidates[candidates.len() / 2],
        None => filled().map(|fold| (total.without(fold), fold)).collect(),
    };
    let error = |lambda: f64| -> f64 {
        let of_trial = |(training, held_out): &(Normal, &Normal)| match training.weights(lambda) {
            Some(weights) => held_out.squared_errors(&weights).iter().sum(),
            None => f64::INFINITY,
        };
        trials.iter().map(of_trial).sum()
    };
    let errors: Vec<f64> = candidates.iter().map(|&lambda| error(lambda)).collect();
    let least = errors.iter().copied().fold(f64::INFINITY, f64::min);
    let best = (0..errors.len()).rfind(|&k| errors[k] <= tolerance * least);
    candidates[best.unwrap_or(candidates.len() / 2)]
}
