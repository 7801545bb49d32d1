//! `<label>.HSX` as it is: H and S with the basis, in rydberg and SIESTA's own order of orbitals and columns.
//! [`crate::siesta::matrix`] gives it meaning.
//!
//! Writing routines: `Src/hsx_m.f90`/`write_hsx` of 4.1 (version 0), `Src/io_hsx.F90` of 5.x (versions 1 and 2).

mod meaning;
mod parse;
mod write;

use std::sync::Arc;

#[cfg(feature = "hdf5")]
pub(in crate::siesta) use parse::check_atoms;

use super::sparsity::Sparsity;
use super::supercell::Supercell;

/// Characters of a species' label, padded with blanks.
pub const LABEL_LENGTH: usize = 20;

/// A whole HSX file.
#[derive(Debug, Clone, PartialEq)]
pub struct Hsx {
    /// Everything but the matrices.
    pub head: Arc<Head>,
    /// Which elements are stored; H and S share it.
    pub sparsity: Arc<Sparsity>,
    /// H in rydberg: `hamiltonian[component][element]`, 1, 2, 4 or 8 components (nspin). Single precision files hold these
    /// numbers exactly.
    pub hamiltonian: Vec<Vec<f64>>,
    /// S: `overlap[element]`.
    pub overlap: Vec<f64>,
}

/// Everything but the matrices.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// Components of H: 1, 2 (up, down), 4 (non-collinear), 8 (spin–orbit).
    pub nspin: usize,
    /// Number of electrons.
    pub n_electrons: f64,
    /// Electronic temperature, Ry.
    pub temperature: f64,
    /// Kinds of atoms.
    pub species: Vec<SpeciesHead>,
    /// `isa`: species of each atom, from 1.
    pub species_of: Vec<i32>,
    /// What differs between versions.
    pub version: Version,
}

/// What the file says of one species.
#[derive(Debug, Clone, PartialEq)]
pub struct SpeciesHead {
    /// Label, padded with blanks.
    pub label: [u8; LABEL_LENGTH],
    /// Charge of the ion core = number of valence electrons.
    pub valence: f64,
    /// (n, l, zeta) of every orbital.
    pub orbitals: Vec<[i32; 3]>,
}

/// What differs between versions.
#[derive(Debug, Clone, PartialEq)]
pub enum Version {
    /// 4.1: single precision, no structure, but the vector of every element.
    V0(VectorHead),
    /// 5.x: with the structure.
    V1(CellHead),
    /// 5.x: also with the k mesh.
    V2(CellHead, KMesh),
}

/// Version 0.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorHead {
    /// Logical as stored: are all columns in the home cell? (4.1 always writes false.)
    pub gamma: i32,
    /// `indxuo`: home orbital of every column, from 1; empty where `gamma` is true.
    pub home_orbitals: Vec<i32>,
    /// `xij`: from the row's orbital to the column's, bohr, one for every element.
    pub vectors: Vec<[f32; 3]>,
    /// (atom, orbital inside the atom) of every orbital, from 1.
    pub orbitals: Vec<[i32; 2]>,
}

/// Versions 1 and 2.
#[derive(Debug, Clone, PartialEq)]
pub struct CellHead {
    /// Logical as stored: double precision?
    pub is_double: i32,
    /// Lattice vectors as rows, bohr.
    pub cell: [[f64; 3]; 3],
    /// Positions, bohr.
    pub positions: Vec<[f64; 3]>,
    /// Fermi level, Ry. H⁽⁰⁾ of `HSetupOnly` says 1.8·10³⁰⁸ (`huge(1.d0)`).
    pub fermi_level: f64,
    /// Images.
    pub supercell: Arc<Supercell>,
    /// `lasto`: last orbital of each atom, from 1.
    pub last_orbitals: Vec<i32>,
}

/// k mesh of version 2.
#[derive(Debug, Clone, PartialEq)]
pub struct KMesh {
    /// `kcell`: the supercell matrix, row by row.
    pub cell: [i32; 9],
    /// `kdispl`.
    pub displacement: [f64; 3],
}

impl Head {
    /// Structure, images and Fermi level, which version 0 lacks.
    pub fn cell(&self) -> Option<&CellHead> {
        match &self.version {
            Version::V0(_) => None,
            Version::V1(cell) | Version::V2(cell, _) => Some(cell),
        }
    }

    /// k mesh, where the file has it.
    pub fn k_mesh(&self) -> Option<&KMesh> {
        match &self.version {
            Version::V2(_, mesh) => Some(mesh),
            Version::V0(_) | Version::V1(_) => None,
        }
    }

    /// Are the matrices in double precision?
    pub fn is_double(&self) -> bool {
        self.cell().is_some_and(|cell| cell.is_double != 0)
    }

    /// 0, 1 or 2.
    pub fn number(&self) -> i32 {
        match self.version {
            Version::V0(_) => 0,
            Version::V1(_) => 1,
            Version::V2(..) => 2,
        }
    }

    /// Number of orbitals up to and with each atom, after a 0.
    pub fn last_orbitals(&self) -> Vec<i32> {
        let mut last = 0;
        let ends = self.orbitals_of_atoms().into_iter().map(|n| {
            last += n as i32;
            last
        });
        std::iter::once(0).chain(ends).collect()
    }

    /// Number of orbitals of each atom.
    fn orbitals_of_atoms(&self) -> Vec<usize> {
        let of_species = |&species: &i32| self.species[species as usize - 1].orbitals.len();
        self.species_of.iter().map(of_species).collect()
    }
}
