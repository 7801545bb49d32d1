//! Formats that belong to no DFT code: which one lies in a folder, and the way to its reader and writer.

use std::path::Path;

use crate::calculation::Calculation;
use crate::code::Code;
use crate::convert::Writing;
use crate::error::{Error, Result};
use crate::folder::{entries, folder_of, plain_name};
use crate::format::Format;
use crate::read::ReadOptions;
use crate::{aims, nextham, wannier};
#[cfg(feature = "hdf5")]
use crate::{deeph, dftio};

/// The format of the folder at `path`, or of the file there with what lies beside it, if it is a neutral one. A run's own
/// folder is its code's, also where Wannier90 ran in it.
///
/// # Errors
/// `Io`; `Inconsistent` where files of several codes lie there.
pub fn find(path: &Path) -> Result<Option<Format>> {
    let names = |folder| {
        Ok::<_, Error>(entries(folder)?.iter().filter(|path| path.is_file()).map(|path| plain_name(path)).collect())
    };
    let (names, own): (Vec<String>, Option<String>) = match (path.is_dir(), path.is_file()) {
        (true, _) => (names(path)?, None),
        (false, true) => (names(folder_of(path))?, Some(plain_name(path))),
        (false, false) => return Ok(None),
    };
    if aims::is_own(path) {
        return Ok(Some(Format::Aims));
    }
    let fits = |marks: &[Mark]| {
        let is_there = |mark: &Mark| names.iter().any(|name| mark.is_in(name));
        let is_named = |own: &String| marks.iter().any(|mark| mark.is_in(own));
        marks.iter().all(is_there) && own.as_ref().is_none_or(is_named)
    };
    match FORMATS.iter().find(|(_, marks)| fits(marks)).map(|&(format, _)| format) {
        Some(Format::WannierHr | Format::WannierTb) if path.is_dir() && Code::found_at(path)?.is_some() => Ok(None),
        Some(format) => Ok(Some(format)),
        None => Ok(nextham::is_own(path)?.then_some(Format::Nextham)),
    }
}

/// What the name of a file says.
enum Mark {
    /// One of these names.
    Is(&'static [&'static str]),
    /// This end.
    Ends(&'static str),
}

impl Mark {
    fn is_in(&self, name: &str) -> bool {
        match self {
            Mark::Is(names) => names.contains(&name),
            Mark::Ends(end) => name.ends_with(end),
        }
    }
}

/// Files by which a format is known: all marks must be there, a file among them where one was named.
const FORMATS: [(Format, &[Mark]); 5] = [
    (
        Format::Deeph,
        &[
            Mark::Is(&["info.json"]),
            Mark::Is(&["POSCAR"]),
            Mark::Is(&["hamiltonian.h5", "hamiltonian_pred.h5", "overlap.h5", "density_matrix.h5"]),
        ],
    ),
    (
        Format::DeephLegacy,
        &[
            Mark::Is(&["lat.dat"]),
            Mark::Is(&["orbital_types.dat"]),
            Mark::Is(&[
                "hamiltonians.h5",
                "hamiltonians_pred.h5",
                "overlaps.h5",
                "density_matrixs.h5",
                "density_matrices.h5",
            ]),
        ],
    ),
    (
        Format::Dftio,
        &[
            Mark::Is(&["basis.dat"]),
            Mark::Is(&["positions.dat"]),
            Mark::Is(&[
                "hamiltonians.h5",
                "overlaps.h5",
                "density_matrices.h5",
                "DM.h5",
                "predicted_hamiltonians.h5",
                "predicted_overlaps.h5",
            ]),
        ],
    ),
    (Format::WannierTb, &[Mark::Ends("_tb.dat")]),
    (Format::WannierHr, &[Mark::Ends("_hr.dat")]),
];

