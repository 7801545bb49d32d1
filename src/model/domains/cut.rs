//! A domain with its halo as a run of its own.

use std::sync::Arc;

use crate::model::graph::overlaps;
use crate::model::target;
use crate::parsers::{Basis, Calculation, Operator, Pair, Pairs, Result, SpinOperator, Structure};

/// On what a block (i, j) depends, besides the blocks of i and j themselves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reach {
    /// Bonds shorter than this (bohr) tell their atoms of each other.
    pub envelope: f64,
    /// So many of those bonds one after the other.
    pub hops: usize,
    /// Does it depend on all bonds of i and j, of any length (the linear stage)?
    pub neighbours: bool,
}

/// One domain of a run: the rows of its own atoms can be predicted from it, to the last bit as from the whole run.
#[derive(Debug, Clone)]
pub struct Cut {
    /// The domain's atoms and its halo, in the order of the whole run, with those blocks of S and H⁽⁰⁾ on which the domain's rows
    /// depend. It is a run for the model only: blocks of halo atoms are incomplete.
    pub run: Calculation,
    /// The number of each of its atoms in the whole run.
    pub atoms: Vec<usize>,
    /// Is the atom the domain's own?
    pub own: Vec<bool>,
    /// The linear stage's potential at its atoms, hartree, for every channel; empty where the model does not need it.
    pub potentials: Vec<Vec<f64>>,
}

/// Cuts domains out of a run.
pub struct Scissors<'a> {
    run: &'a Calculation,
    overlap: &'a Operator<f64>,
    bonds: Vec<Bond>,
    reach: Reach,
    domains: Vec<Vec<usize>>,
    /// The linear stage's potential at all atoms, hartree, for every channel; empty where the model does not need it.
    pub potentials: Vec<Vec<f64>>,
}

/// What a block of S is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bond {
    /// None: on-site, or the orbitals do not overlap.
    No,
    /// Within the envelope.
    Near,
    /// Beyond it.
    Far,
}

impl<'a> Scissors<'a> {
    /// For one run; `domains` are the atoms of each, ascending.
    ///
    /// # Errors
    /// `Unsupported` where it has no S.
    pub fn new(run: &'a Calculation, reach: Reach, domains: Vec<Vec<usize>>) -> Result<Self> {
        let overlap = target::overlap(run)?;
        let bond = |(pair, block): (&Pair, &[f64])| match () {
            () if pair.is_onsite() || !overlaps(block) => Bond::No,
            () if run.structure.displacement(pair).norm() < reach.envelope => Bond::Near,
            () => Bond::Far,
        };
        let bonds = overlap.blocks().map(bond).collect();
        Ok(Scissors { run, overlap, bonds, reach, domains, potentials: Vec::new() })
    }

    /// Number of domains.
    pub fn n_domains(&self) -> usize {
        self.domains.len()
    }

    /// The atoms of a domain, ascending.
    pub fn domain(&self, domain: usize) -> &[usize] {
        &self.domains[domain]
    }

    /// Is the atom of the run the domain's own?
    pub fn own(&self, domain: usize) -> Vec<bool> {
        let mut own = vec![false; self.run.structure.n_atoms()];
        self.domains[domain].iter().for_each(|&atom| own[atom] = true);
        own
    }

    /// A domain with its halo.
    ///
    /// # Errors
    /// `Inconsistent` where the run's operators do not fit its basis.
    pub fn cut(&self, domain: usize) -> Result<Cut> {
        let is_own = self.own(domain);
        let (known, kept) = self.needed(&is_own);
        let atoms: Vec<usize> = (0..known.len()).filter(|&atom| known[atom]).collect();
        let own = atoms.iter().map(|&atom| is_own[atom]).collect();
        let here = |potential: &Vec<f64>| atoms.iter().map(|&atom| potential[atom]).collect();
        let potentials = self.potentials.iter().map(here).collect();
        Ok(Cut { run: self.restricted(&atoms, &kept)?, atoms, own, potentials })
    }

