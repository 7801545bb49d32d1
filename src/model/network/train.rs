//! A whole training run: data, base, steps, evaluation, checkpoints.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use super::batch::{Batch, Preparation};
use super::config::{Base, Input, Keep, LinearConfig, ModelConfig, Schedule, TrainConfig, TrainingConfig};
use super::data::{Data, Folders, WatchedError, watch};
use super::device::{DeviceChoice, set_threads};
use super::kspace::Sampling;
use super::predictor::{base, predict};
use super::schedule::Best;
use super::statistics::Statistics;
use super::stored::{self, NetworkHeader, Stored};
use super::trainer::{LossReport, StepReport, Trainer};
use super::transfer;
use crate::model::file::{Header, LinearHeader, Model, SCHEMA_VERSION};
use crate::model::linear::{FitReport, FitSettings, LinearStage, fit};
use crate::model::phases::cpu_seconds;
use crate::model::{Channels, Sample};
use crate::parsers::{Error, Result};

/// What is told while training runs; one line of the log each. Energies in hartree.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: usize,
    /// The loss of the step's structures, before the step.
    pub loss: LossReport,
    /// Running mean of the mean absolute error.
    pub mae_train: f64,
    /// Learning rate.
    pub rate: f64,
    /// Norm of the last gradient before clipping.
    pub gradient: f64,
    /// Seconds of training so far, evaluation not counted.
    pub seconds: f64,
    /// CPU seconds of all threads that they took; `None` where the system does not tell.
    pub cpu_seconds: Option<f64>,
    /// Steps so far that changed nothing, because their loss or gradient was not finite.
    pub skipped: usize,
    /// Errors on the validation runs, at intervals.
    pub validation: Option<WatchedError>,
}

/// A finished training run.
#[derive(Debug)]
pub struct Trained {
    /// The model, as it was written.
    pub model: Model,
    /// Steps done.
    pub steps: usize,
    /// The best evaluation on the validation runs, if there were any; hartree.
    pub best: Option<Best>,
    /// Are the weights those of the best evaluation?
    pub kept_best: bool,
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
    /// How many of them are those of another model that training starts from.
    pub n_taken: Option<i64>,
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
pub fn train(config: &TrainConfig, root: &Path, device: DeviceChoice, listener: &mut dyn Listener) -> Result<Trained> {
    config.check()?;
    let device = device.device()?;
    let sampling = Sampling { config: &config.k_space, seed: config.training.seed };
    let data = Folders::find(&config.data, root, config.training.seed)?.read(config.what(), &sampling)?;
    train_on(data, config, root, device, listener)
}

/// As [`train`], on runs that are in memory.
pub(super) fn train_on(
    data: Data,
    config: &TrainConfig,
    root: &Path,
    device: Device,
    listener: &mut dyn Listener,
) -> Result<Trained> {
    check_validation(config, &data)?;
    set_threads(config.training.threads);
    let config = &with_spin(config, &data);
    let checkpoint = checkpoint_path(&root.join(&config.output.model));
    let mut run = if checkpoint.exists() {
        Run::resume(config, data, &checkpoint, device)?
    } else {
        Run::new(config, data, root, device)?
    };
    listener.start(&run.facts(device))?;
    run.steps(config, &checkpoint, listener)?;
    let trained = run.finish(config);
    trained.model.write(&root.join(&config.output.model))?;
    std::fs::remove_file(&checkpoint).or_else(ignore_absent)?;
    Ok(trained)
}

/// The configuration for these runs: a network for collinear spin sees the exchange field, or it could not tell the spins apart.
fn with_spin(config: &TrainConfig, data: &Data) -> TrainConfig {
    let mut config = config.clone();
    if data.train.iter().any(|sample| sample.exchange.is_some()) && !config.model.uses_exchange() {
        config.model.inputs.push(Input::Exchange);
    }
    config
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
    /// Weights of the best evaluation.
    best: Option<Tensor>,
    seconds: f64,
    cpu_seconds: Option<f64>,
    /// Parameters of another model that training started from.
    taken: Option<i64>,
}

impl Run {
    fn new(config: &TrainConfig, data: Data, root: &Path, device: Device) -> Result<Self> {
        let start = config.training.start.as_ref();
        if start.is_some() && config.model.uses_exchange() {
            return Err(Error::unsupported(
                "training.start: models of collinear spin cannot be started from another model",
            ));
        }
        let old = start.map(|path| transfer::read(&root.join(path), config, device)).transpose()?;
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
        let statistics = statistics(&data, &config.model, &residuals, old.as_ref())?;
        let kind = stored::kind(config.training.precision);
        let preparation = Preparation::new(&config.model, &data.slots, statistics, kind, device)
            .of_quantity(data.target.quantity)
            .with_exchange(config.model.uses_exchange().then(|| exchange_statistics(&data)));
        let batches = batches(&data, &preparation, &residuals)?;
        let model = Model { header, slots: data.slots.clone(), linear: linear.clone(), network: None };
        let trainer = Trainer::new(preparation, &config.training, batches)?;
        let mut trainer = trainer.with_k_space(&config.k_space, &data.train, &data.states);
        let taken = old.map(|old| {
            let start = transfer::weights(&old, &trainer.network, &trainer.preparation, &trainer.weights);
            trainer.start_from(start.weights);
            start.taken
        });
        Ok(Run { trainer, data, model, linear, best: None, seconds: 0.0, cpu_seconds: Some(0.0), taken })
    }

