//! `hzero unfold`.

use std::path::PathBuf;

use anyhow::{Context, ensure};

use super::Outcome;
use super::figure_args::FigureArgs;
use super::nearest::{Nearest, NearestArgs, by_threads};
use super::one_run::OneRun;
use super::spectrum_args::{OfArg, SpectrumArgs};
use crate::bands::export;
use crate::bands::kpath::KPath;
use crate::bands::structure::{BandStructure, Source, own_source};
use crate::bands::unfold::{Sites, Unfolding, compute, compute_by_windows, path};
use crate::dataset::cells::Cell;
use crate::parsers::units::BOHR_IN_ANGSTROM;
use crate::parsers::{Error, Of, Sublattice};

/// Unfold the bands of a supercell into the zone of a smaller cell: each state with its spectral weight at each k
///
/// RUN is the supercell, CELL or --matrix says how many small cells it is. Its atoms are put on the sites of the small cell by
/// where they fold to; they may be displaced, be missing, or be of another element with the same shells. The weight of a
/// state is 1 where it is a wave of that k alone, and sums to 1 over all k that fold to the same K. Writes the files of
/// `hzero bands`; points are as strong as their weight.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("supercell").required(true).args(["cell", "matrix"]))]
pub struct Args {
    /// Small cells along each vector of the supercell, such as 4x4x1, or sqrt3, sqrt7 of a hexagonal cell
    #[arg(long)]
    cell: Option<Cell>,
    /// Vectors of the supercell as multiples of those of the small cell, row after row: "2,1,0;-1,1,0;0,0,1"
    #[arg(long, value_name = "M", allow_hyphen_values = true)]
    matrix: Option<Cell>,
    /// Which Hamiltonian [default: the converged one, else H0]
    #[arg(long)]
    of: Option<OfArg>,
    #[command(flatten)]
    nearest: NearestArgs,
    /// Path in the zone of the small cell, such as G-M-K-G [default: the usual one of its lattice]
    #[arg(long)]
    path: Option<String>,
    /// Number of k points on the path [default: 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    points: Option<u32>,
    /// How far an atom may be from its site, angstrom
    #[arg(long, value_name = "LENGTH", default_value_t = 0.5)]
    tolerance: f64,
    #[command(flatten)]
    figures: FigureArgs,
    #[command(flatten)]
    spectrum: SpectrumArgs,
    #[command(flatten)]
    run: OneRun,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<Outcome> {
    ensure!(args.tolerance > 0.0 && args.tolerance.is_finite(), "--tolerance {} is no length", args.tolerance);
    let located = || args.run.name();
    let run = args.run.read()?;
    let cells = args.cell.or(args.matrix).context("no supercell")?.sublattice(&run.structure.lattice)?;
    let sites = Sites::find(&run, &cells, args.tolerance / BOHR_IN_ANGSTROM).with_context(located)?;
    let (_, source) = own_source(&run, args.of.map(Of::from)).with_context(located)?;
    let path = path(&run, &cells, args.path.as_deref(), args.points.map(|n| n as usize)).with_context(located)?;
    let unfolding = Unfolding::new(&run, &cells, &sites).with_context(located)?;
    let bands = match args.nearest.of(&run) {
        Some(nearest) => windows(&unfolding, &nearest, &source, path).with_context(located)?,
        None => compute(&unfolding, &source, path, args.spectrum.options()).with_context(located)?,
    };
    let files = args.figures.write(&args.run.place, "unfolded", Some(&bands), None)?;
    super::print(&args.figures.text(&export::json(&bands), || summary(&bands, &cells, &sites, &files))?)?;
    Ok(Outcome::Done)
}

/// As [`compute`], a few states by sparse matrices.
fn windows(
    unfolding: &Unfolding<'_>,
    nearest: &Nearest<'_>,
    source: &Source<'_>,
    path: KPath,
) -> Result<BandStructure, Error> {
    let problem = nearest.problem(source)?.weighed_by(Some(unfolding));
    let level = nearest.level(source, &problem, true, &by_threads)?;
    compute_by_windows(unfolding, source, path, level, &|k| nearest.spectrum(&problem, level, k, &by_threads))
}

fn summary(bands: &BandStructure, cells: &Sublattice, sites: &Sites, files: &[PathBuf]) -> String {
    let n_sites = sites.occupation.iter().filter(|&&n| n > 0).count();
    let mut text = format!(
        "{} atoms on {n_sites} sites of {} cells, the farthest {:.3} angstrom from its site\n",
        sites.site.len(),
        cells.n_cells(),
        sites.farthest * BOHR_IN_ANGSTROM
    );
    let incomplete = sites.n_incomplete(cells);
    if incomplete > 0 {
        text += &format!(
            "note: {incomplete} of the sites lack an atom in some cell (vacancies, additional atoms, other shells)\n"
        );
    }
    for curve in &bands.curves {
        let level = curve.fermi_level.map(|level| format!("{:.6} eV", level * bands.ev_per_hartree));
        text += &format!("{:<12} Fermi level {}\n", curve.name, level.unwrap_or_else(|| "unknown".to_owned()));
    }
    files.iter().for_each(|file| text += &format!("wrote {}\n", file.display()));
    text
}
