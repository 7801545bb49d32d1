//! Species, basis and structure of a file, out of its numbers and its input text.

use nalgebra::{Matrix3, Vector3};

use super::dat::{Dat, SpeciesLine};
use super::scfout::Scfout;
use crate::basis::{Basis, Shell, Species};
use crate::elements::atomic_number;
use crate::error::{Error, Result};
use crate::structure::Structure;

/// Basis of the atoms; `by_hand` are shells by label that count instead of the text's.
///
/// # Errors
/// Those of [`Dat::species`] and [`Dat::atoms`]; `Inconsistent` where `by_hand` or an atom names an unknown species.
pub fn basis(dat: &Dat, by_hand: &[(String, Vec<Shell>)]) -> Result<Basis> {
    let lines = dat.species()?;
    let known: Vec<&str> = lines.iter().map(|line| line.label.as_str()).collect();
    if let Some((label, _)) = by_hand.iter().find(|(label, _)| !known.contains(&label.as_str())) {
        let message = format!("a basis was given for `{label}`, but the species are {}", known.join(", "));
        return Err(Error::inconsistent(message));
    }
    let index = |label: &str| {
        let found = known.iter().position(|known| *known == label);
        found.ok_or_else(|| {
            Error::inconsistent(format!("an atom is of species `{label}`, but there are {}", known.join(", ")))
        })
    };
    let species_of = dat.atoms()?.into_iter().map(index).collect::<Result<Vec<_>>>()?;
    let contracted = dat.optimises_orbitals();
    Basis::new(lines.iter().map(|line| species(line, by_hand, contracted)).collect(), &species_of)
}

/// The element is that of the pseudopotential (`Si_PBE19`): labels are free, and empty atoms are `E`.
fn species(line: &SpeciesLine, by_hand: &[(String, Vec<Shell>)], contracted: bool) -> Species {
    let element = line.vps.split('_').next().unwrap_or_default();
    let given = by_hand.iter().rev().find(|(label, _)| *label == line.label);
    Species {
        label: line.label.clone(),
        z: atomic_number(element),
        shells: given.map_or_else(|| line.pao.shells(contracted), |(_, shells)| shells.clone()),
        cutoff: line.pao.cutoff,
    }
}

/// Charges of the ion cores: what the atoms of each species start with, where that is the same for all of them and makes
/// `n_electrons`.
///
/// # Errors
/// Those of [`Dat::start_charges`].
pub fn valence_charges(dat: &Dat, basis: &Basis, n_electrons: f64) -> Result<Option<Vec<f64>>> {
    let Some(starts) = dat.start_charges()? else { return Ok(None) };
    let of_species = |species: usize| {
        let mut own = (0..basis.n_atoms()).zip(&starts).filter(|(atom, _)| basis.species_index(*atom) == species);
        let (_, first) = own.next()?;
        own.all(|(_, other)| other == first).then_some(*first)
    };
    let makes_all = (starts.iter().sum::<f64>() - n_electrons).abs() < SAME_CHARGE;
    Ok((0..basis.species().len()).map(of_species).collect::<Option<Vec<f64>>>().filter(|_| makes_all))
}

/// Electrons: sums of charges differ by rounding.
const SAME_CHARGE: f64 = 1e-8;

/// Lattice and atoms, bohr. Positions are those that the R of the blocks count from.
pub fn structure(scfout: &Scfout, basis: &Basis) -> Structure {
    Structure {
        lattice: Matrix3::from_fn(|row, column| scfout.tv[row][column]),
        positions: scfout.gxyz.iter().map(|&position| Vector3::from(position)).collect(),
        species: (0..basis.n_atoms()).map(|atom| basis.species_index(atom)).collect(),
    }
}
