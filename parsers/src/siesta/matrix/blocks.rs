//! Sparse rows → dense blocks per pair of atoms, in parallel over the atoms of the rows.

use std::ops::{Mul, Range};
use std::sync::Arc;

use rayon::prelude::*;

use super::Places;
use crate::error::{Error, Result};
use crate::harmonics;
use crate::memory::prefer_huge_pages;
use crate::operator::{Operator, Pair, Pairs};

/// SIESTA stores at least a third of the elements of its blocks. One in so many is a damaged file, whose blocks would take
/// more memory than there is.
const SPARSEST: usize = 256;

/// One orbital of the home cell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Orbital {
    pub atom: u32,
    /// Place among the atom's orbitals, canonical order.
    pub place: u32,
    /// SIESTA's function is `sign` times the canonical one.
    pub sign: f64,
}

/// Blocks (some or all of those that have a stored element), and how to find the place of an element in them.
pub(super) struct Blocks<'a> {
    pub pairs: Arc<Pairs>,
    places: &'a Places<'a>,
    orbitals: Vec<Orbital>,
}

/// A stored element inside the blocks of one atom.
pub(super) struct Element {
    /// Its number in the file.
    pub element: usize,
    /// Its place in the storage of all blocks.
    pub place: usize,
    /// Product of the signs of both orbitals.
    pub sign: f64,
}

impl<'a> Blocks<'a> {
    /// All pairs of atoms with an element that `counts`.
    pub fn new(places: &'a Places<'a>, counts: impl Fn(usize) -> bool + Sync) -> Result<Self> {
        let orbitals = orbitals(places);
        let touched = |atom| touched_pairs(places, &orbitals, atom, &counts);
        let touched: Vec<Pair> = (0..places.basis.n_atoms()).into_par_iter().flat_map_iter(touched).collect();
        let pairs = Arc::new(Pairs::new(touched, places.basis)?);
        let limit = places.sparsity.n_elements().saturating_mul(SPARSEST);
        if pairs.n_values() > limit {
            return Err(Error::limit("a number of elements in dense blocks", pairs.n_values() as u64, limit as u64));
        }
        Ok(Blocks { pairs, places, orbitals })
    }

    /// The given pairs.
    pub fn on(pairs: &Arc<Pairs>, places: &'a Places<'a>) -> Self {
        Blocks { pairs: pairs.clone(), places, orbitals: orbitals(places) }
    }

    /// Dense operators; component n of element k is `elements(k)[n]`, times signs. What is not stored is 0.
    pub fn fill<T, const N: usize>(&self, elements: impl Fn(usize) -> [T; N] + Sync) -> Result<[Operator<T>; N]>
    where
        T: Clone + Copy + Default + Send + Mul<f64, Output = T>,
    {
        let mut operators: [Operator<T>; N] = std::array::from_fn(|_| Operator::zeros(self.pairs.clone()));
        operators.iter_mut().for_each(|operator| prefer_huge_pages(operator.values_mut()));
        let mut rests = operators.each_mut().map(|operator| operator.values_mut());
        let mut tasks = Vec::new();
        for atom in 0..self.places.basis.n_atoms() {
            let values = self.values_of(atom);
            tasks.push((atom, values.start, rests.each_mut().map(|rest| cut(rest, values.len()))));
        }
        tasks.into_par_iter().for_each(|(atom, start, mut out)| {
            self.visit(atom, |Element { element, place, sign }| {
                for (out, value) in out.iter_mut().zip(elements(element)) {
                    out[place - start] = value * sign;
                }
            });
        });
        Ok(operators)
    }

    /// Storage of all blocks (atom, ·, ·).
    pub fn values_of(&self, atom: usize) -> Range<usize> {
        let pairs = self.pairs_of(atom);
        let start =
            |index| if index < self.pairs.len() { self.pairs.range(index).start } else { self.pairs.n_values() };
        start(pairs.start)..start(pairs.end)
    }

    fn pairs_of(&self, atom: usize) -> Range<usize> {
        let first = |atom| self.pairs.as_slice().partition_point(|pair| (pair.i as usize) < atom);
        first(atom)..first(atom + 1)
    }

    /// Goes through the stored elements of the rows of `atom` that lie in one of the blocks.
    pub fn visit(&self, atom: usize, mut visit: impl FnMut(Element)) {
        let of_atom = self.pairs_of(atom);
        let pairs = &self.pairs.as_slice()[of_atom.clone()];
        let rows = self.places.basis.orbitals_of(atom);
        for (row, mu) in rows.clone().zip(&self.orbitals[rows]) {
            let mut run = Run::default();
            for element in self.places.sparsity.row(row) {
                let (column, image) = self.places.sparsity.column(element);
                let nu = &self.orbitals[column];
                if run.key != (nu.atom, image) {
                    let pair = Pair { i: atom as u32, j: nu.atom, r: self.places.supercell.offsets[image] };
                    let found = pairs.binary_search(&pair).ok();
                    let offset = found.map(|index| self.pairs.range(of_atom.start + index).start);
                    run = Run {
                        key: (nu.atom, image),
                        offset,
                        width: self.places.basis.orbitals_of(nu.atom as usize).len(),
                    };
                }
                let Some(offset) = run.offset else { continue };
                let place = offset + mu.place as usize * run.width + nu.place as usize;
                visit(Element { element, place, sign: mu.sign * nu.sign });
            }
        }
    }
}

/// Neighbouring elements of a row that lie in the same block: the orbitals of an atom mostly follow each other.
struct Run {
    /// Atom of the column, image.
    key: (u32, usize),
    /// Where the block starts.
    offset: Option<usize>,
    /// Its number of columns.
    width: usize,
}

impl Default for Run {
    fn default() -> Self {
        Run { key: (u32::MAX, usize::MAX), offset: None, width: 0 }
    }
}

/// Every orbital of the home cell.
fn orbitals(places: &Places) -> Vec<Orbital> {
    let of_atom = |atom: usize| {
        let shells = &places.basis.species_of(atom).shells;
        let signs = shells.iter().flat_map(|shell| harmonics::siesta(shell.l).sign);
        signs.enumerate().map(move |(place, sign)| Orbital { atom: atom as u32, place: place as u32, sign })
    };
    (0..places.basis.n_atoms()).flat_map(of_atom).collect()
}

/// Pairs (atom, ·, ·), each once.
fn touched_pairs(places: &Places, orbitals: &[Orbital], atom: usize, counts: &impl Fn(usize) -> bool) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for row in places.basis.orbitals_of(atom) {
        let mut last = None;
        for element in places.sparsity.row(row) {
            let (column, image) = places.sparsity.column(element);
            let key = Some((orbitals[column].atom, image));
            if last != key && counts(element) {
                last = key;
                pairs.push(Pair { i: atom as u32, j: orbitals[column].atom, r: places.supercell.offsets[image] });
            }
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// Takes the first `n` elements away.
fn cut<'v, T>(values: &mut &'v mut [T], n: usize) -> &'v mut [T] {
    values.split_off_mut(..n).unwrap_or_default()
}
