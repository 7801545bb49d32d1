//! Writing files: to a temporary file beside the target, renamed when it is complete, so that no half file is ever found.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::error::{Context, Error, Result};
use crate::folder::folder_of;

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

/// Readable for whomever the user's umask allows, as an ordinary file is.
fn named_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    let builder = builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.prefix(".hzero-").tempfile_in(folder)
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
}
