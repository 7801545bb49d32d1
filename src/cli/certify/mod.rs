//! `hzero certify`.

pub mod report;
mod scatter;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use self::report::{Row, Truth};
use super::Outcome;
use super::run_args::RunFiles;
use crate::model::certify::{Calibration, Observation, certify, consequences, observe};
use crate::model::predict::Predictor;
use crate::model::target::Quantity;
use crate::parsers::output::write_file;
use crate::parsers::read;

/// How good is a prediction? Expected errors of bands, energy and restart, without a converged run
///
/// Reads signs off the prediction that need no reference (how unlike training the structure is, the variance of the fit, the overlap's
/// condition, states where there should be none) and turns them into expected errors, calibrated by structures that the model did not
/// see. Two thirds of structures lie between `low` and `high`.
#[derive(clap::Args)]
pub struct Args {
    /// Folders of runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Model file
    #[arg(long, short, value_name = "FILE")]
    model: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Compare with the runs' converged H: true errors, and Spearman's rank correlation with the certified ones
    #[arg(long)]
    compare: bool,
    /// With --compare: folder for certify.csv, certify.svg and certify.png
    #[arg(long, short, value_name = "DIR", requires = "compare")]
    out: Option<PathBuf>,
    /// Write the model to FILE, calibrated by the runs; they need their converged H, and the model must not have seen them
    #[arg(long, value_name = "FILE")]
    calibrate: Option<PathBuf>,
    /// SCF iterations that such a system needs from scratch
    #[arg(long, value_name = "N", default_value_t = consequences::COLD_ITERATIONS)]
    cold: f64,
    /// auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    device: String,
    #[command(flatten)]
    files: RunFiles,
}

pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let predictor = Predictor::load(&args.model, &args.device)?;
    require_certifiable(&predictor).with_context(|| args.model.display().to_string())?;
    if let Some(out) = &args.calibrate {
        return calibrate(&predictor, &args, out);
    }
    let rows = args.runs.iter().map(|path| row(&predictor, path, &args).with_context(|| path.display().to_string()));
    // What cannot be certified must not hide what can.
    let (rows, failures): (Vec<_>, Vec<_>) = rows.partition(Result::is_ok);
    let rows: Vec<Row> = rows.into_iter().flatten().collect();
    let failures: Vec<anyhow::Error> = failures.into_iter().filter_map(Result::err).collect();
    if rows.is_empty() {
        return Err(failures.into_iter().next().unwrap_or_else(|| anyhow::anyhow!("no run to certify")));
    }
    let text = if args.json { report::json(&rows)? } else { report::text(&rows) };
    super::print(&text)?;
    if let Some(out) = &args.out {
        write(&rows, out)?;
    }
    failures.iter().for_each(|failure| eprintln!("hzero: {failure:#}"));
    Ok(if failures.is_empty() { Outcome::Done } else { Outcome::Failed })
}

/// Certificates rest on the leverages of a linear stage, and judge Hamiltonians.
fn require_certifiable(predictor: &Predictor) -> anyhow::Result<()> {
    let model = predictor.model();
    if model.header.target.quantity != Quantity::Hamiltonian {
        bail!("only models of H are certified");
    }
    if model.linear.is_none() {
        bail!("the model has no linear stage (linear.enabled = false), from whose leverages errors are estimated");
    }
    Ok(())
}

fn row(predictor: &Predictor, path: &Path, args: &Args) -> anyhow::Result<Row> {
    let run = read(path, &args.files.options())?;
    let stages = predictor.stages(&run)?;
    let hamiltonian = predictor.hamiltonian(&run, &stages)?;
    let certificate = certify(predictor, &run, &stages, &hamiltonian)?;
    let truth = if args.compare { Some(Truth::of(&run, &hamiltonian)?) } else { None };
    let trust = predictor.trust(&run, &stages);
    Ok(Row::new(path, &run, &certificate, trust.warnings, args.cold, truth))
}

fn calibrate(predictor: &Predictor, args: &Args, out: &Path) -> anyhow::Result<Outcome> {
    let observation = |path: &PathBuf| {
        let run = read(path, &args.files.options())?;
        observe(predictor, &run).with_context(|| path.display().to_string())
    };
    let (observations, failures): (Vec<_>, Vec<_>) = args.runs.iter().map(observation).partition(Result::is_ok);
    failures.into_iter().filter_map(Result::err).for_each(|failure| eprintln!("hzero: left out: {failure:#}"));
    let observations: Vec<Observation> = observations.into_iter().flatten().collect();
    let source = format!("{} structures that the model was not fitted to", observations.len());
    let Some(calibration) = Calibration::fit(&observations, &source) else {
        bail!("a calibration needs three runs, not {}", observations.len());
    };
    super::print(&report::calibration(&calibration))?;
    let mut model = predictor.model().clone();
    model.header.calibration = Some(calibration);
    model.write(out)?;
    super::print(&format!("{}: written\n", out.display()))?;
    Ok(Outcome::Done)
}

/// Table and figure.
fn write(rows: &[Row], out: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    let panels = report::panels(rows);
    let files = [
        ("certify.csv", report::csv(rows).into_bytes()),
        ("certify.svg", scatter::svg(&panels)?.into_bytes()),
        ("certify.png", scatter::png(&panels)?),
    ];
    for (name, bytes) in files {
        write_file(&out.join(name), |file| file.write_all(&bytes))?;
    }
    super::print(&format!("{}: certify.csv, certify.svg, certify.png\n", out.display()))?;
    Ok(())
}
