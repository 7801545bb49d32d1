//! Records → bytes.

use std::io::{self, Write};

/// gfortran's longest subrecord.
const LONGEST: usize = i32::MAX as usize - 8;

/// The payload of a record that is to be written.
#[derive(Debug, Clone, Default)]
pub struct Payload(Vec<u8>);

impl Payload {
    /// Empty.
    pub fn new() -> Self {
        Payload::default()
    }

    /// Appends bytes as they are.
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Appends integers.
    pub fn i32s<'a>(mut self, numbers: impl IntoIterator<Item = &'a i32>) -> Self {
        self.0.extend(numbers.into_iter().flat_map(|n| n.to_le_bytes()));
        self
    }

    /// Appends double precision numbers.
    pub fn f64s<'a>(mut self, numbers: impl IntoIterator<Item = &'a f64>) -> Self {
        self.0.extend(numbers.into_iter().flat_map(|x| x.to_le_bytes()));
        self
    }

    /// Writes the record.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        write_record(&self.0, LONGEST, out)
    }
}

/// Writes a sparse matrix row by row: the inverse of [`super::Records::rows`].
///
/// # Errors
/// Those of `out`.
pub fn write_rows<const SIZE: usize, T: Copy>(
    row_starts: &[usize],
    values: &[T],
    encode: impl Fn(T) -> [u8; SIZE],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut payload = Vec::new();
    for row in row_starts.windows(2) {
        payload.clear();
        payload.extend(values[row[0]..row[1]].iter().flat_map(|&value| encode(value)));
        write_record(&payload, LONGEST, out)?;
    }
    Ok(())
}

/// In subrecords of at most `longest` bytes.
pub(super) fn write_record(payload: &[u8], longest: usize, out: &mut dyn Write) -> io::Result<()> {
    let n_parts = payload.len().div_ceil(longest).max(1);
    for part in 0..n_parts {
        let bytes = &payload[part * longest..payload.len().min((part + 1) * longest)];
        let marker = |is_negative: bool| (if is_negative { -1 } else { 1 } * bytes.len() as i32).to_le_bytes();
        out.write_all(&marker(part + 1 < n_parts))?;
        out.write_all(bytes)?;
        out.write_all(&marker(part > 0))?;
    }
    Ok(())
}
