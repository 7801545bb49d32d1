//! `hzero bands`.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::Outcome;
use super::eigenvalues::OfArg;
use super::figures::{self, Figures};
use super::run_args::RunFiles;
use crate::bands::compare::{self, Comparison};
use crate::bands::spectrum::{EnergiesAt, SpectrumOptions, energies};
use crate::bands::structure::{Align, BandStructure, Role, Source, compute_by, overlap, own_sources, path};
use crate::bands::{export, occupation::BandEdges};
use crate::parsers::{Basis, Calculation, Of, ReadOptions, SpinOperator, read};

/// Structures whose files round differently may differ by this, bohr.
const SAME_STRUCTURE: f64 = 1e-4;

/// Draw the band structure of one or several Hamiltonians, or compare with the code's own eigenvalues
///
/// Writes STEM.dat (for gnuplot), STEM.json, STEM.svg, STEM.png, STEM.html (for a browser) and STEM.h5. Energies are relative to the Fermi level; where
/// several Hamiltonians are drawn, each is relative to its own, computed from the electrons on the run's k mesh.
#[derive(clap::Args)]
pub struct Args {
    /// A run's folder, or any file or folder that hzero reads
    run: PathBuf,
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
    /// Energies to draw, eV relative to the Fermi level
    #[arg(long, num_args = 2, value_names = ["EMIN", "EMAX"], allow_negative_numbers = true)]
    window: Option<Vec<f64>>,
    /// Where zero is
    #[arg(long, value_enum, default_value_t = Align::Fermi)]
    align: Align,
    /// Folder for the outputs
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Name of the outputs, without ending
    #[arg(long, default_value = "bands")]
    stem: String,
    /// Compare instead: `native` with the eigenvalues that the code printed, else with the Hamiltonian of this folder
    #[arg(long, value_name = "native|FOLDER")]
    compare: Option<PathBuf>,
    /// Leave out combinations of orbitals whose eigenvalue of S(k) is at most this
    #[arg(long, value_name = "THRESHOLD")]
    null_space: Option<f64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    files: RunFiles,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let run = args.read()?;
    let text = match &args.compare {
        Some(with) => compared(&args, &run, with)?,
        None => {
            let overlap = overlap(&run).with_context(|| args.located())?;
            let bands = args.bands(&run, &|h, k| energies(h, overlap, &run.basis, k, args.options()))?;
            args.written(&bands)?
        }
    };
    super::print(&text)?;
    Ok(Outcome::Done)
}

impl Args {
    /// The run.
    pub fn read(&self) -> anyhow::Result<Calculation> {
        Ok(read(&self.run, &self.files.options())?)
    }

    /// The bands of all Hamiltonians asked for, and their Fermi levels, all by `energies_at`.
    pub fn bands(&self, run: &Calculation, energies_at: EnergiesAt<'_>) -> anyhow::Result<BandStructure> {
        let located = || self.located();
        let others = self.with.iter().map(|folder| other(self, run, folder)).collect::<anyhow::Result<Vec<_>>>()?;
        let mut sources = match own_sources(run, self.of()) {
            Err(_) if !others.is_empty() && self.of.is_none() => Vec::new(),
            own => own.with_context(located)?,
        };
        for (folder, other) in self.with.iter().zip(&others) {
            let is_taken = sources.iter().any(|source| source.role == other.role);
            let (name, role) = match other.role {
                Role::H0 if !is_taken => ("H0".to_owned(), Role::H0),
                Role::Scf if !is_taken => ("SCF".to_owned(), Role::Scf),
                Role::Predicted if others.len() == 1 && !is_taken => ("predicted".to_owned(), Role::Predicted),
                _ => (name_of(folder), Role::Predicted),
            };
            sources.push(Source { name, role, hamiltonian: &other.hamiltonian });
        }
        sources.sort_by_key(|source| source.role);
        let path = path(run, self.path.as_deref(), self.points.map(|n| n as usize)).with_context(located)?;
        compute_by(run, &sources, path, self.align, energies_at).with_context(located)
    }

