//! The text of `_hr.dat` and `_tb.dat`, block by block in parallel.

use std::collections::BTreeSet;
use std::ops::Range;

use rayon::prelude::*;

use super::real_space::{Cell, RealSpace};
use crate::error::{Error, Result};
use crate::input::Text;
use crate::operator::{Pair, c64};

/// `0 0 0 1 1 0 0` and the end of the line.
const SHORTEST_HR_LINE: usize = 14;
/// `1 1 0 0` in the part of H, `1 1 0 0 0 0 0 0` in that of the positions.
const SHORTEST_TB_LINES: usize = 8 + 16;
/// Marks the elements of a block that were not read yet: no number of a file is NaN.
const UNREAD: c64 = c64::new(f64::NAN, f64::NAN);

/// A `_tb.dat`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tb {
    /// Lattice vectors as rows, Å.
    pub lattice: [[f64; 3]; 3],
    /// H(R).
    pub hamiltonian: RealSpace,
    /// Centre of each function, ⟨n 0|r|n 0⟩, Cartesian, Å.
    pub centres: Vec<[f64; 3]>,
}

/// Reads `_hr.dat`.
///
/// # Errors
/// `Syntax`, `Inconsistent` and `Limit` with the place.
pub fn hr(file: &[u8]) -> Result<RealSpace> {
    let mut text = Text::new(file);
    text.line();
    let head = Head::parse(&mut text, SHORTEST_HR_LINE)?;
    let sections = head.sections(&mut text, head.n * head.n)?;
    text.end("the end of the file after its last R")?;
    head.blocks(&text, &sections, hr_block)
}

/// Reads `_tb.dat`.
///
/// # Errors
/// As [`hr`].
pub fn tb(file: &[u8]) -> Result<Tb> {
    let mut text = Text::new(file);
    text.line();
    let lattice = [vector(&mut text)?, vector(&mut text)?, vector(&mut text)?];
    let head = Head::parse(&mut text, SHORTEST_TB_LINES)?;
    let lines = 1 + head.n * head.n;
    let sections = head.sections(&mut text, lines)?;
    let positions = head.sections(&mut text, lines)?;
    text.end("the end of the file after its last R")?;
    let hamiltonian = head.blocks(&text, &sections, tb_block)?;
    Ok(Tb { lattice, centres: centres(&text, &positions, head.n)?, hamiltonian })
}

/// What stands before the blocks of both kinds of file.
struct Head {
    /// Number of functions.
    n: usize,
    degeneracies: Vec<u32>,
}

impl Head {
    /// `shortest` is the least number of bytes that one element takes in the file.
    fn parse(text: &mut Text, shortest: usize) -> Result<Self> {
        let most = text.rest().len() / shortest;
        let n = count(text, "a number of functions", most.isqrt())?;
        let n_cells = count(text, "a number of lattice vectors", most / (n * n))?;
        let degeneracies = (0..n_cells).map(|_| count(text, "a degeneracy", u32::MAX as usize).map(|d| d as u32));
        let degeneracies = degeneracies.collect::<Result<_>>()?;
        text.line();
        Ok(Head { n, degeneracies })
    }

    /// Where the lines of each R are.
    fn sections(&self, text: &mut Text, lines: usize) -> Result<Vec<Range<usize>>> {
        let section = |_: &u32| {
            let start = text.offset();
            (0..lines).try_for_each(|_| skip_line(text))?;
            Ok(start..text.offset())
        };
        self.degeneracies.iter().map(section).collect()
    }

