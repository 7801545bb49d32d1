//! `info.json`: Fermi level and electrons where a training set holds no log.

use crate::error::{Error, Result};

/// The entries that hzero uses.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Deserialize)]
pub struct Info {
    /// Fermi level of the converged run, eV.
    #[serde(rename = "fermi_eV")]
    pub fermi_ev: Option<f64>,
    /// Valence electrons in the cell.
    pub nelec: Option<f64>,
}

impl Info {
    /// Reads the file; other entries are ignored.
    ///
    /// # Errors
    /// `Syntax` with what serde says.
    pub fn parse(file: &[u8]) -> Result<Info> {
        serde_json::from_slice(file).map_err(|e| Error::syntax("JSON with fermi_eV and nelec", format!("`{e}`")))
    }
}
