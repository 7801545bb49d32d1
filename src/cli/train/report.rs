//! What a training run tells: a bar or plain lines, the log, and the learning curve.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use plotters::style::RGBColor;
use serde::{Deserialize, Serialize};

use super::curve;
use crate::model::network::TrainConfig;
use crate::model::network::schedule::Best;
use crate::model::network::train::{Listener, Progress, StartFacts, Trained};
use crate::model::phases::peak_memory;
use crate::model::target::{Quantity, Target};
use crate::parsers::units::HARTREE_IN_EV;
use crate::parsers::{Error, Result};

/// Lines of the log, about, besides those with a validation.
const N_LINES: usize = 60;
/// Colours of Okabe and Ito, which colour-blind readers tell apart: blue, vermillion, green, purple, black.
const TRAINING: RGBColor = RGBColor(0, 114, 178);
const VALIDATION: RGBColor = RGBColor(213, 94, 0);
const TRACES: RGBColor = RGBColor(0, 158, 115);
const K_SPACE: RGBColor = RGBColor(204, 121, 167);
const RATE: RGBColor = RGBColor(0, 0, 0);

/// Listens to a training run.
pub struct Report {
    bar: ProgressBar,
    plain: bool,
    every: usize,
    unit: Unit,
    model: PathBuf,
    network: Network,
    log: Option<File>,
    lines: Vec<Line>,
}

/// What the log says of the network.
#[derive(Default)]
struct Network {
    n_parameters: i64,
    device: String,
}

/// In which unit errors are told, and what they are compared with.
#[derive(Clone, Copy)]
struct Unit {
    name: &'static str,
    factor: f64,
    size: &'static str,
}

impl Unit {
    fn of(target: Target) -> Self {
        match (target.quantity, target.from_h0) {
            (Quantity::Hamiltonian, true) => Unit { name: "meV", factor: mev(1.0), size: "|H - H0|" },
            (Quantity::Hamiltonian, false) => Unit { name: "meV", factor: mev(1.0), size: "|H|" },
            (Quantity::DensityMatrix, _) => Unit { name: "electrons", factor: 1.0, size: "|DM|" },
            (Quantity::Overlap, _) => Unit { name: "1", factor: 1.0, size: "|S|" },
        }
    }
}

/// A line of the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    step: usize,
    /// Of all errors that name none: meV, electrons, or 1.
    unit: String,
    /// Running mean over the channels of the steps' structures.
    train_mae: f64,
    /// Parts of the loss of this step, relative to a network that says zero.
    loss_real: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    loss_trace: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    loss_k: Option<f64>,
    /// First-order error of the energies around the Fermi level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    k_band_mae_mev: Option<f64>,
    /// Mean |μ| of this step's structures; zero without gauge.
    mu_mev: f64,
    learning_rate: f64,
    gradient_norm: f64,
    /// Steps so far that changed nothing, because loss or gradient was not finite.
    skipped: usize,
    seconds: f64,
    /// Of all threads, evaluation not counted; null where the system does not tell, as the next one.
    #[serde(default)]
    cpu_seconds: Option<f64>,
    /// The most that the process has held so far.
    #[serde(default)]
    peak_memory_mb: Option<f64>,
    #[serde(default)]
    n_parameters: i64,
    /// `Cpu`, `Cuda(0)`.
    #[serde(default)]
    device: String,
    #[serde(flatten)]
    validation: Option<Validation>,
}

/// Errors on the validation runs; the ratio is that of the aligned error to the mean size of what is learned, most often |H⁽⁰⁾ − H|.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Validation {
    validation_mae: f64,
    validation_mae_aligned: f64,
    validation_size: f64,
    validation_ratio: f64,
}

fn mev(hartree: f64) -> f64 {
    hartree * HARTREE_IN_EV * 1e3
}

impl Line {
    fn new(progress: &Progress, unit: Unit, network: &Network) -> Self {
        Line {
            step: progress.step,
            unit: unit.name.to_owned(),
            train_mae: progress.mae_train * unit.factor,
            loss_real: progress.loss.real,
            loss_trace: progress.loss.trace,
            loss_k: progress.loss.k_space,
            k_band_mae_mev: progress.loss.k_band_mae.map(mev),
            mu_mev: mev(progress.loss.shift),
            learning_rate: progress.rate,
            gradient_norm: progress.gradient,
            skipped: progress.skipped,
            seconds: progress.seconds,
            cpu_seconds: progress.cpu_seconds,
            peak_memory_mb: peak_memory().map(|bytes| bytes as f64 / 1e6),
            n_parameters: network.n_parameters,
            device: network.device.clone(),
            validation: progress.validation.map(|v| Validation {
                validation_mae: v.mae * unit.factor,
                validation_mae_aligned: v.mae_aligned * unit.factor,
                validation_size: v.mae_h0 * unit.factor,
                validation_ratio: v.mae_aligned / v.mae_h0.max(f64::MIN_POSITIVE),
            }),
        }
    }

