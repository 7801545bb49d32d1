//! `hzero info`.

use super::Outcome;

/// Show what a run left behind
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args) -> anyhow::Result<Outcome> {
    anyhow::bail!("not built yet")
}
