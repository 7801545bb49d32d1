//! `hzero-mpi`: eigenvalues and bands by many nodes. K points go to ranks, or to groups of ranks that share one matrix (ELPA).
//!
//! ```text
//! main ──> session ──> team ──> foreman (rank 0 hands out k points, all solve)
//!             ├──────> solver ──> hzero::bands (faer) | elpa
//!             └──────> journal (what is finished survives the run)
//! ```

#[cfg(feature = "elpa")]
mod elpa;
mod fingerprint;
mod foreman;
mod journal;
mod patience;
mod progress;
mod session;
mod solver;
mod team;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use hzero::bands::sparse::problem::WindowsAt;
use hzero::cli::{bands, eigenvalues};
use hzero::parsers::output::write_file;
use mpi::Threading;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;

use session::Session;
use solver::Kind;
use team::Team;

/// How long a rank that failed waits for the others to fail, too; then it ends them.
const PATIENCE_WITH_FAILURES: Duration = Duration::from_secs(5);

/// Eigenvalues and bands on many nodes
///
/// Start it by mpirun or srun. Finished k points are kept in FILE.journal beside the output: after an interruption the same
/// command goes on from there.
#[derive(Parser)]
#[command(name = "hzero-mpi", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Eigenvalues at given k points, as `hzero eigenvalues --json` prints them
    Eigenvalues {
        #[command(flatten)]
        problem: eigenvalues::Args,
        /// JSON file to write
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        division: Division,
    },
    /// Band structure of one or several Hamiltonians, with the outputs of `hzero bands`
    Bands {
        #[command(flatten)]
        problem: bands::Args,
        #[command(flatten)]
        division: Division,
    },
}

/// Who does what.
#[derive(clap::Args)]
#[command(next_help_heading = "Ranks")]
struct Division {
    /// Ranks that solve one k point together [default: 1; all of them with --solver elpa]
    #[arg(long, value_name = "M")]
    ranks_per_k: Option<NonZeroUsize>,
    /// What solves the eigenproblems [default: faer; elpa with --ranks-per-k, sparse with --nearest]
    #[arg(long, value_enum)]
    solver: Option<Kind>,
    /// Threads of each rank
    #[arg(long, value_name = "N", default_value = "1")]
    threads: NonZeroUsize,
}

fn main() -> ExitCode {
    if cfg!(feature = "torch") {
        eprintln!(
            "hzero-mpi: this one was built with libtorch, whose BLAS would take the place of ELPA's; build it with\n    \
             cargo build --release --features mpi,elpa,hdf5 --bin hzero-mpi"
        );
        return ExitCode::from(2);
    }
    let Some((_universe, threading)) = mpi::initialize_with_threading(Threading::Multiple) else {
        eprintln!("hzero-mpi: MPI is at work already");
        return ExitCode::from(2);
    };
    end_all_on_panic();
    let world = SimpleCommunicator::world();
    // Apart from the world's own messages, in which other ranks may still be.
    let failures = world.duplicate();
    let outcome = match Cli::try_parse() {
        Ok(_) if threading != Threading::Multiple => Err(anyhow::anyhow!(
            "this MPI library lets one thread at a time speak (level {threading:?}), and rank 0 needs two"
        )),
        Ok(cli) => run(cli.command),
        Err(usage) => return explain(&usage, world.rank() == 0),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&failures, &error),
    }
}

/// A rank that panics would leave the others waiting for it.
fn end_all_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        let world = SimpleCommunicator::world();
        eprintln!("hzero-mpi: rank {}: internal error, see above", world.rank());
        world.abort(101);
    }));
}

/// Help and complaints about arguments, once.
fn explain(usage: &clap::Error, is_root: bool) -> ExitCode {
    if is_root {
        // Nobody is left to tell where even this fails.
        let _ = usage.print();
    }
    ExitCode::from(usage.exit_code() as u8)
}

/// What all ranks met is said once; a rank that is alone with its error ends the others.
fn fail(ranks: &SimpleCommunicator, error: &anyhow::Error) -> ExitCode {
    let rank = ranks.rank();
    if rank == 0 {
        eprintln!("hzero-mpi: {error:#}");
    }
    if !patience::all_arrive(ranks, PATIENCE_WITH_FAILURES) {
        if rank != 0 {
            eprintln!("hzero-mpi: rank {rank}: {error:#}");
        }
        ranks.abort(2);
    }
    ExitCode::from(2)
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Eigenvalues { problem, out, division } => {
            let team = division.team()?;
            let run = problem.read()?;
            let session =
                Session::new(&team, &run, problem.options(), division.kind(problem.nearest.is_given())?, &out)?;
            let windows_at: WindowsAt<'_> = &|p, k, centre, n| session.windows(p, k, centre, n);
            let output = problem.output(&run, &|h, k| session.energies(h, k), windows_at)?;
            session.finish(|| {
                let json = output.json()?;
                write_file(&out, |file| file.write_all(json.as_bytes()))?;
                Ok(if problem.json { json } else { format!("wrote {}\n", out.display()) })
            })
        }
        Command::Bands { problem, division } => {
            anyhow::ensure!(problem.compare.is_none(), "hzero-mpi compares nothing: use `hzero bands --compare`");
            anyhow::ensure!(problem.fat.is_none(), "hzero-mpi weighs no states: use `hzero bands --fat`");
            let team = division.team()?;
            let run = problem.read()?;
            let output = problem.outputs();
            let session =
                Session::new(&team, &run, problem.options(), division.kind(problem.nearest.is_given())?, &output)?;
            let windows_at: WindowsAt<'_> = &|p, k, centre, n| session.windows(p, k, centre, n);
            let bands = problem.bands(&run, &|h, k| session.energies(h, k), windows_at)?;
            session.finish(|| problem.written(&bands))
        }
    }
}

impl Division {
    /// The ranks in their groups, each with its threads.
    fn team(&self) -> anyhow::Result<Team> {
        rayon::ThreadPoolBuilder::new().num_threads(self.threads.get()).build_global()?;
        let all = SimpleCommunicator::world().size() as usize;
        let default = if self.solver == Some(Kind::Elpa) { all } else { 1 };
        Ok(Team::new(self.ranks_per_k.map_or(default, NonZeroUsize::get))?)
    }

    /// The solver, which must be able to find what is asked for.
    fn kind(&self, wants_windows: bool) -> anyhow::Result<Kind> {
        let is_shared = self.ranks_per_k.is_some_and(|ranks| ranks.get() > 1);
        let default = match (wants_windows, is_shared) {
            (true, _) => Kind::Sparse,
            (false, true) => Kind::Elpa,
            (false, false) => Kind::Faer,
        };
        let kind = self.solver.unwrap_or(default);
        let fits = (kind == Kind::Sparse) == wants_windows;
        anyhow::ensure!(fits, "--solver sparse finds the states that --nearest asks for, and no other solver does");
        Ok(kind)
    }
}
