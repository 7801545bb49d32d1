//! `<label>.TSHS` as it is: S and H for TranSIESTA and TBtrans, in rydberg, SIESTA's own order of orbitals and columns.
//!
//! Writing routine: `ts_write_TSHS` (`Src/m_ts_io.F90` of 4.1 and 5.x), version 1. H is not shifted by the Fermi level.

use std::io::{self, Write};
use std::sync::Arc;

use nalgebra::{Matrix3, Vector3};

use super::hsx::{Hsx, KMesh};
use super::sparsity::{Sparsity, n_columns, read_nspin};
use super::supercell::Supercell;
use crate::error::{Context, Error, Result};
use crate::input::fortran::{Payload, Record, Records, write_rows};
use crate::structure::Structure;

/// First record of version 0: five integers.
const V0_SIZE: usize = 20;

/// A whole TSHS file.
#[derive(Debug, Clone, PartialEq)]
pub struct Tshs {
    /// Lattice vectors as rows, bohr.
    pub cell: [[f64; 3]; 3],
    /// Positions, bohr.
    pub positions: Vec<[f64; 3]>,
    /// Logicals as stored: `Gamma` (no auxiliary supercell), `TSGamma` (no k mesh), `onlyS`.
    pub logicals: [i32; 3],
    /// k mesh.
    pub mesh: KMesh,
    /// `Ef`, Ry.
    pub fermi_level: f64,
    /// `Qtot`.
    pub n_electrons: f64,
    /// `Temp`, Ry.
    pub temperature: f64,
    /// `istep`, `ia`: MD step, and atom of a force-constants run.
    pub step: [i32; 2],
    /// `lasto`: last orbital of each atom, from 1, after a 0.
    pub last_orbitals: Vec<i32>,
    /// Which elements are stored.
    pub sparsity: Arc<Sparsity>,
    /// Images; home cell only where `Gamma` is true.
    pub supercell: Arc<Supercell>,
    /// S.
    pub overlap: Vec<f64>,
    /// H in rydberg, 1, 2, 4 or 8 components.
    pub hamiltonian: Vec<Vec<f64>>,
    /// Components that the head announces; `hamiltonian` is empty where `onlyS` is true.
    pub nspin: usize,
}

impl Tshs {
    /// Reads a TSHS file of version 1.
    ///
    /// # Errors
    /// `Syntax` where the records do not fit the format, `Inconsistent` where they contradict each other, `Unsupported` for
    /// other versions; each with record and byte.
    pub fn parse(file: &[u8]) -> Result<Self> {
        let mut records = Records::new(file)?;
        check_version(&mut records).while_reading(|| "the version".into())?;
        let mut tshs = read_head(&mut records).while_reading(|| "the head".into())?;
        let starts = tshs.sparsity.row_starts().to_vec();
        let mut matrix = || records.rows(&starts, f64::from_le_bytes);
        tshs.overlap = matrix().while_reading(|| "S".into())?;
        if tshs.logicals[2] == 0 {
            let hamiltonian = (0..tshs.nspin).map(|_| matrix()).collect::<Result<_>>();
            tshs.hamiltonian = hamiltonian.while_reading(|| "H".into())?;
        }
        if tshs.logicals[0] == 0 {
            tshs.supercell = read_offsets(&mut records, tshs.supercell.nsc).while_reading(|| "isc_off".into())?;
        }
        records.end()?;
        Ok(tshs)
    }

    /// Writes the file; what was read comes out byte by byte.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let n_orbitals = self.sparsity.n_rows();
        let n_columns = n_orbitals * self.supercell.offsets.len();
        let sizes = [self.positions.len(), n_orbitals, n_columns, self.nspin, self.sparsity.n_elements()];
        Payload::new().i32s(&[1]).write(out)?;
        Payload::new().i32s(&sizes.map(|n| n as i32)).write(out)?;
        Payload::new().i32s(&self.supercell.nsc).write(out)?;
        Payload::new().f64s(self.cell.as_flattened()).f64s(self.positions.as_flattened()).write(out)?;
        Payload::new().i32s(&self.logicals).write(out)?;
        Payload::new().i32s(&self.mesh.cell).f64s(&self.mesh.displacement).write(out)?;
        Payload::new().f64s(&[self.fermi_level, self.n_electrons, self.temperature]).write(out)?;
        Payload::new().i32s(&self.step).write(out)?;
        Payload::new().i32s(&self.last_orbitals).write(out)?;
        self.sparsity.write(out)?;
        for matrix in [&self.overlap].into_iter().chain(&self.hamiltonian) {
            write_rows(self.sparsity.row_starts(), matrix, f64::to_le_bytes, out)?;
        }
        if self.logicals[0] == 0 {
            Payload::new().i32s(self.supercell.offsets.as_flattened()).write(out)?;
        }
        Ok(())
    }

    /// What SIESTA writes beside `hsx`. Structure and Fermi level (Ry) count where `hsx` lacks them (version 0), k mesh and
    /// images always.
    pub fn from_hsx(hsx: Hsx, structure: &Structure, supercell: Arc<Supercell>, fermi_level: f64, mesh: KMesh) -> Self {
        let Hsx { head, sparsity, hamiltonian, overlap } = hsx;
        let cell = head.cell();
        let rows = |matrix: &Matrix3<f64>| [0, 1, 2].map(|row| [0, 1, 2].map(|column| matrix[(row, column)]));
        let positions = || structure.positions.iter().map(|&position| position.into()).collect();
        Tshs {
            cell: cell.map_or_else(|| rows(&structure.lattice), |cell| cell.cell),
            positions: cell.map_or_else(positions, |cell| cell.positions.clone()),
            logicals: [i32::from(supercell.is_home_only()), i32::from(supercell.is_home_only()), 0],
            mesh,
            fermi_level: cell.map_or(fermi_level, |cell| cell.fermi_level),
            n_electrons: head.n_electrons,
            temperature: head.temperature,
            step: [0, 0],
            last_orbitals: head.last_orbitals(),
            sparsity,
            supercell,
            overlap,
            nspin: hamiltonian.len(),
            hamiltonian,
        }
    }

    /// Lattice and atoms; the file does not know their `species`, one for each atom.
    pub fn structure(&self, species: Vec<usize>) -> Structure {
        Structure {
            lattice: Matrix3::from_fn(|row, column| self.cell[row][column]),
            positions: self.positions.iter().map(|&position| Vector3::from(position)).collect(),
            species,
        }
    }
}

