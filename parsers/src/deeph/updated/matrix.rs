//! The layout of `overlap.h5`, `hamiltonian.h5` and `density_matrix.h5`: a list of atom pairs, and all blocks in one data set.

use std::path::Path;

use crate::deeph::blocks::{Orbitals, Stored};
use crate::deeph::entries::Entries;
use crate::error::{Context, Error, Result};
use crate::h5::{self, Source};
use crate::operator::{Pair, Pairs};

const PAIRS: &str = "atom_pairs";
const BOUNDARIES: &str = "chunk_boundaries";
const SHAPES: &str = "chunk_shapes";
const ENTRIES: &str = "entries";

/// Reads a file with 1 or 2 spins.
///
/// # Errors
/// `Syntax` where a data set is absent or of another kind; `Inconsistent` where blocks do not fit atoms, orbitals or entries.
pub fn read(path: &Path, orbitals: &Orbitals, spins: usize) -> Result<(Stored, Entries)> {
    read_file(path, orbitals, spins).in_file(path)
}

fn read_file(path: &Path, orbitals: &Orbitals, spins: usize) -> Result<(Stored, Entries)> {
    let file = Source::open(path)?;
    let pairs = rows::<5>(&file, PAIRS)?;
    let shapes = rows::<2>(&file, SHAPES)?;
    let boundaries = file.data(BOUNDARIES)?.integers()?;
    if shapes.len() != pairs.len() || boundaries.len() != pairs.len() + 1 {
        let (n, m, k) = (pairs.len(), shapes.len(), boundaries.len());
        return Err(Error::inconsistent(format!("{n} pairs, but {m} shapes and {k} boundaries instead of one more")));
    }
    let data = file.data(ENTRIES)?;
    let n_entries = data.shape().iter().product();
    let mut found = Vec::with_capacity(pairs.len());
    for ((row, shape), ends) in pairs.iter().zip(&shapes).zip(boundaries.windows(2)) {
        let pair = pair(row, orbitals.basis().n_atoms())?;
        found.push((pair, start(&pair, *shape, [ends[0], ends[1]], orbitals, spins, n_entries)?));
    }
    Ok((Stored::new(found, orbitals.basis(), spins)?, Entries::read(&data)?))
}

/// A table of integers with `N` columns.
fn rows<const N: usize>(file: &Source, name: &str) -> Result<Vec<[i64; N]>> {
    let data = file.data(name)?;
    match data.shape()[..] {
        [_, columns] if columns == N => Ok(data.integers()?.as_chunks().0.to_vec()),
        ref shape => Err(Error::syntax(format!("{N} columns in `{name}`"), format!("the shape {shape:?}"))),
    }
}

/// `R1 R2 R3 i j`, atoms from 0.
fn pair(&[x, y, z, i, j]: &[i64; 5], n_atoms: usize) -> Result<Pair> {
    let atom = |atom: i64| u32::try_from(atom).ok().filter(|&atom| (atom as usize) < n_atoms);
    match (atom(i), atom(j)) {
        (Some(i), Some(j)) => Ok(Pair { i, j, r: Pair::cell([x, y, z]).while_reading(|| format!("`{PAIRS}`"))? }),
        _ => {
            let message =
                format!("`{PAIRS}` names atoms {i} and {j} (from 0) in cell [{x}, {y}, {z}], of {n_atoms} atoms");
            Err(Error::inconsistent(message))
        }
    }
}

/// Where a block starts: what the file says of its shape and of both its ends must agree with the orbitals of its atoms.
fn start(
    pair: &Pair,
    shape: [i64; 2],
    ends: [i64; 2],
    orbitals: &Orbitals,
    spins: usize,
    n_entries: usize,
) -> Result<usize> {
    let block = orbitals.block(pair, spins);
    let named = |message: String| {
        Error::inconsistent(format!("block of atoms {} and {} (from 0) at R = {:?}: {message}", pair.i, pair.j, pair.r))
    };
    if shape != block.shape().map(|n| n as i64) {
        return Err(named(format!("its shape is {shape:?} instead of {:?}", block.shape())));
    }
    let [start, end] = ends.map(usize::try_from);
    match (start, end) {
        (Ok(start), Ok(end)) if end <= n_entries && start.checked_add(block.len()) == Some(end) => Ok(start),
        _ => {
            let [start, end] = ends;
            let size = block.len();
            Err(named(format!("{size} elements, but from {start} to {end} of {n_entries} entries")))
        }
    }
}

/// Writes a file; `entries` are those of `pairs`, in order.
///
/// # Errors
/// `Io`.
pub fn write(path: &Path, pairs: &Pairs, orbitals: &Orbitals, spins: usize, entries: &Entries) -> Result<()> {
    let n = pairs.len();
    let rows = pairs.as_slice().iter().flat_map(|&Pair { i, j, r: [x, y, z] }| {
        [i64::from(x), i64::from(y), i64::from(z), i64::from(i), i64::from(j)]
    });
    let shapes = pairs.as_slice().iter().flat_map(|pair| orbitals.block(pair, spins).shape().map(|n| n as i64));
    let starts = (0..n).map(|block| pairs.range(block).start).chain([pairs.n_values()]);
    let boundaries = starts.map(|start| (spins * spins * start) as i64);
    h5::write(path, |file| {
        file.write(PAIRS, &[n, 5], &rows.collect::<Vec<_>>())?;
        file.write(BOUNDARIES, &[n + 1], &boundaries.collect::<Vec<_>>())?;
        file.write(SHAPES, &[n, 2], &shapes.collect::<Vec<_>>())?;
        match entries {
            Entries::Real(values) => file.write(ENTRIES, &[values.len()], values),
            Entries::Complex(values) => file.write(ENTRIES, &[values.len()], values),
        }
    })
}
