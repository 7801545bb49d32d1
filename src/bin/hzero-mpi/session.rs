//! One run of the program: a run's Hamiltonians at many k points, by all ranks, kept in a journal.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hzero::bands::sparse::problem::{SparseProblem, Windows};
use hzero::bands::spectrum::{Energies, SpectrumOptions, by_spin};
use hzero::bands::structure::overlap;
use hzero::parsers::{Calculation, Error, Operator, Result, SpinOperator};

use crate::fingerprint;
use crate::journal::{Header, Journal, Task};
use crate::progress::Progress;
use crate::solver::{Kind, Solved, Solver, States, require_possible};
use crate::team::Team;

/// What all ranks know of the run, and what rank 0 keeps.
pub struct Session<'a> {
    team: &'a Team,
    run: &'a Calculation,
    overlap: &'a Operator<f64>,
    options: SpectrumOptions,
    kind: Kind,
    /// On rank 0.
    record: Option<Record>,
}

struct Record {
    journal: Mutex<Journal>,
    progress: Arc<Progress>,
}

impl<'a> Session<'a> {
    /// Opens the journal of `output`.
    ///
    /// # Errors
    /// `Inconsistent` where the run has no S, `Unsupported` where the solver cannot do it, and those of [`Journal::open`].
    pub fn new(
        team: &'a Team,
        run: &'a Calculation,
        options: SpectrumOptions,
        kind: Kind,
        output: &Path,
    ) -> Result<Self> {
        require_possible(kind, team.n_ranks() / team.n_groups(), options)?;
        let open = || Record::open(output, &Header::new(fingerprint::of_run(run), format!("{options:?}")));
        let record = team.follow_root(team.is_root().then(open).transpose())?;
        Ok(Session { team, run, overlap: overlap(run)?, options, kind, record })
    }

    /// As [`hzero::bands::spectrum::energies`], by all ranks, which call this together.
    ///
    /// # Errors
    /// The same ones, and those of the journal, on all ranks.
    pub fn energies(&self, hamiltonian: &SpinOperator, kpoints: &[[f64; 3]]) -> Result<Energies> {
        let solver = Solver::new(self.kind, hamiltonian, self.overlap, &self.run.basis, self.options, self.team)?;
        let name = self.name_of(hamiltonian);
        let tasks: Vec<Task> = kpoints.iter().map(|&k| Task { hamiltonian: name.clone(), k, window: None }).collect();
        let by_k = self.solved(&tasks, |k| solver.solve(k))?.into_iter();
        let by_k = by_k.map(|spins| spins.into_iter().map(|states| states.energies).collect()).collect();
        Ok(by_spin(by_k, hamiltonian.n_channels()))
    }

    /// As [`SparseProblem::windows`], by all ranks, which call this together.
    ///
    /// # Errors
    /// The same ones, and those of the journal, on all ranks.
    pub fn windows(
        &self,
        problem: &SparseProblem<'_>,
        kpoints: &[[f64; 3]],
        centre: f64,
        n_states: usize,
    ) -> Result<Windows> {
        let name = self.name_of(problem.hamiltonian());
        let task = |&k| Task { hamiltonian: name.clone(), k, window: Some((centre, n_states)) };
        let tasks: Vec<Task> = kpoints.iter().map(task).collect();
        let solve = |k| {
            let windows = problem.windows(&[k], centre, n_states, &|| ())?;
            Ok(windows.into_iter().flatten().map(States::of_window).collect())
        };
        let by_k = self.solved(&tasks, solve)?.into_iter();
        let by_k = by_k.map(|spins| spins.into_iter().map(States::window).collect()).collect();
        Ok(by_spin(by_k, problem.hamiltonian().n_channels()))
    }

    /// In the journal, which is rank 0's.
    fn name_of(&self, hamiltonian: &SpinOperator) -> String {
        self.record.as_ref().map(|_| fingerprint::of_hamiltonian(hamiltonian)).unwrap_or_default()
    }

    /// Every task by a group of ranks, unless the journal has it.
    fn solved(&self, tasks: &[Task], solve: impl Fn([f64; 3]) -> Result<Solved>) -> Result<Vec<Solved>> {
        // On rank 0; the other ranks neither hand out nor keep.
        let record = self.record.as_ref();
        let todo = record.map(|record| record.unfinished(tasks)).unwrap_or_default();
        let keep = |task: usize, solved| record.map_or(Ok(()), |record| record.keep(&tasks[task], solved));
        self.team.distribute(&todo, |task| solve(tasks[task].k), keep)?;
        self.team.share(record.map(|record| record.all(tasks)).unwrap_or_default())
    }

    /// Has rank 0 write the output, then removes the journal, and prints what `write` and the k points have to say.
    ///
    /// # Errors
    /// Those of `write`, and `Io`.
    pub fn finish(self, write: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<()> {
        let (n_ranks, n_groups) = (self.team.n_ranks(), self.team.n_groups());
        let written = self.record.map_or(Ok(()), |record| {
            let text = write().map_err(|error| Error::inconsistent(format!("{error:#}")))?;
            let journal = record.journal.into_inner().unwrap_or_else(PoisonError::into_inner);
            let [kept, solved] = [journal.kept(), journal.added()];
            journal.remove()?;
            std::io::stdout().write_all(text.as_bytes())?;
            eprintln!("hzero-mpi: {kept} k points kept, {solved} solved by {n_ranks} ranks, {n_groups} at a time");
            Ok(())
        });
        Ok(self.team.follow_root(written)?)
    }
}

impl Record {
    fn open(output: &Path, header: &Header) -> Result<Record> {
        let journal = Journal::open(output, header)?;
        let progress = Progress::new(journal.path().to_owned());
        progress.speak_when_stopped()?;
        if journal.kept() > 0 {
            eprintln!("hzero-mpi: {} k points are kept from an interrupted run", journal.kept());
        }
        Ok(Record { journal: Mutex::new(journal), progress })
    }

    /// Indices of the tasks that remain.
    fn unfinished(&self, tasks: &[Task]) -> Vec<usize> {
        let journal = self.journal();
        let todo: Vec<usize> = (0..tasks.len()).filter(|&task| journal.find(&tasks[task]).is_none()).collect();
        self.progress.start(tasks.len() - todo.len(), tasks.len());
        todo
    }

    fn keep(&self, task: &Task, solved: Solved) -> Result<()> {
        self.journal().add(task.clone(), solved)?;
        self.progress.advance();
        Ok(())
    }

    /// In the order of `tasks`, all of which are finished.
    fn all(&self, tasks: &[Task]) -> Vec<Solved> {
        let journal = self.journal();
        tasks.iter().filter_map(|task| journal.find(task).cloned()).collect()
    }

    /// A panic ends the program, so that nobody meets a poisoned lock.
    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
