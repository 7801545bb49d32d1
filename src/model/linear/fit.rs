//! Fitting the linear stage.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::design::{self, Rows, Source};
use super::environment::{BondProfile, Environment};
use super::layout::{BondLayout, OnsiteLayout};
use super::potential::{self, Case, Potential, PotentialConfig};
use super::regression::{Normal, Regression, choose_lambda};
use super::stage::{BONDS_AT_ONCE, LinearConfig, LinearStage, atoms_of, canonical_edges};
use crate::model::sample::{Channels, Sample};
use crate::model::slots::Slots;
use crate::parsers::{Error, Result};
use crate::symmetry::PairAlgebra;

/// How to fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FitSettings {
    /// Gaussians of the bond's length that multiply every feature of a bond.
    pub bond_gaussians: usize,
    /// Gaussians that weigh the neighbour sums of on-site features.
    pub sum_gaussians: usize,
    /// Strengths of the ridge to choose from, ascending.
    pub lambdas: Vec<f64>,
    /// Most folds of the cross-validation.
    pub max_folds: usize,
    /// The long-ranged potential; `None`: a strictly local stage.
    pub potential: Option<PotentialConfig>,
    /// Random directions from which the leverage is estimated (to about 1/√(2n) of itself in its root).
    pub directions: usize,
}

impl Default for FitSettings {
    fn default() -> Self {
        FitSettings {
            bond_gaussians: 6,
            sum_gaussians: 5,
            lambdas: (-9..=-2).map(|e| 10f64.powi(e)).collect(),
            max_folds: 5,
            potential: Some(PotentialConfig::default()),
            directions: 48,
        }
    }
}

/// One regression of a fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegressionReport {
    /// Species and |m|, or species and L.
    pub name: String,
    /// Number of features.
    pub n_features: usize,
    /// Number of rows.
    pub n_rows: usize,
    /// Chosen strength of the ridge.
    pub lambda: f64,
    /// Root-mean-square residual of training over that of the target.
    pub residual: f64,
}

/// All regressions of a fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FitReport {
    /// Folds of the cross-validation.
    pub n_folds: usize,
    /// In the order of the model file.
    pub regressions: Vec<RegressionReport>,
}

/// Stages that were fitted without one fold each, to judge a fit by what it did not see.
#[derive(Debug, Clone)]
pub struct HeldOut {
    /// Fold of each sample.
    pub folds: Vec<usize>,
    /// One per fold, with the strengths of the ridge and the potential of the whole fit; none where there is one fold only.
    pub stages: Vec<LinearStage>,
}

/// Added to the size of ΔH before rows are divided by it: numbers below 0.5 meV need not be relatively right. In hartree.
const NEGLIGIBLE: f64 = 2e-5;
/// In squared error, for the largest ridge that is nearly best.
const TOLERANCE: f64 = 1.03;
/// Samples with equal cells praise a weak ridge that fails in other cells (graphene 2x2: 0.0101 against 0.0104 of |H − H⁽⁰⁾| in its own
/// cell, 0.09 against 0.04 in a 3x2 cell).
const TOLERANCE_AMONG_ALIKE: f64 = 1.25;
/// Steps of a [`BondProfile`].
const PROFILE_STEPS: usize = 24;

/// A sample with what the fit derives from it.
struct Prepared<'a> {
    sample: &'a Sample,
    h0: &'a Channels,
    delta: Channels,
    environment: Environment,
    fold: usize,
}

impl Prepared<'_> {
    fn source<'b>(&'b self, algebra: &'b PairAlgebra) -> Source<'b> {
        Source { sample: self.sample, h0: self.h0, environment: &self.environment, algebra }
    }
}

/// Fits the linear stage. λ is chosen per |m| and per L on `validation`, or else by leaving out one fold at a time: a fold is what
/// has equally many atoms of each species, since a model must hold in cells unlike those of training.
///
/// # Errors
/// `Unsupported` where there is no sample, or one without ΔH.
pub fn fit(
    training: &[Sample],
    validation: &[Sample],
    slots: &Slots,
    settings: &FitSettings,
) -> Result<(LinearStage, FitReport)> {
    fitted(training, validation, slots, settings, false).map(|(stage, report, _)| (stage, report))
}

/// As [`fit`], with a stage for every fold that does without it.
///
/// # Errors
/// As [`fit`].
pub fn fit_and_hold_out(
    training: &[Sample],
    validation: &[Sample],
    slots: &Slots,
    settings: &FitSettings,
) -> Result<(LinearStage, FitReport, HeldOut)> {
    fitted(training, validation, slots, settings, true)
}

