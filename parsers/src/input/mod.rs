//! Opening files: memory-mapped, or decompressed where the first bytes say gzip or zstd.

pub mod binary;
pub mod fortran;
pub mod lines;
pub mod text;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::ops::Deref;
use std::path::Path;

pub use binary::{Binary, ByteOrder};
pub use text::Text;

use crate::error::{Context, Error, Result};

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Below this size a copy is cheaper than a mapping.
const MAP_FROM: u64 = 1 << 16;

/// The bytes of a file, decompressed.
pub enum Input {
    /// Mapped; pages come and go as they are needed.
    Mapped(memmap2::Mmap),
    /// Small or decompressed.
    Owned(Vec<u8>),
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

impl Deref for Input {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Input::Mapped(map) => map,
            Input::Owned(bytes) => bytes,
        }
    }
}

/// Opens a file, and decompresses it where it starts like gzip (also several members) or zstd, whatever its name.
///
/// # Errors
/// `Io` with the file's name.
pub fn open(path: &Path) -> Result<Input> {
    open_raw(path).and_then(decompressed).in_file(path)
}

fn open_raw(path: &Path) -> Result<Input> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    if size >= MAP_FROM {
        return map(&file);
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(Input::Owned(bytes))
}

#[allow(unsafe_code, reason = "memory mapping")]
fn map(file: &File) -> Result<Input> {
    // SAFETY: the mapping is private and read-only. A file that another process truncates while we read it ends this
    // process with SIGBUS, as with every program that maps files; it cannot make us read foreign memory.
    let map = unsafe { memmap2::Mmap::map(file) }?;
    Ok(Input::Mapped(map))
}

fn decompressed(input: Input) -> Result<Input> {
    if !is_compressed(&input) {
        return Ok(input);
    }
    let mut bytes = Vec::new();
    decoder(&*input)?.read_to_end(&mut bytes).map_err(damaged)?;
    Ok(Input::Owned(bytes))
}

/// The first `length` bytes of a file (all of a shorter one), decompressed; of a large file no more is read than these need.
///
/// # Errors
/// As [`open`].
pub fn head(path: &Path, length: u64) -> Result<Vec<u8>> {
    let read = || {
        let mut bytes = Vec::new();
        let decoder = decoder(BufReader::new(File::open(path)?))?;
        decoder.take(length).read_to_end(&mut bytes).map_err(damaged)?;
        Ok(bytes)
    };
    read().in_file(path)
}

fn is_compressed(start: &[u8]) -> bool {
    start.starts_with(&GZIP_MAGIC) || start.starts_with(&ZSTD_MAGIC)
}

/// The decompressed bytes; those of a plain file are themselves.
fn decoder<'a>(mut file: impl BufRead + 'a) -> Result<Box<dyn Read + 'a>> {
    let start = file.fill_buf()?;
    if start.starts_with(&GZIP_MAGIC) {
        Ok(Box::new(flate2::bufread::MultiGzDecoder::new(file)))
    } else if start.starts_with(&ZSTD_MAGIC) {
        let decoder = ruzstd::decoding::StreamingDecoder::new(file);
        Ok(Box::new(decoder.map_err(|error| Error::syntax("a zstd stream", format!("`{error}`")))?))
    } else {
        Ok(Box::new(file))
    }
}

/// What a decoder says in its own words; an error of the operating system stays one.
fn damaged(error: std::io::Error) -> Error {
    match error.raw_os_error() {
        Some(_) => error.into(),
        None => Error::syntax("a whole gzip or zstd stream", "one that is cut or damaged"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn gzip_is_recognized_by_content() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"STEP: 0\n").unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&encoder.finish().unwrap()).unwrap();
        assert_eq!(&*open(file.path()).unwrap(), b"STEP: 0\n");
        assert_eq!(head(file.path(), 5).unwrap(), b"STEP:");
    }

    #[test]
    fn a_cut_stream_is_an_error() {
        for magic in [&GZIP_MAGIC[..], &ZSTD_MAGIC] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(magic).unwrap();
            let error = open(file.path()).err().unwrap();
            assert!(matches!(error.kind(), crate::ErrorKind::Syntax { .. }), "{error}");
        }
    }

    #[test]
    fn an_absent_file_is_named() {
        let error = open(Path::new("/nowhere/H.csr")).err().unwrap();
        assert!(error.to_string().starts_with("/nowhere/H.csr: "), "{error}");
    }
}
