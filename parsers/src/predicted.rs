//! A predicted Hamiltonian as the files of the run's own code.

use std::path::{Path, PathBuf};

use crate::abacus;
use crate::abacus::csr::Version;
use crate::calculation::{Calculation, NativeLayout};
use crate::complete;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::operator::SpinOperator;
use crate::read::ReadOptions;
use crate::{openmx, siesta};

/// A predicted H with the run that it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Prediction<'a> {
    /// The run, with the native layout of its H⁽⁰⁾.
    pub run: &'a Calculation,
    /// Where the run was read from, and how: the inputs that lie there are copied. `None` copies nothing.
    pub source: Option<(&'a Path, &'a ReadOptions)>,
    /// The predicted H, hartree.
    pub hamiltonian: &'a SpinOperator,
    /// Its Fermi level, hartree.
    pub fermi_level: Option<f64>,
    /// ABACUS: the layout to write; `None` is the run's own.
    pub abacus_version: Option<Version>,
}

impl<'a> Prediction<'a> {
    /// `hamiltonian` for `run`, in its own layout, without inputs and Fermi level.
    pub fn new(run: &'a Calculation, hamiltonian: &'a SpinOperator) -> Self {
        Prediction { run, source: None, hamiltonian, fermi_level: None, abacus_version: None }
    }

    /// Writes the files of a run of the same code, that is: matrices, and copies of the inputs that belong to them, so that
    /// the folder is a run again. Returns them.
    ///
    /// # Errors
    /// `Io`; `NotRepresentable` where the run lacks what its code's files need; `Inconsistent` where H is not whole.
    pub fn write(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        complete::check("H", self.hamiltonian, &self.run.basis)?;
        match &self.run.native {
            Some(NativeLayout::Abacus(layout)) => abacus::predicted::write(folder, self, layout),
            Some(NativeLayout::Siesta(layout)) => siesta::predicted::write(folder, self, layout),
            Some(NativeLayout::OpenMx(layout)) => openmx::predicted::write(folder, self, layout),
            None => Err(not_representable(self.run.origin.code, "the run did not come from this code's own files")),
        }
    }

    /// How the code goes on from the files in `folder` (which the user will find as `shown`), in the words of its input.
    pub fn next_step(&self, folder: &Path, shown: &Path) -> Option<String> {
        match &self.run.native {
            Some(NativeLayout::Abacus(_)) => abacus::predicted::next_step(folder, shown),
            Some(NativeLayout::Siesta(_)) => siesta::predicted::next_step(folder, shown),
            Some(NativeLayout::OpenMx(layout)) => openmx::predicted::next_step(folder, shown, layout),
            None => None,
        }
    }
}

/// A predicted density matrix with the run that it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct PredictedDensity<'a> {
    /// The run.
    pub run: &'a Calculation,
    /// As [`Prediction::source`].
    pub source: Option<(&'a Path, &'a ReadOptions)>,
    /// DM(R) as [`crate::density::Density`] defines it.
    pub matrix: &'a SpinOperator,
}

impl PredictedDensity<'_> {
    /// Writes the file of DM under the code's own name, and copies of the inputs that belong to it: `<label>.DM` of SIESTA;
    /// `dmrs1_nao.csr` of ABACUS (for nspin 2 `dmrs2_nao.csr` too) with S beside it; for OpenMX the run's `.scfout` with this DM,
    /// everything else as it was.
    ///
    /// # Errors
    /// As [`Prediction::write`].
    pub fn write(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        complete::check("DM", self.matrix, &self.run.basis)?;
        match &self.run.native {
            Some(NativeLayout::Abacus(layout)) => abacus::predicted::write_density(folder, self, layout),
            Some(NativeLayout::Siesta(layout)) => siesta::predicted::write_density(folder, self, layout),
            Some(NativeLayout::OpenMx(layout)) => openmx::predicted::write_density(folder, self, layout),
            None => Err(not_representable(self.run.origin.code, "the run did not come from this code's own files")),
        }
    }

    /// How the code goes on from the DM in `shown`.
    pub fn next_step(&self, shown: &Path) -> String {
        let folder = shown.display();
        match &self.run.native {
            Some(NativeLayout::Abacus(_)) => {
                format!("ABACUS 3.9.0.25 and later: init_chg dm, read_file_dir {folder}, symmetry 0")
            }
            Some(NativeLayout::Siesta(layout)) => {
                let label = &layout.label;
                format!("SIESTA: copy {folder}/{label}.DM to the run and set DM.UseSaveDM T")
            }
            _ => "OpenMX: its tools read DM from the .scfout; openmx itself starts from H alone".to_owned(),
        }
    }
}

/// What the format of a code needs and does not get.
pub(crate) fn not_representable(format: &str, what: &str) -> Error {
    ErrorKind::NotRepresentable { format: format.into(), what: what.into() }.into()
}

/// Copies `path` into `folder` under `name`.
pub(crate) fn copy_into(folder: &Path, path: &Path, name: &str) -> Result<PathBuf> {
    let target = folder.join(name);
    std::fs::copy(path, &target).map_err(Error::from).in_file(path)?;
    Ok(target)
}
