//! `hzero eigenvalues`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use super::Outcome;
use super::nearest::{self, Nearest, NearestArgs};
use super::one_run::OneRun;
use super::spectrum_args::{OfArg, SpectrumArgs};
use crate::bands::export::scaled;
use crate::bands::fermi::level_of_by;
use crate::bands::sparse::problem::WindowsAt;
use crate::bands::spectrum::{Energies, EnergiesAt, Spectrum, SpectrumOptions, energies};
use crate::bands::structure::{Source, overlap, own_source};
use crate::parsers::{Calculation, Error, Of, SpinOperator};

/// Eigenvalues at given k points
#[derive(clap::Args)]
pub struct Args {
    /// File with one k point per line, in reduced coordinates; text after # is a comment
    #[arg(long, value_name = "FILE")]
    kpoints: PathBuf,
    /// Which Hamiltonian [default: the converged one, else H0]
    #[arg(long)]
    of: Option<OfArg>,
    /// A few states only.
    #[command(flatten)]
    pub nearest: NearestArgs,
    #[command(flatten)]
    spectrum: SpectrumArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    run: OneRun,
}

/// What the command prints: energies in eV, `energies[spin][k][band]`.
#[derive(Serialize)]
pub struct Output {
    schema_version: u32,
    unit: &'static str,
    of: String,
    fermi_level: Option<f64>,
    kpoints: Vec<[f64; 3]>,
    energies: Energies,
    /// `count_below[spin][k]`: number of states below the first one of `energies`, where only some were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    count_below: Option<Vec<Vec<usize>>>,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let run = args.read()?;
    let overlap = overlap(&run).with_context(|| args.run.name())?;
    let energies_at = |h: &SpinOperator, k: &[[f64; 3]]| energies(h, overlap, &run.basis, k, args.options());
    let output = args.output(&run, &energies_at, &nearest::by_threads)?;
    super::print(&if args.json { output.json()? } else { table(&output) })?;
    Ok(Outcome::Done)
}

impl Args {
    /// The run.
    pub fn read(&self) -> anyhow::Result<Calculation> {
        Ok(self.run.read()?)
    }

    /// How eigenvalues are to be computed.
    pub fn options(&self) -> SpectrumOptions {
        self.spectrum.options()
    }

    /// The eigenvalues at the points of the file, and the Fermi level, all by `energies_at`, or `windows_at` where only some
    /// states were asked for.
    pub fn output(
        &self,
        run: &Calculation,
        energies_at: EnergiesAt<'_>,
        windows_at: WindowsAt<'_>,
    ) -> anyhow::Result<Output> {
        let kpoints = read_kpoints(&self.kpoints)?;
        let located = || self.run.name();
        let (of, source) = own_source(run, self.of.map(Of::from)).with_context(located)?;
        let (spectrum, level) = match self.nearest.of(run) {
            Some(nearest) => windows(&nearest, &source, &kpoints, windows_at).with_context(located)?,
            None => {
                let energies = energies_at(source.hamiltonian, &kpoints).with_context(located)?;
                (energies.into(), level_of_by(run, of, energies_at).with_context(located)?)
            }
        };
        let ev = run.origin.ev_per_hartree;
        Ok(Output {
            schema_version: 1,
            unit: "eV",
            of: source.name,
            fermi_level: level.map(|level| level * ev),
            kpoints,
            energies: scaled(&spectrum.energies, ev),
            count_below: spectrum.first_band,
        })
    }
}

/// States and Fermi level by sparse matrices.
fn windows(
    nearest: &Nearest<'_>,
    source: &Source<'_>,
    kpoints: &[[f64; 3]],
    windows_at: WindowsAt<'_>,
) -> Result<(Spectrum, Option<f64>), Error> {
    let problem = nearest.problem(source)?;
    let level = nearest.level(source, &problem, true, windows_at)?;
    Ok((nearest.spectrum(&problem, level, kpoints, windows_at)?, level))
}

impl Output {
    /// One line.
    pub fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}

fn read_kpoints(file: &Path) -> anyhow::Result<Vec<[f64; 3]>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
    parse_kpoints(&text).with_context(|| format!("{}", file.display()))
}

fn parse_kpoints(text: &str) -> anyhow::Result<Vec<[f64; 3]>> {
    let mut kpoints = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let content = line.split('#').next().unwrap_or("").trim();
        if content.is_empty() {
            continue;
        }
        let numbers: Vec<f64> = content.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let point = <[f64; 3]>::try_from(numbers).ok().filter(|k| k.iter().all(|x| x.is_finite()));
        let whole = content.split_whitespace().count() == 3;
        let point = point.filter(|_| whole);
        kpoints.push(point.with_context(|| format!("line {}: expected three numbers, found `{content}`", number + 1))?);
    }
    anyhow::ensure!(!kpoints.is_empty(), "no k point");
    Ok(kpoints)
}

fn table(output: &Output) -> String {
    let level = output.fermi_level.map_or("unknown".to_owned(), |level| format!("{level:.6} eV"));
    let mut text = format!("# eigenvalues of {} in eV; Fermi level: {level}\n", output.of);
    for (spin, by_k) in output.energies.iter().enumerate() {
        for (number, (k, bands)) in output.kpoints.iter().zip(by_k).enumerate() {
            let first = 1 + output.count_below.as_ref().map_or(0, |below| below[spin][number]);
            let spin = if output.energies.len() == 2 { ["spin up, ", "spin down, "][spin] } else { "" };
            text += &format!("# {spin}k = {:.8} {:.8} {:.8}\n", k[0], k[1], k[2]);
            bands.iter().enumerate().for_each(|(band, energy)| text += &format!("{:6} {energy:16.8}\n", first + band));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kpoints_may_have_comments_and_blank_lines() {
        let points = parse_kpoints("# a list\n0 0 0\n\n 0.5 -1e-1 0.25  # X\n").unwrap();
        assert_eq!(points, [[0.0; 3], [0.5, -0.1, 0.25]]);
    }

    #[test]
    fn bad_lines_are_named() {
        for text in ["0 0 0\n0 0", "0 0 0\n0 x 0", "0 0 0\n0 0 0 1", "0 0 0\nnan 0 0", "0 0 0\n0 0 0 x"] {
            let error = parse_kpoints(text).unwrap_err().to_string();
            assert!(error.starts_with("line 2: expected three numbers"), "{error}");
        }
        assert!(parse_kpoints("# nothing").is_err());
    }
}
