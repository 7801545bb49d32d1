//! hzero: from the zeroth-step Hamiltonian of a DFT run to the converged one, without SCF.

pub use hzero_parsers as parsers;