    /// Writes the bands' files; what there is to print.
    pub fn written(&self, bands: &BandStructure) -> anyhow::Result<String> {
        let figures = Figures {
            title: figures::title(&self.run),
            folder: &self.out,
            stem: &self.stem,
            window: self.window.as_ref().map(|ends| [ends[0], ends[1]]),
            bands: Some(bands),
            dos: None,
        };
        let files = figures.write()?;
        Ok(if self.json { serde_json::to_string(&export::json(bands))? + "\n" } else { summary(bands, &files) })
    }

    /// How eigenvalues are to be computed.
    pub fn options(&self) -> SpectrumOptions {
        SpectrumOptions { null_space: self.null_space }
    }

    fn of(&self) -> Option<Of> {
        self.of.map(Of::from)
    }

    fn located(&self) -> String {
        self.run.display().to_string()
    }
}

/// The folder's own name.
fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned()
}

/// The Hamiltonian of another folder.
struct Other {
    hamiltonian: SpinOperator,
    role: Role,
}

/// The Hamiltonian of another folder (its converged or predicted one, else its H0), which must fit the run's basis.
fn other(args: &Args, run: &Calculation, folder: &Path) -> anyhow::Result<Other> {
    let options = ReadOptions { basis: args.files.basis.clone(), ..ReadOptions::default() };
    let other = read(folder, &options)?;
    let role = match other.hamiltonian {
        Some(_) if other.origin.is_predicted => Role::Predicted,
        Some(_) => Role::Scf,
        None => Role::H0,
    };
    let hamiltonian = other.hamiltonian.or(other.hamiltonian0);
    let hamiltonian = hamiltonian.with_context(|| format!("{}: no Hamiltonian", folder.display()))?;
    let nspin = run.hamiltonian.as_ref().or(run.hamiltonian0.as_ref()).map(SpinOperator::nspin);
    let own = (orbitals_by_atom(&run.basis), nspin.unwrap_or(hamiltonian.nspin()));
    let found = (orbitals_by_atom(&other.basis), hamiltonian.nspin());
    anyhow::ensure!(
        own == found,
        "{}: orbitals of its atoms {:?} with nspin {}, but {} has {:?} with nspin {}",
        folder.display(),
        found.0,
        found.1,
        args.run.display(),
        own.0,
        own.1
    );
    let (cell, atoms) = run.structure.distance(&other.structure);
    anyhow::ensure!(
        cell.max(atoms) <= SAME_STRUCTURE,
        "{}: another structure than that of {}: lattice vectors differ by up to {cell:.3e} bohr, positions by {atoms:.3e}",
        folder.display(),
        args.run.display()
    );
    Ok(Other { hamiltonian, role })
}

fn orbitals_by_atom(basis: &Basis) -> Vec<usize> {
    (0..basis.n_atoms()).map(|atom| basis.orbitals_of(atom).len()).collect()
}

fn summary(bands: &BandStructure, files: &[PathBuf]) -> String {
    let ev = bands.ev_per_hartree;
    let mut text = String::new();
    for curve in &bands.curves {
        let level = curve.fermi_level.map_or("unknown".to_owned(), |level| format!("{:.6} eV", level * ev));
        let edges = curve.fermi_level.and_then(|level| BandEdges::around(&curve.energies, level));
        let gap = edges.map_or(String::new(), |edges| format!(", gap along the path {:.4} eV", edges.gap() * ev));
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
        let other = other(args, run, with)?.hamiltonian;
        compare::with_hamiltonian(run, args.of().unwrap_or(default), &other, with.to_path_buf(), args.options())
    };
    let comparison = comparison.with_context(|| args.located())?;
    Ok(if args.json { serde_json::to_string_pretty(&comparison)? + "\n" } else { table(&comparison) })
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