fn fitted(
    training: &[Sample],
    validation: &[Sample],
    slots: &Slots,
    settings: &FitSettings,
    hold_out: bool,
) -> Result<(LinearStage, FitReport, HeldOut)> {
    if training.is_empty() {
        return Err(Error::unsupported("no run to fit to"));
    }
    let config = LinearConfig {
        bond_gaussians: settings.bond_gaussians,
        sum_gaussians: settings.sum_gaussians,
        potential: settings.potential,
        profiles: profiles(training)?,
        exchange: training.iter().any(|sample| sample.exchange.is_some()),
    };
    let (folds, alike) = folds(training, settings.max_folds);
    let n_folds = folds.iter().max().map_or(0, |last| last + 1);
    let tolerance = match (validation.is_empty(), alike) {
        (false, _) => 1.0,
        (true, false) => TOLERANCE,
        (true, true) => TOLERANCE_AMONG_ALIKE,
    };
    let mut prepared =
        [prepare(training, &folds, slots, &config)?, prepare(validation, &vec![0; validation.len()], slots, &config)?];
    let potential = config.potential.map(|shape| subtract_potential(shape, &mut prepared, n_folds, slots, &config));
    let [training, validation] = prepared;
    let n_held_out = if hold_out && n_folds > 1 { n_folds } else { 0 };
    let job = Job { training, validation, slots, config: &config, settings, n_folds, n_held_out, tolerance };
    let (stages, report) = job.fit(potential.as_ref());
    let [stage, held_out @ ..] = stages.as_slice() else { return Err(Error::unsupported("no run to fit to")) };
    Ok((stage.clone(), report, HeldOut { folds, stages: held_out.to_vec() }))
}

/// Fits the long-ranged potential and leaves the rest of ΔH to the regressions.
fn subtract_potential(
    shape: PotentialConfig,
    [training, validation]: &mut [Vec<Prepared>; 2],
    n_folds: usize,
    slots: &Slots,
    config: &LinearConfig,
) -> Potential {
    let sums = config.sums(slots.species().len());
    let algebra = slots.algebra();
    let case =
        |prepared| Case { source: Prepared::source(prepared, algebra), delta: &prepared.delta, fold: prepared.fold };
    let cases: Vec<Case> = training.iter().map(case).collect();
    let potential = potential::fit(shape, &cases, n_folds, slots, &sums);
    for prepared in training.iter_mut().chain(validation) {
        let delta = potential.delta(prepared.source(algebra));
        prepared.delta.add(&delta, -1.0);
    }
    potential
}

/// Numbers of atoms by species decide the fold; where all samples are alike (true) they are dealt out, both spins of a run
/// together.
fn folds(samples: &[Sample], most: usize) -> (Vec<usize>, bool) {
    let mut known: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
    let compositions: Vec<Vec<usize>> = samples.iter().map(composition).collect();
    for composition in &compositions {
        let next = known.len();
        known.entry(composition.clone()).or_insert(next);
    }
    match known.len() {
        1 => (runs(samples).into_iter().map(|run| run % most).collect(), true),
        _ => (compositions.iter().map(|composition| known[composition] % most).collect(), false),
    }
}

/// Which run each sample is of: the spins of a run follow one another.
fn runs(samples: &[Sample]) -> Vec<usize> {
    let mut run = 0;
    let of = |k: usize| {
        let same = k > 0 && samples[k].exchange.is_some() && samples[k].structure == samples[k - 1].structure;
        run += usize::from(k > 0 && !same);
        run
    };
    (0..samples.len()).map(of).collect()
}

fn composition(sample: &Sample) -> Vec<usize> {
    let mut counts = vec![0; sample.species.iter().max().map_or(0, |last| last + 1)];
    sample.species.iter().for_each(|&species| counts[species] += 1);
    counts
}

fn prepare<'a>(
    samples: &'a [Sample],
    folds: &[usize],
    slots: &Slots,
    config: &LinearConfig,
) -> Result<Vec<Prepared<'a>>> {
    let sums = config.sums(slots.species().len());
    let prepare = |(sample, &fold): (&'a Sample, &usize)| {
        let h0 = sample.require_h0()?;
        Ok(Prepared {
            sample,
            h0,
            delta: sample.require_target()?.clone(),
            environment: Environment::new(sample, h0, slots, &sums),
            fold,
        })
    };
    samples.iter().zip(folds).map(prepare).collect()
}

