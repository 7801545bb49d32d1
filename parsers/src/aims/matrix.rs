//! The numbers of `rs_*.out` or `rs_*.h5`, and where they go.

use std::path::Path;
use std::sync::Arc;

use super::indices::Indices;
use super::orbitals::Place;
use crate::basis::Basis;
use crate::error::{Context, Error, Result};
use crate::input::{self, Text};
use crate::operator::{Operator, Pair, Pairs};

/// Where one element of the files goes: itself, and its Hermitian partner, which the files leave out.
struct Target {
    element: usize,
    places: [usize; 2],
    sign: f64,
}

/// Where all elements go. Element (row orbital i in cell R, column orbital j in the home cell) is O_ij(−R) and O_ji(R).
pub struct Targets {
    pairs: Arc<Pairs>,
    targets: Vec<Target>,
}

/// An element: its number, its orbitals, and the cell of its column orbital seen from the row orbital.
struct Element {
    number: usize,
    row: usize,
    column: usize,
    r: [i32; 3],
}

fn elements(indices: &Indices) -> impl Iterator<Item = Element> {
    let n = indices.n_orbitals.max(1);
    indices.rows.iter().enumerate().flat_map(move |(entry, range)| {
        let r = indices.cells[entry / n].map(|x| -x);
        range.clone().map(move |number| Element { number, row: entry % n, column: indices.columns[number], r })
    })
}

impl Targets {
    /// `places` are those of the orbitals of `indices` in `basis`.
    ///
    /// # Errors
    /// `Inconsistent` where a block names an atom that `basis` lacks.
    pub fn new(indices: &Indices, places: &[Place], basis: &Basis) -> Result<Targets> {
        let pair = |e: &Element| Pair { i: places[e.row].atom, j: places[e.column].atom, r: e.r };
        let mut touched: Vec<Pair> = elements(indices).map(|element| pair(&element)).collect();
        touched.dedup();
        touched.extend_from_within(..);
        let n = touched.len() / 2;
        touched[n..].iter_mut().for_each(|pair| *pair = pair.reversed());
        let pairs = Arc::new(Pairs::new(touched, basis)?);
        let mut last = None;
        let mut starts = |pair: Pair| match last {
            Some((known, starts)) if known == pair => starts,
            _ => {
                let starts = [pair, pair.reversed()].map(|pair| pairs.find(&pair).map_or(0, |k| pairs.range(k).start));
                last = Some((pair, starts));
                starts
            }
        };
        let target = |element: Element| {
            let (row, column) = (places[element.row], places[element.column]);
            let [here, there] = starts(pair(&element));
            let width = |place: Place| basis.orbitals_of(place.atom as usize).len();
            let places =
                [here + row.place * width(column) + column.place, there + column.place * width(row) + row.place];
            Target { element: element.number, places, sign: row.sign * column.sign }
        };
        let targets = elements(indices).map(target).collect();
        Ok(Targets { pairs, targets })
    }

    /// The operator with these elements.
    ///
    /// # Errors
    /// Those of [`Operator::new`].
    pub fn operator(&self, elements: &[f64]) -> Result<Operator<f64>> {
        let mut values = vec![0.0; self.pairs.n_values()];
        for target in &self.targets {
            for place in target.places {
                values[place] = target.sign * elements[target.element];
            }
        }
        Operator::new(self.pairs.clone(), values)
    }
}

/// The numbers of a matrix file.
///
/// # Errors
/// `Syntax` with the place; `Inconsistent` where there are not `n_values`.
pub fn values(path: &Path, n_values: usize) -> Result<Vec<f64>> {
    let file = input::open(path)?;
    let read = if file.starts_with(b"\x89HDF") { hdf5(path, n_values) } else { text(&file, n_values) };
    read.in_file(path)
}

fn text(file: &[u8], n_values: usize) -> Result<Vec<f64>> {
    let limit = file.len().div_ceil(2);
    if n_values > limit {
        return Err(Error::inconsistent(format!("expected {n_values} numbers, but there is room for {limit}")));
    }
    let mut text = Text::new(file);
    let values = (0..n_values).map(|_| text.f64()).collect::<Result<_>>()?;
    text.end(&format!("no more than {n_values} numbers"))?;
    Ok(values)
}

/// The data set `sparse_matrix`.
#[cfg(feature = "hdf5")]
fn hdf5(path: &Path, n_values: usize) -> Result<Vec<f64>> {
    let values = crate::h5::Source::open(path)?.data("sparse_matrix")?.reals()?;
    if values.len() != n_values {
        let message = format!("`sparse_matrix` holds {} numbers instead of {n_values}", values.len());
        return Err(Error::inconsistent(message));
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(bad) => Err(Error::syntax("a number", format!("{} as number {}", values[bad], bad + 1))),
        None => Ok(values),
    }
}

/// Builds without HDF5.
#[cfg(not(feature = "hdf5"))]
fn hdf5(_path: &Path, _n_values: usize) -> Result<Vec<f64>> {
    Err(Error::unsupported(
        "HDF5 files of FHI-aims are read by builds with the feature `hdf5` (it needs libhdf5): `cargo install --path . --features hdf5`",
    ))
}
