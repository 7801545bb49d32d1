//! `hzero check`.

use super::Outcome;

/// Check a run's matrices: Hermiticity, positive definite overlap, conventions
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args) -> anyhow::Result<Outcome> {
    anyhow::bail!("not built yet")
}
