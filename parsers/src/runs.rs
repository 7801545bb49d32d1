//! The runs below a folder, as a batch converts them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::code::Code;
use crate::error::{Context, Error, Result};
use crate::folder::{entries, plain_name};
use crate::format::Format;
use crate::neutral;

/// The folders of runs in the tree of `folder`, sorted: `folder` alone where it is a run itself. A folder is a run where
/// matrices lie in it, or in the parts of a run below it (`scf/`, `h0/`, `OUT.*`); or where inputs or logs of a code do, and no
/// run lies further below: a run without matrices is one to complain about, and none to pass over. Hidden folders are not
/// looked into.
/// A folder that cannot be looked into, or of which no format can be told, is a run too: it is the one that fails.
pub fn below(folder: &Path) -> Vec<PathBuf> {
    search(folder, &mut Vec::new())
}

/// `above`: the folders on the way here, so that links to them end the search.
fn search(folder: &Path, above: &mut Vec<PathBuf>) -> Vec<PathBuf> {
    try_search(folder, above).unwrap_or_else(|_| vec![folder.to_owned()])
}

fn try_search(folder: &Path, above: &mut Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    let place = fs::canonicalize(folder).map_err(Error::from).in_file(folder)?;
    if above.contains(&place) {
        return Ok(Vec::new());
    }
    if holds_matrix(folder)? {
        return Ok(vec![folder.to_owned()]);
    }
    above.push(place);
    let runs = below_inputs(folder, above);
    above.pop();
    runs
}

/// The runs below a folder without matrices; itself, where it has nothing but the inputs of one.
fn below_inputs(folder: &Path, above: &mut Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    let has_inputs = !matches!(Code::found_at(folder), Ok(None));
    let mut runs = Vec::new();
    for path in folders(folder)? {
        if !(has_inputs && is_part(&path)) {
            runs.extend(search(&path, above));
        }
    }
    if runs.is_empty() && has_inputs {
        runs.push(folder.to_owned());
    }
    Ok(runs)
}

fn holds_matrix(folder: &Path) -> Result<bool> {
    if neutral::find(folder)?.is_some() {
        return Ok(true);
    }
    let entries = entries(folder)?;
    if entries.iter().any(|path| is_matrix(path)) {
        return Ok(true);
    }
    for part in entries.iter().filter(|path| is_part(path)) {
        if holds_matrix(part)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// By its name.
fn is_matrix(path: &Path) -> bool {
    let name = plain_name(path);
    let ends = [".csr", ".TSDE", ".onlyS", "H_DMGEN", "H_MIXED"];
    path.is_file() && (ends.iter().any(|end| name.ends_with(end)) || Format::of_file_name(Path::new(&name)).is_some())
}

/// A part of the run above it; the last names are those of NextHAM's data sets.
fn is_part(path: &Path) -> bool {
    const PARTS: [&str; 5] = ["scf", "h0", "bands", "abacus_scf", "abacus_geths"];
    let name = plain_name(path);
    path.is_dir() && (PARTS.contains(&name.as_str()) || name.starts_with("OUT."))
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let is_hidden = |path: &PathBuf| plain_name(path).starts_with('.');
    Ok(entries(folder)?.into_iter().filter(|path| path.is_dir() && !is_hidden(path)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(files: &[&str]) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let name = |path: &PathBuf| path.strip_prefix(root.path()).unwrap().display().to_string();
        below(root.path()).iter().map(name).collect()
    }

    #[test]
    fn runs_are_found_at_any_depth_in_order() {
        let found =
            runs(&["b/x/si.HSX", "a/OUT.ABACUS/hrs1_nao.csr", "c/scf/OUT.C/SR.csr.gz", "c/h0/INPUT", "d/readme"]);
        assert_eq!(found, ["a", "b/x", "c"]);
    }

    #[test]
    fn a_folder_with_matrices_is_one_run() {
        assert_eq!(runs(&["si.scfout", "old/si.scfout"]), [""]);
        assert_eq!(runs(&["scf/si.HSX", "h0/si.HSX"]), [""]);
    }

    #[test]
    fn a_case_of_nextham_is_one_run() {
        let case = |n| {
            ["abacus_scf/OUT.ABACUS/data-HR-sparse_SPIN0.csr", "abacus_geths/OUT.ABACUS/hrs1_nao.csr"]
                .map(|file| format!("case-{n}/{file}"))
        };
        let files = [case(0), case(1)].concat();
        assert_eq!(runs(&files.iter().map(String::as_str).collect::<Vec<_>>()), ["case-0", "case-1"]);
        assert_eq!(runs(&["OUT.ABACUS/hrs_block_up_0.dat", "STRU"]), [""]);
    }

    #[test]
    fn inputs_beside_runs_are_templates_and_alone_a_run_that_failed() {
        assert_eq!(runs(&["INPUT", "STRU", "1/OUT.x/srs1_nao.csr", "2/OUT.x/running_scf.log"]), ["1", "2"]);
        assert_eq!(runs(&["1/scf/INPUT", "1/h0/INPUT", "2/INPUT"]), ["1", "2"]);
    }

    #[test]
    fn parts_without_a_run_above_are_folders_as_others() {
        assert_eq!(runs(&["scf/1/si.HSX", "scf/2/si.HSX"]), ["scf/1", "scf/2"]);
        assert!(runs(&["notes.txt", ".hidden/si.HSX"]).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn links_in_circles_end() {
        let root = tempfile::tempdir().unwrap();
        let run = root.path().join("set/run");
        fs::create_dir_all(&run).unwrap();
        fs::write(run.join("si.HSX"), "").unwrap();
        std::os::unix::fs::symlink(root.path(), root.path().join("set/up")).unwrap();
        std::os::unix::fs::symlink(&run, root.path().join("set/twice")).unwrap();
        let set = root.path().join("set");
        assert_eq!(below(root.path()), [set.join("run"), set.join("twice")]);
    }
}
