//! Version 0.

use std::sync::Arc;

use super::{check_atoms, read_matrices, read_species, scattered};
use crate::error::{Context, Error, Result};
use crate::input::fortran::{Record, Records};
use crate::siesta::hsx::{Head, Hsx, SpeciesHead, VectorHead, Version};
use crate::siesta::sparsity::{Sparsity, read_nspin};

/// All records after the first one, which holds four sizes.
pub(super) fn parse(first: &mut Record, records: &mut Records) -> Result<Hsx> {
    let n_orbitals = first.count("a number of orbitals")?;
    let n_columns = first.count("a number of columns")?;
    let nspin = read_nspin(first)?;
    let place = first.place();
    let n_elements = first.count("a number of elements")?;
    let (gamma, home_orbitals) = read_home_orbitals(records, n_orbitals, n_columns)?;
    let n_columns = if gamma == 0 { n_columns } else { n_orbitals };
    let sparsity = Sparsity::read(records, n_orbitals, n_columns)?;
    sparsity.check_announced(n_elements).map_err(|e| e.at(place))?;
    let (hamiltonian, overlap) = read_matrices(records, &sparsity, nspin, false)?;
    let [n_electrons, temperature] =
        records.one(|r| Ok([r.f64()?, r.f64()?])).while_reading(|| "charge and temperature".into())?;
    let vectors = records.rows(sparsity.row_starts(), vector).while_reading(|| "xij".into())?;
    let Atoms { species, species_of, orbitals } = read_atoms(records, n_orbitals)?;
    let version = Version::V0(VectorHead { gamma, home_orbitals, vectors, orbitals });
    let head = Head { nspin, n_electrons, temperature, species, species_of, version };
    Ok(Hsx { head: Arc::new(head), sparsity: Arc::new(sparsity), hamiltonian, overlap })
}

/// `gamma` and `indxuo`, which is absent where `gamma` is true.
fn read_home_orbitals(records: &mut Records, n_orbitals: usize, n_columns: usize) -> Result<(i32, Vec<i32>)> {
    let gamma = records.one(|record| record.i32()).while_reading(|| "gamma".into())?;
    if gamma != 0 {
        return Ok((gamma, Vec::new()));
    }
    let place = records.place();
    let home_orbitals = records.one(|record| record.i32s(n_columns)).while_reading(|| "indxuo".into())?;
    check_home_orbitals(&home_orbitals, n_orbitals).map_err(|e| e.at(place))?;
    Ok((gamma, home_orbitals))
}

/// Column n must be the image of orbital n modulo the number of orbitals.
fn check_home_orbitals(home_orbitals: &[i32], n_orbitals: usize) -> Result<()> {
    let expected = |column: usize| column % n_orbitals.max(1) + 1;
    match home_orbitals.iter().enumerate().find(|&(column, &orbital)| orbital as usize != expected(column)) {
        Some((column, orbital)) => {
            let message =
                format!("column {} is an image of orbital {orbital}, not of {}", column + 1, expected(column));
            Err(Error::inconsistent(message))
        }
        None if home_orbitals.len().is_multiple_of(n_orbitals.max(1)) => Ok(()),
        None => Err(Error::inconsistent(format!("{} columns of {n_orbitals} orbitals", home_orbitals.len()))),
    }
}

/// The last records.
struct Atoms {
    species: Vec<SpeciesHead>,
    species_of: Vec<i32>,
    orbitals: Vec<[i32; 2]>,
}

fn read_atoms(records: &mut Records, n_orbitals: usize) -> Result<Atoms> {
    let n_species = records.one(|record| record.count("a number of species"))?;
    let species = read_species(records, n_species, scattered).while_reading(|| "the species".into())?;
    let n_atoms = records.one(|record| record.count("a number of atoms"))?;
    let species_of = records.one(|record| record.i32s(n_atoms)).while_reading(|| "the species of atoms".into())?;
    let place = records.place();
    let numbers = records.one(|record| record.i32s(2 * n_orbitals)).while_reading(|| "the atoms of orbitals".into())?;
    let orbitals = numbers.as_chunks().0.to_vec();
    check_atoms(&species_of, &species, n_orbitals, None).map_err(|e| e.at(place))?;
    check_order(&species_of, &species, &orbitals).map_err(|e| e.at(place))?;
    Ok(Atoms { species, species_of, orbitals })
}

/// Orbitals must come atom by atom, as in every other version.
fn check_order(species_of: &[i32], species: &[SpeciesHead], orbitals: &[[i32; 2]]) -> Result<()> {
    let of_atom = |(atom, &kind): (usize, &i32)| {
        let n_orbitals = species[kind as usize - 1].orbitals.len();
        (1..=n_orbitals).map(move |orbital| [atom as i32 + 1, orbital as i32])
    };
    let expected = species_of.iter().enumerate().flat_map(of_atom);
    match orbitals.iter().zip(expected).enumerate().find(|(_, (found, expected))| *found != expected) {
        Some((orbital, (found, expected))) => {
            let message = format!("orbital {} is (atom, orbital) {found:?}, not {expected:?}", orbital + 1);
            Err(Error::inconsistent(message))
        }
        None => Ok(()),
    }
}

fn vector(bytes: [u8; 12]) -> [f32; 3] {
    let [x, y, z] = [0, 4, 8].map(|at| f32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]));
    [x, y, z]
}
