//! H out of H⁽⁰⁾: both stages of a model on one run, and how far to trust the result.

use std::collections::BTreeSet;
use std::path::Path;
#[cfg(feature = "torch")]
use std::sync::{Mutex, PoisonError};

use super::certify::signs::{Leverages, distance};
use super::file::Model;
use super::graph::{Edge, Graph};
use super::linear::environment::BondProfile;
use super::linear::{LinearStage, Prediction};
use super::phases::Phases;
use super::sample::{Channels, Sample};
use super::target::{apply, subtract};
use super::training::ShortestBond;
use super::whole::{completing_h0, whole};
use crate::parsers::{Calculation, Error, Operator, Pairs, Result, SpinOperator};
use crate::symmetry::predicted::{self, Imposed};

/// A model that is ready to predict: read once, used for many runs.
pub struct Predictor {
    model: Model,
    /// Behind a lock, because tensors of libtorch belong to one thread at a time; libtorch has threads of its own.
    #[cfg(feature = "torch")]
    network: Option<Mutex<super::network::Predictor>>,
    device: String,
    symmetrize: bool,
}

/// A predicted Hamiltonian.
pub struct Predicted {
    /// H = H⁽⁰⁾ + ΔH, on the blocks of H⁽⁰⁾; where orbitals do not overlap, and where the run's files have no place for an element,
    /// it is H⁽⁰⁾. All other blocks are Hermitian to the last bit. A model that does not start from H⁽⁰⁾ predicts it (or DM, or S) as
    /// a whole, zero where orbitals do not overlap.
    pub hamiltonian: SpinOperator,
    /// The symmetries that were imposed.
    pub symmetrized: Vec<Imposed>,
    /// How far to trust it.
    pub trust: Trust,
    /// What it took.
    pub phases: Phases,
}

/// What the stages of a model say of one channel of a run, before it is a Hamiltonian.
pub struct Stages {
    /// The channel as the model sees it.
    pub sample: Sample,
    /// The linear stage, where the model has one.
    pub linear: Option<Prediction>,
    /// ΔH of both stages, hartree.
    pub delta: Channels,
}

/// How a run compares with what the model was trained on.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Trust {
    /// Largest leverage of a bond's features; above 1 nothing like it was in training.
    pub bond_leverage: Option<f64>,
    /// Largest leverage of an atom's features.
    pub atom_leverage: Option<f64>,
    /// Distance of the structure from training ([`super::certify::signs::distance`]), which ranks expected errors.
    pub distance: Option<f64>,
    /// Expected root-mean-square error of on-site elements by the linear stage alone, hartree.
    pub onsite_error: Option<f64>,
    /// What is unlike training, in words; empty where nothing is.
    pub warnings: Vec<String>,
}

/// Distance above which a prediction of a model without calibration is an extrapolation.
const UNLIKE_TRAINING: f64 = 0.5;
/// A structure that is so much further than all known ones is warned of; errors grow by about the square root of it.
const FAR: f64 = 2.0;

impl Predictor {
    /// Reads a model; its network goes to `device` (`auto`, `cpu`, `cuda`, `cuda:1`).
    ///
    /// # Errors
    /// As [`Model::read`]; `Unsupported` where the model has a network and this build none.
    #[cfg_attr(not(feature = "torch"), allow(unused_variables))]
    pub fn load(path: &Path, device: &str) -> Result<Self> {
        let model = Model::read(path)?;
        #[cfg(not(feature = "torch"))]
        if model.network.is_some() {
            return Err(Error::unsupported(
                "this model has a network, and this hzero was built without one: run scripts/setup.sh, then \
                 `cargo install --path . --features full`",
            )
            .in_file(path));
        }
        #[cfg(feature = "torch")]
        if model.network.is_some() {
            return Predictor::with_network(model, device).map_err(|e| e.in_file(path));
        }
        Ok(Predictor::linear(model))
    }

    #[cfg(feature = "torch")]
    fn with_network(model: Model, device: &str) -> Result<Self> {
        let choice: super::network::DeviceChoice = device.parse().map_err(Error::unsupported)?;
        let device = choice.device()?;
        let network = super::network::Predictor::load(&model, device)?;
        let device = format!("{device:?}").to_lowercase();
        Ok(Predictor { model, network: Some(Mutex::new(network)), device, symmetrize: false })
    }

