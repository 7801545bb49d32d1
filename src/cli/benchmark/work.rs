//! What is done in a case: a trial that tells how many steps fit, training, and the errors on every group of tests. What an earlier
//! call finished with the same configuration is not done again.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::case::{Case, MODEL, UNDECIDED, Work};
use super::child::{Spent, hzero};
use super::record::{Group, LogLine, Record, Training, log};
use crate::model::network::TrainConfig;
use crate::model::network::train::checkpoint_path;
use crate::parsers::output::write_file;

/// The configuration of a network, for `hzero train`.
const CONFIG: &str = "config.toml";
/// The command line of a linear stage.
const FIT: &str = "fit.sh";
/// What fitting took.
const SPENT: &str = "spent.json";
/// Folder of the errors.
const ERRORS: &str = "eval";
/// Folder of the trial.
const TRIAL: &str = "trial";
/// Steps of a trial.
const TRIAL_STEPS: usize = 40;
/// A plan's cases are evaluated so often in the course of training, unless it says otherwise.
const N_EVALUATIONS: usize = 20;

/// Where cases are worked on.
pub struct Bench<'a> {
    /// Folder of all results.
    pub out: &'a Path,
    /// `--device` of the child processes.
    pub device: &'a str,
    /// May it start processes, or only read what is there?
    pub works: bool,
}

impl Bench<'_> {
    /// Does the case, or what of it is not done yet. `None` where that is not allowed and something is missing.
    pub fn record(&self, case: &Case) -> Option<Record> {
        let mut record = Record::new(case);
        match self.training(case).and_then(|training| Ok((training, self.groups(case)?))) {
            Ok((training, groups)) => (record.training, record.groups) = (training, groups),
            Err(_) if !self.works => return None,
            Err(error) => record.error = Some(format!("{error:#}")),
        }
        Some(record)
    }

    fn folder(&self, case: &Case) -> PathBuf {
        self.out.join(&case.folder)
    }

    fn training(&self, case: &Case) -> anyhow::Result<Option<Training>> {
        let folder = self.folder(case);
        match &case.work {
            Work::H0 => Ok(None),
            Work::Linear(gaussians) => self.fitted(&folder, case, *gaussians).map(Some),
            Work::Network(config) => {
                let config = self.within_budget(&folder, case, config)?;
                let start = case.start_folder().map(|start| self.out.join(start).join(MODEL));
                let lines = self.trained(&folder, &config, start.as_deref())?;
                Ok(Training::of_log(&lines, config.training.keep))
            }
        }
    }

    fn fitted(&self, folder: &Path, case: &Case, gaussians: usize) -> anyhow::Result<Training> {
        let arguments: Vec<String> = ["fit", "--no-calibration", "--gaussians", &gaussians.to_string(), "--out", MODEL]
            .into_iter()
            .map(str::to_owned)
            .chain(case.train.iter().map(|run| run.display().to_string()))
            .collect();
        let quoted = arguments.iter().map(|argument| format!("'{}'", argument.replace('\'', "'\\''")));
        let script = format!("hzero {}\n", quoted.collect::<Vec<_>>().join(" "));
        let is_done = is_recipe(folder, FIT, &script) && folder.join(SPENT).exists();
        if !is_done {
            self.begin(folder, FIT, &script)?;
            let spent = hzero(&arguments, 0, folder, &folder.join("fit.out"), &folder.join("fit.err"))?;
            let text = serde_json::to_string(&spent)?;
            write_file(&folder.join(SPENT), |out| out.write_all(text.as_bytes()))?;
        }
        let spent: Spent = serde_json::from_str(&fs::read_to_string(folder.join(SPENT))?)?;
        Training::of_fit(folder, spent)
    }

    /// The configuration with the steps that its budget allows.
    fn within_budget(&self, folder: &Path, case: &Case, config: &TrainConfig) -> anyhow::Result<TrainConfig> {
        let budget = &case.budget;
        let steps = match budget.seconds {
            None => budget.steps.unwrap_or(config.training.steps),
            Some(seconds) => {
                let trial_steps = budget.trial_steps.unwrap_or(TRIAL_STEPS);
                let fitting = (seconds / self.step_seconds(folder, config, trial_steps)?) as usize;
                fitting.min(budget.steps.unwrap_or(usize::MAX)).max(1)
            }
        };
        Ok(with_steps(config, steps))
    }

    /// CPU seconds (GPU: on the clock) of a step, out of a trial.
    fn step_seconds(&self, folder: &Path, config: &TrainConfig, steps: usize) -> anyhow::Result<f64> {
        let mut trial = with_steps(config, steps.max(2));
        trial.output.evaluate_every = steps.max(2);
        // It starts from nothing, one folder further down.
        trial.training.start = None;
        let lines = self.trained(&folder.join(TRIAL), &trial, None).context("trial")?;
        seconds_per_step(&lines).context("the log of the trial has no two lines")
    }

    /// Trains as a configuration says, unless that is done; the log.
    fn trained(&self, folder: &Path, config: &TrainConfig, start: Option<&Path>) -> anyhow::Result<Vec<LogLine>> {
        let text = toml::to_string(config)?;
        let model = folder.join(MODEL);
        let made = [model.clone(), checkpoint_path(&model)];
        let follows = |start: &Path| made.iter().all(|made| !made.exists() || changed(made) >= changed(start));
        let is_known = is_recipe(folder, CONFIG, &text) && start.is_none_or(follows);
        if !is_known {
            self.begin(folder, CONFIG, &text)?;
        }
        if !model.exists() || checkpoint_path(&model).exists() {
            ensure!(self.works, "not trained yet");
            let arguments = ["train", CONFIG, "--device", self.device];
            hzero(&arguments, config.training.threads, folder, &folder.join("train.out"), &folder.join("train.err"))?;
        }
        log(folder)
    }

    /// A folder with the recipe, and without what came of another one.
    fn begin(&self, folder: &Path, name: &str, recipe: &str) -> anyhow::Result<()> {
        ensure!(self.works, "not begun yet");
        let model = Path::new(MODEL);
        let files = [CONFIG, FIT, SPENT, MODEL].map(PathBuf::from).into_iter();
        let of_training = [model.with_extension("log.jsonl"), model.with_extension("svg"), checkpoint_path(model)];
        for file in files.chain(of_training).map(|file| folder.join(file)).filter(|file| file.exists()) {
            fs::remove_file(&file).with_context(|| file.display().to_string())?;
        }
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        Ok(write_file(&folder.join(name), |out| out.write_all(recipe.as_bytes()))?)
    }

    fn groups(&self, case: &Case) -> anyhow::Result<Vec<Group>> {
        let of_group = |(name, runs): &(String, Vec<PathBuf>)| {
            let runs = self.errors(case, name, runs).with_context(|| format!("test group {name}"))?;
            Ok(Group { name: name.clone(), runs })
        };
        case.tests.iter().map(of_group).collect()
    }

    /// Rows of `hzero eval` on a group of tests.
    fn errors(&self, case: &Case, group: &str, runs: &[PathBuf]) -> anyhow::Result<Vec<Map<String, Value>>> {
        let (folder, file) = (self.folder(case).join(ERRORS), format!("{group}.json"));
        let path = folder.join(&file);
        let model = self.folder(case).join(MODEL);
        let is_later = matches!(case.work, Work::H0) || changed(&path) >= changed(&model);
        if let Some(rows) = rows(&path, runs).filter(|_| is_later) {
            return Ok(rows);
        }
        ensure!(self.works, "not evaluated yet");
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let mut arguments: Vec<&str> = vec!["eval", "--json"];
        match case.work {
            Work::H0 => arguments.push("--h0"),
            _ => arguments.extend(["--equivariance", "1", "--device", self.device, "--model", "../model.safetensors"]),
        }
        let arguments = arguments.into_iter().map(PathBuf::from).chain(runs.iter().cloned()).collect::<Vec<_>>();
        let half = folder.join(format!("{group}.part"));
        hzero(&arguments, threads(case), &folder, &half, &folder.join(format!("{group}.err")))?;
        fs::rename(&half, &path).with_context(|| path.display().to_string())?;
        rows(&path, runs).with_context(|| format!("{}: rows of other runs", path.display()))
    }
}

