//! `hzero eval`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use serde::Serialize;

use super::Outcome;
use super::run_args::RunFiles;
use crate::model::certify::true_band_errors;
use crate::model::equivariance::{EquivarianceError, equivariance_error};
use crate::model::evaluate::{Evaluation, Outlier, Part, evaluate};
use crate::model::predict::Predictor;
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
    #[arg(long, short, value_name = "FILE")]
    model: PathBuf,
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

/// Errors of one run, or their means over several. Names are a contract with users' scripts.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Row {
    run: String,
    n_atoms: usize,
    mae_delta_mev: f64,
    mae_h0_mev: f64,
    mae_delta_aligned_mev: f64,
    mae_h0_aligned_mev: f64,
    mu_error_mev: f64,
    max_error_mev: f64,
    bands_occupied_mae_mev: Option<f64>,
    bands_to_5ev_mae_mev: Option<f64>,
    bands_all_mae_mev: Option<f64>,
    band_shift_mev: Option<f64>,
    gap_error_mev: Option<f64>,
    ghost_states: Option<usize>,
    seconds: f64,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    equivariance: Option<Equivariance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
}

/// |predict(turned run) - turned predict(run)|.
#[derive(Debug, Clone, Copy, Serialize)]
struct Equivariance {
    equivariance_mae_mev: f64,
    equivariance_max_mev: f64,
    inversion_mae_mev: f64,
    inversion_max_mev: f64,
}

#[derive(Debug, Clone, Serialize)]
struct Details {
    by_species: Vec<Part>,
    by_shells: Vec<Part>,
    by_distance: Vec<Part>,
    outliers: Vec<String>,
}

#[derive(Serialize)]
struct Report {
    schema_version: u32,
    model: PathBuf,
    runs: Vec<Row>,
    all: Row,
}

pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let predictor = Predictor::load(&args.model, &args.device)?;
    let mut runs = Vec::with_capacity(args.runs.len());
    for path in &args.runs {
        let row = predicted_row(&predictor, path, &args).with_context(|| path.display().to_string())?;
        if !args.json {
            super::print(&format!("{}{}", if runs.is_empty() { head() } else { String::new() }, row.line()))?;
        }
        runs.push(row);
    }
    let report = Report { schema_version: 1, model: args.model, all: mean(&runs), runs };
    if args.json {
        super::print(&(serde_json::to_string_pretty(&report)? + "\n"))?;
    } else {
        super::print(&report.all.line())?;
        super::print(&report.all.equivariance_line())?;
        super::print(&report.runs.iter().map(details_text).collect::<String>())?;
    }
    Ok(Outcome::Done)
}

/// What to compare besides matrix elements.
#[derive(Clone, Copy)]
pub struct Wanted {
    /// Bands on the run's k mesh.
    pub bands: bool,
    /// Errors by part.
    pub details: bool,
}

fn predicted_row(predictor: &Predictor, path: &Path, args: &Args) -> anyhow::Result<Row> {
    let run = read(path, &args.files.options())?;
    let start = Instant::now();
    let predicted = predictor.predict(&run)?;
    let seconds = start.elapsed().as_secs_f64();
    let wanted = Wanted { bands: !args.no_bands, details: args.details };
    let equivariance =
        (args.equivariance > 0).then(|| equivariance_error(predictor, &run, args.equivariance)).transpose()?;
    let equivariance = equivariance.map(|errors| Equivariance::new(&errors, 1000.0 * run.origin.ev_per_hartree));
    Ok(Row { run: path.display().to_string(), equivariance, ..row(&run, &predicted.hamiltonian, seconds, wanted)? })
}

