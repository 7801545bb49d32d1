//! Bytes → [`Hsx`].

use std::sync::Arc;

use super::{CellHead, Head, Hsx, KMesh, LABEL_LENGTH, SpeciesHead, VectorHead, Version};
use crate::error::{Context, Error, Result};
use crate::input::fortran::{Record, Records};
use crate::siesta::sparsity::{Sparsity, n_columns, read_nspin};
use crate::siesta::supercell::Supercell;

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
            V0_SIZE => parse_v0(&mut first, &mut records)?,
            _ => parse_new(&mut first, &mut records)?,
        };
        records.end()?;
        Ok(hsx)
    }
}

fn parse_new(first: &mut Record, records: &mut Records) -> Result<Hsx> {
    let place = first.place();
    let version =
        first.i32().and_then(|version| first.end().map(|()| version)).while_reading(|| "the version".into())?;
    if !(1..=2).contains(&version) {
        return Err(Error::unsupported(format!("HSX version {version}; versions 0, 1 and 2 are known")).at(place));
    }
    let is_double = records.one(|record| record.i32()).while_reading(|| "is_dp".into())?;
    let sizes = Sizes::read(records).while_reading(|| "the sizes".into())?;
    let (head, cell) = read_cell(records, &sizes, is_double).while_reading(|| "cell and atoms".into())?;
    let species = read_species(records, sizes.n_species, version).while_reading(|| "the species".into())?;
    let mesh = (version == 2).then(|| records.one(KMesh::read).while_reading(|| "the k mesh".into())).transpose()?;
    let n_columns = n_columns(sizes.n_orbitals, sizes.nsc).map_err(|e| e.at(records.place()))?;
    check_atoms(&head.species_of, &species, sizes.n_orbitals, Some(&cell.last_orbitals))
        .map_err(|e| e.at(records.place()))?;
    let sparsity = Sparsity::read(records, sizes.n_orbitals, n_columns)?;
    let matrix = |records: &mut Records| match is_double {
        0 => records.rows(sparsity.row_starts(), single),
        _ => records.rows(sparsity.row_starts(), f64::from_le_bytes),
    };
    let hamiltonian = (0..sizes.nspin).map(|_| matrix(records)).collect::<Result<_>>().while_reading(|| "H".into())?;
    let overlap = matrix(records).while_reading(|| "S".into())?;
    let version = match mesh {
        Some(mesh) => Version::V2(cell, mesh),
        None => Version::V1(cell),
    };
    let head = Head { nspin: sizes.nspin, species, version, ..head };
    Ok(Hsx { head: Arc::new(head), sparsity: Arc::new(sparsity), hamiltonian, overlap })
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

/// Fourth and fifth record; nspin, species and version of the head are not known yet.
fn read_cell(records: &mut Records, sizes: &Sizes, is_double: i32) -> Result<(Head, CellHead)> {
    let mut record = records.record()?;
    let cell = [record.vector()?, record.vector()?, record.vector()?];
    let [fermi_level, n_electrons, temperature] = record.vector()?;
    record.end()?;
    let mut record = records.record()?;
    let place = record.place();
    let offsets = record.i32_triples(sizes.n_images())?;
    let supercell = Supercell::from_file(sizes.nsc, offsets).map_err(|e| e.at(place))?;
    let positions = record.vectors(sizes.n_atoms)?;
    let species_of = record.i32s(sizes.n_atoms)?;
    let last_orbitals = record.i32s(sizes.n_atoms)?;
    record.end()?;
    let cell = CellHead { is_double, cell, positions, fermi_level, supercell: Arc::new(supercell), last_orbitals };
    let version = Version::V1(cell.clone());
    Ok((Head { nspin: 0, n_electrons, temperature, species: Vec::new(), species_of, version }, cell))
}

/// The list of species, then n, l, zeta of their orbitals: one record per species, or per orbital in version 0.
fn read_species(records: &mut Records, n_species: usize, version: i32) -> Result<Vec<SpeciesHead>> {
    let mut record = records.record()?;
    if n_species.saturating_mul(SPECIES_SIZE) != record.len() {
        let found = format!("a record of {} bytes", record.len());
        return Err(Error::syntax(format!("{n_species} species of {SPECIES_SIZE} bytes"), found).at(record.place()));
    }
    let mut species = Vec::with_capacity(n_species);
    for _ in 0..n_species {
        let (label, valence) = (record.bytes()?, record.f64()?);
        species.push((label, valence, record.count("a number of orbitals")?));
    }
    let read = |(label, valence, n_orbitals)| {
        let orbitals = if version == 0 { scattered(records, n_orbitals)? } else { together(records, n_orbitals)? };
        Ok(SpeciesHead { label, valence, orbitals })
    };
    species.into_iter().map(read).collect()
}

fn together(records: &mut Records, n_orbitals: usize) -> Result<Vec<[i32; 3]>> {
    records.one(|record| record.i32_triples(n_orbitals))
}

/// One record for each orbital; a lying number of orbitals ends with the file.
fn scattered(records: &mut Records, n_orbitals: usize) -> Result<Vec<[i32; 3]>> {
    (0..n_orbitals).map(|_| records.one(|record| Ok([record.i32()?, record.i32()?, record.i32()?]))).collect()
}

fn parse_v0(first: &mut Record, records: &mut Records) -> Result<Hsx> {
    let n_orbitals = first.count("a number of orbitals")?;
    let n_columns = first.count("a number of columns")?;
    let nspin = read_nspin(first)?;
    let place = first.place();
    let n_elements = first.count("a number of elements")?;
    let gamma = records.one(|record| record.i32()).while_reading(|| "gamma".into())?;
    let home_orbitals = match gamma {
        0 => records.one(|record| record.i32s(n_columns)).while_reading(|| "indxuo".into())?,
        _ => Vec::new(),
    };
    let n_columns = if gamma == 0 { n_columns } else { n_orbitals };
    check_home_orbitals(&home_orbitals, n_orbitals).map_err(|e| e.at(records.place()))?;
    let sparsity = Sparsity::read(records, n_orbitals, n_columns)?;
    sparsity.check_announced(n_elements).map_err(|e| e.at(place))?;
    let matrix = |records: &mut Records| records.rows(sparsity.row_starts(), single);
    let hamiltonian = (0..nspin).map(|_| matrix(records)).collect::<Result<_>>().while_reading(|| "H".into())?;
    let overlap = matrix(records).while_reading(|| "S".into())?;
    let [n_electrons, temperature] =
        records.one(|r| Ok([r.f64()?, r.f64()?])).while_reading(|| "charge and temperature".into())?;
    let vectors = records.rows(sparsity.row_starts(), vector).while_reading(|| "xij".into())?;
    let n_species = records.one(|record| record.count("a number of species"))?;
    let species = read_species(records, n_species, 0).while_reading(|| "the species".into())?;
    let n_atoms = records.one(|record| record.count("a number of atoms"))?;
    let species_of = records.one(|record| record.i32s(n_atoms)).while_reading(|| "the species of atoms".into())?;
    let place = records.place();
    let pairs = records.one(|record| record.i32s(2 * n_orbitals)).while_reading(|| "the atoms of orbitals".into())?;
    check_atoms(&species_of, &species, n_orbitals, None).map_err(|e| e.at(place))?;
    let orbitals = pairs.as_chunks().0.to_vec();
    let version = Version::V0(VectorHead { gamma, home_orbitals, vectors, orbitals });
    let head = Head { nspin, n_electrons, temperature, species, species_of, version };
    check_order(&head).map_err(|e| e.at(place))?;
    Ok(Hsx { head: Arc::new(head), sparsity: Arc::new(sparsity), hamiltonian, overlap })
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

/// Version 0: orbitals must come atom by atom, as in every other version.
fn check_order(head: &Head) -> Result<()> {
    let Version::V0(VectorHead { orbitals, .. }) = &head.version else { return Ok(()) };
    let of_atom = |(atom, n): (usize, usize)| (1..=n).map(move |orbital| [atom as i32 + 1, orbital as i32]);
    let expected = head.orbitals_of_atoms().into_iter().enumerate().flat_map(of_atom);
    match orbitals.iter().zip(expected).enumerate().find(|(_, (found, expected))| *found != expected) {
        Some((orbital, (found, expected))) => {
            let message = format!("orbital {} is (atom, orbital) {found:?}, not {expected:?}", orbital + 1);
            Err(Error::inconsistent(message))
        }
        None => Ok(()),
    }
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

fn single(bytes: [u8; 4]) -> f64 {
    f64::from(f32::from_le_bytes(bytes))
}

fn vector(bytes: [u8; 12]) -> [f32; 3] {
    let [x, y, z] = [0, 4, 8].map(|at| f32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]));
    [x, y, z]
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
