//! `.ORB_INDX`: every orbital of the auxiliary supercell. It is the only
//! text that states shells, cutoffs and images together.

use crate::basis::Shell;
use crate::error::{Error, Result};
use crate::input::lines::{Line, Lines};

/// The orbitals of the home cell.
#[derive(Debug, Clone, PartialEq)]
pub struct OrbIndx {
    /// One per orbital, in the order of the matrices.
    pub orbitals: Vec<Orbital>,
}

/// One orbital.
#[derive(Debug, Clone, PartialEq)]
pub struct Orbital {
    /// Its atom (`ia`), from 1.
    pub atom: usize,
    /// Species of the atom (`is`), from 1.
    pub species: usize,
    /// Label of the species (`spec`).
    pub label: String,
    /// Principal quantum number.
    pub n: u8,
    /// Angular momentum.
    pub l: u8,
    /// −l … l.
    pub m: i8,
    /// Zeta, from 1.
    pub zeta: u8,
    /// Cutoff radius, bohr.
    pub cutoff: f64,
}

/// Label, shells and largest cutoff of a species.
#[derive(Debug, Clone, PartialEq)]
pub struct SpeciesShells {
    /// Label.
    pub label: String,
    /// Shells in the order of the orbitals.
    pub shells: Vec<Shell>,
    /// Largest cutoff radius, bohr.
    pub cutoff: f64,
}

impl OrbIndx {
    /// Reads the rows of the home cell; those of its images are passed over.
    ///
    /// # Errors
    /// `Syntax` and `Limit` with the line.
    pub fn parse(file: &[u8]) -> Result<OrbIndx> {
        let mut lines = Lines::new(file, &[]);
        let limit = lines.remaining();
        let count = lines.expect("the numbers of orbitals")?.count("number of orbitals", limit)?;
        let titles = lines.expect("the titles of the columns")?;
        if titles.first() != "io" {
            return Err(titles.expected("the titles io, ia, is, spec, …"));
        }
        let orbital = |_| Orbital::parse(&lines.expect("an orbital")?);
        Ok(OrbIndx { orbitals: (0..count).map(orbital).collect::<Result<_>>()? })
    }

    /// The species, in the order of their index, which atoms need not follow.
    ///
    /// # Errors
    /// `Inconsistent` where a species has no atom.
    pub fn species(&self) -> Result<Vec<SpeciesShells>> {
        let count = self.orbitals.iter().map(|orbital| orbital.species).max().unwrap_or(0);
        (1..=count).map(|index| self.species_shells(index)).collect()
    }

    fn species_shells(&self, index: usize) -> Result<SpeciesShells> {
        let first = self.orbitals.iter().find(|orbital| orbital.species == index);
        let first = first.ok_or_else(|| Error::inconsistent(format!("species {index} has no orbital")))?;
        let of_atom = self.orbitals.iter().filter(|orbital| orbital.atom == first.atom);
        let shells = of_atom.clone().filter(|o| i16::from(o.m) == -i16::from(o.l));
        Ok(SpeciesShells {
            label: first.label.clone(),
            shells: shells.map(|o| Shell { l: o.l, zeta: o.zeta, n: Some(o.n) }).collect(),
            cutoff: of_atom.map(|orbital| orbital.cutoff).fold(0.0, f64::max),
        })
    }
}

impl Orbital {
    /// `io ia is spec iao n l m z p sym rc isc(3) iuo`.
    fn parse(line: &Line) -> Result<Orbital> {
        Ok(Orbital {
            atom: line.parse(1, "the atom of an orbital")?,
            species: line.parse(2, "the species of an orbital")?,
            label: line.parse(3, "the label of a species")?,
            n: line.parse(5, "n of an orbital")?,
            l: line.parse(6, "l of an orbital")?,
            m: line.parse(7, "m of an orbital")?,
            zeta: line.parse(8, "zeta of an orbital")?,
            cutoff: line.number(11, "the cutoff of an orbital")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "  4 8 = orbitals in unit cell and supercell. See end of file.\n\n io ia is spec iao n l m z p sym rc isc iuo\n\
        1 1 2 H 1 1 0 0 1 F s 6.008 0 0 0 1\n2 2 1 N 1 2 1 -1 1 F py 4.9 0 0 0 2\n3 2 1 N 2 2 1 0 1 F pz 4.9 0 0 0 3\n\
        4 2 1 N 3 2 1 1 1 F px 4.9 0 0 0 4\n5 3 2 H 1 1 0 0 1 F s 6.008 1 0 0 1\n";

    #[test]
    fn species_by_their_index() {
        let species = OrbIndx::parse(TEXT.as_bytes()).unwrap().species().unwrap();
        let nitrogen =
            SpeciesShells { label: "N".into(), shells: vec![Shell { l: 1, zeta: 1, n: Some(2) }], cutoff: 4.9 };
        assert_eq!(species[0], nitrogen);
        assert_eq!((species[1].label.as_str(), species[1].shells.len(), species[1].cutoff), ("H", 1, 6.008));
    }

    #[test]
    fn mistakes_are_located() {
        let error = |from: &str, to: &str| OrbIndx::parse(TEXT.replace(from, to).as_bytes()).unwrap_err().to_string();
        assert_eq!(error("  4 8", "99 8"), "1: number of orbitals of 99 exceeds the limit of 7");
        assert_eq!(
            error("1 2 1 -1 1", "1 x 1 -1 1"),
            "5: expected n of an orbital, found `2 2 1 N 1 x 1 -1 1 F py 4.9 0 0 0 2`"
        );
    }
}
