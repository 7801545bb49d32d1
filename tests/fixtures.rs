//! The fixtures stay small, and each system says where it came from.

use std::fs;
use std::path::{Path, PathBuf};

const LARGEST_FILE: u64 = 1_000_000;
const LARGEST_SUM: u64 = 25_000_000;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("fixtures are part of the repository") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[test]
fn fixtures_are_small() {
    let mut found = Vec::new();
    files(&root(), &mut found);
    assert!(found.len() > 20, "only {} fixture files were found", found.len());
    let size = |path: &PathBuf| fs::metadata(path).map_or(0, |data| data.len());
    let large: Vec<&PathBuf> = found.iter().filter(|path| size(path) > LARGEST_FILE).collect();
    assert!(large.is_empty(), "larger than {LARGEST_FILE} bytes: {large:?}");
    let sum: u64 = found.iter().map(size).sum();
    assert!(sum < LARGEST_SUM, "all fixtures together have {sum} bytes");
}

#[test]
fn every_system_has_its_origin() {
    let readme = fs::read_to_string(root().join("README.md")).expect("fixtures/README.md exists");
    for code in ["abacus", "openmx", "siesta", "deeph", "deeph-legacy", "dftio", "nextham"] {
        let mut n = 0;
        let entries = fs::read_dir(root().join(code)).expect("every code has fixtures").flatten();
        for system in entries.filter(|entry| entry.path().is_dir()) {
            let name = system.file_name().into_string().expect("a plain name");
            assert!(readme.contains(&format!("`{code}/{name}`")), "fixtures/README.md does not name {code}/{name}");
            n += 1;
        }
        assert!(n > 3, "only {n} systems of {code} were found");
    }
}
