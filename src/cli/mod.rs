//! The command line: one file per subcommand; arguments in, a library call, text or JSON out.

use std::io;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::parsers::{Error, ErrorKind};

pub mod bands;
mod benchmark;
mod certify;
mod changed_run;
mod check;
mod config;
mod dataset;
mod density;
mod doctor;
mod domain;
mod dos;
pub mod eigenvalues;
mod eval;
mod figure_args;
mod figures;
mod fit;
mod h0_recipe;
mod info;
mod kpm;
mod manual;
mod nearest;
mod one_run;
mod predict;
mod restart;
mod result_folder;
mod rotate;
pub mod run_args;
mod sources;
mod spectrum_args;
mod strain;
mod tile;
mod train;
mod unfold;

/// Predicts the converged DFT Hamiltonian from the zeroth-step one, and lets the DFT code go on from it.
#[derive(Parser)]
#[command(name = "hzero", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Predict(predict::Args),
    Restart(restart::Args),
    Domain(domain::Args),
    Bands(bands::Args),
    Unfold(unfold::Args),
    Eigenvalues(eigenvalues::Args),
    Density(density::Args),
    Dos(dos::Args),
    Fit(fit::Args),
    Train(train::Args),
    Config(config::Args),
    Eval(eval::Args),
    Benchmark(benchmark::Args),
    Certify(certify::Args),
    Tile(tile::Args),
    Rotate(rotate::Args),
    Strain(strain::Args),
    Info(info::Args),
    Check(check::Args),
    Dataset(dataset::Args),
    H0Recipe(h0_recipe::Args),
    Doctor(doctor::Args),
    Completions(manual::Completions),
    Man(manual::Man),
}

/// What a command reports besides errors: exit code 0, or 1 where a check failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done (exit code 0).
    Done,
    /// Ran, but a check failed or some runs of a batch did (exit code 1).
    Failed,
}

/// Entry point of the `hzero` binary: exit codes 0 (done), 1 (a check failed), 2 (error).
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Failed) => ExitCode::from(1),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hzero: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<Outcome> {
    match cli.command {
        Command::Predict(args) => predict::run(args),
        Command::Restart(args) => restart::run(args),
        Command::Domain(args) => domain::run(args),
        Command::Bands(args) => bands::run(args),
        Command::Unfold(args) => unfold::run(args),
        Command::Eigenvalues(args) => eigenvalues::run(args),
        Command::Density(args) => density::run(args),
        Command::Dos(args) => dos::run(args),
        Command::Fit(args) => fit::run(args),
        Command::Train(args) => train::run(args),
        Command::Config(args) => config::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Benchmark(args) => benchmark::run(args),
        Command::Certify(args) => certify::run(args),
        Command::Tile(args) => tile::run(args),
        Command::Rotate(args) => rotate::run(args),
        Command::Strain(args) => strain::run(args),
        Command::Info(args) => info::run(args),
        Command::Check(args) => check::run(args),
        Command::Dataset(args) => dataset::run(args),
        Command::H0Recipe(args) => h0_recipe::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Completions(args) => print_bytes(&args.of(Cli::command())),
        Command::Man(args) => print_bytes(&args.of(Cli::command())?),
    }
}

/// Prints to standard output; a reader that went away is an error that [`main`] takes for done.
fn print(text: &str) -> io::Result<()> {
    io::Write::write_all(&mut io::stdout(), text.as_bytes())
}

fn print_bytes(bytes: &[u8]) -> anyhow::Result<Outcome> {
    io::Write::write_all(&mut io::stdout(), bytes)?;
    Ok(Outcome::Done)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(io_error).any(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

fn io_error<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a io::Error> {
    cause.downcast_ref::<io::Error>().or_else(|| match cause.downcast_ref::<Error>()?.kind() {
        ErrorKind::Io(error) => Some(error),
        _ => None,
    })
}
