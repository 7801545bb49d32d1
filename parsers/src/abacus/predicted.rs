//! The files of a predicted Hamiltonian, in the user's layout.

use std::path::{Path, PathBuf};

use super::csr::{Csr, CsrLayout, Header, Quantity, Version, structure_lines};
use super::{Layout, matrix};
use crate::calculation::{Calculation, NativeLayout};
use crate::error::{Error, Result};
use crate::operator::SpinOperator;
use crate::output::write_file;

/// Writes a predicted H and the S of `run` into `folder` under ABACUS' own names, in the layout of the run's H⁽⁰⁾, or in
/// that of `version` ([`Version::New`] is what `init_chg hr` reads). Returns the files.
///
/// # Errors
/// `Io`; `NotRepresentable` where the run did not come from ABACUS files or lacks S.
pub fn write(
    folder: &Path,
    run: &Calculation,
    hamiltonian: &SpinOperator,
    version: Option<Version>,
) -> Result<Vec<PathBuf>> {
    let Some(NativeLayout::Abacus(layout)) = &run.native else {
        return Err(not_abacus("the run is not one of ABACUS"));
    };
    let overlap = run.overlap.as_ref().ok_or_else(|| not_abacus("the run has no S"))?;
    let version = version.unwrap_or_else(|| own_version(layout));
    let nspin = hamiltonian.nspin();
    let h_layouts = as_version(&layout.hamiltonian0, Quantity::Hamiltonian, version, run, nspin);
    let s_layouts = as_version(&layout.overlap, Quantity::Overlap, version, run, nspin);
    let s_layout = s_layouts.first().ok_or_else(|| not_abacus("the layout of S is not known"))?;
    let h = matrix::hamiltonian_to_csr(hamiltonian, &run.basis, &h_layouts)?;
    let mut files = Vec::new();
    for (spin, csr) in h.iter().enumerate() {
        files.push(put(folder, csr, Quantity::Hamiltonian, version, spin)?);
    }
    files.push(put(folder, &matrix::overlap_to_csr(overlap, &run.basis, s_layout), Quantity::Overlap, version, 0)?);
    Ok(files)
}

fn put(folder: &Path, csr: &Csr, quantity: Quantity, version: Version, spin: usize) -> Result<PathBuf> {
    let path = folder.join(quantity.file_name(version, spin));
    write_file(&path, |out| csr.write(out))?;
    Ok(path)
}

/// The version that wrote H⁽⁰⁾; the newest where that is not known.
fn own_version(layout: &Layout) -> Version {
    layout.hamiltonian0.first().map_or(Version::New, |layout| layout.header.version())
}

/// `layouts` as another version would write them.
fn as_version(
    layouts: &[CsrLayout],
    quantity: Quantity,
    version: Version,
    run: &Calculation,
    nspin: usize,
) -> Vec<CsrLayout> {
    let header = |spin: usize, layout: &CsrLayout| match (version, &layout.header) {
        (wanted, header) if header.version() == wanted => header.clone(),
        (Version::Old, _) => Header::old_layout(quantity, 0),
        (Version::New, _) => {
            Header::new_layout(quantity, 1, nspin, spin, &structure_lines(&run.structure, &labels(run)))
        }
    };
    let layout = |(spin, layout): (usize, &CsrLayout)| CsrLayout { header: header(spin, layout), ..layout.clone() };
    layouts.iter().enumerate().map(layout).collect()
}

fn not_abacus(what: &str) -> Error {
    crate::ErrorKind::NotRepresentable { format: "ABACUS csr".into(), what: what.into() }.into()
}

/// Label of every atom.
fn labels(run: &Calculation) -> Vec<&str> {
    (0..run.basis.n_atoms()).map(|atom| run.basis.species_of(atom).label.as_str()).collect()
}
