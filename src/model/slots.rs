//! The orbitals of a model: one list of slots in which every species has its place.

use serde::{Deserialize, Serialize};

use crate::parsers::{Basis, Error, Result, Shell, Species};
use crate::symmetry::{Channel, PairAlgebra};

/// A place for one shell, named so that later models can contain earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slot {
    /// Angular momentum.
    pub l: u8,
    /// Multiplicity of this l, from 1.
    pub zeta: u8,
}

/// Slots of the shells of a species, in its own order: shells of one l are numbered by n, then zeta, since codes with semicore
/// shells count zetas for each n anew (4s, 5s and 5s' are slots 1, 2 and 3).
fn slots_of(species: &Species) -> impl Iterator<Item = Slot> + '_ {
    let rank = |shell: &Shell| (shell.n, shell.zeta);
    species.shells.iter().map(move |shell| {
        let before = species.shells.iter().filter(|other| other.l == shell.l && rank(other) < rank(shell)).count();
        Slot { l: shell.l, zeta: before as u8 + 1 }
    })
}

/// A species that the model knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelSpecies {
    /// The code's label.
    pub label: String,
    /// Its shells, sorted.
    pub shells: Vec<Slot>,
    /// Cutoff radius of the orbitals in bohr, where known.
    pub cutoff: Option<f64>,
}

impl ModelSpecies {
    fn new(species: &Species) -> Self {
        let mut shells: Vec<Slot> = slots_of(species).collect();
        shells.sort_unstable();
        ModelSpecies { label: species.label.clone(), shells, cutoff: species.cutoff }
    }
}

/// The union of the shells of all species of a model (C 2s2p1d with H 2s1p: 2s2p1d), ordered by l, then zeta, and the algebra of
/// pair blocks over it. A species' block is scattered into a block of slots; the rest is zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Slots {
    species: Vec<ModelSpecies>,
    shells: Vec<Slot>,
    algebra: PairAlgebra,
}

/// How one species of a run sits in the slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// Species of the model.
    pub species: usize,
    /// For each orbital of the run's atom, in the run's order, the orbital of the slots.
    pub orbitals: Vec<usize>,
}

impl Slots {
    /// The slots of the given species.
    pub fn new(mut species: Vec<ModelSpecies>) -> Self {
        species.sort_by(|a, b| a.label.cmp(&b.label));
        let mut shells: Vec<Slot> = species.iter().flat_map(|s| s.shells.iter().copied()).collect();
        shells.sort_unstable();
        shells.dedup();
        let algebra = PairAlgebra::new(&shells.iter().map(|s| s.l).collect::<Vec<_>>());
        Slots { species, shells, algebra }
    }

    /// The slots that the species of several runs need together.
    ///
    /// # Errors
    /// `Inconsistent` where one label has different shells in two runs.
    pub fn of_runs<'a>(bases: impl IntoIterator<Item = &'a Basis>) -> Result<Self> {
        let mut known: Vec<ModelSpecies> = Vec::new();
        for species in bases.into_iter().flat_map(Basis::species) {
            let new = ModelSpecies::new(species);
            match known.iter().find(|old| old.label == new.label) {
                Some(old) => require_equal_shells(old, species)?,
                None => known.push(new),
            }
        }
        Ok(Slots::new(known))
    }

    /// Species, by label.
    pub fn species(&self) -> &[ModelSpecies] {
        &self.species
    }

    /// Shells of the slots.
    pub fn shells(&self) -> &[Slot] {
        &self.shells
    }

    /// The algebra of blocks over the slots.
    pub fn algebra(&self) -> &PairAlgebra {
        &self.algebra
    }

    /// Have both species of a pair the shells of this channel?
    pub fn has(&self, row: usize, column: usize, channel: &Channel) -> bool {
        let owns = |species: usize, slot: usize| self.species[species].shells.contains(&self.shells[slot]);
        owns(row, channel.a) && owns(column, channel.b)
    }

    /// Where the species of a run sit.
    ///
    /// # Errors
    /// `Unsupported` where the model does not know a species, or knows it with other shells.
    pub fn seats(&self, basis: &Basis) -> Result<Vec<Seat>> {
        basis.species().iter().map(|species| self.seat(species)).collect()
    }

    fn seat(&self, species: &Species) -> Result<Seat> {
        let index = self.species.iter().position(|s| s.label == species.label).ok_or_else(|| {
            let labels: Vec<&str> = self.species.iter().map(|s| s.label.as_str()).collect();
            Error::unsupported(format!("the model knows {}, but not species {}", labels.join(", "), species.label))
        })?;
        require_equal_shells(&self.species[index], species)?;
        let orbitals = slots_of(species).flat_map(|slot| self.orbitals_of(&slot)).collect();
        Ok(Seat { species: index, orbitals })
    }

    fn orbitals_of(&self, slot: &Slot) -> std::ops::Range<usize> {
        let size = |s: &Slot| 2 * s.l as usize + 1;
        let first = self.shells.iter().take_while(|s| *s < slot).map(size).sum();
        first..first + size(slot)
    }
}

