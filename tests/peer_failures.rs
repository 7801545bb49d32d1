//! What the programs that people convert with today make of a failure, and ham-convert does not. (Apart from `peer_defects.rs`:
//! while a process starts another one, files of HDF5 that it has open count as locked.)
#![cfg(feature = "hdf5")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::tempdir;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn ham_convert(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ham-convert")).args(arguments).output().unwrap()
}

/// DeepH-dock prints the traceback, then `done`, and exits with 0.
#[test]
fn a_failure_is_a_failure() {
    let folder = tempdir().unwrap();
    let whole = std::fs::read(fixture("siesta/fe/scf/fe.HSX")).unwrap();
    for kept in [0, 100, whole.len() / 2, whole.len() - 1] {
        let (source, target) = (folder.path().join("fe.HSX"), folder.path().join("out"));
        std::fs::write(&source, &whole[..kept]).unwrap();
        let output = ham_convert(&[source.to_str().unwrap(), target.to_str().unwrap(), "--to", "deeph"]);
        assert_eq!(output.status.code(), Some(2), "{kept} bytes");
        assert!(output.stdout.is_empty() && String::from_utf8_lossy(&output.stderr).contains("fe.HSX"));
        assert!(!target.exists());
    }
}

/// Every peer writes in place: what fails midway leaves a folder that looks whole.
#[test]
#[cfg(unix)]
fn nothing_half_written_stays_behind() {
    let source = fixture("siesta/mos2");
    for (to, name) in [("deeph", "out"), ("dftio", "out.0"), ("siesta-hsx", "out.HSX"), ("abacus-new", "out")] {
        let folder = tempdir().unwrap();
        let target = folder.path().join(name);
        // Files may have 100 kB: writing fails midway, as on a full disk.
        let limited = "trap '' XFSZ; ulimit -f 100; exec \"$@\"";
        let program = env!("CARGO_BIN_EXE_ham-convert");
        let mut shell = Command::new("bash");
        shell.args(["-c", limited, "bash", program]).arg(&source).arg(&target).args(["--to", to]);
        let output = shell.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{to}: {}", String::from_utf8_lossy(&output.stderr));
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert!(left.is_empty(), "{to}: {left:?}");
    }
}
