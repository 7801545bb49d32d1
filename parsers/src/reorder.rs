//! Atoms and shells in another order: formats want atoms of one species together, or shells sorted by l.

use std::sync::Arc;

use crate::basis::{Basis, Species};
use crate::calculation::Calculation;
use crate::error::{Error, Result};
use crate::operator::{Operator, Pair, Pairs, SpinOperator};
use crate::structure::Structure;

/// Where each atom, and each shell of each species, comes from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Reordering {
    /// New atom `a` is old atom `atoms[a]`.
    pub atoms: Vec<usize>,
    /// New shell `n` of species `s` is its old shell `shells[s][n]`. The species stay where they are.
    pub shells: Vec<Vec<usize>>,
}

impl Reordering {
    /// Nothing moves.
    pub fn none(run: &Calculation) -> Self {
        let shells = run.basis.species().iter().map(|species| (0..species.shells.len()).collect());
        Reordering { atoms: (0..run.structure.n_atoms()).collect(), shells: shells.collect() }
    }

    /// Atoms of one species together, species as they appear first, atoms of a species in their old order.
    pub fn atoms_by_species(self, run: &Calculation) -> Self {
        self.atoms_by(&run.structure.species)
    }

    /// Atoms of one element together, as [`Reordering::atoms_by_species`] otherwise.
    pub fn atoms_by_element(self, run: &Calculation) -> Self {
        let element = |atom| run.basis.species_of(atom).z.map_or(0, usize::from);
        self.atoms_by(&(0..run.structure.n_atoms()).map(element).collect::<Vec<_>>())
    }

    fn atoms_by(mut self, kinds: &[usize]) -> Self {
        let first = |kind: usize| kinds.iter().position(|&other| other == kind);
        let places: Vec<Option<usize>> = kinds.iter().map(|&kind| first(kind)).collect();
        self.atoms.sort_by_key(|&atom| places[atom]);
        self
    }

    /// Shells sorted by l, those of one l in their old order.
    pub fn shells_by_l(mut self, run: &Calculation) -> Self {
        for (shells, species) in self.shells.iter_mut().zip(run.basis.species()) {
            shells.sort_by_key(|&shell| species.shells[shell].l);
        }
        self
    }

    /// Does nothing move?
    pub fn is_none(&self) -> bool {
        let stays = |order: &Vec<usize>| order.iter().enumerate().all(|(new, &old)| new == old);
        stays(&self.atoms) && self.shells.iter().all(stays)
    }

    /// The way back.
    pub fn inverse(&self) -> Self {
        Reordering { atoms: inverse(&self.atoms), shells: self.shells.iter().map(|order| inverse(order)).collect() }
    }

    /// Is it one of so many atoms and such species: every number once?
    pub(crate) fn fits(&self, n_atoms: usize, species: &[Species]) -> bool {
        is_permutation(&self.atoms, n_atoms)
            && self.shells.len() == species.len()
            && self.shells.iter().zip(species).all(|(order, species)| is_permutation(order, species.shells.len()))
    }

    /// The run in the new order. What only its own files say ([`Calculation::native`]) is left out, unless nothing moves.
    ///
    /// # Errors
    /// `Inconsistent` where the reordering belongs to another run.
    pub fn apply(&self, run: Calculation) -> Result<Calculation> {
        if !self.fits(run.structure.n_atoms(), run.basis.species()) {
            return Err(Error::inconsistent(format!(
                "an order of {} atoms and {} species does not fit a run of {} and {}",
                self.atoms.len(),
                self.shells.len(),
                run.structure.n_atoms(),
                run.basis.species().len()
            )));
        }
        if self.is_none() {
            return Ok(run);
        }
        let structure = Structure {
            lattice: run.structure.lattice,
            positions: self.atoms.iter().map(|&old| run.structure.positions[old]).collect(),
            species: self.atoms.iter().map(|&old| run.structure.species[old]).collect(),
        };
        let basis = Basis::new(self.species(run.basis.species()), &structure.species)?;
        let moves = Moves::new(self, &run.basis, &basis);
        let spin = |o: &Option<SpinOperator>| o.as_ref().map(|o| moves.spin(o)).transpose();
        Ok(Calculation {
            overlap: run.overlap.as_ref().map(|o| moves.operator(o)).transpose()?,
            hamiltonian: spin(&run.hamiltonian)?,
            hamiltonian0: spin(&run.hamiltonian0)?,
            density_matrix: spin(&run.density_matrix)?,
            structure,
            basis: basis.clone(),
            ..run.without_operators()
        })
    }

    fn species(&self, species: &[Species]) -> Vec<Species> {
        let reordered = |(species, order): (&Species, &Vec<usize>)| Species {
            shells: order.iter().map(|&old| species.shells[old]).collect(),
            ..species.clone()
        };
        species.iter().zip(&self.shells).map(reordered).collect()
    }
}

fn inverse(order: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; order.len()];
    order.iter().enumerate().for_each(|(new, &old)| inverse[old] = new);
    inverse
}

