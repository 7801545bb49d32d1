//! `hzero eval`.

use super::Outcome;

/// Errors of a model on runs whose converged Hamiltonian is known
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args) -> anyhow::Result<Outcome> {
    anyhow::bail!("not built yet")
}