    /// With `symmetrize`, ΔH is averaged over the operations of the crystal that keep H⁽⁰⁾.
    pub fn symmetrized(self, symmetrize: bool) -> Self {
        Predictor { symmetrize, ..self }
    }

    /// The network works on so many bonds at a time; `None` leaves it to the size of its features and the device. More take more
    /// memory; the result is the same (on a GPU to rounding).
    pub fn in_tiles(self, bonds: Option<usize>) -> Self {
        #[cfg(feature = "torch")]
        {
            let tiled = |network: Mutex<super::network::Predictor>| {
                Mutex::new(network.into_inner().unwrap_or_else(PoisonError::into_inner).in_tiles(bonds))
            };
            Predictor { network: self.network.map(tiled), ..self }
        }
        #[cfg(not(feature = "torch"))]
        {
            let _ = bonds;
            self
        }
    }

    /// Where the network runs: `cpu`, `cuda(0)`.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// The model itself.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Envelope of the network in bohr, and by how many of them what an atom knows spreads.
    pub(super) fn network_reach(&self) -> (f64, usize) {
        #[cfg(feature = "torch")]
        if let Some(network) = &self.network {
            let network = network.lock().unwrap_or_else(PoisonError::into_inner);
            return (network.config().envelope, network.config().hops());
        }
        (0.0, 0)
    }

    /// The linear stage, where its potential is part of what is predicted.
    pub(super) fn needed_potential(&self) -> Option<&LinearStage> {
        let stage = self.model.linear.as_ref().filter(|stage| stage.potential.is_some());
        #[cfg(feature = "torch")]
        if let Some(network) = &self.network {
            let network = network.lock().unwrap_or_else(PoisonError::into_inner);
            return stage.filter(|_| network.config().base.needs_linear());
        }
        stage
    }

    /// A model without network.
    pub fn linear(model: Model) -> Self {
        Predictor {
            model,
            #[cfg(feature = "torch")]
            network: None,
            device: "cpu".to_owned(),
            symmetrize: false,
        }
    }

    /// Predicts H of a run that has S, and H⁽⁰⁾ where the model needs it. Channels that are learned apart are predicted one after the
    /// other, and what a step needs no more is given up, so the most that is held is a few operators of the run.
    ///
    /// # Errors
    /// `Unsupported` where the run lacks them, or is not what the model was made for; the difference is named.
    pub fn predict(&self, run: &Calculation) -> Result<Predicted> {
        let mut phases = Phases::default();
        let (mut leverages, mut warnings) = (Leverages::default(), None);
        let deltas = self.deltas(run, &[], &mut phases, |sample, linear| {
            warnings.get_or_insert_with(|| self.distance_warnings(&sample.graph, &sample.species));
            linear.iter().for_each(|linear| leverages.add(linear));
        })?;
        let trust = self.trust_of(run, &leverages, warnings.unwrap_or_default());
        let (hamiltonian, symmetrized) = phases.note("assemble", || self.assembled(run, deltas))?;
        Ok(Predicted { hamiltonian, symmetrized, trust, phases })
    }

    /// What the model says, one operator per channel (four with an exchange field), on the blocks of S. The linear stage's potential
    /// at all atoms is taken from `potentials`, for every channel, and computed where that is empty. `seen` is shown every sample and
    /// what the linear stage says of it.
    pub(super) fn deltas(
        &self,
        run: &Calculation,
        potentials: &[Vec<f64>],
        phases: &mut Phases,
        mut seen: impl FnMut(&Sample, Option<&Prediction>),
    ) -> Result<Vec<Operator<f64>>> {
        let slots = &self.model.slots;
        let mut deltas = Vec::new();
        for (k, sample) in phases.note("features", || self.samples(run))?.into_iter().enumerate() {
            let known = potentials.get(k).map(Vec::as_slice);
            let linear = phases.note("linear_stage", || self.linear_stage(&sample, known))?;
            seen(&sample, linear.as_ref());
            let delta = phases.note("network", || self.delta(&sample, linear))?;
            deltas.extend(phases.note("assemble", || sample.operators(&delta, slots))?);
        }
        Ok(deltas)
    }

