//! The legacy layout: text files for the atoms, and one data set for each block. Orbitals are in OpenMX' order, whatever the
//! source.

mod atoms;
mod matrix;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::blocks::Orbitals;
use super::layout::{Layout, require};
use super::reading::{Constants, Head, folder};
use crate::calculation::Calculation;
use crate::convert::Writing;
use crate::error::{Context, Error, Result};
use crate::input;
use crate::operator::SpinOperator;
use crate::output::write_file;
use crate::predicted::not_representable;
use crate::read::ReadOptions;

const INFO: &str = "info.json";

const LAYOUT: Layout = Layout {
    format: "deeph-legacy",
    overlap: "overlaps.h5",
    hamiltonian: "hamiltonians.h5",
    predicted: "hamiltonians_pred.h5",
    density_matrix: &["density_matrixs.h5", "density_matrices.h5"],
    orbitals: |basis| Orbitals::openmx(basis),
    read: matrix::read,
    write: matrix::write,
};

/// `info.json`; every reader of DFT codes leaves out something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Info {
    nsites: Option<usize>,
    norbits: Option<usize>,
    #[serde(default)]
    isorthogonal: bool,
    #[serde(default)]
    isspinful: bool,
    /// eV.
    fermi_level: Option<f64>,
}

/// Reads a folder, or the folder of one of its files. `hamiltonians_pred.h5` is read where `hamiltonians.h5` is absent, or where
/// it is named. `nsites` and `norbits` are not looked at: some writers count a supercell.
///
/// # Errors
/// All kinds, with the file's name.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Calculation> {
    let place = folder(path);
    let constants = Constants::of(place)?;
    let mut files = vec![require(place, INFO)?];
    let text = input::open(&files[0])?;
    let info: Info = serde_json::from_slice(&text)
        .map_err(|error| Error::syntax("the info.json of DeepH", format!("`{error}`")))
        .in_file(&files[0])?;
    let atoms = atoms::read(place, constants.angstrom_per_bohr, &mut files)?;
    let head = Head {
        spins: if info.isspinful { 2 } else { 1 },
        is_orthogonal: info.isorthogonal,
        fermi_level_ev: info.fermi_level,
        n_electrons: None,
        files,
    };
    LAYOUT.read(path, options, atoms, head, &constants)
}

/// Writes a folder; all matrices get one list of blocks.
///
/// # Errors
/// `NotRepresentable` for collinear spin, shells beyond f, or where there is nothing to write; `Io`.
pub fn write(target: &Path, job: &Writing) -> Result<()> {
    let run = job.run;
    let operators = [job.hamiltonian.map(|(_, operator)| operator), run.density_matrix.as_ref()];
    if operators.into_iter().flatten().any(|operator| matches!(operator, SpinOperator::Collinear(_))) {
        return Err(not_representable(LAYOUT.format, "it has no place for collinear spin: the format deeph has"));
    }
    let matrices = LAYOUT.write(target, job)?;
    let info = Info {
        nsites: Some(run.structure.n_atoms()),
        norbits: Some(run.basis.n_orbitals()),
        isorthogonal: matrices.is_orthogonal,
        isspinful: matrices.spins == 2,
        fermi_level: matrices.fermi_level_ev,
    };
    write_file(&target.join(INFO), |out| Ok(serde_json::to_writer(out, &info)?))?;
    atoms::write(target, run, LAYOUT.format)
}
