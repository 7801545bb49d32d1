//! Every fixture's run as text equals `<system>.dump` beside it; `HZERO_BLESS=1` rewrites.

use std::path::{Path, PathBuf};

use hzero_parsers::dump::dump;
use hzero_parsers::{ReadOptions, read};

/// Codes with at least so many systems each.
const CODES: [(&str, usize); 4] = [("abacus", 7), ("nextham", 4), ("openmx", 7), ("siesta", 6)];
/// The same for folders that need HDF5.
const HDF5_FOLDERS: [(&str, usize); 3] = [("deeph", 5), ("deeph-legacy", 4), ("dftio", 4)];

fn systems(code: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(code);
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

#[test]
fn every_fixture_reads_as_before() {
    let with_hdf5 = HDF5_FOLDERS.iter().filter(|_| cfg!(feature = "hdf5"));
    for &(code, at_least) in CODES.iter().chain(with_hdf5) {
        let systems = systems(code);
        assert!(systems.len() >= at_least, "only {} systems of {code}", systems.len());
        systems.iter().for_each(|system| reads_as_before(system));
    }
}

fn reads_as_before(system: &Path) {
    let run = read(system, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"));
    let text = dump(&run);
    let expected = system.with_extension("dump");
    if std::env::var_os("HZERO_BLESS").is_some() {
        std::fs::write(&expected, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&expected).unwrap_or_else(|_| panic!("bless {}", expected.display()));
    for (line, (old, new)) in expected.lines().zip(text.lines()).enumerate() {
        assert_eq!(old, new, "{} line {}", system.display(), line + 1);
    }
    assert_eq!(expected.lines().count(), text.lines().count(), "{}", system.display());
}
