//! From a `dat` folder to a run.

use std::path::{Path, PathBuf};

use super::matrices;
use super::texts::{Frame, Texts};
use super::{DENSITY_MATRICES, HAMILTONIANS, HINTS, OVERLAPS};
use crate::basis::Basis;
use crate::calculation::{Calculation, Origin};
use crate::companion::Companion;
use crate::deeph::blocks::Orbitals;
use crate::error::{Context, Error, Result};
use crate::ev::Ev;
use crate::folder::{existing, folder_of, plain_name};
use crate::hints;
use crate::operator::{Operator, SpinOperator};
use crate::read::ReadOptions;
use crate::structure::Structure;
use crate::units::{BOHR_IN_ANGSTROM, HARTREE_IN_EV};

/// Reads the folder at `path`, or that of the file at `path`.
///
/// # Errors
/// All kinds but `NotRepresentable`.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Calculation> {
    let folder = if path.is_dir() { path } else { folder_of(path) };
    let texts = Texts::read(folder)?;
    let files = Files::of(folder, path, options)?;
    let frames = matrices::frames(files.first()?)?;
    let frame = matrices::chosen(&frames, options.step).in_file(files.first()?)?;
    let companion = Companion::read(folder)?;
    let angstrom_per_bohr = companion.as_ref().map_or(BOHR_IN_ANGSTROM, |found| found.angstrom_per_bohr);
    let (structure, basis) = atoms(&texts, frame, frames.len(), angstrom_per_bohr).in_file(folder)?;
    let reader = Reader {
        frame: &frames[frame],
        orbitals: Orbitals::canonical(&basis),
        ev: companion.map(|found| Ev { per_hartree: found.ev_per_hartree }),
    };
    let hamiltonian = files.hamiltonian.as_deref().map(|file| reader.hamiltonian(file)).transpose()?;
    let ev = hamiltonian.as_ref().map(|(_, ev)| *ev).or(reader.ev).unwrap_or(Ev { per_hartree: HARTREE_IN_EV });
    let origin = Origin {
        code: "dftio",
        files: texts.files.iter().chain(files.all()).cloned().collect(),
        ev_per_hartree: ev.per_hartree,
        angstrom_per_bohr,
        is_predicted: files.hamiltonian.as_deref().is_some_and(|file| plain_name(file) == HAMILTONIANS[1]),
        ..Origin::default()
    };
    Ok(Calculation {
        overlap: files.overlap.as_deref().map(|file| reader.overlap(file)).transpose()?,
        density_matrix: files.density_matrix.as_deref().map(|file| reader.density_matrix(file)).transpose()?,
        hamiltonian: hamiltonian.map(|(operator, _)| operator),
        n_electrons: options.electrons,
        ..Calculation::new(structure, basis.clone(), origin)
    })
}

fn atoms(texts: &Texts, frame: usize, n_frames: usize, angstrom_per_bohr: f64) -> Result<(Structure, Basis)> {
    let Frame { lattice, positions, numbers } = texts.frame(frame, n_frames)?;
    let (basis, species) = texts.basis.basis(numbers)?;
    let positions = positions.into_iter().map(|position| position / angstrom_per_bohr).collect();
    Ok((Structure { lattice: lattice / angstrom_per_bohr, positions, species }, basis))
}

/// Matrix files of the folder, or those that were named instead.
struct Files {
    hamiltonian: Option<PathBuf>,
    overlap: Option<PathBuf>,
    density_matrix: Option<PathBuf>,
    folder: PathBuf,
}

impl Files {
    /// Of two that could be H, S or DM the first in the list, unless `path` is the other.
    fn of(folder: &Path, path: &Path, options: &ReadOptions) -> Result<Self> {
        let found = |names: [&str; 2]| {
            let is_named = path.is_file() && names.contains(&&plain_name(path)[..]);
            let first = || names.iter().find_map(|name| existing(folder, name));
            is_named.then(|| path.to_owned()).or_else(first)
        };
        if options.h0.is_some() {
            return Err(
                Error::unsupported("dftio's folders hold one H; name H0 by a folder of its own").in_file(folder)
            );
        }
        Ok(Files {
            hamiltonian: options.hamiltonian.clone().or_else(|| found(HAMILTONIANS)),
            overlap: options.overlap.clone().or_else(|| found(OVERLAPS)),
            density_matrix: found(DENSITY_MATRICES),
            folder: folder.to_owned(),
        })
    }

    fn all(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.hamiltonian, &self.overlap, &self.density_matrix].into_iter().flatten()
    }

    fn first(&self) -> Result<&PathBuf> {
        let missing = || Error::syntax(format!("`{}` or `{}`", HAMILTONIANS[0], OVERLAPS[0]), "neither");
        self.all().next().ok_or_else(|| missing().in_file(&self.folder))
    }
}

/// Reads matrix files of one frame.
struct Reader<'a> {
    frame: &'a str,
    orbitals: Orbitals<'a>,
    /// By which hzero wrote the folder.
    ev: Option<Ev>,
}

impl Reader<'_> {
    fn overlap(&self, file: &Path) -> Result<Operator<f64>> {
        let (stored, entries) = matrices::read(file, self.frame, &self.orbitals)?;
        stored.spinless(&entries, &self.orbitals).in_file(file)
    }

    fn density_matrix(&self, file: &Path) -> Result<SpinOperator> {
        let (stored, entries) = matrices::read(file, self.frame, &self.orbitals)?;
        stored.operator(&entries, &self.orbitals).in_file(file)
    }

    /// In hartree, and the constant that the file's eV were made by: numbers in single precision do not tell.
    fn hamiltonian(&self, file: &Path) -> Result<(SpinOperator, Ev)> {
        let (stored, mut entries) = matrices::read(file, self.frame, &self.orbitals)?;
        let ev = self.ev.or_else(|| entries.ev()).unwrap_or(Ev { per_hartree: HARTREE_IN_EV });
        entries.become_hartree(ev, &hints::read(folder_of(file), HINTS, entries.n_parts())?);
        Ok((stored.operator(&entries, &self.orbitals).in_file(file)?, ev))
    }
}
