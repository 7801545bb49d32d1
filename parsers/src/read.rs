//! Reading a run: a folder, its files found by name and content, or given by hand.

use std::path::{Path, PathBuf};

use crate::basis::Shell;
use crate::calculation::{Calculation, KGrid};
use crate::code::Code;
use crate::companion::Companion;
use crate::error::{Context, Error, Result};
use crate::{abacus, neutral, openmx, out_of_scope, siesta};

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
    let found = neutral::find(path)?;
    let (run, code) = match found {
        Some(format) => (neutral::read(format, path, options)?, None),
        None => {
            out_of_scope::refuse(path)?;
            let code = Code::of(path, options)?;
            (read_of_code(code, path, options)?, Some(code))
        }
    };
    let run = match Companion::of(path, found, code)? {
        Some(companion) => companion.restore(run, options).in_file(path)?,
        None => run,
    };
    if let Some(grid) = run.k_grid {
        check_mesh(grid).in_file(path)?;
    }
    Ok(run)
}

fn read_of_code(code: Code, path: &Path, options: &ReadOptions) -> Result<Calculation> {
    match code {
        Code::Abacus => abacus::run::read(path, options),
        Code::OpenMx => openmx::run::read(path, options),
        Code::Siesta => siesta::run::read(path, options),
    }
}

/// More points than any mesh has: whoever makes the mesh allocates so many.
const MAX_MESH_POINTS: u32 = 2_000_000;

fn check_mesh(grid: KGrid) -> Result<()> {
    let n_points = grid.divisions.iter().fold(1_u32, |product, &n| product.saturating_mul(n));
    if n_points > MAX_MESH_POINTS {
        let [a, b, c] = grid.divisions;
        return Err(Error::unsupported(format!(
            "a k mesh of {a} x {b} x {c}; at most {MAX_MESH_POINTS} points are read"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meshes_that_lie_are_refused() {
        let checked =
            |divisions| check_mesh(KGrid { divisions, shift: [0.0; 3], gamma_centred: true, nudge: [0.0; 3] });
        assert!(checked([100, 100, 100]).is_ok() && checked([9999, 1, 1]).is_ok());
        let message = checked([4_000_000_000, 2, 2]).unwrap_err().to_string();
        assert_eq!(message, "a k mesh of 4000000000 x 2 x 2; at most 2000000 points are read");
    }
}
