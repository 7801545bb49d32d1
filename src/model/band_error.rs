//! How far predicted bands are from converged ones, by window, after one rigid shift.

use std::ops::AddAssign;

/// Energies above the Fermi level up to which conduction bands are judged by themselves, and ghost states are counted: 5 eV.
const WINDOW_EV: f64 = 5.0;
/// A predicted state counts below an energy if it is this far below it: 0.1 eV.
const GHOST_MARGIN_EV: f64 = 0.1;

/// Band errors of one structure, hartree. States are compared band by band at each k point and weighted with the k points.
#[derive(Debug, Clone, PartialEq)]
pub struct BandErrors {
    /// Mean signed error of the occupied states: the rigid shift that is removed from everything below.
    pub shift: f64,
    /// Mean absolute error of the states below the Fermi level.
    pub occupied_mae: f64,
    /// Mean absolute error of the states between the Fermi level and 5 eV above it; `None` where there are none.
    pub to_5ev_mae: Option<f64>,
    /// Mean absolute error of all states.
    pub all_mae: f64,
    /// Error of the band gap (same number of occupied bands at every k point); `None` for metals.
    pub gap_error: Option<f64>,
    /// Error of the lowest state after the shift, at the k point where it is largest, with its sign: far below zero where a state fell
    /// out of the spectrum.
    pub lowest_state_error: f64,
    /// Predicted states too many: over all energies x up to 5 eV above the Fermi level, the largest number of states that the prediction
    /// has below x − 0.1 eV beyond those that the reference has below x; summed over spins and k points.
    pub ghost_states: usize,
    /// Number of states compared.
    pub n_states: usize,
}

#[derive(Default)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl AddAssign<(f64, f64)> for Mean {
    fn add_assign(&mut self, (value, weight): (f64, f64)) {
        self.sum += value * weight;
        self.weight += weight;
    }
}

impl Mean {
    fn value(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}

/// Compares `predicted` with `reference`, both `[spin][k][band]`, ascending, hartree; `weights` per k point; `fermi` is
/// the reference's Fermi level, `hartree_in_ev` the run's own constant (for the 5 eV and 0.1 eV limits).
pub fn band_errors(
    reference: &[Vec<Vec<f64>>],
    predicted: &[Vec<Vec<f64>>],
    weights: &[f64],
    fermi: f64,
    hartree_in_ev: f64,
) -> BandErrors {
    let states = || states(reference, predicted, weights);
    let mut occupied = Mean::default();
    states().filter(|s| s.reference <= fermi).for_each(|s| occupied += (s.predicted - s.reference, s.weight));
    let shift = occupied.value().unwrap_or(0.0);
    let window_end = fermi + WINDOW_EV / hartree_in_ev;
    let (mut below, mut window, mut all) = (Mean::default(), Mean::default(), Mean::default());
    let mut n_states = 0;
    for s in states() {
        let error = (s.predicted - shift - s.reference).abs();
        all += (error, s.weight);
        if s.reference <= fermi {
            below += (error, s.weight);
        } else if s.reference <= window_end {
            window += (error, s.weight);
        }
        n_states += 1;
    }
    let gap_error = gap(reference, reference, fermi)
        .and_then(|expected| gap(predicted, reference, fermi).map(|found| found - expected));
    let ghosts = Ghosts { shift, margin: GHOST_MARGIN_EV / hartree_in_ev, window_end };
    let bands = || reference.iter().zip(predicted).flat_map(|(reference, predicted)| reference.iter().zip(predicted));
    let lowest = bands().filter_map(|(reference, predicted)| Some(predicted.first()? - shift - reference.first()?));
    BandErrors {
        shift,
        occupied_mae: below.value().unwrap_or(0.0),
        to_5ev_mae: window.value(),
        all_mae: all.value().unwrap_or(0.0),
        gap_error,
        lowest_state_error: lowest.fold(0.0, |worst, error| if error.abs() > f64::abs(worst) { error } else { worst }),
        ghost_states: bands().map(|(reference, predicted)| ghosts.count(reference, predicted)).sum(),
        n_states,
    }
}

/// What counts as a state too many, hartree.
struct Ghosts {
    shift: f64,
    margin: f64,
    window_end: f64,
}

impl Ghosts {
    /// At one k point, both ascending. The excess grows where x passes a predicted state + margin, so only those x matter.
    fn count(&self, reference: &[f64], predicted: &[f64]) -> usize {
        let places = predicted.iter().map(|energy| energy - self.shift + self.margin).enumerate();
        let excess = |(k, x): (usize, f64)| (k + 1).saturating_sub(reference.partition_point(|&energy| energy <= x));
        places.take_while(|(_, x)| *x < self.window_end).map(excess).max().unwrap_or(0)
    }
}

struct State {
    reference: f64,
    predicted: f64,
    weight: f64,
}

fn states<'a>(
    reference: &'a [Vec<Vec<f64>>],
    predicted: &'a [Vec<Vec<f64>>],
    weights: &'a [f64],
) -> impl Iterator<Item = State> + 'a {
    reference.iter().zip(predicted).flat_map(move |(reference, predicted)| {
        reference.iter().zip(predicted).zip(weights).flat_map(|((reference, predicted), &weight)| {
            reference.iter().zip(predicted).map(move |(&reference, &predicted)| State { reference, predicted, weight })
        })
    })
}

