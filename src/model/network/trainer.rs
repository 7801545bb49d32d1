//! Training steps, on structures that are tensors already.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::adam::{Adam, clip};
use super::batch::{Batch, Preparation};
use super::config::{KSpaceConfig, TrainingConfig};
use super::kspace::{KSpace, KStates};
use super::loss::{LossTerms, Objective};
use super::merge::Merged;
use super::network::{Network, Output};
use super::random::Random;
use super::recompute;
use super::schedule::Course;
use super::stages::{Pass, Stages};
use crate::model::Sample;
use crate::parsers::{Error, Result};

/// After as many steps in a row without a finite loss and gradient, training gives up.
const MOST_SKIPPED: usize = 50;

/// Network, data and optimizer. What step k does depends on seed, k and what a checkpoint holds alone, so that a resumed run repeats
/// the same curve: to the bit on a CPU; on a GPU to rounding, since sums over bonds have no fixed order there.
#[derive(Debug)]
pub struct Trainer {
    /// Tensors' tables and statistics.
    pub preparation: Preparation,
    /// The network.
    pub network: Network,
    /// All weights.
    pub weights: Tensor,
    /// Running mean of the weights.
    pub average: Tensor,
    /// Moments of the optimizer.
    pub adam: Adam,
    /// Steps done.
    pub step: usize,
    /// State of the schedule.
    pub course: Course,
    stages: Stages,
    config: TrainingConfig,
    batches: Vec<Batch>,
    objective: Objective,
}

/// What one step did.
#[derive(Debug, Clone, Copy)]
pub struct StepReport {
    /// Means over the step's structures, before the step.
    pub loss: LossReport,
    /// Learning rate.
    pub rate: f64,
    /// Norm of the gradient before clipping.
    pub gradient: f64,
}

/// [`LossTerms`] as numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LossReport {
    /// Error of the channels, relative to that of saying zero.
    pub real: f64,
    /// Error of the traces with its weight.
    pub trace: Option<f64>,
    /// Error in reciprocal space with its weight.
    pub k_space: Option<f64>,
    /// First-order error of the energies around the Fermi level, hartree.
    pub k_band_mae: Option<f64>,
    /// |μ|, hartree.
    pub shift: f64,
    /// Mean absolute error over the channels, hartree.
    pub mae: f64,
}

impl Trainer {
    /// At step 0.
    ///
    /// # Errors
    /// `Unsupported` where no structure has a target.
    pub fn new(preparation: Preparation, config: &TrainingConfig, batches: Vec<Batch>) -> Result<Self> {
        if batches.iter().all(|batch| batch.nodes.target.is_none()) {
            return Err(Error::unsupported("no training run has a target"));
        }
        let network = Network::new(&preparation);
        let start = Tensor::from_slice(&network.table.initial(config.seed));
        let weights = start.to_kind(preparation.kind).to_device(preparation.device).set_requires_grad(true);
        Ok(Trainer {
            average: weights.detach().copy(),
            adam: Adam::new(&weights),
            objective: Objective::new(config, &preparation, &batches),
            stages: Stages::new(config, &network.table, &preparation),
            weights,
            network,
            preparation,
            step: 0,
            course: Course::default(),
            config: config.clone(),
            batches,
        })
    }

    /// With errors in reciprocal space, where `config` gives them a weight: `samples` are the structures, `states` their states.
    pub fn with_k_space(self, config: &KSpaceConfig, samples: &[Sample], states: &[Vec<KStates>]) -> Self {
        if config.weight == 0.0 {
            return self;
        }
        let structures = samples.iter().zip(&self.batches).zip(states);
        let structures = structures.map(|((sample, batch), states)| (sample, batch, states.as_slice()));
        let course = (self.config.seed, self.config.steps);
        let k_space = KSpace::new(config, course, &self.preparation, structures);
        Trainer { objective: self.objective.with_k_space(k_space), ..self }
    }

    /// Are all steps done, or has nothing improved for too long in the last stage?
    pub fn is_over(&self) -> bool {
        let waited = self.stages.in_last(self.step) && self.course.is_over(&self.config);
        self.step >= self.config.steps || waited
    }

    /// With other weights than those of the seed.
    pub fn start_from(&mut self, weights: Tensor) {
        self.average = weights.detach().copy();
        self.weights = weights.set_requires_grad(true);
    }

