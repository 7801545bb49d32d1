//! `hzero h0-recipe`.

use super::Outcome;

/// From your own input, the input of the step-zero run
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args) -> anyhow::Result<Outcome> {
    anyhow::bail!("not built yet")
}
