//! Fortran sequential unformatted files: every record stands between two int32 with its length in bytes.
//!
//! A record of more than 2³¹ − 9 bytes is cut into subrecords (gfortran): a negative marker in front says that another one
//! follows, a negative marker behind that one came before. Everything is little-endian.

mod record;
mod write;

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;

use crate::error::{Error, Location, Result};
use crate::memory::prefer_huge_pages;

pub use record::Record;
pub use write::{Payload, write_rows};

/// Bytes of one marker.
const MARKER: usize = 4;
/// Rows are read in parallel in parts of about so many bytes.
const PART: usize = 1 << 20;

/// The records of a file, one after the other.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    file: &'a [u8],
    at: usize,
    number: u32,
}

impl<'a> Records<'a> {
    /// Starts at the first record.
    ///
    /// # Errors
    /// `Unsupported` where the first marker makes sense only in big-endian order.
    pub fn new(file: &'a [u8]) -> Result<Self> {
        let records = Records { file, at: 0, number: 0 };
        let fits = |length: i32| usize::try_from(length).is_ok_and(|length| length + 2 * MARKER <= file.len());
        let Some(bytes) = file.first_chunk() else { return Ok(records) };
        if !fits(i32::from_le_bytes(*bytes).saturating_abs()) && fits(i32::from_be_bytes(*bytes)) {
            let message =
                "big-endian numbers; write the file on a little-endian machine, or without -fconvert=big-endian";
            return Err(Error::unsupported(message).at(records.place()));
        }
        Ok(records)
    }

    /// Where the next record starts.
    pub fn place(&self) -> Location {
        place(self.at, self.number + 1)
    }

    /// Has every record been read?
    pub fn is_at_end(&self) -> bool {
        self.at == self.file.len()
    }

    /// Nothing may follow.
    ///
    /// # Errors
    /// `Syntax` where something does.
    pub fn end(&self) -> Result<()> {
        if self.is_at_end() {
            return Ok(());
        }
        let found = format!("{} further bytes", self.rest());
        Err(Error::syntax("the end of the file", found).at(self.place()))
    }

    /// Bytes that were not read yet.
    pub fn rest(&self) -> usize {
        self.file.len() - self.at
    }

    /// The next record.
    ///
    /// # Errors
    /// `Syntax` where the file ends early or the markers in front and behind differ.
    pub fn record(&mut self) -> Result<Record<'a>> {
        let start = self.at;
        let (first, mut continues) = self.subrecord(start, false)?;
        let byte = first.start;
        let mut end = first.end + MARKER;
        let mut payload = Cow::Borrowed(&self.file[first]);
        while continues {
            let (next, more) = self.subrecord(end, true)?;
            end = next.end + MARKER;
            payload.to_mut().extend_from_slice(&self.file[next]);
            continues = more;
        }
        self.at = end;
        self.number += 1;
        Ok(Record::new(payload, byte, self.number))
    }

    /// The next record, which holds what `read` takes from it and nothing more.
    ///
    /// # Errors
    /// Those of [`Records::record`], `read` and [`Record::end`].
    pub fn one<T>(&mut self, read: impl FnOnce(&mut Record) -> Result<T>) -> Result<T> {
        let mut record = self.record()?;
        let value = read(&mut record)?;
        record.end()?;
        Ok(value)
    }

    /// Payload of the subrecord at `start`, and whether another one follows.
    fn subrecord(&self, start: usize, is_continuation: bool) -> Result<(Range<usize>, bool)> {
        let here = || place(start, self.number + 1);
        let head = self.marker(start).ok_or_else(|| self.ends_early("a record").at(here()))?;
        let length = head.unsigned_abs() as usize;
        let payload = start + MARKER..start + MARKER + length;
        let Some(tail) = self.marker(payload.end) else {
            return Err(self.ends_early(&format!("a record of {length} bytes")).at(here()));
        };
        let expected = if is_continuation { -head.saturating_abs() } else { head.saturating_abs() };
        if tail != expected {
            let expected = format!("the length {expected} of the record behind it too");
            return Err(Error::syntax(expected, tail.to_string()).at(place(payload.end, self.number + 1)));
        }
        Ok((payload, head < 0))
    }

    fn marker(&self, at: usize) -> Option<i32> {
        let bytes = self.file.get(at..)?.first_chunk()?;
        Some(i32::from_le_bytes(*bytes))
    }

    fn ends_early(&self, expected: &str) -> Error {
        Error::syntax(expected, format!("the end of the file ({} bytes)", self.file.len()))
    }

    /// A sparse matrix: one record per row, row n with the elements `row_starts[n]..row_starts[n + 1]` of `SIZE` bytes each.
    ///
    /// # Errors
    /// `Syntax` where a record has another length; nothing is allocated unless the file is long enough.
    pub fn rows<const SIZE: usize, T: Copy + Default + Send>(
        &mut self,
        row_starts: &[usize],
        decode: impl Fn([u8; SIZE]) -> T + Sync,
    ) -> Result<Vec<T>> {
        let n_rows = row_starts.len().saturating_sub(1);
        let n_values = row_starts.last().copied().unwrap_or_default();
        let length = n_values.saturating_mul(SIZE).saturating_add(2 * MARKER * n_rows);
        if length > self.rest() {
            let found = format!("the {} that are left of the file", self.rest());
            return Err(Error::syntax(format!("{length} bytes for {n_rows} rows"), found).at(self.place()));
        }
        let mut values = vec![T::default(); n_values];
        prefer_huge_pages(&mut values);
        let part = |rows: Range<usize>, out: &mut [T]| self.read_rows(row_starts, rows, out, &decode);
        parts(row_starts, SIZE, &mut values).into_par_iter().try_for_each(|(rows, out)| part(rows, out))?;
        self.at += length;
        self.number += n_rows as u32;
        Ok(values)
    }

    /// `rows` of the matrix that starts here, into `out`.
    fn read_rows<const SIZE: usize, T>(
        &self,
        row_starts: &[usize],
        rows: Range<usize>,
        mut out: &mut [T],
        decode: impl Fn([u8; SIZE]) -> T,
    ) -> Result<()> {
        for row in rows {
            let at = self.at + row_starts[row] * SIZE + 2 * MARKER * row;
            let n_values = row_starts[row + 1] - row_starts[row];
            let payload =
                self.row(at, n_values * SIZE).map_err(|error| error.at(place(at, self.number + 1 + row as u32)))?;
            let (values, rest) = out.split_at_mut(n_values);
            for (value, bytes) in values.iter_mut().zip(payload.as_chunks().0) {
                *value = decode(*bytes);
            }
            out = rest;
        }
        Ok(())
    }

    /// The payload of the record of `length` bytes at `at`.
    fn row(&self, at: usize, length: usize) -> Result<&[u8]> {
        let end = at + MARKER + length;
        let marker = |at| self.marker(at).map(i64::from);
        let markers = [marker(at), marker(end)];
        if markers == [Some(length as i64); 2] {
            return Ok(&self.file[at + MARKER..end]);
        }
        let found = markers.into_iter().flatten().find(|&found| found != length as i64).unwrap_or_default();
        Err(Error::syntax(format!("a record of {length} bytes"), format!("a length of {found}")))
    }
}

