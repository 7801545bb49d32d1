//! Bytes → [`Csr`]: first the places of all arrays, found by their line ends or titles, then the numbers in parallel.

use std::ops::Range;

use rayon::prelude::*;

use super::{Block, Blocks, Csr, DIMENSION_TITLE, Element, Header, N_BLOCKS_TITLE, Quantity};
use crate::error::{Context, Error, Result};
use crate::input::Text;
use crate::memory::prefer_huge_pages;
use crate::nextham;
use crate::operator::c64;
use crate::read::Step;

/// The shortest head of a matrix, `0 0 0 0` with its line end.
const HEAD_BYTES: usize = 8;
/// Bytes of an array that are read by one task.
const BYTES_OF_PART: usize = 1 << 22;
/// What ABACUS writes by default.
const DEFAULT_DIGITS: usize = 8;

/// Where one ionic step's numbers stand.
struct Outline {
    header: Header,
    dimension: usize,
    blocks: Vec<BlockPlace>,
}

/// Where the three arrays of one matrix stand.
struct BlockPlace {
    r: [i32; 3],
    n_values: usize,
    values: Range<usize>,
    columns: Range<usize>,
    row_pointers: Range<usize>,
}

impl Csr {
    /// Reads one ionic step from the bytes of a csr file of any layout.
    ///
    /// # Errors
    /// `Syntax`, `Limit` and `Inconsistent` with the place; `Unsupported` where the file holds several ionic steps and
    /// none was chosen, or lacks the chosen one.
    pub fn parse(bytes: &[u8], step: Option<Step>) -> Result<Csr> {
        let mut text = Text::new(bytes);
        let mut outlines = vec![outline(&mut text)?];
        while !text.is_at_end() {
            if !matches!(text.peek(), Some(b'S' | b'M' | b'-')) {
                return Err(text.expected("the end of the file or a further ionic step"));
            }
            outlines.push(outline(&mut text)?);
        }
        choose(outlines, step)?.read(&text)
    }

    /// Opens and reads a csr file, plain or compressed; also the files in which NextHAM's branch of ABACUS leaves the same matrices.
    ///
    /// # Errors
    /// As [`Csr::parse`], with the file's name.
    pub fn read(path: &std::path::Path, step: Option<Step>) -> Result<Csr> {
        let name = crate::folder::plain_name(path);
        if let Some(quantity) = nextham::blocks::quantity(&name) {
            return nextham::blocks::read(path, quantity);
        }
        let input = crate::input::open(path)?;
        if nextham::csr::is_binary(&input) {
            let quantity = if name.starts_with("srs") { Quantity::Overlap } else { Quantity::Hamiltonian };
            return nextham::csr::parse(&input, quantity).in_file(path);
        }
        let mut csr = Csr::parse(&input, step).in_file(path)?;
        if name.starts_with("srs") {
            csr.header.set_overlap();
        }
        Ok(csr)
    }
}

fn choose(mut steps: Vec<Outline>, step: Option<Step>) -> Result<Outline> {
    let (first, last) = (steps[0].header.step(), steps[steps.len() - 1].header.step());
    let index = match step {
        None if steps.len() > 1 => {
            let message =
                format!("holds {} ionic steps, {first} to {last}: choose one (a number, or last)", steps.len());
            return Err(Error::unsupported(message));
        }
        None => Some(0),
        Some(Step::Last) => Some(steps.len() - 1),
        Some(Step::Number(number)) => steps.iter().position(|outline| outline.header.step() == number),
    };
    match (index, step) {
        (Some(index), _) => Ok(steps.swap_remove(index)),
        (None, Some(Step::Number(number))) => {
            Err(Error::unsupported(format!("holds no ionic step {number}, only {first} to {last}")))
        }
        (None, _) => Ok(steps.swap_remove(0)),
    }
}

