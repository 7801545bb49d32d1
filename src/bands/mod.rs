//! From O(R) to ε(k), and what people look at: band structures, Fermi levels, plots.
//!
//! k points are in reduced coordinates of the run's own reciprocal lattice, energies in hartree with the code's own zero.

#[cfg(feature = "hdf5")]
pub mod band_h5;
pub mod bravais;
pub mod compare;
pub mod condition;
pub mod dos;
#[cfg(feature = "hdf5")]
pub mod dos_h5;
pub mod export;
pub mod fermi;
pub mod kpath;
pub mod kpm;
pub mod mesh;
pub mod occupation;
pub mod page;
pub mod plot;
pub mod projection;
pub mod sparse;
pub mod spectrum;
pub mod structure;
pub mod unfold;

use crate::parsers::Of;
pub use crate::parsers::{bloch, eigen};

/// What people call a Hamiltonian: `H0` or `SCF`.
pub fn name(of: Of) -> &'static str {
    match of {
        Of::H0 => "H0",
        Of::Scf => "SCF",
    }
}
