//! The fitted linear stage, and its predictions.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::design::{self, Rows, Source};
use super::environment::{BondProfile, Environment, Gaussians, Sums};
use super::layout::{BondLayout, OnsiteLayout};
use super::potential::{self, Potential, PotentialConfig};
use super::regression::Regression;
use crate::model::sample::{Channels, Sample};
use crate::model::slots::Slots;
use crate::parsers::Result;
use crate::symmetry::pair_algebra::permute;

/// Bonds that are worked on together: their features stay in the cache.
pub const BONDS_AT_ONCE: usize = 256;

/// So many such chunks are worked on, in parallel, before they are put in their places: a bound on the memory.
const CHUNKS_AT_ONCE: usize = 64;
/// Atoms whose on-site blocks are worked on together: a bound on the memory.
const ATOMS_AT_ONCE: usize = 1024;

/// What the layouts of a linear stage follow from, besides the slots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinearConfig {
    /// Gaussians of the bond's length that multiply every feature of a bond.
    pub bond_gaussians: usize,
    /// Gaussians that weigh the neighbour sums of on-site features, besides the plain sum.
    pub sum_gaussians: usize,
    /// The long-ranged potential, where it was fitted.
    #[serde(default)]
    pub potential: Option<PotentialConfig>,
    /// Bonds between two species, as training had them.
    pub profiles: Vec<BondProfile>,
    /// Are there features of the exchange field? Training had collinear spin then.
    #[serde(default)]
    pub exchange: bool,
}

impl LinearConfig {
    /// Distances of the bonds between two species.
    pub fn profile(&self, a: usize, b: usize) -> Option<&BondProfile> {
        let species = [a.min(b), a.max(b)];
        self.profiles.iter().find(|profile| profile.species == species)
    }

    /// Radial functions of the bonds between two species.
    pub fn bond_radial(&self, profile: &BondProfile) -> Gaussians {
        Gaussians { start: FIRST_CENTRE, end: profile.longest, n: self.bond_gaussians }
    }

    /// Neighbour sums.
    pub fn sums(&self, n_species: usize) -> Sums {
        let of_pair = |k: usize| {
            let profile = self.profile(k / n_species, k % n_species)?;
            Some(Gaussians { start: FIRST_SUM_CENTRE, end: profile.longest, n: self.sum_gaussians })
        };
        Sums { n_species, gaussians: (0..n_species * n_species).map(of_pair).collect(), exchange: self.exchange }
    }
}

/// About 1 Å, below every bond.
const FIRST_CENTRE: f64 = 1.9;
/// About 1.4 Å.
const FIRST_SUM_CENTRE: f64 = 2.65;

/// The fitted linear stage.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearStage {
    /// Where its layouts come from.
    pub config: LinearConfig,
    /// The long-ranged potential, to which the regressions add.
    pub potential: Option<Potential>,
    /// Regressions of bonds, one per sector.
    pub bonds: Vec<(BondLayout, Vec<Regression>)>,
    /// Regressions of on-site blocks.
    pub onsite: Vec<(OnsiteLayout, Regression)>,
}

impl LinearStage {
    /// Numbers that were fitted.
    pub fn n_weights(&self) -> usize {
        let bonds = self.bonds.iter().flat_map(|(_, sectors)| sectors);
        let regressions = bonds.chain(self.onsite.iter().map(|(_, regression)| regression));
        let potential = self.potential.as_ref().map_or(0, |potential| potential.weights.len());
        potential + regressions.map(|one| one.weights.nrows() * one.weights.ncols()).sum::<usize>()
    }
}

/// ΔH and how far to trust it.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// ΔH in hartree, the potential included.
    pub delta: Channels,
    /// The part of it that is the potential of distant atoms.
    pub potential: Option<Channels>,
    /// Per directed bond: the largest leverage of its features; above 1 nothing like it was in training.
    pub bond_leverage: Vec<f64>,
    /// Per atom, likewise.
    pub atom_leverage: Vec<f64>,
    /// Per directed bond: expected root-mean-square error of its numbers, hartree.
    pub bond_error: Vec<f64>,
    /// Per atom, likewise.
    pub atom_error: Vec<f64>,
}

/// Predictions of some bonds.
struct Bonds {
    values: Vec<f64>,
    leverage: Vec<f64>,
    error: Vec<f64>,
}

impl LinearStage {
    /// ΔH of a sample.
    ///
    /// # Errors
    /// `Unsupported` where it has no H⁽⁰⁾.
    pub fn predict(&self, sample: &Sample, slots: &Slots) -> Result<Prediction> {
        self.predict_with(sample, slots, None)
    }

    /// The same where the potential at all atoms is known already, hartree: the sample may then be a piece of a cell.
    ///
    /// # Errors
    /// As [`LinearStage::predict`].
    pub fn predict_with(&self, sample: &Sample, slots: &Slots, potential: Option<&[f64]>) -> Result<Prediction> {
        let (algebra, h0) = (slots.algebra(), sample.require_h0()?);
        let environment = Environment::new(sample, h0, slots, &self.config.sums(slots.species().len()));
        let source = Source { sample, h0, environment: &environment, algebra };
        let mut prediction = Prediction::zeros(sample, algebra.width());
        for profile in &self.config.profiles {
            for edges in canonical_edges(sample, profile.species).chunks(BONDS_AT_ONCE * CHUNKS_AT_ONCE) {
                let chunks = edges.par_chunks(BONDS_AT_ONCE);
                let chunks: Vec<(&[usize], Bonds)> =
                    chunks.map(|edges| (edges, self.predict_bonds(source, profile, edges))).collect();
                chunks.iter().for_each(|(edges, bonds)| prediction.put_bonds(source, edges, bonds));
            }
        }
        for (layout, regression) in &self.onsite {
            for atoms in atoms_of(sample, layout.species).chunks(ATOMS_AT_ONCE) {
                prediction.put_onsite(source, layout, regression, atoms);
            }
        }
        prediction.potential = self.potential.as_ref().map(|stage| match potential {
            Some(known) => potential::shifted(sample, known),
            None => stage.delta(source),
        });
        prediction.potential.iter().for_each(|potential| prediction.delta.add(potential, 1.0));
        Ok(prediction)
    }

