//! Means over start vectors, and how much they may be off.

use super::moments::Moments;

/// A mean over random vectors.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// Mean.
    pub value: f64,
    /// Two of it hold the answer in 95 of 100 cases: its standard error, of few samples somewhat more; 0 where it is no
    /// estimate.
    pub error: f64,
}

impl Estimate {
    /// Of independent samples; a single one is taken for exact.
    pub fn of(samples: &[f64]) -> Self {
        let n = samples.len() as f64;
        let value = samples.iter().sum::<f64>() / n.max(1.0);
        let squares: f64 = samples.iter().map(|x| (x - value).powi(2)).sum();
        let error = if n > 1.0 { (squares / (n * (n - 1.0))).sqrt() * students(n - 1.0) } else { 0.0 };
        Estimate { value, error }
    }

    /// Times a number.
    pub fn times(self, factor: f64) -> Self {
        Estimate { value: self.value * factor, error: self.error * factor.abs() }
    }
}

/// Half of Student's t for 95.4 %, with so many degrees of freedom: that of a normal distribution is 2 (Abramowitz and Stegun,
/// 26.7.5, for t = 2; a quarter too small for 1, right to 4 % from 2 on).
fn students(freedom: f64) -> f64 {
    let x = 1.0 / freedom;
    1.0 + x * (1.25 + x * (1.53 + x * 1.43))
}

/// Σ_m c_m μ_m of one group, summed over k with its weights; `coefficients` gives c of each part of the spectrum.
pub fn estimate<'a>(
    moments: impl Iterator<Item = &'a Moments>,
    group: usize,
    coefficients: impl Fn(&Moments) -> Vec<f64>,
) -> Estimate {
    let mut samples: Vec<f64> = Vec::new();
    for part in moments {
        let c = coefficients(part);
        let values = part.groups[group].iter().map(|mu| part.weight * dot(&c, mu));
        samples.resize(part.groups[group].len(), 0.0);
        samples.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }
    Estimate::of(&samples)
}

fn dot(c: &[f64], mu: &[f64]) -> f64 {
    c.iter().zip(mu).map(|(c, mu)| c * mu).sum()
}

impl Moments {
    /// Number of moments.
    pub fn len(&self) -> usize {
        self.groups.first().and_then(|samples| samples.first()).map_or(0, Vec::len)
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Mean over the samples of a group.
    pub fn mean(&self, group: usize) -> Vec<f64> {
        let samples = &self.groups[group];
        let mean = |m: usize| samples.iter().map(|mu| mu[m]).sum::<f64>() / samples.len() as f64;
        (0..self.len()).map(mean).collect()
    }
}
