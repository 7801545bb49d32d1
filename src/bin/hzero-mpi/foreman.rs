//! Rank 0's second thread: hands out tasks to the groups, and takes what they found.

use hzero::parsers::{Error, Result};
use mpi::topology::{Rank, SimpleCommunicator};
use mpi::traits::*;
use serde::{Deserialize, Serialize};

use crate::patience;

/// Tag of what the first rank of a group tells rank 0.
const REPORT: i32 = 1;
/// Tag of the answer: the next task, or [`ENOUGH`].
const ORDER: i32 = 2;
/// There is nothing more to do.
pub const ENOUGH: i64 = -1;

/// What a group tells rank 0.
#[derive(Serialize, Deserialize)]
pub enum Report<T> {
    /// It has done nothing yet.
    Ready,
    /// It solved this task.
    Solved(usize, T),
    /// It could not.
    Failed(String),
}

/// Gives `tasks` to `n_groups` groups until all are solved, and the results to `solved` as they come. After a failure no further
/// task is begun, but those under way are awaited.
///
/// # Errors
/// The first failure.
pub fn hand_out<T: for<'a> Deserialize<'a>>(
    tasks: &[usize],
    n_groups: usize,
    mut solved: impl FnMut(usize, T) -> Result<()>,
) -> Result<()> {
    // As this thread finds it: communicators do not travel between threads.
    let world = SimpleCommunicator::world();
    let mut tasks = tasks.iter();
    let mut outcome = Ok(());
    let mut at_work = n_groups;
    while at_work > 0 {
        let (rank, report) = receive(&world);
        let taken = from_bytes(&report).and_then(|report| match report {
            Report::Ready => Ok(()),
            Report::Solved(task, result) => solved(task, result),
            Report::Failed(message) => Err(Error::inconsistent(message)),
        });
        outcome = outcome.and(taken);
        let next = tasks.next().filter(|_| outcome.is_ok());
        at_work -= usize::from(next.is_none());
        world.process_at_rank(rank).send_with_tag(&next.map_or(ENOUGH, |&task| task as i64), ORDER);
    }
    outcome
}

fn receive(world: &SimpleCommunicator) -> (Rank, Vec<u8>) {
    let (report, status) =
        patience::until(|| world.any_process().immediate_matched_probe_with_tag(REPORT)).matched_receive_vec();
    (status.source_rank(), report)
}

/// Tells rank 0, and waits for the next task or [`ENOUGH`].
pub fn report<T: Serialize>(report: &Report<T>) -> i64 {
    let world = SimpleCommunicator::world();
    let bytes = to_bytes(report).or_else(|error| to_bytes(&Report::<T>::Failed(error.to_string()))).unwrap_or_default();
    let foreman = world.process_at_rank(0);
    foreman.send_with_tag(&bytes[..], REPORT);
    let (message, _) = patience::until(|| foreman.immediate_matched_probe_with_tag(ORDER));
    message.matched_receive().0
}

/// As JSON, which gives numbers back to the last bit.
///
/// # Errors
/// `Io`.
pub fn to_bytes<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    Ok(serde_json::to_vec(value).map_err(std::io::Error::from)?)
}

/// The inverse of [`to_bytes`].
///
/// # Errors
/// `Io`.
pub fn from_bytes<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Result<T> {
    Ok(serde_json::from_slice(bytes).map_err(std::io::Error::from)?)
}
