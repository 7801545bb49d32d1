//! The long-ranged part of ΔH: the electrostatic potential of the charge that self-consistency moves.
//!
//! H⁽⁰⁾ is made of neutral atoms, so its potential is short-ranged; the converged density has multipoles on every atom, whose
//! potential reaches beyond any neighbourhood and shifts whole atoms: ΔH ≈ ½(v_i + v_j) S_ij. A local model cannot see it, and a
//! small cell hides it. Here every atom j carries multipoles q_j (to L = 2) that are linear in its surroundings, smeared by a Gaussian,
//! and v_i = Σ_j K_L(r_i − r_j)·q_j is summed over all cells in reciprocal space (the long-ranged half of an Ewald sum).

use nalgebra::Vector3;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::design::{self, Rows, Source};
use super::environment::Sums;
use super::layout::OnsiteLayout;
use super::regression::{Normal, choose_lambda};
use crate::model::sample::{Channels, Sample};
use crate::model::slots::Slots;
use crate::parsers::{Structure, c64, harmonics};

/// Shape of the multipoles.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PotentialConfig {
    /// Width of their Gaussians in bohr.
    pub width: f64,
    /// Highest rank.
    pub l_max: usize,
}

impl Default for PotentialConfig {
    /// On silicon in cells unlike training's, 1.9 to 3 bohr and ranks to 2 or 3 are equally good.
    fn default() -> Self {
        PotentialConfig { width: 2.4, l_max: 2 }
    }
}

/// The fitted potential.
#[derive(Debug, Clone, PartialEq)]
pub struct Potential {
    /// Shape of the multipoles.
    pub config: PotentialConfig,
    /// How the multipoles of each species and rank follow from the surroundings.
    pub ranks: Vec<OnsiteLayout>,
    /// One number per feature of all `ranks`, in order: hartree.
    pub weights: Vec<f64>,
}

/// Waves with a smaller Gaussian factor than e^(−18) are left out.
const LARGEST_EXPONENT: f64 = 6.0;
/// Candidates for the strength of the ridge.
const LAMBDAS: [f64; 3] = [1e-3, 1e-2, 1e-1];

impl Potential {
    /// The layouts of the multipoles over these slots.
    pub fn ranks(config: PotentialConfig, slots: &Slots, sums: &Sums) -> Vec<OnsiteLayout> {
        let species = 0..slots.species().len();
        let all = species.flat_map(|species| OnsiteLayout::all(slots, species, sums));
        all.filter(|layout| layout.l <= config.l_max).collect()
    }

    /// Multipoles by rank, `[atom of the rank's species, m]`.
    pub fn multipoles(&self, source: Source) -> Vec<Rows> {
        let mut weights = self.weights.as_slice();
        let mut multipoles = Vec::with_capacity(self.ranks.len());
        for layout in &self.ranks {
            let (own, rest) = weights.split_at(layout.n_inputs());
            weights = rest;
            multipoles.push(contracted(source, layout, own));
        }
        multipoles
    }

    /// v of every atom, hartree, from the multipoles of all; `species` are those of the model.
    pub fn at_atoms(&self, structure: &Structure, species: &[usize], multipoles: Vec<Rows>) -> Vec<f64> {
        let multipoles: Vec<(&OnsiteLayout, Rows)> = self.ranks.iter().zip(multipoles).collect();
        potentials(self.config, structure, species, &multipoles).values
    }

    /// ΔH of the potential.
    pub fn delta(&self, source: Source) -> Channels {
        let Sample { structure, species, .. } = source.sample;
        shifted(source.sample, &self.at_atoms(structure, species, self.multipoles(source)))
    }
}

/// ½(v_i + v_j) S_ij.
pub fn shifted(sample: &Sample, v: &[f64]) -> Channels {
    let mut delta = sample.overlap.clone();
    let width = delta.width;
    for (edge, row) in sample.graph.edges.iter().zip(delta.edges.chunks_exact_mut(width)) {
        let mean = (v[edge.i] + v[edge.j]) / 2.0;
        row.iter_mut().for_each(|s| *s *= mean);
    }
    for (v, row) in v.iter().zip(delta.nodes.chunks_exact_mut(width)) {
        row.iter_mut().for_each(|s| *s *= v);
    }
    delta
}