fn require_equal_shells(known: &ModelSpecies, species: &Species) -> Result<()> {
    let found = ModelSpecies::new(species);
    if found.shells == known.shells {
        return Ok(());
    }
    let [wanted, found] = [&known.shells, &found.shells].map(|shells| shells_text(shells));
    Err(Error::unsupported(format!("species {} has the shells {found}, but the model has {wanted}", species.label)))
}

fn shells_text(shells: &[Slot]) -> String {
    let shells = shells.iter().map(|s| Shell { l: s.l, zeta: s.zeta, n: None }).collect();
    Species { label: String::new(), z: None, shells, cutoff: None }.shells_text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parsers::basis::parse_shells;

    fn species(label: &str, shells: &str) -> Species {
        Species { label: label.into(), z: None, shells: parse_shells(shells).unwrap(), cutoff: None }
    }

    #[test]
    fn slots_are_the_union() {
        let basis = Basis::new(vec![species("H", "2s1p"), species("C", "1s3p1d")], &[0, 1]).unwrap();
        let slots = Slots::of_runs([&basis]).unwrap();
        assert_eq!(shells_text(slots.shells()), "2s3p1d");
        let seats = slots.seats(&basis).unwrap();
        assert_eq!(seats[0], Seat { species: 1, orbitals: vec![0, 1, 2, 3, 4] });
        assert_eq!(seats[1].orbitals, [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        let channel = slots.algebra().channels().iter().find(|c| c.a == 1 && c.b == 1).unwrap();
        assert!(slots.has(1, 1, channel) && !slots.has(0, 1, channel) && !slots.has(1, 0, channel));
    }

    #[test]
    fn semicore_shells_have_slots_of_their_own() {
        let shell = |n: u8, l: u8, zeta: u8| Shell { l, zeta, n: Some(n) };
        let shells = vec![shell(5, 0, 1), shell(4, 0, 1), shell(5, 0, 2), shell(4, 1, 1), shell(5, 1, 1)];
        let basis = Basis::new(vec![Species { label: "Mo".into(), z: None, shells, cutoff: None }], &[0]).unwrap();
        let slots = Slots::of_runs([&basis]).unwrap();
        assert_eq!(shells_text(slots.shells()), "3s2p");
        assert_eq!(slots.seats(&basis).unwrap()[0].orbitals, [1, 0, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn other_shells_are_refused() {
        let slots = Slots::of_runs([&Basis::new(vec![species("H", "2s1p")], &[0]).unwrap()]).unwrap();
        let message = |s: Species| slots.seats(&Basis::new(vec![s], &[0]).unwrap()).unwrap_err().to_string();
        assert_eq!(message(species("H", "1s")), "species H has the shells 1s, but the model has 2s1p");
        assert_eq!(message(species("O", "1s")), "the model knows H, but not species O");
    }
}
