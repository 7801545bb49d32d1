//! Sparse matrices per R → dense blocks per pair of atoms, in parallel over the atoms of the rows.

use std::ops::{Mul, Range};

use rayon::prelude::*;

use crate::abacus::csr::{Block, Element};
use crate::basis::Basis;
use crate::harmonics;
use crate::operator::{Pair, Pairs};

/// Where an orbital of the file goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    /// Its atom.
    pub atom: u32,
    /// Its place among the atom's orbitals, canonical order.
    pub place: u32,
    /// ABACUS' function is `sign` times the canonical one.
    pub sign: f64,
}

/// For every orbital of the file its atom, canonical place and sign.
pub(super) fn targets(basis: &Basis) -> Vec<Target> {
    let mut targets = Vec::with_capacity(basis.n_orbitals());
    for atom in 0..basis.n_atoms() {
        let mut first = 0;
        for shell in &basis.species_of(atom).shells {
            let order = harmonics::abacus(shell.l);
            let start = targets.len();
            targets.resize(start + shell.n_orbitals(), Target { atom: atom as u32, place: 0, sign: 1.0 });
            for (canonical, (&file, &sign)) in order.index.iter().zip(&order.sign).enumerate() {
                targets[start + file] = Target { atom: atom as u32, place: first + canonical as u32, sign };
            }
            first += shell.n_orbitals() as u32;
        }
    }
    targets
}

/// Every (i, j, R) with at least one stored element; `spins` file indices per orbital.
pub(super) fn touched_pairs<T: Element>(blocks: &[Block<T>], basis: &Basis, spins: usize) -> Vec<Pair> {
    let targets = targets(basis);
    let of_atom = |atom: usize| {
        let mut pairs = Vec::new();
        let mut seen = vec![usize::MAX; basis.n_atoms()];
        for (k, block) in blocks.iter().enumerate() {
            for row in file_rows(basis, atom, spins) {
                for &column in block.row(row).0 {
                    let j = targets[column as usize / spins].atom;
                    if std::mem::replace(&mut seen[j as usize], k) != k {
                        pairs.push(Pair { i: atom as u32, j, r: block.r });
                    }
                }
            }
        }
        pairs
    };
    (0..basis.n_atoms()).into_par_iter().flat_map_iter(of_atom).collect()
}

fn file_rows(basis: &Basis, atom: usize, spins: usize) -> Range<usize> {
    let orbitals = basis.orbitals_of(atom);
    spins * orbitals.start..spins * orbitals.end
}

/// Elements of a matrix without spin indices, on `pairs`, times `scale`.
pub(super) fn fill<T>(blocks: &[Block<T>], basis: &Basis, pairs: &Pairs, scale: f64) -> Vec<T>
where
    T: Element + Mul<f64, Output = T>,
{
    let [values] = fill_components::<T, 1>(blocks, basis, pairs, scale);
    values
}

/// Elements of a matrix with interleaved spin: uu, ud, du, dd.
pub(super) fn fill_spin<T>(blocks: &[Block<T>], basis: &Basis, pairs: &Pairs, scale: f64) -> [Vec<T>; 4]
where
    T: Element + Mul<f64, Output = T>,
{
    fill_components::<T, 4>(blocks, basis, pairs, scale)
}

/// `N` = (spins per orbital)²; component = spins · row spin + column spin.
fn fill_components<T, const N: usize>(blocks: &[Block<T>], basis: &Basis, pairs: &Pairs, scale: f64) -> [Vec<T>; N]
where
    T: Element + Mul<f64, Output = T>,
{
    let targets = targets(basis);
    let mut values: [Vec<T>; N] = std::array::from_fn(|_| vec![T::default(); pairs.n_values()]);
    let mut rests: [&mut [T]; N] = values.each_mut().map(Vec::as_mut_slice);
    let tasks: Vec<AtomRows<T, N>> = (0..basis.n_atoms())
        .map(|atom| {
            let range = values_of_atom(pairs, atom);
            let out = rests.each_mut().map(|rest| rest.split_off_mut(..range.len()).unwrap_or_default());
            AtomRows { atom, first_value: range.start, out }
        })
        .collect();
    tasks.into_par_iter().for_each(|mut rows| rows.fill(blocks, basis, pairs, &targets, scale));
    values
}

/// Storage of all blocks (i, ·, ·).
fn values_of_atom(pairs: &Pairs, atom: usize) -> Range<usize> {
    let first_pair = |atom| pairs.as_slice().partition_point(|pair| (pair.i as usize) < atom);
    let offset = |index| if index < pairs.len() { pairs.range(index).start } else { pairs.n_values() };
    offset(first_pair(atom))..offset(first_pair(atom + 1))
}

/// The part of the dense blocks that belongs to the rows of one atom.
struct AtomRows<'a, T, const N: usize> {
    atom: usize,
    /// Offset of `out` in the whole storage.
    first_value: usize,
    out: [&'a mut [T]; N],
}

/// Where the block with some atom j starts in [`AtomRows::out`], for the matrix number `matrix`.
#[derive(Clone, Copy)]
struct Slot {
    matrix: usize,
    offset: usize,
    width: usize,
}

impl<T: Element + Mul<f64, Output = T>, const N: usize> AtomRows<'_, T, N> {
    fn fill(&mut self, blocks: &[Block<T>], basis: &Basis, pairs: &Pairs, targets: &[Target], scale: f64) {
        let spins = const { N.isqrt() };
        let mut slots = vec![Slot { matrix: usize::MAX, offset: 0, width: 0 }; basis.n_atoms()];
        for (matrix, block) in blocks.iter().enumerate() {
            for row in file_rows(basis, self.atom, spins) {
                let (mu, s) = (targets[row / spins], row % spins);
                let (columns, values) = block.row(row);
                for (&column, &value) in columns.iter().zip(values) {
                    let (nu, t) = (targets[column as usize / spins], column as usize % spins);
                    let slot = &mut slots[nu.atom as usize];
                    if slot.matrix != matrix {
                        let pair = Pair { i: mu.atom, j: nu.atom, r: block.r };
                        let Some(index) = pairs.find(&pair) else { continue };
                        let offset = pairs.range(index).start - self.first_value;
                        *slot = Slot { matrix, offset, width: basis.orbitals_of(nu.atom as usize).len() };
                    }
                    let place = slot.offset + mu.place as usize * slot.width + nu.place as usize;
                    self.out[spins * s + t][place] = value * (mu.sign * nu.sign * scale);
                }
            }
        }
    }
}