    /// Multipoles of all atoms by rank of the potential, `[atom of the rank's species, m]`; none without a potential.
    ///
    /// # Errors
    /// As [`LinearStage::predict`].
    pub fn multipoles(&self, sample: &Sample, slots: &Slots) -> Result<Vec<Rows>> {
        let Some(potential) = &self.potential else { return Ok(Vec::new()) };
        let h0 = sample.require_h0()?;
        let environment = Environment::new(sample, h0, slots, &self.config.sums(slots.species().len()));
        Ok(potential.multipoles(Source { sample, h0, environment: &environment, algebra: slots.algebra() }))
    }

    fn predict_bonds(&self, source: Source, profile: &BondProfile, edges: &[usize]) -> Bonds {
        let width = source.algebra.width();
        let mut bonds = Bonds {
            values: vec![0.0; edges.len() * width],
            leverage: vec![0.0; edges.len()],
            error: vec![0.0; edges.len()],
        };
        let radial = self.config.bond_radial(profile);
        for (layout, regressions) in self.bonds.iter().filter(|(layout, _)| layout.species == profile.species) {
            let features = design::bond_features(source, layout, edges, &radial, |_| 1.0);
            for (sector, (regression, x)) in regressions.iter().zip(&features).enumerate() {
                design::scatter_bonds(layout, sector, &regression.predict(x), width, &mut bonds.values);
                bonds.add_errors(layout.n_rows(), regression, &regression.leverages(x), |bond| {
                    profile.size(source.sample.graph.edges[edges[bond]].distance)
                });
            }
        }
        bonds.error.iter_mut().for_each(|error| *error = (*error / width as f64).sqrt());
        bonds
    }
}

impl Bonds {
    /// Leverages belong to rows that training multiplied by 1/size.
    fn add_errors(&mut self, n_rows: usize, regression: &Regression, leverages: &[f64], size: impl Fn(usize) -> f64) {
        let residual: f64 = regression.residual.iter().map(|r| r * r).sum();
        for (row, raw) in leverages.iter().enumerate() {
            let bond = row / n_rows;
            let size = size(bond);
            let leverage = raw / (size * size);
            self.leverage[bond] = self.leverage[bond].max(leverage);
            self.error[bond] += residual * (1.0 + leverage) * size * size;
        }
    }
}

impl Prediction {
    fn zeros(sample: &Sample, width: usize) -> Self {
        let (n_edges, n_nodes) = (sample.graph.edges.len(), sample.graph.n_nodes());
        Prediction {
            delta: Channels::zeros(&sample.graph, width),
            potential: None,
            bond_leverage: vec![0.0; n_edges],
            atom_leverage: vec![0.0; n_nodes],
            bond_error: vec![0.0; n_edges],
            atom_error: vec![0.0; n_nodes],
        }
    }

    /// Both directions of some canonical bonds.
    fn put_bonds(&mut self, source: Source, edges: &[usize], bonds: &Bonds) {
        let width = self.delta.width;
        for (k, (&edge, row)) in edges.iter().zip(bonds.values.chunks_exact(width)).enumerate() {
            let reverse = source.sample.graph.reverse(edge);
            self.delta.edges[edge * width..][..width].copy_from_slice(row);
            permute(source.algebra.exchange(), row, &mut self.delta.edges[reverse * width..][..width]);
            for edge in [edge, reverse] {
                self.bond_leverage[edge] = bonds.leverage[k];
                self.bond_error[edge] = bonds.error[k];
            }
        }
    }

    fn put_onsite(&mut self, source: Source, layout: &OnsiteLayout, regression: &Regression, atoms: &[usize]) {
        let features = design::onsite_features(source, layout, atoms);
        design::scatter_onsite(source.algebra, layout, atoms, &regression.predict(&features), &mut self.delta);
        let residual: f64 = regression.residual.iter().map(|r| r * r).sum::<f64>() / self.delta.width as f64;
        let size = 2 * layout.l + 1;
        for (row, leverage) in regression.leverages(&features).into_iter().enumerate() {
            let atom = atoms[row / size];
            self.atom_leverage[atom] = self.atom_leverage[atom].max(leverage);
            self.atom_error[atom] = self.atom_error[atom].hypot((residual * (1.0 + leverage)).sqrt());
        }
    }
}

/// Canonical bonds between two species.
pub fn canonical_edges(sample: &Sample, species: [usize; 2]) -> Vec<usize> {
    let edges = &sample.graph.edges[..sample.graph.n_canonical()];
    let fits = |k: &usize| [sample.species[edges[*k].i], sample.species[edges[*k].j]] == species;
    (0..edges.len()).filter(fits).collect()
}

/// Atoms of one species.
pub fn atoms_of(sample: &Sample, species: usize) -> Vec<usize> {
    (0..sample.species.len()).filter(|&atom| sample.species[atom] == species).collect()
}
