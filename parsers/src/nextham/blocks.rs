//! `hrs_block_up_*.dat`, `srs_block_*.dat`: each process' part of the matrix of every pair of atoms, as text or binary.
//!
//! ```text
//! STEP: 0                           binary: int32 step, number of pairs
//! Pairs: 4                          per pair: int32 i, j, number of rows, of columns, of R; int32 rows; int32 columns
//! Pair: 0 1 13 13 2                 per R: int32 Rx, Ry, Rz; rows × columns values (f64, or complex f64)
//! RowIdx: 0 1 2 …                   rows and columns of the whole matrix, from 0 (nspin 4: 2·orbital + spin)
//! ColIdx: 13 14 …
//! R: 0 0 -1
//! 1.0e-03 … (complex: `re im`, or `(re,im)`)
//! ```
//!
//! The words before the numbers are not looked at. Nothing says whether the numbers are complex: their count does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::abacus::csr::{Block, Blocks, Csr, Header, Quantity};
use crate::error::{Context, Error, Result};
use crate::folder::{entries, folder_of, plain_name};
use crate::input::{self, Binary, ByteOrder, Text};
use crate::operator::c64;

/// Digits of a double.
const DIGITS: usize = 17;

/// What the files of this name hold, if it is one of theirs.
pub fn quantity(name: &str) -> Option<Quantity> {
    let is_block = name.ends_with(".dat");
    match () {
        () if is_block && name.starts_with("hrs_block_") => Some(Quantity::Hamiltonian),
        () if is_block && name.starts_with("srs_block_") => Some(Quantity::Overlap),
        () => None,
    }
}

/// Joins the parts of all processes: `path` is any one of them.
///
/// # Errors
/// `Syntax` and `Inconsistent` with the place; `Unsupported` where the files are those of nspin 2.
pub fn read(path: &Path, quantity: Quantity) -> Result<Csr> {
    let mut matrix = Matrix::default();
    for path in parts(path, quantity)? {
        let file = input::open(&path)?;
        let read = if file.starts_with(b"STEP") { text(&file, &mut matrix) } else { binary(&file, &mut matrix) };
        read.in_file(&path)?;
    }
    matrix.into_csr(quantity).in_file(path)
}

/// The files of all processes.
fn parts(path: &Path, wanted: Quantity) -> Result<Vec<PathBuf>> {
    let files = entries(folder_of(path))?.into_iter();
    let parts: Vec<PathBuf> = files.filter(|path| quantity(&plain_name(path)) == Some(wanted)).collect();
    let is_known =
        |path: &&PathBuf| !plain_name(path).starts_with("hrs_") || plain_name(path).starts_with("hrs_block_up_");
    match parts.iter().find(|path| !is_known(path)) {
        Some(other) => {
            Err(Error::unsupported("of nspin 1 and 4 the blocks are read (hrs_block_up_*.dat)").in_file(other))
        }
        None => Ok(parts),
    }
}

/// The elements found so far.
#[derive(Default)]
struct Matrix {
    step: u64,
    dimension: usize,
    /// Rows and columns that the files list: no less than the dimension, since each orbital meets itself.
    n_listed: usize,
    is_complex: bool,
    elements: BTreeMap<[i32; 3], Vec<(u32, u32, c64)>>,
}

/// Rows and columns of one pair of atoms.
struct Part {
    rows: Vec<u32>,
    columns: Vec<u32>,
}

impl Part {
    fn n_values(&self) -> usize {
        self.rows.len() * self.columns.len()
    }
}

impl Matrix {
    /// Elements that are zero are no elements: so the blocks of far pairs vanish.
    fn add(&mut self, part: &Part, r: [i32; 3], values: impl Iterator<Item = c64>) {
        let of_r = self.elements.entry(r).or_default();
        let places = part.rows.iter().flat_map(|&row| part.columns.iter().map(move |&column| (row, column)));
        let stored = places.zip(values).filter(|(_, value)| *value != c64::default());
        of_r.extend(stored.map(|((row, column), value)| (row, column, value)));
        let largest = part.rows.iter().chain(&part.columns).max();
        self.dimension = self.dimension.max(largest.map_or(0, |&last| last as usize + 1));
        self.n_listed += part.rows.len() + part.columns.len();
    }

