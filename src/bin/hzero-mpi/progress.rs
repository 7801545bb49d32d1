//! What the user of a long run wants to know: how far it is, and what is kept when it is stopped.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Between two lines on standard error.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// K points of the present Hamiltonian.
pub struct Progress {
    journal: PathBuf,
    finished: AtomicUsize,
    total: AtomicUsize,
    reported: Mutex<Instant>,
}

impl Progress {
    /// Of a run that keeps this journal.
    pub fn new(journal: PathBuf) -> Arc<Progress> {
        let reported = Mutex::new(Instant::now());
        Arc::new(Progress { journal, finished: AtomicUsize::new(0), total: AtomicUsize::new(0), reported })
    }

    /// `finished` of `total` k points were there before.
    pub fn start(&self, finished: usize, total: usize) {
        self.finished.store(finished, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    /// One more; says so now and then.
    pub fn advance(&self) {
        self.finished.fetch_add(1, Ordering::Relaxed);
        let Ok(mut reported) = self.reported.lock() else { return };
        if reported.elapsed() >= REPORT_EVERY {
            *reported = Instant::now();
            eprintln!("hzero-mpi: {}", self.line());
        }
    }

    fn line(&self) -> String {
        let [finished, total] = [&self.finished, &self.total].map(|count| count.load(Ordering::Relaxed));
        format!("{finished} of {total} k points")
    }

    /// From here on Ctrl-C, and the end of a job's time, tell what is kept before they end the program. So does the death of
    /// another rank, on which mpirun sends SIGTERM to the rest.
    ///
    /// # Errors
    /// Of the operating system.
    pub fn speak_when_stopped(self: &Arc<Self>) -> std::io::Result<()> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let progress = self.clone();
        thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                let (line, journal) = (progress.line(), progress.journal.display());
                eprintln!(
                    "hzero-mpi: stopped by signal {signal}; {line} are kept in {journal}: the same command goes on from there"
                );
                // Not `exit`, which would run MPI's own last words while other threads are inside MPI.
                signal_hook::low_level::exit(128 + signal);
            }
        });
        Ok(())
    }
}
