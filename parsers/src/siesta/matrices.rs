//! The binary files of one calculation → H, S, basis and structure.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::geometry::Geometry;
use super::hsx::Hsx;
use super::matrix::{self, Places};
use super::nc::{self, Nc};
use super::supercell::Supercell;
use crate::basis::Basis;
use crate::error::{Context, Error, Result};
use crate::input;
use crate::operator::{Operator, SpinOperator};
use crate::same_run;
use crate::structure::Structure;

/// H and S of one calculation as the files have them, and what is needed to understand them.
pub struct Matrices {
    /// The file, for messages.
    pub file: PathBuf,
    /// H and S.
    pub hsx: Hsx,
    /// Cell and atoms.
    pub structure: Structure,
    /// Orbitals.
    pub basis: Basis,
    /// The lattice vectors of the columns.
    pub supercell: Arc<Supercell>,
}

impl Matrices {
    /// Reads an HSX or `.nc` file; version 0 of HSX takes the structure from `.XV`.
    ///
    /// # Errors
    /// Those of the files; `Inconsistent` where they do not belong together.
    pub fn read(file: &Path, xv: Option<&Path>) -> Result<Matrices> {
        let hsx =
            if nc::is_name(file) { Nc::read(file)?.hsx } else { Hsx::parse(&input::open(file)?).in_file(file)? };
        let structure = match hsx.structure() {
            Some(structure) => structure,
            None => structure_of_version_0(&hsx, file, xv)?,
        };
        let basis = hsx.basis().in_file(file)?;
        let supercell = hsx.supercell(&structure).in_file(file)?;
        Ok(Matrices { file: file.to_owned(), hsx, structure, basis, supercell })
    }

    /// H(R), hartree.
    ///
    /// # Errors
    /// `Inconsistent` where the parts of the file do not fit together.
    pub fn hamiltonian(&self) -> Result<SpinOperator> {
        self.places().and_then(|places| matrix::hamiltonian(&self.hsx.hamiltonian, &places)).in_file(&self.file)
    }

    /// S(R).
    ///
    /// # Errors
    /// As [`Matrices::hamiltonian`]; `Unsupported` where several images of a pair are added up.
    pub fn overlap(&self) -> Result<Operator<f64>> {
        let overlap = || {
            let overlap = matrix::overlap(&self.hsx.overlap, &self.places()?)?;
            matrix::refuse_folded(&overlap, &self.supercell, &self.structure)?;
            Ok(overlap)
        };
        overlap().in_file(&self.file)
    }

    /// Do both hold the same numbers of S, bit for bit?
    pub fn has_same_overlap(&self, other: &Matrices) -> bool {
        self.hsx.overlap == other.hsx.overlap && self.hsx.sparsity == other.hsx.sparsity
    }

    /// Does the file say that its H was never diagonalised (`HSetupOnly` of SIESTA 5)?
    pub fn is_step_zero(&self) -> bool {
        self.hsx.head.cell().is_some() && self.hsx.head.fermi_level().is_none()
    }

    /// Structure and orbitals must be those of `other`.
    ///
    /// # Errors
    /// `Inconsistent` with both files and what differs.
    pub fn check_system(&self, other: &Matrices) -> Result<()> {
        same_run::same_structure((&self.file, &self.structure), (&other.file, &other.structure))?;
        if self.basis == other.basis {
            return Ok(());
        }
        let message = format!(
            "{} orbitals, but {} has {} (or in other shells)",
            other.basis.n_orbitals(),
            self.file.display(),
            self.basis.n_orbitals()
        );
        Err(Error::inconsistent(message).in_file(&other.file))
    }

    fn places(&self) -> Result<Places<'_>> {
        Places::new(&self.hsx.sparsity, &self.supercell, &self.basis)
    }
}

/// Version 0 has species, but neither cell nor positions.
fn structure_of_version_0(hsx: &Hsx, file: &Path, xv: Option<&Path>) -> Result<Structure> {
    let Some(xv) = xv else {
        let message = "version 0 (of SIESTA 4.1) holds no structure, and there is no .XV beside it (--structure)";
        return Err(Error::unsupported(message).in_file(file));
    };
    let geometry = Geometry::parse_xv(&input::open(xv)?).in_file(xv)?;
    let species: Vec<usize> = geometry.atoms.iter().map(|atom| atom.species - 1).collect();
    if species != hsx.head.species_indices() {
        let (found, expected) = (species.len(), hsx.head.species_of.len());
        let message = format!("{found} atoms, but {} has {expected} (or other species)", file.display());
        return Err(Error::inconsistent(message).in_file(xv));
    }
    let positions = geometry.atoms.iter().map(|atom| atom.position).collect();
    Ok(Structure { lattice: geometry.lattice, positions, species })
}