    fn into_csr(self, quantity: Quantity) -> Result<Csr> {
        let Matrix { step, dimension, n_listed, is_complex, elements } = self;
        if dimension > n_listed {
            return Err(Error::limit("a matrix dimension", dimension as u64, n_listed as u64));
        }
        let block = |(r, elements)| block(r, elements, dimension);
        let blocks = elements.into_iter().map(block).collect::<Result<Vec<_>>>()?;
        let blocks = if is_complex { Blocks::Complex(blocks) } else { Blocks::Real(blocks.iter().map(real).collect()) };
        Ok(Csr { header: Header::old_layout(quantity, step), dimension, digits: DIGITS, blocks })
    }
}

fn block(r: [i32; 3], mut elements: Vec<(u32, u32, c64)>, dimension: usize) -> Result<Block<c64>> {
    elements.sort_unstable_by_key(|&(row, column, _)| (row, column));
    let place = |&(row, column, _): &(u32, u32, c64)| (row, column);
    if let Some(twice) = elements.windows(2).find(|two| place(&two[0]) == place(&two[1])) {
        let (row, column) = place(&twice[0]);
        return Err(Error::inconsistent(format!("element ({row}, {column}) of R = {r:?} is there twice")));
    }
    if elements.is_empty() {
        return Ok(Block::empty(r));
    }
    let pointer = |row: u32| elements.partition_point(|&(other, ..)| other < row) as u32;
    let row_pointers = (0..=dimension as u32).map(pointer).collect();
    let columns = elements.iter().map(|&(_, column, _)| column).collect();
    Ok(Block { r, values: elements.iter().map(|&(.., value)| value).collect(), columns, row_pointers })
}

fn real(block: &Block<c64>) -> Block<f64> {
    let values = block.values.iter().map(|value| value.re).collect();
    Block { r: block.r, values, columns: block.columns.clone(), row_pointers: block.row_pointers.clone() }
}

fn text(file: &[u8], matrix: &mut Matrix) -> Result<()> {
    let mut text = Text::new(file);
    text.literal("STEP:")?;
    matrix.step = text.unsigned()?;
    let [n_pairs] = numbers(&mut text, "a number of pairs")?;
    for _ in 0..n_pairs {
        let [_, _, n_rows, n_columns, n_r] = numbers(&mut text, "i, j and the numbers of rows, columns and R")?;
        let part =
            Part { rows: indices(&mut text, n_rows, "rows")?, columns: indices(&mut text, n_columns, "columns")? };
        for _ in 0..n_r {
            let r = numbers(&mut text, "Rx, Ry, Rz")?;
            let values = text_values(&mut text, part.n_values(), matrix).while_reading(|| format!("R = {r:?}"))?;
            matrix.add(&part, r, values.into_iter());
        }
    }
    text.end("no more than the stated number of pairs")
}

/// The line of a title with N numbers, passing over the title.
fn numbers<const N: usize>(text: &mut Text, what: &str) -> Result<[i32; N]> {
    let line = line_after_title(text);
    let mut numbers = [0; N];
    let mut cursor = line.clone();
    for number in &mut numbers {
        *number = cursor.integer().while_reading(|| what.to_owned())?;
    }
    cursor.end(what)?;
    Ok(numbers)
}

/// The line of a title with `count` indices.
fn indices(text: &mut Text, count: i32, what: &str) -> Result<Vec<u32>> {
    let mut line = line_after_title(text);
    let mut indices = Vec::new();
    while !line.is_at_end() {
        let start = line.offset();
        let index = line.unsigned().while_reading(|| what.to_owned())?;
        let small = u32::try_from(index).ok().filter(|&index| index < i32::MAX as u32);
        indices.push(small.ok_or_else(|| Error::limit(what, index, i32::MAX as u64).at(line.place(start)))?);
    }
    if indices.len() != usize::try_from(count).unwrap_or(usize::MAX) {
        let message = format!("expected {count} {what}, found {}", indices.len());
        return Err(Error::inconsistent(message).at(line.place(line.offset())));
    }
    Ok(indices)
}

/// What follows the words of the next line that says something.
fn line_after_title<'a>(text: &mut Text<'a>) -> Text<'a> {
    text.skip_space();
    let start = text.offset();
    text.line();
    let mut line = text.section(start..text.offset());
    while line.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) {
        line.token();
    }
    line
}

