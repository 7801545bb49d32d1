//! A run as a whole.

use std::path::Path;

use crate::calculation::Calculation;
use crate::error::{Error, Result};
use crate::read::ReadOptions;

/// Reads the run at `path`.
///
/// # Errors
/// All kinds; every message names the file.
pub fn read(path: &Path, _options: &ReadOptions) -> Result<Calculation> {
    Err(Error::unsupported("runs of SIESTA cannot be read yet").in_file(path))
}
