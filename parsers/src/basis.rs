//! The atomic orbitals (PAO, NAO) of each species, and where each atom's orbitals start.

use std::ops::Range;

use nom::Parser;
use nom::character::complete::anychar;
use nom::combinator::{all_consuming, map_opt};
use nom::multi::many1;

use crate::error::{Error, Result};

/// One radial function with its 2l+1 orbitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Shell {
    /// Angular momentum.
    pub l: u8,
    /// Multiplicity of this `l`, from 1 (first zeta).
    pub zeta: u8,
    /// Principal quantum number where the code states it.
    pub n: Option<u8>,
}

impl Shell {
    /// Number of orbitals, 2l+1.
    pub fn n_orbitals(&self) -> usize {
        2 * self.l as usize + 1
    }
}

/// A kind of atom: label, element and shells, in the file's order of shells.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Species {
    /// The code's label, e.g. `C`, `Fe1`.
    pub label: String,
    /// Atomic number; `None` where the label names no element (ghost atoms).
    pub z: Option<u8>,
    /// Shells in the order of the code's orbitals.
    pub shells: Vec<Shell>,
    /// Cutoff radius of the orbitals in bohr, where known.
    pub cutoff: Option<f64>,
}

impl Species {
    /// Number of orbitals of one atom.
    pub fn n_orbitals(&self) -> usize {
        self.shells.iter().map(Shell::n_orbitals).sum()
    }

    /// Shells as people write them: `2s2p1d` (number of zetas, letter).
    pub fn shells_text(&self) -> String {
        let mut counts: Vec<(u8, usize)> = Vec::new();
        for shell in &self.shells {
            match counts.iter_mut().find(|(l, _)| *l == shell.l) {
                Some((_, n)) => *n += 1,
                None => counts.push((shell.l, 1)),
            }
        }
        counts.iter().map(|&(l, n)| format!("{n}{}", l_letter(l))).collect()
    }
}

/// Letters of l = 0, 1, 2, …
const LETTERS: &str = "spdfghiklm";

/// `s p d f g h i …`
pub fn l_letter(l: u8) -> char {
    LETTERS.as_bytes().get(l as usize).map_or('?', |&c| c as char)
}

/// Shells from text such as `2s2p1d`: ordered by l, then zeta. `None` where the text is something else.
pub fn parse_shells(text: &str) -> Option<Vec<Shell>> {
    let letter = map_opt(anychar::<&str, nom::error::Error<&str>>, |c| LETTERS.find(c));
    let (_, groups) = all_consuming(many1((nom::character::complete::u8, letter))).parse(text).ok()?;
    let of_group = |(count, l): (u8, usize)| (1..=count).map(move |zeta| Shell { l: l as u8, zeta, n: None });
    let shells: Vec<Shell> = groups.into_iter().flat_map(of_group).collect();
    (!shells.is_empty()).then_some(shells)
}

/// The orbitals of a structure: atom after atom, shell after shell, m = −l … l inside a shell (real harmonics without
/// Condon–Shortley phase: l = 1 is y, z, x).
#[derive(Debug, Clone, PartialEq)]
pub struct Basis {
    species: Vec<Species>,
    species_of: Vec<usize>,
    first_orbital: Vec<usize>,
}

impl Basis {
    /// Builds the table of orbitals.
    ///
    /// # Errors
    /// `Inconsistent` where an atom names a species that does not exist.
    pub fn new(species: Vec<Species>, species_of: &[usize]) -> Result<Self> {
        let mut first_orbital = Vec::with_capacity(species_of.len() + 1);
        let mut next = 0;
        for (atom, &s) in species_of.iter().enumerate() {
            first_orbital.push(next);
            let kind = species.get(s).ok_or_else(|| {
                Error::inconsistent(format!("atom {} has species {} of {}", atom + 1, s + 1, species.len()))
            })?;
            next += kind.n_orbitals();
        }
        first_orbital.push(next);
        Ok(Basis { species, species_of: species_of.to_vec(), first_orbital })
    }

    /// All species.
    pub fn species(&self) -> &[Species] {
        &self.species
    }

    /// Species of atom `atom`.
    pub fn species_of(&self, atom: usize) -> &Species {
        &self.species[self.species_of[atom]]
    }

    /// Index of the species of atom `atom`.
    pub fn species_index(&self, atom: usize) -> usize {
        self.species_of[atom]
    }

    /// Number of atoms.
    pub fn n_atoms(&self) -> usize {
        self.species_of.len()
    }

    /// Number of orbitals of the cell (without spin).
    pub fn n_orbitals(&self) -> usize {
        self.first_orbital[self.species_of.len()]
    }

    /// Orbitals of atom `atom`.
    pub fn orbitals_of(&self, atom: usize) -> Range<usize> {
        self.first_orbital[atom]..self.first_orbital[atom + 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_are_read_as_people_write_them() {
        let text = |shells| Species { label: String::new(), z: None, shells, cutoff: None }.shells_text();
        for good in ["2s2p1d", "1s", "4s2p2d1f", "12s1g"] {
            assert_eq!(parse_shells(good).map(text).as_deref(), Some(good));
        }
        for bad in ["", "s", "2", "2s2", "2x", "2s 2p", "300s", "-1s", "0s"] {
            assert_eq!(parse_shells(bad), None, "{bad}");
        }
    }
}
