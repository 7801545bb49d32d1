//! `hzero fit`.

use super::Outcome;

/// Fit the closed-form linear stage to runs
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args) -> anyhow::Result<Outcome> {
    anyhow::bail!("not built yet")
}