/// Errors of one predicted H against the run's own.
pub fn row(run: &Calculation, predicted: &SpinOperator, seconds: f64, wanted: Wanted) -> anyhow::Result<Row> {
    let errors = evaluate(run, predicted)?;
    let bands = if wanted.bands { Some(true_band_errors(run, predicted)?) } else { None };
    let mev = 1000.0 * run.origin.ev_per_hartree;
    Ok(Row {
        run: String::new(),
        n_atoms: run.structure.n_atoms(),
        mae_delta_mev: errors.total.mae * mev,
        mae_h0_mev: errors.total.mae_h0 * mev,
        mae_delta_aligned_mev: errors.total.mae_aligned * mev,
        mae_h0_aligned_mev: errors.total.mae_h0_aligned * mev,
        mu_error_mev: errors.shift * mev,
        max_error_mev: errors.total.max * mev,
        bands_occupied_mae_mev: bands.as_ref().map(|b| b.occupied_mae * mev),
        bands_to_5ev_mae_mev: bands.as_ref().and_then(|b| b.to_5ev_mae).map(|e| e * mev),
        bands_all_mae_mev: bands.as_ref().map(|b| b.all_mae * mev),
        band_shift_mev: bands.as_ref().map(|b| b.shift * mev),
        gap_error_mev: bands.as_ref().and_then(|b| b.gap_error).map(|e| e * mev),
        ghost_states: bands.as_ref().map(|b| b.ghost_states),
        seconds,
        equivariance: None,
        details: wanted.details.then(|| details(errors, mev)),
    })
}

impl Row {
    /// A line of the table.
    fn line(&self) -> String {
        let number = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.2}"));
        format!(
            "{:<34} {:>6} {:>9.3} {:>9.4} {:>9.4} {:>8.3} {:>8.2} {:>8} {:>8} {:>8} {:>6}\n",
            tail(&self.run, 34),
            self.n_atoms,
            self.mae_h0_mev,
            self.mae_delta_mev,
            self.mae_delta_aligned_mev,
            100.0 * self.mae_delta_aligned_mev / self.mae_h0_mev,
            self.mu_error_mev,
            number(self.bands_occupied_mae_mev),
            number(self.bands_to_5ev_mae_mev),
            number(self.bands_all_mae_mev),
            self.ghost_states.map_or("-".to_owned(), |n| n.to_string()),
        )
    }

    /// Below the table.
    fn equivariance_line(&self) -> String {
        self.equivariance.map_or(String::new(), |e| {
            format!(
                "equivariance: turned runs differ by {:.2e} meV ({:.2} % of the error of dH), at most {:.2e}; inverted ones \
                 by {:.2e}, at most {:.2e}\n",
                e.equivariance_mae_mev,
                100.0 * e.equivariance_mae_mev / self.mae_delta_mev,
                e.equivariance_max_mev,
                e.inversion_mae_mev,
                e.inversion_max_mev
            )
        })
    }

    /// A few lines for people.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let ratio = 100.0 * self.mae_delta_aligned_mev / self.mae_h0_mev;
        let mut lines = vec![
            (
                "against SCF",
                format!("mean |H - H_SCF| {:.3} meV, of H0 {:.3} meV", self.mae_delta_mev, self.mae_h0_mev),
            ),
            ("  aligned", format!("{:.3} meV: {ratio:.2} % of H0's", self.mae_delta_aligned_mev)),
        ];
        if let (Some(occupied), Some(ghosts)) = (self.bands_occupied_mae_mev, self.ghost_states) {
            let window = self.bands_to_5ev_mae_mev.map_or(String::new(), |e| format!(", {e:.2} meV up to 5 eV above"));
            lines.push(("  bands", format!("occupied {occupied:.2} meV{window}; ghost states: {ghosts}")));
        }
        lines
    }
}

impl Equivariance {
    fn new(errors: &EquivarianceError, mev: f64) -> Self {
        Equivariance {
            equivariance_mae_mev: errors.mae * mev,
            equivariance_max_mev: errors.max * mev,
            inversion_mae_mev: errors.inversion_mae * mev,
            inversion_max_mev: errors.inversion_max * mev,
        }
    }

    /// Over runs; `None` where it was not measured.
    fn mean(rows: &[Row]) -> Option<Self> {
        let all: Vec<Equivariance> = rows.iter().filter_map(|row| row.equivariance).collect();
        let mean = |value: fn(&Equivariance) -> f64| all.iter().map(value).sum::<f64>() / all.len() as f64;
        let max = |value: fn(&Equivariance) -> f64| all.iter().map(value).fold(0.0, f64::max);
        (!all.is_empty()).then(|| Equivariance {
            equivariance_mae_mev: mean(|e| e.equivariance_mae_mev),
            equivariance_max_mev: max(|e| e.equivariance_max_mev),
            inversion_mae_mev: mean(|e| e.inversion_mae_mev),
            inversion_max_mev: max(|e| e.inversion_max_mev),
        })
    }
}

