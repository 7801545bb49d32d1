//! What ABACUS needs to go on from a Hamiltonian: matrices or wave functions, and an INPUT for each way on.
//!
//! 3.9.0.25 and later start from H(R) (`init_chg hr`) or DM(R) (`init_chg dm`), earlier versions from wave functions alone
//! (`init_wfc file`). ABACUS takes what it finds without a word: a file with half of the lattice vectors gives a wrong start, one
//! without elements hangs. [`Continuation::write`] sees to the first, this module to the second.

mod inputs;
mod routes;

use std::path::{Path, PathBuf};

use super::csr::Version;
use super::{Layout, predicted, wfc};
use crate::error::{Error, Result};
use crate::operator::{Operator, SpinOperator};
use crate::predicted::{Prediction, not_representable};
use crate::read::Step;
use crate::restart::{Continuation, Restart};

use inputs::UserInput;
use routes::{Facts, Start};

/// Writes into `folder` the files of [`predicted::write`], DM(R) or wave functions, and for each way on an INPUT that is ready
/// to run there: `INPUT` is that of the first route, `INPUT.<route>` those of the others.
///
/// # Errors
/// As [`crate::predicted::Prediction::write`]; `NotRepresentable` where H or DM has no element, or ABACUS up to 3.8 is to
/// start and there are no wave functions.
pub fn write(folder: &Path, shown: &Path, continuation: &Continuation, layout: &Layout) -> Result<Restart> {
    let prediction = &continuation.prediction;
    require_elements("H", prediction.hamiltonian)?;
    require_own_geometry(prediction)?;
    let mut files = predicted::write(folder, prediction, layout)?;
    let input = inputs::of_run(prediction)?;
    let start = match predicted::version(prediction, layout) {
        Version::New => {
            let density = &continuation.density.matrix;
            require_elements("DM", density)?;
            files.extend(predicted::put_densities(folder, prediction.run, density, layout)?);
            if prediction.hamiltonian.nspin() == 2 { Start::DensityMatrix } else { Start::Hamiltonian }
        }
        Version::Old => {
            let stated = input.as_ref().and_then(UserInput::n_bands);
            files.extend(wave_functions(folder, continuation, n_bands(continuation, stated))?);
            Start::WaveFunctions
        }
    };
    let plans = routes::plans(&facts(start, continuation, input.as_ref()));
    if start != Start::WaveFunctions {
        files.extend(prediction.run.k_path.as_deref().map(|nodes| inputs::write_path(folder, nodes)).transpose()?);
    }
    files.extend(input.map(|input| input.write(folder, &plans)).transpose()?.into_iter().flatten());
    files.sort();
    files.dedup();
    Ok(Restart { files, routes: plans.iter().map(|plan| plan.route(shown)).collect() })
}

/// H of a later ionic step needs another STRU than the one that lies in the run.
fn require_own_geometry(prediction: &Prediction) -> Result<()> {
    let Some((_, options)) = prediction.source else { return Ok(()) };
    let is_first = matches!(options.step, None | Some(Step::Number(..=1)));
    if is_first || options.structure.is_some() {
        return Ok(());
    }
    Err(Error::unsupported(
        "H of a later ionic step does not belong to the run's STRU: give its own by hand (--structure)",
    ))
}

fn facts(start: Start, continuation: &Continuation, input: Option<&UserInput>) -> Facts {
    let Prediction { run, hamiltonian, .. } = continuation.prediction;
    let is_crystal = run.overlap.as_ref().is_some_and(|s| s.pairs().as_slice().iter().any(|pair| pair.r != [0; 3]));
    Facts {
        start,
        nspin: hamiltonian.nspin(),
        n_wave_functions: hamiltonian.n_channels() * continuation.states.map_or(0, |states| states.kpoints().len()),
        is_single_point: is_crystal && run.k_grid.is_some_and(|grid| grid.divisions == [1; 3]),
        is_gamma_only: input.is_some_and(UserInput::is_gamma_only),
        has_lost_folder: input.is_some_and(UserInput::has_lost_folder),
        has_path: run.k_path.is_some(),
    }
}

fn require_elements(name: &str, operator: &SpinOperator) -> Result<()> {
    if is_zero(operator) {
        let what = format!("{name} has no element but zeros, on which ABACUS hangs");
        return Err(not_representable("ABACUS csr", &what));
    }
    Ok(())
}

/// Has some spin no element?
fn is_zero(operator: &SpinOperator) -> bool {
    let is_zero = |o: &Operator<f64>| o.values().iter().all(|&x| x == 0.0);
    match operator {
        SpinOperator::Unpolarized(both) => is_zero(both),
        SpinOperator::Collinear(spins) => spins.iter().any(is_zero),
        SpinOperator::Spinor(spin) => spin.iter().all(|o| o.values().iter().all(|x| x.norm() == 0.0)),
    }
}

fn wave_functions(folder: &Path, continuation: &Continuation, n_bands: usize) -> Result<Vec<PathBuf>> {
    let run = continuation.prediction.run;
    let Some(states) = continuation.states else {
        let what = "ABACUS up to 3.8 starts from wave functions only, and there are none";
        return Err(not_representable("ABACUS restart", what));
    };
    let per_state = continuation.prediction.hamiltonian.electrons_per_state();
    let mut files = wfc::write_all(folder, states, &run.basis, per_state, n_bands)?;
    files.push(inputs::write_k_list(folder, states)?);
    Ok(files)
}

/// NBANDS of the run, else at least as many as ABACUS takes by itself (`cal_nbands`: it refuses files with fewer).
fn n_bands(continuation: &Continuation, stated: Option<usize>) -> usize {
    const MARGIN: f64 = 21.0;
    let filled = continuation.density.electrons / continuation.prediction.hamiltonian.electrons_per_state();
    stated.unwrap_or_else(|| (filled + MARGIN).max(1.2 * filled + 2.0) as usize)
}
