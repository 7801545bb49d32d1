//! The files of a predicted Hamiltonian, in the pattern and order of the run's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fdf::Fdf;
use super::files::{Folder, Run};
use super::geometry::is_struct_out;
use super::hsx::{CellHead, Head, KMesh, Version};
use super::matrix::{self, Places, components_of_density_matrix, components_of_hamiltonian, components_of_overlap};
use super::{Dm, HIn, Hsx, Layout, Nc, Tshs, nc};
use crate::calculation::Calculation;
use crate::complete;
use crate::error::Result;
use crate::operator::SpinOperator;
use crate::output::write_file;
use crate::predicted::{PredictedDensity, Prediction, copy_into, not_representable};
use crate::read::ReadOptions;
use crate::units::RYDBERG_IN_HARTREE;

/// Writes a predicted H and the S of its run into `folder`, on SIESTA's own pattern: elements that it lacks are left out.
///
/// - `<label>.HSX`, of the version that the run's H⁽⁰⁾ came in (for TBtrans, COOP, sisl). Version 0 has single precision only:
///   programs that read it see H to 1e-7, as they do with SIESTA 4.1's own.
/// - `<label>.TSHS`, double precision (for TBtrans and sisl).
/// - `<label>.nc`, where matrices of the run came from one.
/// - `H_IN`, double precision, which SIESTA starts from.
///
/// All hold the predicted Fermi level where they have a place for it.
///
/// # Errors
/// As [`Prediction::write`].
pub fn write(folder: &Path, prediction: &Prediction, layout: &Layout) -> Result<Vec<PathBuf>> {
    let hsx = hsx(prediction, layout)?;
    let mut files = vec![put(folder, &format!("{}.HSX", layout.label), |out| hsx.write(out))?];
    if hsx.head.k_mesh().is_some() && prediction.run.origin.files.iter().any(|file| nc::is_name(file)) {
        files.push(folder.join(format!("{}.nc", layout.label)));
        Nc::new(hsx.clone(), None).write(&files[1], &layout.label)?;
    }
    let tshs = tshs(hsx, prediction, layout);
    files.push(put(folder, &format!("{}.TSHS", layout.label), |out| tshs.write(out))?);
    let h_in = HIn { sparsity: tshs.sparsity, hamiltonian: tshs.hamiltonian };
    files.push(put(folder, H_IN, |out| h_in.write(out))?);
    if let Some((source, options)) = prediction.source {
        files.extend(copy_inputs(folder, &layout.label, source, options)?);
    }
    Ok(files)
}

/// Writes `<label>.DM` on SIESTA's own pattern, and copies the inputs.
///
/// # Errors
/// As [`PredictedDensity::write`].
pub fn write_density(folder: &Path, density: &PredictedDensity, layout: &Layout) -> Result<Vec<PathBuf>> {
    let dm = stored_density(density.run, density.matrix, layout)?;
    let mut files = vec![put_density(folder, &dm, layout)?];
    if let Some((source, options)) = density.source {
        files.extend(copy_inputs(folder, &layout.label, source, options)?);
    }
    Ok(files)
}

/// A density matrix in SIESTA's own pattern and order of columns.
pub(super) fn stored_density(run: &Calculation, density: &SpinOperator, layout: &Layout) -> Result<Dm> {
    let places = Places::new(&layout.sparsity, &layout.supercell, &run.basis)?;
    let stored = matrix::pairs(&places)?;
    complete::check_blocks("DM", density.pairs(), &stored)?;
    Ok(Dm {
        nsc: Some(layout.supercell.nsc),
        sparsity: layout.sparsity.clone(),
        density_matrix: components_of_density_matrix(density, layout.head.nspin, &places)?,
        energy: None,
    })
}

/// Writes `<label>.DM`.
pub(super) fn put_density(folder: &Path, dm: &Dm, layout: &Layout) -> Result<PathBuf> {
    put(folder, &format!("{}.DM", layout.label), |out| dm.write(out))
}

/// The input (with what it includes) and the structure (which version 0 of HSX lacks) travel along, so that the folder is a
/// run of its own.
fn copy_inputs(folder: &Path, label: &str, source: &Path, options: &ReadOptions) -> Result<Vec<PathBuf>> {
    let found = Run::discover(source)?;
    let first = |of: fn(&Folder) -> &Option<PathBuf>| found.folders().find_map(|folder| of(folder).clone());
    let mut files = Vec::new();
    if let Some(path) = options.kpoints.clone().or_else(|| first(|folder| &folder.fdf_path)) {
        files.push(copy_input(folder, &path, &format!("{label}.fdf"))?);
    }
    if let Some(path) = options.structure.clone().or_else(|| first(|folder| &folder.xv)) {
        let end = if is_struct_out(&path) { "STRUCT_OUT" } else { "XV" };
        files.push(copy_into(folder, &path, &format!("{label}.{end}"))?);
    }
    Ok(files)
}