/// Predictions have as many threads as training, so that their times compare.
fn threads(case: &Case) -> usize {
    match &case.work {
        Work::Network(config) => config.training.threads,
        _ => 0,
    }
}

fn with_steps(config: &TrainConfig, steps: usize) -> TrainConfig {
    let mut config = config.clone();
    config.training.steps = steps;
    if config.output.evaluate_every == UNDECIDED {
        config.output.evaluate_every = (steps / N_EVALUATIONS).max(1);
    }
    config
}

/// Without the first tenth of the steps, which are slower.
fn seconds_per_step(lines: &[LogLine]) -> Option<f64> {
    let last = lines.last()?;
    let first = lines.iter().find(|line| 10 * line.step > last.step)?;
    let n = last.step.checked_sub(first.step).filter(|n| *n > 0)?;
    // A step takes some time, whatever a clock of a hundredth of a second says.
    Some((last.spent() - first.spent()).max(1e-4) / n as f64)
}

fn is_recipe(folder: &Path, name: &str, recipe: &str) -> bool {
    fs::read_to_string(folder.join(name)).is_ok_and(|text| text == recipe)
}

fn changed(path: &Path) -> Option<std::time::SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

/// Rows of a report of `hzero eval`, if it is one of these runs.
fn rows(path: &Path, runs: &[PathBuf]) -> Option<Vec<Map<String, Value>>> {
    #[derive(Deserialize)]
    struct Report {
        runs: Vec<Map<String, Value>>,
    }
    let report: Report = serde_json::from_str(&fs::read_to_string(path).ok()?).ok()?;
    let is_of = |(row, run): (&Map<String, Value>, &PathBuf)| row.get("run").and_then(Value::as_str) == run.to_str();
    let fits = report.runs.len() == runs.len() && report.runs.iter().zip(runs).all(is_of);
    fits.then_some(report.runs)
}
