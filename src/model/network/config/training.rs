//! `[training]` and `[k_space]`: what is minimized, and how.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::parsers::{Error, Result};

/// What is minimized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Loss {
    /// Mean absolute error.
    Mae,
    /// Half mean absolute, half root mean square error, of on-site blocks and of all others apart, which count alike (SLEM).
    Mixed,
    /// Mean Euclidean norm of the error of a coupled channel: what it says does not depend on the axes.
    Norm,
    /// Mean square error.
    Mse,
}

/// How the learning rate falls after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// As a half cosine.
    Cosine,
    /// By a factor whenever the validation error stops falling.
    Plateau,
}

/// Which weights a model is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// Those of the evaluation with the smallest aligned error on the validation runs.
    Best,
    /// Those of the last step.
    Last,
}

/// Number format of the network; statistics, base and sum are always double precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Single: enough, and twice as fast.
    F32,
    /// Double: for tests of symmetry.
    F64,
}

/// `[training]`: Adam with warm-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingConfig {
    /// Steps (default 2000; more learn the training cells better and other cells no better).
    pub steps: usize,
    /// Highest learning rate (default 0.003).
    pub learning_rate: f64,
    /// Steps over which the learning rate rises (default 50).
    pub warmup: usize,
    /// `"cosine"` (default) or `"plateau"`.
    pub schedule: Schedule,
    /// Of the highest learning rate: at the last step of the cosine, and the least of the plateau (default 0.005).
    pub last_rate: f64,
    /// Evaluations without a better validation error after which a plateau lowers the rate (default 3).
    pub plateau_patience: usize,
    /// By what (default 0.5).
    pub plateau_factor: f64,
    /// Evaluations without a better validation error after which training stops; 0 (default): never.
    pub patience: usize,
    /// `"best"` (default) or `"last"`.
    pub keep: Keep,
    /// Structures per step (default 1).
    pub batch: usize,
    /// Passes that the structures of a step are spread over (default 1: the network runs once over all of them together). More
    /// take less memory, and give the same gradient.
    pub passes: usize,
    /// `"mae"` (default), `"mixed"`, `"norm"` or `"mse"`.
    pub loss: Loss,
    /// Weight of the error of the traces (`model.trace`), relative to that of the operator; 0 (default): none.
    pub trace_weight: f64,
    /// Is the reference of each structure shifted by the μS that fits the prediction best? For sets whose zero of energy is
    /// arbitrary. μ is at most 2.7 eV. Default `false`.
    pub gauge: bool,
    /// Largest norm of the gradient of the error relative to that of the base (default 10).
    pub clip: f64,
    /// Adam's decays of the first and second moment (default 0.9, 0.99: the second forgets faster than the usual 0.999, since
    /// batches are single structures and runs are short).
    pub adam: [f64; 2],
    /// Decay of the weights per step, relative to the learning rate (default 0).
    pub weight_decay: f64,
    /// Decides first weights, order of the data and the validation part (default 0).
    pub seed: u64,
    /// Decay of the running mean of the weights that is evaluated and saved; 0 (default) switches it off.
    pub ema: f64,
    /// A model that training starts from (fine-tuning), relative to the config file: weights go to where species (label, code,
    /// basis), shells and hidden channels are the same, the rest starts fresh. Statistics of the species that it knows are kept;
    /// the linear stage is fitted anew.
    pub start: Option<PathBuf>,
    /// Part of the steps after which the second stage (`model.refine`) is trained (default 0.5).
    pub refine_from: f64,
    /// From then on the first stage's learning rate is multiplied by this (default 0.1; 0: it is frozen).
    pub first_stage_rate: f64,
    /// Does the free second stage see every structure in random axes? Default `true`.
    pub rotate: bool,
    /// Are the layers' features computed again for the gradient rather than kept? Less memory, a third more time. Default `false`.
    pub recompute: bool,
    /// `"f32"` (default) or `"f64"`.
    pub precision: Precision,
    /// CPU threads of libtorch; 0 (default) leaves the choice to it.
    pub threads: usize,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        TrainingConfig {
            steps: 2000,
            learning_rate: 3e-3,
            warmup: 50,
            schedule: Schedule::Cosine,
            last_rate: 0.005,
            plateau_patience: 3,
            plateau_factor: 0.5,
            patience: 0,
            keep: Keep::Best,
            batch: 1,
            passes: 1,
            loss: Loss::Mae,
            trace_weight: 0.0,
            gauge: false,
            clip: 10.0,
            adam: [0.9, 0.99],
            weight_decay: 0.0,
            seed: 0,
            ema: 0.0,
            start: None,
            refine_from: 0.5,
            first_stage_rate: 0.1,
            rotate: true,
            recompute: false,
            precision: Precision::F32,
            threads: 0,
        }
    }
}

