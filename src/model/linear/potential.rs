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
use super::mesh::{Mesh, Wave};
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

    /// v of every atom, hartree, from the multipoles of all; `species` are those of the model. Many atoms are summed on a `Mesh`, to
    /// 12 digits.
    pub fn at_atoms(&self, structure: &Structure, species: &[usize], multipoles: Vec<Rows>) -> Vec<f64> {
        let multipoles: Vec<(&OnsiteLayout, Rows)> = self.ranks.iter().zip(multipoles).collect();
        let waves = waves(self.config, structure);
        let is_large = structure.n_atoms() * waves.len() > MOST_TERMS;
        match Mesh::new(structure, largest(&waves)).filter(|_| is_large) {
            Some(mesh) => potentials_on(&mesh, self.config, structure, species, &multipoles, &waves),
            None => potentials(self.config, structure, species, &multipoles, &waves).values,
        }
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
/// Pairs of atom and wave up to which the plain sum is as fast as the mesh: some hundred atoms.
const MOST_TERMS: usize = 1_000_000;

/// As [`potentials`] of added multipoles, on a mesh.
fn potentials_on(
    mesh: &Mesh,
    config: PotentialConfig,
    structure: &Structure,
    species: &[usize],
    multipoles: &[(&OnsiteLayout, Rows)],
    waves: &[Wave],
) -> Vec<f64> {
    let mut v = vec![c64::default(); waves.len()];
    for (l, m) in (0..=config.l_max).flat_map(|l| (0..2 * l + 1).map(move |m| (l, m))) {
        let density = mesh.density(&component(species, multipoles, l, m), waves);
        let terms = waves.par_iter().zip(density).map(|(wave, density)| {
            let angular = harmonics::real(l as u8, &wave.g.normalize())[m];
            kernel(config, structure, &wave.g) * angular * rank(&wave.g, l) * density
        });
        v.par_iter_mut().zip(terms).for_each(|(v, term)| *v += term);
    }
    mesh.at_atoms(&v, waves)
}

/// Component m of the multipoles of rank L of every atom.
fn component(species: &[usize], multipoles: &[(&OnsiteLayout, Rows)], l: usize, m: usize) -> Vec<f64> {
    let mut x = vec![0.0; species.len()];
    for (layout, rows) in multipoles.iter().filter(|(layout, _)| layout.l == l) {
        let components = rows.values.chunks_exact(2 * l + 1);
        atoms_of(species, layout.species).into_iter().zip(components).for_each(|(atom, q)| x[atom] += q[m]);
    }
    x
}

/// Potentials at all atoms, `[atoms, columns]`: `multipoles` are rows `[atom of the species, m]`; all have one column (which are
/// added), or each has its own columns (which stand side by side).
fn potentials(
    config: PotentialConfig,
    structure: &Structure,
    species: &[usize],
    multipoles: &[(&OnsiteLayout, Rows)],
    waves: &[Wave],
) -> Rows {
    let added = multipoles.iter().all(|(_, rows)| rows.width == 1);
    let width = if added { 1 } else { multipoles.iter().map(|(_, rows)| rows.width).sum() };
    let n = structure.n_atoms();
    let atoms: Vec<Vec<usize>> = multipoles.iter().map(|(layout, _)| atoms_of(species, layout.species)).collect();
    let add_wave = |mut sum: Vec<f64>, Wave { g, .. }: &Wave| {
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
    let part = |waves: &[Wave]| waves.iter().fold(vec![0.0; n * width], add_wave);
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
    let rank = rank(g, l);
    sum.into_iter().map(|sum| rank * sum).collect()
}

/// (−i|G|)^L.
fn rank(g: &Vector3<f64>, l: usize) -> c64 {
    c64::new(0.0, -g.norm()).powu(l as u32)
}

/// 4π/Ω exp(−G²σ²/2)/G².
fn kernel(config: PotentialConfig, structure: &Structure, g: &Vector3<f64>) -> f64 {
    let square = g.norm_squared();
    let gaussian = (-0.5 * square * config.width * config.width).exp();
    2.0 * std::f64::consts::TAU / structure.volume() * gaussian / square
}

/// One of G and −G of every wave that matters, without G = 0.
fn waves(config: PotentialConfig, structure: &Structure) -> Vec<Wave> {
    let Some(reciprocal) = structure.reciprocal() else { return Vec::new() };
    let largest = LARGEST_EXPONENT / config.width;
    // |n_a| = |G·a/2π| is at most |G||a|/2π.
    let bound = |axis: usize| (largest * structure.lattice.row(axis).norm() / std::f64::consts::TAU) as i32;
    let [na, nb, nc] = [0, 1, 2].map(bound);
    let mut waves = Vec::new();
    for a in 0..=na {
        for b in -nb..=nb {
            for c in -nc..=nc {
                let index = [a, b, c];
                let g = reciprocal.tr_mul(&Vector3::from(index.map(f64::from))) * std::f64::consts::TAU;
                if index > [0, 0, 0] && g.norm() <= largest {
                    waves.push(Wave { index, g });
                }
            }
        }
    }
    waves
}

/// Largest |k| of the waves by axis.
fn largest(waves: &[Wave]) -> [usize; 3] {
    [0, 1, 2].map(|axis| waves.iter().map(|wave| wave.index[axis].unsigned_abs() as usize).max().unwrap_or(0))
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
    let waves = waves(config, &sample.structure);
    let potentials = potentials(config, &sample.structure, &sample.species, &multipoles, &waves);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::linear::environment::Gaussians;
    use crate::model::synthetic;
    use crate::random::Random;

    #[test]
    fn the_mesh_gives_the_plain_sum() {
        let structure = synthetic::structure(4);
        let slots = Slots::of_runs([&synthetic::run(structure.clone())]).unwrap();
        let gaussians = vec![Some(Gaussians { start: 2.0, end: 9.0, n: 2 }); slots.species().len().pow(2)];
        let sums = Sums { n_species: slots.species().len(), gaussians, exchange: false };
        let config = PotentialConfig::default();
        let ranks = Potential::ranks(config, &slots, &sums);
        assert!(ranks.len() > config.l_max && ranks.iter().any(|layout| layout.l == config.l_max));
        let mut random = Random::new(2, 3);
        let mut rows = |layout: &OnsiteLayout| {
            let n = atoms_of(&structure.species, layout.species).len() * (2 * layout.l + 1);
            Rows { width: 1, values: (0..n).map(|_| random.normal()).collect() }
        };
        let multipoles: Vec<(&OnsiteLayout, Rows)> = ranks.iter().map(|layout| (layout, rows(layout))).collect();
        let waves = waves(config, &structure);
        let mesh = Mesh::new(&structure, largest(&waves)).unwrap();
        let plain = potentials(config, &structure, &structure.species, &multipoles, &waves).values;
        let found = potentials_on(&mesh, config, &structure, &structure.species, &multipoles, &waves);
        let size = plain.iter().fold(0.0, |size: f64, v| size.max(v.abs()));
        assert!(size > 1e-3);
        for (found, plain) in found.iter().zip(&plain) {
            assert!((found - plain).abs() < 1e-12 * size, "{found} {plain}");
        }
    }
}
