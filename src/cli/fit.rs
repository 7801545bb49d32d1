//! `hzero fit`.

use std::path::PathBuf;

use anyhow::Context;
use rayon::prelude::*;

use super::Outcome;
use super::run_args::RunFiles;
use crate::cli::certify;
use crate::model::certify::{Calibration, calibrate_held_out};
use crate::model::file::Model;
use crate::model::linear::{FitReport, FitSettings, HeldOut, fit, fit_and_hold_out};
use crate::model::training::Training;
use crate::model::{Sample, Slots, Target};
use crate::parsers::{Calculation, read};

/// Fit the closed-form linear stage to runs
///
/// Each run needs S, H0 and the converged H. The strength of the ridge is chosen on runs that the fit does not use: those of
/// --validate, or else by leaving out in turn all runs with equal numbers of atoms. What was left out also calibrates `hzero certify`.
#[derive(clap::Args)]
pub struct Args {
    /// Folders of runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Model file to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Runs on which the strength of the ridge is chosen; they are not learned from
    #[arg(long, value_name = "RUN", num_args = 1..)]
    validate: Vec<PathBuf>,
    /// Gaussians of the bond's length that multiply every feature of a bond
    #[arg(long, default_value_t = FitSettings::default().bond_gaussians)]
    gaussians: usize,
    /// Do not calibrate `hzero certify`
    #[arg(long)]
    no_calibration: bool,
    #[command(flatten)]
    files: RunFiles,
}

pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let training = read_all(&args.runs, &args.files)?;
    let validation = read_all(&args.validate, &args.files)?;
    let slots = Slots::of_runs(&training)?;
    let about = Training::of(&training, &slots)?;
    let (training, validation) = (samples(training, &args.runs, &slots)?, samples(validation, &args.validate, &slots)?);
    let settings = FitSettings { bond_gaussians: args.gaussians, ..FitSettings::default() };
    let (stage, report, held_out) = if args.no_calibration {
        let (stage, report) = fit(&training, &validation, &slots, &settings)?;
        (stage, report, None)
    } else {
        let (stage, report, held_out) = fit_and_hold_out(&training, &validation, &slots, &settings)?;
        (stage, report, Some(held_out))
    };
    super::print(&table(&report, validation.is_empty()))?;
    let mut model = Model::linear(slots, about, stage, report);
    if let Some(held_out) = held_out {
        model.header.calibration = calibrated(&model, held_out, &args)?;
    }
    model.write(&args.out)?;
    super::print(&format!("{}: fitted to {} runs\n", args.out.display(), args.runs.len()))?;
    Ok(Outcome::Done)
}

/// Each run predicted without its fold; without electrons there are no bands to calibrate by, which is no reason not to fit.
fn calibrated(model: &Model, held_out: HeldOut, args: &Args) -> anyhow::Result<Option<Calibration>> {
    let options = args.files.options();
    if held_out.folds.len() > args.runs.len() {
        super::print("not calibrated: with collinear spin (nspin 2) predictions are not certified\n")?;
        return Ok(None);
    }
    match calibrate_held_out(model, held_out, |k| read(&args.runs[k], &options)) {
        Ok(Some(calibration)) => {
            super::print(&certify::report::calibration(&calibration))?;
            Ok(Some(calibration))
        }
        Ok(None) => Ok(None),
        Err(error) => {
            super::print(&format!("not calibrated: {error}\n"))?;
            Ok(None)
        }
    }
}

fn read_all(paths: &[PathBuf], files: &RunFiles) -> anyhow::Result<Vec<Calculation>> {
    let options = files.options();
    paths.par_iter().map(|path| Ok(read(path, &options)?)).collect()
}

/// Consumes the runs one by one, so that samples take their place in memory.
fn samples(runs: Vec<Calculation>, paths: &[PathBuf], slots: &Slots) -> anyhow::Result<Vec<Sample>> {
    let samples = |(run, path): (Calculation, &PathBuf)| {
        Sample::of_run(&run, slots, Target::default()).with_context(|| path.display().to_string())
    };
    Ok(runs.into_iter().zip(paths).map(samples).collect::<anyhow::Result<Vec<_>>>()?.concat())
}

fn table(report: &FitReport, cross_validated: bool) -> String {
    let mut text = match report.n_folds {
        _ if !cross_validated => String::new(),
        0 | 1 => "one run only: ridge not validated\n".to_owned(),
        n => format!("ridge chosen by cross-validation with {n} folds\n"),
    };
    let row = |name: &str, features: String, rows: String, ridge: String, residual: String| {
        format!("{name:<20} {features:>9} {rows:>9} {ridge:>8} {residual:>20}\n")
    };
    text += &row("regression", "features".into(), "rows".into(), "ridge".into(), "residual / target".into());
    for r in &report.regressions {
        let (ridge, residual) = (format!("{:.0e}", r.lambda), format!("{:.4}", r.residual));
        text += &row(&r.name, r.n_features.to_string(), r.n_rows.to_string(), ridge, residual);
    }
    text
}
