//! `ham-convert`: Hamiltonians from one format into another. Built on `hzero-parsers` alone: it never needs libtorch.

mod arguments;
mod batch;
mod journal;
#[path = "../../cli/manual.rs"]
mod manual;
mod report;
#[path = "../../cli/run_args.rs"]
mod run_args;
mod threads;

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use hzero_parsers as parsers;
use parsers::convert::convert;
use parsers::error::Context;
use parsers::{Error, Result, check, format, read, runs};

use arguments::Args;
use report::{Failure, Summary};
use run_args::RunFiles;

/// Converts files of Hamiltonians, overlaps and density matrices: one file; a run's folder with its other inputs and
/// outputs, so that the target is a run again; or all runs of a tree
#[derive(Parser)]
#[command(name = "ham-convert", version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(
    after_help = "A folder that is called like a command is ./check, ./man, ...\nExit codes: 0 done; 1 a check, or a \
                        run of a batch, failed; 2 error."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    args: Args,
}

#[derive(Subcommand)]
enum Command {
    Check(Box<Check>),
    Completions(manual::Completions),
    Man(manual::Man),
}

/// Check a run's matrices: Hermiticity, positive definite overlap, conventions
#[derive(clap::Args)]
struct Check {
    /// A run's folder, or a file of a run
    run: PathBuf,
    #[command(flatten)]
    files: RunFiles,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How a run of this program ended, short of an error.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    /// A check, or a run of a batch.
    Failed,
}

fn main() -> ExitCode {
    let Cli { command, args } = Cli::parse();
    let outcome = match command {
        Some(Command::Check(args)) => run_check(&args),
        Some(Command::Completions(args)) => print(&args.of(Cli::command())),
        Some(Command::Man(args)) => args.of(Cli::command()).map_err(Error::from).and_then(|page| print(&page)),
        None => run(&args),
    };
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Failed) => ExitCode::from(1),
        Err(error) => {
            eprintln!("ham-convert: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<Outcome> {
    let Some((source, target)) = args.places().filter(|_| !args.list) else {
        let table = if args.markdown { format::markdown_table() } else { format::table() };
        return print(table.as_bytes());
    };
    match runs_below(source, args)? {
        Some(runs) => batch::run(args, source, target, runs),
        None => one(args, source, target),
    }
}

/// The runs of a batch; `None` where the source is a run itself: a file, a folder with matrices, or whatever the user
/// names files of.
fn runs_below(source: &Path, args: &Args) -> Result<Option<Vec<PathBuf>>> {
    if !source.is_dir() || args.files.names_files() {
        return Ok(None);
    }
    let runs = runs::below(source);
    if runs.is_empty() {
        parsers::out_of_scope::refuse(source)?;
        return Err(Error::unsupported("no run in this folder or below").in_file(source));
    }
    Ok(Some(runs).filter(|runs| runs[..] != [source]))
}

fn one(args: &Args, source: &Path, target: &Path) -> Result<Outcome> {
    let mut summary = Summary::new();
    let converted = args.request(source, target).and_then(|request| convert(&request));
    let outcome = match converted {
        Ok(run) => {
            summary.converted.push(run);
            Ok(Outcome::Done)
        }
        Err(error) => {
            summary.failed.push(Failure { source: source.to_owned(), error: error.to_string() });
            Err(error)
        }
    };
    print((if args.json { summary.json()? } else { summary.of_one() }).as_bytes())?;
    outcome
}

fn run_check(args: &Check) -> Result<Outcome> {
    let run = read(&args.run, &args.files.options())?;
    let report = check::Report::of(&run).in_file(&args.run)?;
    print(&if args.json { format!("{:#}\n", report.json()) } else { report.lines() }.into_bytes())?;
    Ok(if report.holds() { Outcome::Done } else { Outcome::Failed })
}

/// A reader of standard output that went away (`| head`) is no error.
fn print(text: &[u8]) -> Result<Outcome> {
    let mut output = std::io::stdout().lock();
    match output.write_all(text).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::from(error).in_file("standard output")),
        _ => Ok(Outcome::Done),
    }
}
