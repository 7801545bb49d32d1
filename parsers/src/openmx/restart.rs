//! What the code needs to go on from a Hamiltonian.

use std::path::Path;

use super::{Layout, predicted};
use crate::error::Result;
use crate::restart::{Continuation, Restart};

/// Writes the files of [`predicted::write`].
///
/// # Errors
/// As [`crate::predicted::Prediction::write`].
pub fn write(folder: &Path, _shown: &Path, continuation: &Continuation, layout: &Layout) -> Result<Restart> {
    let files = predicted::write(folder, &continuation.prediction, layout)?;
    Ok(Restart { files, routes: Vec::new() })
}
