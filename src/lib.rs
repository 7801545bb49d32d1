//! hzero: from the zeroth-step Hamiltonian of a DFT run to the converged one, without SCF.

pub use hzero_parsers as parsers;

pub mod bands;
pub mod cli;
pub mod model;
pub mod symmetry;