    /// Goes on from a checkpoint: base and statistics are those of the checkpoint, so nothing is fitted again.
    fn resume(config: &TrainConfig, data: Data, checkpoint: &Path, device: Device) -> Result<Self> {
        let model = Model::read(checkpoint)?;
        let stored = stored::load(&model, device).map_err(|e| e.in_file(checkpoint))?;
        let NetworkHeader { model: shape, training, k_space, .. } = &stored.header;
        let given = (&config.model, &published(&config.training), &config.k_space);
        if (shape, training, k_space) != given || !belongs(&model, &config.linear, &data) {
            let message = "the checkpoint belongs to another configuration; move it away to start anew";
            return Err(Error::unsupported(message).in_file(checkpoint));
        }
        let state = stored::load_optimizer(&model, &stored).map_err(|e| e.in_file(checkpoint))?;
        let linear = model.linear.clone();
        let residuals = residuals(&data, config.model.base, linear.as_ref())?;
        let batches = batches(&data, &stored.preparation, &residuals)?;
        let trainer = Trainer::new(stored.preparation, &config.training, batches)?;
        let mut trainer = trainer.with_k_space(&config.k_space, &data.train, &data.states);
        trainer.weights = state.weights.set_requires_grad(true);
        trainer.average = stored.weights;
        trainer.adam = state.adam;
        trainer.step = stored.header.step;
        trainer.course = stored.header.course;
        let NetworkHeader { seconds, cpu_seconds, .. } = stored.header;
        Ok(Run { trainer, data, model, linear, best: state.best, seconds, cpu_seconds, taken: None })
    }

    fn facts(&self, device: Device) -> StartFacts {
        let delta_of_zero = |sample: &Sample| Ok(Channels::zeros(&sample.graph, sample.width()));
        let mae_h0 = watch(&self.data.validate, &self.data.slots, delta_of_zero).map_or(0.0, |error| error.mae_h0);
        StartFacts {
            n_runs: [self.data.train.len(), self.data.validate.len()],
            n_parameters: self.trainer.network.table.n_parameters(),
            n_taken: self.taken,
            first_step: self.trainer.step,
            device: format!("{device:?}"),
            mae_h0,
        }
    }

