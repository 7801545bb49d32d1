//! Writing files: to a temporary file beside the target, renamed when it is complete, so that no half file is ever found.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::error::{Context, Error, Result};
use crate::folder::{entries, folder_of};

/// Start of the names of files and folders that are not complete yet.
pub const STAGE_PREFIX: &str = ".hzero-";
/// In the names of folders that hold one which is about to be replaced.
const SET_ASIDE: &str = "old-";

/// Writes `path` by `write`.
///
/// # Errors
/// `Io` with the file's name; the target is then as it was.
pub fn write_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    write_beside(path, write).in_file(path)
}

/// Writes `path` by a library that opens files by itself: `write` gets the name of the temporary file.
///
/// # Errors
/// Those of `write`, and `Io`, with the name of `path`; the target is then as it was.
#[cfg(feature = "hdf5")]
pub fn write_by_name(path: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let write = || {
        let file = named_file(folder_of(path))?;
        write(file.path())?;
        file.persist(path).map(drop).map_err(|e| Error::from(e.error))
    };
    write().in_file(path)
}

fn write_beside(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let mut file = named_file(folder_of(path))?;
    let mut buffer = BufWriter::with_capacity(1 << 20, &mut file);
    write(&mut buffer)?;
    buffer.flush()?;
    drop(buffer);
    file.persist(path).map_err(|e| Error::from(e.error))?;
    Ok(())
}

/// Writes the folder `path`: `write` fills a folder beside it, which takes its name when it is complete. A folder that is there
/// already must be empty, unless `own` names the files in it that may go, relative to it. All others stay.
///
/// # Errors
/// Those of `write`, and `Io`, with the name of `path`; `Unsupported` with the name of a file that stays where `write` has one
/// of that name. `path` is then as it was.
pub fn write_folder(
    path: &Path,
    own: Option<&BTreeSet<PathBuf>>,
    write: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    require_free(path, own.is_some()).in_file(path)?;
    let stage = stage_beside(path)?;
    write(stage.path()).map_err(|error| error.moved(stage.path(), path))?;
    if let Some(own) = own {
        take_along(path, own, stage.path())?;
    }
    take_name(stage, path).map_err(Error::from).in_file(path)
}

/// The files below `path`, but for its `own`, become files of `stage` too.
fn take_along(path: &Path, own: &BTreeSet<PathBuf>, stage: &Path) -> Result<()> {
    let others = || -> Result<Vec<PathBuf>> {
        let relative = |file: PathBuf| file.strip_prefix(path).map(Path::to_owned).unwrap_or(file);
        Ok(files_below(path)?.into_iter().map(relative).filter(|file| !own.contains(file)).collect())
    };
    let others = if path.is_dir() { others()? } else { Vec::new() };
    if let Some(taken) = others.iter().find(|file| stage.join(file).exists()) {
        let message = "no conversion is known to have written this file, and it would be replaced: move it away";
        return Err(Error::unsupported(message).in_file(path.join(taken)));
    }
    others.iter().try_for_each(|file| link(&path.join(file), &stage.join(file)))
}

/// Both names are of one file, so that it is found under one of them whatever happens; a copy where links are not possible.
fn link(from: &Path, to: &Path) -> Result<()> {
    let link = || {
        std::fs::create_dir_all(folder_of(to))?;
        std::fs::hard_link(from, to).or_else(|_| std::fs::copy(from, to).map(drop))
    };
    link().map_err(Error::from).in_file(from)
}

/// The old folder goes when the new one is in its place, and comes back where that fails.
fn take_name(stage: TempDir, path: &Path) -> io::Result<()> {
    let old = if path.is_dir() { Some(SetAside::new(path)?) } else { None };
    match (std::fs::rename(stage.path(), path), old) {
        (Ok(()), _) => {
            let _ = stage.keep();
            Ok(())
        }
        (Err(error), Some(old)) => old.restore(path).and(Err(error)),
        (Err(error), None) => Err(error),
    }
}

/// A folder under another name for the moment of its replacement.
struct SetAside {
    place: TempDir,
    folder: PathBuf,
}

impl SetAside {
    fn new(path: &Path) -> io::Result<Self> {
        let prefix = stage_prefix() + SET_ASIDE;
        let place = tempfile::Builder::new().prefix(&prefix).tempdir_in(folder_of(path))?;
        let folder = place.path().join(path.file_name().unwrap_or_default());
        std::fs::rename(path, &folder)?;
        Ok(SetAside { place, folder })
    }

    /// If it cannot come back, it stays where it is.
    fn restore(self, path: &Path) -> io::Result<()> {
        let restored = std::fs::rename(&self.folder, path);
        if restored.is_err() {
            let _ = self.place.keep();
        }
        restored
    }
}

