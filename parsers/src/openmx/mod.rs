//! OpenMX: `.scfout` with the input text at its end, `.Band`, `.out`, and the restart folder `*_rst/`.

pub mod band;
pub mod constants;
pub mod convergence;
pub mod dat;
pub mod files;
pub mod foreign;
pub mod matrix;
pub mod out;
pub mod pao;
pub mod predicted;
pub mod recipe;
pub mod restart;
pub mod rst;
pub mod run;
pub mod scfout;
pub mod settings;
mod species;
mod spectrum;
pub mod template;

use std::sync::Arc;

pub use band::Band;
pub use dat::Dat;
pub use files::{Part, Run};
pub use out::Out;
pub use pao::Pao;
pub use scfout::Scfout;

/// What an OpenMX writer needs beyond dense blocks: the files themselves, whose lists of cells and neighbours, position and
/// momentum operators and input text go out again. They stay mapped, not copied.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// That of H⁽⁰⁾.
    pub hamiltonian0: Option<Arc<Scfout>>,
    /// That of the converged H.
    pub hamiltonian: Option<Arc<Scfout>>,
    /// Divisions of the real-space grid, which a restart must state (`Num. of grids` in `.out`, `.crst_check`, or `scf.Ngrid`).
    pub grid: Option<[u32; 3]>,
}

impl Layout {
    /// Do the files hold the imaginary parts of DM (3.9)?
    pub fn has_imaginary_density(&self) -> bool {
        let files = [&self.hamiltonian, &self.hamiltonian0];
        files.into_iter().flatten().next().is_some_and(|file| file.version == scfout::Version::V3_9)
    }

    /// 1, 2 or 4, of the files.
    pub fn nspin(&self) -> Option<usize> {
        [&self.hamiltonian0, &self.hamiltonian].into_iter().flatten().next().map(|file| file.spin.n_sets())
    }
}
