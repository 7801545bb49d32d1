//! [`Csr`] → bytes, as ABACUS prints them.

use std::io::{self, Write};

use rayon::prelude::*;

use super::{Block, Blocks, Csr, DIMENSION_TITLE, Element, Header, N_BLOCKS_TITLE};

/// The new layout wraps its lines.
const VALUES_PER_LINE: usize = 6;
const INTEGERS_PER_LINE: usize = 16;
/// So many matrices are formatted in parallel, then written: a bound on the memory.
const BLOCKS_AT_ONCE: usize = 64;

impl Csr {
    /// Writes the file; what was read comes out byte by byte.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.write_header(out)?;
        match &self.blocks {
            Blocks::Real(blocks) => self.write_blocks(blocks, out),
            Blocks::Complex(blocks) => self.write_blocks(blocks, out),
        }
    }

    fn write_header(&self, out: &mut dyn Write) -> io::Result<()> {
        match &self.header {
            Header::Old { step, label } => {
                if let Some(step) = step {
                    writeln!(out, "STEP: {step}")?;
                }
                writeln!(out, "Matrix Dimension of {label}: {}", self.dimension)?;
                writeln!(out, "Matrix number of {label}: {}", self.blocks.len())
            }
            Header::New { lines, .. } => lines.iter().try_for_each(|line| {
                if line.trim_end().ends_with(DIMENSION_TITLE) {
                    writeln!(out, " {} {DIMENSION_TITLE}", self.dimension)
                } else if line.trim_end().ends_with(N_BLOCKS_TITLE) {
                    writeln!(out, " {} {N_BLOCKS_TITLE}", self.blocks.len())
                } else {
                    writeln!(out, "{line}")
                }
            }),
        }
    }

    fn write_blocks<T: Element>(&self, blocks: &[Block<T>], out: &mut dyn Write) -> io::Result<()> {
        let text = |block: &Block<T>| match self.header {
            Header::Old { .. } => old_block(block, self.digits),
            Header::New { .. } => new_block(block, self.digits, self.dimension),
        };
        for some in blocks.chunks(BLOCKS_AT_ONCE) {
            let texts: Vec<Vec<u8>> = some.par_iter().map(text).collect();
            texts.iter().try_for_each(|text| out.write_all(text))?;
        }
        Ok(())
    }
}

fn old_block<T: Element>(block: &Block<T>, digits: usize) -> Vec<u8> {
    let mut out = Vec::new();
    head(block, &mut out);
    if !block.values.is_empty() {
        lines(&block.values, usize::MAX, &mut out, |value, out| value.write(digits, out));
        lines(&block.columns, usize::MAX, &mut out, integer);
        lines(&block.row_pointers, usize::MAX, &mut out, integer);
    }
    out
}

/// A matrix without elements: two empty lines, all row pointers on one line, and no empty line after them.
fn new_block<T: Element>(block: &Block<T>, digits: usize, dimension: usize) -> Vec<u8> {
    let mut out = vec![b' '];
    head(block, &mut out);
    out.extend_from_slice(b" # CSR values\n");
    lines(&block.values, VALUES_PER_LINE, &mut out, |value, out| value.write(digits, out));
    out.extend_from_slice(b" # CSR column indices\n");
    lines(&block.columns, INTEGERS_PER_LINE, &mut out, integer);
    out.extend_from_slice(b" # CSR row pointers\n");
    if block.values.is_empty() {
        lines(&vec![0; dimension + 1], usize::MAX, &mut out, integer);
    } else {
        lines(&block.row_pointers, INTEGERS_PER_LINE, &mut out, integer);
        out.push(b'\n');
    }
    out
}

fn head<T>(block: &Block<T>, out: &mut Vec<u8>) {
    let [x, y, z] = block.r;
    out.extend_from_slice(format!("{x} {y} {z} {}\n", block.values.len()).as_bytes());
}

fn integer(number: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(number.to_string().as_bytes());
}

/// Entries, each after a blank, `per_line` on a line; one empty line where there is none.
fn lines<T: Copy>(entries: &[T], per_line: usize, out: &mut Vec<u8>, entry: impl Fn(T, &mut Vec<u8>)) {
    for line in entries.chunks(per_line) {
        for &value in line {
            out.push(b' ');
            entry(value, out);
        }
        out.push(b'\n');
    }
    if entries.is_empty() {
        out.push(b'\n');
    }
}

/// C's `%.{digits}e`: an exponent has a sign and at least two digits.
pub(super) fn exponential(value: f64, digits: usize, out: &mut Vec<u8>) {
    let start = out.len();
    // writing into a vector cannot fail
    let _ = write!(out, "{value:.digits$e}");
    let Some(e) = out[start..].iter().position(|&b| b == b'e').map(|e| start + e) else { return };
    let exponent = out.split_off(e + 1);
    let (sign, number) = match exponent.strip_prefix(b"-") {
        Some(number) => (b'-', number),
        None => (b'+', &exponent[..]),
    };
    out.push(sign);
    if number.len() < 2 {
        out.push(b'0');
    }
    out.extend_from_slice(number);
}

#[cfg(test)]
mod tests {
    #[test]
    fn exponents_as_in_c() {
        for (value, text) in [
            (-0.0, "-0.00000000e+00"),
            (1.5e-8, "1.50000000e-08"),
            (-2.09039843, "-2.09039843e+00"),
            (1e123, "1.00000000e+123"),
        ] {
            let mut out = Vec::new();
            super::exponential(value, 8, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