fn check_version(records: &mut Records) -> Result<()> {
    let mut first = records.record()?;
    let place = first.place();
    if first.len() == V0_SIZE {
        let message = "TSHS version 0 (before SIESTA 4.0) is not read; read the HSX of the same run";
        return Err(Error::unsupported(message).at(place));
    }
    match first.i32()? {
        1 => first.end(),
        version => Err(Error::unsupported(format!("TSHS version {version}; version 1 is known")).at(place)),
    }
}

/// Everything up to the matrices, which are still empty.
fn read_head(records: &mut Records) -> Result<Tshs> {
    let mut record = records.record()?;
    let place = record.place();
    let n_atoms = record.count("a number of atoms")?;
    let n_orbitals = record.count("a number of orbitals")?;
    let announced_columns = record.count("a number of columns")?;
    let nspin = read_nspin(&mut record)?;
    let announced_elements = record.count("a number of elements")?;
    record.end()?;
    let nsc = records.one(|record| Ok([record.i32()?, record.i32()?, record.i32()?]))?;
    let (cell, positions) = records.one(|record| {
        let cell = [record.vector()?, record.vector()?, record.vector()?];
        Ok((cell, record.vectors(n_atoms)?))
    })?;
    let logicals = records.one(|record| Ok([record.i32()?, record.i32()?, record.i32()?]))?;
    let mesh = records.one(KMesh::read)?;
    let [fermi_level, n_electrons, temperature] = records.one(|record| record.vector())?;
    let step = records.one(|record| Ok([record.i32()?, record.i32()?]))?;
    let last_orbitals = records.one(|record| record.i32s(n_atoms + 1))?;
    if n_columns(n_orbitals, nsc).map_err(|e| e.at(place))? != announced_columns {
        let message = format!("{announced_columns} columns of {n_orbitals} orbitals in {nsc:?} cells");
        return Err(Error::inconsistent(message).at(place));
    }
    let sparsity = Sparsity::read(records, n_orbitals, announced_columns)?;
    sparsity.check_announced(announced_elements).map_err(|e| e.at(place))?;
    check_last_orbitals(&last_orbitals, n_orbitals).map_err(|e| e.at(place))?;
    if logicals[0] != 0 && nsc != [1; 3] {
        let message = format!("no auxiliary supercell (Gamma is true), but {nsc:?} cells");
        return Err(Error::inconsistent(message).at(place));
    }
    let supercell = Arc::new(Supercell { nsc, offsets: vec![[0; 3]] });
    let (sparsity, overlap, hamiltonian) = (Arc::new(sparsity), Vec::new(), Vec::new());
    Ok(Tshs {
        cell,
        positions,
        logicals,
        mesh,
        fermi_level,
        n_electrons,
        temperature,
        step,
        last_orbitals,
        sparsity,
        supercell,
        overlap,
        hamiltonian,
        nspin,
    })
}

fn check_last_orbitals(last_orbitals: &[i32], n_orbitals: usize) -> Result<()> {
    let ends =
        last_orbitals.first() == Some(&0) && last_orbitals.last().is_some_and(|&last| last as usize == n_orbitals);
    if ends && last_orbitals.is_sorted() {
        return Ok(());
    }
    Err(Error::inconsistent(format!("the last orbitals of the atoms do not rise from 0 to {n_orbitals}")))
}

fn read_offsets(records: &mut Records, nsc: [i32; 3]) -> Result<Arc<Supercell>> {
    let place = records.place();
    let n_images = nsc.iter().map(|&n| n as usize).product();
    let offsets = records.one(|record: &mut Record| record.i32_triples(n_images))?;
    Supercell::from_file(nsc, offsets).map(Arc::new).map_err(|e| e.at(place))
}
