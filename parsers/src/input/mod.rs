//! Opening files: memory-mapped, or decompressed where the first bytes say gzip or zstd.

pub mod text;

use std::fs::File;
use std::io::Read;
use std::ops::Deref;
use std::path::Path;

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
    let mut bytes = Vec::new();
    if input.starts_with(&GZIP_MAGIC) {
        flate2::read::MultiGzDecoder::new(&*input).read_to_end(&mut bytes)?;
    } else if input.starts_with(&ZSTD_MAGIC) {
        let mut decoder = ruzstd::decoding::StreamingDecoder::new(&*input)
            .map_err(|e| Error::syntax("a zstd stream", format!("`{e}`")))?;
        decoder.read_to_end(&mut bytes)?;
    } else {
        return Ok(input);
    }
    Ok(Input::Owned(bytes))
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
    }

    #[test]
    fn an_absent_file_is_named() {
        let error = open(Path::new("/nowhere/H.csr")).err().unwrap();
        assert!(error.to_string().starts_with("/nowhere/H.csr: "), "{error}");
    }
}
