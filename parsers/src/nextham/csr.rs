//! The binary csr file: the matrices of a csr file of ABACUS as they lie in memory, little-endian.
//!
//! ```text
//! int32 step, dimension, number of R
//! per R: int32 Rx, Ry, Rz, n; n values (f64, or complex f64 for nspin 4); n int32 columns; dimension + 1 int32 row pointers
//! ```
//!
//! Nothing says whether values are complex: the row pointers behind them do. Of a matrix without elements (n = 0) the readers
//! of NextHAM disagree whether row pointers follow: zeros in their place are taken for them.

use crate::abacus::csr::{Block, Blocks, Csr, Header, Quantity};
use crate::error::{Context, Error, Location, Result};
use crate::input::{Binary, ByteOrder};
use crate::operator::c64;

/// Bytes of the head of a matrix.
const HEAD: usize = 16;
/// Bytes that tell a binary file from a text.
pub const HEAD_OF_FILE: u64 = 12;
/// Digits of a double.
const DIGITS: usize = 17;

/// Is it a binary csr file, rather than a text? By a zero byte in one of its first three numbers.
pub fn is_binary(file: &[u8]) -> bool {
    file.len() >= HEAD_OF_FILE as usize && file[..HEAD_OF_FILE as usize].contains(&0)
}

/// Reads a file that holds `quantity`, which it does not say.
///
/// # Errors
/// `Syntax` and `Inconsistent` with the byte.
pub fn parse(bytes: &[u8], quantity: Quantity) -> Result<Csr> {
    let mut file = Binary::new(bytes, ByteOrder::Little);
    let step = file.count("an ionic step", 0..=i32::MAX)? as u64;
    let dimension = file.count("a matrix dimension", 1..=most(&file, 4))?;
    let n_blocks = file.count("a number of R", 0..=most(&file, HEAD))?;
    let blocks = match is_complex(file.clone(), dimension, n_blocks)? {
        true => Blocks::Complex(blocks(&mut file, dimension, n_blocks)?),
        false => Blocks::Real(blocks(&mut file, dimension, n_blocks)?),
    };
    file.end()?;
    Ok(Csr { header: Header::old_layout(quantity, step), dimension, digits: DIGITS, blocks })
}

/// So many items of so many bytes can follow at most.
fn most(file: &Binary, size: usize) -> i32 {
    i32::try_from(file.remaining() / size).unwrap_or(i32::MAX)
}

/// An element as it lies in the file.
trait Stored: Copy {
    const SIZE: usize;
    fn of(numbers: &[f64]) -> Self;
    fn is_finite(self) -> bool;
}

impl Stored for f64 {
    const SIZE: usize = 8;
    fn of(numbers: &[f64]) -> Self {
        numbers[0]
    }
    fn is_finite(self) -> bool {
        f64::is_finite(self)
    }
}

impl Stored for c64 {
    const SIZE: usize = 16;
    fn of(numbers: &[f64]) -> Self {
        c64::new(numbers[0], numbers[1])
    }
    fn is_finite(self) -> bool {
        c64::is_finite(self)
    }
}

/// By the first matrix that has elements.
fn is_complex(mut file: Binary, dimension: usize, n_blocks: usize) -> Result<bool> {
    for _ in 0..n_blocks {
        let (_, n) = head(&mut file)?;
        if n > 0 {
            let place = file.place();
            let fits = |size: usize| {
                let mut file = file.clone();
                file.bytes(n, size + 4).is_ok() && row_pointers(&mut file, dimension, n).is_ok()
            };
            return match (fits(f64::SIZE), fits(c64::SIZE)) {
                (true, _) => Ok(false),
                (false, true) => Ok(true),
                (false, false) => {
                    let message =
                        format!("no row pointers follow {n} values, be they real or complex, and their columns");
                    Err(Error::inconsistent(message).at(place))
                }
            };
        }
        skip_empty(&mut file, dimension)?;
    }
    Ok(false)
}

/// `Rx Ry Rz` and the number of elements.
fn head(file: &mut Binary) -> Result<([i32; 3], usize)> {
    let r = file.i32s(3).while_reading(|| "the head of a matrix".into())?;
    let n = file.count("a number of elements", 0..=most(file, f64::SIZE + 4))?;
    Ok(([r[0], r[1], r[2]], n))
}

/// Passes over the row pointers of a matrix without elements, where they are there.
fn skip_empty(file: &mut Binary, dimension: usize) -> Result<()> {
    let mut ahead = file.clone();
    if ahead.bytes(dimension + 1, 4).is_ok_and(|bytes| bytes.iter().all(|&byte| byte == 0)) {
        *file = ahead;
    }
    Ok(())
}

fn blocks<T: Stored>(file: &mut Binary, dimension: usize, n_blocks: usize) -> Result<Vec<Block<T>>> {
    (0..n_blocks).map(|_| block(file, dimension)).collect()
}