    fn text(&self) -> String {
        let mut text = format!("step {:>6}  train {:.4} {}", self.step, self.train_mae, self.unit);
        if let Some(v) = self.validation {
            text += &format!(
                "  validation {:.4} (aligned {:.4}) of {:.2}, ratio {:.4}",
                v.validation_mae, v.validation_mae_aligned, v.validation_size, v.validation_ratio
            );
        }
        if self.skipped > 0 {
            text += &format!("  {} steps skipped (loss or gradient not finite)", self.skipped);
        }
        text + &format!("  {:.0} ms/step", 1e3 * self.seconds / self.step.max(1) as f64)
    }
}

impl Report {
    /// For a run whose model is written to `model`; log and figure stand beside it.
    pub fn new(config: &TrainConfig, model: PathBuf) -> Self {
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed}<{eta} {msg}");
        let bar = ProgressBar::new(config.training.steps as u64);
        Report {
            bar: bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())),
            plain: !std::io::stderr().is_terminal(),
            every: (config.training.steps / N_LINES).max(1),
            unit: Unit::of(config.what()),
            model,
            network: Network::default(),
            log: None,
            lines: Vec::new(),
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn say(&self, text: &str) {
        if self.plain { eprintln!("{text}") } else { self.bar.println(text) }
    }

    /// Keeps the lines of the log up to `step`: those after it will be written again.
    fn open_log(&mut self, step: usize) -> Result<()> {
        let path = self.model.with_extension("log.jsonl");
        let text = if step > 0 { std::fs::read_to_string(&path).unwrap_or_default() } else { String::new() };
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
        self.lines = lines.filter(|line| line.step <= step).collect();
        let mut log = File::create(&path).map_err(|e| Error::from(e).in_file(&path))?;
        self.lines.iter().try_for_each(|line| write_line(&mut log, line))?;
        self.log = Some(log);
        Ok(())
    }

    fn draw(&self) -> Result<()> {
        let line = |name, colour, value: &dyn Fn(&Line) -> Option<f64>| {
            let points = self.lines.iter().filter_map(|line| Some((line.step as f64, value(line)?)));
            curve::Line { name, colour, points: points.filter(|point| point.1 > 0.0).collect() }
        };
        let errors = vec![
            line("training, channels", TRAINING, &|line| Some(line.train_mae)),
            line("validation, aligned", VALIDATION, &|line| Some(line.validation?.validation_mae_aligned)),
        ];
        let course = vec![
            line("loss, channels", TRAINING, &|line| Some(line.loss_real)),
            line("loss, traces", TRACES, &|line| line.loss_trace),
            line("loss, H(k)", K_SPACE, &|line| line.loss_k),
            line("learning rate", RATE, &|line| Some(line.learning_rate)),
        ];
        let title = format!("mean absolute error / {}", self.unit.name);
        let errors = curve::Panel { title: &title, lines: errors };
        let document = curve::svg(&[errors, curve::Panel { title: "loss relative to saying zero", lines: course }])?;
        let path = self.model.with_extension("svg");
        std::fs::write(&path, document).map_err(|e| Error::from(e).in_file(&path))
    }
}

/// The last line: what was done, and the best error on the validation runs.
pub fn summary(trained: &Trained, config: &TrainConfig) -> String {
    let text = format!("trained for {} steps", trained.steps);
    let Some(Best { step, error }) = trained.best else { return text };
    let kept = if trained.kept_best { "kept" } else { "not kept" };
    let Unit { name, factor, .. } = Unit::of(config.what());
    let error = error * factor;
    format!("{text}; best validation error {error:.4} {name} (aligned) at step {step}, whose weights are {kept}")
}

fn write_line(log: &mut File, line: &Line) -> Result<()> {
    writeln!(log, "{}", serde_json::to_string(line).map_err(std::io::Error::from)?)?;
    Ok(())
}

impl Listener for Report {
    fn start(&mut self, facts: &StartFacts) -> Result<()> {
        let StartFacts { n_runs: [train, validate], n_parameters, n_taken, first_step, device, mae_h0 } = facts;
        let Unit { name, factor, size } = self.unit;
        let mean = mae_h0 * factor;
        self.say(&format!(
            "{train} runs to train on, {validate} to validate (mean {size} {mean:.4} {name}), {n_parameters} parameters, {device}"
        ));
        if let Some(taken) = n_taken {
            self.say(&format!("{taken} parameters are those of the model that training starts from"));
        }
        if *first_step > 0 {
            self.say(&format!("going on from the checkpoint at step {first_step}"));
        }
        self.network = Network { n_parameters: *n_parameters, device: device.clone() };
        self.bar.set_position(*first_step as u64);
        self.open_log(*first_step)
    }

    fn step(&mut self, progress: &Progress) -> Result<()> {
        self.bar.set_position(progress.step as u64);
        if !progress.step.is_multiple_of(self.every) && progress.validation.is_none() {
            return Ok(());
        }
        let line = Line::new(progress, self.unit, &self.network);
        if let Some(log) = &mut self.log {
            write_line(log, &line)?;
        }
        if self.plain || line.validation.is_some() {
            self.say(&line.text());
        }
        self.bar.set_message(line.text());
        self.lines.push(line);
        self.draw()
    }
}
