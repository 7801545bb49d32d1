//! A whole training run: data, base, steps, evaluation, checkpoints.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tch::Device;

use super::batch::{Batch, Preparation};
use super::config::{Base, LinearConfig, ModelConfig, TrainConfig};
use super::data::{Data, Folders, WatchedError, watch};
use super::device::{DeviceChoice, set_threads};
use super::predictor::{base, predict};
use super::statistics::Statistics;
use super::stored::{self, NetworkHeader};
use super::trainer::{StepReport, Trainer};
use crate::model::file::{Header, LinearHeader, Model, SCHEMA_VERSION};
use crate::model::linear::{FitReport, FitSettings, LinearStage, fit};
use crate::model::{Channels, Sample};
use crate::parsers::{Error, Result};

/// What is told while training runs; one line of the log each. Energies in hartree.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: usize,
    /// Mean absolute error over the channels of the step's structures, before the step.
    pub mae_step: f64,
    /// Running mean of it.
    pub mae_train: f64,
    /// Learning rate.
    pub rate: f64,
    /// Norm of the last gradient before clipping.
    pub gradient: f64,
    /// Seconds of training so far, evaluation not counted.
    pub seconds: f64,
    /// Errors on the validation runs, at intervals.
    pub validation: Option<WatchedError>,
}

/// Listens to a training run.
pub trait Listener {
    /// Once, before the first step: numbers of runs, parameters, and the step from which it goes on.
    fn start(&mut self, facts: &StartFacts) -> Result<()>;
    /// After every step.
    fn step(&mut self, progress: &Progress) -> Result<()>;
}

/// What is known before the first step.
#[derive(Debug, Clone)]
pub struct StartFacts {
    /// Runs to learn from and to watch.
    pub n_runs: [usize; 2],
    /// Number of parameters.
    pub n_parameters: i64,
    /// First step.
    pub first_step: usize,
    /// Where it runs.
    pub device: String,
    /// Mean |ΔH| of the validation runs, hartree.
    pub mae_h0: f64,
}

/// Trains as `config` says; its paths are relative to `root`. Goes on from a checkpoint if there is one.
///
/// # Errors
/// What reading the runs can give; `Unsupported` where a checkpoint belongs to another configuration.
pub fn train(config: &TrainConfig, root: &Path, device: DeviceChoice, listener: &mut dyn Listener) -> Result<Model> {
    config.check()?;
    let device = device.device()?;
    let data = Folders::find(&config.data, root, config.training.seed)?.read(config.what())?;
    train_on(data, config, root, device, listener)
}

/// As [`train`], on runs that are in memory.
pub(super) fn train_on(
    data: Data,
    config: &TrainConfig,
    root: &Path,
    device: Device,
    listener: &mut dyn Listener,
) -> Result<Model> {
    set_threads(config.training.threads);
    let checkpoint = checkpoint_path(&root.join(&config.output.model));
    let mut run = if checkpoint.exists() {
        Run::resume(config, data, &checkpoint, device)?
    } else {
        Run::new(config, data, device)?
    };
    listener.start(&run.facts(device))?;
    run.steps(config, &checkpoint, listener)?;
    run.model.write(&root.join(&config.output.model))?;
    std::fs::remove_file(&checkpoint).or_else(ignore_absent)?;
    Ok(run.model)
}

