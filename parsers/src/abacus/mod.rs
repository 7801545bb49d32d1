//! ABACUS: csr matrices, STRU, orbital headers, logs, k points and bands.

pub mod constants;
pub mod convergence;
pub mod csr;
mod edit;
pub mod eigenvalues;
pub mod files;
pub mod foreign;
mod geometry;
pub mod info;
pub mod input_file;
pub mod kpt;
pub mod log;
mod matrices;
pub mod matrix;
pub mod orb;
pub mod predicted;
pub mod recipe;
pub mod restart;
pub mod run;
pub mod settings;
mod species;
mod spectrum;
pub mod stru;
pub mod template;
pub mod wfc;

pub use csr::Csr;
pub use eigenvalues::Eigenvalues;
pub use files::{Folder, Run};
pub use info::Info;
pub use input_file::InputFile;
pub use kpt::Kpt;
pub use log::Log;
pub use orb::OrbHeader;
pub use stru::Stru;

/// What starts a comment in ABACUS' hand-written input files.
const COMMENT_MARKS: &[&str] = &["#", "//"];

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
    /// `nspin` as INPUT or log state it.
    pub nspin: Option<usize>,
}

impl Layout {
    /// Files of H⁽⁰⁾, else of the converged H: what another H is written like.
    pub fn any_hamiltonian(&self) -> &[csr::CsrLayout] {
        if self.hamiltonian0.is_empty() { &self.hamiltonian } else { &self.hamiltonian0 }
    }

    /// One layout for each file of an H or DM with `nspin`: those of the run's own, else that of S, whose lattice vectors and
    /// digits will do.
    fn of_spins(&self, own: &[csr::CsrLayout], nspin: usize) -> Vec<csr::CsrLayout> {
        let n_files = if nspin == 2 { 2 } else { 1 };
        match (own, self.overlap.first()) {
            ([], Some(overlap)) => vec![overlap.clone(); n_files],
            _ => own.to_vec(),
        }
    }
}
