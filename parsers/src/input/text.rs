//! A cursor over the bytes of a text file. Every error knows its line and column.

use std::ops::Range;

use num_complex::Complex;

use crate::error::{Error, Location, Result};

/// A position in a text file, and where reading must stop. Tokens are separated by white space.
#[derive(Debug, Clone)]
pub struct Text<'a> {
    file: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Text<'a> {
    /// The whole file.
    pub fn new(file: &'a [u8]) -> Self {
        Text { file, at: 0, end: file.len() }
    }

    /// A part of the same file; places stay those of the file.
    pub fn section(&self, range: Range<usize>) -> Self {
        let end = range.end.min(self.file.len());
        Text { file: self.file, at: range.start.min(end), end }
    }

    /// The rest of this section in pieces of about `bytes` bytes, cut in white space.
    pub fn parts(&self, bytes: usize) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut start = self.at;
        while start < self.end {
            let cut = (start + bytes).min(self.end);
            let token = first_token(&self.file[cut..self.end]).len();
            parts.push(self.section(start..cut + token));
            start = cut + token;
        }
        parts
    }

    /// Number of tokens in the rest of this section.
    pub fn n_tokens(&self) -> usize {
        let rest = self.rest();
        let starts = rest.windows(2).filter(|pair| pair[0] <= b' ' && pair[1] > b' ').count();
        starts + usize::from(rest.first().is_some_and(|&byte| byte > b' '))
    }

    /// Byte offset of the next byte.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Everything from here to the end.
    pub fn rest(&self) -> &'a [u8] {
        &self.file[self.at..self.end]
    }

    /// Byte offset of the end of this section.
    pub fn section_end(&self) -> usize {
        self.end
    }

    /// Byte offset of the start of the line that holds byte `offset`.
    pub fn line_start(&self, offset: usize) -> usize {
        memchr::memrchr(b'\n', &self.file[..offset.min(self.file.len())]).map_or(0, |newline| newline + 1)
    }

    /// Moves to byte `offset` of the file (not beyond the end of this section).
    pub fn seek(&mut self, offset: usize) {
        self.at = offset.min(self.end);
    }

    /// Is nothing but white space left?
    pub fn is_at_end(&mut self) -> bool {
        self.skip_space();
        self.at == self.end
    }

    /// Next byte that is no white space, not consumed.
    pub fn peek(&mut self) -> Option<u8> {
        self.skip_space();
        self.rest().first().copied()
    }

    /// Consumes white space and line ends.
    pub fn skip_space(&mut self) {
        while self.at < self.end && self.file[self.at] <= b' ' {
            self.at += 1;
        }
    }

    /// Next token, empty at the end.
    pub fn token(&mut self) -> &'a [u8] {
        self.skip_space();
        let token = first_token(self.rest());
        self.at += token.len();
        token
    }

    /// The token that ends right here: for questions about how a number was written.
    pub fn last_token(&self) -> &'a [u8] {
        let before = &self.file[..self.at];
        &before[before.iter().rposition(|&b| b <= b' ').map_or(0, |space| space + 1)..]
    }

    /// Rest of the line without its end; the cursor moves to the next line. `None` at the end.
    pub fn line(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest();
        if rest.is_empty() {
            return None;
        }
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        self.at = (self.at + length + 1).min(self.end);
        Some(&rest[..length])
    }

    /// Next number. The token must end where the number ends: Fortran's `1.0D-03` and `****` are errors.
    ///
    /// # Errors
    /// `Syntax` with the place; infinite and NaN are refused too.
    #[inline]
    pub fn f64(&mut self) -> Result<f64> {
        self.skip_space();
        let (value, length) = self.float_here()?;
        self.at += length;
        if self.at < self.end && self.file[self.at] > b' ' {
            self.at -= length;
            return Err(self.expected("a number"));
        }
        Ok(value)
    }

    /// Next complex number, written `(re,im)`.
    ///
    /// # Errors
    /// As [`Text::f64`].
    #[inline]
    pub fn complex(&mut self) -> Result<Complex<f64>> {
        self.skip_space();
        let start = self.at;
        self.complex_here().ok_or_else(|| {
            self.at = start;
            self.expected("a complex number (re,im)")
        })
    }

    fn complex_here(&mut self) -> Option<Complex<f64>> {
        let re = self.part(b'(')?;
        let im = self.part(b',')?;
        self.byte(b')')?;
        (self.at == self.end || self.file[self.at] <= b' ').then_some(Complex::new(re, im))
    }

    #[inline]
    fn part(&mut self, before: u8) -> Option<f64> {
        self.byte(before)?;
        let (value, length) = self.float_here().ok()?;
        self.at += length;
        Some(value)
    }

    #[inline]
    fn byte(&mut self, byte: u8) -> Option<()> {
        let found = self.at < self.end && self.file[self.at] == byte;
        self.at += usize::from(found);
        found.then_some(())
    }

    #[inline]
    fn float_here(&self) -> Result<(f64, usize)> {
        let rest = self.rest();
        if let Some(number) = scientific(rest) {
            return Ok(number);
        }
        match fast_float2::parse_partial::<f64, _>(rest) {
            Ok((value, length)) if value.is_finite() => Ok((value, length)),
            _ => Err(self.expected("a number")),
        }
    }

    /// Next unsigned integer.
    ///
    /// # Errors
    /// `Syntax` with the place.
    #[inline]
    pub fn unsigned(&mut self) -> Result<u64> {
        /// No overflow below 10^18.
        const MOST_DIGITS: usize = 18;
        self.skip_space();
        let rest = self.rest();
        let (mut value, mut length) = (0_u64, 0);
        while let Some(digit) = rest.get(length).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit < 10) {
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            length += 1;
        }
        if length == 0 || length > MOST_DIGITS || rest.get(length).is_some_and(|&byte| byte > b' ') {
            return Err(self.expected("an unsigned integer"));
        }
        self.at += length;
        Ok(value)
    }

    /// Next signed integer of 32 bits.
    ///
    /// # Errors
    /// `Syntax` with the place.
    pub fn integer(&mut self) -> Result<i32> {
        self.skip_space();
        let start = self.at;
        let token = self.token();
        std::str::from_utf8(token)
            .ok()
            .and_then(|token| token.parse().ok())
            .ok_or_else(|| self.expected_at(start, "an integer"))
    }

    /// Consumes `literal`, after white space.
    ///
    /// # Errors
    /// `Syntax` with the place where something else stands.
    pub fn literal(&mut self, literal: &str) -> Result<()> {
        self.skip_space();
        if !self.rest().starts_with(literal.as_bytes()) {
            let line = self.clone().line().unwrap_or_default();
            let found = if line.is_empty() { self.found(self.at) } else { quoted(line.trim_ascii()) };
            return Err(Error::syntax(format!("`{literal}`"), found).at(self.place(self.at)));
        }
        self.at += literal.len();
        Ok(())
    }

    /// Nothing but white space may be left.
    ///
    /// # Errors
    /// `Syntax` with the place of what is left.
    pub fn end(&mut self, expected: &str) -> Result<()> {
        if self.is_at_end() { Ok(()) } else { Err(self.expected(expected)) }
    }

    /// Offset of token `n` (from 0) of this section: for errors that are found after reading.
    pub fn token_offset(&self, n: usize) -> usize {
        let mut cursor = self.clone();
        for _ in 0..n {
            cursor.token();
        }
        cursor.skip_space();
        cursor.at
    }

    /// Error: something else was expected here.
    #[cold]
    pub fn expected(&self, expected: &str) -> Error {
        self.expected_at(self.at, expected)
    }

    /// Error: something else was expected at byte `offset`.
    #[cold]
    pub fn expected_at(&self, offset: usize, expected: &str) -> Error {
        Error::syntax(expected, self.found(offset)).at(self.place(offset))
    }

    /// What stands at byte `offset`, in words.
    fn found(&self, offset: usize) -> String {
        let rest = self.file[offset.min(self.end)..self.end].trim_ascii_start();
        match rest.is_empty() {
            true if self.end == self.file.len() => "the end of the file".into(),
            true => "nothing more".into(),
            false => quoted(first_token(rest)),
        }
    }

    /// Line and column of byte `offset`.
    pub fn place(&self, offset: usize) -> Location {
        let before = &self.file[..offset.min(self.file.len())];
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        let column = 1 + before.len() - self.line_start(offset);
        Location { byte: offset as u64, line: Some(line as u32), column: Some(column as u32), record: None }
    }
}