    fn steps(&mut self, config: &TrainConfig, checkpoint: &Path, listener: &mut dyn Listener) -> Result<()> {
        while !self.trainer.is_over() {
            let (start, cpu) = (Instant::now(), cpu_seconds());
            let report = self.trainer.step()?;
            self.seconds += start.elapsed().as_secs_f64();
            let spent = cpu.zip(cpu_seconds()).map(|(before, after)| after - before);
            self.cpu_seconds = self.cpu_seconds.zip(spent).map(|(all, step)| all + step);
            let due =
                |interval: usize, run: &Run| run.trainer.is_over() || run.trainer.step.is_multiple_of(interval.max(1));
            let validation = if due(config.output.evaluate_every, self) { self.evaluate(config)? } else { None };
            listener.step(&self.progress(&report, validation))?;
            if due(config.output.checkpoint_every, self) {
                self.save(config, None);
                let Trainer { weights, adam, .. } = &self.trainer;
                stored::store_optimizer(&mut self.model, weights, adam, self.best.as_ref());
                self.model.write(checkpoint)?;
            }
        }
        Ok(())
    }

    fn progress(&self, report: &StepReport, validation: Option<WatchedError>) -> Progress {
        let StepReport { loss, rate, gradient } = *report;
        let Trainer { step, course, .. } = self.trainer;
        let mae_train = course.running.unwrap_or(loss.mae);
        let Run { seconds, cpu_seconds, .. } = *self;
        Progress { step, loss, mae_train, rate, gradient, seconds, cpu_seconds, skipped: course.skipped, validation }
    }

    /// Errors on the validation runs; keeps the weights if they are the best.
    fn evaluate(&mut self, config: &TrainConfig) -> Result<Option<WatchedError>> {
        if self.data.validate.is_empty() {
            return Ok(None);
        }
        let error = self.validate()?;
        let step = self.trainer.step;
        if self.trainer.course.evaluated(&config.training, step, error.decisive()) && keeps_best(config) {
            self.best = Some(self.trainer.average.copy());
        }
        Ok(Some(error))
    }

    fn validate(&self) -> Result<WatchedError> {
        let Trainer { preparation, network, average, .. } = &self.trainer;
        watch(&self.data.validate, &self.data.slots, |sample| {
            let linear = self.linear.as_ref().map(|stage| stage.predict(sample, &self.data.slots)).transpose()?;
            predict(preparation, network, average, sample, linear, None)
        })
    }

    /// Puts weights into the model: those of the moment unless others are given.
    fn save(&mut self, config: &TrainConfig, weights: Option<&Tensor>) {
        let Trainer { preparation, network, average, step, course, .. } = &self.trainer;
        let header = NetworkHeader {
            model: config.model.clone(),
            training: published(&config.training),
            k_space: config.k_space.clone(),
            step: *step,
            seconds: self.seconds,
            cpu_seconds: self.cpu_seconds,
            course: *course,
            ranges: [preparation.input.range, preparation.output.range],
        };
        stored::store(&mut self.model, &header, preparation, network, weights.unwrap_or(average));
    }

