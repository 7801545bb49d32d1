//! The graph of a run: atoms, and every pair of atoms whose orbitals overlap.

use nalgebra::{Matrix3, Vector3};

use crate::parsers::{Error, Operator, Pair, Pairs, Result, Structure};
use crate::symmetry::{bond_frame, frame};

/// A directed bond from atom `i` in the home cell to atom `j` in cell `R`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    /// Atom in the home cell.
    pub i: usize,
    /// Atom in the other cell.
    pub j: usize,
    /// Index of the block (i, j, R) among the pairs of S.
    pub block: usize,
    /// Length in bohr.
    pub distance: f64,
    /// Vector from i to j in bohr.
    pub displacement: Vector3<f64>,
    /// Rows x′, y′, z′ of the bond's frame, z′ along the bond.
    pub frame: Matrix3<f64>,
}

/// All atoms and directed bonds of S. ΔH vanishes where the orbitals of two atoms do not overlap, so nothing is lost: SIESTA keeps
/// blocks of atoms that only share a third atom's projector, and ΔH is below 1e-3 meV in all blocks of MoS₂ that are not
/// [bonds](overlaps).
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// Index of each atom's on-site block among the pairs of S.
    pub onsite: Vec<usize>,
    /// The first half are the *canonical* directions (from the lower model species to the higher; for equal ones from the lower
    /// pair); the second half are the same bonds reversed, in the same order.
    pub edges: Vec<Edge>,
}

/// A smaller block of S is as good as none.
const NEGLIGIBLE: f64 = 1e-6;

/// Is this block of S between two atoms a bond? By its norm, which does not change when the run is turned.
pub fn overlaps(block: &[f64]) -> bool {
    block.iter().map(|s| s * s).sum::<f64>() > NEGLIGIBLE * NEGLIGIBLE
}

impl Graph {
    /// The graph of S; `species` are those of the model.
    ///
    /// # Errors
    /// `Inconsistent` where an on-site block or a Hermitian partner is missing, or two atoms coincide.
    pub fn new(structure: &Structure, overlap: &Operator<f64>, species: &[usize]) -> Result<Self> {
        let pairs = overlap.pairs();
        let mut edges = Vec::new();
        for (block, pair) in pairs.as_slice().iter().enumerate().filter(|(_, pair)| !pair.is_onsite()) {
            let partner = find(pairs, &pair.reversed())?;
            let rank = |p: &Pair| (species[p.i as usize], species[p.j as usize], *p);
            if rank(pair) < rank(&pair.reversed()) && overlaps(overlap.block(block)) {
                edges.push((edge(structure, block, pair)?, partner));
            }
        }
        let reversed: Vec<Edge> = edges.iter().map(|(edge, partner)| edge.reversed(*partner)).collect();
        let canonical = edges.into_iter().map(|(edge, _)| edge);
        let onsite = (0..structure.n_atoms()).map(|atom| find(pairs, &Pair::onsite(atom))).collect::<Result<_>>()?;
        Ok(Graph { onsite, edges: canonical.chain(reversed).collect() })
    }

    /// Number of atoms.
    pub fn n_nodes(&self) -> usize {
        self.onsite.len()
    }

    /// Number of bonds, each counted once.
    pub fn n_canonical(&self) -> usize {
        self.edges.len() / 2
    }

    /// Index of the same bond in the other direction.
    pub fn reverse(&self, edge: usize) -> usize {
        let half = self.n_canonical();
        if edge < half { edge + half } else { edge - half }
    }
}

impl Edge {
    fn reversed(&self, block: usize) -> Edge {
        let frame = frame::reversed(&self.frame);
        Edge { i: self.j, j: self.i, block, displacement: -self.displacement, frame, distance: self.distance }
    }
}

fn edge(structure: &Structure, block: usize, pair: &Pair) -> Result<Edge> {
    let displacement = structure.displacement(pair);
    let frame = bond_frame(&displacement).ok_or_else(|| {
        Error::inconsistent(format!("atoms {} and {} (R = {:?}) are at the same place", pair.i + 1, pair.j + 1, pair.r))
    })?;
    let (i, j) = (pair.i as usize, pair.j as usize);
    Ok(Edge { i, j, block, distance: displacement.norm(), displacement, frame })
}

fn find(pairs: &Pairs, pair: &Pair) -> Result<usize> {
    pairs.find(pair).ok_or_else(|| {
        Error::inconsistent(format!("S lacks the block of atoms {} and {}, R = {:?}", pair.i + 1, pair.j + 1, pair.r))
    })
}
