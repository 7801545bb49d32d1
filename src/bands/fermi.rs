//! The Fermi level of any Hamiltonian of a run, from its electrons on its k mesh.

use std::ops::Range;

use super::mesh::KMesh;
use super::occupation::States;
use super::spectrum::{EnergiesAt, SpectrumOptions, energies};
use crate::parsers::{Calculation, Error, Of, Smearing, SpinOperator};

/// Smearing where the run states none: 0.005 hartree, Gaussian.
pub const DEFAULT_SMEARING: Smearing = Smearing::Gaussian(0.005);

/// Fermi level of `hamiltonian` (hartree) with the run's overlap, electrons, smearing and k mesh (else
/// [`DEFAULT_SMEARING`] and [`super::mesh::default_grid`]). `None` where electrons or overlap are unknown.
///
/// # Errors
/// `Inconsistent` where the eigenproblem has no solution or the basis cannot hold the electrons.
pub fn computed_level(
    run: &Calculation,
    hamiltonian: &SpinOperator,
    options: SpectrumOptions,
) -> Result<Option<f64>, Error> {
    let Some(overlap) = &run.overlap else { return Ok(None) };
    computed_level_by(run, hamiltonian, &|h, k| energies(h, overlap, &run.basis, k, options))
}

/// As [`computed_level`], with energies by `energies_at`.
///
/// # Errors
/// As [`computed_level`].
pub fn computed_level_by(
    run: &Calculation,
    hamiltonian: &SpinOperator,
    energies_at: EnergiesAt<'_>,
) -> Result<Option<f64>, Error> {
    let Some(electrons) = run.n_electrons.filter(|_| run.overlap.is_some()) else { return Ok(None) };
    let mesh = KMesh::of_run(run, hamiltonian);
    let energies = energies_at(hamiltonian, &mesh.points)?;
    let electrons_per_state = hamiltonian.electrons_per_state();
    let states = States { energies: &energies, weights: &mesh.weights, electrons_per_state };
    let levels = levels(run, &states, electrons)?;
    Ok(Some(levels.iter().sum::<f64>() / levels.len() as f64))
}

/// The level up to which `states` hold `electrons`, or two of them, of up and down, where the run fixes the moment.
///
/// # Errors
/// `Inconsistent` where the states cannot hold so many.
pub fn levels(run: &Calculation, states: &States<'_>, electrons: f64) -> Result<Vec<f64>, Error> {
    let of_filling = |(channels, electrons): (Range<usize>, f64)| {
        level(&States { energies: &states.energies[channels], ..*states }, electrons, smearing(run))
    };
    fillings(run, states.energies.len(), electrons).into_iter().map(of_filling).collect()
}

/// Spin channels that have one Fermi level, and the electrons in them: all, or each by itself where the run fixes the moment.
pub fn fillings(run: &Calculation, n_channels: usize, electrons: f64) -> Vec<(Range<usize>, f64)> {
    match run.fixed_moment.filter(|_| n_channels == 2) {
        Some(moment) => vec![(0..1, 0.5 * (electrons + moment)), (1..2, 0.5 * (electrons - moment))],
        None => vec![(0..n_channels, electrons)],
    }
}

fn level(states: &States<'_>, electrons: f64, smearing: Smearing) -> Result<f64, Error> {
    states.fermi_level(electrons, smearing).ok_or_else(|| {
        let n_states: usize = states.energies.iter().filter_map(|by_k| by_k.iter().map(Vec::len).min()).sum();
        let capacity = states.electrons_per_state * n_states as f64;
        Error::inconsistent(format!("{electrons} electrons do not fit into a basis that holds {capacity}"))
    })
}

/// The run's own smearing, else [`DEFAULT_SMEARING`].
pub fn smearing(run: &Calculation) -> Smearing {
    run.smearing.unwrap_or(DEFAULT_SMEARING)
}

/// Fermi level of H⁽⁰⁾ or H: the run's own for the converged H where it is known, else [`computed_level`].
///
/// # Errors
/// As [`computed_level`]; `Inconsistent` where the run lacks that Hamiltonian.
pub fn level_of(run: &Calculation, of: Of, options: SpectrumOptions) -> Result<Option<f64>, Error> {
    known_level_or(run, of, |hamiltonian| computed_level(run, hamiltonian, options))
}

/// As [`level_of`], with energies by `energies_at`.
///
/// # Errors
/// As [`level_of`].
pub fn level_of_by(run: &Calculation, of: Of, energies_at: EnergiesAt<'_>) -> Result<Option<f64>, Error> {
    known_level_or(run, of, |hamiltonian| computed_level_by(run, hamiltonian, energies_at))
}

fn known_level_or(
    run: &Calculation,
    of: Of,
    computed: impl FnOnce(&SpinOperator) -> Result<Option<f64>, Error>,
) -> Result<Option<f64>, Error> {
    if let (Of::Scf, Some(level)) = (of, run.fermi_level) {
        return Ok(Some(level));
    }
    match run.operator(of) {
        Some(hamiltonian) => computed(hamiltonian),
        None => Err(Error::inconsistent(format!("the run has no {} Hamiltonian", super::name(of)))),
    }
}
