//! Random deviations of the linear stage, as probable as its own fit leaves them.

use faer::Mat;

use super::regression::{Regression, mix};
use super::stage::LinearStage;

impl LinearStage {
    /// Draw number `k` of what may be wrong with the weights: a stage that predicts a *deviation* of ΔH instead of ΔH, normally
    /// distributed with the covariance (XᵀX + λn)⁻¹ times the residual variance of each output. Unlike independent errors of all
    /// elements, such a deviation is as coherent as the errors of a regression are: equal surroundings deviate alike.
    pub fn deviation(&self, k: usize) -> LinearStage {
        let mut seed = 0;
        let mut draw = |regression: &Regression| {
            seed += 1;
            regression.deviation(k, seed)
        };
        let bonds =
            self.bonds.iter().map(|(layout, sectors)| (layout.clone(), sectors.iter().map(&mut draw).collect()));
        let bonds = bonds.collect();
        let onsite = self.onsite.iter().map(|(layout, regression)| (layout.clone(), draw(regression))).collect();
        LinearStage { config: self.config.clone(), potential: None, bonds, onsite }
    }

    /// How many independent draws the stored sketches allow.
    pub fn n_deviations(&self) -> usize {
        let of = |regression: &Regression| regression.sketch.len() / regression.weights.nrows().max(1);
        self.onsite.iter().map(|(_, regression)| of(regression)).min().unwrap_or(0)
    }
}

impl Regression {
    /// The sketch's row `k` is ±L⁻¹ᵀ/√n of random signs, so that √n times it is a draw of weights for unit residuals; every output
    /// takes it with its residual and a sign of its own.
    fn deviation(&self, k: usize, seed: u64) -> Regression {
        let (n_inputs, n_outputs) = (self.weights.nrows(), self.weights.ncols());
        let n_directions = self.sketch.len() / n_inputs.max(1);
        // Another row for every output, so that outputs deviate independently of each other.
        let row = |output: usize| (k + 7 * output) % n_directions.max(1);
        let sign = |output: usize| if mix(seed * 4096 + (k * n_outputs + output) as u64) & 1 == 0 { 1.0 } else { -1.0 };
        let scale = |output: usize| sign(output) * self.residual[output] * (n_directions as f64).sqrt();
        let weight = |i: usize, o: usize| match n_directions {
            0 => 0.0,
            _ => scale(o) * f64::from(self.sketch[row(o) * n_inputs + i]),
        };
        Regression {
            weights: Mat::from_fn(n_inputs, n_outputs, weight),
            residual: vec![0.0; n_outputs],
            sketch: Vec::new(),
            lambda: self.lambda,
        }
    }
}
