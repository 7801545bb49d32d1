//! `hzero bands`.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::Outcome;
use super::figure_args::FigureArgs;
use super::nearest::{self, Nearest, NearestArgs};
use super::one_run::OneRun;
use super::sources::{Others, other};
use super::spectrum_args::{OfArg, SpectrumArgs};
use crate::bands::compare::{self, Comparison};
use crate::bands::export;
use crate::bands::kpath::KPath;
use crate::bands::projection::{By, Groups, Weighing};
use crate::bands::sparse::problem::WindowsAt;
use crate::bands::spectrum::{EnergiesAt, SpectrumOptions, energies, projected};
use crate::bands::structure::{Align, BandStructure, Source, compute_by, compute_with, overlap, path};
use crate::parsers::{Calculation, Error, Of, SpinOperator};

/// Name of the outputs.
const STEM: &str = "bands";

/// Draw the band structure of one or several Hamiltonians, or compare with the code's own eigenvalues
///
/// Writes STEM.dat (for gnuplot), STEM.json, STEM.svg, STEM.png, STEM.html (for a browser) and STEM.h5. Energies are relative to the Fermi level; where
/// several Hamiltonians are drawn, each is relative to its own, computed from the electrons on the run's k mesh.
#[derive(clap::Args)]
pub struct Args {
    /// Which Hamiltonian of the run [default: those that are there]
    #[arg(long)]
    of: Option<OfArg>,
    /// Draw the Hamiltonian of this folder too (such as a prediction); may be repeated
    #[arg(long, value_name = "FOLDER")]
    with: Vec<PathBuf>,
    /// Path such as G-M-K-G, or G-X-U|K-G with a jump [default: the run's own, else the usual one of its lattice]
    #[arg(long)]
    path: Option<String>,
    /// Number of k points on the path [default: 200, or more where the run has more]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    points: Option<u32>,
    /// A few states only.
    #[command(flatten)]
    pub nearest: NearestArgs,
    /// Fat bands: how much of each state sits on groups of orbitals (Mulliken)
    #[arg(long, value_enum, value_name = "BY")]
    pub fat: Option<By>,
    /// Where zero is
    #[arg(long, value_enum, default_value_t = Align::Fermi)]
    align: Align,
    #[command(flatten)]
    figures: FigureArgs,
    /// Compare instead: `native` with the eigenvalues that the code printed, else with the Hamiltonian of this folder
    #[arg(long, value_name = "native|FOLDER", conflicts_with = "nearest")]
    pub compare: Option<PathBuf>,
    #[command(flatten)]
    spectrum: SpectrumArgs,
    #[command(flatten)]
    run: OneRun,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let run = args.read()?;
    let text = match &args.compare {
        Some(with) => compared(&args, &run, with)?,
        None => {
            let overlap = overlap(&run).with_context(|| args.run.name())?;
            let energies_at = |h: &SpinOperator, k: &[[f64; 3]]| energies(h, overlap, &run.basis, k, args.options());
            let bands = args.bands(&run, &energies_at, &nearest::by_threads)?;
            args.written(&bands)?
        }
    };
    super::print(&text)?;
    Ok(Outcome::Done)
}

impl Args {
    /// The run.
    pub fn read(&self) -> anyhow::Result<Calculation> {
        Ok(self.run.read()?)
    }

    /// The bands of all Hamiltonians asked for, and their Fermi levels, all by `energies_at`, or `windows_at` where only some
    /// states were asked for.
    pub fn bands(
        &self,
        run: &Calculation,
        energies_at: EnergiesAt<'_>,
        windows_at: WindowsAt<'_>,
    ) -> anyhow::Result<BandStructure> {
        let located = || self.run.name();
        let others = Others::read(run, &self.run.place, &self.with, &self.run.files.basis)?;
        let sources = others.with_own(run, self.of()).with_context(located)?;
        let path = path(run, self.path.as_deref(), self.points.map(|n| n as usize)).with_context(located)?;
        if let Some(nearest) = self.nearest.of(run) {
            return self.windows(run, &sources, path, &nearest, windows_at).with_context(located);
        }
        let Some(by) = self.fat else {
            let spectrum_at = |h: &SpinOperator, k: &[[f64; 3]]| Ok(energies_at(h, k)?.into());
            return compute_by(run, &sources, path, self.align, energies_at, &spectrum_at).with_context(located);
        };
        let (overlap, groups) = (overlap(run)?, Groups::new(&run.basis, by, None));
        let spectrum_at =
            |h: &SpinOperator, k: &[[f64; 3]]| projected(h, overlap, &run.basis, k, self.options(), &groups);
        let bands = compute_by(run, &sources, path, self.align, energies_at, &spectrum_at).with_context(located)?;
        Ok(BandStructure { groups: groups.names, ..bands })
    }

