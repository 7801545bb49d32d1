//! `hzero doctor`.

use super::Outcome;

/// Show which libtorch, HDF5 and device were found, and what to do otherwise
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args) -> anyhow::Result<Outcome> {
    anyhow::bail!("not built yet")
}
