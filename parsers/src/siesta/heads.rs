//! A TSHS knows atoms and orbitals by number only: their species and shells, out of the texts beside it.

use std::path::{Path, PathBuf};

use super::files::Folder;
use super::geometry::Geometry;
use super::hsx::{CellHead, Head, LABEL_LENGTH, SpeciesHead, Version};
use super::ion_xml::IonXml;
use super::orb_indx::{OrbIndx, Orbital, SpeciesShells};
use super::{Tshs, species};
use crate::basis::Shell;
use crate::error::{Context, Error, Result};
use crate::input;

/// The head that an HSX of the same run has, and the files that it came from: `.ORB_INDX`, else `.ion.xml` of every species
/// with `.XV`. Valence charges, which no matrix needs, are 0 where no `.ion.xml` states them.
///
/// # Errors
/// Those of the files; `Unsupported` where neither is there; `Inconsistent` where they do not fit the orbitals of the atoms.
pub fn of_tshs(tshs: &Tshs, folder: &Folder, geometry: Option<&Path>) -> Result<(Head, Vec<PathBuf>)> {
    let ions = folder.ions.iter().map(|path| parse(path, IonXml::parse)).collect::<Result<Vec<_>>>()?;
    let (species, species_of, files) = match (&folder.orb_indx, geometry) {
        (Some(path), _) => of_orb_indx(path, &ions)?,
        (None, Some(file)) if !ions.is_empty() => of_ions(ions, file, folder)?,
        _ => {
            let message = "holds no shells: .ORB_INDX, or .ion.xml and .XV, must lie beside it (or read the .HSX)";
            return Err(Error::unsupported(message));
        }
    };
    check_orbitals(tshs, &species, &species_of)?;
    let cell = CellHead {
        is_double: 1,
        cell: tshs.cell,
        positions: tshs.positions.clone(),
        fermi_level: tshs.fermi_level,
        supercell: tshs.supercell.clone(),
        last_orbitals: tshs.last_orbitals.iter().skip(1).copied().collect(),
    };
    let head = Head {
        nspin: tshs.nspin,
        n_electrons: tshs.n_electrons,
        temperature: tshs.temperature,
        species,
        species_of,
        version: Version::V2(cell, tshs.mesh.clone()),
    };
    Ok((head, files))
}

/// Kinds of atoms, kind of each atom (from 1), files.
type Species = (Vec<SpeciesHead>, Vec<i32>, Vec<PathBuf>);

fn of_orb_indx(path: &Path, ions: &[IonXml]) -> Result<Species> {
    let table = parse(path, OrbIndx::parse)?;
    let valence = |label: &str| ions.iter().find(|ion| ion.label == label).map_or(0.0, |ion| ion.valence);
    let species = table.species().in_file(path)?;
    let head = |one: SpeciesShells| species_head(&one.label, valence(&one.label), &one.shells);
    let species_of = species_of_atoms(&table).in_file(path)?;
    Ok((species.into_iter().map(head).collect(), species_of, vec![path.to_owned()]))
}

/// Orbitals come atom by atom.
fn species_of_atoms(table: &OrbIndx) -> Result<Vec<i32>> {
    let mut species_of = Vec::new();
    for Orbital { atom, species, .. } in &table.orbitals {
        match atom.checked_sub(species_of.len()) {
            Some(1) => species_of.push(*species as i32),
            Some(0) if *atom > 0 => {}
            _ => return Err(Error::inconsistent(format!("atom {atom} follows atom {}", species_of.len()))),
        }
    }
    Ok(species_of)
}

fn of_ions(ions: Vec<IonXml>, geometry_file: &Path, folder: &Folder) -> Result<Species> {
    let geometry = Geometry::read(geometry_file)?;
    let stated = species::stated(&folder.fdf)?;
    let of_label = |index: usize| {
        let stated = stated.iter().find(|one| one.index == index);
        let ion = stated.and_then(|one| ions.iter().find(|ion| ion.label == one.label));
        let ion = ion.ok_or_else(|| Error::inconsistent(format!("no .ion.xml of species {index}")))?;
        Ok(species_head(&ion.label, ion.valence, &ion.shells))
    };
    let species = (1..=geometry.n_species()).map(of_label).collect::<Result<_>>()?;
    let species_of = geometry.atoms.iter().map(|atom| atom.species as i32).collect();
    Ok((species, species_of, folder.ions.iter().cloned().chain([geometry_file.to_owned()]).collect()))
}

fn species_head(label: &str, valence: f64, shells: &[Shell]) -> SpeciesHead {
    let mut padded = [b' '; LABEL_LENGTH];
    padded.iter_mut().zip(label.bytes()).for_each(|(place, byte)| *place = byte);
    let orbitals = shells.iter().flat_map(|shell| {
        let numbers = [shell.n.unwrap_or(0), shell.l, shell.zeta].map(i32::from);
        std::iter::repeat_n(numbers, shell.n_orbitals())
    });
    SpeciesHead { label: padded, valence, orbitals: orbitals.collect() }
}

fn check_orbitals(tshs: &Tshs, species: &[SpeciesHead], species_of: &[i32]) -> Result<()> {
    if species_of.len() != tshs.positions.len() {
        let (stated, found) = (species_of.len(), tshs.positions.len());
        return Err(Error::inconsistent(format!("{found} atoms, but the texts beside it state {stated}")));
    }
    let found = tshs.last_orbitals.windows(2).map(|ends| ends[1] - ends[0]);
    for (atom, (found, &kind)) in found.zip(species_of).enumerate() {
        let stated = species.get((kind - 1) as usize).map_or(0, |species| species.orbitals.len());
        if usize::try_from(found) != Ok(stated) {
            let message = format!("atom {} has {found} orbitals, but its shells {stated}", atom + 1);
            return Err(Error::inconsistent(message));
        }
    }
    Ok(())
}

fn parse<T>(path: &Path, parse: impl Fn(&[u8]) -> Result<T>) -> Result<T> {
    parse(&input::open(path)?).in_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn atoms_follow_each_other() {
        let orbital = |&(atom, species): &(usize, usize)| {
            let label = "H".to_owned();
            Orbital { atom, species, label, n: 1, l: 0, m: 0, zeta: 1, cutoff: 5.0 }
        };
        let of =
            |atoms: &[(usize, usize)]| species_of_atoms(&OrbIndx { orbitals: atoms.iter().map(orbital).collect() });
        assert_eq!(of(&[(1, 2), (1, 2), (2, 1)]).unwrap(), [2, 1]);
        for (atoms, message) in [
            ([(1, 1), (usize::MAX, 1)], "atom 18446744073709551615 follows atom 1"),
            ([(1, 1), (3, 1)], "atom 3 follows atom 1"),
            ([(1, 1), (0, 1)], "atom 0 follows atom 1"),
            ([(0, 1), (1, 1)], "atom 0 follows atom 0"),
        ] {
            assert_eq!(of(&atoms).unwrap_err().to_string(), message);
        }
    }
}