    /// One step.
    ///
    /// # Errors
    /// `Unsupported` after many steps in a row whose loss or gradient was not finite.
    pub fn step(&mut self) -> Result<StepReport> {
        self.network.pass = self.stages.pass(&self.preparation, self.step);
        let loss = self.gradient();
        self.network.pass = Pass::prediction(&self.preparation);
        if self.stages.turns_over(self.step) {
            self.course.turn_over();
        }
        let (config, step) = self.stages.schedule(self.step);
        let rate = self.course.rate(config, step);
        let (gradient, updated) = tch::no_grad(|| self.update(rate, loss.is_finite()));
        self.step += 1;
        self.course.stepped(loss.mae, updated);
        if self.course.skipped_in_a_row == MOST_SKIPPED {
            let advice = "a lower learning rate or `clip` may help";
            let message =
                format!("{MOST_SKIPPED} steps up to {} gave no finite loss and gradient; {advice}", self.step);
            return Err(Error::unsupported(message));
        }
        Ok(StepReport { loss, rate, gradient })
    }

    /// Adds the gradient of the mean loss of the step's structures to that of the weights.
    pub(super) fn gradient(&self) -> LossReport {
        let groups = self.groups(self.step);
        let share = 1.0 / groups.iter().map(Vec::len).sum::<usize>() as f64;
        let mut report = LossReport::default();
        for group in &groups {
            let batches: Vec<&Batch> = group.iter().map(|&k| &self.batches[k]).collect();
            let merged = Merged::new(&batches);
            let mut terms = Vec::new();
            let loss =
                |output: &Output| {
                    let outputs = merged.split(output);
                    let each = group.iter().zip(&batches).zip(&outputs);
                    terms.extend(each.map(|((&k, batch), output)| {
                        self.objective.terms(&self.preparation, k, self.step, batch, output)
                    }));
                    let totals: Vec<Tensor> = terms.iter().map(LossTerms::total).collect();
                    Tensor::stack(&totals, 0).sum(self.preparation.kind) * share
                };
            self.backward(&merged.batch, loss);
            terms.iter().for_each(|terms| report.add(terms, share));
        }
        report
    }

    fn backward(&self, batch: &Batch, loss: impl FnOnce(&Output) -> Tensor) {
        let Trainer { network, weights, preparation, .. } = self;
        if self.config.recompute {
            recompute::backward(network, weights, preparation, batch, loss);
        } else {
            loss(&network.forward(&network.table.split(weights), preparation, batch)).backward();
        }
    }

    /// Norm of the gradient, and whether the weights were changed: not if loss or gradient are infinite or no numbers. (The slope of
    /// |x| is finite where x is no number, so the gradient alone does not tell.)
    fn update(&mut self, rate: f64, finite_loss: bool) -> (f64, bool) {
        let (gradient, norm) = clip(&self.weights.grad(), self.config.clip);
        let sound = finite_loss && norm.is_finite();
        if sound {
            let Trainer { weights, adam, step, config, .. } = self;
            self.stages.moderate(weights, *step, |weights| adam.step(weights, &gradient, rate, *step, config));
        }
        self.weights.zero_grad();
        let kept = self.config.ema;
        self.average = &self.average * kept + self.weights.detach() * (1.0 - kept);
        (norm, sound)
    }

    /// Structures of one step, by pass.
    pub(super) fn groups(&self, step: usize) -> Vec<Vec<usize>> {
        let chosen = self.chosen(step);
        let largest = chosen.len().div_ceil(self.config.passes.max(1));
        chosen.chunks(largest).map(<[usize]>::to_vec).collect()
    }

    /// Structures of one step: each epoch goes through all in an order of its own.
    fn chosen(&self, step: usize) -> Vec<usize> {
        let n = self.batches.len();
        let place = |b: usize| {
            let k = step * self.config.batch.max(1) + b;
            Random::new(self.config.seed, 1000 + (k / n) as u64).permutation(n)[k % n]
        };
        (0..self.config.batch.max(1)).map(place).collect()
    }
}

impl LossReport {
    fn is_finite(&self) -> bool {
        let parts = self.trace.iter().chain(&self.k_space);
        self.real.is_finite() && parts.copied().all(f64::is_finite)
    }

    fn add(&mut self, terms: &LossTerms, share: f64) {
        let value = |tensor: &Tensor| share * tensor.double_value(&[]);
        let sum = |sum: Option<f64>, part: &Option<Tensor>| {
            part.as_ref().map_or(sum, |part| Some(sum.unwrap_or(0.0) + value(part)))
        };
        self.real += value(&terms.real);
        self.trace = sum(self.trace, &terms.trace);
        self.k_space = sum(self.k_space, &terms.k_space);
        self.k_band_mae = terms.band_mae.map(|mae| self.k_band_mae.unwrap_or(0.0) + share * mae).or(self.k_band_mae);
        self.shift += value(&terms.shift.abs());
        self.mae += value(&terms.mae);
    }
}