fn profiles(samples: &[Sample]) -> Result<Vec<BondProfile>> {
    let mut bonds: BTreeMap<[usize; 2], Vec<(f64, f64)>> = BTreeMap::new();
    for sample in samples {
        let delta = sample.require_target()?;
        for (k, edge) in sample.graph.edges[..sample.graph.n_canonical()].iter().enumerate() {
            let mean_square = delta.edge(k).iter().map(|x| x * x).sum::<f64>() / delta.width as f64;
            let species = [sample.species[edge.i], sample.species[edge.j]];
            bonds.entry(species).or_default().push((edge.distance, mean_square));
        }
    }
    Ok(bonds.into_iter().map(|(species, bonds)| profile(species, &bonds)).collect())
}

fn profile(species: [usize; 2], bonds: &[(f64, f64)]) -> BondProfile {
    let distances = || bonds.iter().map(|(distance, _)| *distance);
    let (shortest, longest) = (distances().fold(f64::INFINITY, f64::min), distances().fold(0.0, f64::max));
    let mut profile = BondProfile { species, shortest, longest, rms: vec![0.0; PROFILE_STEPS] };
    let mut counts = vec![0; PROFILE_STEPS];
    for &(distance, mean_square) in bonds {
        let bin = profile.bin(distance);
        profile.rms[bin] += mean_square;
        counts[bin] += 1;
    }
    // The last step holds the longest bond, so that every empty step has a successor to copy.
    let mut next = NEGLIGIBLE;
    for (rms, &count) in profile.rms.iter_mut().zip(&counts).rev() {
        if count > 0 {
            next = (*rms / count as f64).sqrt() + NEGLIGIBLE;
        }
        *rms = next;
    }
    profile
}

/// The regressions of all sectors, of the whole fit (0) or without fold `which` − 1.
fn chosen(sectors: &[(Vec<Regression>, RegressionReport)], which: usize) -> Vec<Regression> {
    sectors.iter().map(|(fits, _)| fits[which].clone()).collect()
}

struct Job<'a> {
    training: Vec<Prepared<'a>>,
    validation: Vec<Prepared<'a>>,
    slots: &'a Slots,
    config: &'a LinearConfig,
    settings: &'a FitSettings,
    n_folds: usize,
    /// Folds that are also left out one by one.
    n_held_out: usize,
    tolerance: f64,
}

/// One layout: regressions per sector, the whole fit first and then without each fold in turn, and the report of the whole.
type BondFit = (BondLayout, Vec<(Vec<Regression>, RegressionReport)>);
type OnsiteFit = (OnsiteLayout, (Vec<Regression>, RegressionReport));

