//! The files of a predicted Hamiltonian.

use std::path::{Path, PathBuf};

use super::Layout;
use crate::error::Result;
use crate::predicted::{Prediction, not_representable};

/// Writes the files of a predicted H.
///
/// # Errors
/// As [`Prediction::write`].
pub fn write(_folder: &Path, _prediction: &Prediction, _layout: &Layout) -> Result<Vec<PathBuf>> {
    Err(not_representable("OpenMX", "not yet"))
}

/// How OpenMX goes on.
pub fn next_step(_folder: &Path, _shown: &Path, _layout: &Layout) -> Option<String> {
    None
}
