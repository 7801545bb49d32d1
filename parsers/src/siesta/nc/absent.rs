//! Builds without HDF5.

use std::path::Path;

use super::Nc;
use crate::error::{Error, Result};

impl Nc {
    /// Reads a `.nc` file: in a build with the feature `hdf5`.
    ///
    /// # Errors
    /// `Unsupported`, naming the feature.
    pub fn read(path: &Path) -> Result<Self> {
        Err(needs_hdf5("read").in_file(path))
    }

    /// Writes a `.nc` file: in a build with the feature `hdf5`.
    ///
    /// # Errors
    /// `Unsupported`, naming the feature.
    pub fn write(&self, path: &Path, _label: &str) -> Result<()> {
        Err(needs_hdf5("written").in_file(path))
    }
}

fn needs_hdf5(done: &str) -> Error {
    Error::unsupported(format!(
        "SIESTA's .nc files are {done} by builds with the feature `hdf5` (it needs libhdf5): `cargo install --path . --features hdf5`"
    ))
}
