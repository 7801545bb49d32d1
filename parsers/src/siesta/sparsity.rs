//! Which elements of the matrices are stored, in the file's own order of columns.
//!
//! All files of SIESTA share this part: a record `n_col` with the number of elements of every row, then one record per row
//! with its columns `list_col`, not sorted, from 1: `column = orbital + no_u · image` (`Src/io_sparse.F90`,
//! `sparse_matrices.F90`). [`super::Supercell`] says which lattice vector an image is.

use std::io::{self, Write};
use std::ops::Range;

use rayon::prelude::*;

use crate::error::{Context, Error, Location, Result};
use crate::input::fortran::{Payload, Record, Records, write_rows};

/// The columns of every row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sparsity {
    row_starts: Vec<usize>,
    columns: Vec<i32>,
}

impl Sparsity {
    /// From the columns of all rows, row after row; row n has the elements `row_starts[n]..row_starts[n + 1]`.
    ///
    /// # Errors
    /// `Inconsistent` where the rows and columns do not fit, or a column is not in `1..=n_columns` or occurs twice in a row.
    pub fn new(row_starts: Vec<usize>, columns: Vec<i32>, n_columns: usize) -> Result<Self> {
        let rises = row_starts.first() == Some(&0) && row_starts.is_sorted();
        if !rises || row_starts.last() != Some(&columns.len()) {
            return Err(Error::inconsistent(format!("{} columns do not fit the starts of the rows", columns.len())));
        }
        let sparsity = Sparsity { row_starts, columns };
        match sparsity.bad_row(n_columns) {
            Some((_, error)) => Err(error),
            None => Ok(sparsity),
        }
    }

    /// Reads the numbers and the columns of `n_rows` rows; columns run from 1 to `n_columns`.
    ///
    /// # Errors
    /// `Syntax` where the records do not fit, `Inconsistent` where a column is out of range or occurs twice in a row.
    pub fn read(records: &mut Records, n_rows: usize, n_columns: usize) -> Result<Self> {
        let row_starts = row_starts(records, n_rows)?;
        let first = records.place();
        let columns =
            records.rows(&row_starts, i32::from_le_bytes).while_reading(|| "the columns of each row".into())?;
        let sparsity = Sparsity { row_starts, columns };
        match sparsity.bad_row(n_columns) {
            Some((row, error)) => Err(error.at(sparsity.place_of_row(row, first))),
            None => Ok(sparsity),
        }
    }

    /// Writes both: the inverse of [`Sparsity::read`].
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let lengths: Vec<i32> = self.row_starts.windows(2).map(|row| (row[1] - row[0]) as i32).collect();
        Payload::new().i32s(&lengths).write(out)?;
        write_rows(&self.row_starts, &self.columns, i32::to_le_bytes, out)
    }

    /// Number of rows: orbitals of the cell.
    pub fn n_rows(&self) -> usize {
        self.row_starts.len() - 1
    }

    /// Number of stored elements.
    pub fn n_elements(&self) -> usize {
        self.columns.len()
    }

    /// Row n holds the elements `row_starts()[n]..row_starts()[n + 1]`.
    pub fn row_starts(&self) -> &[usize] {
        &self.row_starts
    }

    /// The elements of row `row`.
    pub fn row(&self, row: usize) -> Range<usize> {
        self.row_starts[row]..self.row_starts[row + 1]
    }

    /// The column of every element, from 1, in the file's order.
    pub fn columns(&self) -> &[i32] {
        &self.columns
    }

    /// Number of images that some column lies in, counted up to the last one.
    pub fn n_images(&self) -> usize {
        let last = self.columns.par_iter().max().map_or(0, |&column| column as usize);
        last.div_ceil(self.n_rows().max(1)).max(1)
    }

    /// Home orbital (from 0) and image (from 0) of an element.
    #[inline]
    pub fn column(&self, element: usize) -> (usize, usize) {
        // both fit into 32 bits, which divide in a third of the time of 64
        let (column, n_rows) = (self.columns[element] as u32 - 1, self.n_rows() as u32);
        ((column % n_rows) as usize, (column / n_rows) as usize)
    }

    /// The head of some files announces the number of elements.
    ///
    /// # Errors
    /// `Inconsistent` where it is another.
    pub(super) fn check_announced(&self, n_elements: usize) -> Result<()> {
        if self.n_elements() == n_elements {
            return Ok(());
        }
        let message = format!("{n_elements} elements are announced, but the rows hold {}", self.n_elements());
        Err(Error::inconsistent(message))
    }

    /// A row with a column that is out of range or occurs twice.
    fn bad_row(&self, n_columns: usize) -> Option<(usize, Error)> {
        let rows = (0..self.n_rows()).into_par_iter().with_min_len(64);
        let last = self.columns.par_iter().max().map_or(0, |&column| column.max(0) as usize);
        let seen = || Seen(vec![0; last.min(n_columns).div_ceil(64)]);
        rows.map_init(seen, |seen, row| Some((row, seen.bad_column(&self.columns[self.row(row)], n_columns)?)))
            .find_first(Option::is_some)
            .flatten()
    }

    /// Of row `row`, where the first row stands at `first`.
    fn place_of_row(&self, row: usize, first: Location) -> Location {
        let before = 4 * self.row_starts[row] + 8 * row;
        Location { byte: first.byte + before as u64, record: first.record.map(|n| n + row as u32), ..first }
    }
}

