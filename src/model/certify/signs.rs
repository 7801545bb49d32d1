//! What can be seen of a prediction's quality without a converged H.

use rayon::prelude::*;

use super::states::{Mesh, State, mean};
use crate::model::linear::Prediction;
use crate::model::predict::{Predictor, Stages};
use crate::model::sample::Channels;
use crate::model::target;
use crate::parsers::check::hermiticity_error;
use crate::parsers::{Calculation, Error, Operator, Result, SpinOperator};

/// Energies above the Fermi level up to which empty bands are judged, eV.
pub const WINDOW_EV: f64 = 5.0;
/// Draws of what may be wrong with the weights of the linear stage.
const N_DRAWS: usize = 8;

/// Signs of one prediction. Energies in hartree.
#[derive(Debug, Clone, PartialEq)]
pub struct Signs {
    /// How unlike training: [`distance`].
    pub distance: f64,
    /// Leverages of all bonds.
    pub bonds: Quantiles,
    /// Leverages of all atoms.
    pub atoms: Quantiles,
    /// Number of atoms whose surroundings differ.
    pub n_different: usize,
    /// Shortest distance over the shortest of training, least over the pairs of species; below 1 an extrapolation.
    pub shortest: f64,
    /// Mean |ΔH| that was predicted.
    pub size: f64,
    /// What the variance of the linear stage's weights does to H and bands (root mean square over draws).
    pub variance: Deviation,
    /// What the network changes against the linear stage alone; `None` without a network.
    pub disagreement: Option<Deviation>,
    /// Largest |H_ij(R) − H_ji(−R)†|.
    pub hermiticity: f64,
    /// Least eigenvalue of S(k) on the mesh.
    pub smallest_overlap: f64,
    /// Largest over least eigenvalue of S(k).
    pub condition: f64,
    /// How far the lowest state lies below that of H⁽⁰⁾, both relative to the mean of the occupied states.
    pub lowest_drop: f64,
    /// Largest Σ|c|² (c†Sc = 1) of a state up to 5 eV above the Fermi level.
    pub amplification: f64,
    /// Fermi level of the predicted H.
    pub fermi_level: f64,
}

/// A deviation of H, after one rigid shift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deviation {
    /// Mean absolute over the elements of H.
    pub hamiltonian: f64,
    /// Mean absolute first-order change of the occupied states.
    pub occupied: f64,
    /// The same up to 5 eV above the Fermi level.
    pub to_5ev: Option<f64>,
}

/// Some quantiles of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Quantiles {
    /// Mean.
    pub mean: f64,
    /// Nine tenths are below.
    pub ninth_decile: f64,
    /// Largest.
    pub max: f64,
}

impl Quantiles {
    fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let Some(&max) = sorted.last() else { return Quantiles::default() };
        let ninth_decile = sorted[sorted.len() * 9 / 10];
        Quantiles { mean: sorted.iter().sum::<f64>() / sorted.len() as f64, ninth_decile, max }
    }
}

/// Distance of a structure from training: the geometric mean of the mean leverage of its bonds and the ninth decile of its atoms'.
/// A leverage is the squared Mahalanobis distance of features from those of training, xᵀ(XᵀX + λn)⁻¹x. Means and deciles rank better
/// than maxima, which single outliers rule; bonds see distances and neighbourhoods, atoms what is on their own site.
pub fn distance(bonds: &Quantiles, atoms: &Quantiles) -> f64 {
    (bonds.mean * atoms.ninth_decile).sqrt()
}

/// Leverages of the bonds and atoms of a prediction, all channels together; zeros without a linear stage.
pub fn leverages(stages: &[Stages]) -> [Quantiles; 2] {
    Leverages::of(stages).quantiles()
}

/// What the linear stage says of how unlike training a run is, all channels together; empty without one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Leverages {
    /// Leverage of every directed bond.
    pub bonds: Vec<f64>,
    /// Leverage of every atom.
    pub atoms: Vec<f64>,
    /// Expected error of every atom's on-site elements, hartree.
    pub errors: Vec<f64>,
}

impl Leverages {
    /// Of a whole run.
    pub fn of(stages: &[Stages]) -> Self {
        let mut all = Leverages::default();
        stages.iter().filter_map(|stages| stages.linear.as_ref()).for_each(|linear| all.add(linear));
        all
    }

    /// Adds those of another channel.
    pub fn add(&mut self, linear: &Prediction) {
        self.bonds.extend(&linear.bond_leverage);
        self.atoms.extend(&linear.atom_leverage);
        self.errors.extend(&linear.atom_error);
    }

    /// Several together.
    pub fn joined<'a>(parts: impl IntoIterator<Item = &'a Leverages>) -> Self {
        let mut all = Leverages::default();
        for part in parts {
            all.bonds.extend(&part.bonds);
            all.atoms.extend(&part.atoms);
            all.errors.extend(&part.errors);
        }
        all
    }

    /// Of bonds and atoms.
    pub fn quantiles(&self) -> [Quantiles; 2] {
        [Quantiles::of(&self.bonds), Quantiles::of(&self.atoms)]
    }
}

