//! The DFT codes, and which of them left a folder or file behind.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::folder::{entries, plain_name};
use crate::read::ReadOptions;
use crate::{abacus, openmx, siesta};

/// A DFT code with local orbitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// ABACUS.
    Abacus,
    /// OpenMX.
    OpenMx,
    /// SIESTA.
    Siesta,
}

/// Where the parts of a run lie below its folder (and ABACUS' `OUT.*`).
const PARTS: [&str; 5] = ["scf", "h0", "bands", "abacus_", "OUT."];

impl Code {
    /// All codes.
    pub const ALL: [Code; 3] = [Code::Abacus, Code::OpenMx, Code::Siesta];

    /// As its authors write it.
    pub fn name(self) -> &'static str {
        match self {
            Code::Abacus => "ABACUS",
            Code::OpenMx => "OpenMX",
            Code::Siesta => "SIESTA",
        }
    }

    /// Does a file of this name (without `.gz`, `.zst`) belong to this code alone?
    fn owns(self, name: &str) -> bool {
        match self {
            Code::Abacus => abacus::files::is_own(name),
            Code::OpenMx => openmx::files::is_own(name),
            Code::Siesta => siesta::files::is_own(name),
        }
    }

    /// The code of the run at `path` (a folder, or one of its files), by the names of the files; where these say nothing, by
    /// the files that were given by hand; else ABACUS, whose reader then says what it looked for.
    ///
    /// # Errors
    /// `Io`; `Inconsistent` where files of several codes lie there.
    pub fn of(path: &Path, options: &ReadOptions) -> Result<Code> {
        let by_hand = [&options.hamiltonian, &options.h0, &options.overlap].into_iter().flatten();
        for place in std::iter::once(path).chain(by_hand.map(PathBuf::as_path)) {
            if let Some(code) = Code::found_at(place)? {
                return Ok(code);
            }
        }
        Ok(Code::Abacus)
    }

    /// The code whose files lie at `path`, a folder or a file; `None` where there are none.
    ///
    /// # Errors
    /// As [`Code::of`].
    pub fn found_at(path: &Path) -> Result<Option<Code>> {
        let names = if path.is_dir() { names_of_run(path)? } else { vec![plain_name(path)] };
        let found = |code: &Code| names.iter().find(|name| code.owns(name)).map(|name| (*code, name));
        match Code::ALL.iter().filter_map(found).collect::<Vec<_>>()[..] {
            [] => Ok(None),
            [(code, _)] => Ok(Some(code)),
            [(a, file_a), (b, file_b), ..] => {
                let (a, b) = (a.name(), b.name());
                let message = format!("files of two codes: {file_a} of {a}, {file_b} of {b}; name one file instead");
                Err(Error::inconsistent(message).in_file(path))
            }
        }
    }
}

/// Names of the files in the folder and in the parts of a run below it.
fn names_of_run(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for path in entries(folder)? {
        let name = plain_name(&path);
        if path.is_file() {
            names.push(name);
        } else if PARTS.iter().any(|part| name.starts_with(part)) {
            names.extend(entries(&path)?.iter().filter(|path| path.is_file()).map(|path| plain_name(path)));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(files: &[&str]) -> Result<Code> {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        Code::of(folder.path(), &ReadOptions::default())
    }

    #[test]
    fn names_tell_the_code() {
        assert_eq!(code_of(&["h0/INPUT", "scf/OUT.ABACUS/hrs1_nao.csr", "scf/STRU"]).unwrap(), Code::Abacus);
        assert_eq!(code_of(&["h0/si.0.HSX.gz", "scf/si.fdf"]).unwrap(), Code::Siesta);
        assert_eq!(code_of(&["si.dat", "si.scfout"]).unwrap(), Code::OpenMx);
        assert_eq!(code_of(&[]).unwrap(), Code::Abacus);
        let both = code_of(&["si.HSX", "si.scfout"]).unwrap_err().to_string();
        assert!(
            both.ends_with("files of two codes: si.scfout of OpenMX, si.HSX of SIESTA; name one file instead"),
            "{both}"
        );
    }
}
