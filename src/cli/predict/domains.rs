//! A run in domains: one process for each, and their rows put together.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};

use super::Args;
use crate::model::domains::{Answer, Facts, Part, Scissors};
use crate::model::phases::Phases;
use crate::model::predict::{Predicted, Predictor};
use crate::parsers::Calculation;

/// How often processes are looked after.
const GLANCE: Duration = Duration::from_millis(20);

/// Predicts H, the rows of every domain by a process of its own; says what the processes needed.
pub fn predict(
    run: &Calculation,
    predictor: &Predictor,
    args: &Args,
    n: usize,
) -> anyhow::Result<(Predicted, Vec<Facts>)> {
    let mut phases = Phases::default();
    let scissors = phases.note("domains", || predictor.scissors(run, n))?;
    let answers = phases.note("domains", || match &args.exchange {
        Some(folder) => left_in(folder, n),
        None => {
            let folder = tempfile::Builder::new().prefix("hzero-domains-").tempdir()?;
            by_processes(&scissors, folder.path(), args, n)
        }
    })?;
    let mut predicted = predictor.gather(run, &scissors, &answers)?;
    phases.extend(predicted.phases);
    predicted.phases = phases;
    Ok((predicted, answers.into_iter().map(|answer| answer.facts).collect()))
}

/// What `hzero domain` left in a folder.
fn left_in(folder: &Path, n: usize) -> anyhow::Result<Vec<Answer>> {
    Part::all(n).map(|part| Ok(Answer::read(&part.rows(folder))?)).collect()
}

fn by_processes(scissors: &Scissors, folder: &Path, args: &Args, n: usize) -> anyhow::Result<Vec<Answer>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.domain_jobs.unwrap_or(cores).clamp(1, n);
    let binary = std::env::current_exe()?;
    let start = |part: Part| {
        scissors.cut(part.index)?.write(&part.cut(folder))?;
        let mut command = Command::new(&binary);
        command.arg("domain").arg(part.to_string()).arg("--model").arg(&args.model).arg("--exchange").arg(folder);
        command.args(["--device", &args.device]);
        command.args(args.bonds_at_once.map(|bonds| format!("--bonds-at-once={bonds}")));
        for threads in ["OMP_NUM_THREADS", "RAYON_NUM_THREADS"] {
            command.env(threads, (cores / jobs).max(1).to_string());
        }
        Ok(command)
    };
    supervise(Part::all(n), jobs, folder, start)?;
    left_in(folder, n)
}

/// A running process; it does not outlive this.
struct Worker {
    part: Part,
    child: Child,
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a process for every part, `jobs` at a time. The first that fails ends all others.
fn supervise(
    mut parts: impl Iterator<Item = Part>,
    jobs: usize,
    folder: &Path,
    command: impl Fn(Part) -> anyhow::Result<Command>,
) -> anyhow::Result<()> {
    let mut running: Vec<Worker> = Vec::new();
    loop {
        while running.len() < jobs
            && let Some(part) = parts.next()
        {
            let log = File::create(part.log(folder))?;
            let mut command = command(part)?;
            let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
            running.push(Worker { part, child: child.with_context(|| format!("domain {part} cannot start"))? });
        }
        if running.is_empty() {
            return Ok(());
        }
        thread::sleep(GLANCE);
        let mut still = Vec::new();
        for mut worker in running {
            match worker.child.try_wait()? {
                Some(status) => require_success(worker.part, status, folder)?,
                None => still.push(worker),
            }
        }
        running = still;
    }
}

/// Errors are named after the domain, in the words of its process.
fn require_success(part: Part, status: ExitStatus, folder: &Path) -> anyhow::Result<()> {
    if status.success() {
        return Ok(());
    }
    let log = fs::read_to_string(part.log(folder)).unwrap_or_default();
    let message = log.trim_end().lines().last().unwrap_or("it said nothing");
    bail!("domain {part} failed ({status}): {}", message.strip_prefix("hzero: ").unwrap_or(message))
}

#[cfg(all(test, unix))]
mod tests {
    use std::time::Instant;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn the_domain_that_failed_is_named_with_its_words_and_ends_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let start = Instant::now();
        let command = |part: Part| {
            Ok(match part.index {
                1 => shell("echo 'a warning' >&2; echo 'hzero: model.safetensors: no such file' >&2; exit 2"),
                _ => shell("sleep 60"),
            })
        };
        let error = supervise(Part::all(3), 3, folder.path(), command).unwrap_err().to_string();
        assert_eq!(error, "domain 2/3 failed (exit status: 2): model.safetensors: no such file");
        assert!(start.elapsed() < Duration::from_secs(30), "the others were waited for");
    }

    #[test]
    fn a_killed_process_is_told_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let error = supervise(Part::all(1), 1, folder.path(), |_| Ok(shell("kill -9 $$"))).unwrap_err().to_string();
        assert_eq!(error, "domain 1/1 failed (signal: 9 (SIGKILL)): it said nothing");
    }

    #[test]
    fn no_more_processes_run_at_a_time_than_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("running");
        let script = format!("mkdir {0} && sleep 0.1 && rmdir {0}", mark.display());
        supervise(Part::all(3), 1, folder.path(), |_| Ok(shell(&script))).unwrap();
        assert!(supervise(Part::all(3), 3, folder.path(), |_| Ok(shell(&script))).is_err());
    }
}