    /// Reads all blocks by `read`, which gives their R. The first error of the file is the one that is told.
    fn blocks(&self, text: &Text, sections: &[Range<usize>], read: ReadBlock) -> Result<RealSpace> {
        let mut values = vec![UNREAD; sections.len() * self.n * self.n];
        let parts = values.par_chunks_mut(self.n * self.n).zip(sections);
        let read: Vec<Result<[i32; 3]>> =
            parts.map(|(block, section)| read(text.section(section.clone()), self.n, block)).collect();
        let mut found = BTreeSet::new();
        let mut cells = Vec::with_capacity(read.len());
        for ((r, &degeneracy), section) in read.into_iter().zip(&self.degeneracies).zip(sections) {
            let r = r?;
            if !found.insert(r) {
                return Err(Error::inconsistent(format!("R = {r:?} stands twice")).at(text.place(section.start)));
            }
            cells.push(Cell { r, degeneracy });
        }
        Ok(RealSpace::new(self.n, cells, values))
    }
}

/// From the lines of one R, the number of functions and the elements to fill to R.
type ReadBlock = fn(Text, usize, &mut [c64]) -> Result<[i32; 3]>;

/// A number from 1 to `limit`.
fn count(text: &mut Text, what: &str, limit: usize) -> Result<usize> {
    text.skip_space();
    let at = text.offset();
    let count = text.unsigned()?;
    match usize::try_from(count) {
        Ok(0) => Err(text.expected_at(at, &format!("{what} above 0"))),
        Ok(count) if count <= limit => Ok(count),
        _ => Err(Error::limit(what, count, limit as u64).at(text.place(at))),
    }
}

/// A line that is not empty.
fn skip_line(text: &mut Text) -> Result<()> {
    loop {
        match text.line() {
            None => return Err(text.expected("a line of another matrix element")),
            Some(line) if line.trim_ascii().is_empty() => {}
            Some(_) => return Ok(()),
        }
    }
}

fn vector(text: &mut Text) -> Result<[f64; 3]> {
    Ok([text.f64()?, text.f64()?, text.f64()?])
}

fn lattice_vector(text: &mut Text) -> Result<[i32; 3]> {
    text.skip_space();
    let at = text.offset();
    let r: [i32; 3] = [text.integer()?, text.integer()?, text.integer()?];
    Pair::cell(r).map_err(|error| error.at(text.place(at)))
}

/// Every line `R1 R2 R3 m n Re Im`.
fn hr_block(mut text: Text, n: usize, block: &mut [c64]) -> Result<[i32; 3]> {
    let mut cell = None;
    for _ in 0..n * n {
        text.skip_space();
        let at = text.offset();
        let found = lattice_vector(&mut text)?;
        let r = *cell.get_or_insert(found);
        if found != r {
            let [x, y, z] = r;
            return Err(text.expected_at(at, &format!("R = {x} {y} {z} as in the {} lines of its block", n * n)));
        }
        element(&mut text, n, block)?;
    }
    Ok(cell.unwrap_or_default())
}

/// A line `R1 R2 R3`, then every line `m n Re Im`.
fn tb_block(mut text: Text, n: usize, block: &mut [c64]) -> Result<[i32; 3]> {
    let r = lattice_vector(&mut text)?;
    (0..n * n).try_for_each(|_| element(&mut text, n, block))?;
    Ok(r)
}

fn element(text: &mut Text, n: usize, block: &mut [c64]) -> Result<()> {
    text.skip_space();
    let at = text.offset();
    let (row, column) = (index(text, n)?, index(text, n)?);
    let value = c64::new(text.f64()?, text.f64()?);
    let place = &mut block[row * n + column];
    if !place.re.is_nan() {
        let message = format!("element {} {} of this R stands twice", row + 1, column + 1);
        return Err(Error::inconsistent(message).at(text.place(at)));
    }
    *place = value;
    Ok(())
}

/// From 1 in the file, from 0 here.
fn index(text: &mut Text, n: usize) -> Result<usize> {
    text.skip_space();
    let at = text.offset();
    match text.unsigned()? {
        index if (1..=n as u64).contains(&index) => Ok(index as usize - 1),
        _ => Err(text.expected_at(at, &format!("the number of a function from 1 to {n}"))),
    }
}

