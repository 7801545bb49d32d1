//! Which files hold H: one, or one per spin, and what lies beside them.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::folder::{entries, existing, folder_of, plain_name};
use crate::format::Format;

/// The two formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `NAME_hr.dat`.
    Hr,
    /// `NAME_tb.dat`.
    Tb,
}

impl Kind {
    /// Of which it is.
    pub fn format(self) -> Format {
        match self {
            Kind::Hr => Format::WannierHr,
            Kind::Tb => Format::WannierTb,
        }
    }

    /// What follows the name of the seed.
    pub fn end(self) -> &'static str {
        match self {
            Kind::Hr => "_hr.dat",
            Kind::Tb => "_tb.dat",
        }
    }
}

/// Ends of the seeds of spin up and down: what VASP and TB2J expect, and what people write.
const SPINS: [[&str; 2]; 4] = [[".up", ".dn"], ["_up", "_dn"], [".up", ".down"], ["_up", "_down"]];

/// Ends of the seeds that hzero writes for up and down.
pub const OWN_SPINS: [&str; 2] = SPINS[0];

/// The files of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Files {
    /// `NAME_hr.dat`, or those of up and down.
    pub matrices: Vec<PathBuf>,
    /// `NAME`, with the end that says the spin.
    seed: String,
    folder: PathBuf,
}

impl Files {
    /// Those at `path`, a file or a folder. Of spin up or down the other is found beside it.
    ///
    /// # Errors
    /// `Unsupported` where a folder holds none, or several that are not one run.
    pub fn find(path: &Path, kind: Kind) -> Result<Self> {
        if path.is_file() {
            return Ok(Files::of(path, kind));
        }
        let is_one = |file: &PathBuf| file.is_file() && plain_name(file).ends_with(kind.end());
        let found: Vec<PathBuf> = entries(path)?.into_iter().filter(is_one).collect();
        let runs: Vec<Files> = found.iter().map(|file| Files::of(file, kind)).collect();
        match &runs[..] {
            [] => Err(Error::unsupported(format!("no file *{} in this folder", kind.end()))),
            [first, others @ ..] if others.iter().all(|other| other.matrices == first.matrices) => Ok(first.clone()),
            _ => {
                let names: Vec<String> = found.iter().map(|file| plain_name(file)).collect();
                Err(Error::unsupported(format!("several files, {}: name one", names.join(", "))))
            }
        }
    }

    fn of(path: &Path, kind: Kind) -> Self {
        let folder = folder_of(path);
        let name = plain_name(path);
        let seed = name.strip_suffix(kind.end()).unwrap_or(&name).to_owned();
        let matrices = match spins(folder, &seed, kind) {
            Some(both) => both.into(),
            None => vec![path.to_owned()],
        };
        Files { matrices, seed, folder: folder.to_owned() }
    }

    /// `NAME` and an end, where there is such a file; for one spin, the end may also follow the common part of the name.
    pub fn beside(&self, end: &str) -> Option<PathBuf> {
        let common = SPINS.iter().flatten().find_map(|spin| self.seed.strip_suffix(spin));
        [Some(self.seed.as_str()), common]
            .into_iter()
            .flatten()
            .find_map(|seed| existing(&self.folder, &format!("{seed}{end}")))
    }

    /// Folder of the files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The files of up and down where `seed` is one of both and the other exists.
fn spins(folder: &Path, seed: &str, kind: Kind) -> Option<[PathBuf; 2]> {
    SPINS.iter().find_map(|[up, down]| {
        let common = seed.strip_suffix(up).or_else(|| seed.strip_suffix(down))?;
        let file = |spin: &str| existing(folder, &format!("{common}{spin}{}", kind.end()));
        Some([file(up)?, file(down)?])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_and_down_are_one_run() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| std::fs::write(folder.path().join(name), "").unwrap();
        let names = |path: &Path, kind| {
            let files = Files::find(path, kind).unwrap();
            files.matrices.iter().map(|file| plain_name(file)).collect::<Vec<_>>()
        };
        ["fe.up_hr.dat", "fe.dn_hr.dat", "fe.win", "fe_up_tb.dat"].into_iter().for_each(write);
        assert_eq!(names(folder.path(), Kind::Hr), ["fe.up_hr.dat", "fe.dn_hr.dat"]);
        assert_eq!(names(&folder.path().join("fe.dn_hr.dat"), Kind::Hr), ["fe.up_hr.dat", "fe.dn_hr.dat"]);
        assert_eq!(names(folder.path(), Kind::Tb), ["fe_up_tb.dat"]);
        let files = Files::find(folder.path(), Kind::Hr).unwrap();
        assert_eq!(files.beside(".win"), Some(folder.path().join("fe.win")));
        write("si_hr.dat");
        let message = Files::find(folder.path(), Kind::Hr).unwrap_err().to_string();
        assert_eq!(message, "several files, fe.dn_hr.dat, fe.up_hr.dat, si_hr.dat: name one");
    }
}
