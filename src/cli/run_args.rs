//! The arguments by which every command finds a run's files.

use std::path::PathBuf;

use crate::parsers::basis::parse_shells;
use crate::parsers::{ReadOptions, Shell, Step};

/// Files and facts given by hand; whatever is not given is found in the run's folder.
#[derive(clap::Args, Debug, Clone, Default)]
#[command(next_help_heading = "Files of the run (found by themselves unless given)")]
pub struct RunFiles {
    /// File of H0 (step-zero Hamiltonian)
    #[arg(long, value_name = "FILE")]
    pub h0: Option<PathBuf>,
    /// File of the converged H
    #[arg(long, value_name = "FILE")]
    pub hamiltonian: Option<PathBuf>,
    /// File of S
    #[arg(long, value_name = "FILE")]
    pub overlap: Option<PathBuf>,
    /// Structure file (ABACUS: STRU; SIESTA: NAME.XV)
    #[arg(long, value_name = "FILE")]
    pub structure: Option<PathBuf>,
    /// Log of the run (ABACUS: running_scf.log; SIESTA: its standard output)
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// k-point file of the run (ABACUS: KPT; SIESTA: NAME.fdf)
    #[arg(long, value_name = "FILE")]
    pub kpt: Option<PathBuf>,
    /// Shells of a species, e.g. C=2s2p1d; may be repeated
    #[arg(long, value_name = "LABEL=SHELLS", value_parser = label_shells)]
    pub basis: Vec<(String, Vec<Shell>)>,
    /// Number of valence electrons in the cell
    #[arg(long, value_name = "N")]
    pub electrons: Option<f64>,
    /// Ionic step of a relaxation or MD: a number as in the file, or `last`
    #[arg(long, value_name = "N|last", value_parser = step)]
    pub step: Option<Step>,
}

impl RunFiles {
    /// Is a file among them? Then they describe one run.
    pub fn names_files(&self) -> bool {
        let files = [&self.h0, &self.hamiltonian, &self.overlap, &self.structure, &self.log, &self.kpt];
        files.iter().any(|file| file.is_some())
    }

    /// What the reader needs.
    pub fn options(&self) -> ReadOptions {
        ReadOptions {
            h0: self.h0.clone(),
            hamiltonian: self.hamiltonian.clone(),
            overlap: self.overlap.clone(),
            structure: self.structure.clone(),
            log: self.log.clone(),
            kpoints: self.kpt.clone(),
            basis: self.basis.clone(),
            electrons: self.electrons,
            step: self.step,
        }
    }
}

fn label_shells(text: &str) -> Result<(String, Vec<Shell>), String> {
    let (label, shells) = text.split_once('=').ok_or("write LABEL=SHELLS, e.g. C=2s2p1d")?;
    let shells = parse_shells(shells).ok_or_else(|| format!("`{shells}` is not a list of shells such as 2s2p1d"))?;
    Ok((label.to_owned(), shells))
}

fn step(text: &str) -> Result<Step, String> {
    match text {
        "last" => Ok(Step::Last),
        number => number.parse().map(Step::Number).map_err(|_| format!("`{number}` is neither a number nor `last`")),
    }
}