/// Mean |ΔH| that was predicted, hartree.
///
/// # Errors
/// As [`crate::model::Sample::operator`].
pub fn size(predictor: &Predictor, stages: &[Stages]) -> Result<f64> {
    let size =
        |stages: &Stages| Ok(mean_size(stages.sample.operator(&stages.delta, &predictor.model().slots)?.values()));
    Ok(stages.iter().map(size).collect::<Result<Vec<f64>>>()?.iter().sum::<f64>() / stages.len().max(1) as f64)
}

/// Number of atoms whose surroundings differ, told by their leverages; all atoms without a linear stage.
pub fn n_different(stages: &[Stages]) -> usize {
    const EQUAL: f64 = 1e-4;
    let Some(stages) = stages.first() else { return 0 };
    let Some(linear) = &stages.linear else { return stages.sample.species.len() };
    let mut sorted = linear.atom_leverage.clone();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup_by(|next, first| *next - *first <= EQUAL * *first);
    sorted.len()
}

/// Reads all signs off a prediction.
///
/// # Errors
/// As [`Mesh::new`].
pub fn signs(predictor: &Predictor, run: &Calculation, stages: &[Stages], predicted: &SpinOperator) -> Result<Signs> {
    let [channel] = stages else {
        return Err(Error::unsupported("collinear spin (nspin 2): predictions of two spins cannot be certified"));
    };
    let overlap = target::overlap(run)?;
    let mut deviations = draws(predictor, channel)?;
    let n_draws = deviations.len();
    deviations.extend(disagreement(predictor, channel)?);
    let mesh = Mesh::new(run, predicted, &deviations)?;
    let window = WINDOW_EV / run.origin.ev_per_hartree;
    let deviation = |k: usize| {
        let changes = mesh.changes(k, window);
        let hamiltonian = aligned_mean(&deviations[k], overlap);
        Deviation { hamiltonian, occupied: changes.occupied, to_5ev: changes.above }
    };
    let [bonds, atoms] = leverages(stages);
    let of_window = |size: fn(&State) -> f64| mesh.up_to(window).map(size).fold(0.0, f64::max);
    Ok(Signs {
        distance: distance(&bonds, &atoms),
        bonds,
        atoms,
        n_different: n_different(stages),
        shortest: predictor.shortest_distance(&channel.sample),
        size: size(predictor, stages)?,
        variance: root_mean_square(&(0..n_draws).map(deviation).collect::<Vec<_>>()),
        disagreement: (n_draws..deviations.len()).map(deviation).next(),
        hermiticity: hermiticity_error(predicted, &run.basis),
        smallest_overlap: mesh.overlap[0],
        condition: mesh.overlap[1] / mesh.overlap[0],
        lowest_drop: lowest_drop(&mesh),
        amplification: of_window(|state| state.amplification),
        fermi_level: mesh.fermi_level,
    })
}

/// How far the lowest state of H lies below that of H⁽⁰⁾, both relative to the mean of the occupied states, hartree.
pub fn lowest_drop(mesh: &Mesh) -> f64 {
    let occupied = mesh.states.iter().filter(|state| state.energy <= mesh.fermi_level);
    let shift = mean(occupied.map(|state| (state.energy - state.energy_h0, state.weight))).unwrap_or(0.0);
    let lowest = |energy: fn(&State) -> f64| mesh.states.iter().map(energy).fold(f64::INFINITY, f64::min);
    lowest(|state| state.energy_h0) + shift - lowest(|state| state.energy)
}

fn draws(predictor: &Predictor, stages: &Stages) -> Result<Vec<Operator<f64>>> {
    let model = predictor.model();
    let Some(stage) = &model.linear else { return Ok(Vec::new()) };
    let n = stage.n_deviations();
    let draw = |k: usize| {
        let deviation = stage.deviation(k * n / N_DRAWS).predict(&stages.sample, &model.slots)?.delta;
        stages.sample.operator(&deviation, &model.slots)
    };
    (0..N_DRAWS.min(n)).into_par_iter().map(draw).collect()
}

fn disagreement(predictor: &Predictor, stages: &Stages) -> Result<Option<Operator<f64>>> {
    let model = predictor.model();
    let Some(linear) = stages.linear.as_ref().filter(|_| model.network.is_some()) else { return Ok(None) };
    let mut difference: Channels = stages.delta.clone();
    difference.add(&linear.delta, -1.0);
    stages.sample.operator(&difference, &model.slots).map(Some)
}

/// Mean absolute element after the rigid shift is taken away.
fn aligned_mean(operator: &Operator<f64>, overlap: &Operator<f64>) -> f64 {
    let shift = target::gauge_shift(operator, overlap);
    let rest: Vec<f64> = operator.values().iter().zip(overlap.values()).map(|(d, s)| d - shift * s).collect();
    mean_size(&rest)
}

fn mean_size(values: &[f64]) -> f64 {
    values.iter().map(|x| x.abs()).sum::<f64>() / values.len().max(1) as f64
}

fn root_mean_square(deviations: &[Deviation]) -> Deviation {
    let rms = |value: fn(&Deviation) -> f64| {
        (deviations.iter().map(|d| value(d).powi(2)).sum::<f64>() / deviations.len().max(1) as f64).sqrt()
    };
    Deviation {
        hamiltonian: rms(|d| d.hamiltonian),
        occupied: rms(|d| d.occupied),
        to_5ev: deviations.iter().all(|d| d.to_5ev.is_some()).then(|| rms(|d| d.to_5ev.unwrap_or(0.0))),
    }
}
