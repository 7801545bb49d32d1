//! One k point, by the solver that was asked for.

use hzero::bands::sparse::nearest::Window;
use hzero::bands::spectrum::{EigenProblem, SpectrumOptions};
use hzero::parsers::{Basis, Error, Operator, Result, SpinOperator};
#[cfg(not(feature = "elpa"))]
use mpi::traits::Communicator;
use serde::{Deserialize, Serialize};

#[cfg(feature = "elpa")]
use crate::elpa::DistributedProblem;
use crate::team::Team;

/// What solves H(k) c = ε S(k) c.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// All eigenvalues, dense matrices in the memory of one rank
    Faer,
    /// All eigenvalues, dense matrices divided among the ranks of a k point
    Elpa,
    /// The states nearest to an energy, sparse matrices (--nearest)
    Sparse,
}

/// States of one spin at one k point.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct States {
    /// Hartree, ascending.
    pub energies: Vec<f64>,
    /// Number of states below the first of them.
    #[serde(default)]
    pub count_below: usize,
    /// No state that is nearer to the centre of the window than this is missing, hartree; `None`: no state at all.
    #[serde(default)]
    pub radius: Option<f64>,
}

/// Those of all spins.
pub type Solved = Vec<States>;

impl States {
    fn whole(energies: Vec<f64>) -> Self {
        States { energies, ..States::default() }
    }

    /// Those of a window.
    pub fn of_window(window: Window) -> Self {
        let Window { energies, count_below, radius, .. } = window;
        States { energies, count_below, radius: Some(radius).filter(|radius| radius.is_finite()) }
    }

    /// The inverse of [`States::of_window`].
    pub fn window(self) -> Window {
        let States { energies, count_below, radius } = self;
        Window { energies, weights: None, count_below, radius: radius.unwrap_or(f64::INFINITY) }
    }
}

/// A Hamiltonian and what finds all of its eigenvalues, at any k.
pub enum Solver<'a> {
    Faer(EigenProblem<'a>),
    #[cfg(feature = "elpa")]
    Elpa(Box<DistributedProblem<'a>>),
}

impl<'a> Solver<'a> {
    /// Prepares it; the ranks of a group call this together.
    ///
    /// # Errors
    /// Those of ELPA; `Unsupported` where the program was built without it.
    pub fn new(
        kind: Kind,
        hamiltonian: &'a SpinOperator,
        overlap: &'a Operator<f64>,
        basis: &'a Basis,
        options: SpectrumOptions,
        team: &'a Team,
    ) -> Result<Self> {
        match kind {
            // One k point at a time: all threads work inside it.
            Kind::Faer | Kind::Sparse => Ok(Solver::Faer(EigenProblem::new(hamiltonian, overlap, basis, 1, options))),
            #[cfg(feature = "elpa")]
            Kind::Elpa => {
                let problem = DistributedProblem::new(hamiltonian, overlap, basis, team.group())?;
                Ok(Solver::Elpa(Box::new(problem)))
            }
            #[cfg(not(feature = "elpa"))]
            Kind::Elpa => {
                let n_ranks = team.group().size();
                Err(Error::unsupported(format!(
                    "this hzero-mpi is built without ELPA (feature `elpa`), which {n_ranks} ranks need"
                )))
            }
        }
    }

    /// The energies at `k`; the ranks of a group call this together, and all get them.
    ///
    /// # Errors
    /// `Inconsistent` where there is no solution; names k.
    pub fn solve(&self, k: [f64; 3]) -> Result<Solved> {
        let energies = match self {
            Solver::Faer(problem) => problem.energies(k)?,
            #[cfg(feature = "elpa")]
            Solver::Elpa(problem) => problem.energies(k)?,
        };
        Ok(energies.into_iter().map(States::whole).collect())
    }
}

/// Where a choice of solver and ranks makes no sense, says so.
///
/// # Errors
/// `Unsupported`.
pub fn require_possible(kind: Kind, ranks_per_k: usize, options: SpectrumOptions) -> Result<()> {
    if kind != Kind::Elpa && ranks_per_k > 1 {
        return Err(Error::unsupported(format!("{ranks_per_k} ranks per k point need --solver elpa")));
    }
    match kind {
        Kind::Elpa if !cfg!(feature = "elpa") => {
            Err(Error::unsupported("this hzero-mpi is built without ELPA (feature `elpa`)"))
        }
        Kind::Elpa if options.null_space.is_some() => {
            Err(Error::unsupported("ELPA leaves out no combinations of orbitals: --null-space needs --solver faer"))
        }
        _ => Ok(()),
    }
}