/// Reads a run in one of these formats, atoms and shells in the order of its files.
///
/// # Errors
/// All kinds.
pub fn read(format: Format, path: &Path, options: &ReadOptions) -> Result<Calculation> {
    match format {
        Format::Aims => aims::read(path, options),
        Format::Nextham => nextham::read(path, options),
        Format::WannierHr => wannier::read(path, wannier::Kind::Hr, options),
        Format::WannierTb => wannier::read(path, wannier::Kind::Tb, options),
        #[cfg(feature = "hdf5")]
        Format::Deeph => deeph::updated::read(path, options),
        #[cfg(feature = "hdf5")]
        Format::DeephLegacy => deeph::legacy::read(path, options),
        #[cfg(feature = "hdf5")]
        Format::Dftio => dftio::read(path, options),
        _ => Err(absent(format, "read").in_file(path)),
    }
}

/// Writes the run of `job` into the folder `target`.
///
/// # Errors
/// All kinds.
pub fn write(format: Format, target: &Path, job: &Writing) -> Result<()> {
    match format {
        Format::WannierHr => wannier::write(target, wannier::Kind::Hr, job),
        Format::WannierTb => wannier::write(target, wannier::Kind::Tb, job),
        #[cfg(feature = "hdf5")]
        Format::Deeph => deeph::updated::write(target, job),
        #[cfg(feature = "hdf5")]
        Format::DeephLegacy => deeph::legacy::write(target, job),
        #[cfg(feature = "hdf5")]
        Format::Dftio => dftio::write(target, job),
        _ => Err(absent(format, "written").in_file(target)),
    }
}

/// Formats of HDF5 files in a build without HDF5.
fn absent(format: Format, what: &str) -> Error {
    match format {
        Format::Deeph | Format::DeephLegacy | Format::Dftio => {
            let message = format!("{format} cannot be {what}: this hzero was built without the feature `hdf5`");
            Error::unsupported(message)
        }
        _ => Error::unsupported(format!("{format} cannot be {what} yet")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_in_which_wannier90_ran_is_a_run() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("si_hr.dat"), "").unwrap();
        assert_eq!(find(folder.path()).unwrap(), Some(Format::WannierHr));
        std::fs::write(folder.path().join("si.HSX"), "").unwrap();
        assert_eq!(find(folder.path()).unwrap(), None);
        assert_eq!(find(&folder.path().join("si_hr.dat")).unwrap(), Some(Format::WannierHr));
    }

    #[test]
    fn any_matrix_of_a_folder_stands_for_it() {
        let cases: [(Format, &[&str], &[&str]); 5] = [
            (
                Format::Deeph,
                &["info.json", "POSCAR"],
                &["hamiltonian.h5", "hamiltonian_pred.h5", "overlap.h5", "density_matrix.h5"],
            ),
            (
                Format::DeephLegacy,
                &["lat.dat", "orbital_types.dat"],
                &["hamiltonians.h5", "hamiltonians_pred.h5", "overlaps.h5", "density_matrixs.h5"],
            ),
            (
                Format::Dftio,
                &["basis.dat", "positions.dat"],
                &["hamiltonians.h5", "predicted_hamiltonians.h5", "overlaps.h5", "density_matrices.h5", "DM.h5"],
            ),
            (
                Format::Aims,
                &["rs_indices.out"],
                &["rs_hamiltonian.out", "rs_hamiltonian_up.h5", "rs_overlap.out", "rs_hamiltonian.out.gz"],
            ),
            (Format::WannierTb, &["si.win"], &["si_tb.dat", "si_tb.dat.gz"]),
        ];
        for (format, others, matrices) in cases {
            for matrix in matrices {
                let folder = tempfile::tempdir().unwrap();
                others.iter().chain([matrix]).for_each(|name| std::fs::write(folder.path().join(name), "").unwrap());
                assert_eq!(find(folder.path()).unwrap(), Some(format), "{format} by {matrix}");
                assert_eq!(find(&folder.path().join(matrix)).unwrap(), Some(format), "{matrix}");
                std::fs::write(folder.path().join("notes.txt"), "").unwrap();
                assert_eq!(find(&folder.path().join("notes.txt")).unwrap(), None);
            }
        }
    }
}
