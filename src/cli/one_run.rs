//! A run that a command reads as a whole.

use std::path::PathBuf;

use super::run_args::RunFiles;
use crate::parsers::{Calculation, Result, read};

/// One run, for commands that need all of it. It comes after a command's plain arguments: its heading holds for what follows.
#[derive(clap::Args, Debug, Clone)]
pub struct OneRun {
    /// A run's folder, or any file or folder that hzero reads
    #[arg(value_name = "RUN")]
    pub place: PathBuf,
    /// What is given by hand.
    #[command(flatten)]
    pub files: RunFiles,
}

impl OneRun {
    /// Reads it.
    ///
    /// # Errors
    /// Those of [`read`].
    pub fn read(&self) -> Result<Calculation> {
        read(&self.place, &self.files.options())
    }

    /// What it is called in messages.
    pub fn name(&self) -> String {
        self.place.display().to_string()
    }
}
