//! From how unlike training a structure is to how wrong its prediction may be: power laws, fitted to structures that a model did not see.
//!
//! The error of a regression at features x is its residual times √(1 + leverage of x), so an error that training never saw grows
//! about as the square root of the leverage. That law, with the exponent left free, holds over five orders of magnitude of the
//! leverage (docs/certify.md), for H as for bands, and for the networks that correct a linear stage as for the stage itself. A state
//! spreads over all atoms, whose errors are partly independent where their surroundings differ: the fourth root of their number n is taken
//! off the errors of bands (1/√n would be complete independence). Copies of a cell are the same atoms again and change nothing.

use serde::{Deserialize, Serialize};

/// y = `prefactor` · x^`exponent`, true within a factor `spread`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PowerLaw {
    /// y at x = 1.
    pub prefactor: f64,
    /// Slope in double logarithms.
    pub exponent: f64,
    /// Two thirds of the structures lie within this factor.
    pub spread: f64,
}

/// An expected figure with the factor-`spread` interval around it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Expected {
    /// Median.
    pub value: f64,
    /// Two thirds of the structures lie between `low` …
    pub low: f64,
    /// … and `high`.
    pub high: f64,
}

/// Weight of the prior on the exponent: Σ(ln x − mean)² that would count as much. Few structures alike say little about far ones.
const PRIOR_WEIGHT: f64 = 5.0;
/// No sound ΔH is so many times larger than the largest of the calibration.
const EXCESSIVE: f64 = 2.0;
/// Beyond the calibrated distances the spread grows with this power of how far beyond: the uncertainty of the exponent.
const GROWTH_BEYOND: f64 = 0.3;
/// A law of few points pretends to no more than this.
const LEAST_SPREAD: f64 = 1.2;

impl PowerLaw {
    /// Medians in double logarithms (Theil and Sen), since predictions far outside of training fail by orders of magnitude: of the
    /// slopes between all pairs of points, drawn towards `prior` as far as the points leave it open, then of what is left. The spread
    /// holds two thirds of the points. `None` for fewer than three points with positive numbers.
    pub fn fit(points: &[(f64, f64)], prior: &PowerLaw) -> Option<Self> {
        let logs: Vec<(f64, f64)> =
            points.iter().filter(|(x, y)| *x > 0.0 && *y > 0.0).map(|(x, y)| (x.ln(), y.ln())).collect();
        if logs.len() < 3 {
            return None;
        }
        let mean = logs.iter().map(|(x, _)| x).sum::<f64>() / logs.len() as f64;
        let weight: f64 = logs.iter().map(|(x, _)| (x - mean).powi(2)).sum();
        let slope = quantile(slopes(&logs), 0.5).unwrap_or(prior.exponent);
        let exponent = ((weight * slope + PRIOR_WEIGHT * prior.exponent) / (weight + PRIOR_WEIGHT)).max(0.0);
        let rests: Vec<f64> = logs.iter().map(|(x, y)| y - exponent * x).collect();
        let middle = quantile(rests.clone(), 0.5)?;
        let spread = quantile(rests.iter().map(|rest| (rest - middle).abs()).collect(), 2.0 / 3.0)?.exp();
        Some(PowerLaw { prefactor: middle.exp(), exponent, spread: spread.max(LEAST_SPREAD) })
    }

    /// y(x).
    pub fn at(&self, x: f64) -> Expected {
        let value = self.prefactor * x.powf(self.exponent);
        Expected { value, low: value / self.spread, high: value * self.spread }
    }
}

/// Slopes between all pairs of points with different x.
fn slopes(points: &[(f64, f64)]) -> Vec<f64> {
    let pairs = points.iter().enumerate().flat_map(|(k, a)| points[k + 1..].iter().map(move |b| (a, b)));
    pairs.filter(|(a, b)| a.0 != b.0).map(|(a, b)| (b.1 - a.1) / (b.0 - a.0)).collect()
}

/// Quantile between the nearest values; `None` of nothing.
fn quantile(mut values: Vec<f64>, part: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let place = part * values.len().saturating_sub(1) as f64;
    let (low, high) = (values.get(place.floor() as usize)?, values.get(place.ceil() as usize)?);
    Some(low + (high - low) * place.fract())
}

impl Expected {
    /// In another unit.
    pub fn scaled(self, factor: f64) -> Self {
        Expected { value: self.value * factor, low: self.low * factor, high: self.high * factor }
    }

    /// A power law of a figure that is itself uncertain: logarithmic variances add.
    pub fn through(self, law: &PowerLaw) -> Self {
        let value = law.at(self.value).value;
        let own = (self.high / self.value).ln() * law.exponent;
        let spread = own.hypot(law.spread.ln()).exp();
        Expected { value, low: value / spread, high: value * spread }
    }
}

/// What a model's errors were on structures that it did not see, as functions of their distance from training. Hartree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Which structures: in words.
    pub source: String,
    /// Number of structures.
    pub n_structures: usize,
    /// Least and largest distance among them.
    pub distances: [f64; 2],
    /// Mean |H − H_SCF| after one rigid shift.
    pub hamiltonian: PowerLaw,
    /// Mean absolute error of the occupied bands after one rigid shift, times n^¼ of n different atoms.
    pub occupied: PowerLaw,
    /// The same between the Fermi level and 5 eV above.
    pub to_5ev: PowerLaw,
    /// Largest drop of the lowest state of the *converged* H below that of H⁽⁰⁾, both relative to the mean of the occupied states,
    /// hartree.
    pub lowest_drop: f64,
    /// Largest mean |ΔH| that was predicted.
    pub largest: f64,
}

