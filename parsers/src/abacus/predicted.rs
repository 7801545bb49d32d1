//! The files of a predicted Hamiltonian, in the user's layout.

use std::path::{Path, PathBuf};

use super::constants;
use super::csr::{Csr, CsrLayout, Header, Quantity, Version, structure_lines};
use super::files::{Folder, Run};
use super::{Layout, matrix};
use crate::calculation::Calculation;
use crate::error::Result;
use crate::operator::SpinOperator;
use crate::output::write_file;
use crate::predicted::{PredictedDensity, Prediction, copy_into, not_representable};
use crate::read::ReadOptions;

/// Writes a predicted H and the S of its run into `folder` under ABACUS' own names, in the layout of the run's H⁽⁰⁾ (else
/// of its H, else of its S) or in that which was asked for ([`Version::New`] is what `init_chg hr` reads); with them STRU, KPT and INPUT, and what no file
/// of ABACUS says about a predicted H as `info.json`.
///
/// # Errors
/// As [`Prediction::write`].
pub fn write(folder: &Path, prediction: &Prediction, layout: &Layout) -> Result<Vec<PathBuf>> {
    let mut files = matrices(folder, prediction, layout)?;
    if let Some((run, options)) = prediction.source {
        files.extend(copy_inputs(folder, run, options)?);
    }
    files.push(facts(folder, prediction)?);
    Ok(files)
}

fn matrices(folder: &Path, prediction: &Prediction, layout: &Layout) -> Result<Vec<PathBuf>> {
    let (run, hamiltonian) = (prediction.run, prediction.hamiltonian);
    let version = version(prediction, layout);
    let nspin = hamiltonian.nspin();
    let own = layout.of_spins(layout.any_hamiltonian(), nspin);
    let h_layouts = as_version(&own, Quantity::Hamiltonian, version, run, nspin);
    let h = matrix::hamiltonian_to_csr(hamiltonian, &run.basis, &h_layouts)?;
    let mut files = Vec::new();
    for (spin, csr) in h.into_iter().enumerate() {
        files.push(put(folder, &csr, Quantity::Hamiltonian, version, spin)?);
    }
    files.push(put_overlap(folder, run, layout, version, nspin)?);
    Ok(files)
}

fn put_overlap(folder: &Path, run: &Calculation, layout: &Layout, version: Version, nspin: usize) -> Result<PathBuf> {
    let missing = |what| not_representable("ABACUS csr", what);
    let overlap = run.overlap.as_ref().ok_or_else(|| missing("the run has no S"))?;
    let layouts = as_version(&layout.overlap, Quantity::Overlap, version, run, nspin);
    let layout = layouts.first().ok_or_else(|| missing("the layout of S is not known"))?;
    put(folder, &matrix::overlap_to_csr(overlap, &run.basis, layout), Quantity::Overlap, version, 0)
}

/// Writes `dmrs1_nao.csr` (for nspin 2 `dmrs2_nao.csr` too) and `srs1_nao.csr`, and copies the inputs. Earlier versions than
/// 3.9.0.25 do not start from DM, so there is one layout only.
///
/// # Errors
/// As [`PredictedDensity::write`].
pub fn write_density(folder: &Path, density: &PredictedDensity, layout: &Layout) -> Result<Vec<PathBuf>> {
    let mut files = put_densities(folder, density.run, density.matrix, layout)?;
    files.push(put_overlap(folder, density.run, layout, Version::New, density.matrix.nspin())?);
    if let Some((run, options)) = density.source {
        files.extend(copy_inputs(folder, run, options)?);
    }
    Ok(files)
}

/// `dmrs1_nao.csr`, and `dmrs2_nao.csr` for nspin 2.
pub(super) fn put_densities(
    folder: &Path,
    run: &Calculation,
    density: &SpinOperator,
    layout: &Layout,
) -> Result<Vec<PathBuf>> {
    let nspin = density.nspin();
    let own = if layout.density_matrix.is_empty() { layout.any_hamiltonian() } else { &layout.density_matrix };
    let own = layout.of_spins(own, nspin);
    let layouts = as_version(&own, Quantity::DensityMatrix, Version::New, run, nspin);
    let csrs = matrix::density_matrix_to_csr(density, &run.basis, &layouts)?;
    let put = |(spin, csr)| put(folder, csr, Quantity::DensityMatrix, Version::New, spin);
    csrs.iter().enumerate().map(put).collect()
}

