//! What tells the two layouts apart: names of files, order of orbitals, and how a matrix file is made.

use std::path::{Path, PathBuf};

use super::blocks::{Orbitals, Stored};
use super::entries::Entries;
use crate::basis::Basis;
use crate::error::{Error, Result};
use crate::folder::existing;
use crate::operator::Pairs;

/// A layout of DeepH's folders.
pub(super) struct Layout {
    /// Name of the format.
    pub format: &'static str,
    pub overlap: &'static str,
    pub hamiltonian: &'static str,
    /// H that a network predicted.
    pub predicted: &'static str,
    /// Written as the first, read as any.
    pub density_matrix: &'static [&'static str],
    /// Where a block puts the orbitals of its atoms.
    pub orbitals: fn(&Basis) -> Result<Orbitals>,
    /// Reads a file of blocks with 1 or 2 spins.
    pub read: fn(&Path, &Orbitals, usize) -> Result<(Stored, Entries)>,
    /// Writes blocks with 1 or 2 spins.
    pub write: fn(&Path, &Pairs, &Orbitals, usize, &Entries) -> Result<()>,
}

/// A file that must be there, plain or compressed.
pub(super) fn require(folder: &Path, name: &str) -> Result<PathBuf> {
    existing(folder, name).ok_or_else(|| Error::syntax(format!("the file `{name}`"), "none").in_file(folder))
}
