//! What the matrices do not say about a species: atomic number and cutoff radius.

use std::path::Path;

use super::fdf::Fdf;
use super::files::Folder;
use super::geometry::Geometry;
use super::ion_xml::IonXml;
use super::orb_indx::OrbIndx;
use crate::basis::{Basis, Species};
use crate::error::{Context, Result};
use crate::input;
use crate::input::lines::Line;

/// The largest atomic number of an element.
const LAST_ELEMENT: i32 = 118;

/// Completes the species of `basis`: atomic numbers from the input's `ChemicalSpeciesLabel`, else `.XV` or `.STRUCT_OUT`, else the label;
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

/// A row of `ChemicalSpeciesLabel`.
pub struct Stated {
    /// Index, from 1.
    pub index: usize,
    /// Atomic number: negative for ghosts, above 200 for synthetic atoms.
    pub z: i32,
    /// Label.
    pub label: String,
}

/// The species that the input states.
///
/// # Errors
/// `Syntax` with file and line.
pub fn stated(fdf: &Fdf) -> Result<Vec<Stated>> {
    let block = "ChemicalSpeciesLabel";
    let row = |row: &Line| {
        let index = row.parse(0, "the index of a species")?;
        let z = row.parse(1, "an atomic number")?;
        Ok(Stated { index, z, label: row.parse(2, "the label of a species")? })
    };
    fdf.block(block).unwrap_or_default().iter().map(row).collect::<Result<_>>().in_file(fdf.file(block))
}

fn stated_number(index: usize, folders: &[&Folder]) -> Result<Option<i32>> {
    for folder in folders {
        if let Some(found) = stated(&folder.fdf)?.into_iter().find(|one| one.index == index) {
            return Ok(Some(found.z));
        }
    }
    let Some(file) = folders.iter().find_map(|folder| folder.geometry()) else { return Ok(None) };
    let geometry = Geometry::read(file)?;
    Ok(geometry.atoms.iter().find(|atom| atom.species == index).map(|atom| atom.z))
}

fn cutoff(species: &Species, folders: &[&Folder]) -> Result<Option<f64>> {
    if let Some(path) = folders.iter().find_map(|folder| folder.orb_indx.as_deref()) {
        let all = parse(path, OrbIndx::parse)?.species().in_file(path)?;
        let found = all.into_iter().find(|one| one.label == species.label).map(|one| one.cutoff);
        return Ok(found.filter(|cutoff| *cutoff > 0.0));
    }
    let file = format!("{}.ion.xml", species.label);
    let named = |path: &&Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&file));
    let ion = folders.iter().flat_map(|folder| folder.ions.iter().map(|path| path.as_path())).find(named);
    ion.map(|path| parse(path, IonXml::parse).map(|ion| ion.cutoff)).transpose()
}

fn parse<T>(path: &Path, parse: impl Fn(&[u8]) -> Result<T>) -> Result<T> {
    parse(&input::open(path)?).in_file(path)
}
