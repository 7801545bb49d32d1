//! The Hamiltonians of a picture: the run's own, and those of other folders (`--with`).

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::bands::structure::{Role, Source, own_sources};
use crate::parsers::{Basis, Calculation, Of, ReadOptions, Shell, SpinOperator, read};

/// Structures whose files round differently may differ by this, bohr.
const SAME_STRUCTURE: f64 = 1e-4;

/// The Hamiltonians of other folders.
pub struct Others<'a> {
    folders: &'a [PathBuf],
    read: Vec<Other>,
}

impl<'a> Others<'a> {
    /// Reads `folders`, which must fit the run (`of_run` is its name in messages); `basis`: shells given by hand.
    pub fn read(
        run: &Calculation,
        of_run: &Path,
        folders: &'a [PathBuf],
        basis: &[(String, Vec<Shell>)],
    ) -> anyhow::Result<Self> {
        let read = folders.iter().map(|folder| other(run, of_run, folder, basis)).collect::<anyhow::Result<_>>()?;
        Ok(Others { folders, read })
    }

    /// Those of the run (only `of` where given) and of the folders, H0 first and the converged one last.
    ///
    /// # Errors
    /// Where the run lacks `of`, or there is none at all.
    pub fn with_own<'b>(&'b self, run: &'b Calculation, of: Option<Of>) -> anyhow::Result<Vec<Source<'b>>> {
        let mut sources = match own_sources(run, of) {
            Err(_) if !self.read.is_empty() && of.is_none() => Vec::new(),
            own => own?,
        };
        for (folder, other) in self.folders.iter().zip(&self.read) {
            let is_taken = sources.iter().any(|source| source.role == other.role);
            let (name, role) = match other.role {
                Role::H0 if !is_taken => ("H0".to_owned(), Role::H0),
                Role::Scf if !is_taken => ("SCF".to_owned(), Role::Scf),
                Role::Predicted if self.read.len() == 1 && !is_taken => ("predicted".to_owned(), Role::Predicted),
                _ => (name_of(folder), Role::Predicted),
            };
            sources.push(Source { name, role, hamiltonian: &other.hamiltonian });
        }
        sources.sort_by_key(|source| source.role);
        Ok(sources)
    }
}

/// The folder's own name.
fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned()
}

/// The Hamiltonian of another folder.
pub struct Other {
    /// H(R).
    pub hamiltonian: SpinOperator,
    role: Role,
}

/// The Hamiltonian of another folder (its converged or predicted one, else its H0), which must fit the run's basis.
pub fn other(run: &Calculation, of_run: &Path, folder: &Path, basis: &[(String, Vec<Shell>)]) -> anyhow::Result<Other> {
    let options = ReadOptions { basis: basis.to_vec(), ..ReadOptions::default() };
    let other = read(folder, &options)?;
    let role = match other.hamiltonian {
        Some(_) if other.origin.is_predicted => Role::Predicted,
        Some(_) => Role::Scf,
        None => Role::H0,
    };
    let hamiltonian = other.hamiltonian.or(other.hamiltonian0);
    let hamiltonian = hamiltonian.with_context(|| format!("{}: no Hamiltonian", folder.display()))?;
    let nspin = run.hamiltonian.as_ref().or(run.hamiltonian0.as_ref()).map(SpinOperator::nspin);
    let own = (orbitals_by_atom(&run.basis), nspin.unwrap_or(hamiltonian.nspin()));
    let found = (orbitals_by_atom(&other.basis), hamiltonian.nspin());
    anyhow::ensure!(
        own == found,
        "{}: orbitals of its atoms {:?} with nspin {}, but {} has {:?} with nspin {}",
        folder.display(),
        found.0,
        found.1,
        of_run.display(),
        own.0,
        own.1
    );
    let (cell, atoms) = run.structure.distance(&other.structure);
    anyhow::ensure!(
        cell.max(atoms) <= SAME_STRUCTURE,
        "{}: another structure than that of {}: lattice vectors differ by up to {cell:.3e} bohr, positions by {atoms:.3e}",
        folder.display(),
        of_run.display()
    );
    Ok(Other { hamiltonian, role })
}

fn orbitals_by_atom(basis: &Basis) -> Vec<usize> {
    (0..basis.n_atoms()).map(|atom| basis.orbitals_of(atom).len()).collect()
}
