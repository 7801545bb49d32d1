//! `rs_indices.out`: which elements the matrix files hold, in which order.

use std::ops::Range;

use crate::error::{Context, Error, Result};
use crate::input::Text;
use crate::operator::Pair;

/// What fills the last line of the table of cells.
const NO_CELL: [i32; 3] = [999_999_999; 3];

/// The tables, without the entries that only fill them up.
#[derive(Debug, Clone, PartialEq)]
pub struct Indices {
    /// Number of orbitals.
    pub n_orbitals: usize,
    /// Cells of the **row** orbital (the column orbital sits in the home cell), in units of the lattice vectors.
    pub cells: Vec<[i32; 3]>,
    /// `rows[cell * n_orbitals + orbital]`: its elements.
    pub rows: Vec<Range<usize>>,
    /// Column orbital of each element, from 0.
    pub columns: Vec<usize>,
    /// Numbers in each matrix file: one per element, and a zero at the end.
    pub n_values: usize,
}

impl Indices {
    /// Reads the file.
    ///
    /// # Errors
    /// `Syntax`, `Limit` and `Inconsistent` with the place.
    pub fn parse(file: &[u8]) -> Result<Indices> {
        let mut text = Text::new(file);
        let n_values = count(&mut text, "n_hamiltonian_matrix_size", 2)?;
        let n_cells = count(&mut text, "n_cells_in_hamiltonian", 6)?;
        let n_orbitals = count(&mut text, "n_basis", 2)?;
        let cells = cells(&mut text, n_cells)?;
        let (first, _) = table(&mut text, "index_hamiltonian(1,:,:)", n_cells, n_orbitals)?;
        let (last, start) = table(&mut text, "index_hamiltonian(2,:,:)", n_cells, n_orbitals)?;
        let columns = columns(&mut text, n_values, n_orbitals)?;
        text.end("nothing after the table of columns")?;
        let at = |entry: usize| text.place(text.section(start..file.len()).token_offset(entry));
        let rows = ranges(&first[..cells.len() * n_orbitals], &last, columns.len())
            .map_err(|(entry, error)| error.at(at(entry)))?;
        check_sum(&rows, columns.len())?;
        Ok(Indices { n_orbitals, cells, rows, columns, n_values })
    }
}

/// `title:` and a number of things, each of which takes at least `bytes` bytes of what follows.
fn count(text: &mut Text, title: &str, bytes: usize) -> Result<usize> {
    text.literal(&format!("{title}:"))?;
    text.skip_space();
    let place = text.place(text.offset());
    let asked = text.unsigned().while_reading(|| title.to_owned())?;
    let limit = (text.rest().len() / bytes) as u64;
    if asked > limit {
        return Err(Error::limit(title, asked, limit).at(place));
    }
    Ok(asked as usize)
}

fn cells(text: &mut Text, n_cells: usize) -> Result<Vec<[i32; 3]>> {
    text.literal("cell_index")?;
    let mut cells = Vec::with_capacity(n_cells);
    for _ in 0..n_cells {
        text.skip_space();
        let at = text.offset();
        if cells.last() == Some(&NO_CELL) {
            return Err(text.expected("no cell after the one of 999999999"));
        }
        let cell = [text.integer()?, text.integer()?, text.integer()?];
        if cell != NO_CELL {
            Pair::cell(cell).map_err(|error| error.at(text.place(at)))?;
        }
        cells.push(cell);
    }
    cells.pop_if(|cell| *cell == NO_CELL);
    Ok(cells)
}

/// A table of one entry per cell and orbital, and the offset of its first entry.
fn table(text: &mut Text, title: &str, n_cells: usize, n_orbitals: usize) -> Result<(Vec<i32>, usize)> {
    text.literal(title)?;
    let start = text.offset();
    let n_entries = n_cells.saturating_mul(n_orbitals);
    let limit = text.rest().len() / 2;
    if n_entries > limit {
        return Err(Error::limit(title, n_entries as u64, limit as u64).at(text.place(start)));
    }
    let entries = (0..n_entries).map(|_| text.integer()).collect::<Result<_>>().while_reading(|| title.to_owned())?;
    Ok((entries, start))
}

