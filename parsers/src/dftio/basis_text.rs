//! `basis.dat`: the shells of each element, or of each atom.

use crate::basis::{Basis, Shell, Species, parse_shells};
use crate::elements::symbol;
use crate::error::{Error, Location, Result};
use crate::predicted::not_representable;

/// What it says.
#[derive(Debug, Clone, PartialEq)]
pub enum BasisText {
    /// `{'Mo': '4s2p2d1f', 'S': '2s2p1d'}`
    Elements(Vec<(String, Vec<Shell>)>),
    /// One line for each atom.
    Atoms(Vec<Vec<Shell>>),
}

impl BasisText {
    /// Reads the file.
    ///
    /// # Errors
    /// `Syntax` with the place.
    pub fn parse(file: &[u8]) -> Result<Self> {
        let file = String::from_utf8_lossy(file);
        let text = file.trim();
        let Some(inner) = text.strip_prefix('{') else {
            return text.lines().map(|line| shells(line.trim(), &file)).collect::<Result<_>>().map(BasisText::Atoms);
        };
        let inner = inner.strip_suffix('}').ok_or_else(|| expected("`}` at the end", text, &file))?;
        let items = inner.split(',').filter(|item| !item.trim().is_empty());
        let element = |item: &str| {
            let (symbol, text) = item.split_once(':').ok_or_else(|| expected("'ELEMENT': 'SHELLS'", item, &file))?;
            Ok((unquoted(symbol).to_owned(), shells(unquoted(text), &file)?))
        };
        items.map(element).collect::<Result<_>>().map(BasisText::Elements)
    }

    /// The orbitals of atoms with these atomic numbers, and the species of each.
    ///
    /// # Errors
    /// `Inconsistent` where an element or atom has no shells.
    pub fn basis(&self, numbers: &[u8]) -> Result<(Basis, Vec<usize>)> {
        if let BasisText::Atoms(atoms) = self
            && atoms.len() != numbers.len()
        {
            let message = format!("basis.dat has shells for {} atoms of {}", atoms.len(), numbers.len());
            return Err(Error::inconsistent(message));
        }
        let mut species: Vec<Species> = Vec::new();
        let mut species_of = Vec::with_capacity(numbers.len());
        for (atom, &z) in numbers.iter().enumerate() {
            let shells = self.shells(atom, z)?;
            let same = |species: &Species| species.z == Some(z) && species.shells == *shells;
            let known = species.iter().position(same);
            species_of.push(known.unwrap_or(species.len()));
            if known.is_none() {
                let label = symbol(z).unwrap_or_default().to_owned();
                species.push(Species { label, z: Some(z), shells: shells.clone(), cutoff: None });
            }
        }
        Ok((Basis::new(species, &species_of)?, species_of))
    }

    fn shells(&self, atom: usize, z: u8) -> Result<&Vec<Shell>> {
        let symbol = symbol(z).ok_or_else(|| Error::inconsistent(format!("atom {} has no element {z}", atom + 1)))?;
        match self {
            BasisText::Atoms(atoms) => Ok(&atoms[atom]),
            BasisText::Elements(elements) => elements
                .iter()
                .find_map(|(element, shells)| (element == symbol).then_some(shells))
                .ok_or_else(|| Error::inconsistent(format!("basis.dat has no shells for {symbol}"))),
        }
    }
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches(['\'', '"'])
}

fn shells(text: &str, file: &str) -> Result<Vec<Shell>> {
    parse_shells(text).ok_or_else(|| expected("shells such as 2s2p1d", text, file))
}

fn expected(what: &str, found: &str, file: &str) -> Error {
    Error::syntax(what, format!("`{found}`")).at(Location::of(found, file))
}

/// The text for a basis whose shells are sorted by l.
///
/// # Errors
/// `NotRepresentable` for atoms that are no element, and where atoms of one element have different shells.
pub fn text(basis: &Basis) -> Result<String> {
    let mut elements: Vec<(&str, String)> = Vec::new();
    for atom in 0..basis.n_atoms() {
        let species = basis.species_of(atom);
        let Some(symbol) = species.z.and_then(symbol) else {
            return Err(not_representable("dftio", &format!("`{}` is no element", species.label)));
        };
        let shells = species.shells_text();
        match elements.iter().find(|(element, _)| *element == symbol) {
            None => elements.push((symbol, shells)),
            Some((_, known)) if *known == shells => {}
            Some((_, known)) => {
                let what =
                    format!("atoms of {symbol} have the shells {known} and {shells}, and it has one entry per element");
                return Err(not_representable("dftio", &what));
            }
        }
    }
    let items: Vec<String> = elements.iter().map(|(element, shells)| format!("'{element}': '{shells}'")).collect();
    Ok(format!("{{{}}}", items.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_one_is_written() {
        let dict = b"{'Mo': '4s2p2d1f', \"S\": '2s2p1d'}";
        let (basis, species_of) = BasisText::parse(dict).unwrap().basis(&[16, 42, 16]).unwrap();
        assert_eq!(species_of, [0, 1, 0]);
        assert_eq!((basis.n_orbitals(), basis.species()[1].label.as_str()), (13 + 27 + 13, "Mo"));
        assert_eq!(text(&basis).unwrap(), "{'S': '2s2p1d', 'Mo': '4s2p2d1f'}");
        let lines = BasisText::parse(b"2s2p1d\n4s2p2d1f\n2s2p1d\n").unwrap();
        assert_eq!(lines.basis(&[16, 42, 16]).unwrap().0, basis);
        let unequal = BasisText::parse(b"2s2p1d\n1s1p\n").unwrap().basis(&[16, 16]).unwrap().0;
        let message = text(&unequal).unwrap_err().to_string();
        assert!(message.contains("atoms of S have the shells 2s2p1d and 1s1p"), "{message}");
    }

    #[test]
    fn broken_texts_are_refused() {
        let message = |text: &str, numbers: &[u8]| {
            BasisText::parse(text.as_bytes()).and_then(|text| text.basis(numbers)).unwrap_err().to_string()
        };
        assert_eq!(message("{'Si': '2x'}", &[14]), "1:9: expected shells such as 2s2p1d, found `2x`");
        assert_eq!(message("2s\n\n2p2", &[1; 3]), "2:1: expected shells such as 2s2p1d, found ``");
        assert_eq!(message("{'Si'}", &[14]), "1:2: expected 'ELEMENT': 'SHELLS', found `'Si'`");
        assert_eq!(message("{'Si': '2s'", &[14]), "1:1: expected `}` at the end, found `{'Si': '2s'`");
        assert_eq!(message("{'Si': '2s'}", &[14, 6]), "basis.dat has no shells for C");
        assert_eq!(message("2s\n", &[14, 6]), "basis.dat has shells for 1 atoms of 2");
        assert_eq!(message("{'Si': '2s'}", &[0]), "atom 1 has no element 0");
    }
}
