//! The atomic orbitals (PAO, NAO) of each species, and where each atom's orbitals start.

use std::ops::Range;

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
#[derive(Debug, Clone, PartialEq)]
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

/// `s p d f g h i …`
pub fn l_letter(l: u8) -> char {
    b"spdfghiklm".get(l as usize).map_or('?', |&c| c as char)
}

/// Shells from text such as `2s2p1d`: ordered by l, then zeta. `None` where the text is something else.
pub fn parse_shells(text: &str) -> Option<Vec<Shell>> {
    let mut shells = Vec::new();
    let mut count: Option<u8> = None;
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            count = Some(count.unwrap_or(0).checked_mul(10)?.checked_add(digit as u8)?);
        } else {
            let l = "spdfghiklm".find(c)? as u8;
            shells.extend((1..=count.take()?).map(|zeta| Shell { l, zeta, n: None }));
        }
    }
    (count.is_none() && !shells.is_empty()).then_some(shells)
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
