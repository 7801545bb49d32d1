//! `hzero.h5`, beside matrices in eV: how many units in the last place each element in hartree lies from what is read of its eV
//! ([`Ev::hint`](crate::ev::Ev::hint)), one `int8` per number, in the order of the matrix file's own blocks.

use std::path::Path;

use hdf5::File;

use crate::error::{Context, Result};
use crate::h5::{Source, failed};

/// Its name.
pub const FILE_NAME: &str = "hzero.h5";

/// Adds the hints of the matrix `name` to those in `folder`; none are written where all are 0.
///
/// # Errors
/// `Io`.
pub fn write(folder: &Path, name: &str, hints: &[i8]) -> Result<()> {
    if hints.iter().all(|&hint| hint == 0) {
        return Ok(());
    }
    let path = folder.join(FILE_NAME);
    let write = || File::append(&path)?.new_dataset_builder().deflate(1).with_data(hints).create(name).map(drop);
    write().map_err(failed).in_file(&path)
}

/// The hints of the matrix `name` of `n` numbers; 0 each where there are none, or where they belong to another matrix.
///
/// # Errors
/// `Io` and `Syntax` where the file is damaged.
pub fn read(folder: &Path, name: &str, n: usize) -> Result<Vec<i8>> {
    let path = folder.join(FILE_NAME);
    let none = || vec![0; n];
    if !path.is_file() {
        return Ok(none());
    }
    let source = Source::open(&path)?;
    if !source.has(name) {
        return Ok(none());
    }
    let hints = source.data(name).and_then(|data| data.integers()).in_file(&path)?;
    let hint = |hint: i64| i8::try_from(hint).unwrap_or(0);
    Ok(if hints.len() == n { hints.into_iter().map(hint).collect() } else { none() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_come_back_and_are_zero_where_there_are_none() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "none", &[0; 4]).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        write(folder.path(), "hamiltonian", &[0, 1, -1]).unwrap();
        write(folder.path(), "density_matrix", &[1, 0]).unwrap();
        assert_eq!(read(folder.path(), "hamiltonian", 3).unwrap(), [0, 1, -1]);
        assert_eq!(read(folder.path(), "density_matrix", 2).unwrap(), [1, 0]);
        assert_eq!(read(folder.path(), "hamiltonian", 4).unwrap(), [0; 4]);
        assert_eq!(read(folder.path(), "overlap", 2).unwrap(), [0; 2]);
    }
}
