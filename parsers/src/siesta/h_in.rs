//! `H_IN`, `H_DMGEN` and `H_MIXED` as they are: H alone, in double precision.
//!
//! SIESTA reads `H_IN` where `Read-H-from-file T` stands in the fdf (`Src/siesta_forces.F90`, `Src/siesta_analysis.F90`); its
//! columns replace those of the program while S keeps its own, so they must be in SIESTA's order. `Write.H` leaves
//! `H_DMGEN` (made from the density matrix) and `H_MIXED` (after mixing). All look like a DM with the older head.

use std::io::{self, Write};
use std::sync::Arc;

use super::dm::Dm;
use super::sparsity::Sparsity;
use crate::error::{Error, Result};
use crate::input::fortran::{Payload, write_rows};

/// A whole file.
#[derive(Debug, Clone, PartialEq)]
pub struct HIn {
    /// Which elements are stored.
    pub sparsity: Arc<Sparsity>,
    /// H in rydberg, 1, 2, 4 or 8 components.
    pub hamiltonian: Vec<Vec<f64>>,
}

impl HIn {
    /// Reads the file.
    ///
    /// # Errors
    /// As [`Dm::parse`]; `Inconsistent` where it is a density matrix.
    pub fn parse(file: &[u8]) -> Result<Self> {
        match Dm::parse(file)? {
            Dm { nsc: None, sparsity, density_matrix: hamiltonian, energy: None } => Ok(HIn { sparsity, hamiltonian }),
            _ => Err(Error::inconsistent("a DM or TSDE file where H alone belongs")),
        }
    }

    /// Writes the file; what was read comes out byte by byte.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let head = [self.sparsity.n_rows() as i32, self.hamiltonian.len() as i32];
        Payload::new().i32s(&head).write(out)?;
        self.sparsity.write(out)?;
        let mut components = self.hamiltonian.iter();
        components.try_for_each(|h| write_rows(self.sparsity.row_starts(), h, f64::to_le_bytes, out))
    }
}
