//! `geometry.in`: lattice vectors and atoms in ångström, or atoms in fractions of the lattice vectors.

use nalgebra::{Matrix3, Vector3};

use super::ANGSTROM_PER_BOHR;
use crate::error::{Error, Result};
use crate::input::lines::{Line, Lines};
use crate::structure::Structure;

/// FHI-aims takes fractions this much smaller before it rounds them (`map_to_center_cell`), so that atoms on the border of
/// the centred cell go to its upper side.
const BORDER: f64 = 1e-8;

/// The structure, and the labels of its species.
#[derive(Debug, Clone, PartialEq)]
pub struct Geometry {
    /// Atoms in the order of the file, moved into the centred cell as FHI-aims moves them.
    pub structure: Structure,
    /// Labels in the order of their first atom.
    pub labels: Vec<String>,
}

impl Geometry {
    /// Reads the file.
    ///
    /// # Errors
    /// `Syntax` with the line; `Unsupported` for molecules and for sites without an atom (`empty`); `Inconsistent` where the
    /// lattice vectors span no volume.
    pub fn parse(file: &[u8]) -> Result<Geometry> {
        let (mut vectors, mut atoms) = (Vec::new(), Vec::new());
        for line in Lines::new(file, &["#"]) {
            match line.first() {
                "lattice_vector" => vectors.push(Vector3::from(line.vector(1, "a lattice vector")?)),
                "atom" | "atom_frac" => atoms.push(line),
                "empty" => return Err(Error::unsupported("`empty` sites (orbitals without an atom) are not read")),
                _ => {}
            }
        }
        let lattice = lattice(&vectors)?;
        let (mut positions, mut species, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        for line in atoms {
            positions.push(centred(position(&line, &lattice)?, &lattice)?);
            species.push(index_of(line.parse(4, "the species of an atom")?, &mut labels));
        }
        if positions.is_empty() {
            return Err(Error::syntax("at least one atom", "none"));
        }
        Ok(Geometry { structure: Structure { lattice, positions, species }, labels })
    }
}

/// Rows in bohr.
fn lattice(vectors: &[Vector3<f64>]) -> Result<Matrix3<f64>> {
    match vectors {
        [a, b, c] => Ok(Matrix3::from_rows(&[a, b, c].map(|v| v.transpose())) / ANGSTROM_PER_BOHR),
        [] => Err(Error::unsupported("no lattice_vector: only periodic systems are read")),
        _ => Err(Error::syntax("three lattice vectors", vectors.len().to_string())),
    }
}

fn position(line: &Line, lattice: &Matrix3<f64>) -> Result<Vector3<f64>> {
    let numbers = Vector3::from(line.vector(1, "the position of an atom")?);
    Ok(if line.first() == "atom_frac" { lattice.tr_mul(&numbers) } else { numbers / ANGSTROM_PER_BOHR })
}

/// The same atom in the cell around the origin, fractions in (−½, ½].
fn centred(position: Vector3<f64>, lattice: &Matrix3<f64>) -> Result<Vector3<f64>> {
    let inverse = lattice.transpose().try_inverse();
    let inverse = inverse.ok_or_else(|| Error::inconsistent("the lattice vectors span no volume"))?;
    let cell = (inverse * position).map(|fraction| (fraction - BORDER).round());
    Ok(position - lattice.tr_mul(&cell))
}

fn index_of(label: String, labels: &mut Vec<String>) -> usize {
    labels.iter().position(|known| *known == label).unwrap_or_else(|| {
        labels.push(label);
        labels.len() - 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a comment\nlattice_vector 4.0 0 0\nlattice_vector 0 4.0 0 # and one here\nlattice_vector 0 0 8.0\n\
        constrain_relaxation .true.\natom 1.0 2.0 -4.0 O\n  initial_moment 2.0\natom_frac 0.75 -0.5 0.25 Si\natom 0 0 0 O\n";

    #[test]
    fn atoms_are_moved_into_the_centred_cell() {
        let Geometry { structure, labels } = Geometry::parse(TEXT.as_bytes()).unwrap();
        assert_eq!((labels, &structure.species[..]), (vec!["O".to_owned(), "Si".to_owned()], &[0, 1, 0][..]));
        let expected = [[1.0, 2.0, 4.0], [-1.0, 2.0, 2.0], [0.0; 3]];
        for (position, expected) in structure.positions.iter().zip(expected) {
            let difference = position * ANGSTROM_PER_BOHR - Vector3::from(expected);
            assert!(difference.amax() < 1e-12, "{position} {expected:?}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            ("0 0 8.0", "0 4.0 0", "the lattice vectors span no volume"),
            ("lattice_vector 0 0 8.0\n", "", "expected three lattice vectors, found 2"),
            ("lattice_vector", "# ", "no lattice_vector: only periodic systems are read"),
            ("atom 0", "empty 0", "`empty` sites"),
            ("1.0 2.0 -4.0 O", "1.0 NaN -4.0 O", "6: expected the position of an atom"),
            ("-4.0 O", "-4.0", "6: expected the species of an atom"),
        ];
        for (from, to, expected) in cases {
            let message = Geometry::parse(TEXT.replace(from, to).as_bytes()).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}\ninstead of\n{expected}");
        }
    }
}