fn outline(text: &mut Text) -> Result<Outline> {
    match text.peek() {
        Some(b'S' | b'M') => old_outline(text),
        Some(b'-') => new_outline(text),
        _ => Err(text
            .expected("`STEP:`, `Matrix Dimension` or `--- Ionic Step`")
            .while_reading("the head of a csr file")),
    }
}

fn old_outline(text: &mut Text) -> Result<Outline> {
    let mut step = None;
    if text.peek() == Some(b'S') {
        text.literal("STEP:")?;
        step = Some(text.unsigned()?);
    }
    // NextHAM's scripts write a small d.
    let is_small = text.clone().literal("Matrix dimension").is_ok();
    text.literal(if is_small { "Matrix dimension of " } else { "Matrix Dimension of " })?;
    let label = String::from_utf8_lossy(text.token()).trim_end_matches(':').to_owned();
    let dimension = count(text, "matrix dimension", u32::MAX as usize)?;
    text.literal(&format!("Matrix number of {label}:"))?;
    let limit = text.rest().len() / HEAD_BYTES;
    let n_blocks = count(text, "number of R", limit)?;
    text.line();
    let blocks = (0..n_blocks).map(|_| old_block(text)).collect::<Result<_>>()?;
    Ok(Outline { header: Header::Old { step, label }, dimension, blocks })
}

/// A count of at most `limit`.
fn count(text: &mut Text, what: &str, limit: usize) -> Result<usize> {
    text.skip_space();
    let start = text.offset();
    let asked = text.unsigned().while_reading(|| what.to_owned())?;
    if asked > limit as u64 {
        return Err(Error::limit(what, asked, limit as u64).at(text.place(start)));
    }
    Ok(asked as usize)
}

fn old_block(text: &mut Text) -> Result<BlockPlace> {
    let (r, n_values) = head(text)?;
    let mut array = || {
        if n_values == 0 {
            return text.offset()..text.offset();
        }
        let start = text.offset();
        let length = text.line().map_or(0, <[u8]>::len);
        start..start + length
    };
    Ok(BlockPlace { r, n_values, values: array(), columns: array(), row_pointers: array() })
}

/// `Rx Ry Rz nnz` and the rest of its line.
fn head(text: &mut Text) -> Result<([i32; 3], usize)> {
    let read = |text: &mut Text| Ok(([text.integer()?, text.integer()?, text.integer()?], text.unsigned()?));
    let (r, asked) = read(text).while_reading(|| "Rx Ry Rz and the number of elements".into())?;
    let place = text.offset();
    text.line();
    let limit = text.rest().len().div_ceil(2).min(u32::MAX as usize) as u64;
    if asked > limit {
        let error = Error::limit("number of elements", asked, limit).at(text.place(place));
        return Err(error.while_reading(format!("the matrix of R = {r:?}")));
    }
    Ok((r, asked as usize))
}

const VALUES_TITLE: &str = "# CSR values";
const COLUMNS_TITLE: &str = "# CSR column indices";
const POINTERS_TITLE: &str = "# CSR row pointers";

fn new_outline(text: &mut Text) -> Result<Outline> {
    let start = text.line_start(text.offset());
    let title = memchr::memmem::find(text.rest(), VALUES_TITLE.as_bytes())
        .ok_or_else(|| text.expected_at(text.section_end(), &format!("`{VALUES_TITLE}`")))
        .while_reading(|| "the head of a csr file".into())?;
    let title_line = text.line_start(text.offset() + title);
    let first_head = text.line_start(title_line.saturating_sub(1)).max(start);
    let mut header = text.section(start..first_head);
    let lines = std::iter::from_fn(|| header.line()).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let header = text.section(start..first_head);
    text.seek(first_head);
    let limit = text.rest().len() / HEAD_BYTES;
    let dimension = header_count(&header, DIMENSION_TITLE, u32::MAX as usize)?;
    let n_blocks = header_count(&header, N_BLOCKS_TITLE, limit)?;
    let blocks = (1..=n_blocks).map(|n| new_block(text, n == n_blocks)).collect::<Result<_>>()?;
    Ok(Outline { header: Header::New { step: step_number(header)?, lines }, dimension, blocks })
}

