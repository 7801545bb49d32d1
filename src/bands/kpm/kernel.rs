//! Functions of the spectrum as linear functions of the moments μ_m = tr T_m(B): coefficients c_m of Σ_m c_m μ_m.
//!
//! Weiße, Wellein, Alvermann, Fehske, Rev. Mod. Phys. 78, 275 (2006).

use std::f64::consts::PI;

use rustfft::FftPlanner;

use super::problem::Scale;
use crate::parsers::c64;

/// Jackson's kernel for `n` moments: factors g_m, with which the density of states of every level is positive and nearly a
/// Gaussian of standard deviation [`sigma`] (eq. 71).
pub fn jackson(n: usize) -> Vec<f64> {
    let size = n as f64 + 1.0;
    let unit = PI / size;
    let factor = |m: f64| ((size - m) * (unit * m).cos() + (unit * m).sin() / unit.tan()) / size;
    (0..n).map(|m| factor(m as f64)).collect()
}

/// Number of moments for which [`sigma`] is at most `sigma` (hartree) everywhere.
pub fn moments_for(sigma: f64, scale: Scale) -> usize {
    (PI * scale.half_width / sigma).ceil().max(2.0) as usize
}

/// Standard deviation of Jackson's kernel of `n` moments at `energy`, hartree.
pub fn sigma(n: usize, scale: Scale, energy: f64) -> f64 {
    let x = scale.x(energy).clamp(-1.0, 1.0);
    PI * scale.half_width / n as f64 * (1.0 - x * x).sqrt()
}

/// Density of states at `energy`, per hartree (eq. 48).
pub fn density(kernel: &[f64], scale: Scale, energy: f64) -> Vec<f64> {
    let x = scale.x(energy);
    if x.abs() >= 1.0 {
        return vec![0.0; kernel.len()];
    }
    let first = 1.0 / (PI * scale.half_width * (1.0 - x * x).sqrt());
    let mut coefficients = recurrence(x, [1.0, x], kernel);
    coefficients.iter_mut().enumerate().for_each(|(m, c)| *c *= if m == 0 { first } else { 2.0 * first });
    coefficients
}

/// States below `energy`: the integral of [`density`].
pub fn states_below(kernel: &[f64], scale: Scale, energy: f64) -> Vec<f64> {
    let x = scale.x(energy).clamp(-1.0, 1.0);
    let mut coefficients = recurrence(x, [0.0, (1.0 - x * x).sqrt()], kernel);
    coefficients.iter_mut().enumerate().skip(1).for_each(|(m, c)| *c *= -2.0 / (PI * m as f64));
    coefficients.iter_mut().take(1).for_each(|c| *c = 1.0 - x.acos() / PI);
    coefficients
}

/// t_m g_m with t_(m+1) = 2 x t_m − t_(m−1).
fn recurrence(x: f64, [mut this, mut next]: [f64; 2], kernel: &[f64]) -> Vec<f64> {
    let term = |g: &f64| {
        let term = g * this;
        (this, next) = (next, 2.0 * x * next - this);
        term
    };
    kernel.iter().map(term).collect()
}

/// Nodes x_j = cos(π (j + 1/2)/n) of Gauss' quadrature: twice as many as moments, so that products of a function and the
/// density are integrated as well as the function is resolved.
fn nodes(kernel: &[f64]) -> impl Iterator<Item = f64> + use<> {
    let n = 2 * kernel.len();
    (0..n).map(move |j| (PI * (j as f64 + 0.5) / n as f64).cos())
}

/// Σ f(ε) over the spectrum: ∫ f(ε) [`density`] dε by Gauss' quadrature.
pub fn integral(kernel: &[f64], scale: Scale, f: impl Fn(f64) -> f64) -> Vec<f64> {
    let waves = Waves::on(kernel);
    let sums = waves.transform(nodes(kernel).map(|x| c64::from(f(scale.energy(x)))).collect());
    let coefficient = |(m, (g, sum)): (usize, (&f64, c64))| g * (waves.first(m) * sum).re;
    kernel.iter().zip(sums).enumerate().map(coefficient).collect()
}