    /// Predicts ΔH and keeps what every stage says, for every channel that is learned apart.
    ///
    /// # Errors
    /// As [`Predictor::predict`].
    pub fn stages(&self, run: &Calculation) -> Result<Vec<Stages>> {
        let stages = |sample: Sample| {
            let linear = self.linear_stage(&sample, None)?;
            let delta = self.delta(&sample, linear.clone())?;
            Ok(Stages { sample, linear, delta })
        };
        self.samples(run)?.into_iter().map(stages).collect()
    }

    fn samples(&self, run: &Calculation) -> Result<Vec<Sample>> {
        self.model.check_compatible(run)?;
        Sample::of_run(run, &self.model.slots, self.model.header.target)
    }

    fn linear_stage(&self, sample: &Sample, potential: Option<&[f64]>) -> Result<Option<Prediction>> {
        let predicted = |stage: &LinearStage| stage.predict_with(sample, &self.model.slots, potential);
        self.model.linear.as_ref().map(predicted).transpose()
    }

    /// H = H⁽⁰⁾ + ΔH on the blocks of H⁽⁰⁾, or the operator as a whole, of what the stages say.
    ///
    /// # Errors
    /// `Unsupported` where the model starts from H⁽⁰⁾ and the run has none.
    pub fn hamiltonian(&self, run: &Calculation, stages: &[Stages]) -> Result<SpinOperator> {
        self.assembled(run, self.operators(stages)?).map(|(hamiltonian, _)| hamiltonian)
    }

    fn operators(&self, stages: &[Stages]) -> Result<Vec<Operator<f64>>> {
        let operators = stages.iter().map(|stages| stages.sample.operators(&stages.delta, &self.model.slots));
        Ok(operators.collect::<Result<Vec<_>>>()?.concat())
    }

    /// With the symmetries that were imposed.
    pub(super) fn assembled(
        &self,
        run: &Calculation,
        mut deltas: Vec<Operator<f64>>,
    ) -> Result<(SpinOperator, Vec<Imposed>)> {
        let target = self.model.header.target;
        let h0 = if target.from_h0 {
            run.hamiltonian0.as_ref().ok_or_else(|| Error::unsupported("the run has no H0"))?
        } else {
            let Some(h0) = completing_h0(run, target.quantity)? else {
                return whole(run, target.quantity, deltas, self.symmetrize);
            };
            deltas.iter_mut().zip(target.operators(h0)).for_each(|(whole, h0)| subtract(whole, &h0));
            h0
        };
        if self.symmetrize && target.magnetic {
            return Err(Error::unsupported("symmetrizing an exchange field, whose operations turn spins too"));
        }
        let mut symmetrized = Vec::new();
        for delta in &mut deltas {
            if self.symmetrize {
                symmetrized.push(predicted::average(delta, h0, &run.structure, &run.basis)?);
            }
            if let Some(native) = &run.native {
                native.restrict(&run.basis, delta)?;
            }
        }
        let mut hamiltonian = apply(&run.basis, h0, &deltas)?;
        let chosen = changed(&deltas, hamiltonian.pairs());
        symmetrized.extend(predicted::impose(&mut hamiltonian, h0, &run.basis, &chosen));
        Ok((hamiltonian, symmetrized))
    }

    /// ΔH of both stages.
    fn delta(&self, sample: &Sample, linear: Option<Prediction>) -> Result<Channels> {
        #[cfg(feature = "torch")]
        if let Some(network) = &self.network {
            // A lock is poisoned only by a panic of another thread, which leaves the weights as they were.
            return network.lock().unwrap_or_else(PoisonError::into_inner).predict(sample, linear);
        }
        let width = self.model.slots.algebra().width();
        Ok(linear.map_or_else(|| Channels::zeros(&sample.graph, width), |prediction| prediction.delta))
    }

    /// How a run compares with what the model was trained on.
    pub fn trust(&self, run: &Calculation, stages: &[Stages]) -> Trust {
        let Some(Stages { sample, .. }) = stages.first() else { return Trust::default() };
        self.trust_of(run, &Leverages::of(stages), self.distance_warnings(&sample.graph, &sample.species))
    }