fn place(byte: usize, record: u32) -> Location {
    Location { byte: byte as u64, line: None, column: None, record: Some(record) }
}

/// Cuts the rows of a matrix, and the storage for its elements, into parts of about [`PART`] bytes.
fn parts<'v, T>(row_starts: &[usize], size: usize, mut values: &'v mut [T]) -> Vec<(Range<usize>, &'v mut [T])> {
    let n_rows = row_starts.len().saturating_sub(1);
    let mut parts = Vec::new();
    let mut row = 0;
    while row < n_rows {
        let enough = row_starts[row] + PART / size.max(1);
        let end = (row + row_starts[row + 1..=n_rows].partition_point(|&start| start < enough) + 1).min(n_rows);
        let (part, rest) = std::mem::take(&mut values).split_at_mut(row_starts[end] - row_starts[row]);
        parts.push((row..end, part));
        (values, row) = (rest, end);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::write::write_record;
    use super::*;

    const LONGEST: usize = i32::MAX as usize - 8;

    fn file(records: &[&[u8]], longest: usize) -> Vec<u8> {
        let mut file = Vec::new();
        records.iter().for_each(|record| write_record(record, longest, &mut file).unwrap());
        file
    }

    fn message<T>(result: Result<T>) -> String {
        result.err().unwrap().to_string()
    }

    #[test]
    fn subrecords_are_joined() {
        let file = file(&[b"0123456789", b"", b"abc"], 4);
        // 0123 continues, 4567 continues and follows, 89 follows
        assert_eq!(file[..4], (-4i32).to_le_bytes());
        let mut records = Records::new(&file).unwrap();
        assert_eq!(records.record().unwrap().bytes().unwrap(), *b"0123456789");
        assert!(records.record().unwrap().is_empty());
        assert_eq!(records.record().unwrap().bytes().unwrap(), *b"abc");
        records.end().unwrap();
    }

    #[test]
    fn markers_are_checked_against_each_other_and_the_file() {
        let mut bytes = file(&[b"0123", b"4567"], LONGEST);
        assert_eq!(
            message(Records::new(&bytes[..7]).unwrap().record()),
            "record 1, byte 0: expected a record of 4 bytes, found the end of the file (7 bytes)"
        );
        bytes[20] = 3;
        let mut records = Records::new(&bytes).unwrap();
        records.record().unwrap();
        assert_eq!(
            message(records.record()),
            "record 2, byte 20: expected the length 4 of the record behind it too, found 3"
        );
        assert_eq!(
            message(records.rows(&[0, 1], f32::from_le_bytes)),
            "record 2, byte 12: expected a record of 4 bytes, found a length of 3"
        );
    }

    #[test]
    fn rows_need_room_before_they_get_memory() {
        let bytes = file(&[&[1, 0, 0, 0, 2, 0, 0, 0], &[], &[3, 0, 0, 0]], LONGEST);
        let mut records = Records::new(&bytes).unwrap();
        assert!(message(records.rows(&[0, usize::MAX], i32::from_le_bytes)).contains("that are left"));
        assert_eq!(records.rows(&[0, 2, 2, 3], i32::from_le_bytes).unwrap(), [1, 2, 3]);
        records.end().unwrap();
        let mut again = Vec::new();
        write_rows(&[0, 2, 2, 3], &[1, 2, 3], i32::to_le_bytes, &mut again).unwrap();
        assert_eq!(again, bytes);
    }

    #[test]
    fn many_rows_are_cut_into_parts() {
        let row_starts: Vec<usize> = (0..2000).map(|row| row * (row - 1) / 2).collect();
        let mut values = vec![0; *row_starts.last().unwrap()];
        let parts = parts(&row_starts, 8, &mut values);
        assert!(parts.len() > 10);
        assert!(parts.windows(2).all(|pair| pair[0].0.end == pair[1].0.start));
        assert!(parts.iter().all(|(rows, part)| part.len() == row_starts[rows.end] - row_starts[rows.start]));
        assert_eq!((parts[0].0.start, parts.last().unwrap().0.end), (0, 1999));
    }

    #[test]
    fn big_endian_files_are_named_as_such() {
        let bytes = [0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 4];
        assert!(message(Records::new(&bytes)).starts_with("record 1, byte 0: big-endian numbers"));
    }
}
