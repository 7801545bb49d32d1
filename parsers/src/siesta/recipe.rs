//! The step-zero run of SIESTA.

use std::path::Path;

use crate::error::{Error, Result};
use crate::recipe::Recipe;

/// The input by which stock SIESTA writes H⁽⁰⁾.
///
/// # Errors
/// As [`crate::recipe::step_zero`].
pub fn step_zero(path: &Path, _version: Option<&str>) -> Result<Recipe> {
    Err(Error::unsupported("no recipe for SIESTA yet").in_file(path))
}