    /// The same from the leverages and the [warnings](Self::distance_warnings) of short bonds alone.
    pub(super) fn trust_of(&self, run: &Calculation, leverages: &Leverages, short_bonds: Vec<String>) -> Trust {
        let mut warnings: Vec<String> = self.code_warning(run).into_iter().chain(short_bonds).collect();
        let errors = &leverages.errors;
        if errors.is_empty() {
            return Trust { warnings, ..Trust::default() };
        }
        let mean_square = errors.iter().map(|e| e * e).sum::<f64>() / errors.len() as f64;
        let [bonds, atoms] = leverages.quantiles();
        let distance = distance(&bonds, &atoms);
        let known = self.model.header.calibration.as_ref().map_or(UNLIKE_TRAINING, |known| known.distances[1]);
        if distance > FAR * known {
            warnings.push(format!(
                "unlike all structures that the model was tried on: distance {distance:.1e}, theirs at most {known:.1e}"
            ));
        }
        Trust {
            bond_leverage: Some(bonds.max),
            atom_leverage: Some(atoms.max),
            distance: Some(distance),
            onsite_error: Some(mean_square.sqrt()),
            warnings,
        }
    }

    /// Equal labels and shells of two codes are different orbitals.
    fn code_warning(&self, run: &Calculation) -> Option<String> {
        let (found, species) = (run.origin.code, self.model.slots.species());
        let seats = self.model.slots.seats(run).ok()?;
        let known = seats.iter().map(|seat| &species[seat.species]);
        let foreign: Vec<_> = known.filter(|known| !known.code.is_empty() && known.code != found).collect();
        let listed = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(", ");
        let labels = listed(foreign.iter().map(|species| species.label.as_str()).collect());
        let codes = listed(foreign.iter().map(|species| species.code.as_str()).collect());
        (!foreign.is_empty()).then(|| format!("a run of {found}; the model knows {labels} of {codes} only"))
    }

    /// Bonds shorter than all of training; `species` are those of the model.
    pub(super) fn distance_warnings(&self, graph: &Graph, species: &[usize]) -> Vec<String> {
        let warning = |known: &ShortestBond| {
            let found = shortest(graph, species, known.species);
            let [a, b] = known.species.map(|s| &self.model.slots.species()[s].label);
            (found < known.distance).then(|| {
                format!("{a}-{b} distance of {found:.3} bohr; the shortest of training is {:.3} bohr", known.distance)
            })
        };
        self.shortest_bonds().iter().filter_map(warning).collect()
    }

    /// Shortest distance over the shortest of training, least over the pairs of species.
    pub fn shortest_distance(&self, sample: &Sample) -> f64 {
        let ratio = |known: &ShortestBond| shortest(&sample.graph, &sample.species, known.species) / known.distance;
        self.shortest_bonds().iter().map(ratio).fold(f64::INFINITY, f64::min)
    }

    /// As the linear stage saw them, else all of training.
    fn shortest_bonds(&self) -> Vec<ShortestBond> {
        let of_profile = |profile: &BondProfile| ShortestBond { species: profile.species, distance: profile.shortest };
        match &self.model.linear {
            Some(stage) => stage.config.profiles.iter().map(of_profile).collect(),
            None => self.model.header.training.shortest_bonds.clone(),
        }
    }
}

/// Shortest bond between two species, bohr.
fn shortest(graph: &Graph, species: &[usize], wanted: [usize; 2]) -> f64 {
    let bonds = graph.edges[..graph.n_canonical()].iter();
    let fits = |edge: &&Edge| [species[edge.i], species[edge.j]] == wanted;
    bonds.filter(fits).map(|edge| edge.distance).fold(f64::INFINITY, f64::min)
}

/// Which of `pairs` have a ΔH: all others are H⁽⁰⁾'s to the bit.
fn changed(deltas: &[Operator<f64>], pairs: &Pairs) -> Vec<bool> {
    let changes = |block: &[f64]| block.iter().any(|&value| value != 0.0);
    let changed = |pair| deltas.iter().any(|delta| delta.get(pair).is_some_and(changes));
    pairs.as_slice().iter().map(changed).collect()
}

#[cfg(test)]
mod tests;
