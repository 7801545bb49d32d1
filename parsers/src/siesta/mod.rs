//! SIESTA: HSX and its relatives, fdf, and the texts beside them.

pub mod constants;
pub mod convergence;
pub mod convert;
pub mod dm;
pub mod eigenvalues;
pub mod fdf;
pub mod files;
pub mod foreign;
pub mod geometry;
pub mod h_in;
mod heads;
pub mod hsx;
pub mod ion_xml;
mod kpoints;
pub mod log;
mod matrices;
pub mod matrix;
pub mod nc;
pub mod orb_indx;
pub mod predicted;
pub mod recipe;
pub mod restart;
pub mod run;
pub mod settings;
pub mod sparsity;
mod species;
mod spectrum;
pub mod supercell;
pub mod template;
pub mod tshs;

use std::sync::Arc;

pub use dm::Dm;
pub use h_in::HIn;
pub use hsx::Hsx;
pub use nc::Nc;
pub use sparsity::Sparsity;
pub use supercell::Supercell;
pub use tshs::Tshs;

use crate::basis::Basis;
use crate::error::Result;
use crate::operator::{Operator, Pairs};

/// What a SIESTA writer needs beyond dense blocks: the files of a run without their matrices. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Layout {
    /// `SystemLabel`, the stem of the files.
    pub label: String,
    /// Everything else in the HSX.
    pub head: Arc<hsx::Head>,
    /// Which elements are stored, in SIESTA's order of columns.
    pub sparsity: Arc<Sparsity>,
    /// The lattice vectors that columns are numbered by.
    pub supercell: Arc<Supercell>,
}

impl Layout {
    /// The layout of the run that `hsx` belongs to.
    pub fn new(label: &str, hsx: &Hsx, supercell: Arc<Supercell>) -> Self {
        Layout { label: label.to_owned(), head: hsx.head.clone(), sparsity: hsx.sparsity.clone(), supercell }
    }

    /// Sets those elements of `operator` to 0 that the files have no place for.
    ///
    /// # Errors
    /// `Inconsistent` where the basis is not that of the run.
    pub fn restrict<T: Copy + Default + Send + Sync>(&self, basis: &Basis, operator: &mut Operator<T>) -> Result<()> {
        matrix::restrict(operator, &matrix::Places::new(&self.sparsity, &self.supercell, basis)?);
        Ok(())
    }

    /// The pairs of atoms with a stored element: more than those that overlap.
    ///
    /// # Errors
    /// As [`Layout::restrict`].
    pub fn pairs(&self, basis: &Basis) -> Result<Arc<Pairs>> {
        matrix::pairs(&matrix::Places::new(&self.sparsity, &self.supercell, basis)?)
    }
}
