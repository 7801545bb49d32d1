//! `hzero h0-recipe`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;

use super::Outcome;
use crate::parsers::abacus::InputFile;
use crate::parsers::abacus::recipe::{Recipe, Release};
use crate::parsers::output::write_file;

/// From your own input, the input of the step-zero run: H of the superposed atomic densities, before any self-consistency
///
/// The new INPUT goes to standard output; every key that it changes is marked by a comment. Warnings go to standard error.
#[derive(clap::Args)]
pub struct Args {
    /// The code
    code: Code,
    /// Your INPUT, or the folder that it lies in
    #[arg(default_value = "INPUT")]
    input: PathBuf,
    /// Version of the code
    #[arg(long, default_value = "3.8")]
    version: Version,
    /// Write here instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Code {
    Abacus,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Version {
    #[value(name = "3.8")]
    V3_8,
    #[value(name = "3.11")]
    V3_11,
}

pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let Code::Abacus = args.code;
    let release = match args.version {
        Version::V3_8 => Release::V3_8,
        Version::V3_11 => Release::V3_11,
    };
    let path = if args.input.is_dir() { args.input.join("INPUT") } else { args.input };
    let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
    let input = InputFile::parse(&bytes).map_err(|e| e.in_file(&path))?;
    let recipe = Recipe::step_zero(&input, release);
    for warning in &recipe.warnings {
        eprintln!("hzero: warning: {warning}");
    }
    match &args.out {
        Some(path) => write_file(path, |out| out.write_all(recipe.input.as_bytes()))?,
        None => std::io::stdout().write_all(recipe.input.as_bytes())?,
    }
    Ok(Outcome::Done)
}
