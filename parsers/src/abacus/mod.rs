//! ABACUS: csr matrices, STRU, orbital headers, logs, k points and bands.

pub mod csr;
pub mod matrix;

pub use csr::Csr;

/// What an ABACUS writer needs beyond dense blocks: the layout of every csr file that was read, one per spin.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// Files of H⁽⁰⁾.
    pub hamiltonian0: Vec<csr::CsrLayout>,
    /// Files of the converged H.
    pub hamiltonian: Vec<csr::CsrLayout>,
    /// File of S.
    pub overlap: Vec<csr::CsrLayout>,
    /// Files of DM.
    pub density_matrix: Vec<csr::CsrLayout>,
}
