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
    /// Its on-site exchange field ([`Sample::exchange`]).
    Exchange,
    /// Σ_k g(r) X_ik of the exchange field over its neighbours.
    ExchangeSum(NeighbourSum),
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
    /// Are there sums of the exchange field?
    pub exchange: bool,
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
        let sums = self.neighbour_sums().into_iter();
        let plain =
            sums.clone().flat_map(|sum| [AtomSource::Overlap(sum), AtomSource::H0(sum), AtomSource::Square(sum)]);
        let exchange = std::iter::once(AtomSource::Exchange).chain(sums.map(AtomSource::ExchangeSum));
        let exchange = exchange.filter(|_| self.exchange);
        std::iter::once(AtomSource::Onsite).chain(plain).chain(exchange).collect()
    }

    fn neighbour_sums(&self) -> Vec<NeighbourSum> {
        let of_neighbour = |neighbour| (0..self.n_radial()).map(move |radial| NeighbourSum { neighbour, radial });
        (0..self.n_species).flat_map(of_neighbour).collect()
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
            let (plain, exchange) = values.split_at_mut((1 + 3 * sums.neighbour_sums().len()) * width);
            let (onsite, plain) = plain.split_at_mut(width);
            onsite.copy_from_slice(h0.node(atom));
            if let (Some(field), Some(onsite)) = (&sample.exchange, exchange.get_mut(..width)) {
                onsite.copy_from_slice(field.node(atom));
            }
            let exchange = exchange.get_mut(width..).unwrap_or_default();
            edges.iter().for_each(|&edge| add_bond(sample, h0, edge, slots.algebra(), sums, [plain, exchange]));
            for sum in plain.chunks_mut(3 * width) {
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

/// Adds S and H⁽⁰⁾ of one bond, and its exchange field where there are sums of it, to the sums of its first atom.
fn add_bond(
    sample: &Sample,
    h0: &Channels,
    index: usize,
    algebra: &PairAlgebra,
    sums: &Sums,
    [plain, exchange]: [&mut [f64]; 2],
) {
    let edge: &Edge = &sample.graph.edges[index];
    let (a, b) = (sample.species[edge.i], sample.species[edge.j]);
    let Some(gaussians) = sums.between(a, b) else { return };
    let (width, d) = (algebra.width(), algebra.wigner().matrices(&edge.frame));
    let coupled = |operator: &Channels| {
        let mut coupled = vec![0.0; width];
        algebra.from_frame(operator.edge(index), &d, &mut coupled);
        coupled
    };
    let weights = || std::iter::once(1.0).chain(gaussians.values(edge.distance));
    let first = b * sums.n_radial();
    let (overlap, h0) = (coupled(&sample.overlap), coupled(h0));
    for (weight, sum) in weights().zip(plain.chunks_mut(3 * width).skip(first)) {
        add(&mut sum[..width], &overlap, weight);
        add(&mut sum[width..2 * width], &h0, weight);
    }
    if let (Some(field), true) = (&sample.exchange, sums.exchange) {
        let field = coupled(field);
        let sums = exchange.chunks_mut(width).skip(first);
        weights().zip(sums).for_each(|(weight, sum)| add(sum, &field, weight));
    }
}

fn add(sum: &mut [f64], tensor: &[f64], weight: f64) {
    sum.iter_mut().zip(tensor).for_each(|(sum, x)| *sum += weight * x);
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
