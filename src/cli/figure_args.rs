//! What commands that draw have in common: what is shown, where the files go, what is printed.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::figures::{self, Figures};
use crate::bands::dos::Dos;
use crate::bands::structure::BandStructure;

/// Files and output of a command that draws.
#[derive(clap::Args, Debug, Clone)]
pub struct FigureArgs {
    /// Energies to show, eV relative to the Fermi level
    #[arg(long, num_args = 2, value_names = ["EMIN", "EMAX"], allow_negative_numbers = true)]
    window: Option<Vec<f64>>,
    /// Folder for the outputs
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
    /// Name of the outputs, without ending [default: what they show: bands, dos, unfolded]
    #[arg(long)]
    stem: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

impl FigureArgs {
    /// Energies to show, eV.
    pub fn window(&self) -> Option<[f64; 2]> {
        self.window.as_ref().map(|ends| [ends[0], ends[1]])
    }

    /// Name of the outputs, without ending.
    pub fn stem<'a>(&'a self, usual: &'a str) -> &'a str {
        self.stem.as_deref().unwrap_or(usual)
    }

    /// Writes the files and names them.
    pub fn write(
        &self,
        run: &Path,
        usual_stem: &str,
        bands: Option<&BandStructure>,
        dos: Option<&Dos>,
    ) -> anyhow::Result<Vec<PathBuf>> {
        let (title, stem) = (figures::title(run), self.stem(usual_stem));
        Figures { title, folder: &self.out, stem, window: self.window(), bands, dos }.write()
    }

    /// `json` where that is asked for, else `summary`.
    ///
    /// # Errors
    /// Where a number cannot be written.
    pub fn text(&self, json: &impl Serialize, summary: impl FnOnce() -> String) -> anyhow::Result<String> {
        Ok(if self.json { serde_json::to_string(json)? + "\n" } else { summary() })
    }
}
