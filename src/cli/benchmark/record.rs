//! What came of a case, as `results.json` has it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::case::{Case, MODEL, Work};
use super::child::Spent;
use super::plan::Point;
use crate::model::file::Model;
use crate::model::network::config::Keep;

/// No GPU, as logs call it.
pub const CPU: &str = "Cpu";

/// A case. Names are a contract with users' scripts.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// Name of the set.
    pub set: String,
    /// Name of the variant.
    pub variant: String,
    /// Of a network.
    pub seed: Option<u64>,
    /// Folder of configuration, model, log and errors, below that of all results.
    pub folder: PathBuf,
    /// Number of runs to learn from.
    pub n_train: usize,
    /// Number of runs that choose the weights.
    pub n_validate: usize,
    /// Where it lies on a curve.
    pub point: Option<Point>,
    /// `SET/VARIANT`, whose model training started from.
    pub start: Option<String>,
    /// What training took and came to.
    pub training: Option<Training>,
    /// Errors by groups of tests.
    pub groups: Vec<Group>,
    /// Why the case failed.
    pub error: Option<String>,
}

/// What training took and came to.
#[derive(Debug, Clone, Serialize)]
pub struct Training {
    /// Numbers that were learned.
    pub n_parameters: usize,
    /// Of a network.
    pub steps: Option<usize>,
    /// On the clock; of a network: of its steps alone.
    pub seconds: f64,
    /// Of all threads.
    pub cpu_seconds: Option<f64>,
    /// The most that the process held.
    pub peak_memory_mb: Option<f64>,
    /// `Cpu`, `Cuda(0)`.
    pub device: String,
    /// Running mean of the error on the training runs at the end.
    pub train_mae_mev: Option<f64>,
    /// Aligned error on the validation runs of the weights that are kept.
    pub validation_mae_mev: Option<f64>,
    /// Aligned errors on the validation runs in the course of training.
    pub course: Vec<Evaluation>,
}

/// Errors on the validation runs after some steps.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Evaluation {
    /// Steps.
    pub step: usize,
    /// CPU seconds, or seconds on the clock on a GPU.
    pub seconds: f64,
    /// Aligned error.
    pub validation_mae_mev: f64,
}

/// Errors on a group of tests.
#[derive(Debug, Clone, Serialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Rows of `hzero eval --json`.
    pub runs: Vec<Map<String, Value>>,
}

/// A line of the log of `hzero train`.
#[derive(Debug, Clone, Deserialize)]
pub struct LogLine {
    /// Steps so far.
    pub step: usize,
    train_mae: Option<f64>,
    seconds: f64,
    cpu_seconds: Option<f64>,
    peak_memory_mb: Option<f64>,
    n_parameters: usize,
    device: String,
    validation_mae_aligned: Option<f64>,
}

impl LogLine {
    /// CPU seconds, or seconds on the clock where a GPU does the work.
    pub fn spent(&self) -> f64 {
        spent(&self.device, self.seconds, self.cpu_seconds)
    }
}

fn spent(device: &str, seconds: f64, cpu_seconds: Option<f64>) -> f64 {
    cpu_seconds.filter(|_| device == CPU).unwrap_or(seconds)
}

/// The log in a folder.
pub fn log(folder: &Path) -> anyhow::Result<Vec<LogLine>> {
    let path = Path::new(MODEL).with_extension("log.jsonl");
    let path = folder.join(path);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let lines = text.lines().map(serde_json::from_str).collect::<Result<Vec<LogLine>, _>>();
    lines.with_context(|| path.display().to_string())
}

impl Training {
    /// CPU seconds, or seconds on the clock where a GPU did the work.
    pub fn spent(&self) -> f64 {
        spent(&self.device, self.seconds, self.cpu_seconds)
    }

    /// Of a network, as its log tells.
    pub fn of_log(lines: &[LogLine], keep: Keep) -> Option<Self> {
        let last = lines.last()?;
        let evaluation = |line: &LogLine| {
            let validation_mae_mev = line.validation_mae_aligned?;
            Some(Evaluation { step: line.step, seconds: line.spent(), validation_mae_mev })
        };
        let course: Vec<Evaluation> = lines.iter().filter_map(evaluation).collect();
        let mut errors = course.iter().map(|evaluation| evaluation.validation_mae_mev);
        Some(Training {
            n_parameters: last.n_parameters,
            steps: Some(last.step),
            seconds: last.seconds,
            cpu_seconds: last.cpu_seconds,
            peak_memory_mb: lines.iter().filter_map(|line| line.peak_memory_mb).reduce(f64::max),
            device: last.device.clone(),
            train_mae_mev: last.train_mae,
            validation_mae_mev: match keep {
                Keep::Best => errors.reduce(f64::min),
                Keep::Last => errors.next_back(),
            },
            course,
        })
    }

    /// Of a linear stage, in whose folder `spent.json` tells what it took.
    pub fn of_fit(folder: &Path, spent: Spent) -> anyhow::Result<Self> {
        let model = Model::read(&folder.join(MODEL))?;
        Ok(Training {
            n_parameters: model.linear.as_ref().map_or(0, |stage| stage.n_weights()),
            steps: None,
            seconds: spent.seconds,
            cpu_seconds: spent.cpu_seconds,
            peak_memory_mb: spent.peak_memory_mb,
            device: CPU.to_owned(),
            train_mae_mev: None,
            validation_mae_mev: None,
            course: Vec::new(),
        })
    }
}

impl Record {
    /// Of a case without results yet.
    pub fn new(case: &Case) -> Self {
        Record {
            set: case.set.clone(),
            variant: case.variant.clone(),
            seed: case.seed,
            folder: case.folder.clone(),
            n_train: if matches!(case.work, Work::H0) { 0 } else { case.train.len() },
            n_validate: case.validate.len(),
            point: case.point.clone(),
            start: case.start.clone(),
            training: None,
            groups: Vec::new(),
            error: None,
        }
    }

    /// Rows of a group of tests.
    pub fn group(&self, name: &str) -> &[Map<String, Value>] {
        self.groups.iter().find(|group| group.name == name).map_or(&[], |group| &group.runs)
    }

    /// A number of every run of a group, where it is known.
    pub fn numbers(&self, group: &str, field: &str) -> Vec<f64> {
        self.group(group).iter().filter_map(|run| run.get(field)?.as_f64()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(step: usize, seconds: f64, validation: Option<f64>) -> LogLine {
        LogLine {
            step,
            train_mae: Some(1.0),
            seconds,
            cpu_seconds: Some(2.0 * seconds),
            peak_memory_mb: Some(100.0 / step as f64),
            n_parameters: 7,
            device: "Cpu".to_owned(),
            validation_mae_aligned: validation,
        }
    }

    #[test]
    fn the_validation_error_is_that_of_the_weights_that_are_kept() {
        let lines = [line(1, 1.0, None), line(2, 2.0, Some(0.3)), line(3, 3.0, Some(0.5))];
        let [best, last] = [Keep::Best, Keep::Last].map(|keep| Training::of_log(&lines, keep).unwrap());
        assert_eq!((best.validation_mae_mev, last.validation_mae_mev), (Some(0.3), Some(0.5)));
        assert_eq!((best.steps, best.peak_memory_mb, best.spent()), (Some(3), Some(100.0), 6.0));
        assert_eq!(best.course.iter().map(|e| (e.step, e.seconds)).collect::<Vec<_>>(), [(2, 4.0), (3, 6.0)]);
    }
}
