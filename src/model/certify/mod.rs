//! How good is a prediction, without a converged run?
//!
//! [`signs()`] reads off a prediction what needs no reference; the distance of the structure from training among them ranks the errors of
//! H and bands, and a [`Calibration`] by structures that the model did not see turns it into energies.

pub mod calibration;
pub mod consequences;
mod held_out;
pub mod ranking;
pub mod signs;
pub mod states;

pub use calibration::{Calibration, Expected, Observation};
pub use held_out::calibrate_held_out;
pub use signs::{Signs, signs};

use self::calibration::{PowerLaw, averaging};
use self::states::Mesh;
use super::band_error::{BandErrors, band_errors};
use super::evaluate::evaluate;
use super::predict::{Predictor, Stages};
use crate::bands::condition;
use crate::bands::fermi;
use crate::bands::mesh::KMesh;
use crate::bands::spectrum::{SpectrumOptions, energies};
use crate::parsers::{Calculation, Error, Of, Operator, Result, SpinOperator};

/// How good a prediction is expected to be. Energies in hartree.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    /// What can be seen of it.
    pub signs: Signs,
    /// Mean |H − H_SCF| after one rigid shift.
    pub hamiltonian: Expected,
    /// The same over the mean |H_SCF − H⁽⁰⁾|, for which the predicted ΔH stands.
    pub relative: Expected,
    /// Mean absolute error of the occupied bands after one rigid shift.
    pub occupied: Expected,
    /// The same up to 5 eV above the Fermi level.
    pub to_5ev: Expected,
    /// Error of the energy after one diagonalization, meV per atom.
    pub energy_mev_per_atom: Expected,
    /// States that should not be there.
    pub ghosts: Ghosts,
    /// The calibration that was used.
    pub calibration: Calibration,
}

/// Signs of ghost states.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ghosts {
    /// How far the lowest state lies below what the calibration and the noise level allow, hartree; positive: a ghost.
    pub below: f64,
    /// Is some state up to 5 eV above the Fermi level made of nearly dependent orbitals?
    pub amplified: bool,
}

/// A state up to 5 eV above the Fermi level has Σ|c|² between 1 and 10 in every converged run of our sets (docs/certify.md).
const LARGEST_AMPLIFICATION: f64 = 30.0;
/// Margin of the lowest state beyond calibration and ten times the expected error of the occupied bands, hartree: 0.3 eV.
const GHOST_MARGIN: f64 = 0.011;

/// Certifies a prediction.
///
/// # Errors
/// As [`signs()`].
pub fn certify(predictor: &Predictor, run: &Calculation, stages: &[Stages], h: &SpinOperator) -> Result<Certificate> {
    let signs = signs(predictor, run, stages, h)?;
    let known = predictor.model().header.calibration.clone();
    let calibration = known.unwrap_or_else(|| Calibration::generic(signs.size));
    let expected = |law: &PowerLaw| calibration.expected(law, signs.distance, signs.size);
    let bands = |law: &PowerLaw| expected(law).scaled(1.0 / averaging(signs.n_different));
    let hamiltonian = expected(&calibration.hamiltonian);
    let occupied = bands(&calibration.occupied);
    Ok(Certificate {
        hamiltonian,
        relative: hamiltonian.scaled(1.0 / signs.size.max(f64::MIN_POSITIVE)),
        occupied,
        to_5ev: bands(&calibration.to_5ev),
        energy_mev_per_atom: hamiltonian.scaled(1000.0 * run.origin.ev_per_hartree).through(&consequences::ENERGY),
        ghosts: Ghosts {
            below: signs.lowest_drop - calibration.lowest_drop - 10.0 * occupied.high - GHOST_MARGIN,
            amplified: signs.amplification > LARGEST_AMPLIFICATION,
        },
        calibration,
        signs,
    })
}

/// Predicts a run whose converged H is known: how far it is from training, and its true errors.
///
/// # Errors
/// `Unsupported` where the run lacks the converged H, S, or the number of electrons; as [`Predictor::predict`] and [`Mesh::new`].
pub fn observe(predictor: &Predictor, run: &Calculation) -> Result<Observation> {
    let converged = run.hamiltonian.as_ref().ok_or_else(|| Error::unsupported("the run has no converged H"))?;
    let stages = predictor.stages(run)?;
    let predicted = predictor.hamiltonian(run, &stages)?;
    let [bonds, atoms] = signs::leverages(&stages);
    let bands = true_band_errors(run, &predicted)?;
    Ok(Observation {
        distance: signs::distance(&bonds, &atoms),
        n_different: signs::n_different(&stages),
        size: signs::size(predictor, &stages)?,
        hamiltonian: evaluate(run, &predicted)?.total.mae_aligned,
        occupied: bands.occupied_mae,
        to_5ev: bands.to_5ev_mae,
        lowest_drop: signs::lowest_drop(&Mesh::new(run, converged, &[])?),
    })
}

/// Bands of a prediction against those of the run's converged H, on the run's own k mesh.
///
/// # Errors
/// `Unsupported` where the run lacks S, H or electrons; `Inconsistent` where the eigenproblem has no solution.
pub fn true_band_errors(run: &Calculation, predicted: &SpinOperator) -> Result<BandErrors> {
    band_errors_with(run, predicted, super::target::overlap(run)?)
}

/// Largest over least eigenvalue of S(k) at the worst point of the run's own k mesh.
///
/// # Errors
/// `Unsupported` where the run lacks S; as [`overlap_condition`](condition::overlap_condition).
pub fn overlap_condition(run: &Calculation, hamiltonian: &SpinOperator) -> Result<f64> {
    let mesh = KMesh::of_run(run, hamiltonian);
    condition::overlap_condition(super::target::overlap(run)?, &run.basis, &mesh.points)
}

/// Bands of the run's converged H with another S against those with its own.
///
/// # Errors
/// As [`true_band_errors`]; `Inconsistent` also where the other S is not positive definite.
pub fn band_errors_of_overlap(run: &Calculation, overlap: &Operator<f64>) -> Result<BandErrors> {
    let converged = run.hamiltonian.as_ref().ok_or_else(|| Error::unsupported("the run has no converged H"))?;
    band_errors_with(run, converged, overlap)
}

fn band_errors_with(run: &Calculation, predicted: &SpinOperator, overlap: &Operator<f64>) -> Result<BandErrors> {
    let options = SpectrumOptions::default();
    let own = super::target::overlap(run)?;
    let converged = run.hamiltonian.as_ref().ok_or_else(|| Error::unsupported("the run has no converged H"))?;
    let mesh = KMesh::of_run(run, converged);
    let on_mesh = |h: &SpinOperator, s: &Operator<f64>| energies(h, s, &run.basis, &mesh.points, options);
    let fermi = fermi::level_of(run, Of::Scf, options)?;
    let unknown = "neither the Fermi level nor the number of electrons is known; give --electrons";
    let fermi = fermi.ok_or_else(|| Error::unsupported(unknown))?;
    let (reference, predicted) = (on_mesh(converged, own)?, on_mesh(predicted, overlap)?);
    Ok(band_errors(&reference, &predicted, &mesh.weights, fermi, run.origin.ev_per_hartree))
}
