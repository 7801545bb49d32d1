//! A cursor over the bytes of a packed binary file. Every error knows its byte.

use crate::error::{Error, Location, Result};

/// Which end of a number comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// Least significant byte first: x86, ARM.
    Little,
    /// Most significant byte first: POWER, SPARC.
    Big,
}

impl ByteOrder {
    /// The 32-bit integer of these bytes.
    #[inline]
    pub fn i32(self, bytes: [u8; 4]) -> i32 {
        match self {
            ByteOrder::Little => i32::from_le_bytes(bytes),
            ByteOrder::Big => i32::from_be_bytes(bytes),
        }
    }

    /// The double of these bytes.
    #[inline]
    pub fn f64(self, bytes: [u8; 8]) -> f64 {
        match self {
            ByteOrder::Little => f64::from_le_bytes(bytes),
            ByteOrder::Big => f64::from_be_bytes(bytes),
        }
    }

    /// Bytes of a 32-bit integer.
    #[inline]
    pub fn i32_bytes(self, value: i32) -> [u8; 4] {
        match self {
            ByteOrder::Little => value.to_le_bytes(),
            ByteOrder::Big => value.to_be_bytes(),
        }
    }

    /// Bytes of a double.
    #[inline]
    pub fn f64_bytes(self, value: f64) -> [u8; 8] {
        match self {
            ByteOrder::Little => value.to_le_bytes(),
            ByteOrder::Big => value.to_be_bytes(),
        }
    }
}

/// A position in a binary file.
#[derive(Debug, Clone)]
pub struct Binary<'a> {
    file: &'a [u8],
    at: usize,
    order: ByteOrder,
}

impl<'a> Binary<'a> {
    /// At the start of a file.
    pub fn new(file: &'a [u8], order: ByteOrder) -> Self {
        Binary { file, at: 0, order }
    }

    /// Offset of the next byte.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Number of bytes that are left.
    pub fn remaining(&self) -> usize {
        self.file.len() - self.at
    }

    /// Next `count` items of `size` bytes. Nothing is allocated, so a count that lies does no harm.
    ///
    /// # Errors
    /// `Syntax` with the place where fewer bytes are left.
    pub fn bytes(&mut self, count: usize, size: usize) -> Result<&'a [u8]> {
        let wanted = count.checked_mul(size);
        let Some(wanted) = wanted.filter(|&wanted| wanted <= self.remaining()) else {
            let expected = format!("{count} items of {size} bytes");
            let found = format!("{} bytes before the end of the file", self.remaining());
            return Err(Error::syntax(expected, found).at(self.place()));
        };
        self.at += wanted;
        Ok(&self.file[self.at - wanted..self.at])
    }

    /// Next 32-bit integer.
    ///
    /// # Errors
    /// As [`Binary::bytes`].
    pub fn i32(&mut self) -> Result<i32> {
        Ok(self.i32s(1)?[0])
    }

    /// Next `count` 32-bit integers.
    ///
    /// # Errors
    /// As [`Binary::bytes`].
    pub fn i32s(&mut self, count: usize) -> Result<Vec<i32>> {
        let (chunks, _) = self.bytes(count, 4)?.as_chunks();
        Ok(chunks.iter().map(|&bytes| self.order.i32(bytes)).collect())
    }

    /// Next `count` doubles.
    ///
    /// # Errors
    /// As [`Binary::bytes`].
    pub fn f64s(&mut self, count: usize) -> Result<Vec<f64>> {
        let (chunks, _) = self.bytes(count, 8)?.as_chunks();
        Ok(chunks.iter().map(|&bytes| self.order.f64(bytes)).collect())
    }

    /// Next 32-bit integer, which must lie in `range`.
    ///
    /// # Errors
    /// `Syntax` with the place and the number.
    pub fn count(&mut self, what: &str, range: std::ops::RangeInclusive<i32>) -> Result<usize> {
        Ok(self.counts(1, what, range)?[0])
    }

    /// Next `n` 32-bit integers, which must lie in `range` (of numbers that are not negative).
    ///
    /// # Errors
    /// `Syntax` with the place and the number.
    pub fn counts(&mut self, n: usize, what: &str, range: std::ops::RangeInclusive<i32>) -> Result<Vec<usize>> {
        let start = self.at;
        let numbers = self.i32s(n)?;
        if let Some(bad) = numbers.iter().position(|number| !range.contains(number)) {
            let expected = format!("{what} of {} to {}", range.start(), range.end());
            let place = Location { byte: (start + 4 * bad) as u64, line: None, column: None, record: None };
            return Err(Error::syntax(expected, numbers[bad].to_string()).at(place));
        }
        Ok(numbers.into_iter().map(|number| number as usize).collect())
    }

    /// Nothing may be left.
    ///
    /// # Errors
    /// `Syntax` with the place and the number of bytes that are left.
    pub fn end(&self) -> Result<()> {
        match self.remaining() {
            0 => Ok(()),
            left => Err(Error::syntax("the end of the file", format!("{left} bytes more")).at(self.place())),
        }
    }

    /// Where the cursor is.
    pub fn place(&self) -> Location {
        Location { byte: self.at as u64, line: None, column: None, record: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders() {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let bytes = [&order.i32_bytes(-7)[..], &order.f64_bytes(1.5), &order.i32_bytes(3)].concat();
            let mut file = Binary::new(&bytes, order);
            assert_eq!((file.i32().unwrap(), file.f64s(1).unwrap()[0]), (-7, 1.5));
            assert_eq!(file.count("a number", 0..=3).unwrap(), 3);
            assert!(file.end().is_ok());
        }
    }

    #[test]
    fn errors_name_the_byte() {
        let mut file = Binary::new(&[1, 0, 0, 0, 255, 255, 255, 255, 0], ByteOrder::Little);
        let message = file.counts(2, "atoms", 0..=9).unwrap_err().to_string();
        assert_eq!(message, "byte 4: expected atoms of 0 to 9, found -1");
        let message = file.f64s(usize::MAX / 2).unwrap_err().to_string();
        assert!(message.ends_with("items of 8 bytes, found 1 bytes before the end of the file"), "{message}");
        assert_eq!(file.end().unwrap_err().to_string(), "byte 8: expected the end of the file, found 1 bytes more");
    }
}
