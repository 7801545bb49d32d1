//! Structure, basis and images of an HSX file.

use std::sync::Arc;

use nalgebra::{Matrix3, Vector3};

use super::{Head, Hsx, SpeciesHead, Version};
use crate::basis::{Basis, Shell, Species};
use crate::elements::atomic_number;
use crate::error::{Error, Result};
use crate::siesta::supercell::Supercell;
use crate::structure::Structure;

/// Shells beyond this are no atomic orbitals of SIESTA.
const LARGEST_L: i32 = 6;

impl Hsx {
    /// Lattice and atoms; `None` for version 0, which leaves them to `.XV`.
    pub fn structure(&self) -> Option<Structure> {
        let cell = self.head.cell()?;
        Some(Structure {
            lattice: Matrix3::from_fn(|row, column| cell.cell[row][column]),
            positions: cell.positions.iter().map(|&position| Vector3::from(position)).collect(),
            species: self.head.species_indices(),
        })
    }

    /// Orbitals. Elements come from the labels of the species ("Mo", "Fe1"), since the file has no atomic numbers.
    ///
    /// # Errors
    /// `Inconsistent` where the orbitals of a species do not make whole shells.
    pub fn basis(&self) -> Result<Basis> {
        self.head.basis()
    }

    /// The lattice vector of every image; version 0 needs `structure` to know it.
    ///
    /// # Errors
    /// `Inconsistent` where the vectors of a version 0 file do not belong to `structure`.
    pub fn supercell(&self, structure: &Structure) -> Result<Arc<Supercell>> {
        match &self.head.version {
            Version::V1(cell) | Version::V2(cell, _) => Ok(cell.supercell.clone()),
            Version::V0(vectors) => {
                let n_images = (vectors.home_orbitals.len() / self.sparsity.n_rows().max(1)).max(1);
                let basis = self.basis()?;
                Supercell::from_vectors(&self.sparsity, &vectors.vectors, n_images, structure, &basis).map(Arc::new)
            }
        }
    }
}

impl Head {
    /// See [`Hsx::basis`].
    ///
    /// # Errors
    /// As there.
    pub fn basis(&self) -> Result<Basis> {
        let species = self.species.iter().map(SpeciesHead::species).collect::<Result<Vec<_>>>()?;
        Basis::new(species, &self.species_indices())
    }

    /// Charge of the ion core of each species; `None` where the file leaves one open (0).
    pub fn valence_charges(&self) -> Option<Vec<f64>> {
        self.species.iter().map(|species| Some(species.valence).filter(|&charge| charge > 0.0)).collect()
    }

    /// Species of each atom, from 0.
    pub fn species_indices(&self) -> Vec<usize> {
        self.species_of.iter().map(|&species| species as usize - 1).collect()
    }

    /// Fermi level in Ry; `None` where the file has none (version 0) or says that it is not known yet (H⁽⁰⁾).
    pub fn fermi_level(&self) -> Option<f64> {
        self.cell().map(|cell| cell.fermi_level).filter(|level| level.abs() < 1e300)
    }
}

impl SpeciesHead {
    /// Label without its padding.
    pub fn name(&self) -> String {
        String::from_utf8_lossy(&self.label).trim_end_matches([' ', '\0']).to_owned()
    }

    fn species(&self) -> Result<Species> {
        let label = self.name();
        let shells = shells(&self.orbitals).map_err(|e| e.while_reading(format!("the orbitals of species {label}")))?;
        Ok(Species { z: atomic_number(&label), label, shells, cutoff: None })
    }
}

/// 2l+1 orbitals with the same n, l, zeta make a shell.
fn shells(mut orbitals: &[[i32; 3]]) -> Result<Vec<Shell>> {
    let mut shells = Vec::new();
    while let Some(&[n, l, zeta]) = orbitals.first() {
        let number = |number| u8::try_from(number).ok();
        let (Some(l), Some(zeta)) = (number(l).filter(|_| l <= LARGEST_L), number(zeta)) else {
            return Err(Error::inconsistent(format!("an orbital with n = {n}, l = {l}, zeta = {zeta}")));
        };
        let shell = Shell { l, zeta, n: number(n) };
        let of_shell = orbitals.iter().take_while(|orbital| **orbital == [n, l.into(), zeta.into()]).count();
        if of_shell < shell.n_orbitals() {
            let message =
                format!("a shell of l = {l} has {} orbitals, only {of_shell} follow each other", shell.n_orbitals());
            return Err(Error::inconsistent(message));
        }
        orbitals = &orbitals[shell.n_orbitals()..];
        shells.push(shell);
    }
    Ok(shells)
}
