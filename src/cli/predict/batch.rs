//! Many runs with one model: a folder for each, a table of all, the failed ones last.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::Args;
use super::job::Job;
use super::report::FILE_NAME;
use crate::cli::Outcome;
use crate::model::predict::Predictor;
use crate::parsers::output::write_file;

/// What became of one run: its report, or why there is none.
struct Done {
    job: Job,
    report: Result<Value, String>,
}

impl Done {
    /// Why the run does not count as predicted: an error, or checks of the predicted H that do not hold.
    fn failure(&self) -> Option<String> {
        let report = match &self.report {
            Ok(report) => report,
            Err(error) => return Some(error.clone()),
        };
        let checks = report.get("checks").and_then(Value::as_array);
        let failed = checks.into_iter().flatten().filter(|check| check["holds"] != true);
        let names: Vec<&str> = failed.filter_map(|check| check["name"].as_str()).collect();
        (!names.is_empty()).then(|| format!("{}: checks failed: {}", self.job.run.display(), names.join("; ")))
    }
}

pub fn run(args: &Args, predictor: &Predictor) -> anyhow::Result<Outcome> {
    let jobs = jobs(&args.runs, &args.out)?;
    fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    let bar = progress(jobs.len());
    let done = side_by_side(jobs, args.jobs.max(1), |job| one(job, args, predictor, &bar));
    bar.finish_and_clear();
    let table = args.out.join("summary.csv");
    let text = summary(&done);
    write_file(&table, |out| out.write_all(text.as_bytes()))?;
    let failures: Vec<String> = done.iter().filter_map(Done::failure).collect();
    let (n, table) = (done.len() - failures.len(), table.display());
    crate::cli::print(&format!("{n} of {} runs predicted; {table}\n", done.len()))?;
    failures.iter().for_each(|failure| eprintln!("{failure}"));
    Ok(if failures.is_empty() { Outcome::Done } else { Outcome::Failed })
}

/// Works on `n` jobs at a time, on threads that are none of rayon's: one of those might begin another job while it waits for a part
/// of its own, and then wait for itself where runs take turns.
fn side_by_side(jobs: Vec<Job>, n: usize, work: impl Fn(Job) -> Done + Sync) -> Vec<Done> {
    let waiting = Mutex::new(jobs.into_iter().enumerate());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let worker = || {
        let mut done = Vec::new();
        while let Some((k, job)) = next() {
            done.push((k, work(job)));
        }
        done
    };
    let mut done: Vec<(usize, Done)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..n).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    done.sort_by_key(|&(k, _)| k);
    done.into_iter().map(|(_, done)| done).collect()
}

/// Folders are named after the runs: by the shortest end of the path that tells them apart.
fn jobs(runs: &[PathBuf], out: &Path) -> anyhow::Result<Vec<Job>> {
    let depth = runs.iter().map(|run| run.components().count()).max().unwrap_or(1);
    for depth in 1..=depth {
        let names: Vec<String> = runs.iter().map(|run| name(run, depth)).collect();
        if names.iter().collect::<BTreeSet<_>>().len() == runs.len() {
            let job = |(run, name): (&PathBuf, String)| Job { run: run.clone(), out: out.join(name) };
            return Ok(runs.iter().zip(names).map(job).collect());
        }
    }
    bail!("a run is named twice")
}

/// The last `depth` parts of a path, joined by `_`.
fn name(run: &Path, depth: usize) -> String {
    let parts: Vec<String> = run
        .components()
        .filter_map(|part| match part {
            std::path::Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
            _ => None,
        })
        .collect();
    parts[parts.len().saturating_sub(depth)..].join("_")
}

fn one(job: Job, args: &Args, predictor: &Predictor, bar: &ProgressBar) -> Done {
    let report = match finished(&job, args) {
        Some(report) => Ok(report),
        None => job
            .predict(predictor, args)
            .and_then(|report| Ok(serde_json::to_value(report)?))
            .map_err(|error| format!("{error:#}")),
    };
    bar.inc(1);
    Done { job, report }
}

/// The report of an earlier, interrupted batch with the same model and choices, unless the model's file is newer.
fn finished(job: &Job, args: &Args) -> Option<Value> {
    let path = job.out.join(FILE_NAME);
    let changed = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    let is_later = changed(&path)? >= changed(&args.model)?;
    let text = fs::read_to_string(path).ok().filter(|_| is_later && !args.force)?;
    let report: Value = serde_json::from_str(&text).ok()?;
    let same =
        report.get("model")?.as_str()? == args.model.to_str()? && report.get("run")?.as_str()? == job.run.to_str()?;
    let asked = serde_json::to_value(args.choices()).ok()?;
    (same && report.get("choices") == Some(&asked)).then_some(report)
}

fn progress(n: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {eta} left").ok();
    let bar = ProgressBar::new(n as u64);
    style.into_iter().for_each(|style| bar.set_style(style));
    bar
}

/// One row per run; the failed ones last.
fn summary(done: &[Done]) -> String {
    let mut text =
        "run,out,n_atoms,fermi_level_ev,mae_delta_aligned_mev,bands_occupied_mae_mev,warnings,error\n".to_owned();
    let (failed, good): (Vec<&Done>, Vec<&Done>) = done.iter().partition(|done| done.failure().is_some());
    for done in good.into_iter().chain(failed) {
        let at = |pointer: &str| {
            let value = done.report.as_ref().ok().and_then(|report| report.pointer(pointer));
            value.filter(|value| !value.is_null()).map(Value::to_string).unwrap_or_default()
        };
        let warnings = done.report.as_ref().ok().and_then(|r| r.pointer("/trust/warnings")?.as_array().map(Vec::len));
        let _ = writeln!(
            text,
            "{},{},{},{},{},{},{},{}",
            quoted(&done.job.run.display().to_string()),
            quoted(&done.job.out.display().to_string()),
            at("/n_atoms"),
            at("/fermi_level_ev"),
            at("/errors/mae_h_aligned_mev"),
            at("/errors/bands_occupied_mae_mev"),
            warnings.map(|n| n.to_string()).unwrap_or_default(),
            quoted(&done.failure().unwrap_or_default()),
        );
    }
    text
}

/// A field of a CSV file.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_by_what_tells_runs_apart() {
        let out = Path::new("pred");
        let names = |runs: &[&str]| -> Vec<String> {
            let runs: Vec<PathBuf> = runs.iter().map(PathBuf::from).collect();
            jobs(&runs, out).unwrap().iter().map(|job| job.out.display().to_string()).collect()
        };
        assert_eq!(names(&["a/000", "a/001"]), ["pred/000", "pred/001"]);
        assert_eq!(names(&["a/000", "b/000/"]), ["pred/a_000", "pred/b_000"]);
        assert!(jobs(&["a".into(), "a".into()], out).is_err());
    }

    #[test]
    fn fields_with_commas_are_quoted() {
        assert_eq!(quoted("H.csr:1:2: expected a, found \"b\""), "\"H.csr:1:2: expected a, found \"\"b\"\"\"");
    }
}
