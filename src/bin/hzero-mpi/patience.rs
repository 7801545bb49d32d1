//! Waiting without keeping a core busy: MPI's own calls spin, and the cores have work to do.

use std::thread;
use std::time::{Duration, Instant};

use mpi::request::Request;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;

/// The longest sleep between two looks.
const LONGEST: Duration = Duration::from_millis(1);

/// Looks again and again, less and less often, until there is something.
pub fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let mut pause = Duration::from_micros(10);
    loop {
        match look() {
            Some(found) => return found,
            None => thread::sleep(pause),
        }
        pause = LONGEST.min(pause * 2);
    }
}

/// Waits until all ranks are here, but no longer than `limit`: are they?
pub fn all_arrive(ranks: &SimpleCommunicator, limit: Duration) -> bool {
    let start = Instant::now();
    let mut barrier = Some(ranks.immediate_barrier());
    until(|| match barrier.take().map(Request::test) {
        Some(Err(open)) if start.elapsed() > limit => {
            // Never to be completed: the caller ends the program.
            std::mem::forget(open);
            Some(false)
        }
        Some(Err(open)) => {
            barrier = Some(open);
            None
        }
        Some(Ok(_)) | None => Some(true),
    })
}
