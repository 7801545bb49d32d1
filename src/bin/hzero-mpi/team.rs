//! The ranks of a run, in groups that solve one k point each at a time.

use std::time::Duration;
use std::{panic, thread};

use hzero::parsers::{Error, Result};
use mpi::topology::{Color, SimpleCommunicator};
use mpi::traits::*;
use serde::{Deserialize, Serialize};

use crate::foreman::{self, ENOUGH, Report, from_bytes, to_bytes};
use crate::patience;

/// MPI counts elements by an `int`: more bytes than these go in several messages.
const LARGEST_MESSAGE: usize = 1 << 30;

/// All ranks, in groups of equal size.
pub struct Team {
    world: SimpleCommunicator,
    group: SimpleCommunicator,
    n_groups: usize,
}

impl Team {
    /// Divides all ranks into groups of `ranks_per_group` neighbours.
    ///
    /// # Errors
    /// `Unsupported` where their number is no multiple of that.
    pub fn new(ranks_per_group: usize) -> Result<Team> {
        let world = SimpleCommunicator::world();
        let n_ranks = world.size() as usize;
        if ranks_per_group == 0 || !n_ranks.is_multiple_of(ranks_per_group) {
            let message = format!("{n_ranks} ranks cannot be divided into groups of {ranks_per_group}");
            return Err(Error::unsupported(message));
        }
        let color = Color::with_value(world.rank() / ranks_per_group as i32);
        let group = world.split_by_color(color).ok_or_else(|| Error::inconsistent("MPI made no groups of ranks"))?;
        Ok(Team { world, group, n_groups: n_ranks / ranks_per_group })
    }

    /// Number of ranks.
    pub fn n_ranks(&self) -> usize {
        self.world.size() as usize
    }

    /// Number of groups.
    pub fn n_groups(&self) -> usize {
        self.n_groups
    }

    /// The ranks that work on the same k point as this one.
    pub fn group(&self) -> &SimpleCommunicator {
        &self.group
    }

    /// Is this the rank that hands out, keeps the journal and writes?
    pub fn is_root(&self) -> bool {
        self.world.rank() == 0
    }

    /// Has every task of `tasks` solved by a group, a new one as soon as a group is free, since tasks may differ in cost. On
    /// rank 0 `solved` takes the results as they come. After a task that could not be solved no further one is begun, but those
    /// under way are finished. All ranks must call this together; `tasks` and `solved` matter on rank 0 only.
    ///
    /// # Errors
    /// The first error of `solve` or `solved`, on all ranks.
    pub fn distribute<T: Serialize + for<'a> Deserialize<'a>>(
        &self,
        tasks: &[usize],
        solve: impl Fn(usize) -> Result<T>,
        solved: impl FnMut(usize, T) -> Result<()> + Send,
    ) -> Result<()> {
        if !self.is_root() {
            self.work(solve);
            return self.follow_root(Ok(()));
        }
        let n_groups = self.n_groups;
        let outcome = thread::scope(|scope| {
            let foreman = scope.spawn(move || foreman::hand_out(tasks, n_groups, solved));
            self.work(solve);
            foreman.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
        });
        self.follow_root(outcome)
    }

    /// Solves what rank 0 hands out, until there is no more. Only the first rank of a group talks to rank 0.
    fn work<T: Serialize + for<'a> Deserialize<'a>>(&self, solve: impl Fn(usize) -> Result<T>) {
        let first = self.group.process_at_rank(0);
        let mut report = Report::Ready;
        loop {
            let mut order = if self.group.rank() == 0 { foreman::report(&report) } else { ENOUGH };
            first.broadcast_into(&mut order);
            let Ok(task) = usize::try_from(order) else { return };
            report = match solve(task) {
                Ok(result) => Report::Solved(task, result),
                Err(error) => Report::Failed(error.to_string()),
            };
        }
    }

    /// Where rank 0 failed, all ranks fail with its error.
    ///
    /// # Errors
    /// That one.
    pub fn follow_root<T>(&self, outcome: Result<T>) -> Result<T> {
        let failure = outcome.as_ref().err().map(Error::to_string);
        match self.share(failure)? {
            Some(message) if !self.is_root() => Err(Error::inconsistent(message)),
            _ => outcome,
        }
    }

    /// What rank 0 has, on all ranks.
    ///
    /// # Errors
    /// `Io` where it cannot become JSON.
    pub fn share<T: Serialize + for<'a> Deserialize<'a>>(&self, value: T) -> Result<T> {
        patience::all_arrive(&self.world, Duration::MAX);
        let root = self.world.process_at_rank(0);
        let mut bytes = if self.is_root() { to_bytes(&value)? } else { Vec::new() };
        let mut length = bytes.len() as u64;
        root.broadcast_into(&mut length);
        bytes.resize(length as usize, 0);
        bytes.chunks_mut(LARGEST_MESSAGE).for_each(|part| root.broadcast_into(part));
        if self.is_root() { Ok(value) } else { from_bytes(&bytes) }
    }
}
