//! `hzero predict`: one run, or many with one model.

mod batch;
mod dense;
mod domains;
mod job;
mod report;

use std::path::PathBuf;

use anyhow::bail;
use serde::Serialize;

use self::job::Job;
use super::Outcome;
use super::run_args::RunFiles;
use crate::model::predict::Predictor;
use crate::model::target::Quantity;
use crate::parsers::abacus::csr::Version;

/// Predict H from H0: the run's own files, bands and a report
///
/// Each RUN needs H0 and S (models that do not start from H0 need S alone); where it has the converged H too, the report says how
/// far the prediction is from it. A model of the density matrix writes the code's file of that. With
/// several runs, --out gets a folder for each, and summary.csv; what is already there is not done again.
#[derive(clap::Args)]
pub struct Args {
    /// Folders of runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Model file
    #[arg(long, short, value_name = "FILE")]
    model: PathBuf,
    /// Folder to write
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// Layout of the matrices: `new` is hrs1_nao.csr, which ABACUS 3.9.0.25 and later read; default: the run's own
    #[arg(long, value_enum)]
    layout: Option<LayoutChoice>,
    /// Path of the bands, e.g. G-M-K-G; default: the run's own KPT, else the usual path of the lattice
    #[arg(long, value_name = "LABELS")]
    path: Option<String>,
    /// Points on the path
    #[arg(long, value_name = "N")]
    points: Option<usize>,
    /// Energies of the plot, eV relative to the Fermi level
    #[arg(long, num_args = 2, value_names = ["EMIN", "EMAX"], allow_negative_numbers = true)]
    window: Option<Vec<f64>>,
    /// Everything that the code needs to go on: density matrices and ready inputs too, and restart.json, which names them
    #[arg(long)]
    restart: bool,
    /// Density matrix: scale it so that it holds the run's electrons
    #[arg(long)]
    scale_electrons: bool,
    /// No band structure
    #[arg(long)]
    no_bands: bool,
    /// Refuse runs that are unlike those in training
    #[arg(long)]
    strict: bool,
    /// Average the predicted change of H over those operations of the crystal's space group that keep H0
    #[arg(long)]
    symmetrize: bool,
    /// Runs at a time
    #[arg(long, value_name = "N", default_value_t = 1)]
    jobs: usize,
    /// Cut the cell into N domains of atoms, each predicted by a process of its own: less memory for each, the same H
    #[arg(long, value_name = "N")]
    domains: Option<usize>,
    /// Processes of domains at a time; default: as many as there are cores
    #[arg(long, value_name = "N", requires = "domains")]
    domain_jobs: Option<usize>,
    /// Start no process, but take what `hzero domain` left in this folder, on other machines say
    #[arg(long, value_name = "DIR", requires = "domains")]
    exchange: Option<PathBuf>,
    /// Bonds that each thread of the network works on at a time: fewer take less memory, the result is the same; default: by the
    /// size of its features
    #[arg(long, value_name = "N")]
    bonds_at_once: Option<usize>,
    /// CPU minutes that dense diagonalization may take, as estimated, for each of Fermi level, bands and density matrix; what
    /// takes longer is left out and said so
    #[arg(long, value_name = "MINUTES", default_value_t = 30.0)]
    dense_minutes: f64,
    /// Predict again what is already there
    #[arg(long)]
    force: bool,
    /// auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    device: String,
    #[command(flatten)]
    files: RunFiles,
}

/// What was asked for beyond the model: results of other choices are other results.
#[derive(Debug, Clone, Serialize)]
pub struct Choices {
    layout: Option<LayoutChoice>,
    path: Option<String>,
    points: Option<usize>,
    window: Option<Vec<f64>>,
    bands: bool,
    restart: bool,
    symmetrize: bool,
    dense_minutes: f64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    scale_electrons: bool,
}

impl Args {
    fn choices(&self) -> Choices {
        Choices {
            layout: self.layout,
            path: self.path.clone(),
            points: self.points,
            window: self.window.clone(),
            bands: !self.no_bands,
            restart: self.restart,
            symmetrize: self.symmetrize,
            dense_minutes: self.dense_minutes,
            scale_electrons: self.scale_electrons,
        }
    }
}

/// The two layouts of ABACUS.
#[derive(Debug, Clone, Copy, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LayoutChoice {
    /// data-HR-sparse_SPIN0.csr (up to 3.9.0.24)
    Old,
    /// hrs1_nao.csr (3.9.0.25 and later)
    New,
}

impl From<LayoutChoice> for Version {
    fn from(choice: LayoutChoice) -> Self {
        match choice {
            LayoutChoice::Old => Version::Old,
            LayoutChoice::New => Version::New,
        }
    }
}

pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let predictor = Predictor::load(&args.model, &args.device)?;
    let predictor = predictor.symmetrized(args.symmetrize).in_tiles(args.bonds_at_once);
    require_writable(&args, predictor.model().header.target.quantity)?;
    if args.runs.len() > 1 {
        return batch::run(&args, &predictor);
    }
    let job = Job { run: args.runs[0].clone(), out: args.out.clone() };
    let report = job.predict(&predictor, &args)?;
    super::print(&report.text())?;
    Ok(if report.is_sound() { Outcome::Done } else { Outcome::Failed })
}

/// What is asked for must be what the model can give.
fn require_writable(args: &Args, quantity: Quantity) -> anyhow::Result<()> {
    let model = args.model.display();
    match quantity {
        Quantity::Overlap => {
            bail!("{model}: a model of S; S is read from the run, never predicted (compare with hzero eval)")
        }
        Quantity::DensityMatrix if args.restart => bail!("{model}: a model of DM; --restart needs a model of H"),
        Quantity::Hamiltonian if args.scale_electrons => {
            bail!("{model}: a model of H; --scale-electrons is for models of DM")
        }
        _ => Ok(()),
    }
}