/// Writes the file `path`, which must be new unless `force`: `write` fills a folder beside it and tells which of its files takes
/// the name.
///
/// # Errors
/// Those of `write`, and `Io`, with the name of `path`; the target is then as it was.
pub fn write_file_of(path: &Path, force: bool, write: impl FnOnce(&Path) -> Result<PathBuf>) -> Result<()> {
    require_new(path, force)?;
    let stage = stage_beside(path)?;
    let file = write(stage.path()).map_err(|error| error.moved(stage.path(), path))?;
    std::fs::rename(file, path).map_err(Error::from).in_file(path)
}

/// Writes files into the folder `path`, beside what lies there: `write` fills a folder beside it, whose files then move, over
/// those of the same names if `force`. Returns what `write` does.
///
/// # Errors
/// Those of `write`, `Unsupported` where a file of the same name is there, with `path` as it was; `Io`.
pub fn write_into<T>(path: &Path, force: bool, write: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    let stage = stage_beside(path)?;
    let written = write(stage.path()).map_err(|error| error.moved(stage.path(), path))?;
    for file in files_below(stage.path())? {
        require_new(&path.join(file.strip_prefix(stage.path()).unwrap_or(&file)), force)?;
    }
    move_files(stage.path(), path)?;
    Ok(written)
}

/// Refuses to write over a file, unless `force`.
///
/// # Errors
/// `Unsupported` with the file's name.
pub fn require_new(path: &Path, force: bool) -> Result<()> {
    match path.is_file() && !force {
        true => Err(Error::unsupported("there is a file of this name; --force replaces it").in_file(path)),
        false => Ok(()),
    }
}

/// All files in the folder and below. Links are files, wherever they lead.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in entries(folder)? {
        match path.is_dir() && !path.is_symlink() {
            true => files.extend(files_below(&path)?),
            false => files.push(path),
        }
    }
    Ok(files)
}

fn move_files(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).map_err(Error::from).in_file(to)?;
    for source in entries(from)? {
        let target = to.join(source.file_name().unwrap_or_default());
        if source.is_dir() {
            move_files(&source, &target)?;
        } else {
            std::fs::rename(&source, &target).map_err(Error::from).in_file(&target)?;
        }
    }
    Ok(())
}

/// Removes what killed programs left incomplete in `folder`. A folder that was about to be replaced comes back.
///
/// # Errors
/// `Io`.
pub fn remove_stages(folder: &Path) -> Result<()> {
    entries(folder)?
        .iter()
        .filter(|path| is_abandoned(path))
        .try_for_each(|path| remove_stage(path, folder).in_file(path))
}

fn remove_stage(path: &Path, folder: &Path) -> Result<()> {
    if !path.is_dir() {
        return Ok(std::fs::remove_file(path)?);
    }
    let is_set_aside = path.file_name().is_some_and(|name| name.to_string_lossy().contains(SET_ASIDE));
    for old in entries(path)?.iter().filter(|_| is_set_aside) {
        let place = folder.join(old.file_name().unwrap_or_default());
        if !place.exists() {
            std::fs::rename(old, place)?;
        }
    }
    Ok(std::fs::remove_dir_all(path)?)
}

/// Is it the stage of a program that runs no more?
fn is_abandoned(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Some(rest) = name.strip_prefix(STAGE_PREFIX) else { return false };
    match rest.split_once('-').and_then(|(process, _)| process.parse::<u32>().ok()) {
        // A process of the same number before this one.
        Some(process) if process == std::process::id() => true,
        Some(process) if Path::new("/proc/self").exists() => !Path::new("/proc").join(process.to_string()).exists(),
        _ => is_old(path),
    }
}

/// By more than a day.
fn is_old(path: &Path) -> bool {
    let changed = std::fs::symlink_metadata(path).and_then(|data| data.modified()).ok();
    changed.and_then(|changed| changed.elapsed().ok()).is_some_and(|age| age > Duration::from_secs(24 * 3600))
}

/// Start of the names of this process' stages, so that another one does not take them for abandoned.
fn stage_prefix() -> String {
    format!("{STAGE_PREFIX}{}-", std::process::id())
}

fn require_free(path: &Path, may_replace: bool) -> Result<()> {
    if path.is_file() {
        return Err(Error::unsupported("there is a file of this name; the target is a folder"));
    }
    let is_free = !path.is_dir() || std::fs::read_dir(path)?.next().is_none();
    match is_free || may_replace {
        true => Ok(()),
        false => Err(Error::unsupported("the folder is not empty; --force replaces it")),
    }
}

/// A new folder beside `path`, with the parents that it lacks; it vanishes unless it is kept.
fn stage_beside(path: &Path) -> Result<TempDir> {
    let parent = folder_of(path);
    let make = || {
        std::fs::create_dir_all(parent)?;
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        let builder = builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        builder.prefix(&stage_prefix()).tempdir_in(parent)
    };
    make().map_err(Error::from).in_file(parent)
}

/// Readable for whomever the user's umask allows, as an ordinary file is.
fn named_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    let builder = builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.prefix(&stage_prefix()).tempfile_in(folder)
}

#[cfg(test)]
mod tests;
