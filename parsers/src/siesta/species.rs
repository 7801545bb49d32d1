//! What the matrices do not say about a species: atomic number and cutoff radius.

use std::path::Path;

use super::files::Folder;
use super::geometry::Geometry;
use super::ion_xml::IonXml;
use super::orb_indx::OrbIndx;
use crate::basis::{Basis, Species};
use crate::error::{Context, Result};
use crate::input;

/// The largest atomic number of an element.
const LAST_ELEMENT: i32 = 118;

/// Completes the species of `basis`: atomic numbers from the input's `ChemicalSpeciesLabel`, else `.XV`, else the label;
/// cutoffs from `.ORB_INDX`, else `.ion.xml`.
///
/// # Errors
/// Those of the files.
pub fn completed(basis: &Basis, species_of: &[usize], folders: &[&Folder]) -> Result<Basis> {
    let mut species = basis.species().to_vec();
    for (index, species) in species.iter_mut().enumerate() {
        species.z = match stated_number(index + 1, folders)? {
            Some(z) => u8::try_from(z).ok().filter(|_| (1..=LAST_ELEMENT).contains(&z)),
            None => species.z,
        };
        species.cutoff = cutoff(species, folders)?;
    }
    Basis::new(species, species_of)
}

fn stated_number(index: usize, folders: &[&Folder]) -> Result<Option<i32>> {
    for folder in folders {
        let label = "ChemicalSpeciesLabel";
        for row in folder.fdf.block(label).unwrap_or_default() {
            let number: usize = row.parse(0, "the index of a species").in_file(folder.fdf.file(label))?;
            if index == number {
                return row.parse(1, "an atomic number").in_file(folder.fdf.file(label)).map(Some);
            }
        }
    }
    let Some(xv) = folders.iter().find_map(|folder| folder.xv.as_deref()) else { return Ok(None) };
    let geometry = parse(xv, Geometry::parse_xv)?;
    Ok(geometry.atoms.iter().find(|atom| atom.species == index).map(|atom| atom.z))
}

fn cutoff(species: &Species, folders: &[&Folder]) -> Result<Option<f64>> {
    if let Some(path) = folders.iter().find_map(|folder| folder.orb_indx.as_deref()) {
        let all = parse(path, OrbIndx::parse)?.species().in_file(path)?;
        return Ok(all.into_iter().find(|one| one.label == species.label).map(|one| one.cutoff));
    }
    let file = format!("{}.ion.xml", species.label);
    let named = |path: &&Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&file));
    let ion = folders.iter().flat_map(|folder| folder.ions.iter().map(|path| path.as_path())).find(named);
    ion.map(|path| parse(path, IonXml::parse).map(|ion| ion.cutoff)).transpose()
}

fn parse<T>(path: &Path, parse: impl Fn(&[u8]) -> Result<T>) -> Result<T> {
    parse(&input::open(path)?).in_file(path)
}
