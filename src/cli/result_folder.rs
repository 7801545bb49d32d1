//! The folder of a result: it appears whole, and replaces an earlier result of the same command only.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Where a command leaves its result.
#[derive(Debug, Clone, Copy)]
pub struct ResultFolder<'a> {
    /// The folder.
    pub path: &'a Path,
    /// The report in it, JSON, whose `files` are those of the folder.
    pub report: &'a str,
}

impl ResultFolder<'_> {
    /// Has a folder filled beside the wanted one, and puts it in place when everything in it is complete.
    pub fn fill<T>(&self, fill: impl FnOnce(&Path) -> anyhow::Result<T>) -> anyhow::Result<T> {
        self.require_replaceable()?;
        let parent = self.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        let beside = tempfile::Builder::new().prefix(".hzero-").tempdir_in(parent)?;
        let result = fill(beside.path())?;
        if self.path.exists() {
            fs::remove_dir_all(self.path).with_context(|| self.path.display().to_string())?;
        }
        fs::rename(beside.keep(), self.path).with_context(|| self.path.display().to_string())?;
        make_readable(self.path)?;
        Ok(result)
    }

    /// Whatever lies in the folder must be of an earlier result: nothing else is ever removed.
    fn require_replaceable(&self) -> anyhow::Result<()> {
        if !self.path.exists() {
            return Ok(());
        }
        let ours = self.earlier_files().unwrap_or_default();
        let is_ours = |name: &Path| name == Path::new(self.report) || ours.iter().any(|file| file.starts_with(name));
        for entry in fs::read_dir(self.path).with_context(|| self.path.display().to_string())? {
            let name = PathBuf::from(entry?.file_name());
            if !is_ours(&name) {
                let (folder, name) = (self.path.display(), name.display());
                bail!("{folder}: {name} in it is no part of an earlier result; choose another folder");
            }
        }
        Ok(())
    }

    /// `files` of the report that lies there.
    fn earlier_files(&self) -> Option<Vec<PathBuf>> {
        let text = fs::read_to_string(self.path.join(self.report)).ok()?;
        let report: serde_json::Value = serde_json::from_str(&text).ok()?;
        serde_json::from_value(report.get("files")?.clone()).ok()
    }
}

/// A temporary folder is its owner's alone; a result is for whomever the user's umask allows.
#[cfg(unix)]
fn make_readable(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
fn make_readable(_folder: &Path) -> anyhow::Result<()> {
    Ok(())
}
