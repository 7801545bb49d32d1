//! `hzero eigenvalues`.

use super::Outcome;

/// Eigenvalues at given k points
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args) -> anyhow::Result<Outcome> {
    anyhow::bail!("not built yet")
}