fn details(errors: Evaluation, mev: f64) -> Details {
    let scaled =
        |parts: Vec<Part>| parts.into_iter().map(|part| Part { errors: part.errors.scaled(mev), ..part }).collect();
    let outlier = |o: &Outlier| {
        let (i, j, r) = (o.pair.i + 1, o.pair.j + 1, o.pair.r);
        format!("atoms {i} and {j}, R = {r:?}, {:.2} bohr: max {:.2} meV", o.distance, o.errors.max * mev)
    };
    Details {
        outliers: errors.outliers.iter().map(outlier).collect(),
        by_species: scaled(errors.by_species),
        by_shells: scaled(errors.by_shells),
        by_distance: scaled(errors.by_distance),
    }
}

/// Means over runs; the largest of maxima, the sum of ghost states and seconds.
fn mean(rows: &[Row]) -> Row {
    let n = rows.len().max(1) as f64;
    let mean = |value: fn(&Row) -> f64| rows.iter().map(value).sum::<f64>() / n;
    let mean_known = |value: fn(&Row) -> Option<f64>| {
        let known: Vec<f64> = rows.iter().filter_map(value).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    };
    Row {
        run: format!("all {}", rows.len()),
        n_atoms: rows.iter().map(|r| r.n_atoms).sum(),
        mae_delta_mev: mean(|r| r.mae_delta_mev),
        mae_h0_mev: mean(|r| r.mae_h0_mev),
        mae_delta_aligned_mev: mean(|r| r.mae_delta_aligned_mev),
        mae_h0_aligned_mev: mean(|r| r.mae_h0_aligned_mev),
        mu_error_mev: mean(|r| r.mu_error_mev.abs()),
        max_error_mev: rows.iter().map(|r| r.max_error_mev).fold(0.0, f64::max),
        bands_occupied_mae_mev: mean_known(|r| r.bands_occupied_mae_mev),
        bands_to_5ev_mae_mev: mean_known(|r| r.bands_to_5ev_mae_mev),
        bands_all_mae_mev: mean_known(|r| r.bands_all_mae_mev),
        band_shift_mev: mean_known(|r| r.band_shift_mev.map(f64::abs)),
        gap_error_mev: mean_known(|r| r.gap_error_mev.map(f64::abs)),
        ghost_states: rows.iter().map(|r| r.ghost_states).sum(),
        seconds: rows.iter().map(|r| r.seconds).sum(),
        equivariance: Equivariance::mean(rows),
        details: None,
    }
}

/// Head of the table of [`Row::line`].
fn head() -> String {
    format!(
        "errors in meV; ratio: dH aligned over H0; bands after one rigid shift\n\
         {:<34} {:>6} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8} {:>8} {:>8} {:>6}\n",
        "run", "atoms", "H0", "dH", "aligned", "ratio %", "mu", "occup.", "to 5 eV", "all", "ghosts"
    )
}

/// The last `n` characters.
fn tail(text: &str, n: usize) -> String {
    let skip = text.chars().count().saturating_sub(n);
    text.chars().skip(skip).collect()
}

fn details_text(row: &Row) -> String {
    let Some(details) = &row.details else { return String::new() };
    let mut text = format!("\n{} (meV: H0, dH, aligned, max)\n", row.run);
    for part in details.by_species.iter().chain(&details.by_shells).chain(&details.by_distance) {
        let e = &part.errors;
        text += &format!(
            "  {:<22} {:>9} {:>10.4} {:>10.4} {:>10.4} {:>9.2}\n",
            part.name, e.n, e.mae_h0, e.mae, e.mae_aligned, e.max
        );
    }
    details.outliers.iter().for_each(|outlier| text += &format!("  {outlier}\n"));
    text
}
