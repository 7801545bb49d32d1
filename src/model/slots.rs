//! The orbitals of a model: one list of slots in which every species has its place.

use serde::{Deserialize, Serialize};

use crate::parsers::{Basis, Calculation, Error, Result, Shell, Species};
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

/// A species that the model knows. Equal labels with the orbitals of two codes or two basis sets are two species.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelSpecies {
    /// The code's label.
    pub label: String,
    /// The code whose orbitals they are; empty where that is unknown.
    #[serde(default)]
    pub code: String,
    /// Its shells, sorted.
    pub shells: Vec<Slot>,
    /// Cutoff radius of the orbitals in bohr, where known.
    pub cutoff: Option<f64>,
}

/// Cutoff radii that differ by less (bohr) are equal.
const SAME_CUTOFF: f64 = 1e-3;

impl ModelSpecies {
    fn new(species: &Species, code: &str) -> Self {
        let mut shells: Vec<Slot> = slots_of(species).collect();
        shells.sort_unstable();
        ModelSpecies { label: species.label.clone(), code: code.to_owned(), shells, cutoff: species.cutoff }
    }

    /// Equal shells and cutoff radii, as far as these are known.
    fn has_basis_of(&self, other: &ModelSpecies) -> bool {
        let apart = self.cutoff.zip(other.cutoff).is_some_and(|(a, b)| (a - b).abs() > SAME_CUTOFF);
        self.shells == other.shells && !apart
    }

    /// What distinguishes species of one label.
    fn key(&self) -> (&str, &str, &[Slot], u64) {
        // Radii are not negative, so that their bits are in their order.
        (&self.label, &self.code, &self.shells, self.cutoff.unwrap_or(0.0).to_bits())
    }
}

/// A basis and the code whose orbitals it names.
#[derive(Debug, Clone, Copy)]
pub struct CodeBasis<'a> {
    basis: &'a Basis,
    code: &'a str,
}

impl<'a> From<&'a Calculation> for CodeBasis<'a> {
    fn from(run: &'a Calculation) -> Self {
        CodeBasis { basis: &run.basis, code: run.origin.code }
    }
}