impl Job<'_> {
    fn source<'b>(&'b self, prepared: &'b Prepared) -> Source<'b> {
        prepared.source(self.slots.algebra())
    }

    /// The whole fit first, then without each fold in turn.
    fn fit(&self, potential: Option<&Potential>) -> (Vec<LinearStage>, FitReport) {
        let sums = self.config.sums(self.slots.species().len());
        let pairs = self.config.profiles.iter().flat_map(|profile| BondLayout::all(self.slots, profile.species, &sums));
        let bonds: Vec<_> = pairs.collect::<Vec<_>>().into_par_iter().map(|layout| self.fit_bonds(layout)).collect();
        let species = 0..self.slots.species().len();
        let ranks: Vec<_> = species.flat_map(|species| OnsiteLayout::all(self.slots, species, &sums)).collect();
        let onsite: Vec<_> = ranks.into_par_iter().map(|layout| self.fit_onsite(layout)).collect();
        let stage = |which: usize| LinearStage {
            config: self.config.clone(),
            potential: potential.cloned(),
            bonds: bonds.iter().map(|(layout, sectors)| (layout.clone(), chosen(sectors, which))).collect(),
            onsite: onsite.iter().map(|(layout, (fits, _))| (layout.clone(), fits[which].clone())).collect(),
        };
        let stages = (0..=self.n_held_out).map(stage).collect();
        let bond_reports = bonds.iter().flat_map(|(_, sectors)| sectors.iter().map(|(_, report)| report.clone()));
        let regressions = bond_reports.chain(onsite.iter().map(|(_, (_, report))| report.clone())).collect();
        (stages, FitReport { n_folds: self.n_folds, regressions })
    }

    fn fit_bonds(&self, layout: BondLayout) -> BondFit {
        let empty: Vec<Normal> = layout
            .sectors
            .iter()
            .map(|sector| Normal::zeros(sector.inputs.len() * self.config.bond_gaussians, sector.outputs.len()))
            .collect();
        let gather = |samples: &[Prepared], n_folds: usize| {
            let mut folds = vec![empty.clone(); n_folds];
            samples.iter().for_each(|prepared| self.add_bonds(&layout, prepared, &mut folds[prepared.fold]));
            folds
        };
        let training = gather(&self.training, self.n_folds);
        let validation = (!self.validation.is_empty()).then(|| gather(&self.validation, 1).remove(0));
        let fitted = (0..layout.sectors.len()).map(|sector| {
            let folds: Vec<Normal> = training.iter().map(|fold| fold[sector].clone()).collect();
            self.solve(&folds, validation.as_ref().map(|v| &v[sector]), self.bond_name(&layout, sector))
        });
        let fitted = fitted.collect();
        (layout, fitted)
    }

    fn add_bonds(&self, layout: &BondLayout, prepared: &Prepared, sectors: &mut [Normal]) {
        let [a, b] = layout.species;
        let Some(profile) = self.config.profile(a, b) else { return };
        let radial = self.config.bond_radial(profile);
        let weight = |distance: f64| 1.0 / profile.size(distance);
        for edges in canonical_edges(prepared.sample, layout.species).chunks(BONDS_AT_ONCE) {
            let features = design::bond_features(self.source(prepared), layout, edges, &radial, weight);
            let targets = design::bond_targets(prepared.sample, &prepared.delta, layout, edges, weight);
            for ((normal, x), y) in sectors.iter_mut().zip(&features).zip(&targets) {
                normal.add_rows(x, y);
            }
        }
    }

    fn fit_onsite(&self, layout: OnsiteLayout) -> OnsiteFit {
        let gather = |samples: &[Prepared], n_folds: usize| {
            let mut folds = vec![Normal::zeros(layout.n_inputs(), layout.outputs.len()); n_folds];
            for prepared in samples {
                let (x, y) = self.onsite_rows(&layout, prepared);
                folds[prepared.fold].add_rows(&x, &y);
            }
            folds
        };
        let folds = gather(&self.training, self.n_folds);
        let validation = (!self.validation.is_empty()).then(|| gather(&self.validation, 1).remove(0));
        let name = format!("{} L={}", self.label(layout.species), layout.l);
        let fitted = self.solve(&folds, validation.as_ref(), name);
        (layout, fitted)
    }

    fn onsite_rows(&self, layout: &OnsiteLayout, prepared: &Prepared) -> (Rows, Rows) {
        let atoms = atoms_of(prepared.sample, layout.species);
        let features = design::onsite_features(self.source(prepared), layout, &atoms);
        (features, design::onsite_targets(&prepared.delta, self.slots.algebra(), layout, &atoms))
    }

    fn solve(
        &self,
        folds: &[Normal],
        validation: Option<&Normal>,
        name: String,
    ) -> (Vec<Regression>, RegressionReport) {
        let mut total = folds[0].clone();
        folds[1..].iter().for_each(|fold| total.add(fold, 1.0));
        let lambda = choose_lambda(folds, &total, validation, &self.settings.lambdas, self.tolerance);
        let regression = total.solve(lambda, self.settings.directions);
        let squared: f64 = regression.residual.iter().map(|r| r * r).sum::<f64>() * total.n_rows();
        let report = RegressionReport {
            name,
            n_features: regression.weights.nrows(),
            n_rows: total.n_rows() as usize,
            lambda: regression.lambda,
            residual: (squared / total.squared_targets().max(f64::MIN_POSITIVE)).sqrt(),
        };
        let directions = self.settings.directions;
        let without = |fold: &Normal| total.without(fold).solve(lambda, directions);
        let held_out = folds.iter().take(self.n_held_out).map(without);
        (std::iter::once(regression).chain(held_out).collect(), report)
    }

    fn label(&self, species: usize) -> &str {
        &self.slots.species()[species].label
    }

    fn bond_name(&self, layout: &BondLayout, sector: usize) -> String {
        let [a, b] = layout.species.map(|species| self.label(species));
        format!("{a}-{b} |m|={} {}", layout.m, layout.sectors[sector].name)
    }
}
