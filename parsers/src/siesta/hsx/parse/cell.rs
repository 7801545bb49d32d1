//! Versions 1 and 2.

use std::sync::Arc;

use super::{check_atoms, read_matrices, read_species, together};
use crate::error::{Context, Error, Result};
use crate::input::fortran::{Record, Records};
use crate::siesta::hsx::{CellHead, Head, Hsx, KMesh, Version};
use crate::siesta::sparsity::{Sparsity, n_columns, read_nspin};
use crate::siesta::supercell::Supercell;

/// All records after the first one, which holds nothing but the version.
pub(super) fn parse(first: &mut Record, records: &mut Records) -> Result<Hsx> {
    let version = read_version(first).while_reading(|| "the version".into())?;
    let is_double = records.one(|record| record.i32()).while_reading(|| "is_dp".into())?;
    let sizes = Sizes::read(records).while_reading(|| "the sizes".into())?;
    let (numbers, atoms) = read_cell(records, &sizes).while_reading(|| "cell and atoms".into())?;
    let species = read_species(records, sizes.n_species, together).while_reading(|| "the species".into())?;
    let mesh = (version == 2).then(|| records.one(KMesh::read).while_reading(|| "the k mesh".into())).transpose()?;
    let here = records.place();
    let n_columns = n_columns(sizes.n_orbitals, sizes.nsc).map_err(|e| e.at(here))?;
    check_atoms(&atoms.species_of, &species, sizes.n_orbitals, Some(&atoms.last_orbitals)).map_err(|e| e.at(here))?;
    let sparsity = Sparsity::read(records, sizes.n_orbitals, n_columns)?;
    let (hamiltonian, overlap) = read_matrices(records, &sparsity, sizes.nspin, is_double != 0)?;
    let Numbers { cell, fermi_level, n_electrons, temperature } = numbers;
    let Atoms { supercell, positions, species_of, last_orbitals } = atoms;
    let cell = CellHead { is_double, cell, positions, fermi_level, supercell: Arc::new(supercell), last_orbitals };
    let version = match mesh {
        Some(mesh) => Version::V2(cell, mesh),
        None => Version::V1(cell),
    };
    let head = Head { nspin: sizes.nspin, n_electrons, temperature, species, species_of, version };
    Ok(Hsx { head: Arc::new(head), sparsity: Arc::new(sparsity), hamiltonian, overlap })
}

fn read_version(first: &mut Record) -> Result<i32> {
    let place = first.place();
    let version = first.i32()?;
    first.end()?;
    match version {
        1 | 2 => Ok(version),
        _ => Err(Error::unsupported(format!("HSX version {version}; versions 0, 1 and 2 are known")).at(place)),
    }
}

/// Third record.
struct Sizes {
    n_atoms: usize,
    n_orbitals: usize,
    nspin: usize,
    n_species: usize,
    nsc: [i32; 3],
}

impl Sizes {
    fn read(records: &mut Records) -> Result<Self> {
        let mut record = records.record()?;
        let place = record.place();
        let n_atoms = record.count("a number of atoms")?;
        let n_orbitals = record.count("a number of orbitals")?;
        let nspin = read_nspin(&mut record)?;
        let n_species = record.count("a number of species")?;
        let nsc = [record.i32()?, record.i32()?, record.i32()?];
        record.end()?;
        if nsc.iter().any(|&n| n < 1) {
            return Err(Error::inconsistent(format!("an auxiliary supercell of {nsc:?} cells")).at(place));
        }
        Ok(Sizes { n_atoms, n_orbitals, nspin, n_species, nsc })
    }

    /// Number of images; a product that is too large is larger than any record.
    fn n_images(&self) -> usize {
        self.nsc.iter().fold(1_usize, |product, &n| product.saturating_mul(n as usize))
    }
}

/// Fourth record.
struct Numbers {
    cell: [[f64; 3]; 3],
    fermi_level: f64,
    n_electrons: f64,
    temperature: f64,
}

/// Fifth record.
struct Atoms {
    supercell: Supercell,
    positions: Vec<[f64; 3]>,
    species_of: Vec<i32>,
    last_orbitals: Vec<i32>,
}

fn read_cell(records: &mut Records, sizes: &Sizes) -> Result<(Numbers, Atoms)> {
    let numbers = records.one(|record| {
        let cell = [record.vector()?, record.vector()?, record.vector()?];
        let [fermi_level, n_electrons, temperature] = record.vector()?;
        Ok(Numbers { cell, fermi_level, n_electrons, temperature })
    })?;
    let atoms = records.one(|record| {
        let place = record.place();
        let offsets = record.i32_triples(sizes.n_images())?;
        let supercell = Supercell::from_file(sizes.nsc, offsets).map_err(|e| e.at(place))?;
        let positions = record.vectors(sizes.n_atoms)?;
        let (species_of, last_orbitals) = (record.i32s(sizes.n_atoms)?, record.i32s(sizes.n_atoms)?);
        Ok(Atoms { supercell, positions, species_of, last_orbitals })
    })?;
    Ok((numbers, atoms))
}
