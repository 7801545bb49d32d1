//! How far predicted bands are from converged ones, by window, after one rigid shift.

use std::ops::AddAssign;

/// Energies above the Fermi level up to which conduction bands are judged by themselves: 5 eV.
const WINDOW_EV: f64 = 5.0;
/// A predicted state this far below the lowest reference state is a ghost: 0.1 eV.
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
    /// Predicted states below the lowest reference state − 0.1 eV.
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
    let lowest = states().map(|s| s.reference).fold(f64::INFINITY, f64::min);
    let (mut below, mut window, mut all) = (Mean::default(), Mean::default(), Mean::default());
    let (mut ghost_states, mut n_states) = (0, 0);
    for s in states() {
        let error = (s.predicted - shift - s.reference).abs();
        all += (error, s.weight);
        if s.reference <= fermi {
            below += (error, s.weight);
        } else if s.reference <= fermi + WINDOW_EV / hartree_in_ev {
            window += (error, s.weight);
        }
        ghost_states += usize::from(s.predicted - shift < lowest - GHOST_MARGIN_EV / hartree_in_ev);
        n_states += 1;
    }
    let gap_error = gap(reference, reference, fermi)
        .and_then(|expected| gap(predicted, reference, fermi).map(|found| found - expected));
    BandErrors {
        shift,
        occupied_mae: below.value().unwrap_or(0.0),
        to_5ev_mae: window.value(),
        all_mae: all.value().unwrap_or(0.0),
        gap_error,
        ghost_states,
        n_states,
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
        assert_eq!(band_errors(&reference, &ghost, &[1.0, 1.0], -0.5, 27.2).ghost_states, 1);
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