/// Multipoles of the atoms of one species, `[atom, m]`.
fn contracted(source: Source, layout: &OnsiteLayout, weights: &[f64]) -> Rows {
    let features = design::onsite_features(source, layout, &atoms_of(&source.sample.species, layout.species));
    let dot = |x: &[f64]| x.iter().zip(weights).map(|(x, w)| x * w).sum();
    Rows { width: 1, values: features.values.chunks_exact(features.width).map(dot).collect() }
}

/// Atoms of one species, where `species` are those of all.
pub fn atoms_of(species: &[usize], wanted: usize) -> Vec<usize> {
    (0..species.len()).filter(|&atom| species[atom] == wanted).collect()
}

/// The waves are added up in so many parts.
const PARTS: usize = 64;

/// Potentials at all atoms, `[atoms, columns]`: `multipoles` are rows `[atom of the species, m]`; all have one column (which are
/// added), or each has its own columns (which stand side by side).
fn potentials(
    config: PotentialConfig,
    structure: &Structure,
    species: &[usize],
    multipoles: &[(&OnsiteLayout, Rows)],
) -> Rows {
    let added = multipoles.iter().all(|(_, rows)| rows.width == 1);
    let width = if added { 1 } else { multipoles.iter().map(|(_, rows)| rows.width).sum() };
    let n = structure.n_atoms();
    let atoms: Vec<Vec<usize>> = multipoles.iter().map(|(layout, _)| atoms_of(species, layout.species)).collect();
    let add_wave = |mut sum: Vec<f64>, g: &Vector3<f64>| {
        let weight = 2.0 * kernel(config, structure, g);
        let phases: Vec<c64> = structure.positions.iter().map(|r| c64::cis(g.dot(r))).collect();
        let mut first = 0;
        for ((layout, rows), atoms) in multipoles.iter().zip(&atoms) {
            for (column, density) in density(g, layout.l, rows, atoms, &phases).into_iter().enumerate() {
                let place = if added { 0 } else { first + column };
                for (atom, phase) in phases.iter().enumerate() {
                    sum[atom * width + place] += weight * (phase * density).re;
                }
            }
            first += rows.width;
        }
        sum
    };
    let waves = waves(config, structure);
    let part = |waves: &[Vector3<f64>]| waves.iter().fold(vec![0.0; n * width], add_wave);
    // Parts that do not depend on who computes them, added in order: every run gives the same bits.
    let parts: Vec<Vec<f64>> = waves.par_chunks(waves.len().div_ceil(PARTS).max(1)).map(part).collect();
    let mut values = vec![0.0; n * width];
    for part in &parts {
        values.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
    }
    Rows { width, values }
}

/// Σ_j e^(−iG·r_j) (−i|G|)^L Σ_m Y_Lm(G) x_jm, for every column of x.
fn density(g: &Vector3<f64>, l: usize, rows: &Rows, atoms: &[usize], phases: &[c64]) -> Vec<c64> {
    let angular = harmonics::real(l as u8, &g.normalize());
    let mut sum = vec![c64::default(); rows.width];
    for (&atom, x) in atoms.iter().zip(rows.values.chunks_exact(rows.width * (2 * l + 1))) {
        for (y, x) in angular.iter().zip(x.chunks_exact(rows.width)) {
            let factor = phases[atom].conj() * y;
            sum.iter_mut().zip(x).for_each(|(sum, x)| *sum += factor * x);
        }
    }
    let rank = c64::new(0.0, -g.norm()).powu(l as u32);
    sum.into_iter().map(|sum| rank * sum).collect()
}

/// 4π/Ω exp(−G²σ²/2)/G².
fn kernel(config: PotentialConfig, structure: &Structure, g: &Vector3<f64>) -> f64 {
    let square = g.norm_squared();
    let gaussian = (-0.5 * square * config.width * config.width).exp();
    2.0 * std::f64::consts::TAU / structure.volume() * gaussian / square
}