/// One structure whose converged H is known, and which the model did not see.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// Distance from training ([`super::signs::Signs::distance`]).
    pub distance: f64,
    /// Number of atoms whose surroundings differ.
    pub n_different: usize,
    /// Mean |ΔH| that was predicted, hartree.
    pub size: f64,
    /// Mean |H − H_SCF| after one rigid shift, hartree.
    pub hamiltonian: f64,
    /// Errors of the occupied bands, hartree.
    pub occupied: f64,
    /// Errors of the bands up to 5 eV.
    pub to_5ev: Option<f64>,
    /// As [`Calibration::lowest_drop`].
    pub lowest_drop: f64,
}

/// By how much the errors of bands are smaller than those of one atom.
pub fn averaging(n_different: usize) -> f64 {
    (n_different.max(1) as f64).powf(0.25)
}

impl Calibration {
    /// What models of six sets have in common (docs/certify.md), for a model without a calibration: relative to `size`, the mean |ΔH|
    /// that it predicts.
    pub fn generic(size: f64) -> Self {
        let law = |relative: f64, exponent, spread| PowerLaw { prefactor: relative * size, exponent, spread };
        Calibration {
            source: "generic: of other models; this one has no calibration (hzero certify --calibrate)".to_owned(),
            n_structures: 0,
            distances: [0.0, 1.0],
            hamiltonian: law(0.035, 0.5, 2.0),
            occupied: law(0.8, 0.7, 2.5),
            to_5ev: law(1.1, 0.7, 2.5),
            lowest_drop: f64::INFINITY,
            largest: size,
        }
    }

    /// What `law` says of a structure at `distance`, whose predicted ΔH has a mean size of `size`. A ΔH much larger than all known ones is
    /// wrong by as much.
    pub fn expected(&self, law: &PowerLaw, distance: f64, size: f64) -> Expected {
        let beyond = (distance / self.distances[1].max(f64::MIN_POSITIVE)).max(1.0);
        let excess = (size / (EXCESSIVE * self.largest)).max(1.0);
        PowerLaw { spread: law.spread * beyond.powf(GROWTH_BEYOND), ..*law }.at(distance).scaled(excess)
    }

    /// Fits the laws; `None` for fewer than three structures.
    pub fn fit(observations: &[Observation], source: &str) -> Option<Self> {
        let prior = Calibration::generic(1.0);
        let law = |value: &dyn Fn(&Observation) -> Option<f64>, prior: &PowerLaw| {
            let points: Vec<_> = observations.iter().filter_map(|o| Some((o.distance, value(o)?))).collect();
            PowerLaw::fit(&points, prior)
        };
        let root = |o: &Observation| averaging(o.n_different);
        let occupied = law(&|o| Some(o.occupied * root(o)), &prior.occupied)?;
        let distances = || observations.iter().map(|o| o.distance);
        Some(Calibration {
            source: source.to_owned(),
            n_structures: observations.len(),
            distances: [distances().fold(f64::INFINITY, f64::min), distances().fold(0.0, f64::max)],
            hamiltonian: law(&|o| Some(o.hamiltonian), &prior.hamiltonian)?,
            // Without empty states in the window (a small basis) the occupied law is the best guess.
            to_5ev: law(&|o| o.to_5ev.map(|error| error * root(o)), &prior.to_5ev).unwrap_or(occupied),
            occupied,
            lowest_drop: observations.iter().map(|o| o.lowest_drop).fold(f64::NEG_INFINITY, f64::max),
            largest: observations.iter().map(|o| o.size).fold(0.0, f64::max),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_law_is_recovered_and_its_spread_measured() {
        let prior = PowerLaw { prefactor: 1.0, exponent: 0.5, spread: 2.0 };
        let exact: Vec<_> = (-60..60).map(|k| (f64::from(k) / 2.0).exp()).map(|x| (x, 3.0 * x.powf(0.7))).collect();
        let law = PowerLaw::fit(&exact, &prior).unwrap();
        assert!((law.exponent - 0.7).abs() < 1e-3 && (law.prefactor / 3.0 - 1.0).abs() < 1e-3, "{law:?}");
        assert_eq!(law.spread, LEAST_SPREAD);
        let off = |(k, (x, y)): (usize, &(f64, f64))| (*x, if k % 2 == 0 { y * 2.0 } else { y / 2.0 });
        let noisy: Vec<_> = exact.iter().enumerate().map(off).collect();
        assert!((PowerLaw::fit(&noisy, &prior).unwrap().spread / 2.0 - 1.0).abs() < 0.05);
        let mut failed = exact.clone();
        failed[119].1 *= 1e9;
        assert!((PowerLaw::fit(&failed, &prior).unwrap().exponent - 0.7).abs() < 1e-3, "one outlier changes nothing");
    }

    #[test]
    fn beyond_what_is_known_the_interval_widens() {
        let known = Calibration { distances: [0.1, 1.0], ..Calibration::generic(1.0) };
        let width = |distance: f64| {
            let expected = known.expected(&known.occupied, distance, 1.0);
            expected.high / expected.low
        };
        assert!((width(0.01) / width(1.0) - 1.0).abs() < 1e-12 && width(100.0) > 10.0 * width(1.0));
    }

    #[test]
    fn points_at_one_distance_leave_the_exponent_to_the_prior() {
        let prior = PowerLaw { prefactor: 1.0, exponent: 0.5, spread: 2.0 };
        let law = PowerLaw::fit(&[(0.1, 1.0), (0.1, 2.0), (0.1, 4.0)], &prior).unwrap();
        assert!((law.exponent - 0.5).abs() < 1e-12 && (law.at(0.1).value - 2.0).abs() < 1e-12);
        assert_eq!(PowerLaw::fit(&[(0.1, 1.0), (0.1, 2.0)], &prior), None);
    }
}
