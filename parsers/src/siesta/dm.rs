//! `<label>.DM` and `<label>.TSDE` as they are: the density matrix, in TSDE also the energy density matrix.
//!
//! Writing routines: `Src/m_iodm.F90` (`write_dm`), `m_ts_iodm.F90` (`write_ts_dm`). Up to 4.0 the head lacks the supercell.

use std::io::{self, Write};
use std::sync::Arc;

use super::sparsity::{Sparsity, n_columns, read_nspin};
use super::supercell::Supercell;
use crate::error::{Context, Error, Result};
use crate::input::fortran::{Payload, Records, write_rows};

/// Bytes of the older head: number of orbitals and of spin components.
const OLD_HEAD: usize = 8;

/// A whole DM or TSDE file.
#[derive(Debug, Clone, PartialEq)]
pub struct Dm {
    /// Cells of the auxiliary supercell along each axis; older files lack it.
    pub nsc: Option<[i32; 3]>,
    /// Which elements are stored.
    pub sparsity: Arc<Sparsity>,
    /// DM, 1, 2, 4 or 8 components.
    pub density_matrix: Vec<Vec<f64>>,
    /// What TSDE has more.
    pub energy: Option<Energy>,
}

/// The second half of a TSDE file.
#[derive(Debug, Clone, PartialEq)]
pub struct Energy {
    /// Energy density matrix in rydberg, at most 4 components.
    pub density_matrix: Vec<Vec<f64>>,
    /// Fermi level, Ry.
    pub fermi_level: f64,
}

impl Dm {
    /// Reads a DM or TSDE file.
    ///
    /// # Errors
    /// `Syntax` where the records do not fit the format, `Inconsistent` where they contradict each other.
    pub fn parse(file: &[u8]) -> Result<Self> {
        let mut records = Records::new(file)?;
        let (n_orbitals, nspin, nsc) = read_head(&mut records).while_reading(|| "the head".into())?;
        let columns = match nsc {
            Some(nsc) => n_columns(n_orbitals, nsc).map_err(|e| e.at(records.place()))?,
            None => i32::MAX as usize,
        };
        let sparsity = Sparsity::read(&mut records, n_orbitals, columns)?;
        let components = |records: &mut Records, n| -> Result<Vec<Vec<f64>>> {
            (0..n).map(|_| records.rows(sparsity.row_starts(), f64::from_le_bytes)).collect()
        };
        let density_matrix = components(&mut records, nspin).while_reading(|| "the matrix".into())?;
        let energy = match records.is_at_end() {
            true => None,
            false => Some(Energy {
                density_matrix: components(&mut records, nspin.min(4))
                    .while_reading(|| "the energy density matrix".into())?,
                fermi_level: records.one(|record| record.f64()).while_reading(|| "the Fermi level".into())?,
            }),
        };
        records.end()?;
        Ok(Dm { nsc, sparsity: Arc::new(sparsity), density_matrix, energy })
    }

    /// Writes the file; what was read comes out byte by byte.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let head = [self.sparsity.n_rows() as i32, self.density_matrix.len() as i32];
        Payload::new().i32s(&head).i32s(self.nsc.iter().flatten()).write(out)?;
        self.sparsity.write(out)?;
        let energy = self.energy.iter().flat_map(|energy| &energy.density_matrix);
        for component in self.density_matrix.iter().chain(energy) {
            write_rows(self.sparsity.row_starts(), component, f64::to_le_bytes, out)?;
        }
        match &self.energy {
            Some(energy) => Payload::new().f64s(&[energy.fermi_level]).write(out),
            None => Ok(()),
        }
    }

    /// The file numbers images as the HSX of the same run does, whose `supercell` must fit.
    ///
    /// # Errors
    /// `Inconsistent` where it is another.
    pub fn check_supercell(&self, supercell: &Supercell) -> Result<()> {
        match self.nsc.filter(|nsc| *nsc != supercell.nsc) {
            Some(nsc) => {
                let message = format!("auxiliary supercells of {nsc:?} cells (DM) and {:?} (H)", supercell.nsc);
                Err(Error::inconsistent(message))
            }
            None => Ok(()),
        }
    }
}

/// Number of orbitals and components, and the supercell where it is there.
fn read_head(records: &mut Records) -> Result<(usize, usize, Option<[i32; 3]>)> {
    records.one(|record| {
        let n_orbitals = record.count("a number of orbitals")?;
        let nspin = read_nspin(record)?;
        let nsc = if record.len() == OLD_HEAD { None } else { Some([record.i32()?, record.i32()?, record.i32()?]) };
        Ok((n_orbitals, nspin, nsc))
    })
}
