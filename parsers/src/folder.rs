//! What lies in a folder: names, with or without compression, and the two marks that tell which H it holds.

use std::path::{Path, PathBuf};

use crate::error::{Context, Error, Result};

/// Ends of the names of files as they are and compressed.
const COMPRESSED: [&str; 3] = ["", ".gz", ".zst"];

/// What `hzero restart` and `hzero predict --restart` leave in a folder.
const RESTART: &str = "restart.json";

/// File name without `.gz` and `.zst`.
pub fn plain_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.trim_end_matches(".gz").trim_end_matches(".zst").to_owned()
}

/// `name` in `folder`, plain or compressed.
pub fn existing(folder: &Path, name: &str) -> Option<PathBuf> {
    COMPRESSED.iter().map(|end| folder.join(format!("{name}{end}"))).find(|path| path.is_file())
}

/// Files and folders in `folder`, sorted.
///
/// # Errors
/// `Io` with the folder's name.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let mut paths: Vec<PathBuf> =
        entries.map_err(Error::from).in_file(folder)?.iter().map(std::fs::DirEntry::path).collect();
    paths.sort();
    Ok(paths)
}

/// The folder that a file lies in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Is the H in the folder one that hzero wrote, and not known to be converged? `report.json` of `hzero predict` tells, or
/// `restart.json` of `hzero restart`.
pub fn is_prediction(folder: &Path) -> bool {
    folder.join("report.json").is_file() || restart_of(folder).is_some_and(|origin| origin != "converged")
}

/// What `restart.json` says of its H.
fn restart_of(folder: &Path) -> Option<String> {
    let text = std::fs::read(folder.join(RESTART)).ok()?;
    let report: serde_json::Value = serde_json::from_slice(&text).ok()?;
    Some(report.get("hamiltonian")?.as_str()?.to_owned())
}

/// Did `hzero restart` or `hzero predict --restart` write it, with the DM of its H? Its `restart.json` tells.
pub fn is_restart(folder: &Path) -> bool {
    folder.join(RESTART).is_file()
}

/// Did hzero write the folder?
pub fn is_ours(folder: &Path) -> bool {
    is_prediction(folder) || is_restart(folder)
}

/// Is the folder called `h0`, also where it is given as `.`?
pub fn is_named_h0(folder: &Path) -> bool {
    std::fs::canonicalize(folder).is_ok_and(|folder| folder.file_name().is_some_and(|name| name == "h0"))
}