/// One of G and −G of every wave that matters, without G = 0.
fn waves(config: PotentialConfig, structure: &Structure) -> Vec<Vector3<f64>> {
    let Some(reciprocal) = structure.reciprocal() else { return Vec::new() };
    let largest = LARGEST_EXPONENT / config.width;
    // |n_a| = |G·a/2π| is at most |G||a|/2π.
    let bound = |axis: usize| (largest * structure.lattice.row(axis).norm() / std::f64::consts::TAU) as i32;
    let [na, nb, nc] = [0, 1, 2].map(bound);
    let mut waves = Vec::new();
    for a in 0..=na {
        for b in -nb..=nb {
            for c in -nc..=nc {
                let g = reciprocal.tr_mul(&Vector3::new(a as f64, b as f64, c as f64)) * std::f64::consts::TAU;
                if (a, b, c) > (0, 0, 0) && g.norm() <= largest {
                    waves.push(g);
                }
            }
        }
    }
    waves
}

/// A sample to fit to: its ΔH, and the fold that it belongs to.
pub struct Case<'a> {
    /// The sample and its surroundings.
    pub source: Source<'a>,
    /// ΔH.
    pub delta: &'a Channels,
    /// Its fold.
    pub fold: usize,
}

/// Fits the potential to the mean ΔH of every atom's orbitals, beside what its own surroundings say.
pub fn fit(config: PotentialConfig, cases: &[Case], n_folds: usize, slots: &Slots, sums: &Sums) -> Potential {
    let ranks = Potential::ranks(config, slots, sums);
    let scalars: Vec<&OnsiteLayout> = ranks.iter().filter(|layout| layout.l == 0).collect();
    let n_weights: usize = ranks.iter().map(OnsiteLayout::n_inputs).sum();
    let n_inputs = n_weights + scalars.iter().map(|layout| layout.n_inputs()).sum::<usize>();
    let designs: Vec<(Rows, Rows)> = cases.par_iter().map(|case| rows(config, case, &ranks, &scalars, slots)).collect();
    let mut folds = vec![Normal::zeros(n_inputs, 1); n_folds];
    let mut total = Normal::zeros(n_inputs, 1);
    for (case, (x, y)) in cases.iter().zip(&designs) {
        folds[case.fold].add_rows(x, y);
        total.add_rows(x, y);
    }
    let lambda = choose_lambda(&folds, &total, None, &LAMBDAS, 1.0);
    let weights = total.solve(lambda, 0).weights;
    Potential { config, weights: (0..n_weights).map(|k| weights[(k, 0)]).collect(), ranks }
}

/// Features and target of every atom of a case: potentials of all multipoles, then the scalars of its own surroundings.
fn rows(
    config: PotentialConfig,
    case: &Case,
    ranks: &[OnsiteLayout],
    scalars: &[&OnsiteLayout],
    slots: &Slots,
) -> (Rows, Rows) {
    let sample = case.source.sample;
    let features = |layout: &OnsiteLayout| {
        design::onsite_features(case.source, layout, &atoms_of(&sample.species, layout.species))
    };
    let multipoles: Vec<(&OnsiteLayout, Rows)> = ranks.iter().map(|layout| (layout, features(layout))).collect();
    let potentials = potentials(config, &sample.structure, &sample.species, &multipoles);
    let n_scalars: usize = scalars.iter().map(|layout| layout.n_inputs()).sum();
    let mut own = vec![0.0; sample.structure.n_atoms() * n_scalars];
    let mut first = 0;
    for layout in scalars {
        let rows = features(layout);
        for (atom, x) in atoms_of(&sample.species, layout.species).into_iter().zip(rows.values.chunks_exact(rows.width))
        {
            own[atom * n_scalars + first..][..rows.width].copy_from_slice(x);
        }
        first += rows.width;
    }
    let sides = potentials.values.chunks_exact(potentials.width).zip(own.chunks_exact(n_scalars));
    let values = sides.flat_map(|(potentials, own)| potentials.iter().chain(own).copied()).collect();
    let target = (0..sample.structure.n_atoms()).map(|atom| mean_shift(case, atom, slots)).collect();
    (Rows { width: potentials.width + n_scalars, values }, Rows { width: 1, values: target })
}

/// Mean of the diagonal of an on-site block.
fn mean_shift(case: &Case, atom: usize, slots: &Slots) -> f64 {
    let algebra = case.source.algebra;
    let mut block = vec![0.0; algebra.width()];
    algebra.uncouple(case.delta.node(atom), &mut block);
    let trace: f64 = block.iter().step_by(algebra.n_orbitals() + 1).sum();
    let shells = &slots.species()[case.source.sample.species[atom]].shells;
    trace / shells.iter().map(|shell| 2.0 * shell.l as f64 + 1.0).sum::<f64>()
}
