//! `hzero h0-recipe`.

use std::io::Write;
use std::path::PathBuf;

use super::Outcome;
use crate::parsers::Code;
use crate::parsers::output::write_file;
use crate::parsers::recipe::step_zero;

/// From your own input, the input of the step-zero run: H of the superposed atomic densities, before any self-consistency
///
/// The new input goes to standard output; every key that it changes is marked by a comment. Warnings go to standard error.
#[derive(clap::Args)]
pub struct Args {
    /// The code
    #[arg(value_parser = code)]
    code: Code,
    /// Your input (INPUT, NAME.fdf, NAME.dat), or the folder that it lies in
    #[arg(default_value = ".")]
    input: PathBuf,
    /// Version of the code, where the input depends on it (ABACUS: 3.8 or 3.11)
    #[arg(long)]
    version: Option<String>,
    /// Write here instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let recipe = step_zero(args.code, &args.input, args.version.as_deref())?;
    for warning in &recipe.warnings {
        eprintln!("hzero: warning: {warning}");
    }
    match &args.out {
        Some(path) => write_file(path, |out| out.write_all(recipe.input.as_bytes()))?,
        None => std::io::stdout().write_all(recipe.input.as_bytes())?,
    }
    Ok(Outcome::Done)
}

pub(super) fn code(name: &str) -> Result<Code, String> {
    let same = |code: &Code| code.name().eq_ignore_ascii_case(name);
    Code::ALL.into_iter().find(same).ok_or_else(|| {
        let names = Code::ALL.map(|code| code.name().to_lowercase());
        format!("`{name}` is none of {}", names.join(", "))
    })
}