/// As it is, unless it names other files, which would be missing.
fn copy_input(folder: &Path, path: &Path, name: &str) -> Result<PathBuf> {
    let fdf = Fdf::read(path)?;
    match fdf.has_other_files(path) {
        true => put(folder, name, |out| out.write_all(fdf.to_text().as_bytes())),
        false => copy_into(folder, path, name),
    }
}

/// How SIESTA goes on: one diagonalization of the H that it is given, from which come energies, forces, DM and bands.
pub fn next_step(folder: &Path, shown: &Path) -> Option<String> {
    folder.join(H_IN).exists().then(|| {
        format!(
            "SIESTA: copy {} to the run and set Read-H-from-file T, SCF.Mix Hamiltonian, MaxSCFIterations 1, \
             SCF.DM.Converge F, SCF.H.Tolerance 1.0e9 eV",
            shown.join(H_IN).display()
        )
    })
}

/// The name that SIESTA looks for.
pub(super) const H_IN: &str = "H_IN";

fn put(
    folder: &Path,
    name: &str,
    write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>,
) -> Result<PathBuf> {
    let path = folder.join(name);
    write_file(&path, write)?;
    Ok(path)
}

pub(super) fn hsx(prediction: &Prediction, layout: &Layout) -> Result<Hsx> {
    let run = prediction.run;
    let overlap = run.overlap.as_ref().ok_or_else(|| not_representable("SIESTA HSX", "the run has no S"))?;
    let places = Places::new(&layout.sparsity, &layout.supercell, &run.basis)?;
    let stored = matrix::pairs(&places)?;
    complete::check_blocks("H", prediction.hamiltonian.pairs(), &stored)?;
    Ok(Hsx {
        head: Arc::new(layout.head.with_fermi_level(fermi_level(prediction, layout))),
        sparsity: layout.sparsity.clone(),
        hamiltonian: components_of_hamiltonian(prediction.hamiltonian, layout.head.nspin, &places)?,
        overlap: components_of_overlap(overlap, &places),
    })
}

/// Ry: the predicted one, else the run's own, else 0 as SIESTA has it before it knows better. (The `huge(1.d0)` of an H⁽⁰⁾
/// would call the file an H⁽⁰⁾.)
fn fermi_level(prediction: &Prediction, layout: &Layout) -> f64 {
    let predicted = prediction.fermi_level.map(|level| level / RYDBERG_IN_HARTREE);
    predicted.or(layout.head.fermi_level()).unwrap_or_default()
}

pub(super) fn tshs(hsx: Hsx, prediction: &Prediction, layout: &Layout) -> Tshs {
    let level = fermi_level(prediction, layout);
    let mesh = hsx.head.k_mesh().cloned().unwrap_or_else(|| KMesh::of(prediction.run));
    Tshs::from_hsx(hsx, &prediction.run.structure, layout.supercell.clone(), level, mesh)
}

impl KMesh {
    /// The mesh of `run`; Γ alone where it is not known.
    pub fn of(run: &Calculation) -> Self {
        let mut mesh = KMesh { cell: [1, 0, 0, 0, 1, 0, 0, 0, 1], displacement: [0.0; 3] };
        let Some(grid) = &run.k_grid else { return mesh };
        for axis in 0..3 {
            let n = grid.divisions[axis];
            // k = (2m − n + 1)/2n is half a division off Γ for even n
            let is_between = !grid.gamma_centred && n.is_multiple_of(2);
            mesh.cell[4 * axis] = n as i32;
            mesh.displacement[axis] = grid.shift[axis] + if is_between { 0.5 } else { 0.0 };
        }
        mesh
    }
}

impl Head {
    /// The same head with another Fermi level, Ry; version 0 has no place for it.
    pub fn with_fermi_level(&self, fermi_level: f64) -> Self {
        let cell = |cell: &CellHead| CellHead { fermi_level, ..cell.clone() };
        let version = match &self.version {
            Version::V0(vectors) => Version::V0(vectors.clone()),
            Version::V1(old) => Version::V1(cell(old)),
            Version::V2(old, mesh) => Version::V2(cell(old), mesh.clone()),
        };
        Head { version, ..self.clone() }
    }
}
