//! Which files of a folder are what.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::folder::{existing, folder_of, plain_name};
use crate::read::ReadOptions;

/// The index of the matrices: what marks a folder.
const INDICES: &str = "rs_indices.out";
/// Where people send the log.
const LOGS: [&str; 2] = ["aims.out", "aims.log"];
/// Ends of the matrix files: `output_rs_matrices plain` and `hdf5`.
const ENDS: [&str; 2] = ["out", "h5"];

/// The files of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Files {
    /// `rs_indices.out`.
    pub indices: PathBuf,
    /// `basis-indices.out`.
    pub orbitals: PathBuf,
    /// `geometry.in`.
    pub geometry: PathBuf,
    /// `control.in`.
    pub control: Option<PathBuf>,
    /// `aims.out`.
    pub log: Option<PathBuf>,
    /// S.
    pub overlap: Option<PathBuf>,
    /// H: one file, or that of spin up and that of spin down.
    pub hamiltonian: Vec<PathBuf>,
}

/// Did `output_rs_matrices` of FHI-aims write this folder, or the folder that this file lies in?
pub fn is_own(path: &Path) -> bool {
    let folder = if path.is_dir() { path } else { folder_of(path) };
    let name = plain_name(path);
    let is_one_of_them = path.is_dir() || name.starts_with("rs_") || name == "basis-indices.out";
    is_one_of_them && existing(folder, INDICES).is_some()
}

impl Files {
    /// Finds the files in the folder `path`, or beside the file `path`; those that were given by hand come first.
    ///
    /// # Errors
    /// `Unsupported` where one is missing; `Inconsistent` where two could be the same.
    pub fn find(path: &Path, options: &ReadOptions) -> Result<Files> {
        let folder = if path.is_dir() { path } else { folder_of(path) };
        let needed = |name: &str| existing(folder, name).ok_or_else(|| missing(folder, name));
        let by_hand = |given: &Option<PathBuf>, found: Option<PathBuf>| given.clone().or(found);
        let files = Files {
            indices: needed(INDICES)?,
            orbitals: needed("basis-indices.out")?,
            geometry: options.structure.clone().map_or_else(|| needed("geometry.in"), Ok)?,
            control: existing(folder, "control.in"),
            log: by_hand(&options.log, LOGS.iter().find_map(|name| existing(folder, name))),
            overlap: by_hand(&options.overlap, only(folder, &["rs_overlap"])?),
            hamiltonian: hamiltonian(folder, options.hamiltonian.as_deref())?,
        };
        if files.overlap.is_none() && files.hamiltonian.is_empty() {
            return Err(missing(folder, "rs_hamiltonian.out, rs_hamiltonian_up.out, rs_overlap.out (or .h5)"));
        }
        Ok(files)
    }

    /// All of them, matrices last.
    pub fn all(&self) -> Vec<PathBuf> {
        let texts = [&self.geometry, &self.orbitals, &self.indices].into_iter().chain(&self.control).chain(&self.log);
        texts.chain(&self.hamiltonian).chain(&self.overlap).cloned().collect()
    }
}

fn hamiltonian(folder: &Path, by_hand: Option<&Path>) -> Result<Vec<PathBuf>> {
    let up = match by_hand {
        Some(path) => Some(path.to_owned()),
        None => only(folder, &["rs_hamiltonian", "rs_hamiltonian_up"])?,
    };
    let Some(up) = up else { return Ok(Vec::new()) };
    if !plain_name(&up).contains("_up.") {
        return Ok(vec![up]);
    }
    let down = only(folder_of(&up), &["rs_hamiltonian_dn", "rs_hamiltonian_down"])?;
    let down = down.ok_or_else(|| missing(folder_of(&up), "rs_hamiltonian_dn.out (or _down.h5), the other spin"))?;
    Ok(vec![up, down])
}

/// The only file with one of these stems and any end.
fn only(folder: &Path, stems: &[&str]) -> Result<Option<PathBuf>> {
    let names = stems.iter().flat_map(|stem| ENDS.map(|end| format!("{stem}.{end}")));
    let found: Vec<PathBuf> = names.filter_map(|name| existing(folder, &name)).collect();
    match &found[..] {
        [] => Ok(None),
        [file] => Ok(Some(file.clone())),
        [file, other, ..] => {
            let message = format!("{} could be the same matrix: name one of them by hand", other.display());
            Err(Error::inconsistent(message).in_file(file))
        }
    }
}

fn missing(folder: &Path, name: &str) -> Error {
    Error::unsupported(format!("a run of FHI-aims without {name}")).in_file(folder)
}