/// Gap of `energies` with the band count that `reference` has below `fermi`; `None` where that differs between k points.
fn gap(energies: &[Vec<Vec<f64>>], reference: &[Vec<Vec<f64>>], fermi: f64) -> Option<f64> {
    let (mut top, mut bottom) = (f64::NEG_INFINITY, f64::INFINITY);
    for (energies, reference) in energies.iter().zip(reference) {
        let n_occupied = |bands: &Vec<f64>| bands.iter().filter(|&&e| e <= fermi).count();
        let n = reference.first().map(n_occupied)?;
        if n == 0 || reference.iter().any(|bands| n_occupied(bands) != n) {
            return None;
        }
        for bands in energies {
            top = top.max(*bands.get(n - 1)?);
            bottom = bottom.min(*bands.get(n)?);
        }
    }
    Some(bottom - top)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rigid_shift_is_no_error_but_a_ghost_is_one() {
        let reference = vec![vec![vec![-1.0, 0.0, 0.1], vec![-1.1, 0.05, 0.3]]];
        let shifted: Vec<_> =
            reference.iter().map(|s| s.iter().map(|k| k.iter().map(|e| e + 0.2).collect()).collect()).collect();
        let errors = band_errors(&reference, &shifted, &[1.0, 1.0], -0.5, 27.2);
        assert!((errors.shift - 0.2).abs() < 1e-12 && errors.all_mae < 1e-12 && errors.occupied_mae < 1e-12);
        assert_eq!((errors.ghost_states, errors.n_states), (0, 6));
        assert!(errors.gap_error.is_some_and(|e| e.abs() < 1e-12));

        let mut ghost = reference.clone();
        ghost[0][1][0] = -2.0;
        let errors = band_errors(&reference, &ghost, &[3.0, 1.0], -0.5, 27.2);
        assert_eq!(errors.ghost_states, 1);
        assert!((errors.lowest_state_error - (-0.9 - errors.shift)).abs() < 1e-12 && errors.lowest_state_error < -0.4);
    }

    /// In electronvolt, Fermi level 0, one k point, no shift since the occupied state is right.
    #[test]
    fn states_too_many_count_wherever_they_are_up_to_the_end_of_the_window() {
        let ghosts = |reference: &[f64], predicted: &[f64]| {
            let [reference, predicted] = [reference, predicted].map(|bands| vec![vec![bands.to_vec()]]);
            band_errors(&reference, &predicted, &[1.0], 0.0, 1.0).ghost_states
        };
        let reference = [-8.0, 2.0, 4.0, 9.0, 12.0];
        assert_eq!(ghosts(&reference, &reference), 0);
        // One between the bands, and one above: the states from there on only change their numbers.
        assert_eq!(ghosts(&reference, &[-8.0, 1.0, 2.0, 4.0, 9.0]), 1);
        assert_eq!(ghosts(&reference, &[-8.0, 1.0, 2.0, 3.0, 4.0]), 2);
        // Within the margin, beyond the window, or a state too few: no ghosts.
        assert_eq!(ghosts(&reference, &[-8.0, 1.95, 3.95, 9.0, 12.0]), 0);
        assert_eq!(ghosts(&reference, &[-8.0, 2.0, 4.0, 5.0, 6.0]), 0);
        assert_eq!(ghosts(&reference, &[-8.0, 3.0, 4.5, 9.0, 12.0]), 0);
    }

    #[test]
    fn windows_are_weighted_with_the_k_points() {
        let reference = vec![vec![vec![-1.0, 0.1], vec![-1.0, 0.1]]];
        let predicted = vec![vec![vec![-1.0, 0.1], vec![-1.0, 0.3]]];
        let errors = band_errors(&reference, &predicted, &[3.0, 1.0], 0.0, 27.2);
        assert!((errors.to_5ev_mae.unwrap_or(0.0) - 0.05).abs() < 1e-12);
        assert!((errors.all_mae - 0.025).abs() < 1e-12);
        assert_eq!(errors.gap_error.map(|e| (e * 1e9).round()), Some(0.0));
    }
}