fn is_permutation(order: &[usize], n: usize) -> bool {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    sorted.into_iter().eq(0..n)
}

/// Old blocks to new ones.
struct Moves<'a> {
    /// New number of each old atom.
    new_atom: Vec<usize>,
    /// For each species the old place, in an atom, of each new orbital.
    orbitals: Vec<Vec<usize>>,
    old: &'a Basis,
    new: &'a Basis,
}

impl<'a> Moves<'a> {
    fn new(order: &Reordering, old: &'a Basis, new: &'a Basis) -> Self {
        let of_species = |(species, shells): (&Species, &Vec<usize>)| {
            let first = |shell: usize| species.shells[..shell].iter().map(|s| s.n_orbitals()).sum::<usize>();
            shells
                .iter()
                .flat_map(|&shell| (0..species.shells[shell].n_orbitals()).map(move |m| first(shell) + m))
                .collect()
        };
        let orbitals = old.species().iter().zip(&order.shells).map(of_species).collect();
        Moves { new_atom: inverse(&order.atoms), orbitals, old, new }
    }

    fn spin(&self, operator: &SpinOperator) -> Result<SpinOperator> {
        operator.try_map(|o| self.operator(o), |o| self.operator(o))
    }

    fn operator<T: Copy>(&self, operator: &Operator<T>) -> Result<Operator<T>> {
        let pairs = operator.pairs().as_slice();
        let mut moved: Vec<(Pair, usize)> = pairs.iter().enumerate().map(|(k, pair)| (self.pair(pair), k)).collect();
        moved.sort_unstable();
        let mut values = Vec::with_capacity(operator.values().len());
        for &(_, k) in &moved {
            let [rows, columns] = [pairs[k].i, pairs[k].j].map(|atom| self.orbitals_of(atom));
            let block = operator.block(k);
            values.extend(
                rows.iter().flat_map(|row| columns.iter().map(move |column| block[row * columns.len() + column])),
            );
        }
        Operator::new(Arc::new(Pairs::new(moved.into_iter().map(|(pair, _)| pair).collect(), self.new)?), values)
    }

    fn pair(&self, pair: &Pair) -> Pair {
        let [i, j] = [pair.i, pair.j].map(|atom| self.new_atom[atom as usize] as u32);
        Pair { i, j, r: pair.r }
    }

    fn orbitals_of(&self, old_atom: u32) -> &[usize] {
        &self.orbitals[self.old.species_index(old_atom as usize)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::basis::parse_shells;
    use crate::bloch::BlochSum;

    fn run() -> Calculation {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/siesta/mos2");
        crate::read(folder.as_ref(), &Default::default()).unwrap()
    }

    #[test]
    fn there_and_back_is_the_same_run() {
        let run = run();
        let mut order = Reordering::none(&run);
        assert!(order.is_none());
        order.atoms.rotate_left(1);
        order.shells.iter_mut().for_each(|shells| shells.reverse());
        let moved = order.apply(run.clone()).unwrap();
        assert!(moved.native.is_none() && moved.basis != run.basis);
        let back = order.inverse().apply(moved.clone()).unwrap();
        assert_eq!((&back.structure, &back.basis), (&run.structure, &run.basis));
        assert!(back.overlap == run.overlap && back.hamiltonian == run.hamiltonian);
    }

    #[test]
    fn elements_follow_their_orbitals() {
        let run = run();
        let mut order = Reordering::none(&run);
        order.atoms.reverse();
        order.shells[0].swap(0, 2);
        let moved = order.apply(run.clone()).unwrap();
        let (s, t) = (run.overlap.as_ref().unwrap(), moved.overlap.as_ref().unwrap());
        let k = [0.1, 0.2, 0.3];
        let [before, after] =
            [(s, &run.basis), (t, &moved.basis)].map(|(s, basis)| BlochSum::new(s.pairs(), basis).at(s, k));
        let traces = [before, after].map(|s| ((&s * &s).norm_l2(), (0..s.nrows()).map(|i| s[(i, i)].re).sum::<f64>()));
        assert!((traces[0].0 - traces[1].0).abs() < 1e-10 && (traces[0].1 - traces[1].1).abs() < 1e-10);
        let last = run.structure.n_atoms() - 1;
        assert_eq!(moved.structure.positions[0], run.structure.positions[last]);
    }

    #[test]
    fn shells_are_sorted_by_l_and_kept_otherwise() {
        let mut run = run();
        let mut species = run.basis.species().to_vec();
        species[0].shells = parse_shells("1s1p1d").unwrap();
        species[0].shells.swap(0, 1);
        run.basis = Basis::new(species, &run.structure.species).unwrap();
        assert_eq!(Reordering::none(&run).shells_by_l(&run).shells[0], [1, 0, 2]);
    }

    #[test]
    fn the_order_of_another_run_is_refused() {
        let run = run();
        let mut order = Reordering::none(&run);
        order.atoms.pop();
        let message = order.apply(run).unwrap_err().to_string();
        assert!(message.starts_with("an order of 11 atoms and 2 species does not fit a run of 12 and 2"), "{message}");
    }
}
