//! `hzero predict`.

use super::Outcome;

/// Predict H from H0: the run's own files, bands and a report
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args) -> anyhow::Result<Outcome> {
    anyhow::bail!("not built yet")
}
