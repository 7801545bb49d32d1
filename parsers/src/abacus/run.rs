//! A run as a whole: the files that [`Run`] found → [`Calculation`].

use std::path::{Path, PathBuf};

use nalgebra::Matrix3;

use super::csr::{Csr, CsrLayout};
use super::files::{Folder, Run, with_other_spin};
use super::info::Info;
use super::kpt::Kpt;
use super::log::Log;
use super::matrices::{self, Matrix, Shells};
use super::stru::Stru;
use super::{Layout, constants, geometry, matrix, species, spectrum};
use crate::basis::Basis;
use crate::calculation::{Calculation, NativeLayout, Of, Origin, PrintedSpectrum};
use crate::error::{Context, Error, Result};
use crate::input;
use crate::operator::{Operator, SpinOperator};
use crate::read::ReadOptions;
use crate::same_run;
use crate::structure::Structure;

const GAMMA_ONLY: &str = "gamma_only 1 writes no H(R): set gamma_only 0 and a KPT of `Gamma` with 1 1 1, and run again";

const MIXED_H0: &str = "ABACUS 3.8 with nspin 2 writes the spin-up H after mixing, which is not H0: set mixing_beta 0 and \
     mixing_beta_mag 0, and run again";

/// Reads the run at `path`.
///
/// # Errors
/// All kinds; every message names the file.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Calculation> {
    read_found(Run::discover(path)?, path, options)
}

/// Reads the run with these files; `path` is where they were looked for.
///
/// # Errors
/// As [`read`].
pub fn read_found(mut run: Run, path: &Path, options: &ReadOptions) -> Result<Calculation> {
    by_hand(&mut run, options);
    check_found(&run, path)?;
    let logs = run.folders().filter_map(|folder| folder.log.as_deref());
    let logs = logs.map(|path| parse(path, Log::parse)).collect::<Result<_>>()?;
    Reader { run, options, logs }.calculation(path)
}

/// Puts the files that were given by hand in their places.
fn by_hand(run: &mut Run, options: &ReadOptions) {
    if let Some(h0) = &options.h0 {
        match &mut run.h0 {
            Some(folder) => folder.hamiltonian = with_other_spin(h0),
            None => run.scf.get_or_insert_default().hamiltonian0 = with_other_spin(h0),
        }
    }
    if let Some(hamiltonian) = &options.hamiltonian {
        run.scf.get_or_insert_default().hamiltonian = with_other_spin(hamiltonian);
    }
    for folder in [&mut run.scf, &mut run.h0, &mut run.bands].into_iter().flatten() {
        folder.overlap = options.overlap.clone().or(folder.overlap.take());
        folder.stru = options.structure.clone().or(folder.stru.take());
    }
    if let Some(folder) = run.scf.as_mut().or(run.h0.as_mut()) {
        folder.kpt = options.kpoints.clone().or(folder.kpt.take());
        folder.log = options.log.clone().or(folder.log.take());
    }
}

/// At least one matrix must be there.
fn check_found(run: &Run, path: &Path) -> Result<()> {
    let has_matrix = |f: &Folder| !f.hamiltonian.is_empty() || !f.hamiltonian0.is_empty() || f.overlap.is_some();
    if run.folders().any(has_matrix) {
        return Ok(());
    }
    let gamma_only = run.folders().find(|f| f.input.as_ref().is_some_and(|input| input.is_on("gamma_only")));
    if let Some(input) = gamma_only.and_then(|folder| folder.input_path.as_ref()) {
        return Err(Error::unsupported(GAMMA_ONLY).in_file(input));
    }
    let places: Vec<String> = run.folders().map(|folder| folder.out.display().to_string()).collect();
    let is_any_code = run.folders().all(|folder| folder.input.is_none());
    let others = if is_any_code { "; of SIESTA for NAME.HSX, of OpenMX for NAME.scfout" } else { "" };
    let message = format!("no matrix in {}: looked for {}{others}", places.join(", "), Folder::looked_for());
    Err(Error::unsupported(message).in_file(path))
}

