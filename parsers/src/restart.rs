//! What a DFT code needs to go on from a Hamiltonian: its files, and the lines of its input.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::calculation::NativeLayout;
use crate::complete;
use crate::density::Density;
use crate::error::Result;
use crate::predicted::{Prediction, not_representable};
use crate::states::Eigenstates;
use crate::{abacus, openmx, siesta};

/// A Hamiltonian with its density: all that is written for the code that goes on from it.
#[derive(Debug, Clone, Copy)]
pub struct Continuation<'a> {
    /// H, predicted or converged, with the run that it belongs to.
    pub prediction: Prediction<'a>,
    /// The density matrices of that H.
    pub density: &'a Density,
    /// Its eigenstates, for codes that start from wave functions (ABACUS up to 3.8).
    pub states: Option<&'a dyn Eigenstates>,
}

/// What was written, and the ways on from there.
#[derive(Debug, Clone, Serialize)]
pub struct Restart {
    /// Every file that was written.
    pub files: Vec<PathBuf>,
    /// What the code can be asked to do; the recommended way first.
    pub routes: Vec<Route>,
}

/// One way in which the code goes on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Route {
    /// A short name.
    pub name: &'static str,
    /// What it is for.
    pub purpose: String,
    /// The files that the code reads, relative to the folder.
    pub files: Vec<String>,
    /// The lines of the code's input, to the letter.
    pub input_lines: Vec<String>,
    /// What to look for, and what not to trust.
    pub cautions: Vec<String>,
}

impl Continuation<'_> {
    /// Writes into `folder` (which the user will find as `shown`) what [`Prediction::write`] writes, density matrices, and
    /// inputs that are ready to run.
    ///
    /// # Errors
    /// As [`Prediction::write`].
    pub fn write(&self, folder: &Path, shown: &Path) -> Result<Restart> {
        let Prediction { run, hamiltonian, .. } = self.prediction;
        complete::check("H", hamiltonian, &run.basis)?;
        complete::check("DM", &self.density.matrix, &run.basis)?;
        match &run.native {
            Some(NativeLayout::Abacus(layout)) => abacus::restart::write(folder, shown, self, layout),
            Some(NativeLayout::Siesta(layout)) => siesta::restart::write(folder, shown, self, layout),
            Some(NativeLayout::OpenMx(layout)) => openmx::restart::write(folder, shown, self, layout),
            None => Err(not_representable(run.origin.code, "the run did not come from this code's own files")),
        }
    }
}