fn step_number(mut header: Text) -> Result<u64> {
    header.literal("--- Ionic Step")?;
    header.unsigned()
}

/// The number before the comment `title`.
fn header_count(header: &Text, title: &str, limit: usize) -> Result<usize> {
    let mut cursor = header.clone();
    loop {
        let start = cursor.offset();
        let line = cursor.line().ok_or_else(|| cursor.expected(&format!("a line `n {title}`")))?;
        if line.trim_ascii_end().ends_with(title.as_bytes()) {
            return count(&mut header.section(start..cursor.offset()), title.trim_start_matches("# "), limit);
        }
    }
}

/// A matrix between its head and the next one; the titles are found by their `#`, which no number contains.
fn new_block(text: &mut Text, is_last: bool) -> Result<BlockPlace> {
    let (r, n_values) = head(text)?;
    let mut array = |title: &str, ends_before: u8| {
        text.literal(title).while_reading(|| format!("the matrix of R = {r:?}"))?;
        let start = text.offset();
        let length = memchr::memchr(ends_before, text.rest()).unwrap_or(text.rest().len());
        text.seek(start + length);
        Ok::<_, Error>(start..start + length)
    };
    let values = array(VALUES_TITLE, b'#')?;
    let columns = array(COLUMNS_TITLE, b'#')?;
    let mut row_pointers = array(POINTERS_TITLE, if is_last { b'-' } else { b'#' })?;
    if !is_last {
        // the section ends with the head of the next matrix
        let title_line = text.line_start(row_pointers.end);
        row_pointers.end = text.line_start(title_line.saturating_sub(1)).max(row_pointers.start);
        text.seek(row_pointers.end);
    }
    Ok(BlockPlace { r, n_values, values, columns, row_pointers })
}

impl Outline {
    fn read(self, text: &Text) -> Result<Csr> {
        let first = self.blocks.iter().find(|place| place.n_values > 0);
        let is_complex = first.is_some_and(|place| text.section(place.values.clone()).peek() == Some(b'('));
        let digits =
            first.map_or(DEFAULT_DIGITS, |place| digits_after_point(text.section(place.values.clone()).token()));
        let blocks = if is_complex {
            Blocks::Complex(self.read_blocks::<c64>(text)?)
        } else {
            Blocks::Real(self.read_blocks::<f64>(text)?)
        };
        Ok(Csr { header: self.header, dimension: self.dimension, digits, blocks })
    }

    fn read_blocks<T: Element>(&self, text: &Text) -> Result<Vec<Block<T>>> {
        let read = |place: &BlockPlace| {
            place.read(text, self.dimension).while_reading(|| format!("the matrix of R = {:?}", place.r))
        };
        self.blocks.par_iter().map(read).collect()
    }
}

/// Digits between the point and the exponent.
fn digits_after_point(number: &[u8]) -> usize {
    let after = number.iter().skip_while(|&&b| b != b'.').skip(1);
    after.take_while(|b| b.is_ascii_digit()).count()
}

impl BlockPlace {
    fn read<T: Element>(&self, text: &Text, dimension: usize) -> Result<Block<T>> {
        let row_pointers = self.read_row_pointers(text, dimension)?;
        let values = array(text, &self.values, self.n_values, T::parse)?;
        let columns = array(text, &self.columns, self.n_values, |text| narrow(text.unsigned()?))?;
        self.check_columns(text, &columns, &row_pointers, dimension)?;
        Ok(Block { r: self.r, values, columns, row_pointers })
    }