/// Opens, reads and names the file in errors.
fn parse<T>(path: &Path, parse: impl Fn(&[u8]) -> Result<T>) -> Result<T> {
    parse(&input::open(path)?).in_file(path)
}

/// What is known while a run is being read.
struct Reader<'a> {
    run: Run,
    options: &'a ReadOptions,
    logs: Vec<Log>,
}

impl Reader<'_> {
    fn calculation(&self, path: &Path) -> Result<Calculation> {
        let (stru_path, stru, start) = self.structure(path)?;
        let folders: Vec<&Folder> = self.run.folders().collect();
        let found = species::find(&stru, &folders, &self.logs, self.options).in_file(&stru_path)?;
        let basis = Basis::new(found.species, &start.species)?;
        let shells = Shells { basis: &basis, sources: &found.sources };
        let hamiltonian0 = self.hamiltonian0(&shells)?;
        let hamiltonian = self.hamiltonian(&shells)?;
        let overlap = self.overlap(&shells)?;
        if let (Some(h0), Some(h), Some(s)) = (&hamiltonian0, &hamiltonian, &overlap) {
            same_run::same_beyond_overlap(h0.named(), h.named(), &s.operator)?;
        }
        let density_matrix = self.density_matrix(&shells)?;
        let structure = self.step_structure(&stru, start, [&hamiltonian, &hamiltonian0])?;
        let layout = Layout {
            hamiltonian0: layouts(&hamiltonian0),
            hamiltonian: layouts(&hamiltonian),
            overlap: layouts(&overlap),
            density_matrix: layouts(&density_matrix),
            nspin: folders.iter().find_map(|folder| self.nspin(folder)),
        };
        let mut files = self.files([&hamiltonian0, &hamiltonian, &density_matrix]);
        files.extend(overlap.iter().flat_map(|matrix| matrix.files.clone()));
        let vectors = structure.lattice / stru.lattice_constant;
        let mesh = self.kpt(&[&self.run.scf, &self.run.h0])?;
        let path_kpt = self.kpt(&[&self.run.bands, &self.run.scf, &self.run.h0])?;
        Ok(Calculation {
            fermi_level: self.fermi_level()?,
            n_electrons: self.n_electrons()?,
            valence_charges: None,
            smearing: folders.iter().find_map(|folder| folder.input.as_ref()?.smearing()),
            fixed_moment: folders
                .iter()
                .find_map(|folder| folder.input.as_ref())
                .and_then(|input| input.fixed_moment()),
            k_grid: mesh.as_ref().and_then(Kpt::grid),
            k_list: mesh.as_ref().and_then(|kpt| kpt.list(&vectors)),
            k_path: path_kpt.and_then(|kpt| kpt.path(&vectors)),
            printed: self.printed(&vectors)?,
            structure,
            overlap: overlap.map(|matrix| matrix.operator),
            hamiltonian: hamiltonian.map(|matrix| matrix.operator),
            hamiltonian0: hamiltonian0.map(|matrix| matrix.operator),
            density_matrix: density_matrix.map(|matrix| matrix.operator),
            native: Some(NativeLayout::Abacus(layout)),
            origin: Origin {
                code: "ABACUS",
                version: self.version().map(str::to_owned),
                files,
                ev_per_hartree: constants::EV_PER_HARTREE,
                angstrom_per_bohr: constants::ANGSTROM_PER_BOHR,
                is_predicted: self.run.scf.as_ref().is_some_and(Folder::is_prediction),
            },
            basis,
        })
    }

    /// STRU of the converged run, else of the step-zero one. All that are there must agree.
    fn structure(&self, path: &Path) -> Result<(PathBuf, Stru, Structure)> {
        let mut paths: Vec<&PathBuf> = self.run.folders().filter_map(|folder| folder.stru.as_ref()).collect();
        paths.dedup();
        let mut first: Option<(PathBuf, Stru, Structure)> = None;
        for path in paths {
            let stru = parse(path, Stru::parse)?;
            let structure = stru.structure(self.latname(), constants::ANGSTROM_PER_BOHR_IN_STRU).in_file(path)?;
            match &first {
                Some((other, _, expected)) => same_run::same_structure((other, expected), (path, &structure))?,
                None => first = Some((path.clone(), stru, structure)),
            }
        }
        first.ok_or_else(|| self.no_structure(path))
    }

    /// Where H is empty, giving the structure would not help: that is said first.
    fn no_structure(&self, path: &Path) -> Error {
        let mut files = self.run.folders().flat_map(|folder| &folder.hamiltonian);
        let is_empty = |file: &&PathBuf| Csr::read(file, self.options.step).is_ok_and(|csr| csr.blocks.n_values() == 0);
        match files.find(is_empty) {
            Some(file) => Error::unsupported(matrix::EMPTY_HAMILTONIAN).in_file(file),
            None => Error::unsupported("no STRU beside the matrices; give it by hand (--structure)").in_file(path),
        }
    }

    /// The structure of the ionic step that H belongs to; one that was given by hand is taken as it is.
    fn step_structure(
        &self,
        stru: &Stru,
        start: Structure,
        matrices: [&Option<Matrix<SpinOperator>>; 2],
    ) -> Result<Structure> {
        let matrix = matrices.into_iter().flatten().next();
        let folder = self.run.folders().next();
        let (Some(folder), None) = (folder, &self.options.structure) else { return Ok(start) };
        let header = matrix.and_then(|matrix| matrix.layouts.first()).map(|layout| &layout.header);
        let log = folder.log.as_deref().map(|path| parse(path, Log::parse)).transpose()?;
        let file = matrix.and_then(|matrix| matrix.files.first()).unwrap_or(&folder.out);
        geometry::of_step(folder, log.as_ref(), header, self.options.step, (stru, start)).in_file(file)
    }

    fn hamiltonian0(&self, shells: &Shells) -> Result<Option<Matrix<SpinOperator>>> {
        self.check_mixing()?;
        let beside = self.run.scf.iter().find(|folder| !folder.hamiltonian0.is_empty());
        match (beside, &self.run.h0) {
            (Some(folder), _) => matrices::hamiltonian(&folder.hamiltonian0, self.nspin(folder), None, shells),
            (None, Some(folder)) => matrices::hamiltonian(&folder.hamiltonian, self.nspin(folder), None, shells),
            (None, None) => Ok(None),
        }
    }

    /// 3.8 rebuilds the spin-up H of nspin 2 after the loop, from the mixed density (`write_HS_R.cpp`).
    fn check_mixing(&self) -> Result<()> {
        let Some(folder) = &self.run.h0 else { return Ok(()) };
        let (Some(input), Some(path)) = (&folder.input, &folder.input_path) else { return Ok(()) };
        let rebuilds = self.version().is_some_and(|version| version.starts_with("3.8"));
        let mixes = ["mixing_beta", "mixing_beta_mag"].iter().any(|key| input.number(key) != Some(0.0));
        if rebuilds && mixes && input.nspin() == 2 {
            return Err(Error::unsupported(MIXED_H0).in_file(path));
        }
        Ok(())
    }

    fn hamiltonian(&self, shells: &Shells) -> Result<Option<Matrix<SpinOperator>>> {
        let Some(folder) = &self.run.scf else { return Ok(None) };
        matrices::hamiltonian(&folder.hamiltonian, self.nspin(folder), self.options.step, shells)
    }

    fn density_matrix(&self, shells: &Shells) -> Result<Option<Matrix<SpinOperator>>> {
        let Some(folder) = &self.run.scf else { return Ok(None) };
        matrices::density_matrix(&folder.density_matrix, self.nspin(folder), self.options.step, shells)
    }

    /// S of the converged run, else of the step-zero one; where both are there they must agree.
    fn overlap(&self, shells: &Shells) -> Result<Option<Matrix<Operator<f64>>>> {
        let of = |folder: &Option<Folder>| folder.as_ref().and_then(|folder| folder.overlap.clone());
        let (scf, h0) = (of(&self.run.scf), of(&self.run.h0));
        let read = |path: &Path, step| matrices::overlap(path, step, shells);
        match (scf, h0) {
            (Some(scf), Some(h0)) if scf != h0 => {
                let (scf, h0) = (read(&scf, self.options.step)?, read(&h0, None)?);
                same_run::same_overlap(scf.named(), h0.named())?;
                Ok(Some(scf))
            }
            (Some(scf), _) => read(&scf, self.options.step).map(Some),
            (None, Some(h0)) => read(&h0, None).map(Some),
            (None, None) => Ok(None),
        }
    }

    fn nspin(&self, folder: &Folder) -> Option<usize> {
        let input = folder.input.as_ref().map(|input| input.nspin());
        input.or_else(|| self.logs.iter().find_map(|log| log.nspin))
    }

    fn latname(&self) -> Option<&str> {
        self.run.folders().find_map(|folder| folder.input.as_ref()?.get("latname"))
    }

    fn version(&self) -> Option<&str> {
        self.logs.iter().find_map(|log| log.version.as_deref())
    }

    /// Of the converged run only: log, else `info.json`.
    fn fermi_level(&self) -> Result<Option<f64>> {
        let Some(folder) = &self.run.scf else { return Ok(None) };
        if let Some(path) = &folder.log {
            let log = parse(path, Log::parse)?;
            return Ok(log.fermi_level.filter(|_| log.converged == Some(true)));
        }
        let info = self.info()?;
        Ok(info.and_then(|info| info.fermi_ev).map(|ev| ev / constants::EV_PER_HARTREE))
    }

    /// By hand, log, `info.json`.
    fn n_electrons(&self) -> Result<Option<f64>> {
        let of_log = self.logs.iter().find_map(|log| log.n_electrons);
        match self.options.electrons.or(of_log) {
            Some(n) => Ok(Some(n)),
            None => Ok(self.info()?.and_then(|info| info.nelec)),
        }
    }

    fn info(&self) -> Result<Option<Info>> {
        let path = self.run.folders().find_map(|folder| folder.info.as_deref());
        path.map(|path| parse(path, Info::parse)).transpose()
    }

    /// KPT of the first of these calculations that has one.
    fn kpt(&self, folders: &[&Option<Folder>]) -> Result<Option<Kpt>> {
        let path = folders.iter().find_map(|folder| folder.as_ref()?.kpt.as_deref());
        path.map(|path| parse(path, Kpt::parse)).transpose()
    }

    /// The best table of each calculation.
    fn printed(&self, vectors: &Matrix3<f64>) -> Result<Vec<PrintedSpectrum>> {
        let folders = [(&self.run.h0, Of::H0), (&self.run.scf, Of::Scf), (&self.run.bands, Of::Scf)];
        let present = folders.into_iter().filter_map(|(folder, of)| Some((folder.as_ref()?, of)));
        let spectra = present.map(|(folder, of)| spectrum::read(folder, of, vectors)).collect::<Result<Vec<_>>>()?;
        Ok(spectra.into_iter().flatten().collect())
    }

    /// Everything that was read, matrices last.
    fn files(&self, matrices: [&Option<Matrix<SpinOperator>>; 3]) -> Vec<PathBuf> {
        let of_folder = |f: &Folder| [&f.input_path, &f.stru, &f.kpt, &f.log, &f.info].map(Clone::clone);
        let texts = self.run.folders().flat_map(of_folder).flatten();
        texts.chain(matrices.into_iter().flatten().flat_map(|matrix| matrix.files.clone())).collect()
    }
}

fn layouts<T>(matrix: &Option<Matrix<T>>) -> Vec<CsrLayout> {
    matrix.as_ref().map(|matrix| matrix.layouts.clone()).unwrap_or_default()
}
