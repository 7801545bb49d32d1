//! The payload of one record.

use std::borrow::Cow;

use super::place;
use crate::error::{Error, Location, Result};

/// One record, and how far it was read.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    payload: Cow<'a, [u8]>,
    at: usize,
    number: u32,
    /// Of the first byte of the payload in the file.
    byte: usize,
}

impl<'a> Record<'a> {
    /// Record `number` of the file, whose payload starts at `byte`.
    pub(super) fn new(payload: Cow<'a, [u8]>, byte: usize, number: u32) -> Self {
        Record { payload, at: 0, number, byte }
    }

    /// Number of bytes, read or not.
    pub fn len(&self) -> usize {
        self.payload.len()
    }

    /// Holds no byte?
    pub fn is_empty(&self) -> bool {
        self.payload.is_empty()
    }

    /// Of the next byte.
    pub fn place(&self) -> Location {
        place(self.byte + self.at, self.number)
    }

    /// Next `N` bytes.
    ///
    /// # Errors
    /// `Syntax` where the record is shorter.
    pub fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let rest = &self.payload[self.at..];
        let Some(bytes) = rest.first_chunk() else {
            let found = format!("{} in a record of {}", rest.len(), self.len());
            return Err(Error::syntax(format!("{N} further bytes"), found).at(self.place()));
        };
        self.at += N;
        Ok(*bytes)
    }

    /// Next integer (also a logical, whose bits are kept).
    ///
    /// # Errors
    /// As [`Record::bytes`].
    pub fn i32(&mut self) -> Result<i32> {
        self.bytes().map(i32::from_le_bytes)
    }

    /// Next double precision number.
    ///
    /// # Errors
    /// As [`Record::bytes`].
    pub fn f64(&mut self) -> Result<f64> {
        self.bytes().map(f64::from_le_bytes)
    }

    /// Next three double precision numbers.
    ///
    /// # Errors
    /// As [`Record::bytes`].
    pub fn vector(&mut self) -> Result<[f64; 3]> {
        Ok([self.f64()?, self.f64()?, self.f64()?])
    }

    /// Next integer, which counts something.
    ///
    /// # Errors
    /// `Syntax` where it is negative, and as [`Record::bytes`].
    pub fn count(&mut self, what: &str) -> Result<usize> {
        let place = self.place();
        let number = self.i32()?;
        usize::try_from(number).map_err(|_| Error::syntax(what, number.to_string()).at(place))
    }

    /// Next integer, which is one of those that `known` lists.
    ///
    /// # Errors
    /// `Syntax` where it is another, and as [`Record::bytes`].
    pub fn one_of(&mut self, known: &[i32], what: &str) -> Result<i32> {
        let place = self.place();
        let number = self.i32()?;
        match known.contains(&number) {
            true => Ok(number),
            false => Err(Error::syntax(what, number.to_string()).at(place)),
        }
    }

    /// Next `n` integers.
    ///
    /// # Errors
    /// As [`Record::bytes`]; nothing is allocated unless the record is long enough.
    pub fn i32s(&mut self, n: usize) -> Result<Vec<i32>> {
        self.room(n, 4)?;
        (0..n).map(|_| self.i32()).collect()
    }

    /// Next `n` triples of integers.
    ///
    /// # Errors
    /// As [`Record::i32s`].
    pub fn i32_triples(&mut self, n: usize) -> Result<Vec<[i32; 3]>> {
        self.room(n, 12)?;
        (0..n).map(|_| Ok([self.i32()?, self.i32()?, self.i32()?])).collect()
    }

    /// Next `n` Cartesian vectors.
    ///
    /// # Errors
    /// As [`Record::i32s`].
    pub fn vectors(&mut self, n: usize) -> Result<Vec<[f64; 3]>> {
        self.room(n, 24)?;
        (0..n).map(|_| self.vector()).collect()
    }

    fn room(&self, n: usize, size: usize) -> Result<()> {
        let rest = self.len() - self.at;
        if n > rest / size {
            let found = format!("{rest} bytes in a record of {}", self.len());
            return Err(Error::syntax(format!("{n} numbers of {size} bytes"), found).at(self.place()));
        }
        Ok(())
    }

    /// Nothing may be left.
    ///
    /// # Errors
    /// `Syntax` where something is.
    pub fn end(&self) -> Result<()> {
        if self.at == self.len() {
            return Ok(());
        }
        let expected = format!("a record of {} bytes", self.at);
        Err(Error::syntax(expected, format!("{}", self.len())).at(self.place()))
    }
}
