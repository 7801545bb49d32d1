//! [`Hsx`] → bytes.

use std::io::{self, Write};

use super::{CellHead, Head, Hsx, SpeciesHead, VectorHead, Version};
use crate::input::fortran::{Payload, write_rows};

impl Hsx {
    /// Writes the file; what was read comes out byte by byte.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match &self.head.version {
            Version::V0(vectors) => self.write_v0(vectors, out),
            Version::V1(cell) | Version::V2(cell, _) => self.write_new(cell, out),
        }
    }

    fn write_new(&self, cell: &CellHead, out: &mut dyn Write) -> io::Result<()> {
        let head = &*self.head;
        Payload::new().i32s(&[head.number()]).write(out)?;
        Payload::new().i32s(&[cell.is_double]).write(out)?;
        let sizes = [head.species_of.len(), self.sparsity.n_rows(), head.nspin, head.species.len()].map(|n| n as i32);
        Payload::new().i32s(&sizes).i32s(&cell.supercell.nsc).write(out)?;
        let numbers = [cell.fermi_level, head.n_electrons, head.temperature];
        Payload::new().f64s(cell.cell.as_flattened()).f64s(&numbers).write(out)?;
        Payload::new()
            .i32s(cell.supercell.offsets.as_flattened())
            .f64s(cell.positions.as_flattened())
            .i32s(&head.species_of)
            .i32s(&cell.last_orbitals)
            .write(out)?;
        write_species_list(&head.species, out)?;
        head.species.iter().try_for_each(|kind| Payload::new().i32s(kind.orbitals.as_flattened()).write(out))?;
        if let Some(mesh) = head.k_mesh() {
            Payload::new().i32s(&mesh.cell).f64s(&mesh.displacement).write(out)?;
        }
        self.sparsity.write(out)?;
        self.write_matrices(out)
    }

    fn write_v0(&self, vectors: &VectorHead, out: &mut dyn Write) -> io::Result<()> {
        let Head { nspin, n_electrons, temperature, species, species_of, .. } = &*self.head;
        let n_orbitals = self.sparsity.n_rows();
        let n_columns = if vectors.gamma == 0 { vectors.home_orbitals.len() } else { n_orbitals };
        let sizes = [n_orbitals, n_columns, *nspin, self.sparsity.n_elements()].map(|n| n as i32);
        Payload::new().i32s(&sizes).write(out)?;
        Payload::new().i32s(&[vectors.gamma]).write(out)?;
        if vectors.gamma == 0 {
            Payload::new().i32s(&vectors.home_orbitals).write(out)?;
        }
        self.sparsity.write(out)?;
        self.write_matrices(out)?;
        Payload::new().f64s(&[*n_electrons, *temperature]).write(out)?;
        write_rows(self.sparsity.row_starts(), &vectors.vectors, vector, out)?;
        Payload::new().i32s(&[species.len() as i32]).write(out)?;
        write_species_list(species, out)?;
        let mut orbitals = species.iter().flat_map(|kind| &kind.orbitals);
        orbitals.try_for_each(|orbital| Payload::new().i32s(orbital).write(out))?;
        Payload::new().i32s(&[species_of.len() as i32]).write(out)?;
        Payload::new().i32s(species_of).write(out)?;
        Payload::new().i32s(vectors.orbitals.as_flattened()).write(out)
    }

    fn write_matrices(&self, out: &mut dyn Write) -> io::Result<()> {
        let matrices = self.hamiltonian.iter().chain([&self.overlap]);
        let row_starts = self.sparsity.row_starts();
        for matrix in matrices {
            if self.head.is_double() {
                write_rows(row_starts, matrix, f64::to_le_bytes, out)?;
            } else {
                write_rows(row_starts, matrix, |x| (x as f32).to_le_bytes(), out)?;
            }
        }
        Ok(())
    }
}

fn write_species_list(species: &[SpeciesHead], out: &mut dyn Write) -> io::Result<()> {
    let append = |payload: Payload, kind: &SpeciesHead| {
        payload.bytes(&kind.label).f64s(&[kind.valence]).i32s(&[kind.orbitals.len() as i32])
    };
    species.iter().fold(Payload::new(), append).write(out)
}

fn vector(vector: [f32; 3]) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes.as_chunks_mut().0.iter_mut().zip(vector).for_each(|(bytes, x)| *bytes = x.to_le_bytes());
    bytes
}