/// The diagonal of the position operator at R = 0, which is in every mesh.
fn centres(text: &Text, sections: &[Range<usize>], n: usize) -> Result<Vec<[f64; 3]>> {
    for section in sections {
        let mut block = text.section(section.clone());
        if lattice_vector(&mut block)? == [0; 3] {
            return diagonal(block, n);
        }
    }
    Err(text.expected("the positions at R = 0 0 0"))
}

/// Of lines `m n Re x Im x Re y Im y Re z Im z`.
fn diagonal(mut text: Text, n: usize) -> Result<Vec<[f64; 3]>> {
    let mut centres = vec![[0.0; 3]; n];
    for _ in 0..n * n {
        let (row, column) = (index(&mut text, n)?, index(&mut text, n)?);
        let [x, _, y, _, z, _] = [text.f64()?, text.f64()?, text.f64()?, text.f64()?, text.f64()?, text.f64()?];
        if row == column {
            centres[row] = [x, y, z];
        }
    }
    Ok(centres)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HR: &str = " written by hand\n 2\n 2\n 1 2\n 0 0 0 1 1 1.0 0.0\n 0 0 0 2 1 0.5 -0.25\n 0 0 0 1 2 0.5 0.25\n \
                      0 0 0 2 2 -1.0 0\n-1 0 0 1 1 2.0E-2 0\n-1 0 0 2 1 0 0\n-1 0 0 1 2 0 0\n-1 0 0 2 2 0 0\n";

    fn message(from: &str, to: &str) -> String {
        assert!(HR.contains(from));
        hr(HR.replacen(from, to, 1).as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn elements_are_divided_by_the_degeneracy() {
        let read = hr(HR.as_bytes()).unwrap();
        assert_eq!(read.cells(), [Cell { r: [0; 3], degeneracy: 1 }, Cell { r: [-1, 0, 0], degeneracy: 2 }]);
        assert_eq!((read.element(0, 1, 0), read.element(0, 0, 1)), (c64::new(0.5, -0.25), c64::new(0.5, 0.25)));
        assert_eq!(read.element(1, 0, 0), c64::new(0.01, 0.0));
        assert!(!read.is_real());
    }

    #[test]
    fn empty_lines_do_not_matter() {
        let spaced = HR.replace("\n-1", "\n \n-1");
        assert_eq!(hr(spaced.as_bytes()).unwrap(), hr(HR.as_bytes()).unwrap());
    }

    #[test]
    fn broken_files_are_refused_with_the_place() {
        assert_eq!(message(" 2\n 2\n", " 2\n 0\n"), "3:2: expected a number of lattice vectors above 0, found `0`");
        assert_eq!(
            message(" 2\n 2\n", " 2\n 7000\n"),
            "3:2: a number of lattice vectors of 7000 exceeds the limit of 2"
        );
        assert_eq!(message(" 2\n 2\n", " 9\n 2\n"), "2:2: a number of functions of 9 exceeds the limit of 3");
        let far = "5:2: a component of R of 2147483648 exceeds the limit of 1000000";
        assert_eq!(message(" 0 0 0 1 1 ", " 0 -2147483648 0 1 1 "), far);
        let elements = " 0 0 0 2 1 0.5 -0.25\n";
        assert_eq!(message(elements, ""), "12:1: expected a line of another matrix element, found the end of the file");
        let wrong = message(elements, " 0 0 1 2 1 0.5 -0.25\n");
        assert_eq!(wrong, "6:2: expected R = 0 0 0 as in the 4 lines of its block, found `0`");
        assert_eq!(message(elements, " 0 0 0 1 1 0.5 -0.25\n"), "6:8: element 1 1 of this R stands twice");
        let wrong = message(elements, " 0 0 0 3 1 0.5 -0.25\n");
        assert_eq!(wrong, "6:8: expected the number of a function from 1 to 2, found `3`");
        assert_eq!(message("-0.25", "****"), "6:16: expected a number, found `****`");
    }
}