/// Levels and weights whose sums are the integrals of [`integral`].
pub fn levels(kernel: &[f64], scale: Scale, moments: &[f64]) -> Vec<(f64, f64)> {
    let waves = Waves::on(kernel);
    let terms = kernel.iter().zip(moments).enumerate().map(|(m, (g, mu))| waves.first(m) * g * mu);
    let weights = waves.transform(terms.collect());
    nodes(kernel).zip(weights).map(|(x, weight)| (scale.energy(x), weight.re)).collect()
}

/// Sums with T_m(x_j) = cos(π m (j + 1/2)/n) over m or over the n [`nodes`], for all of the other at once.
struct Waves {
    n_nodes: usize,
}

impl Waves {
    fn on(kernel: &[f64]) -> Self {
        Waves { n_nodes: 2 * kernel.len() }
    }

    /// exp(−iπm/2n), which is at the first node, times (2 − δ_m0)/n.
    fn first(&self, m: usize) -> c64 {
        let n = self.n_nodes as f64;
        let weight = if m == 0 { 1.0 / n } else { 2.0 / n };
        weight * c64::cis(-0.5 * PI * m as f64 / n)
    }

    /// Σ_m z_m exp(−iπmj/n) for every j (or with m and j exchanged).
    fn transform(&self, mut z: Vec<c64>) -> Vec<c64> {
        z.resize(2 * self.n_nodes, c64::default());
        FftPlanner::new().plan_fft_forward(z.len()).process(&mut z);
        z
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: Scale = Scale { centre: 0.3, half_width: 2.0 };
    const LEVELS: [f64; 4] = [-1.1, -0.2, 0.35, 1.9];

    fn moments(n: usize) -> Vec<f64> {
        (0..n).map(|m| LEVELS.iter().map(|&e| (m as f64 * SCALE.x(e).acos()).cos()).sum()).collect()
    }

    fn value(coefficients: &[f64], moments: &[f64]) -> f64 {
        coefficients.iter().zip(moments).map(|(c, mu)| c * mu).sum()
    }

    #[test]
    fn functions_of_levels_are_their_sums() {
        let (moments, none) = (moments(300), [1.0; 300]);
        let f = |e: f64| 1.0 / (1.0 + (8.0 * (e - 0.1)).exp());
        let expected: f64 = LEVELS.iter().map(|&e| f(e)).sum();
        assert!((value(&integral(&none, SCALE, f), &moments) - expected).abs() < 1e-12);
        let by_levels: f64 = levels(&none, SCALE, &moments).iter().map(|(e, weight)| weight * f(*e)).sum();
        assert!((by_levels - expected).abs() < 1e-12);
    }

    /// Positive, of the stated width, and with the stated integral.
    #[test]
    fn levels_become_narrow_peaks() {
        let (kernel, moments) = (jackson(300), moments(300));
        let width = sigma(300, SCALE, 0.35);
        let at = |e: f64| value(&density(&kernel, SCALE, e), &moments);
        let gaussian = |x: f64| (-0.5 * x * x).exp() / (width * (2.0 * PI).sqrt());
        for x in [0.0, 0.5, 1.0, 2.0] {
            assert!((at(0.35 + x * width) - gaussian(x)).abs() < 0.03 * gaussian(0.0), "{x}");
        }
        let step = 1e-4;
        let mut sum = 0.0;
        for i in 0..20_000 {
            let e = -1.69 + step * f64::from(i);
            let between = value(&states_below(&kernel, SCALE, e), &moments);
            assert!(at(e) >= 0.0 && (sum - between).abs() < 1e-3, "{e}: {sum} {between}");
            sum += step * at(e + 0.5 * step);
        }
        assert!((value(&states_below(&kernel, SCALE, 5.0), &moments) - 4.0).abs() < 1e-12);
        assert_eq!(value(&states_below(&kernel, SCALE, -5.0), &moments), 0.0);
    }

    #[test]
    fn moments_suffice_for_the_width_asked_for() {
        let n = moments_for(0.01, SCALE);
        assert!(sigma(n, SCALE, SCALE.centre) <= 0.01 && sigma(n - 1, SCALE, SCALE.centre) > 0.01);
    }
}
