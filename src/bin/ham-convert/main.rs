//! `ham-convert`: Hamiltonians from one format into another. Built on `hzero-parsers` alone: it never needs libtorch.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use hzero_parsers::convert::{Request, convert};
use hzero_parsers::format::{Format, markdown_table, table};
use hzero_parsers::{Error, Of, ReadOptions, Step};

/// Converts files of Hamiltonians, overlaps and density matrices: one file, or a run's folder with its other inputs and
/// outputs, so that the target is a run again
#[derive(Parser)]
#[command(name = "ham-convert", version)]
struct Args {
    /// File or folder to read
    #[arg(required_unless_present = "list")]
    source: Option<PathBuf>,
    /// File or folder to write
    #[arg(required_unless_present = "list")]
    target: Option<PathBuf>,
    /// Format to write (told by the name of the target, such as mos2.TSHS, unless given)
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    to: Option<Format>,
    /// Format to read (found by content unless given)
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    from: Option<Format>,
    /// Structure file (ABACUS: STRU; SIESTA: XV), found beside the file unless given
    #[arg(long, value_name = "FILE")]
    structure: Option<PathBuf>,
    /// Number of valence electrons, for formats that contain it
    #[arg(long, value_name = "N")]
    electrons: Option<f64>,
    /// Ionic step of a relaxation or MD: a number as in the file, or `last`
    #[arg(long, value_name = "N|last", value_parser = step)]
    step: Option<Step>,
    /// Which H of a SIESTA or OpenMX run: h0 or scf (the converged one unless it is absent)
    #[arg(long, value_name = "h0|scf", value_parser = of)]
    of: Option<Of>,
    /// Show all formats and what they hold
    #[arg(long)]
    list: bool,
    /// With --list: as Markdown
    #[arg(long, requires = "list")]
    markdown: bool,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ham-convert: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(args: Args) -> Result<(), Error> {
    let markdown = args.markdown;
    let Args {
        source: Some(source), target: Some(target), to, from, structure, electrons, step, of, list: false, ..
    } = args
    else {
        print(&if markdown { markdown_table() } else { table() });
        return Ok(());
    };
    let to = to.or(Format::of_file_name(&target)).ok_or_else(|| unknown_target(&target))?;
    let options = ReadOptions { structure, electrons, step, ..ReadOptions::default() };
    let report = convert(&Request { from, options, of, ..Request::new(source, target, to) })?;
    report.notes.iter().for_each(|note| eprintln!("{note}"));
    print(&report.files.iter().map(|file| format!("{}\n", file.display())).collect::<String>());
    Ok(())
}

fn unknown_target(target: &Path) -> Error {
    Error::unsupported(format!("the name does not tell the format: say --to, one of {}", names())).in_file(target)
}

/// A reader of standard output that went away (`| head`) is no error.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn format(name: &str) -> Result<Format, String> {
    Format::from_name(name).ok_or_else(|| format!("`{name}` is none of {}", names()))
}

/// Of all formats.
fn names() -> String {
    Format::ALL.iter().map(|format| format.capabilities().name).collect::<Vec<_>>().join(", ")
}

fn of(text: &str) -> Result<Of, String> {
    match text {
        "h0" => Ok(Of::H0),
        "scf" => Ok(Of::Scf),
        _ => Err(format!("`{text}` is neither h0 nor scf")),
    }
}

fn step(text: &str) -> Result<Step, String> {
    match text {
        "last" => Ok(Step::Last),
        number => number.parse().map(Step::Number).map_err(|_| format!("`{number}` is neither a number nor `last`")),
    }
}
