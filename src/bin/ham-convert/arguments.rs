//! What the user says of a conversion.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use hzero_parsers::convert::{Request, WriteOptions};
use hzero_parsers::format::Format;
use hzero_parsers::shift::Shift;
use hzero_parsers::{Error, Of, Result};

use crate::run_args::RunFiles;

/// Of one conversion, or of a batch of them.
#[derive(clap::Args)]
pub struct Args {
    /// File or folder to read: a run, or a folder with runs below it
    #[arg(required_unless_present = "list")]
    source: Option<PathBuf>,
    /// File or folder to write
    #[arg(required_unless_present = "list")]
    target: Option<PathBuf>,
    /// Show all formats and what they hold
    #[arg(long)]
    pub list: bool,
    /// With --list: as a table in Markdown
    #[arg(long, requires = "list")]
    pub markdown: bool,
    #[command(flatten)]
    pub choices: Choices,
    #[command(flatten)]
    pub files: RunFiles,
    /// Replace a file, or what an earlier conversion wrote into a folder (files that others put there stay); in a batch,
    /// convert again what is there already
    #[arg(long)]
    pub force: bool,
    /// Runs of a batch converted at the same time (all cores, unless given)
    #[arg(long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

/// What is converted into what, the same for all runs of a batch.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Conversion")]
pub struct Choices {
    /// Format to write (told by the name of the target, such as mos2.TSHS, unless given)
    #[arg(long, value_name = "FORMAT", value_parser = format())]
    pub to: Option<Format>,
    /// Format to read (found by content; a run of another format than this is an error)
    #[arg(long, value_name = "FORMAT", value_parser = format())]
    pub from: Option<Format>,
    /// Which H of a run (the converged one unless it is absent)
    #[arg(long, value_name = "WHICH", value_parser = of())]
    pub of: Option<Of>,
    /// What a format requires and the run does not have is filled with zeros, and reported; an error otherwise
    #[arg(long, value_name = "WITH")]
    pub fill: Option<Fill>,
    /// Double precision where the format's habit is single (dftio)
    #[arg(long)]
    pub double: bool,
    /// k mesh on which orbitals become orthogonal (Wannier90)
    #[arg(long, value_name = "N,N,N", value_parser = mesh)]
    pub mesh: Option<[u32; 3]>,
    /// Write H - mu S: mu is the Fermi level, what DeepH's `standardize` takes, or so many eV
    #[arg(long, value_name = "fermi|standard|EV", value_parser = shift, allow_hyphen_values = true)]
    pub shift: Option<Shift>,
}

/// What stands in for missing data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fill {
    /// Zeros
    Zero,
}

impl Args {
    /// Source and target, which `clap` requires where no list was asked for.
    pub fn places(&self) -> Option<(&Path, &Path)> {
        self.source.as_deref().zip(self.target.as_deref())
    }

    /// The conversion of one run.
    ///
    /// # Errors
    /// `Unsupported` where neither an option nor the target's name tells the format.
    pub fn request(&self, source: &Path, target: &Path) -> Result<Request> {
        let Choices { to, from, of, fill, double, mesh, shift } = self.choices.clone();
        let to = to.or_else(|| Format::of_file_name(target)).ok_or_else(|| unknown_target(target))?;
        let write = WriteOptions { fill_zero: fill.is_some(), double, mesh, force: self.force, shift };
        let options = self.files.options();
        Ok(Request { from, options, of, write, ..Request::new(source, target, to) })
    }

    /// Everything that changes what is written, and the version of this program, as text.
    ///
    /// # Errors
    /// As [`Args::request`].
    pub fn fingerprint(&self, target: &Path) -> Result<String> {
        let Request { from, to, options, of, write, .. } = self.request(Path::new(""), target)?;
        let write = WriteOptions { force: false, ..write };
        let version = env!("CARGO_PKG_VERSION");
        Ok(format!("{version} {from:?} {to:?} {options:?} {of:?} {write:?}"))
    }

    /// Runs at a time.
    pub fn n_jobs(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.jobs.map_or_else(cores, NonZeroUsize::get)
    }
}

fn unknown_target(target: &Path) -> Error {
    Error::unsupported(format!("the name does not tell the format: say --to, one of {}", names())).in_file(target)
}

fn format() -> impl TypedValueParser<Value = Format> {
    let names = Format::ALL.iter().map(|format| format.capabilities().name);
    PossibleValuesParser::new(names).try_map(|name| Format::from_name(&name).ok_or("no format"))
}

/// Of all formats.
fn names() -> String {
    Format::ALL.iter().map(|format| format.capabilities().name).collect::<Vec<_>>().join(", ")
}

fn of() -> impl TypedValueParser<Value = Of> {
    PossibleValuesParser::new(["h0", "scf"]).map(|name| if name == "h0" { Of::H0 } else { Of::Scf })
}

fn mesh(text: &str) -> std::result::Result<[u32; 3], String> {
    let divisions: Vec<u32> = text.split(',').filter_map(|n| n.trim().parse().ok().filter(|&n| n > 0)).collect();
    let parts = text.split(',').count();
    <[u32; 3]>::try_from(divisions).ok().filter(|_| parts == 3).ok_or(format!("`{text}` is not three numbers N,N,N"))
}

fn shift(text: &str) -> std::result::Result<Shift, String> {
    let number = || text.parse().ok().filter(|ev: &f64| ev.is_finite());
    match text {
        "fermi" => Ok(Shift::Fermi),
        "standard" => Ok(Shift::Standard),
        _ => number().map(Shift::Ev).ok_or(format!("`{text}` is none of fermi, standard and a number of eV")),
    }
}
