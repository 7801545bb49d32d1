//! `.XV` and `.STRUCT_OUT`: cell and atoms (`Src/ioxv.F`, `Src/iostruct.f`).

use std::path::Path;

use nalgebra::{Matrix3, Vector3};

use super::constants::UP_TO_4;
use crate::error::{Context, Error, Result};
use crate::input::{self, Text};

/// Cell and atoms in bohr.
#[derive(Debug, Clone, PartialEq)]
pub struct Geometry {
    /// Lattice vectors as rows.
    pub lattice: Matrix3<f64>,
    /// The atoms, in the order of the orbitals.
    pub atoms: Vec<Atom>,
}

/// One atom.
#[derive(Debug, Clone, PartialEq)]
pub struct Atom {
    /// Index of its species (`isa`), from 1.
    pub species: usize,
    /// Atomic number as the input states it: negative for ghosts, above 200 for synthetic atoms.
    pub z: i32,
    /// Cartesian position.
    pub position: Vector3<f64>,
}

/// No atom takes less than so many bytes in either file.
const LEAST_BYTES_PER_ATOM: usize = 10;

impl Geometry {
    /// Reads a file by its name: `.STRUCT_OUT` (in the ångström of 4.1, whose HSX needs it), anything else as `.XV`.
    ///
    /// # Errors
    /// As [`Geometry::parse_xv`], with the file.
    pub fn read(path: &Path) -> Result<Geometry> {
        let file = input::open(path)?;
        let parsed = match is_struct_out(path) {
            true => Geometry::parse_struct_out(&file, UP_TO_4.angstrom_per_bohr),
            false => Geometry::parse_xv(&file),
        };
        parsed.in_file(path)
    }

    /// `.XV`: rows of the cell and of its velocity, number of atoms; per atom species, Z, position and velocity, in bohr with
    /// nine decimals.
    ///
    /// # Errors
    /// `Syntax` and `Limit` with line and column.
    pub fn parse_xv(file: &[u8]) -> Result<Geometry> {
        let mut text = Text::new(file);
        let mut lattice = Matrix3::zeros();
        for row in 0..3 {
            lattice.set_row(row, &vector(&mut text)?.transpose());
            vector(&mut text)?;
        }
        let atoms = atoms(&mut text, |text| {
            let position = vector(text)?;
            vector(text)?;
            Ok(position)
        })?;
        Ok(Geometry { lattice, atoms })
    }

    /// `.STRUCT_OUT`: rows of the cell in ångström, number of atoms; per atom species, Z and reduced coordinates.
    ///
    /// # Errors
    /// As [`Geometry::parse_xv`].
    pub fn parse_struct_out(file: &[u8], angstrom_per_bohr: f64) -> Result<Geometry> {
        let mut text = Text::new(file);
        let mut lattice = Matrix3::zeros();
        for row in 0..3 {
            lattice.set_row(row, &(vector(&mut text)?.transpose() / angstrom_per_bohr));
        }
        let atoms = atoms(&mut text, |text| Ok(lattice.tr_mul(&vector(text)?)))?;
        Ok(Geometry { lattice, atoms })
    }

    /// Number of species: the largest index.
    pub fn n_species(&self) -> usize {
        self.atoms.iter().map(|atom| atom.species).max().unwrap_or(0)
    }
}

/// Is this, by its name, a `.STRUCT_OUT`?
pub(super) fn is_struct_out(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains(".STRUCT_OUT"))
}

fn vector(text: &mut Text) -> Result<Vector3<f64>> {
    Ok(Vector3::new(text.f64()?, text.f64()?, text.f64()?))
}

fn atoms<'a>(text: &mut Text<'a>, position: impl Fn(&mut Text<'a>) -> Result<Vector3<f64>>) -> Result<Vec<Atom>> {
    text.skip_space();
    let place = text.place(text.offset());
    let (count, limit) = (text.unsigned()?, (text.rest().len() / LEAST_BYTES_PER_ATOM) as u64);
    if count > limit {
        return Err(Error::limit("number of atoms", count, limit).at(place));
    }
    let atom = |_| {
        text.skip_space();
        let start = text.offset();
        let species = text.unsigned()? as usize;
        if species == 0 {
            return Err(text.expected_at(start, "the index of a species, from 1"));
        }
        Ok(Atom { species, z: text.integer()?, position: position(text)? })
    };
    let atoms = (0..count).map(atom).collect::<Result<_>>()?;
    text.end("the end of the file after the last atom")?;
    Ok(atoms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_mean_the_same() {
        let xv = b"2 0 0 0 0 0\n0 2 0 0 0 0\n0 0 4 0 0 0\n 1\n 1 26 1.0 0 2.0 0 0 0\n";
        let out = b"1 0 0\n0 1 0\n0 0 2\n 1\n 1 26 0.5 0 0.5\n";
        let geometry = Geometry::parse_xv(xv).unwrap();
        assert_eq!(geometry, Geometry::parse_struct_out(out, 0.5).unwrap());
        assert_eq!(geometry.atoms[0], Atom { species: 1, z: 26, position: Vector3::new(1.0, 0.0, 2.0) });
    }

    #[test]
    fn mistakes_are_located() {
        let error = |text: &[u8]| Geometry::parse_xv(text).unwrap_err().to_string();
        let cell = "1 0 0 0 0 0\n0 1 0 0 0 0\n0 0 1 0 0 0\n";
        let of = |rest: &str| error(format!("{cell}{rest}").as_bytes());
        assert_eq!(of("99\n 1 26 0 0 0 0 0 0\n"), "4:1: number of atoms of 99 exceeds the limit of 1");
        assert_eq!(of("1\n 0 26 0 0 0 0 0 0\n"), "5:2: expected the index of a species, from 1, found `0`");
        assert_eq!(of("1\n 1 26 0 x 0 0 0 0\n"), "5:9: expected a number, found `x`");
    }
}
