//! `hzero bands`.

use super::Outcome;

/// Draw the band structure of one or several Hamiltonians, or compare with the code's own eigenvalues
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args) -> anyhow::Result<Outcome> {
    anyhow::bail!("not built yet")
}
