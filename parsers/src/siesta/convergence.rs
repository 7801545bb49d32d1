//! `SCF cycle converged after … iterations`, or `SCF_NOT_CONV`, in SIESTA's standard output.

use std::path::Path;

use super::files::Run;
use super::log::Log;
use crate::convergence::Convergence;
use crate::error::{Context, Result};
use crate::input;
use crate::read::ReadOptions;

/// What the output of the self-consistent run says.
///
/// # Errors
/// Those of [`Run::discover`] and [`Log::parse`].
pub fn of(path: &Path, options: &ReadOptions) -> Result<Convergence> {
    let Some(scf) = Run::discover(path)?.scf else { return Ok(Convergence::Unknown) };
    let Some(file) = options.log.clone().or(scf.log) else { return Ok(Convergence::Unknown) };
    let log = Log::parse(&input::open(&file)?).in_file(&file)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Ok(match log.converged {
        Some(true) => Convergence::Converged,
        Some(false) => Convergence::NotConverged(format!("{name} says SCF_NOT_CONV")),
        None => Convergence::NotConverged(format!("{name} has no line `SCF cycle converged`")),
    })
}
