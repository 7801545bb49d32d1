//! A run as a whole: the files that [`Run`] found → [`Calculation`].

use std::path::{Path, PathBuf};

use nalgebra::Matrix3;

use super::constants::{Constants, FROM_5, UP_TO_4};
use super::eigenvalues::Eigenvalues;
use super::files::{Folder, Run};
use super::hsx::KMesh;
use super::log::Log;
use super::matrices::Matrices;
use super::spectrum::Meaning;
use super::{Layout, kpoints, species};
use crate::calculation::{Calculation, KGrid, NativeLayout, Of, Origin, PathNode, PrintedSpectrum, Smearing};
use crate::error::{Context, Error, Result};
use crate::format::Format;
use crate::input;
use crate::operator::{Operator, SpinOperator};
use crate::read::{ReadOptions, Step};
use crate::same_run;
use crate::units::RYDBERG_IN_HARTREE;

const NOT_H0: &str = "this is not H0: its input neither has HSetupOnly T nor MaxSCFIterations 1 with an SCF.H.Tolerance that \
     the first iteration meets";

/// Reads the run at `path`.
///
/// # Errors
/// All kinds; every message names the file.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Calculation> {
    if let Some(Step::Number(_)) = options.step {
        return Err(Error::unsupported("SIESTA keeps the matrices of the last step only (--step last)").in_file(path));
    }
    let mut run = Run::discover(path)?;
    by_hand(&mut run, options)?;
    check_h0(&run, options)?;
    let logs = run.folders().filter_map(|folder| folder.log.clone());
    let parse = |path: PathBuf| Ok((Log::parse(&input::open(&path)?).in_file(&path)?, path));
    let logs = logs.map(parse).collect::<Result<_>>()?;
    Reader { run, options, logs }.calculation(path)
}

/// Puts the files that were given by hand in their places.
fn by_hand(run: &mut Run, options: &ReadOptions) -> Result<()> {
    if let Some(h0) = &options.h0 {
        let scf = run.scf.clone().unwrap_or_default();
        let folder = run.h0.get_or_insert_with(|| scf.without_results());
        (folder.hsx0, folder.hsx, folder.tshs) = (Some(h0.clone()), None, None);
    }
    if let Some(hamiltonian) = &options.hamiltonian {
        let h0 = run.h0.clone().unwrap_or_default();
        let folder = run.scf.get_or_insert_with(|| h0.without_results());
        (folder.hsx, folder.tshs) = (Some(hamiltonian.clone()), None);
    }
    for folder in [&mut run.scf, &mut run.h0, &mut run.bands].into_iter().flatten() {
        folder.xv = options.structure.clone().or(folder.xv.take());
    }
    if let Some(folder) = run.scf.as_mut().or(run.h0.as_mut()) {
        folder.log = options.log.clone().or(folder.log.take());
        if let Some(fdf) = &options.kpoints {
            folder.set_input(fdf)?;
        }
    }
    Ok(())
}

/// `.HSX` is H⁽⁰⁾ only where the input stops the loop in time.
fn check_h0(run: &Run, options: &ReadOptions) -> Result<()> {
    let Some(folder) = run.h0.as_ref().filter(|folder| folder.hsx0.is_none() && options.h0.is_none()) else {
        return Ok(());
    };
    match (folder.matrix(), &folder.fdf_path) {
        (Some(file), Some(fdf)) if folder.reads_h() => {
            let message = format!("this is not H0: with Read-H-from-file T in {} it came from H_IN", fdf.display());
            Err(Error::unsupported(message).in_file(file))
        }
        (Some(file), Some(fdf)) if !folder.stops_at_h0() => {
            let message = format!("{NOT_H0} (hzero h0-recipe siesta {})", fdf.display());
            Err(Error::unsupported(message).in_file(file))
        }
        _ => Ok(()),
    }
}

/// What is known while a run is being read.
struct Reader<'a> {
    run: Run,
    options: &'a ReadOptions,
    logs: Vec<(Log, PathBuf)>,
}