/// Numbers from 1 become numbers from 0; the last one is a 0 that belongs to no element.
fn columns(text: &mut Text, n_values: usize, n_orbitals: usize) -> Result<Vec<usize>> {
    text.literal("column_index_hamiltonian")?;
    let mut columns = Vec::with_capacity(n_values);
    for element in 1..=n_values {
        text.skip_space();
        let start = text.offset();
        let column = text.unsigned().while_reading(|| "column_index_hamiltonian".into())?;
        match (column as usize).checked_sub(1) {
            Some(column) if column < n_orbitals => columns.push(column),
            None if element == n_values => {}
            _ => {
                let message = format!("column {column} of element {element} is out of range 1..={n_orbitals}");
                return Err(Error::inconsistent(message).at(text.place(start)));
            }
        }
    }
    Ok(columns)
}

/// First and last element (from 1; first 0: none) as ranges from 0; the error names the entry.
fn ranges(first: &[i32], last: &[i32], n_elements: usize) -> std::result::Result<Vec<Range<usize>>, (usize, Error)> {
    let range = |(entry, (&first, &last)): (usize, (&i32, &i32))| match (first, last) {
        (0, _) => Ok(0..0),
        (1.., _) if last >= first && last as usize <= n_elements => Ok(first as usize - 1..last as usize),
        _ => {
            let message = format!("a row has the elements {first} to {last} of {n_elements}");
            Err((entry, Error::inconsistent(message)))
        }
    };
    first.iter().zip(last).enumerate().map(range).collect()
}

fn check_sum(rows: &[Range<usize>], n_elements: usize) -> Result<()> {
    let sum: usize = rows.iter().map(Range::len).sum();
    if sum != n_elements {
        return Err(Error::inconsistent(format!("the rows hold {sum} elements, but {n_elements} have a column")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two orbitals, the home cell and its two neighbours.
    const TEXT: &str = "n_hamiltonian_matrix_size:  7\nn_cells_in_hamiltonian: 4\nn_basis: 2\ncell_index\n 0 0 0\n 0 0 1\n \
        0 0 -1\n 999999999 999999999 999999999\nindex_hamiltonian(1,:,:)\n 1 2\n 4 0\n 5 6\n 0 -1\n\
        index_hamiltonian(2,:,:)\n 1 3\n 4 -1\n 5 6\n 0 -1\ncolumn_index_hamiltonian\n 1\n 1\n 2\n 1\n 1\n 1\n 0\n";

    #[test]
    fn entries_that_only_fill_are_left_out() {
        let indices = Indices::parse(TEXT.as_bytes()).unwrap();
        assert_eq!(indices.cells, [[0, 0, 0], [0, 0, 1], [0, 0, -1]]);
        assert_eq!(indices.rows, [0..1, 1..3, 3..4, 0..0, 4..5, 5..6]);
        assert_eq!((indices.columns, indices.n_values), (vec![0, 0, 1, 0, 0, 0], 7));
    }

    #[test]
    fn mistakes_are_located() {
        let cases = [
            ("size:  7", "size:  70000", "1:29: n_hamiltonian_matrix_size of 70000 exceeds the limit of"),
            ("basis: 2", "basis: 90", "9:25: index_hamiltonian(1,:,:) of 360 exceeds the limit of"),
            ("\n 5 6\n 0 -1\ncol", "\n 5 8\n 0 -1\ncol", "17:4: a row has the elements 6 to 8 of 6"),
            (" 4 -1\n", " 3 -1\n", "16:2: a row has the elements 4 to 3 of 6"),
            ("1\n 0\n", "3\n 0\n", "25:2: column 3 of element 6 is out of range 1..=2"),
            ("2\n 1\n 1\n", "0\n 1\n 1\n", "22:2: column 0 of element 3 is out of range 1..=2"),
            ("\n 0\n", "\n 0\n 1\n", "27:2: expected nothing after the table of columns, found `1`"),
            ("\n 0\n", "\n", "expected an unsigned integer, found the end of the file"),
            (" 0 0 1\n", " 0 x 1\n", "6:4: expected an integer, found `x`"),
            ("\n 1 3\n", "\n 1 2\n", "the rows hold 5 elements, but 6 have a column"),
            ("0 0 -1\n", "0 -2147483648 -1\n", "exceeds the limit of 1000000"),
        ];
        for (from, to, expected) in cases {
            assert!(TEXT.contains(from), "{from}");
            let message = Indices::parse(TEXT.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}\ninstead of\n{expected}");
        }
        for cut in 0..TEXT.len() - 2 {
            assert!(Indices::parse(&TEXT.as_bytes()[..cut]).is_err(), "{cut}");
        }
    }
}
