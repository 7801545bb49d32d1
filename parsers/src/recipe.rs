//! The input of the step-zero run, out of the user's own: one recipe per code.

use std::path::Path;

use crate::code::Code;
use crate::error::{Error, Result};
use crate::{abacus, openmx, siesta};

/// The new input, and what the user should know.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// The whole file; changed and added keys carry a comment.
    pub input: String,
    /// One sentence each.
    pub warnings: Vec<String>,
}

/// Reads the user's input at `path` (the file, or the folder that it lies in) and turns it into that of the step-zero run
/// for this version of the code (`None`: the oldest that is described).
///
/// # Errors
/// `Io`, `Syntax`; `Unsupported` for versions that the recipe does not know.
pub fn step_zero(code: Code, path: &Path, version: Option<&str>) -> Result<Recipe> {
    match code {
        Code::Abacus => abacus::recipe::step_zero(path, version),
        Code::OpenMx => openmx::recipe::step_zero(path, version),
        Code::Siesta => siesta::recipe::step_zero(path, version),
    }
}

/// The version that `version` names out of a code's (name, value) table; the first one where none is given.
pub(crate) fn release<T: Copy>(code: Code, known: &[(&str, T)], version: Option<&str>) -> Result<T> {
    let found = match version {
        None => known.first(),
        Some(version) => known.iter().find(|(name, _)| *name == version),
    };
    found.map(|(_, release)| *release).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let version = version.unwrap_or_default();
        Error::unsupported(format!("no recipe for {} {version}: there are {}", code.name(), names.join(", ")))
    })
}
