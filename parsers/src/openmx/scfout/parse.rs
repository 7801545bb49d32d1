//! Bytes → [`Scfout`].

use std::sync::Arc;

use super::{Place, Scfout, Spin, Tail, Version};
use crate::error::{Context, Error, Result};
use crate::input::{Binary, ByteOrder, Input};

/// A line of the input text, with what is left over from the line before.
pub const LINE: usize = 256;
/// Cells farther away mean that the file is something else.
const FARTHEST_CELL: i32 = 1_000_000;
/// More kelvin or electrons mean that the file is something else.
const LARGEST_NUMBER: f64 = 1e9;
/// Larger powers of the position operator mean that the file is something else.
const LARGEST_ORDER: i32 = 16;

impl Scfout {
    /// Reads the head and the tail, and notes where the matrices are.
    ///
    /// # Errors
    /// `Syntax` with the byte, what was being read and both numbers; `Unsupported` for layouts of other versions.
    pub fn parse(input: Input) -> Result<Self> {
        let input = Arc::new(input);
        let (order, version, spin) = kind(&input)?;
        let mut file = Binary::new(&input, order);
        let n_atoms = file.count("a number of atoms", 1..=i32::MAX)?;
        file.i32()?;
        let regions = [file.i32()?, file.i32()?, file.i32()?];
        let n_cells = 1 + file.count("a number of cells", 0..=i32::MAX - 1)?;
        let order_max = match version {
            Version::V3_8 => 1,
            Version::V3_9 => file.count("a power of the position operator", 0..=LARGEST_ORDER)?,
        };
        let atv = vectors(&mut file, n_cells).while_reading(|| "lattice vectors of the cells (atv)".into())?;
        let atv_ijk = indices(&mut file, n_cells).while_reading(|| "cells in units of the lattice (atv_ijk)".into())?;
        let (n_orbitals, natn, ncn) = neighbours(&mut file, n_atoms, n_cells)?;
        let (tv, rtv) = (matrix(&mut file)?, matrix(&mut file)?);
        let gxyz = finite_vectors(&mut file, n_atoms).while_reading(|| "positions (Gxyz)".into())?;
        let starts = starts(&n_orbitals, &natn);
        let set_size = starts[n_atoms];
        let place = |set| {
            let start = file.offset();
            file.bytes(set_size, 8).while_reading(|| format!("{set:?}"))?;
            Ok((set, Place::File(start)))
        };
        let sets = Scfout::layout(version, spin, order_max).into_iter().map(place).collect::<Result<_>>()?;
        let tail = tail(&mut file)?;
        file.end()?;
        Ok(Scfout {
            order,
            version,
            spin,
            regions,
            order_max,
            atv,
            atv_ijk,
            n_orbitals,
            natn,
            ncn,
            tv,
            rtv,
            gxyz,
            tail,
            starts,
            sets,
            input: input.clone(),
        })
    }
}

/// Byte order, layout and spin out of the number of atoms and SpinP + 4 · version: in the wrong order both are huge, or the
/// second is zero in either.
fn kind(bytes: &[u8]) -> Result<(ByteOrder, Version, Spin)> {
    const NOT_SCFOUT: &str = "an scfout file of OpenMX (SpinP + 4 * version in bytes 4 to 7)";
    let head = |order| Binary::new(bytes, order).i32s(2);
    let (little, big) = (head(ByteOrder::Little)?, head(ByteOrder::Big)?);
    let size = |head: &[i32]| (head[1] as u32, head[0] as u32);
    let (order, field) =
        if size(&little) <= size(&big) { (ByteOrder::Little, little[1]) } else { (ByteOrder::Big, big[1]) };
    let version = match field / 4 {
        _ if !(0..=0xff).contains(&field) => return Err(Error::syntax(NOT_SCFOUT, field.to_string())),
        0 => Version::V3_8,
        3 => Version::V3_9,
        1 | 2 => return Err(Error::unsupported(format!("scfout of format {}: {OF_3_7}", field / 4))),
        newer => return Err(Error::unsupported(format!("scfout of format {newer}: {NEWER}"))),
    };
    let spin = match field % 4 {
        0 => Spin::Unpolarized,
        1 => Spin::Collinear,
        3 => Spin::NonCollinear,
        spin => return Err(Error::syntax("SpinP of 0, 1 or 3", spin.to_string())),
    };
    Ok((order, version, spin))
}

const OF_3_7: &str = "written by development versions of OpenMX 3.7; write it with 3.8 (format 0) or 3.9 (format 3)";
const NEWER: &str = "newer than OpenMX 3.9, whose format is 3; its layout is not known here";

/// `Total_NumOrbs`, `natn` (from 0) and `ncn`.
type Neighbours = (Vec<usize>, Vec<Vec<usize>>, Vec<Vec<usize>>);