/// The numbers before the next title: real ones, or twice as many, or `(re,im)`.
fn text_values(text: &mut Text, n_values: usize, matrix: &mut Matrix) -> Result<Vec<c64>> {
    let start = text.offset();
    let length = memchr::memchr2(b'R', b'P', text.rest()).unwrap_or(text.rest().len());
    let mut section = text.section(start..start + length);
    text.seek(start + length);
    let limit = length.div_ceil(2);
    if n_values > limit {
        let message = format!("expected {n_values} numbers, but there is room for {limit}");
        return Err(Error::inconsistent(message).at(text.place(start)));
    }
    if section.peek() == Some(b'(') {
        matrix.is_complex = true;
        let values = (0..n_values).map(|_| section.complex()).collect::<Result<_>>()?;
        section.end(&format!("no more than {n_values} complex numbers"))?;
        return Ok(values);
    }
    let mut numbers = Vec::new();
    while !section.is_at_end() {
        numbers.push(section.f64()?);
    }
    values(&numbers, n_values, matrix).ok_or_else(|| {
        let message = format!("expected {n_values} real or complex numbers, found {} real ones", numbers.len());
        Error::inconsistent(message).at(text.place(start))
    })
}

fn values(numbers: &[f64], n_values: usize, matrix: &mut Matrix) -> Option<Vec<c64>> {
    if numbers.len() == n_values {
        return Some(numbers.iter().map(|&re| c64::new(re, 0.0)).collect());
    }
    matrix.is_complex = true;
    (numbers.len() == 2 * n_values).then(|| numbers.chunks(2).map(|two| c64::new(two[0], two[1])).collect())
}

/// Real or complex numbers: what follows them makes sense for one of the two only.
fn binary(file: &[u8], matrix: &mut Matrix) -> Result<()> {
    let file = Binary::new(file, ByteOrder::Little);
    let reached = |parts| match binary_parts(file.clone(), parts, &mut |_, _, _| {}) {
        Ok(_) => u64::MAX,
        Err(error) => error.location().map_or(0, |place| place.byte),
    };
    matrix.is_complex |= reached(2) > reached(1);
    let parts = if matrix.is_complex { 2 } else { 1 };
    let value = |number: &[f64]| c64::new(number[0], number.get(1).copied().unwrap_or(0.0));
    let mut add = |part: &Part, r, numbers: &[f64]| matrix.add(part, r, numbers.chunks(parts).map(value));
    matrix.step = binary_parts(file.clone(), parts, &mut add)?;
    Ok(())
}

/// What becomes of the doubles of one R.
type Add<'a> = dyn FnMut(&Part, [i32; 3], &[f64]) + 'a;

/// Goes through a file of numbers of `parts` doubles each, and returns its step.
fn binary_parts(mut file: Binary, parts: usize, add: &mut Add) -> Result<u64> {
    let step = file.count("an ionic step", 0..=i32::MAX)? as u64;
    let n_pairs = binary_count(&mut file, "a number of pairs", 20)?;
    for _ in 0..n_pairs {
        file.counts(2, "an atom", 0..=i32::MAX)?;
        let n_rows = binary_count(&mut file, "a number of rows", 4)?;
        let n_columns = binary_count(&mut file, "a number of columns", 4)?;
        let n_r = binary_count(&mut file, "a number of R", 12)?;
        let part = Part { rows: orbitals(&mut file, n_rows)?, columns: orbitals(&mut file, n_columns)? };
        for _ in 0..n_r {
            let r = file.i32s(3)?;
            let start = file.place();
            let numbers = file.f64s(parts.saturating_mul(part.n_values()))?;
            if numbers.iter().any(|number| !number.is_finite()) {
                return Err(Error::syntax("numbers", "infinity or NaN").at(start));
            }
            add(&part, [r[0], r[1], r[2]], &numbers);
        }
    }
    file.end()?;
    Ok(step)
}

/// A number of things of at least so many bytes each.
fn binary_count(file: &mut Binary, what: &str, bytes: usize) -> Result<usize> {
    let most = i32::try_from(file.remaining() / bytes).unwrap_or(i32::MAX);
    file.count(what, 0..=most)
}

fn orbitals(file: &mut Binary, n: usize) -> Result<Vec<u32>> {
    let orbitals = file.counts(n, "an orbital", 0..=i32::MAX - 1)?;
    Ok(orbitals.into_iter().map(|orbital| orbital as u32).collect())
}
