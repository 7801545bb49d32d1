//! The level up to which interpolated states hold the electrons.

use super::regular::RegularMesh;
use super::spread::States;

/// A level is found when the states hold as many electrons but for this.
const TOLERANCE: f64 = 1e-10;

/// Interpolated states of all spins.
pub struct Filling<'a> {
    states: Vec<States<'a>>,
    weights: &'a [f64],
    /// `ranges[spin][band]`: lowest and highest energy of the band.
    ranges: Vec<Vec<(f64, f64)>>,
    electrons_per_state: f64,
}

impl<'a> Filling<'a> {
    /// For states with energies `[spin][k][band]` on `mesh`.
    pub fn new(
        mesh: &'a RegularMesh,
        diagonal: [i64; 3],
        energies: &'a [Vec<Vec<f64>>],
        electrons_per_state: f64,
    ) -> Self {
        let states = energies.iter().map(|spin| States::interpolated(mesh, diagonal, spin)).collect();
        let ranges = energies.iter().map(|spin| ranges(spin)).collect();
        Filling { states, weights: &mesh.computed.weights, ranges, electrons_per_state }
    }

    /// The level at which they hold `electrons`; in a gap its middle. `None` where they cannot hold so many.
    pub fn level(&self, electrons: f64) -> Option<f64> {
        let lower = self.crossing(electrons - TOLERANCE)?;
        let upper = self.crossing(electrons + TOLERANCE).unwrap_or(lower);
        Some(0.5 * (lower + upper))
    }

    /// The lowest level with at least so many electrons, by bisection.
    fn crossing(&self, electrons: f64) -> Option<f64> {
        let ends = || self.ranges.iter().flatten();
        let mut low = ends().map(|range| range.0).reduce(f64::min)? - 1e-6;
        let mut high = ends().map(|range| range.1).reduce(f64::max)?;
        if self.electrons(high) < electrons || electrons <= 0.0 {
            return None;
        }
        while high - low > 1e-13 * (1.0 + low.abs() + high.abs()) {
            let middle = 0.5 * (low + high);
            if self.electrons(middle) < electrons { low = middle } else { high = middle }
        }
        Some(high)
    }

    /// Electrons in the states up to `level`.
    pub fn electrons(&self, level: f64) -> f64 {
        let of_spin = |(states, ranges): (&States<'_>, &Vec<(f64, f64)>)| {
            (0..ranges.len()).map(|band| self.of_band(states, band, ranges[band], level)).sum::<f64>()
        };
        self.electrons_per_state * self.states.iter().zip(&self.ranges).map(of_spin).sum::<f64>()
    }

    fn of_band(&self, states: &States<'_>, band: usize, (low, high): (f64, f64), level: f64) -> f64 {
        let share = |k: usize| match level {
            _ if level >= high => 1.0,
            _ if level < low => 0.0,
            _ => states.below(k, band, level),
        };
        let there = self.weights.iter().enumerate().filter(|(k, _)| band < states.n_bands(*k));
        there.map(|(k, weight)| weight * share(k)).sum()
    }
}

fn ranges(by_k: &[Vec<f64>]) -> Vec<(f64, f64)> {
    let n_bands = by_k.iter().map(Vec::len).max().unwrap_or(0);
    let of_band = |band: usize| {
        let energies = by_k.iter().filter_map(|bands| bands.get(band));
        energies.fold((f64::MAX, f64::MIN), |(low, high), &e| (low.min(e), high.max(e)))
    };
    (0..n_bands).map(of_band).collect()
}
