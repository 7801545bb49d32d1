//! `hzero check`.

use std::path::PathBuf;

use super::Outcome;
use super::run_args::RunFiles;
use crate::parsers::check::Report;
use crate::parsers::error::Context;
use crate::parsers::read;

/// Check a run's matrices: Hermiticity, positive definite overlap, conventions
#[derive(clap::Args)]
pub struct Args {
    /// A run's folder, or a file of a run
    run: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    files: RunFiles,
}

pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let run = read(&args.run, &args.files.options())?;
    let report = Report::of(&run).in_file(&args.run)?;
    let text = if args.json { format!("{:#}\n", report.json()) } else { report.lines() };
    super::print(&text)?;
    Ok(if report.holds() { Outcome::Done } else { Outcome::Failed })
}
