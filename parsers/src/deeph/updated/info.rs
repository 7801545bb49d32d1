//! `info.json` of the updated layout.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::basis::{Basis, Species};
use crate::error::{Error, Result};
use crate::foreign;
use crate::predicted::not_representable;

/// What stands in it; what else stands there is passed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Info {
    /// Number of atoms.
    pub atoms_quantity: usize,
    /// Number of orbitals of the cell, without spin.
    pub orbits_quantity: usize,
    /// Is S the identity?
    pub orthogonal_basis: bool,
    /// Do H and DM have two spins?
    pub spinful: bool,
    /// Fermi level.
    #[serde(rename = "fermi_energy_eV")]
    pub fermi_energy_ev: Option<f64>,
    /// l of each radial function of an element, in the order of the orbitals.
    pub elements_orbital_map: BTreeMap<String, Vec<u8>>,
    /// Number of electrons: DeepH-dock searches a Fermi level with it, and no other converter writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occupation: Option<f64>,
}

impl Info {
    /// Reads the file.
    ///
    /// # Errors
    /// `Syntax` with what serde says: the missing key, or the place.
    pub fn parse(file: &[u8]) -> Result<Self> {
        serde_json::from_slice(file).map_err(|error| Error::syntax("the info.json of DeepH", format!("`{error}`")))
    }
}

/// The shells of each element.
///
/// # Errors
/// `NotRepresentable` where two species of one element have different shells, or a species is no element.
pub fn orbital_map(species: &[Species], format: &str) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut map: BTreeMap<String, (&Species, Vec<u8>)> = BTreeMap::new();
    for kind in species {
        let shells: Vec<u8> = kind.shells.iter().map(|shell| shell.l).collect();
        let (first, known) = map.entry(symbol(kind, format)?).or_insert_with(|| (kind, shells.clone()));
        if *known != shells {
            let what = format!(
                "species {} and {} are one element with different orbitals ({} and {}), and it has one list for each element",
                first.label,
                kind.label,
                first.shells_text(),
                kind.shells_text()
            );
            return Err(not_representable(format, &what));
        }
    }
    Ok(map.into_iter().map(|(symbol, (_, shells))| (symbol, shells)).collect())
}

/// Symbol of each atom.
///
/// # Errors
/// `NotRepresentable` where one is no element.
pub fn symbols(basis: &Basis, format: &str) -> Result<Vec<String>> {
    (0..basis.n_atoms()).map(|atom| symbol(basis.species_of(atom), format)).collect()
}

fn symbol(species: &Species, format: &str) -> Result<String> {
    foreign::symbol(species).map(str::to_owned).ok_or_else(|| {
        let what = format!("species {} is no element, and it names atoms by their elements", species.label);
        not_representable(format, &what)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::basis::parse_shells;

    fn species(label: &str, shells: &str) -> Species {
        let shells = parse_shells(shells).unwrap();
        Species { label: label.into(), z: crate::elements::atomic_number(label), shells, cutoff: None }
    }

    #[test]
    fn species_of_one_element_share_their_shells() {
        let map = orbital_map(&[species("Fe_up", "2s1p"), species("O", "1s1p1d"), species("Fe_down", "2s1p")], "deeph");
        let expected = [("Fe".to_owned(), vec![0, 0, 1]), ("O".to_owned(), vec![0, 1, 2])];
        assert_eq!(map.unwrap(), BTreeMap::from(expected));
        let message =
            orbital_map(&[species("Fe_up", "2s1p"), species("Fe_down", "2s2p")], "deeph").unwrap_err().to_string();
        let expected = "deeph cannot be written: species Fe_up and Fe_down are one element with different orbitals (2s1p and 2s2p)";
        assert!(message.starts_with(expected), "{message}");
        let message = orbital_map(&[species("C_empty", "1s")], "deeph").unwrap_err().to_string();
        assert!(message.contains("species C_empty is no element"), "{message}");
    }

    #[test]
    fn a_missing_key_is_named() {
        let text =
            r#"{"atoms_quantity": 2, "orbits_quantity": 26, "orthogonal_basis": false, "fermi_energy_eV": null}"#;
        let message = Info::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(message.contains("missing field `spinful`"), "{message}");
    }
}
