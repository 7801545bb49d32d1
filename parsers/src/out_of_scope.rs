//! Files of other tools that hzero does not read: it says what they are, and what can be read instead.

use std::path::Path;

use crate::code::Code;
use crate::error::{Error, Result};
use crate::folder::{entries, plain_name};
use crate::input;

/// So many bytes tell what a file is.
const HEAD: u64 = 20;
/// Numbers behind the head of the first page of an LMDB file, and at the start of a matrix of PETSc.
const LMDB_MAGIC: &[u8] = &[0xde, 0xc0, 0xef, 0xbe];
const LMDB_MAGIC_AT: usize = 16;
const PETSC_MAT: &[u8] = &[0x00, 0x12, 0x7b, 0x50];

const NPZ: &str = "a NumPy archive of pickled Python objects (as HamGNN's graph_data.npz), which hzero does not read: \
     convert the run of OpenMX, SIESTA or ABACUS that it was made from";
const LMDB: &str = "an LMDB database of Python pickles (as `dftio parse -f lmdb` and DeePTB write), which hzero does not read: \
     let dftio write folders of HDF5 files (`dftio parse -f dat`), or convert the runs themselves";
const TORCH: &str = "a Python pickle of PyTorch (as the data sets of NextHAM), which hzero does not read: \
     convert the runs that it was made from";
const PICKLE: &str = "a Python pickle, which hzero does not read: convert the run that it was made from, or let the tool \
     that wrote it write HDF5 (dftio: `-f dat`)";
const PETSC: &str = "a PETSc binary, which hzero does not read: `dock convert hopcp` makes it from a folder of DeepH; convert \
     that folder, or the run that it was made from";

/// Refuses such a file, or a folder with such a file and none of a DFT code.
///
/// # Errors
/// `Unsupported` with the file; `Io`.
pub fn refuse(path: &Path) -> Result<()> {
    if !path.is_dir() || is_lmdb(path) {
        return refuse_one(path);
    }
    match Code::found_at(path)? {
        Some(_) => Ok(()),
        None => entries(path)?.iter().try_for_each(|path| refuse_one(path)),
    }
}

fn refuse_one(path: &Path) -> Result<()> {
    match kind(path) {
        Some(what) => Err(Error::unsupported(what).in_file(path)),
        None => Ok(()),
    }
}

fn is_lmdb(folder: &Path) -> bool {
    folder.is_dir() && folder.join("data.mdb").is_file()
}

fn kind(path: &Path) -> Option<&'static str> {
    if !path.is_file() {
        return is_lmdb(path).then_some(LMDB);
    }
    let name = plain_name(path);
    // Whoever reads a file that cannot be opened says so.
    let head = input::head(path, HEAD).unwrap_or_default();
    match head[..] {
        [b'P', b'K', 3, 4, ..] if name.ends_with(".npz") => Some(NPZ),
        [b'P', b'K', 3, 4, ..] if [".pth", ".pt", ".pth.tar"].iter().any(|end| name.ends_with(end)) => Some(TORCH),
        // A pickle of protocol 2 to 5.
        [0x80, 2..=5, ..] => Some(PICKLE),
        _ if head.starts_with(PETSC_MAT) => Some(PETSC),
        _ if head.get(LMDB_MAGIC_AT..) == Some(LMDB_MAGIC) => Some(LMDB),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str, content: &[u8], of_folder: bool) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, content).unwrap();
        let path = if of_folder { folder.path() } else { &file };
        crate::read(path, &Default::default()).err().map(|error| error.to_string())
    }

    #[test]
    fn files_are_named_for_what_they_are() {
        let lmdb = [&[0; 16], LMDB_MAGIC, &[1, 0, 0, 0]].concat();
        let cases: [(&str, &[u8], &str); 7] = [
            ("graph_data.npz", b"PK\x03\x04\x14", "graph_data.npz: a NumPy archive of pickled Python objects"),
            ("data.1.lmdb/data.mdb", &lmdb, "an LMDB database of Python pickles"),
            ("mp-1.pth", b"PK\x03\x04\0\0", "mp-1.pth: a Python pickle of PyTorch"),
            ("old.pth", b"\x80\x02\x8a\x0a", "old.pth: a Python pickle"),
            ("run.pkl", b"\x80\x04\x95\x10", "run.pkl: a Python pickle"),
            ("HR.petsc", &[0, 0x12, 0x7b, 0x50, 0, 0, 0, 93], "HR.petsc: a PETSc binary"),
            ("data.mdb", &lmdb, "an LMDB database"),
        ];
        for (name, content, expected) in cases {
            for of_folder in [false, true] {
                let message = message(name, content, of_folder).unwrap();
                assert!(message.contains(expected), "{message}\ninstead of\n{expected}");
            }
        }
    }

    #[test]
    fn other_files_are_not_refused_for_them() {
        for (name, content) in [("x.npz.txt", &b"PK\x03\x04"[..]), ("H.csr", b"STEP: 0"), ("empty", b"")] {
            assert!(!message(name, content, false).unwrap().contains("hzero does not read"), "{name}");
        }
    }

    #[test]
    fn a_run_beside_them_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/abacus/si2/scf");
        for file in entries(&fixture).unwrap().into_iter().filter(|path| path.is_file()) {
            std::fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
        }
        std::fs::write(folder.path().join("graph_data.npz"), b"PK\x03\x04\x14").unwrap();
        assert!(crate::read(folder.path(), &Default::default()).is_ok());
    }
}