impl TrainingConfig {
    /// Refuses what nothing can be trained with.
    pub(super) fn check(&self) -> Result<()> {
        let positive = [("batch", self.batch as f64), ("learning_rate", self.learning_rate), ("clip", self.clip)];
        super::require_positive("training", &positive)?;
        let fractions = [
            ("ema", self.ema, 0.0..1.0),
            ("last_rate", self.last_rate, 0.0..1.0),
            ("refine_from", self.refine_from, 0.0..1.0),
            ("plateau_factor", self.plateau_factor, f64::MIN_POSITIVE..1.0),
            ("first_stage_rate", self.first_stage_rate, 0.0..1.0 + f64::EPSILON),
            ("trace_weight", self.trace_weight, 0.0..1.0 + f64::EPSILON),
            ("weight_decay", self.weight_decay, 0.0..1.0),
            ("adam", self.adam[0], 0.0..1.0),
            ("adam", self.adam[1], 0.0..1.0),
        ];
        match fractions.iter().find(|(_, value, range)| !range.contains(value)) {
            Some((name, value, _)) => Err(Error::unsupported(format!("training.{name} of {value} is outside 0 to 1"))),
            None => Ok(()),
        }
    }
}

/// `[k_space]`: an error of H(k) between converged eigenvectors (NextHAM), besides that of H(R).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KSpaceConfig {
    /// Relative to the error of H(R); 0 (default) switches it off. Errors between states are larger than those of H(R), the more so
    /// with probes: with them NextHAM's 2e-4 is the place to start, and 0.03 made the bands of graphene three times worse. Without
    /// probes, 0.03 from half of the steps on took the error of its bands from 13.9 to 9.3 meV, that of H(R) from 1.24 to 1.28 meV
    /// (200 steps of a small network on three runs).
    pub weight: f64,
    /// k points of each structure that are drawn from (default 4).
    pub points: usize,
    /// The window: all states up to this energy in eV above the Fermi level (default 5).
    pub window_ev: f64,
    /// Random combinations of the states above it that are coupled to the window (default 8; 0: none).
    pub probes: usize,
    /// Part of the steps after which it starts (default 0).
    pub from: f64,
}

impl Default for KSpaceConfig {
    fn default() -> Self {
        KSpaceConfig { weight: 0.0, points: 4, window_ev: 5.0, probes: 8, from: 0.0 }
    }
}

impl KSpaceConfig {
    /// Refuses weights and windows that are no numbers.
    pub(super) fn check(&self) -> Result<()> {
        let numbers = [("weight", self.weight, 0.0..f64::MAX), ("from", self.from, 0.0..1.0 + f64::EPSILON)];
        match numbers.iter().find(|(_, value, range)| !range.contains(value)) {
            Some((name, value, _)) => Err(Error::unsupported(format!("k_space.{name} of {value} is out of range"))),
            None if !self.window_ev.is_finite() => Err(Error::unsupported("k_space.window_ev is no number")),
            None => Ok(()),
        }
    }
}