fn neighbours(file: &mut Binary, n_atoms: usize, n_cells: usize) -> Result<Neighbours> {
    let n_orbitals = file.counts(n_atoms, "a number of orbitals", 1..=i32::MAX)?;
    let n_neighbours = file.counts(n_atoms, "a number of neighbours", 0..=i32::MAX - 1)?;
    let mut natn = lists(file, &n_neighbours, "an atom", 1..=n_atoms as i32)?;
    natn.iter_mut().flatten().for_each(|atom| *atom -= 1);
    let ncn = lists(file, &n_neighbours, "a cell", 0..=n_cells as i32 - 1)?;
    Ok((n_orbitals, natn, ncn))
}

/// Where the blocks of each atom start in a set, and at the end the size of a set. Saturates, so that the file is too short
/// for what cannot be.
pub(super) fn starts(n_orbitals: &[usize], natn: &[Vec<usize>]) -> Vec<usize> {
    let columns = |row: &Vec<usize>| row.iter().fold(0_usize, |sum, &atom| sum.saturating_add(n_orbitals[atom]));
    let mut starts = vec![0];
    for (rows, row) in n_orbitals.iter().zip(natn) {
        let last = starts[starts.len() - 1];
        starts.push(rows.saturating_mul(columns(row)).saturating_add(last));
    }
    starts
}

/// Rows of four doubles, of which the first is garbage.
fn vectors(file: &mut Binary, n: usize) -> Result<Vec<[f64; 3]>> {
    let numbers = file.f64s(n.saturating_mul(4))?;
    Ok(numbers.as_chunks().0.iter().map(|&[_, x, y, z]| [x, y, z]).collect())
}

/// Rows of four integers, of which the first is garbage.
fn indices(file: &mut Binary, n: usize) -> Result<Vec<[i32; 3]>> {
    let place = file.place();
    let numbers = file.i32s(n.saturating_mul(4))?;
    let cells: Vec<[i32; 3]> = numbers.as_chunks().0.iter().map(|&[_, l, m, n]| [l, m, n]).collect();
    match cells.iter().flatten().find(|index| !(-FARTHEST_CELL..=FARTHEST_CELL).contains(*index)) {
        Some(index) => Err(Error::syntax(format!("cells up to {FARTHEST_CELL}"), index.to_string()).at(place)),
        None => Ok(cells),
    }
}

/// Rows of a lattice or of positions.
fn finite_vectors(file: &mut Binary, n: usize) -> Result<Vec<[f64; 3]>> {
    let place = file.place();
    let rows = vectors(file, n)?;
    match rows.iter().flatten().find(|x| !x.is_finite()) {
        Some(x) => Err(Error::syntax("finite numbers", x.to_string()).at(place)),
        None => Ok(rows),
    }
}

fn matrix(file: &mut Binary) -> Result<[[f64; 3]; 3]> {
    let rows = finite_vectors(file, 3).while_reading(|| "lattice vectors (tv, rtv)".into())?;
    Ok([rows[0], rows[1], rows[2]])
}

/// One list per atom: the atom itself and `n_neighbours` more.
fn lists(
    file: &mut Binary,
    n_neighbours: &[usize],
    what: &str,
    range: std::ops::RangeInclusive<i32>,
) -> Result<Vec<Vec<usize>>> {
    let list = |(atom, &n): (usize, &usize)| {
        file.counts(n + 1, what, range.clone()).while_reading(|| format!("neighbours of atom {}", atom + 1))
    };
    n_neighbours.iter().enumerate().map(list).collect()
}

/// Chemical potential, temperature, dipoles, electrons and spin.
fn numbers(file: &mut Binary) -> Result<Vec<f64>> {
    let place = file.place();
    let numbers = file.f64s(10)?;
    let (chem_p, e_temp, n_electrons) = (numbers[0], numbers[1], numbers[8]);
    let is_sane = |x| (0.0..LARGEST_NUMBER).contains(&x);
    if chem_p.is_finite() && is_sane(e_temp) && is_sane(n_electrons) {
        return Ok(numbers);
    }
    let found = format!("{chem_p:e} hartree, {e_temp:e} K, {n_electrons:e} electrons");
    Err(Error::syntax("a chemical potential, a temperature and a number of electrons", found).at(place))
}

fn tail(file: &mut Binary) -> Result<Tail> {
    let solver = file.i32()?;
    let numbers = numbers(file).while_reading(|| "chemical potential and electrons".into())?;
    let n_lines = file.count("a number of lines of the input text", 0..=i32::MAX)?;
    let text = file.bytes(n_lines, LINE).while_reading(|| "the input text".into())?;
    let start = file.offset() - text.len();
    let line = |(n, line): (usize, &[u8])| match line.iter().position(|&byte| byte == 0) {
        Some(length) => Ok(line[..length].to_vec()),
        None => {
            let place =
                crate::error::Location { byte: (start + n * LINE) as u64, line: None, column: None, record: None };
            Err(Error::syntax("a line that ends with a zero byte", "256 bytes without").at(place))
        }
    };
    Ok(Tail {
        solver,
        chem_p: numbers[0],
        e_temp: numbers[1],
        dipoles: [[numbers[2], numbers[3], numbers[4]], [numbers[5], numbers[6], numbers[7]]],
        n_electrons: numbers[8],
        total_spin: numbers[9],
        input_text: text.chunks_exact(LINE).enumerate().map(line).collect::<Result<_>>()?,
    })
}
