//! `hzero eval`.

mod density;
mod details;
mod equivariance;
mod hamiltonian;
mod overlap;

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Serialize;

pub use self::density::DensityRow;
use self::equivariance::Equivariance;
pub use self::hamiltonian::HamiltonianRow;
use self::overlap::OverlapRow;
use super::Outcome;
use super::run_args::RunFiles;
use crate::model::equivariance::equivariance_error;
use crate::model::phases::cpu_seconds;
use crate::model::predict::Predictor;
use crate::model::target::Quantity;
use crate::parsers::{Calculation, SpinOperator, read};

/// Errors of a model on runs whose converged Hamiltonian is known
///
/// Matrix elements: mean absolute errors in meV over all stored elements, raw and after removing the error's own rigid
/// shift mu S, which changes no band relative to the Fermi level. Bands: on the run's k mesh, after one rigid shift per
/// structure (the mean error of its occupied states).
#[derive(clap::Args)]
pub struct Args {
    /// Folders of runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Model file
    #[arg(long, short, value_name = "FILE", required_unless_present = "h0")]
    model: Option<PathBuf>,
    /// No model: the errors of H0 itself, which a prediction is to beat
    #[arg(long, conflicts_with_all = ["model", "equivariance"])]
    h0: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print errors by species, shells and distance, and the worst blocks
    #[arg(long)]
    details: bool,
    /// Leave the bands out
    #[arg(long)]
    no_bands: bool,
    /// Also turn every run by N fixed rotations and the inversion: how far is the model from equivariance?
    #[arg(long, value_name = "N", default_value_t = 0)]
    equivariance: usize,
    /// auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    device: String,
    #[command(flatten)]
    files: RunFiles,
}

/// What to compare besides matrix elements.
#[derive(Clone, Copy)]
pub struct Wanted {
    /// Bands on the run's k mesh.
    pub bands: bool,
    /// Errors by part.
    pub details: bool,
}

impl Wanted {
    fn of(args: &Args) -> Self {
        Wanted { bands: !args.no_bands, details: args.details }
    }
}

/// What is said of a run.
trait Row: Serialize + Sized {
    /// Head of the table.
    fn head() -> String;
    /// The same with the run's name.
    fn named(self, run: String) -> Self;
    /// Its line of the table.
    fn line(&self) -> String;
    /// What stands below the table.
    fn below(&self) -> String {
        String::new()
    }
    /// Means over runs.
    fn mean(rows: &[Self]) -> Self;
}

#[derive(Serialize)]
struct Report<R> {
    schema_version: u32,
    /// Null for H0 itself.
    model: Option<PathBuf>,
    runs: Vec<R>,
    all: R,
}

pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let Some(model) = &args.model else { return report(&args, |run| h0_row(run, &args)) };
    let predictor = Predictor::load(model, &args.device)?;
    let timed = timed(&predictor);
    match predictor.model().header.target.quantity {
        Quantity::Hamiltonian => report(&args, |run| {
            let (found, cost) = timed(run)?;
            hamiltonian_row(&predictor, &args, run, &found, cost)
        }),
        Quantity::DensityMatrix => report(&args, |run| {
            let (found, Cost { seconds, .. }) = timed(run)?;
            DensityRow::new(run, &found, seconds)
        }),
        Quantity::Overlap => report(&args, |run| {
            let (found, Cost { seconds, .. }) = timed(run)?;
            OverlapRow::new(run, &found, seconds)
        }),
    }
}

/// What a prediction took.
struct Cost {
    /// On the clock.
    seconds: f64,
    /// Of all threads.
    cpu_seconds: Option<f64>,
}

/// A prediction is repeated for so long, since systems count CPU time in hundredths of a second.
const MEASURED: Duration = Duration::from_millis(250);
/// In the first prediction of all, threads, caches and a GPU are new: it counts only if it took so long that this does not matter.
const LONG: Duration = Duration::from_secs(10);

