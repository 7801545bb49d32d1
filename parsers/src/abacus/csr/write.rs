//! [`Csr`] → bytes, as ABACUS prints them.

use std::io::{self, Write};

use rayon::prelude::*;

use super::digits::integer;
use super::{Block, Blocks, Csr, DIMENSION_TITLE, Element, Header, N_BLOCKS_TITLE};

/// The new layout wraps its lines.
const VALUES_PER_LINE: usize = 6;
const INTEGERS_PER_LINE: usize = 16;
/// Entries that are formatted together: whole lines of both kinds.
const ENTRIES_OF_PIECE: usize = 1024 * VALUES_PER_LINE * INTEGERS_PER_LINE;
/// So many pieces are formatted in parallel, then written: a bound on the memory, however large a matrix is.
const PIECES_AT_ONCE: usize = 16;

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
        let pieces = |block| match self.header {
            Header::Old { .. } => old_block(block),
            Header::New { .. } => new_block(block, self.dimension),
        };
        let mut pieces = blocks.iter().flat_map(pieces);
        loop {
            let some: Vec<Piece<T>> = pieces.by_ref().take(PIECES_AT_ONCE).collect();
            if some.is_empty() {
                return Ok(());
            }
            let texts: Vec<Vec<u8>> = some.par_iter().map(|piece| piece.text(self.digits)).collect();
            texts.iter().try_for_each(|text| out.write_all(text))?;
        }
    }
}

/// A part of a matrix in the file.
enum Piece<'a, T> {
    Words(Vec<u8>),
    Values(Lines<'a, T>),
    Integers(Lines<'a, u32>),
}

/// Entries, each after a blank, `per_line` on a line.
struct Lines<'a, T> {
    entries: &'a [T],
    per_line: usize,
    /// Does the array end here? Then so does the line, also where there is no entry.
    is_last: bool,
}

impl<T: Element> Piece<'_, T> {
    fn text(&self, digits: usize) -> Vec<u8> {
        match self {
            Piece::Words(words) => words.clone(),
            Piece::Values(lines) => lines.text(|value, out| value.write(digits, out)),
            Piece::Integers(lines) => lines.text(integer),
        }
    }
}

impl<'a, T: Copy> Lines<'a, T> {
    /// An array in pieces.
    fn of(entries: &'a [T], per_line: usize) -> impl Iterator<Item = Lines<'a, T>> {
        let n = entries.len().div_ceil(ENTRIES_OF_PIECE).max(1);
        (0..n).map(move |k| {
            let range = k * ENTRIES_OF_PIECE..entries.len().min((k + 1) * ENTRIES_OF_PIECE);
            Lines { entries: &entries[range], per_line, is_last: k + 1 == n }
        })
    }

    fn text(&self, entry: impl Fn(T, &mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        for (k, &value) in self.entries.iter().enumerate() {
            out.push(b' ');
            entry(value, &mut out);
            if (k + 1) % self.per_line == 0 {
                out.push(b'\n');
            }
        }
        if self.is_last && (self.entries.is_empty() || !self.entries.len().is_multiple_of(self.per_line)) {
            out.push(b'\n');
        }
        out
    }
}

fn old_block<T: Element>(block: &Block<T>) -> Vec<Piece<'_, T>> {
    let mut pieces = vec![Piece::Words(head(block))];
    if !block.values.is_empty() {
        pieces.extend(Lines::of(&block.values, usize::MAX).map(Piece::Values));
        pieces.extend(Lines::of(&block.columns, usize::MAX).map(Piece::Integers));
        pieces.extend(Lines::of(&block.row_pointers, usize::MAX).map(Piece::Integers));
    }
    pieces
}

/// A matrix without elements: two empty lines, all row pointers on one line, and no empty line after them.
fn new_block<T: Element>(block: &Block<T>, dimension: usize) -> Vec<Piece<'_, T>> {
    let words = |words: &[u8]| Piece::Words(words.to_vec());
    let mut pieces = vec![words(&[b" ", &head(block)[..], b" # CSR values\n"].concat())];
    pieces.extend(Lines::of(&block.values, VALUES_PER_LINE).map(Piece::Values));
    pieces.push(words(b" # CSR column indices\n"));
    pieces.extend(Lines::of(&block.columns, INTEGERS_PER_LINE).map(Piece::Integers));
    pieces.push(words(b" # CSR row pointers\n"));
    if block.values.is_empty() {
        pieces.push(words(&[&b" 0".repeat(dimension + 1)[..], b"\n"].concat()));
    } else {
        pieces.extend(Lines::of(&block.row_pointers, INTEGERS_PER_LINE).map(Piece::Integers));
        pieces.push(words(b"\n"));
    }
    pieces
}

fn head<T>(block: &Block<T>) -> Vec<u8> {
    let [x, y, z] = block.r;
    format!("{x} {y} {z} {}\n", block.values.len()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Arrays that are longer than one piece.
    #[test]
    fn pieces_join_to_the_lines_of_the_whole() {
        let n = 2 * ENTRIES_OF_PIECE + 5;
        let entries: Vec<u32> = (0..n as u32).collect();
        for per_line in [VALUES_PER_LINE, INTEGERS_PER_LINE, usize::MAX] {
            let lines: Vec<String> = entries
                .chunks(per_line)
                .map(|line| line.iter().map(|entry| format!(" {entry}")).collect::<String>() + "\n")
                .collect();
            let pieces: Vec<Vec<u8>> = Lines::of(&entries, per_line).map(|lines| lines.text(integer)).collect();
            assert_eq!(pieces.len(), 3);
            assert!(pieces.concat() == lines.concat().into_bytes(), "{per_line} per line");
        }
        let whole = &entries[..ENTRIES_OF_PIECE];
        let text = Lines::of(whole, VALUES_PER_LINE).map(|lines| lines.text(integer)).collect::<Vec<_>>().concat();
        assert!(text.ends_with(b"\n") && !text.ends_with(b"\n\n"));
        assert_eq!(Lines::of(&entries[..0], 6).map(|lines| lines.text(integer)).collect::<Vec<_>>(), [b"\n"]);
    }
}