/// `d.dddddddde±dd`, how ABACUS prints by default: nine digits and a small power of ten are both exact in f64, so that one
/// multiplication or division rounds correctly (Clinger's fast path). `None`: take the general way.
#[inline]
fn scientific(bytes: &[u8]) -> Option<(f64, usize)> {
    let negative = usize::from(*bytes.first()? == b'-');
    let text: &[u8; 14] = bytes.get(negative..)?.first_chunk()?;
    let [first, b'.', fraction @ .., b'e', sign, tens, ones] = text else { return None };
    let digits = [*first, *tens, *ones].map(|byte| byte.wrapping_sub(b'0'));
    let length = negative + text.len();
    if digits.iter().any(|&digit| digit > 9) || bytes.get(length).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let mantissa = (u64::from(digits[0]) * 100_000_000 + eight_digits(*fraction)?) as f64;
    let exponent = usize::from(10 * digits[1] + digits[2]);
    let value = match sign {
        b'-' => mantissa / POWERS_OF_TEN.get(exponent + 8)?,
        b'+' if exponent >= 8 => mantissa * POWERS_OF_TEN.get(exponent - 8)?,
        b'+' => mantissa / POWERS_OF_TEN[8 - exponent],
        _ => return None,
    };
    Some((if negative == 1 { -value } else { value }, length))
}

/// All powers that f64 holds exactly.
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Eight decimal digits at once: pairs, then fours, then all (D. Lemire, "Quickly parsing eight digits").
#[inline]
fn eight_digits(bytes: [u8; 8]) -> Option<u64> {
    let word = u64::from_le_bytes(bytes);
    let low = word.wrapping_sub(0x3030_3030_3030_3030);
    if (low | low.wrapping_add(0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let pairs = low.wrapping_mul(10).wrapping_add(low >> 8);
    let even = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let odd = ((pairs >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    Some(even.wrapping_add(odd) >> 32)
}

fn first_token(bytes: &[u8]) -> &[u8] {
    let length = bytes.iter().position(|&b| b <= b' ').unwrap_or(bytes.len());
    &bytes[..length]
}

/// At most 40 bytes between back quotes, control characters escaped: how messages show what a file says.
pub fn quoted(bytes: &[u8]) -> String {
    const SHOWN: usize = 40;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]);
    let dots = if bytes.len() > SHOWN { "…" } else { "" };
    format!("`{}{dots}`", text.escape_debug())
}

#[cfg(test)]
mod tests;
