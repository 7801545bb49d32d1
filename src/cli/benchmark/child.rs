//! Work in processes of their own: their time and memory are theirs alone, and a crash ends none but them.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use crate::model::phases::{children_cpu_seconds, peak_memory_of};

/// Time between two looks at a running process.
const GLANCE: Duration = Duration::from_millis(20);

/// What a process took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// On the clock.
    pub seconds: f64,
    /// Of all threads; `None` where the system does not tell.
    pub cpu_seconds: Option<f64>,
    /// The most that it held; `None` where the system does not tell.
    pub peak_memory_mb: Option<f64>,
}

/// Runs `hzero` with some arguments in a folder; what it prints goes to `output`, what it complains of to `log`. libtorch gets so many
/// threads (0: its own choice).
///
/// # Errors
/// In the last words of the process where it fails.
pub fn hzero<S: AsRef<OsStr>>(
    arguments: &[S],
    threads: usize,
    folder: &Path,
    output: &Path,
    log: &Path,
) -> anyhow::Result<Spent> {
    let create = |path: &Path| File::create(path).with_context(|| path.display().to_string());
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(create(output)?).stderr(create(log)?);
    if threads > 0 {
        command.env("OMP_NUM_THREADS", threads.to_string());
    }
    run(command, log)
}

fn run(mut command: Command, log: &Path) -> anyhow::Result<Spent> {
    let (start, cpu) = (Instant::now(), children_cpu_seconds());
    let mut worker = Worker(command.spawn().context("hzero cannot be started")?);
    let mut peak = None;
    let status = loop {
        peak = peak_memory_of(worker.0.id()).max(peak);
        match worker.0.try_wait()? {
            Some(status) => break status,
            None => thread::sleep(GLANCE),
        }
    };
    match status.code() {
        Some(0) => {}
        // Its last words are of something else.
        None => bail!("ended by {status}"),
        Some(_) => {
            let words = std::fs::read_to_string(log).unwrap_or_default();
            let last = words.trim_end().lines().last().unwrap_or("it said nothing");
            bail!("{} ({status})", last.strip_prefix("hzero: ").unwrap_or(last));
        }
    }
    Ok(Spent {
        seconds: start.elapsed().as_secs_f64(),
        cpu_seconds: cpu.zip(children_cpu_seconds()).map(|(before, after)| after - before),
        peak_memory_mb: peak.map(|bytes| bytes as f64 / 1e6),
    })
}

/// A running process; it does not outlive this.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn time_and_memory_are_those_of_the_process_and_failures_speak_its_words() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let shell = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]).stderr(File::create(&log).unwrap());
            run(command, &log)
        };
        let spent = shell("k=0; while [ $k -lt 100000 ]; do k=$((k+1)); done").unwrap();
        assert!(spent.seconds > 0.02 && spent.cpu_seconds.unwrap() > 0.0 && spent.peak_memory_mb.unwrap() > 0.1);
        let error = shell("echo 'hzero: nowhere: no run is there' >&2; exit 2").unwrap_err().to_string();
        assert_eq!(error, "nowhere: no run is there (exit status: 2)");
        assert!(shell("kill -9 $$").unwrap_err().to_string().contains("SIGKILL"));
    }
}
