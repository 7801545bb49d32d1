//! How the states of a run are computed, and of which Hamiltonian.

use crate::bands::spectrum::SpectrumOptions;
use crate::parsers::Of;

/// How eigenvalues are computed.
#[derive(clap::Args, Debug, Clone, Copy)]
pub struct SpectrumArgs {
    /// Leave out combinations of orbitals whose eigenvalue of S(k) is at most this
    #[arg(long, value_name = "THRESHOLD")]
    null_space: Option<f64>,
}

impl SpectrumArgs {
    /// The same for the library.
    pub fn options(self) -> SpectrumOptions {
        SpectrumOptions { null_space: self.null_space }
    }
}

/// Which Hamiltonian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum OfArg {
    /// The step-zero one
    H0,
    /// The converged one
    Scf,
}

impl From<OfArg> for Of {
    fn from(of: OfArg) -> Self {
        match of {
            OfArg::H0 => Of::H0,
            OfArg::Scf => Of::Scf,
        }
    }
}