fn block<T: Stored>(file: &mut Binary, dimension: usize) -> Result<Block<T>> {
    let (r, n) = head(file)?;
    if n == 0 {
        skip_empty(file, dimension)?;
        return Ok(Block::empty(r));
    }
    let mut read = || {
        let values = values(file, n)?;
        let place = file.place();
        let columns = file.counts(n, "a column", 0..=dimension as i32 - 1)?;
        let row_pointers = row_pointers(file, dimension, n)?;
        check_ascending(&columns, &row_pointers, place)?;
        let narrow = |numbers: Vec<usize>| numbers.into_iter().map(|n| n as u32).collect();
        Ok(Block { r, values, columns: narrow(columns), row_pointers: narrow(row_pointers) })
    };
    read().while_reading(|| format!("the matrix of R = {r:?}"))
}

fn values<T: Stored>(file: &mut Binary, n: usize) -> Result<Vec<T>> {
    let start = file.place();
    let numbers = file.f64s(n * T::SIZE / 8)?;
    let values: Vec<T> = numbers.chunks_exact(T::SIZE / 8).map(T::of).collect();
    match values.iter().position(|value| !value.is_finite()) {
        Some(bad) => Err(Error::syntax("a number", "infinity or NaN").at(further(start, bad * T::SIZE))),
        None => Ok(values),
    }
}

/// They start at 0, never fall, and end at the number of elements.
fn row_pointers(file: &mut Binary, dimension: usize, n: usize) -> Result<Vec<usize>> {
    let place = file.place();
    let pointers = file.counts(dimension + 1, "a row pointer", 0..=n as i32)?;
    if pointers[0] != 0 || pointers[dimension] != n || pointers.is_sorted().eq(&false) {
        return Err(Error::inconsistent(format!("the row pointers do not ascend from 0 to {n}")).at(place));
    }
    Ok(pointers)
}

/// Columns ascend inside each row.
fn check_ascending(columns: &[usize], row_pointers: &[usize], start: Location) -> Result<()> {
    for row in row_pointers.windows(2) {
        if let Some(bad) = (row[0] + 1..row[1]).find(|&n| columns[n] <= columns[n - 1]) {
            let message = format!("column {} follows {} in the same row", columns[bad], columns[bad - 1]);
            return Err(Error::inconsistent(message).at(further(start, 4 * bad)));
        }
    }
    Ok(())
}

fn further(place: Location, bytes: usize) -> Location {
    Location { byte: place.byte + bytes as u64, ..place }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two orbitals, two R: one element (0, 1), none.
    fn file(value: &[f64], empty_has_pointers: bool) -> Vec<u8> {
        let integers = |numbers: &[i32]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
        let value = value.iter().flat_map(|x| x.to_le_bytes()).collect();
        let pointers = if empty_has_pointers { integers(&[0, 0, 0]) } else { Vec::new() };
        let parts =
            [integers(&[7, 2, 2, 0, 0, -1, 1]), value, integers(&[1, 0, 1, 1]), integers(&[0, 0, 1, 0]), pointers];
        parts.concat()
    }

    #[test]
    fn the_row_pointers_tell_real_from_complex() {
        for empty_has_pointers in [true, false] {
            let real = parse(&file(&[0.5], empty_has_pointers), Quantity::Overlap).unwrap();
            let block = Block { r: [0, 0, -1], values: vec![0.5], columns: vec![1], row_pointers: vec![0, 1, 1] };
            assert_eq!(real.blocks, Blocks::Real(vec![block, Block::empty([0, 0, 1])]));
            assert_eq!((real.header.quantity(), real.header.step(), real.dimension), (Quantity::Overlap, 7, 2));
            let complex = parse(&file(&[0.5, -0.25], empty_has_pointers), Quantity::Hamiltonian).unwrap();
            let Blocks::Complex(blocks) = complex.blocks else { panic!("real") };
            assert_eq!(blocks[0].values, [c64::new(0.5, -0.25)]);
        }
    }

    #[test]
    fn mistakes_are_located() {
        let whole = file(&[0.5], true);
        assert!(is_binary(&whole) && !is_binary(b"STEP: 0\nMatrix Dimension") && !is_binary(b""));
        let message = |at: usize, with: &[u8]| {
            let mut bytes = whole.clone();
            bytes[at..at + with.len()].copy_from_slice(with);
            parse(&bytes, Quantity::Hamiltonian).unwrap_err().to_string()
        };
        let nan = f64::NAN.to_le_bytes();
        assert!(message(4, &[255, 255, 255, 0]).starts_with("byte 4: expected a matrix dimension of 1 to"));
        assert!(message(8, &[255, 255, 0, 0]).starts_with("byte 8: expected a number of R of 0 to"));
        assert!(message(24, &[9]).starts_with("byte 24: expected a number of elements of 0 to"));
        assert!(message(28, &nan).starts_with("byte 28: expected a number, found infinity or NaN (while reading"));
        assert!(message(36, &[2]).starts_with("byte 36: expected a column of 0 to 1, found 2"));
        assert!(message(40, &[1]).starts_with("byte 28: no row pointers follow 1 values"));
        for length in 0..whole.len() {
            // Without its last row pointers the file is one of the other kind.
            if length != whole.len() - 12 {
                assert!(parse(&whole[..length], Quantity::Hamiltonian).is_err(), "{length}");
            }
        }
    }
}