    /// As [`Args::bands`], by sparse matrices.
    fn windows(
        &self,
        run: &Calculation,
        sources: &[Source<'_>],
        path: KPath,
        nearest: &Nearest<'_>,
        windows_at: WindowsAt<'_>,
    ) -> Result<BandStructure, Error> {
        let groups = self.fat.map(|by| Groups::new(&run.basis, by, None));
        let weighing = groups.as_ref().map(|groups| groups as &dyn Weighing);
        let problem = |source| Ok(nearest.problem(source)?.weighed_by(weighing));
        let problems = sources.iter().map(problem).collect::<Result<Vec<_>, Error>>()?;
        let is_own = sources.len() == 1;
        let level = |(source, problem)| nearest.level(source, problem, is_own, windows_at);
        let levels = sources.iter().zip(&problems).map(level).collect::<Result<Vec<_>, _>>()?;
        let spectrum_of = |n: usize, k: &[[f64; 3]]| nearest.spectrum(&problems[n], levels[n], k, windows_at);
        // Several Hamiltonians around a given energy: no level was asked for, so none can be zero.
        let align = if self.nearest.has_centre() && !is_own { Align::None } else { self.align };
        let bands = compute_with(run, sources, path, align, &levels, &spectrum_of)?;
        Ok(BandStructure { groups: groups.map_or_else(Vec::new, |groups| groups.names), ..bands })
    }

    /// Writes the bands' files; what there is to print.
    pub fn written(&self, bands: &BandStructure) -> anyhow::Result<String> {
        let files = self.figures.write(&self.run.place, STEM, Some(bands), None)?;
        self.figures.text(&export::json(bands), || summary(bands, &files))
    }

    /// The outputs without their endings.
    pub fn outputs(&self) -> PathBuf {
        self.figures.out.join(self.figures.stem(STEM))
    }

    /// How eigenvalues are to be computed.
    pub fn options(&self) -> SpectrumOptions {
        self.spectrum.options()
    }

    fn of(&self) -> Option<Of> {
        self.of.map(Of::from)
    }
}

fn summary(bands: &BandStructure, files: &[PathBuf]) -> String {
    let ev = bands.ev_per_hartree;
    let mut text = String::new();
    for curve in &bands.curves {
        let level = curve.fermi_level.map_or("unknown".to_owned(), |level| format!("{:.6} eV", level * ev));
        let gap =
            curve.edges().map_or(String::new(), |edges| format!(", gap along the path {:.4} eV", edges.gap() * ev));
        text += &format!("{:<12} Fermi level {level}{gap}\n", curve.name);
    }
    files.iter().for_each(|file| text += &format!("wrote {}\n", file.display()));
    text
}

fn compared(args: &Args, run: &Calculation, with: &Path) -> anyhow::Result<String> {
    let comparison = if with.as_os_str() == "native" {
        compare::with_printed(run, args.of(), args.options())
    } else {
        let default = if run.hamiltonian.is_some() { Of::Scf } else { Of::H0 };
        let other = other(run, &args.run.place, with, &args.run.files.basis)?.hamiltonian;
        compare::with_hamiltonian(run, args.of().unwrap_or(default), &other, with.to_path_buf(), args.options())
    };
    let comparison = comparison.with_context(|| args.run.name())?;
    Ok(if args.figures.json { serde_json::to_string_pretty(&comparison)? + "\n" } else { table(&comparison) })
}

fn table(comparison: &Comparison) -> String {
    let error = |error: Option<f64>| error.map_or("unknown".to_owned(), |error| format!("{error:.2e}"));
    let row = |to_5ev: Option<f64>, all: f64, states: usize, of: &str, file: &str| {
        format!("{:>14} {:>14} {states:>9} {of:>4}  {file}\n", error(to_5ev), error(Some(all)))
    };
    let mut text = format!("{:>14} {:>14} {:>9} {:>4}  reference\n", "to E_F+5 (eV)", "all (eV)", "states", "of");
    for one in &comparison.spectra {
        let file = one.file.display().to_string();
        text += &row(one.max_error_to_5ev_ev, one.max_error_all_ev, one.n_states, one.of, &file);
    }
    let all = comparison;
    text + &row(all.max_error_to_5ev_ev, all.max_error_all_ev, all.n_states, "", "largest")
}