impl<'a> From<&'a Basis> for CodeBasis<'a> {
    /// Of an unknown code.
    fn from(basis: &'a Basis) -> Self {
        CodeBasis { basis, code: "" }
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
        species.sort_by(|a, b| a.key().cmp(&b.key()));
        let mut shells: Vec<Slot> = species.iter().flat_map(|s| s.shells.iter().copied()).collect();
        shells.sort_unstable();
        shells.dedup();
        let algebra = PairAlgebra::new(&shells.iter().map(|s| s.l).collect::<Vec<_>>());
        Slots { species, shells, algebra }
    }

    /// The same slots, with blocks that have an exchange field besides the spinless part, or not.
    pub fn with_field(self, magnetic: bool) -> Self {
        let shells: Vec<u8> = self.shells.iter().map(|s| s.l).collect();
        let algebra = if magnetic { PairAlgebra::magnetic(&shells) } else { PairAlgebra::new(&shells) };
        Slots { algebra, ..self }
    }

    /// Have blocks an exchange field?
    pub fn is_magnetic(&self) -> bool {
        self.algebra.n_components() > 1
    }

    /// The slots that the species of several runs need together.
    ///
    /// # Errors
    /// `Unsupported` where there is no run.
    pub fn of_runs<'a, B: Into<CodeBasis<'a>>>(runs: impl IntoIterator<Item = B>) -> Result<Self> {
        let mut known: Vec<ModelSpecies> = Vec::new();
        for CodeBasis { basis, code } in runs.into_iter().map(Into::into) {
            for new in basis.species().iter().map(|species| ModelSpecies::new(species, code)) {
                let same =
                    |old: &ModelSpecies| (&old.label, &old.code) == (&new.label, &new.code) && old.has_basis_of(&new);
                if !known.iter().any(same) {
                    known.push(new);
                }
            }
        }
        if known.is_empty() { Err(Error::unsupported("no run to take species from")) } else { Ok(Slots::new(known)) }
    }

    /// Species, by label, code and basis.
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

    /// Where the species of a run sit: at those of the same code, else at those of another one with an equal basis.
    ///
    /// # Errors
    /// `Unsupported` where the model does not know a species, or knows it with other shells or another cutoff radius only.
    pub fn seats<'a>(&self, run: impl Into<CodeBasis<'a>>) -> Result<Vec<Seat>> {
        let CodeBasis { basis, code } = run.into();
        basis.species().iter().map(|species| self.seat(species, code)).collect()
    }

    fn seat(&self, species: &Species, code: &str) -> Result<Seat> {
        let wanted = ModelSpecies::new(species, code);
        let namesakes = || self.species.iter().enumerate().filter(|(_, known)| known.label == wanted.label);
        let fitting = || namesakes().filter(|(_, known)| known.has_basis_of(&wanted));
        let of_code = fitting().find(|(_, known)| known.code == wanted.code);
        let (index, _) = of_code.or_else(|| fitting().next()).ok_or_else(|| self.unknown(&wanted))?;
        let orbitals = slots_of(species).flat_map(|slot| self.orbitals_of(&slot)).collect();
        Ok(Seat { species: index, orbitals })
    }

    /// Why a species has no seat.
    fn unknown(&self, wanted: &ModelSpecies) -> Error {
        let label = &wanted.label;
        let rank = |known: &&ModelSpecies| (known.code != wanted.code, known.shells != wanted.shells);
        let namesakes = self.species.iter().filter(|known| known.label == *label);
        Error::unsupported(match namesakes.min_by_key(rank) {
            None => {
                let mut labels: Vec<&str> = self.species.iter().map(|s| s.label.as_str()).collect();
                labels.dedup();
                format!("the model knows {}, but not species {label}", labels.join(", "))
            }
            Some(known) if known.shells != wanted.shells => {
                let [known, found] = [&known.shells, &wanted.shells].map(|shells| shells_text(shells));
                format!("species {label} has the shells {found}, but the model has {known}")
            }
            Some(known) => {
                let [known, cutoff] = [known.cutoff, wanted.cutoff].map(Option::unwrap_or_default);
                format!("orbitals of {label} end at {cutoff} bohr, but the model was fitted to {known} bohr")
            }
        })
    }

    fn orbitals_of(&self, slot: &Slot) -> std::ops::Range<usize> {
        let size = |s: &Slot| 2 * s.l as usize + 1;
        let first = self.shells.iter().take_while(|s| *s < slot).map(size).sum();
        first..first + size(slot)
    }
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

    #[test]
    fn one_label_of_two_codes_or_bases_is_two_species() {
        let basis = |shells: &str, cutoff: f64| {
            Basis::new(vec![Species { cutoff: Some(cutoff), ..species("C", shells) }], &[0]).unwrap()
        };
        let (small, wide, large) = (basis("1s1p", 6.0), basis("1s1p", 8.0), basis("2s2p1d", 8.0));
        let of = |basis, code| CodeBasis { basis, code };
        let known = [of(&small, "SIESTA"), of(&large, "ABACUS"), of(&small, "ABACUS"), of(&small, "SIESTA")];
        let slots = Slots::of_runs(known).unwrap();
        let found: Vec<(&str, String)> =
            slots.species().iter().map(|s| (s.code.as_str(), shells_text(&s.shells))).collect();
        assert_eq!(found, [("ABACUS", "2s2p1d".into()), ("ABACUS", "1s1p".into()), ("SIESTA", "1s1p".into())]);
        let seat = |basis, code| slots.seats(of(basis, code)).map(|seats| seats[0].species);
        assert_eq!(
            [seat(&small, "ABACUS"), seat(&large, "ABACUS"), seat(&small, "SIESTA")].map(Result::unwrap),
            [1, 0, 2]
        );
        assert_eq!(seat(&large, "OpenMX").unwrap(), 0, "another code with an equal basis");
        let message = seat(&wide, "SIESTA").unwrap_err().to_string();
        assert_eq!(message, "orbitals of C end at 8 bohr, but the model was fitted to 6 bohr");
        let channel = slots.algebra().channels().iter().find(|c| (c.a, c.b) == (1, 0)).unwrap();
        assert!(slots.has(0, 1, channel) && !slots.has(1, 1, channel), "the second s shell is one species' alone");
    }
}
