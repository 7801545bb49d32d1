//! Densities of states while they are being summed.

use super::spread::{Axis, Spread, States};

/// Sums over states on the points of an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Densities {
    /// Density of all states, 1/hartree.
    pub total: Vec<f64>,
    /// `projected[group][point]`, 1/hartree.
    pub projected: Vec<Vec<f64>>,
    /// What lies below each point of the states that are partly below.
    partly: Vec<f64>,
    /// Weight of the states all of which lies below this point, but not below the one before.
    wholly: Vec<f64>,
}

impl Densities {
    /// Nothing.
    pub fn zeros(n_points: usize, n_groups: usize) -> Self {
        let zeros = vec![0.0; n_points];
        let projected = vec![zeros.clone(); n_groups];
        Densities { total: zeros.clone(), projected, partly: zeros, wholly: vec![0.0; n_points + 1] }
    }

    /// All states of one k point; `weights[band][group]`.
    pub fn of_point(states: &States<'_>, k: usize, weight: f64, axis: &Axis, weights: Option<&[Vec<f64>]>) -> Self {
        let n_groups = weights.and_then(|bands| bands.first()).map_or(0, Vec::len);
        let mut sum = Densities::zeros(axis.n, n_groups);
        for band in 0..states.n_bands(k) {
            sum.add_state(&states.spread(k, band, axis), weight, weights.map_or(&[], |bands| &bands[band]));
        }
        sum
    }

    fn add_state(&mut self, spread: &Spread, weight: f64, on_groups: &[f64]) {
        let range = spread.first..spread.first + spread.density.len();
        add(&mut self.total[range.clone()], &spread.density, weight);
        add(&mut self.partly[range.clone()], &spread.integrated, weight);
        self.wholly[range.end] += weight;
        for (group, share) in self.projected.iter_mut().zip(on_groups) {
            add(&mut group[range.clone()], &spread.density, weight * share);
        }
    }

    /// Adds the states of another k point.
    pub fn add(&mut self, other: &Densities) {
        add(&mut self.total, &other.total, 1.0);
        add(&mut self.partly, &other.partly, 1.0);
        add(&mut self.wholly, &other.wholly, 1.0);
        self.projected.iter_mut().zip(&other.projected).for_each(|(sum, one)| add(sum, one, 1.0));
    }

    /// Number of states below each point.
    pub fn integrated(&self) -> Vec<f64> {
        let mut below = 0.0;
        let at = |(partly, wholly): (&f64, &f64)| {
            below += wholly;
            below + partly
        };
        self.partly.iter().zip(&self.wholly).map(at).collect()
    }
}

fn add(sum: &mut [f64], values: &[f64], factor: f64) {
    sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += factor * value);
}
