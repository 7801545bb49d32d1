//! `<label>.nc` as it is (`CDF.Save T`, netCDF-4): what HSX and DM hold, in one file with names and units.
//!
//! Writing routine: `Src/ncdf_siesta.F90` of 4.1 and 5.x. H, S and DM equal those of `.HSX` and `.DM` bit for bit, in the same
//! order of elements, so that the file becomes an [`Hsx`], and [`crate::siesta::matrix`] gives it meaning.
//!
//! ```text
//! /          cell(xyz,xyz) xa(na_u,xyz) nsc(xyz) lasto(na_u) Ef Qtot          bohr, Ry
//! /SPARSE    isc_off(n_s,xyz) n_col(no_u) list_col(nnzs) S(nnzs) H(spin,nnzs) DM(spin,nnzs)
//! /SETTINGS  BZ(xyz,xyz) BZ_displ(xyz) ElectronicTemperature
//! /BASIS     basis(na_u) and a group per species: Label, ID, Atomic_number, … orbnl_n, orbnl_l, orbnl_z(norbs)
//! ```

#[cfg(not(feature = "hdf5"))]
mod absent;
#[cfg(feature = "hdf5")]
mod read;
#[cfg(feature = "hdf5")]
mod write;

use std::path::Path;

use crate::basis::Basis;
use crate::elements::atomic_number;
use crate::error::Result;
use crate::folder::plain_name;
use crate::siesta::Hsx;

/// The matrices of a `.nc` file, and what they need. Forces, grids and radial functions are neither read nor written.
#[derive(Debug, Clone, PartialEq)]
pub struct Nc {
    /// Structure, basis, H and S, as version 2 of HSX has them.
    pub hsx: Hsx,
    /// DM: `density_matrix[component][element]`, components as H; `None` where it was never written.
    pub density_matrix: Option<Vec<Vec<f64>>>,
    /// `Atomic_number` of each species; 0 where it is not known, negative for ghost atoms.
    pub atomic_numbers: Vec<i32>,
}

/// Does this path end like a `.nc` file, compressed or not?
pub fn is_name(path: &Path) -> bool {
    plain_name(path).ends_with(".nc")
}

impl Nc {
    /// With the atomic numbers that the labels of the species say.
    pub fn new(hsx: Hsx, density_matrix: Option<Vec<Vec<f64>>>) -> Self {
        let number = |label: String| atomic_number(&label).map_or(0, i32::from);
        let atomic_numbers = hsx.head.species.iter().map(|kind| number(kind.name())).collect();
        Nc { hsx, density_matrix, atomic_numbers }
    }

    /// Orbitals, with the atomic numbers of the file.
    ///
    /// # Errors
    /// As [`Hsx::basis`].
    pub fn basis(&self) -> Result<Basis> {
        let mut species = self.hsx.basis()?.species().to_vec();
        for (species, &number) in species.iter_mut().zip(&self.atomic_numbers) {
            species.z = u8::try_from(number).ok().filter(|&z| z > 0);
        }
        Basis::new(species, &self.hsx.head.species_indices())
    }
}

/// Attribute of a species' group with n, l, zeta of each shell, in files of ours. SIESTA's `orbnl_l` promises radial functions
/// beside it, which no other file of a run has.
#[cfg(feature = "hdf5")]
const SHELLS: &str = "shells";
