//! `--nearest`: a few states per k point of a large cell.

use std::num::NonZeroUsize;

use indicatif::{ProgressBar, ProgressStyle};

use crate::bands::sparse::level::level;
use crate::bands::sparse::problem::{SparseProblem, Windows, WindowsAt};
use crate::bands::spectrum::Spectrum;
use crate::bands::structure::{Source, overlap};
use crate::parsers::{Calculation, Error};

/// Which states.
#[derive(clap::Args, Debug, Clone, Copy)]
pub struct NearestArgs {
    /// Only the N states nearest to the Fermi level at each k point, by sparse matrices: for large cells
    #[arg(long, value_name = "N", conflicts_with = "null_space")]
    nearest: Option<NonZeroUsize>,
    /// Nearest to this energy instead, in the run's own eV; a Fermi level that the run does not state is then left out
    #[arg(long, value_name = "EV", requires = "nearest", allow_negative_numbers = true)]
    around: Option<f64>,
}

impl NearestArgs {
    /// Were only some states asked for?
    pub fn is_given(&self) -> bool {
        self.nearest.is_some()
    }

    /// Is the energy around which they lie given?
    pub fn has_centre(&self) -> bool {
        self.around.is_some()
    }

    /// The search for them, if they were asked for.
    pub fn of<'a>(&self, run: &'a Calculation) -> Option<Nearest<'a>> {
        let around = self.around.map(|ev| ev / run.origin.ev_per_hartree);
        self.nearest.map(|n_states| Nearest { run, n_states: n_states.get(), around })
    }
}

/// The states nearest to an energy.
pub struct Nearest<'a> {
    run: &'a Calculation,
    n_states: usize,
    /// Hartree; `None`: to the Fermi level.
    around: Option<f64>,
}

impl Nearest<'_> {
    /// H and S of `source`, prepared for all k.
    pub fn problem<'b>(&'b self, source: &Source<'b>) -> Result<SparseProblem<'b>, Error> {
        SparseProblem::new(source.hamiltonian, overlap(self.run)?, &self.run.basis, &self.run.structure)
    }

    /// The run's own Fermi level where `is_own` says that it is wanted and the run states it, else that of the windows; not
    /// computed where nothing asks for it.
    pub fn level(
        &self,
        source: &Source<'_>,
        problem: &SparseProblem<'_>,
        is_own: bool,
        windows_at: WindowsAt<'_>,
    ) -> Result<Option<f64>, Error> {
        let has_stated = self.run.hamiltonian.as_ref().is_some_and(|h| std::ptr::eq(h, source.hamiltonian));
        let own = self.run.fermi_level.filter(|_| is_own && has_stated);
        if own.is_some() || self.around.is_some() {
            return Ok(own);
        }
        level(self.run, problem, windows_at)
    }

    /// The states at `kpoints`, with weights if the problem has something that weighs them.
    pub fn spectrum(
        &self,
        problem: &SparseProblem<'_>,
        level: Option<f64>,
        kpoints: &[[f64; 3]],
        windows_at: WindowsAt<'_>,
    ) -> Result<Spectrum, Error> {
        let unknown = || {
            Error::inconsistent(
                "the Fermi level is unknown because the number of electrons is: give --around EV, or --electrons N",
            )
        };
        let centre = self.around.or(level).ok_or_else(unknown)?;
        Ok(Spectrum::of_windows(windows_at(problem, kpoints, centre, self.n_states)?))
    }
}

/// By the threads of this process, with a bar that shows how far it is.
pub fn by_threads(
    problem: &SparseProblem<'_>,
    kpoints: &[[f64; 3]],
    centre: f64,
    n_states: usize,
) -> Result<Windows, Error> {
    let bar = ProgressBar::new(kpoints.len() as u64);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} k points, {eta} left");
    style.into_iter().for_each(|style| bar.set_style(style));
    let windows = problem.windows(kpoints, centre, n_states, &|| bar.inc(1));
    bar.finish_and_clear();
    windows
}