    /// Row pointers start at 0, never fall, and end at the number of elements.
    fn read_row_pointers(&self, text: &Text, dimension: usize) -> Result<Vec<u32>> {
        if self.row_pointers.is_empty() && self.n_values == 0 {
            return Ok(Vec::new());
        }
        let pointers = array(text, &self.row_pointers, dimension + 1, |text| narrow(text.unsigned()?))?;
        let at = |row: usize| text.place(text.section(self.row_pointers.clone()).token_offset(row));
        if let Some(row) = (1..pointers.len()).find(|&row| pointers[row] < pointers[row - 1]) {
            let message = format!("row pointer {} follows {}", pointers[row], pointers[row - 1]);
            return Err(Error::inconsistent(message).at(at(row)));
        }
        let (first, last) = (pointers[0], pointers[dimension]);
        if first != 0 || last as usize != self.n_values {
            let message = format!("row pointers run from {first} to {last}, but there are {} elements", self.n_values);
            return Err(Error::inconsistent(message).at(at(if first != 0 { 0 } else { dimension })));
        }
        Ok(if self.n_values == 0 { Vec::new() } else { pointers })
    }

    /// Columns ascend inside each row, below the dimension.
    fn check_columns(&self, text: &Text, columns: &[u32], row_pointers: &[u32], dimension: usize) -> Result<()> {
        let at = |n: usize| text.place(text.section(self.columns.clone()).token_offset(n));
        for row in row_pointers.windows(2) {
            let range = row[0] as usize..row[1] as usize;
            if let Some(n) = range.clone().skip(1).find(|&n| columns[n] <= columns[n - 1]) {
                let message = format!("column index {} follows {} in the same row", columns[n], columns[n - 1]);
                return Err(Error::inconsistent(message).at(at(n)));
            }
            if let Some(n) = range.last().filter(|&n| columns[n] as usize >= dimension) {
                let message = format!("column index {} is out of range 0..{dimension}", columns[n]);
                return Err(Error::inconsistent(message).at(at(n)));
            }
        }
        Ok(())
    }
}

/// `length` entries and nothing more. Long arrays are read in parallel: a large cell has nearly all of them in the matrix of R = 0.
#[inline]
fn array<T: Copy + Default + Send>(
    text: &Text,
    range: &Range<usize>,
    length: usize,
    entry: impl Fn(&mut Text) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let limit = range.len().div_ceil(2);
    if length > limit {
        let message = format!("expected {length} numbers, but there is room for {limit}");
        return Err(Error::inconsistent(message).at(text.place(range.start)));
    }
    let parts = text.section(range.clone()).parts(BYTES_OF_PART);
    let counts: Vec<usize> = match parts.len() {
        0 | 1 => Vec::new(),
        _ => parts.par_iter().map(Text::n_tokens).collect(),
    };
    if counts.iter().sum::<usize>() == length && length > 0 {
        return in_parts(parts, &counts, entry);
    }
    let mut section = text.section(range.clone());
    let mut entries = Vec::with_capacity(length);
    prefer_huge_pages(entries.spare_capacity_mut());
    for _ in 0..length {
        entries.push(entry(&mut section)?);
    }
    section.end(&format!("no more than {length} numbers"))?;
    Ok(entries)
}

/// The entries of all parts, of which each has so many; of several errors the first.
fn in_parts<T: Copy + Default + Send>(
    parts: Vec<Text>,
    counts: &[usize],
    entry: impl Fn(&mut Text) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let mut entries = vec![T::default(); counts.iter().sum()];
    prefer_huge_pages(&mut entries);
    let mut rest = entries.as_mut_slice();
    let places = counts.iter().map(|&n| rest.split_off_mut(..n).unwrap_or_default());
    let tasks: Vec<(Text, &mut [T])> = parts.into_iter().zip(places).collect();
    let read = |(mut part, place): (Text, &mut [T])| -> Result<()> {
        place.iter_mut().try_for_each(|place| {
            *place = entry(&mut part)?;
            Ok(())
        })
    };
    let done: Vec<Result<()>> = tasks.into_par_iter().map(read).collect();
    done.into_iter().collect::<Result<()>>()?;
    Ok(entries)
}

fn narrow(number: u64) -> Result<u32> {
    u32::try_from(number).map_err(|_| Error::limit("an index", number, u64::from(u32::MAX)))
}

#[cfg(test)]
mod tests;