impl Reader<'_> {
    fn calculation(&self, path: &Path) -> Result<Calculation> {
        let (h0, scf) = self.matrices()?;
        let main = scf.as_ref().or(h0.as_ref()).ok_or_else(|| self.nothing_found(path))?;
        let folders: Vec<&Folder> = self.run.folders().collect();
        let basis = species::completed(&main.basis, &main.structure.species, &folders)?;
        let overlap = match &self.options.overlap {
            Some(file) => main.overlap_of(file, self.geometry())?,
            None => overlap(&h0, &scf)?,
        };
        let (hamiltonian0, hamiltonian) = (hamiltonian(&h0)?, hamiltonian(&scf)?);
        let (with_h0, with_h) = (h0.as_ref().zip(hamiltonian0.as_ref()), scf.as_ref().zip(hamiltonian.as_ref()));
        if let (Some((h0, of_h0)), Some((scf, of_h))) = (with_h0, with_h) {
            same_run::same_beyond_overlap((&h0.file, of_h0), (&scf.file, of_h), &overlap)?;
        }
        let constants = self.constants(main);
        let k_mesh = self.k_mesh(main)?;
        let k_grid = k_mesh.as_ref().and_then(KMesh::grid);
        let lattice = &main.structure.lattice;
        Ok(Calculation {
            fermi_level: scf.as_ref().map(|scf| self.fermi_level(scf, &constants)).transpose()?.flatten(),
            n_electrons: Some(self.options.electrons.unwrap_or(main.hsx.head.n_electrons)),
            valence_charges: main.hsx.head.valence_charges(),
            smearing: self.smearing(main),
            fixed_moment: self.fixed_moment(main)?,
            k_grid,
            k_list: k_mesh.as_ref().filter(|_| k_grid.is_none()).and_then(KMesh::points),
            k_path: self.k_path(lattice, &constants)?,
            printed: self.printed(lattice, k_grid, &constants)?,
            structure: main.structure.clone(),
            overlap: Some(overlap),
            hamiltonian,
            hamiltonian0,
            density_matrix: self.density_matrix(&scf)?,
            native: Some(NativeLayout::Siesta(self.layout(h0.as_ref().unwrap_or(main)))),
            origin: Origin {
                code: "SIESTA",
                version: self.logs.first().map(|(log, _)| log.version.clone()),
                files: self.files([&h0, &scf]),
                ev_per_hartree: constants.ev_per_hartree,
                angstrom_per_bohr: constants.angstrom_per_bohr,
                is_predicted: self.run.scf.as_ref().is_some_and(Folder::is_prediction),
            },
            basis,
        })
    }

    /// Matrices of H⁽⁰⁾ and of H, which must belong to the same structure and orbitals. A lone HSX whose Fermi level is not
    /// known yet is one of `HSetupOnly`.
    fn matrices(&self) -> Result<(Option<Matrices>, Option<Matrices>)> {
        let h0_file = self.run.h0.as_ref().and_then(|h0| h0.matrix().or(h0.h_dmgen.as_deref()));
        let scf_file = self.run.scf.as_ref().and_then(Folder::matrix);
        let (h0, scf) = (self.with_overlap(h0_file, &self.run.h0)?, self.with_overlap(scf_file, &self.run.scf)?);
        let is_named = self.run.scf.as_ref().is_some_and(|scf| scf.h_alone.is_some());
        let (h0, scf) = match (h0, scf) {
            (None, Some(only)) if h0_file.is_none() && only.is_step_zero() && !is_named => (Some(only), None),
            (None, scf) => (completed(h0_file, &scf)?, scf),
            (h0, None) => {
                let scf = completed(scf_file, &h0)?;
                (h0, scf)
            }
            both => both,
        };
        if let (Some(h0), Some(scf)) = (&h0, &scf) {
            scf.check_system(h0)?;
        }
        Ok((h0, scf))
    }

    /// H and S of a file that has both (H of another one where the user names that); `None` where it has H alone.
    fn with_overlap(&self, file: Option<&Path>, folder: &Option<Folder>) -> Result<Option<Matrices>> {
        let (Some(file), Some(folder)) = (file, folder) else { return Ok(None) };
        if holds_h_alone(file)? {
            return Ok(None);
        }
        let matrices = Matrices::read(file, folder, folder.geometry().or(self.geometry()))?;
        let complete = folder.h_alone.as_deref().map(|h| matrices.with_hamiltonian(h)).transpose()?;
        Ok(Some(complete.unwrap_or(matrices)))
    }

    fn geometry(&self) -> Option<&Path> {
        self.run.folders().find_map(Folder::geometry)
    }

    fn nothing_found(&self, path: &Path) -> Error {
        let looked_for = self.run.folders().map(|f| format!("{} in {}", f.looked_for(), f.home.display()));
        let message = format!("no matrix: looked for {}", looked_for.collect::<Vec<_>>().join("; "));
        Error::unsupported(message).in_file(path)
    }

    /// Those of the version: the log's word, else 4.1 for version 0 of HSX.
    fn constants(&self, main: &Matrices) -> Constants {
        let by_file = if main.hsx.head.number() == 0 { UP_TO_4 } else { FROM_5 };
        self.logs.first().map_or(by_file, |(log, _)| log.constants)
    }

    /// That of the converged run: of the matrices' file (where 0 stands for a level that SIESTA never computed), else of `.EIG`.
    fn fermi_level(&self, scf: &Matrices, constants: &Constants) -> Result<Option<f64>> {
        let Some(folder) = self.run.scf.as_ref().filter(|_| !scf.hsx.hamiltonian.is_empty()) else { return Ok(None) };
        let log = self.logs.iter().find(|(_, path)| Some(path) == folder.log.as_ref());
        if log.is_some_and(|(log, _)| log.converged == Some(false)) {
            return Ok(None);
        }
        match (scf.fermi_level.filter(|level| *level != 0.0), &folder.eig) {
            (Some(level), _) => Ok(Some(level * RYDBERG_IN_HARTREE)),
            (None, Some(eig)) => {
                let printed = Eigenvalues::parse_eig(&input::open(eig)?).in_file(eig)?;
                Ok(Some(printed.fermi_level / constants.ev_per_hartree))
            }
            (None, None) => Ok(None),
        }
    }

    fn density_matrix(&self, scf: &Option<Matrices>) -> Result<Option<SpinOperator>> {
        let file = self.run.scf.as_ref().and_then(|folder| folder.density_matrix.as_deref());
        match (scf, file) {
            (Some(scf), Some(file)) => scf.density_matrix(file).map(Some),
            (Some(scf), None) => scf.own_density_matrix(),
            (None, _) => Ok(None),
        }
    }

    /// `OccupationFunction` with the temperature of the matrices' file.
    fn smearing(&self, main: &Matrices) -> Option<Smearing> {
        let width = Some(main.hsx.head.temperature * RYDBERG_IN_HARTREE).filter(|width| *width > 0.0)?;
        let stated = self.run.folders().find_map(|folder| folder.fdf.value("OccupationFunction"));
        match stated.unwrap_or("FD").to_ascii_lowercase().as_str() {
            "fd" => Some(Smearing::FermiDirac(width)),
            "mp" => Some(Smearing::MethfesselPaxton { width, order: self.methfessel_paxton_order() }),
            "cold" => Some(Smearing::Cold(width)),
            _ => None,
        }
    }

    fn methfessel_paxton_order(&self) -> u8 {
        let stated = self.run.folders().find_map(|folder| folder.fdf.value("OccupationMPOrder"));
        stated.and_then(|order| order.parse().ok()).unwrap_or(1)
    }

    /// `Spin.Total` where `Spin.Fix` is on.
    fn fixed_moment(&self, main: &Matrices) -> Result<Option<f64>> {
        let is_fixed = |folder: &&Folder| ["Spin.Fix", "FixSpin"].iter().any(|label| folder.fdf.is_on(label));
        let Some(folder) = self.run.folders().find(is_fixed).filter(|_| main.hsx.head.nspin == 2) else {
            return Ok(None);
        };
        let total = folder.fdf.number("Spin.Total")?.or(folder.fdf.number("TotalSpin")?);
        Ok(Some(total.unwrap_or(0.0)))
    }

    /// That of the matrices' file, else of the input.
    fn k_mesh(&self, main: &Matrices) -> Result<Option<KMesh>> {
        match &main.mesh {
            Some(mesh) => Ok(Some(mesh.clone())),
            None => match self.run.folders().find(|folder| folder.fdf_path.is_some()) {
                Some(folder) => kpoints::stated_mesh(&folder.fdf),
                None => Ok(None),
            },
        }
    }

    fn k_path(&self, lattice: &Matrix3<f64>, constants: &Constants) -> Result<Option<Vec<PathNode>>> {
        let folders = [&self.run.bands, &self.run.scf, &self.run.h0].into_iter().flatten();
        for folder in folders {
            if let Some(path) = kpoints::path(&folder.fdf, lattice, constants)? {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// The tables of all calculations; a folder `bands/` may hold those of both Hamiltonians.
    fn printed(
        &self,
        lattice: &Matrix3<f64>,
        grid: Option<KGrid>,
        constants: &Constants,
    ) -> Result<Vec<PrintedSpectrum>> {
        let meaning = Meaning { lattice, grid, constants };
        let mut spectra = Vec::new();
        for (folder, of) in [(&self.run.h0, Of::H0), (&self.run.scf, Of::Scf), (&self.run.bands, Of::Scf)] {
            let Some(folder) = folder else { continue };
            spectra.extend(meaning.of_folder(folder, of)?);
            if let Some(bands0) = &folder.bands0 {
                spectra.extend(meaning.of_bands(bands0, &folder.fdf, Of::H0)?);
            }
        }
        Ok(spectra)
    }

    fn layout(&self, main: &Matrices) -> Layout {
        let label = self.run.folders().map(|folder| folder.label.as_str()).find(|label| !label.is_empty());
        Layout::new(label.unwrap_or("siesta"), &main.hsx, main.supercell.clone())
    }

    /// Everything that was read, matrices last.
    fn files(&self, matrices: [&Option<Matrices>; 2]) -> Vec<PathBuf> {
        let of_folder = |f: &Folder| [&f.fdf_path, &f.log, &f.eig, &f.kp, &f.bands, &f.bands0].map(Clone::clone);
        let texts = self.run.folders().flat_map(of_folder).flatten();
        let of_matrices = |m: &Matrices| m.others.iter().chain([&m.file]).cloned().collect::<Vec<_>>();
        let dm = self.run.scf.iter().filter_map(|folder| folder.density_matrix.clone());
        texts.chain(matrices.into_iter().flatten().flat_map(of_matrices)).chain(dm).collect()
    }
}

fn holds_h_alone(file: &Path) -> Result<bool> {
    Ok(Format::guess_file(file)? == Some(Format::SiestaHin))
}

/// H of a file that holds H alone, with the rest of the other calculation's matrices.
fn completed(file: Option<&Path>, other: &Option<Matrices>) -> Result<Option<Matrices>> {
    match (file, other) {
        (None, _) => Ok(None),
        (Some(file), Some(other)) => other.with_hamiltonian(file).map(Some),
        (Some(file), None) => {
            let message = "holds H alone: S must come from an HSX or TSHS of the same structure (folders h0/ and scf/)";
            Err(Error::unsupported(message).in_file(file))
        }
    }
}

/// S of the converged run, else of the step-zero one; where both are there they must agree.
fn overlap(h0: &Option<Matrices>, scf: &Option<Matrices>) -> Result<Operator<f64>> {
    match (scf, h0) {
        (Some(scf), Some(h0)) => {
            let overlap = scf.overlap()?;
            if !scf.has_same_overlap(h0) {
                same_run::same_overlap((&scf.file, &overlap), (&h0.file, &h0.overlap()?))?;
            }
            Ok(overlap)
        }
        (Some(only), None) | (None, Some(only)) => only.overlap(),
        (None, None) => Err(Error::inconsistent("no matrix")),
    }
}

fn hamiltonian(matrices: &Option<Matrices>) -> Result<Option<SpinOperator>> {
    matrices.as_ref().map_or(Ok(None), Matrices::hamiltonian)
}
