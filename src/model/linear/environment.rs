//! What the linear stage knows of an atom's surroundings.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::model::graph::Edge;
use crate::model::sample::{Channels, Sample};
use crate::model::slots::Slots;
use crate::symmetry::PairAlgebra;

/// Distances of the bonds between two species in training, and the size of ΔH along them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BondProfile {
    /// Species, indices into [`Slots::species`], ascending.
    pub species: [usize; 2],
    /// Shortest bond in bohr.
    pub shortest: f64,
    /// Longest bond in bohr.
    pub longest: f64,
    /// Root mean square of ΔH in hartree in equal steps from the shortest to the longest bond.
    pub rms: Vec<f64>,
}

impl BondProfile {
    /// The step that a distance belongs to.
    pub fn bin(&self, distance: f64) -> usize {
        let n = self.rms.len();
        let x = (distance - self.shortest) / (self.longest - self.shortest).max(1e-6) * n as f64;
        (x.max(0.0) as usize).min(n - 1)
    }

    /// Typical ΔH at this distance in hartree.
    pub fn size(&self, distance: f64) -> f64 {
        self.rms[self.bin(distance)]
    }
}

/// Gaussians on equally spaced centres from `start` to `end`, one spacing wide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gaussians {
    /// First centre in bohr.
    pub start: f64,
    /// Last centre in bohr.
    pub end: f64,
    /// Number.
    pub n: usize,
}

impl Gaussians {
    /// exp(−(r − c_k)²/2w²), w the spacing.
    pub fn values(&self, r: f64) -> impl Iterator<Item = f64> + '_ {
        let width = (self.end - self.start) / (self.n - 1).max(1) as f64;
        (0..self.n).map(move |k| (-0.5 * ((r - self.start) / width - k as f64).powi(2)).exp())
    }
}

/// One tensor of an atom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AtomSource {
    /// Its on-site H⁽⁰⁾.
    Onsite,
    /// Σ_k g(r) S_ik over its neighbours.
    Overlap(NeighbourSum),
    /// Σ_k g(r) H⁽⁰⁾_ik over its neighbours.
    H0(NeighbourSum),
    /// B Bᵀ with the sum B of [`AtomSource::Overlap`] as a block: how the neighbours stand to each other.
    Square(NeighbourSum),
}

/// Which neighbours, with which weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NeighbourSum {
    /// Species of the neighbours.
    pub neighbour: usize,
    /// 0: g = 1; else Gaussian number `radial` − 1.
    pub radial: usize,
}

/// Tensors of all atoms of a sample, coupled, in the axes of the run: `[atom][source][width]`.
#[derive(Debug, Clone)]
pub struct Environment {
    n_sources: usize,
    width: usize,
    values: Vec<f64>,
}

/// How many radial weights (the first is 1) each neighbour sum comes with, and the Gaussians among them.
#[derive(Debug, Clone)]
pub struct Sums {
    /// Number of species.
    pub n_species: usize,
    /// One set per species pair, at `a * n_species + b`; `None` where training has no bond between them.
    pub gaussians: Vec<Option<Gaussians>>,
}

impl Sums {
    fn n_radial(&self) -> usize {
        1 + self.gaussians.iter().flatten().map(|g| g.n).max().unwrap_or(0)
    }

    /// Gaussians of the bonds from species `a` to species `b`.
    pub fn between(&self, a: usize, b: usize) -> Option<&Gaussians> {
        self.gaussians[a * self.n_species + b].as_ref()
    }

    /// All sources in the order of [`Environment`].
    pub fn sources(&self) -> Vec<AtomSource> {
        let sums = (0..self.n_species).flat_map(|neighbour| {
            let sums = (0..self.n_radial()).map(move |radial| NeighbourSum { neighbour, radial });
            sums.flat_map(|sum| [AtomSource::Overlap(sum), AtomSource::H0(sum), AtomSource::Square(sum)])
        });
        std::iter::once(AtomSource::Onsite).chain(sums).collect()
    }
}

impl Environment {
    /// Sums over the neighbours of every atom, of S and `h0`.
    pub fn new(sample: &Sample, h0: &Channels, slots: &Slots, sums: &Sums) -> Self {
        let (width, n_sources) = (slots.algebra().width(), sums.sources().len());
        let mut values = vec![0.0; sample.graph.n_nodes() * n_sources * width];
        let mut edges_of = vec![Vec::new(); sample.graph.n_nodes()];
        for (k, edge) in sample.graph.edges.iter().enumerate() {
            edges_of[edge.i].push(k);
        }
        values.par_chunks_mut(n_sources * width).zip(&edges_of).enumerate().for_each(|(atom, (values, edges))| {
            values[..width].copy_from_slice(h0.node(atom));
            edges.iter().for_each(|&edge| add_bond(sample, h0, edge, slots.algebra(), sums, &mut values[width..]));
            for sum in values[width..].chunks_mut(3 * width) {
                let (overlap, rest) = sum.split_at_mut(width);
                square(slots.algebra(), overlap, &mut rest[width..]);
            }
        });
        Environment { n_sources, width, values }
    }

    /// One tensor of one atom.
    pub fn source(&self, atom: usize, source: usize) -> &[f64] {
        &self.values[(atom * self.n_sources + source) * self.width..][..self.width]
    }
}

/// Adds S and H⁽⁰⁾ of one bond to the sums of its first atom.
fn add_bond(sample: &Sample, h0: &Channels, index: usize, algebra: &PairAlgebra, sums: &Sums, values: &mut [f64]) {
    let edge: &Edge = &sample.graph.edges[index];
    let (a, b) = (sample.species[edge.i], sample.species[edge.j]);
    let Some(gaussians) = sums.between(a, b) else { return };
    let d = algebra.wigner().matrices(&edge.frame);
    let coupled = [&sample.overlap, h0].map(|operator| {
        let mut coupled = vec![0.0; algebra.width()];
        algebra.from_frame(operator.edge(index), &d, &mut coupled);
        coupled
    });
    let first = b * sums.n_radial() * 3;
    let mut sources = values.chunks_mut(algebra.width()).skip(first);
    for weight in std::iter::once(1.0).chain(gaussians.values(edge.distance)) {
        for (tensor, sum) in coupled.iter().zip(sources.by_ref()) {
            sum.iter_mut().zip(tensor).for_each(|(sum, x)| *sum += weight * x);
        }
        sources.next();
    }
}

/// B Bᵀ of a coupled block B, coupled.
fn square(algebra: &PairAlgebra, coupled: &[f64], out: &mut [f64]) {
    let n = algebra.n_orbitals();
    let mut block = vec![0.0; n * n];
    algebra.uncouple(coupled, &mut block);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let product: Vec<f64> =
        block.chunks(n).flat_map(|a| block.chunks(n).map(move |b| dot(a, b)).collect::<Vec<_>>()).collect();
    algebra.couple(&product, out);
}