/// STRU, KPT and INPUT travel along, so that the folder is a run of its own.
fn copy_inputs(folder: &Path, run: &Path, options: &ReadOptions) -> Result<Vec<PathBuf>> {
    let found = Run::discover(run)?;
    let first = |of: fn(&Folder) -> &Option<PathBuf>| found.folders().find_map(|folder| of(folder).clone());
    let inputs = [
        (options.structure.clone().or_else(|| first(|f| &f.stru)), "STRU"),
        (options.kpoints.clone().or_else(|| first(|f| &f.kpt)), "KPT"),
        (first(|f| &f.input_path), "INPUT"),
    ];
    let inputs = inputs.iter().filter_map(|(path, name)| path.as_ref().map(|path| (path, name)));
    inputs.map(|(path, name)| copy_into(folder, path, name)).collect()
}

/// Electrons and the Fermi level of the predicted H, eV.
fn facts(folder: &Path, prediction: &Prediction) -> Result<PathBuf> {
    let facts = serde_json::json!({
        "predicted_by": concat!("hzero ", env!("CARGO_PKG_VERSION")),
        "nelec": prediction.run.n_electrons,
        "fermi_eV": prediction.fermi_level.map(|level| level * constants::EV_PER_HARTREE),
    });
    let path = folder.join("info.json");
    write_file(&path, |out| writeln!(out, "{facts:#}"))?;
    Ok(path)
}

/// How ABACUS goes on; nspin 2 has no way from H alone (`init_chg hr` of 3.11 reads it as zero).
pub fn next_step(folder: &Path, shown: &Path) -> Option<String> {
    let is_there = |spin| folder.join(Quantity::Hamiltonian.file_name(Version::New, spin)).exists();
    (is_there(0) && !is_there(1)).then(|| {
        let folder = shown.display();
        format!("ABACUS 3.11: init_chg hr, read_file_dir {folder}, symmetry 0; for nscf also vl_in_h 0")
    })
}

pub(super) fn put(folder: &Path, csr: &Csr, quantity: Quantity, version: Version, spin: usize) -> Result<PathBuf> {
    let path = folder.join(quantity.file_name(version, spin));
    write_file(&path, |out| csr.write(out))?;
    Ok(path)
}

/// What was asked for, else the version that wrote the run's H; the newest where that is not known.
pub(super) fn version(prediction: &Prediction, layout: &Layout) -> Version {
    let own = || layout.any_hamiltonian().first().map_or(Version::New, |layout| layout.header.version());
    prediction.abacus_version.unwrap_or_else(own)
}

/// `layouts` as another version would write them.
pub(super) fn as_version(
    layouts: &[CsrLayout],
    quantity: Quantity,
    version: Version,
    run: &Calculation,
    nspin: usize,
) -> Vec<CsrLayout> {
    let header = |spin: usize, layout: &CsrLayout| match (version, &layout.header) {
        (wanted, header) if header.version() == wanted && header.quantity() == quantity => header.clone(),
        (Version::Old, _) => Header::old_layout(quantity, 0),
        (Version::New, _) => {
            Header::new_layout(quantity, 1, nspin, spin, &structure_lines(&run.structure, &labels(run)))
        }
    };
    let layout = |(spin, layout): (usize, &CsrLayout)| CsrLayout { header: header(spin, layout), ..layout.clone() };
    layouts.iter().enumerate().map(layout).collect()
}

/// Label of every atom.
fn labels(run: &Calculation) -> Vec<&str> {
    (0..run.basis.n_atoms()).map(|atom| run.basis.species_of(atom).label.as_str()).collect()
}
