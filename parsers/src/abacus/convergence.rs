//! `charge density convergence is achieved` (up to 3.9), `#SCF IS CONVERGED#` (3.11) in `running_*.log`.

use std::path::Path;

use super::files::Run;
use super::log::Log;
use crate::convergence::Convergence;
use crate::error::{Context, Result};
use crate::input;
use crate::read::ReadOptions;

/// What the log of the self-consistent run says.
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
        Some(false) => Convergence::NotConverged(format!("{name} says that convergence has not been achieved")),
        None => Convergence::NotConverged(format!("{name} ends before the loop does")),
    })
}
