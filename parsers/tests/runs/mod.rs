//! The run folders that the tests walk through.

use std::path::{Path, PathBuf};

/// All files below `fixtures/` and, where it is present, below `../shared/dft/abacus*` (or `$HZERO_SHARED/dft`), whose name
/// fits; files of `fixtures/bad` are left out.
pub fn files(fits: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    walk(&project.join("fixtures/abacus"), &fits, &mut found);
    assert!(!found.is_empty(), "no fixture fits");
    let shared = std::env::var_os("HZERO_SHARED").map_or(project.join("../shared"), PathBuf::from);
    if !shared.join("dft").is_dir() {
        println!("skipped: the runs of {} (absent)", shared.display());
        return found;
    }
    for folder in ["abacus", "abacus311"] {
        walk(&shared.join("dft").join(folder), &fits, &mut found);
    }
    found
}

fn walk(folder: &Path, fits: &impl Fn(&str) -> bool, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, fits, found);
        } else if path.file_name().and_then(|name| name.to_str()).is_some_and(fits) {
            found.push(path);
        }
    }
}