/// Predicts runs, and tells how long each took. A short prediction is repeated, its first time not counted.
fn timed(predictor: &Predictor) -> impl Fn(&Calculation) -> anyhow::Result<(SpinOperator, Cost)> {
    let is_warm = Cell::new(false);
    move |run| {
        let enough = if is_warm.replace(true) { MEASURED } else { LONG };
        let (predicted, cost) = repeated(predictor, run, Duration::ZERO)?;
        if cost.seconds >= enough.as_secs_f64() { Ok((predicted, cost)) } else { repeated(predictor, run, MEASURED) }
    }
}

/// Predicts a run at least once, and for so long; what one time took.
fn repeated(predictor: &Predictor, run: &Calculation, span: Duration) -> anyhow::Result<(SpinOperator, Cost)> {
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let (mut predicted, mut n) = (predictor.predict(run)?, 1.0);
    while start.elapsed() < span {
        predicted = predictor.predict(run)?;
        n += 1.0;
    }
    let cpu_seconds = cpu.zip(cpu_seconds()).map(|(before, after)| (after - before) / n);
    Ok((predicted.hamiltonian, Cost { seconds: start.elapsed().as_secs_f64() / n, cpu_seconds }))
}

fn report<R: Row>(args: &Args, row: impl Fn(&Calculation) -> anyhow::Result<R>) -> anyhow::Result<Outcome> {
    let mut runs = Vec::with_capacity(args.runs.len());
    for path in &args.runs {
        let row = read_row(path, args, &row).with_context(|| path.display().to_string())?;
        if !args.json {
            super::print(&format!("{}{}", if runs.is_empty() { R::head() } else { String::new() }, row.line()))?;
        }
        runs.push(row);
    }
    let report = Report { schema_version: 1, model: args.model.clone(), all: R::mean(&runs), runs };
    if args.json {
        super::print(&(serde_json::to_string_pretty(&report)? + "\n"))?;
    } else {
        super::print(&(report.all.line() + &report.all.below()))?;
        super::print(&report.runs.iter().map(R::below).collect::<String>())?;
    }
    Ok(Outcome::Done)
}

fn read_row<R: Row>(path: &Path, args: &Args, row: impl Fn(&Calculation) -> anyhow::Result<R>) -> anyhow::Result<R> {
    let run = read(path, &args.files.options())?;
    Ok(row(&run)?.named(path.display().to_string()))
}

/// H0 as if it were predicted.
fn h0_row(run: &Calculation, args: &Args) -> anyhow::Result<HamiltonianRow> {
    let h0 = run.hamiltonian0.as_ref().context("the run has no H0")?;
    HamiltonianRow::new(run, h0, true, 0.0, Wanted::of(args))
}

fn hamiltonian_row(
    predictor: &Predictor,
    args: &Args,
    run: &Calculation,
    predicted: &SpinOperator,
    cost: Cost,
) -> anyhow::Result<HamiltonianRow> {
    let from_h0 = predictor.model().header.target.from_h0;
    let errors = (args.equivariance > 0).then(|| equivariance_error(predictor, run, args.equivariance)).transpose()?;
    let equivariance = errors.map(|errors| Equivariance::new(&errors, 1000.0 * run.origin.ev_per_hartree));
    let row = HamiltonianRow::new(run, predicted, from_h0, cost.seconds, Wanted::of(args))?;
    Ok(row.with_cpu_seconds(cost.cpu_seconds).with_equivariance(equivariance))
}

fn mean<R>(rows: &[R], value: impl Fn(&R) -> f64) -> f64 {
    rows.iter().map(value).sum::<f64>() / rows.len().max(1) as f64
}

/// Over the rows that know it.
fn mean_known<R>(rows: &[R], value: impl Fn(&R) -> Option<f64>) -> Option<f64> {
    let known: Vec<f64> = rows.iter().filter_map(value).collect();
    (!known.is_empty()).then(|| mean(&known, |value| *value))
}

/// `-` where it is not known.
fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
}

/// The last `n` characters.
fn tail(text: &str, n: usize) -> String {
    let skip = text.chars().count().saturating_sub(n);
    text.chars().skip(skip).collect()
}
