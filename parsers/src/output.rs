//! Writing files: to a temporary file beside the target, renamed when it is complete, so that no half file is ever found.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Context, Error, Result};
use crate::folder::{entries, folder_of};

/// Start of the names of files and folders that are not complete yet.
pub const STAGE_PREFIX: &str = ".hzero-";

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
/// already must be empty, or hold a file `replaces`, the mark of one that may be replaced.
///
/// # Errors
/// Those of `write`, and `Io`, with the name of `path`, which is then as it was.
pub fn write_folder(path: &Path, replaces: Option<&str>, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    require_free(path, replaces).in_file(path)?;
    let stage = stage_beside(path)?;
    write(stage.path()).map_err(|error| error.moved(stage.path(), path))?;
    let persist = || {
        if path.is_dir() {
            // Never more than a moment without either: the old one leaves under another name first.
            let old = tempfile::Builder::new().prefix(STAGE_PREFIX).tempdir_in(folder_of(path))?;
            std::fs::rename(path, old.path().join("old"))?;
        }
        std::fs::rename(stage.keep(), path)
    };
    persist().map_err(Error::from).in_file(path)
}

/// Writes the file `path`: `write` fills a folder beside it and tells which of its files takes the name.
///
/// # Errors
/// Those of `write`, and `Io`, with the name of `path`; the target is then as it was.
pub fn write_file_of(path: &Path, write: impl FnOnce(&Path) -> Result<PathBuf>) -> Result<()> {
    let stage = stage_beside(path)?;
    let file = write(stage.path()).map_err(|error| error.moved(stage.path(), path))?;
    std::fs::rename(file, path).map_err(Error::from).in_file(path)
}

/// Writes files into the folder `path`, beside what lies there: `write` fills a folder beside it, whose files then move, over
/// those of the same names. Returns what `write` does.
///
/// # Errors
/// Those of `write`, with `path` as it was; `Io`.
pub fn write_into<T>(path: &Path, write: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    let stage = stage_beside(path)?;
    let written = write(stage.path()).map_err(|error| error.moved(stage.path(), path))?;
    move_files(stage.path(), path)?;
    Ok(written)
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

/// Removes what a killed program left incomplete in `folder`. No other one may be at work there.
///
/// # Errors
/// `Io`.
pub fn remove_stages(folder: &Path) -> Result<()> {
    for path in entries(folder)?.iter().filter(|path| is_stage(path)) {
        let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        removed.map_err(Error::from).in_file(path)?;
    }
    Ok(())
}

fn is_stage(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(STAGE_PREFIX))
}

fn require_free(path: &Path, replaces: Option<&str>) -> Result<()> {
    if path.is_file() {
        return Err(Error::unsupported("there is a file of this name; the target is a folder"));
    }
    let is_free = !path.is_dir() || std::fs::read_dir(path)?.next().is_none();
    match replaces {
        _ if is_free => Ok(()),
        Some(mark) if path.join(mark).is_file() => Ok(()),
        Some(mark) => {
            Err(Error::unsupported(format!("the folder is not empty and has no {mark}: it will not be replaced")))
        }
        None => Err(Error::unsupported("the folder is not empty; --force replaces it")),
    }
}

/// A new folder beside `path`, with the parents that it lacks; it vanishes unless it is kept.
fn stage_beside(path: &Path) -> Result<tempfile::TempDir> {
    let parent = folder_of(path);
    let make = || {
        std::fs::create_dir_all(parent)?;
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        let builder = builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        builder.prefix(STAGE_PREFIX).tempdir_in(parent)
    };
    make().map_err(Error::from).in_file(parent)
}

/// Readable for whomever the user's umask allows, as an ordinary file is.
fn named_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    let builder = builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.prefix(STAGE_PREFIX).tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("H.csr");
        write_file(&path, |out| out.write_all(b"old")).unwrap();
        let failed = write_file(&path, |out| {
            out.write_all(b"new")?;
            Err(io::Error::other("disk is full"))
        });
        assert!(failed.unwrap_err().to_string().ends_with("H.csr: disk is full"));
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        entries.collect()
    }

    #[test]
    fn a_folder_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let fill =
            |text: &'static str| move |stage: &Path| std::fs::write(stage.join("mark"), text).map_err(Error::from);
        let broken = write_folder(&path, None, |stage| {
            fill("half")(stage)?;
            Err(Error::unsupported("no"))
        });
        assert!(broken.is_err() && names(&folder.path().join("a")).is_empty());
        write_folder(&path, None, fill("first")).unwrap();
        let again = write_folder(&path, None, fill("second")).unwrap_err().to_string();
        assert!(again.ends_with("b: the folder is not empty; --force replaces it"), "{again}");
        assert!(write_folder(&path, Some("other"), fill("second")).is_err());
        assert_eq!(std::fs::read(path.join("mark")).unwrap(), b"first");
        write_folder(&path, Some("mark"), fill("second")).unwrap();
        assert_eq!(std::fs::read(path.join("mark")).unwrap(), b"second");
        assert_eq!((names(&folder.path().join("a")), names(&path)), (vec!["b".into()], vec!["mark".into()]));
    }

    #[test]
    fn one_file_of_a_stage_becomes_the_target() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mos2.HSX");
        let write = |stage: &Path| {
            std::fs::write(stage.join("mos2.XV"), "")?;
            std::fs::write(stage.join("run.HSX"), "H")?;
            Ok(stage.join("run.HSX"))
        };
        write_file_of(&path, write).unwrap();
        assert_eq!(names(folder.path()), ["mos2.HSX"]);
    }

    #[test]
    fn files_move_into_a_folder_together() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        std::fs::create_dir_all(path.join("OUT")).unwrap();
        std::fs::write(path.join("OUT/H"), "old").unwrap();
        std::fs::write(path.join("notes"), "mine").unwrap();
        let fill = |stage: &Path| {
            std::fs::create_dir(stage.join("OUT"))?;
            Ok(std::fs::write(stage.join("OUT/H"), "new")?)
        };
        let broken =
            |stage: &Path| fill(stage).and(Err::<(), _>(Error::unsupported("no").in_file(stage.join("OUT/H"))));
        let message = write_into(&path, broken).unwrap_err().to_string();
        assert_eq!(message, format!("{}: no", path.join("OUT/H").display()));
        assert_eq!(std::fs::read(path.join("OUT/H")).unwrap(), b"old");
        write_into(&path, fill).unwrap();
        assert_eq!(std::fs::read(path.join("OUT/H")).unwrap(), b"new");
        assert_eq!((names(folder.path()), path.join("notes").is_file()), (vec!["run".into()], true));
    }

    #[test]
    fn what_a_killed_program_left_goes() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join(".hzero-Ab3/OUT")).unwrap();
        std::fs::write(folder.path().join(".hzero-x"), "").unwrap();
        std::fs::write(folder.path().join("hzero.json"), "").unwrap();
        remove_stages(folder.path()).unwrap();
        assert_eq!(names(folder.path()), ["hzero.json"]);
    }
}
