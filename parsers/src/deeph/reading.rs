//! From the files of a folder to a run.

use std::path::{Path, PathBuf};

use super::blocks::Orbitals;
use super::layout::Layout;
use crate::basis::Basis;
use crate::calculation::{Calculation, Origin};
use crate::companion::Companion;
use crate::error::{Context, Error, Result};
use crate::ev::Ev;
use crate::folder::{existing, folder_of, plain_name};
use crate::hints;
use crate::operator::{Operator, SpinOperator};
use crate::read::ReadOptions;
use crate::structure::Structure;
use crate::units::{BOHR_IN_ANGSTROM, HARTREE_IN_EV};

/// Name of the hints of H.
pub(super) const HINTS: &str = "hamiltonian";

/// What a folder says beside atoms and matrices.
pub(super) struct Head {
    /// 1, or 2 where H and DM have spin.
    pub spins: usize,
    /// Is S the identity?
    pub is_orthogonal: bool,
    pub fermi_level_ev: Option<f64>,
    pub n_electrons: Option<f64>,
    /// What was read for it.
    pub files: Vec<PathBuf>,
}

/// The constants by which hzero wrote a folder.
pub(super) struct Constants {
    pub angstrom_per_bohr: f64,
    ev: Option<Ev>,
}

impl Constants {
    /// Those of `folder`: its own ångström, and eV to be found out, where something else wrote it.
    pub fn of(folder: &Path) -> Result<Self> {
        let companion = Companion::read(folder)?;
        Ok(Constants {
            angstrom_per_bohr: companion.as_ref().map_or(BOHR_IN_ANGSTROM, |found| found.angstrom_per_bohr),
            ev: companion.map(|found| Ev { per_hartree: found.ev_per_hartree }),
        })
    }
}

/// Matrix files of a folder, or those that were named instead.
struct Files {
    overlap: Option<PathBuf>,
    hamiltonian: Option<PathBuf>,
    hamiltonian0: Option<PathBuf>,
    density_matrix: Option<PathBuf>,
}

impl Files {
    fn of(layout: &Layout, path: &Path, options: &ReadOptions) -> Self {
        let folder = folder(path);
        let named = || Some(path.to_owned()).filter(|path| path.is_file() && plain_name(path) == layout.predicted);
        let found = || [layout.hamiltonian, layout.predicted].iter().find_map(|name| existing(folder, name));
        Files {
            overlap: options.overlap.clone().or_else(|| existing(folder, layout.overlap)),
            hamiltonian: options.hamiltonian.clone().or_else(named).or_else(found),
            hamiltonian0: options.h0.clone(),
            density_matrix: layout.density_matrix.iter().find_map(|name| existing(folder, name)),
        }
    }

    fn all(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.overlap, &self.hamiltonian, &self.hamiltonian0, &self.density_matrix].into_iter().flatten()
    }
}

/// The folder at `path`, or that of a file.
pub(super) fn folder(path: &Path) -> &Path {
    if path.is_dir() { path } else { folder_of(path) }
}

impl Layout {
    /// The run whose atoms and `head` are known, with the matrices of the folder at `path`, or of the folder of that file.
    pub fn read(
        &self,
        path: &Path,
        options: &ReadOptions,
        (structure, basis): (Structure, Basis),
        head: Head,
        constants: &Constants,
    ) -> Result<Calculation> {
        let files = Files::of(self, path, options);
        if files.all().next().is_none() {
            let expected = format!("`{}` or `{}`", self.hamiltonian, self.overlap);
            return Err(Error::syntax(expected, "neither").in_file(path));
        }
        let orbitals = (self.orbitals)(&basis).in_file(path)?;
        let matrices = Matrices { layout: self, orbitals, spins: head.spins, ev: constants.ev };
        let hamiltonian = files.hamiltonian.as_deref().map(|file| matrices.hamiltonian(file)).transpose()?;
        let hamiltonian0 = files.hamiltonian0.as_deref().map(|file| matrices.hamiltonian(file)).transpose()?;
        let density_matrix = files.density_matrix.as_deref().map(|file| matrices.density_matrix(file)).transpose()?;
        let overlap = match files.overlap.as_deref() {
            Some(file) => Some(matrices.overlap(file)?),
            None => head.is_orthogonal.then(|| Operator::identity(&basis)).transpose()?,
        };
        let ev = hamiltonian.as_ref().map(|(_, ev)| *ev).or(constants.ev).unwrap_or(Ev { per_hartree: HARTREE_IN_EV });
        let is_predicted = files.hamiltonian.as_deref().is_some_and(|file| plain_name(file) == self.predicted);
        let origin = Origin {
            code: "DeepH",
            version: None,
            files: head.files.iter().chain(files.all()).cloned().collect(),
            ev_per_hartree: ev.per_hartree,
            angstrom_per_bohr: constants.angstrom_per_bohr,
            is_predicted,
        };
        Ok(Calculation {
            overlap,
            hamiltonian: hamiltonian.map(|(operator, _)| operator),
            hamiltonian0: hamiltonian0.map(|(operator, _)| operator),
            density_matrix,
            fermi_level: head.fermi_level_ev.map(|level| ev.to_hartree(level)),
            n_electrons: options.electrons.or(head.n_electrons),
            ..Calculation::new(structure, basis, origin)
        })
    }
}

/// Reads matrix files of one folder.
struct Matrices<'a> {
    layout: &'a Layout,
    orbitals: Orbitals<'a>,
    spins: usize,
    ev: Option<Ev>,
}

impl Matrices<'_> {
    fn overlap(&self, file: &Path) -> Result<Operator<f64>> {
        let (stored, entries) = (self.layout.read)(file, &self.orbitals, 1)?;
        stored.spinless(&entries, &self.orbitals).in_file(file)
    }

    fn density_matrix(&self, file: &Path) -> Result<SpinOperator> {
        let (stored, entries) = (self.layout.read)(file, &self.orbitals, self.spins)?;
        stored.operator(&entries, &self.orbitals).in_file(file)
    }

    /// In hartree, and the constant that the file's eV were made by.
    fn hamiltonian(&self, file: &Path) -> Result<(SpinOperator, Ev)> {
        let (stored, mut entries) = (self.layout.read)(file, &self.orbitals, self.spins)?;
        let ev = self.ev.or_else(|| entries.ev()).unwrap_or(Ev { per_hartree: HARTREE_IN_EV });
        entries.become_hartree(ev, &hints::read(folder_of(file), HINTS, entries.n_parts())?);
        Ok((stored.operator(&entries, &self.orbitals).in_file(file)?, ev))
    }
}