/// Next integer: the number of spin components.
pub(super) fn read_nspin(record: &mut Record) -> Result<usize> {
    Ok(record.one_of(&[1, 2, 4, 8], "1, 2, 4 or 8 spin components")? as usize)
}

/// Number of columns of `n_orbitals` in every one of `nsc` cells.
///
/// # Errors
/// `Inconsistent` where a number of cells is not positive, `Limit` where columns do not fit into 32-bit integers.
pub(super) fn n_columns(n_orbitals: usize, nsc: [i32; 3]) -> Result<usize> {
    if nsc.iter().any(|&n| n < 1) {
        return Err(Error::inconsistent(format!("an auxiliary supercell of {nsc:?} cells")));
    }
    let n_columns = nsc.iter().fold(n_orbitals, |product, &n| product.saturating_mul(n as usize));
    match i32::try_from(n_columns) {
        Ok(_) => Ok(n_columns),
        Err(_) => Err(Error::limit("a number of columns", n_columns as u64, i32::MAX as u64)),
    }
}

fn row_starts(records: &mut Records, n_rows: usize) -> Result<Vec<usize>> {
    let place = records.place();
    let lengths =
        records.one(|record| record.i32s(n_rows)).while_reading(|| "the number of elements of each row".into())?;
    let mut row_starts = Vec::with_capacity(n_rows + 1);
    row_starts.push(0);
    let mut next = 0;
    for (row, length) in lengths.into_iter().enumerate() {
        let Ok(length) = usize::try_from(length) else {
            return Err(Error::inconsistent(format!("row {} has {length} elements", row + 1)).at(place));
        };
        next += length;
        row_starts.push(next);
    }
    Ok(row_starts)
}

/// One bit for every column, all clear between two rows.
struct Seen(Vec<u64>);

impl Seen {
    fn bad_column(&mut self, columns: &[i32], n_columns: usize) -> Option<Error> {
        if let Some(column) = columns.iter().find(|&&column| column < 1 || column as usize > n_columns) {
            return Some(Error::inconsistent(format!("column {column} is out of range 1..={n_columns}")));
        }
        let repeated = columns.iter().find(|&&column| !self.insert(column as usize - 1));
        columns.iter().for_each(|&column| self.0[(column as usize - 1) / 64] = 0);
        repeated.map(|column| Error::inconsistent(format!("column {column} occurs twice in a row")))
    }

    /// Was it new?
    fn insert(&mut self, column: usize) -> bool {
        let (word, bit) = (&mut self.0[column / 64], 1 << (column % 64));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_checked() {
        let new = |columns: &[i32]| Sparsity::new(vec![0, 2, columns.len()], columns.to_vec(), 70);
        assert_eq!(new(&[70, 1, 2, 70]).unwrap().column(0), (1, 34));
        let cases = [
            ([1, 2, 0], "column 0 is out of range 1..=70"),
            ([71, 2, 1], "column 71 is out of range 1..=70"),
            ([5, 5, 1], "column 5 occurs twice in a row"),
            ([-1, 2, 1], "column -1 is out of range 1..=70"),
        ];
        for (columns, message) in cases {
            assert_eq!(new(&columns).unwrap_err().to_string(), message);
        }
        assert!(Sparsity::new(vec![0, 3], vec![1, 2], 2).is_err());
    }
}
