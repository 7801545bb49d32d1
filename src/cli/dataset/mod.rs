//! `hzero dataset`.

use clap::Subcommand;

use super::Outcome;

mod check;
mod generate;
mod histogram;
mod next;
mod split;
mod stats;

/// Training sets: check them, see what they cover, split them, make new structures, choose the next ones
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Args),
    Stats(stats::Args),
    Split(split::Args),
    Generate(generate::Args),
    Next(next::Args),
}

pub fn run(args: Args) -> anyhow::Result<Outcome> {
    match args.command {
        Command::Check(args) => check::run(args),
        Command::Stats(args) => stats::run(args),
        Command::Split(args) => split::run(args),
        Command::Generate(args) => generate::run(args),
        Command::Next(args) => next::run(args),
    }
}