fn ignore_absent(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// `x.safetensors` → `x.checkpoint.safetensors`.
pub fn checkpoint_path(model: &Path) -> PathBuf {
    model.with_extension("checkpoint.safetensors")
}

/// A training run in memory.
struct Run {
    data: Data,
    /// Header, linear stage, and the network as of the last save.
    model: Model,
    linear: Option<LinearStage>,
    trainer: Trainer,
    seconds: f64,
}

impl Run {
    fn new(config: &TrainConfig, data: Data, device: Device) -> Result<Self> {
        let mut header = Header {
            schema_version: SCHEMA_VERSION,
            species: data.slots.species().to_vec(),
            slots: data.slots.shells().to_vec(),
            target: data.target,
            training: data.about.clone(),
            linear: None,
            network: None,
            calibration: None,
        };
        let linear = linear_stage(&config.linear, &data)?.map(|(stage, report)| {
            header.linear = Some(LinearHeader { config: stage.config.clone(), report });
            stage
        });
        let residuals = residuals(&data, config.model.base, linear.as_ref())?;
        let statistics = statistics(&data, &config.model, &residuals)?;
        let kind = stored::kind(config.training.precision);
        let preparation = Preparation::new(&config.model, &data.slots, statistics, kind, device);
        let batches = batches(&data, &preparation, &residuals)?;
        let model = Model { header, slots: data.slots.clone(), linear: linear.clone(), network: None };
        Ok(Run { trainer: Trainer::new(preparation, &config.training, batches), data, model, linear, seconds: 0.0 })
    }

    /// Goes on from a checkpoint: base and statistics are those of the checkpoint, so nothing is fitted again.
    fn resume(config: &TrainConfig, data: Data, checkpoint: &Path, device: Device) -> Result<Self> {
        let mut model = Model::read(checkpoint)?;
        let stored = stored::load(&model, device).map_err(|e| e.in_file(checkpoint))?;
        let NetworkHeader { model: shape, training, .. } = &stored.header;
        if (shape, training) != (&config.model, &config.training) || model.slots != data.slots {
            let message = "the checkpoint belongs to another configuration; move it away to start anew";
            return Err(Error::unsupported(message).in_file(checkpoint));
        }
        model.header.training = data.about.clone();
        let state = stored::load_optimizer(&model, &stored).map_err(|e| e.in_file(checkpoint))?;
        let linear = model.linear.clone();
        let residuals = residuals(&data, config.model.base, linear.as_ref())?;
        let batches = batches(&data, &stored.preparation, &residuals)?;
        let mut trainer = Trainer::new(stored.preparation, &config.training, batches);
        trainer.weights = state.weights.set_requires_grad(true);
        trainer.average = stored.weights;
        trainer.adam = state.adam;
        trainer.step = stored.header.step;
        Ok(Run { trainer, data, model, linear, seconds: stored.header.seconds })
    }

    fn facts(&self, device: Device) -> StartFacts {
        let delta_of_zero = |sample: &Sample| Ok(Channels::zeros(&sample.graph, sample.width()));
        let mae_h0 = watch(&self.data.validate, &self.data.slots, delta_of_zero).map_or(0.0, |error| error.mae_h0);
        StartFacts {
            n_runs: [self.data.train.len(), self.data.validate.len()],
            n_parameters: self.trainer.network.table.n_parameters(),
            first_step: self.trainer.step,
            device: format!("{device:?}"),
            mae_h0,
        }
    }

    fn steps(&mut self, config: &TrainConfig, checkpoint: &Path, listener: &mut dyn Listener) -> Result<()> {
        let mut running: Option<f64> = None;
        while self.trainer.step < config.training.steps {
            let start = Instant::now();
            let report = self.trainer.step();
            self.seconds += start.elapsed().as_secs_f64();
            let mae = running.map_or(report.mae, |mean| FORGET * report.mae + (1.0 - FORGET) * mean);
            running = Some(mae);
            let (step, last) = (self.trainer.step, self.trainer.step == config.training.steps);
            let due = |interval: usize| last || step.is_multiple_of(interval.max(1));
            let validation = due(config.output.evaluate_every).then(|| self.validate()).transpose()?;
            let StepReport { mae: mae_step, rate, gradient } = report;
            let seconds = self.seconds;
            listener.step(&Progress { step, mae_step, mae_train: mae, rate, gradient, seconds, validation })?;
            if due(config.output.checkpoint_every) {
                self.save(config);
                stored::store_optimizer(&mut self.model, &self.trainer.weights, &self.trainer.adam);
                self.model.write(checkpoint)?;
            }
        }
        self.save(config);
        Ok(())
    }

    fn validate(&self) -> Result<WatchedError> {
        let Trainer { preparation, network, average, .. } = &self.trainer;
        watch(&self.data.validate, &self.data.slots, |sample| {
            let linear = self.linear.as_ref().map(|stage| stage.predict(sample, &self.data.slots)).transpose()?;
            predict(preparation, network, average, sample, linear.as_ref())
        })
    }

    /// Puts the present weights into the model.
    fn save(&mut self, config: &TrainConfig) {
        let Trainer { preparation, network, average, step, .. } = &self.trainer;
        let header = NetworkHeader {
            model: config.model.clone(),
            training: config.training.clone(),
            step: *step,
            seconds: self.seconds,
            ranges: [preparation.input.range, preparation.output.range],
        };
        stored::store(&mut self.model, &header, preparation, network, average);
    }
}

/// The linear stage, where it is asked for.
fn linear_stage(config: &LinearConfig, data: &Data) -> Result<Option<(LinearStage, FitReport)>> {
    let default = FitSettings::default();
    let potential = default.potential.filter(|_| config.potential);
    let settings = FitSettings { bond_gaussians: config.gaussians, potential, ..default };
    config.enabled.then(|| fit(&data.train, &[], &data.slots, &settings)).transpose()
}

/// Weight of the newest step in the running mean of the training error.
const FORGET: f64 = 0.05;

/// What the base leaves to learn, for every training sample.
fn residuals(data: &Data, kind: Base, linear: Option<&LinearStage>) -> Result<Vec<Channels>> {
    let residual = |sample: &Sample| {
        let mut rest = sample.require_target()?.clone();
        let linear = linear.map(|stage| stage.predict(sample, &data.slots)).transpose()?;
        rest.add(&base(kind, sample, linear.as_ref()), -1.0);
        Ok(rest)
    };
    data.train.iter().map(residual).collect()
}

/// Of the input, which is H⁽⁰⁾ (or S where that is not seen), and of what is to learn. Without a base, its mean counts as zero.
fn statistics(data: &Data, model: &ModelConfig, residuals: &[Channels]) -> Result<[Statistics; 2]> {
    let samples: Vec<&Sample> = data.train.iter().collect();
    let input = |sample| if model.uses_h0() { Sample::require_h0(sample) } else { Ok(&sample.overlap) };
    let inputs: Vec<&Channels> = data.train.iter().map(input).collect::<Result<_>>()?;
    let residuals: Vec<&Channels> = residuals.iter().collect();
    let output = if model.base == Base::None { Statistics::about_zero } else { Statistics::measure };
    Ok([Statistics::measure(&samples, &inputs, &data.slots), output(&samples, &residuals, &data.slots)])
}

fn batches(data: &Data, preparation: &Preparation, residuals: &[Channels]) -> Result<Vec<Batch>> {
    data.train.iter().zip(residuals).map(|(sample, rest)| preparation.batch(sample, Some(rest), usize::MAX)).collect()
}