    /// Atoms, and blocks of S, on which the rows of `own` depend.
    fn needed(&self, own: &[bool]) -> (Vec<bool>, Vec<bool>) {
        let mut kept = vec![false; self.bonds.len()];
        let partners = self.step(own, &mut kept, |_| true);
        let mut known = partners.clone();
        for _ in 0..self.reach.hops {
            known = self.step(&known, &mut kept, |bond| bond == Bond::Near);
        }
        if self.reach.neighbours {
            let neighbours = self.step(&partners, &mut kept, |bond| bond != Bond::No);
            known.iter_mut().zip(neighbours).for_each(|(known, neighbour)| *known |= neighbour);
        }
        let onsite = |(kept, pair): (&mut bool, &Pair)| *kept |= pair.is_onsite() && known[pair.i as usize];
        kept.iter_mut().zip(self.overlap.pairs().as_slice()).for_each(onsite);
        (known, kept)
    }

    /// Keeps those blocks of `atoms` that `passes` lets through; returns the atoms and all that these blocks lead to.
    fn step(&self, atoms: &[bool], kept: &mut [bool], passes: impl Fn(Bond) -> bool) -> Vec<bool> {
        let mut reached = atoms.to_vec();
        for (k, pair) in self.overlap.pairs().as_slice().iter().enumerate() {
            let [i, j] = [pair.i, pair.j].map(|atom| atom as usize);
            if (atoms[i] || atoms[j]) && passes(self.bonds[k]) {
                kept[k] = true;
                (reached[i], reached[j]) = (true, true);
            }
        }
        reached
    }

    fn restricted(&self, atoms: &[usize], kept: &[bool]) -> Result<Calculation> {
        let Calculation { structure, basis, .. } = self.run;
        let species: Vec<usize> = atoms.iter().map(|&atom| structure.species[atom]).collect();
        let mut place = vec![u32::MAX; structure.n_atoms()];
        atoms.iter().enumerate().for_each(|(new, &old)| place[old] = new as u32);
        let kept = self.overlap.pairs().as_slice().iter().zip(kept).filter(|(_, kept)| **kept);
        let piece = Piece {
            basis: Basis::new(basis.species().to_vec(), &species)?,
            old: kept.map(|(pair, _)| *pair).collect(),
            place,
        };
        let positions = atoms.iter().map(|&atom| structure.positions[atom]).collect();
        let cut = Structure { lattice: structure.lattice, positions, species };
        Ok(Calculation {
            overlap: Some(piece.of(self.overlap)?),
            hamiltonian0: self.run.hamiltonian0.as_ref().map(|h0| piece.of_spin(h0)).transpose()?,
            ..Calculation::new(cut, piece.basis, self.run.origin.clone())
        })
    }
}

/// Some blocks, and the new numbers of their atoms.
struct Piece {
    basis: Basis,
    old: Vec<Pair>,
    place: Vec<u32>,
}

impl Piece {
    /// Those of the blocks that the operator has.
    fn of<T: Copy + Default>(&self, operator: &Operator<T>) -> Result<Operator<T>> {
        // Numbers keep their order, so blocks do.
        let old: Vec<&Pair> = self.old.iter().filter(|pair| operator.pairs().find(pair).is_some()).collect();
        let place = |atom: u32| self.place[atom as usize];
        let new = old.iter().map(|pair| Pair { i: place(pair.i), j: place(pair.j), r: pair.r });
        let pairs = Arc::new(Pairs::new(new.collect(), &self.basis)?);
        let blocks = old.iter().filter_map(|pair| operator.get(pair));
        Operator::new(pairs, blocks.flatten().copied().collect())
    }

    fn of_spin(&self, operator: &SpinOperator) -> Result<SpinOperator> {
        Ok(match operator {
            SpinOperator::Unpolarized(o) => SpinOperator::Unpolarized(self.of(o)?),
            SpinOperator::Collinear([up, down]) => SpinOperator::Collinear([self.of(up)?, self.of(down)?]),
            SpinOperator::Spinor([uu, ud, du, dd]) => {
                SpinOperator::Spinor([self.of(uu)?, self.of(ud)?, self.of(du)?, self.of(dd)?])
            }
        })
    }
}
