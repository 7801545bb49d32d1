//! Files of one format into files of another: between the two layouts of ABACUS file by file, elsewhere through the run.

mod csr;
mod from_run;

use std::path::{Path, PathBuf};

use crate::calculation::Of;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::format::Format;
use crate::read::ReadOptions;

/// What the user says.
#[derive(Debug, Clone)]
pub struct Request {
    /// File or folder to read.
    pub source: PathBuf,
    /// File or folder to write.
    pub target: PathBuf,
    /// Format of the source; found by content unless given.
    pub from: Option<Format>,
    /// Format of the target.
    pub to: Format,
    /// What is said by hand of the source.
    pub options: ReadOptions,
    /// Which H of a run; the converged one unless given, H⁽⁰⁾ where there is no other. ABACUS converts all.
    pub of: Option<Of>,
}

/// Converts, and returns what was written.
///
/// # Errors
/// All kinds; `NotRepresentable` where the target needs what the source lacks, `Unsupported` from one code to another.
pub fn convert(request: &Request) -> Result<Vec<PathBuf>> {
    let (from, to) = (Code::of(&request.source, &request.options)?, request.to.capabilities().code);
    match (from, to) {
        (Code::Abacus, Code::Abacus) => csr::convert(request),
        (_, Code::Siesta) => from_run::siesta(request),
        (Code::OpenMx, Code::OpenMx) => from_run::openmx(request),
        (from, to) => {
            let message = format!("files of {} cannot become files of {} yet", from.name(), to.name());
            Err(Error::unsupported(message).in_file(&request.source))
        }
    }
}

/// A file must be of the format that was promised.
fn check_source(promised: Option<Format>, file: &Path) -> Result<()> {
    let Some(promised) = promised else { return Ok(()) };
    match Format::guess_file(file)? {
        Some(found) if found == promised => Ok(()),
        found => {
            let found = found.map_or("something else".into(), |format| format.to_string());
            Err(Error::syntax(format!("a file of format {promised}"), found).in_file(file))
        }
    }
}
