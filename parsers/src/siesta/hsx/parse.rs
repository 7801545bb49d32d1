//! Bytes → [`Hsx`].

mod cell;
mod vectors;

use super::{Hsx, KMesh, LABEL_LENGTH, SpeciesHead};
use crate::error::{Context, Error, Result};
use crate::input::fortran::{Record, Records};
use crate::siesta::sparsity::Sparsity;

/// Bytes of a species in the list of species: label, charge, number of orbitals.
const SPECIES_SIZE: usize = LABEL_LENGTH + 12;
/// First record of version 0: four integers.
const V0_SIZE: usize = 16;

impl Hsx {
    /// Reads an HSX file of version 0, 1 or 2.
    ///
    /// # Errors
    /// `Syntax` where the records do not fit the format, `Inconsistent` where they contradict each other; each with record
    /// and byte.
    pub fn parse(file: &[u8]) -> Result<Self> {
        let mut records = Records::new(file)?;
        let mut first = records.record().while_reading(|| "the head".into())?;
        let hsx = match first.len() {
            V0_SIZE => vectors::parse(&mut first, &mut records)?,
            _ => cell::parse(&mut first, &mut records)?,
        };
        records.end()?;
        Ok(hsx)
    }
}

/// The components of H, then S.
fn read_matrices(
    records: &mut Records,
    sparsity: &Sparsity,
    nspin: usize,
    is_double: bool,
) -> Result<(Vec<Vec<f64>>, Vec<f64>)> {
    let mut matrix = || match is_double {
        true => records.rows(sparsity.row_starts(), f64::from_le_bytes),
        false => records.rows(sparsity.row_starts(), |bytes| f64::from(f32::from_le_bytes(bytes))),
    };
    let hamiltonian = (0..nspin).map(|_| matrix()).collect::<Result<_>>().while_reading(|| "H".into())?;
    Ok((hamiltonian, matrix().while_reading(|| "S".into())?))
}

/// The list of species, then by `read_orbitals` n, l, zeta of their orbitals.
fn read_species(
    records: &mut Records,
    n_species: usize,
    read_orbitals: fn(&mut Records, usize) -> Result<Vec<[i32; 3]>>,
) -> Result<Vec<SpeciesHead>> {
    let mut record = records.record()?;
    if n_species.saturating_mul(SPECIES_SIZE) != record.len() {
        let found = format!("a record of {} bytes", record.len());
        return Err(Error::syntax(format!("{n_species} species of {SPECIES_SIZE} bytes"), found).at(record.place()));
    }
    let mut one = || {
        let (label, valence) = (record.bytes()?, record.f64()?);
        let orbitals = read_orbitals(records, record.count("a number of orbitals")?)?;
        Ok(SpeciesHead { label, valence, orbitals })
    };
    (0..n_species).map(|_| one()).collect()
}

/// One record for all orbitals of a species.
fn together(records: &mut Records, n_orbitals: usize) -> Result<Vec<[i32; 3]>> {
    records.one(|record| record.i32_triples(n_orbitals))
}

/// One record for each orbital; a lying number of orbitals ends with the file.
fn scattered(records: &mut Records, n_orbitals: usize) -> Result<Vec<[i32; 3]>> {
    (0..n_orbitals).map(|_| records.one(|record| Ok([record.i32()?, record.i32()?, record.i32()?]))).collect()
}

/// Atoms name species that exist, and their orbitals are as many as the matrix has.
pub fn check_atoms(species_of: &[i32], species: &[SpeciesHead], n_orbitals: usize, last: Option<&[i32]>) -> Result<()> {
    let mut next = 0;
    for (atom, &index) in species_of.iter().enumerate() {
        let Some(kind) = usize::try_from(index).ok().and_then(|index| species.get(index.wrapping_sub(1))) else {
            let message = format!("atom {} has species {index} of {}", atom + 1, species.len());
            return Err(Error::inconsistent(message));
        };
        next += kind.orbitals.len();
        if let Some(&last) = last.and_then(|last| last.get(atom)).filter(|&&last| last as usize != next) {
            let message = format!("the last orbital of atom {} is {last}, but its species make it {next}", atom + 1);
            return Err(Error::inconsistent(message));
        }
    }
    if next != n_orbitals {
        let message = format!("the atoms have {next} orbitals, but the matrix has {n_orbitals} rows");
        return Err(Error::inconsistent(message));
    }
    Ok(())
}

impl KMesh {
    /// The next 9 integers and 3 numbers of `record`.
    pub(in crate::siesta) fn read(record: &mut Record) -> Result<Self> {
        let mut cell = [0; 9];
        for number in &mut cell {
            *number = record.i32()?;
        }
        Ok(KMesh { cell, displacement: record.vector()? })
    }
}
