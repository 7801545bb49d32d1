//! Reading a run: a folder, its files found by name and content, or given by hand.

use std::path::{Path, PathBuf};

use crate::basis::Shell;
use crate::calculation::Calculation;
use crate::code::Code;
use crate::error::Result;
use crate::{abacus, openmx, siesta};

/// What the user says by hand; everything else is found.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// File of H⁽⁰⁾ (for nspin 2: the spin-up file; the other is found beside it).
    pub h0: Option<PathBuf>,
    /// File of the converged H.
    pub hamiltonian: Option<PathBuf>,
    /// File of S.
    pub overlap: Option<PathBuf>,
    /// Structure (ABACUS: STRU; SIESTA: `.XV`).
    pub structure: Option<PathBuf>,
    /// Log of the converged run.
    pub log: Option<PathBuf>,
    /// k points (ABACUS: KPT; SIESTA: an fdf).
    pub kpoints: Option<PathBuf>,
    /// Shells by species label, as in `--basis C=2s2p1d`.
    pub basis: Vec<(String, Vec<Shell>)>,
    /// Number of valence electrons.
    pub electrons: Option<f64>,
    /// Which step of a relaxation or MD; `None`: files with several steps are refused.
    pub step: Option<Step>,
}

/// Which ionic step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// By number, as the file counts.
    Number(u64),
    /// The last one.
    Last,
}

/// Reads the run at `path`: a run's folder, or any file or folder that hzero knows.
///
/// # Errors
/// All six kinds; every message names the file.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Calculation> {
    match Code::of(path, options)? {
        Code::Abacus => abacus::run::read(path, options),
        Code::OpenMx => openmx::run::read(path, options),
        Code::Siesta => siesta::run::read(path, options),
    }
}
