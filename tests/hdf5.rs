//! What the command line says of HDF5 files: with the feature one line, without it how to get it.

use std::path::Path;
use std::process::Command;

/// What `hzero info` prints to stderr, where it must fail.
fn complaint(file: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_hzero")).arg("info").arg(file).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
}

/// The HDF5 library would print its own stack of errors.
#[cfg(feature = "hdf5")]
#[test]
fn a_broken_file_is_told_of_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/siesta_nc/graphene/scf/graphene.nc.gz");
    let bytes = hzero::parsers::input::open(&whole).unwrap();
    let cut = folder.path().join("graphene.nc");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let complaint = complaint(&cut);
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    assert!(complaint.contains("graphene.nc: expected a whole HDF5 file, found `"), "{complaint}");
}

#[cfg(not(feature = "hdf5"))]
#[test]
fn a_build_without_hdf5_names_the_feature() {
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/siesta_nc/graphene/scf/graphene.nc.gz");
    let complaint = complaint(&whole);
    assert!(complaint.contains("builds with the feature `hdf5`"), "{complaint}");
}