    fn finish(mut self, config: &TrainConfig) -> Trained {
        let best = self.best.take();
        self.save(config, best.as_ref());
        let (steps, kept_best) = (self.trainer.step, best.is_some());
        Trained { model: self.model, steps, best: self.trainer.course.best, kept_best }
    }
}

/// The linear stage, where it is asked for.
fn linear_stage(config: &LinearConfig, data: &Data) -> Result<Option<(LinearStage, FitReport)>> {
    let default = FitSettings::default();
    let potential = default.potential.filter(|_| config.potential);
    let settings = FitSettings { bond_gaussians: config.gaussians, potential, ..default };
    config.enabled.then(|| fit(&data.train, &[], &data.slots, &settings)).transpose()
}

fn keeps_best(config: &TrainConfig) -> bool {
    config.training.keep == Keep::Best
}

/// Refuses to wait for an improvement that nothing would show.
fn check_validation(config: &TrainConfig, data: &Data) -> Result<()> {
    let training = &config.training;
    if data.validate.is_empty() && (training.patience > 0 || training.schedule == Schedule::Plateau) {
        let message = "training.patience and training.schedule = \"plateau\" need validation runs, but there are none";
        return Err(Error::unsupported(message));
    }
    Ok(())
}

/// What the base leaves to learn, for every training sample.
fn residuals(data: &Data, kind: Base, linear: Option<&LinearStage>) -> Result<Vec<Channels>> {
    let residual = |sample: &Sample| {
        let mut rest = sample.require_target()?.clone();
        let linear = linear.map(|stage| stage.predict(sample, &data.slots)).transpose()?;
        rest.add(&base(kind, sample, linear), -1.0);
        Ok(rest)
    };
    data.train.iter().map(residual).collect()
}

/// Of the input, which is H⁽⁰⁾ (or S where that is not seen), and of what is to learn. Without a base, its mean counts as zero.
/// Those that `old` has of the same species are kept.
fn statistics(
    data: &Data,
    model: &ModelConfig,
    residuals: &[Channels],
    old: Option<&Stored>,
) -> Result<[Statistics; 2]> {
    let samples: Vec<&Sample> = data.train.iter().collect();
    let input = |sample| if model.uses_h0() { Sample::require_h0(sample) } else { Ok(&sample.overlap) };
    let inputs: Vec<&Channels> = data.train.iter().map(input).collect::<Result<_>>()?;
    let residuals: Vec<&Channels> = residuals.iter().collect();
    let has_mean = model.base != Base::None;
    let Some(Stored { preparation: old, .. }) = old else {
        let output = if has_mean { Statistics::measure } else { Statistics::about_zero };
        return Ok([Statistics::measure(&samples, &inputs, &data.slots), output(&samples, &residuals, &data.slots)]);
    };
    let kept = |old_statistics: &Statistics, mean: bool, operators: &[&Channels]| {
        let new = Statistics::within(old_statistics.range, mean, &samples, operators, &data.slots);
        transfer::statistics(old_statistics, new, [&old.slots, &data.slots])
    };
    Ok([kept(&old.input, true, &inputs), kept(&old.output, has_mean, &residuals)])
}

/// Of the exchange field, which exchanging the spins turns round: so it has no mean.
/// What a model file says of its training: no path of a machine.
fn published(training: &TrainingConfig) -> TrainingConfig {
    let start = training.start.as_ref().and_then(|path| Some(path.file_name()?.into()));
    TrainingConfig { start, ..training.clone() }
}

/// Is a checkpoint's model one of these data, with this linear stage?
fn belongs(model: &Model, config: &LinearConfig, data: &Data) -> bool {
    let stage = |stage: &LinearStage| {
        stage.config.bond_gaussians == config.gaussians && stage.config.potential.is_some() == config.potential
    };
    let linear = model.linear.as_ref().map_or(!config.enabled, |linear| config.enabled && stage(linear));
    linear && model.slots == data.slots && model.header.target == data.target && model.header.training == data.about
}

fn exchange_statistics(data: &Data) -> Statistics {
    let none = |sample: &Sample| Channels::zeros(&sample.graph, sample.width());
    let field = |sample: &Sample| sample.exchange.clone().unwrap_or_else(|| none(sample));
    let fields: Vec<Channels> = data.train.iter().map(field).collect();
    let samples: Vec<&Sample> = data.train.iter().collect();
    Statistics::about_zero(&samples, &fields.iter().collect::<Vec<_>>(), &data.slots)
}

fn batches(data: &Data, preparation: &Preparation, residuals: &[Channels]) -> Result<Vec<Batch>> {
    data.train.iter().zip(residuals).map(|(sample, rest)| preparation.batch(sample, Some(rest), usize::MAX)).collect()
}
