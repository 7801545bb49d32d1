//! Sparse matrices per R → dense blocks per pair of atoms, in parallel over the atoms of the rows.

use std::ops::{Mul, Range};

use rayon::prelude::*;

use crate::abacus::csr::{Block, Element};
use crate::basis::{Basis, Species};
use crate::harmonics;
use crate::memory::prefer_huge_pages;
use crate::operator::{Pair, Pairs, c64};

/// Where a row or column of the file goes inside its atom.
#[derive(Debug, Clone, Copy)]
pub(in crate::abacus) struct Target {
    /// Place among the atom's orbitals, canonical order.
    pub place: usize,
    /// 0 up, 1 down.
    pub spin: usize,
    /// ABACUS' function is `sign` times the canonical one.
    pub sign: f64,
}

/// Rows of the file (index = spins · orbital + spin), atom by atom.
pub(in crate::abacus) struct FileOrder<'a> {
    basis: &'a Basis,
    spins: usize,
    of_species: Vec<Vec<Target>>,
    atom_of: Vec<u32>,
}

impl<'a> FileOrder<'a> {
    pub fn new(basis: &'a Basis, spins: usize) -> Self {
        let of_species = basis.species().iter().map(|species| species_targets(species, spins)).collect();
        let rows_of = |atom| std::iter::repeat_n(atom as u32, spins * basis.orbitals_of(atom).len());
        FileOrder { basis, spins, of_species, atom_of: (0..basis.n_atoms()).flat_map(rows_of).collect() }
    }

    /// Rows of `atom` in the file.
    pub fn rows(&self, atom: usize) -> Range<usize> {
        let orbitals = self.basis.orbitals_of(atom);
        self.spins * orbitals.start..self.spins * orbitals.end
    }

    /// Where the rows of `atom` go, one after the other.
    pub fn targets(&self, atom: usize) -> &[Target] {
        &self.of_species[self.basis.species_index(atom)]
    }

    /// Numbers of all orbitals in canonical order, for spinors first those of spin up, in the order and with the signs of the
    /// file's functions.
    pub fn arranged(&self, canonical: &[c64]) -> Vec<c64> {
        let n = self.basis.n_orbitals();
        let of_atom = |atom| {
            let first = self.basis.orbitals_of(atom).start;
            self.targets(atom).iter().map(move |target| canonical[target.spin * n + first + target.place] * target.sign)
        };
        (0..self.basis.n_atoms()).flat_map(of_atom).collect()
    }

    /// The atom of row `row`.
    pub fn atom_of(&self, row: u32) -> usize {
        self.atom_of[row as usize] as usize
    }
}

fn species_targets(species: &Species, spins: usize) -> Vec<Target> {
    let mut targets = Vec::with_capacity(spins * species.n_orbitals());
    let mut first = 0;
    for shell in &species.shells {
        let order = harmonics::abacus(shell.l);
        let canonical_of = |file: usize| order.index.iter().position(|&index| index == file).unwrap_or(file);
        for canonical in (0..shell.n_orbitals()).map(canonical_of) {
            let sign = order.sign[canonical];
            targets.extend((0..spins).map(|spin| Target { place: first + canonical, spin, sign }));
        }
        first += shell.n_orbitals();
    }
    targets
}

/// Every (i, j, R) with at least one stored element; `spins` rows of the file per orbital.
pub(super) fn touched_pairs<T: Element>(blocks: &[Block<T>], basis: &Basis, spins: usize) -> Vec<Pair> {
    let order = FileOrder::new(basis, spins);
    // `seen[j]`: the last (i, R) with j; of atom after atom, since to forget all j for each i would take quadratic time.
    let of_atom = |seen: &mut Vec<usize>, i: usize| {
        let mut pairs = Vec::new();
        for (matrix, block) in (i * blocks.len()..).zip(blocks) {
            for row in order.rows(i) {
                let mut next_atom = 0;
                for &column in block.row(row).0 {
                    if column < next_atom {
                        continue;
                    }
                    let j = order.atom_of(column);
                    next_atom = order.rows(j).end as u32;
                    if std::mem::replace(&mut seen[j], matrix) != matrix {
                        pairs.push(Pair { i: i as u32, j: j as u32, r: block.r });
                    }
                }
            }
        }
        pairs
    };
    let nothing_seen = || vec![usize::MAX; basis.n_atoms()];
    (0..basis.n_atoms()).into_par_iter().map_init(nothing_seen, of_atom).flatten_iter().collect()
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
    let order = FileOrder::new(basis, const { N.isqrt() });
    let mut values: [Vec<T>; N] = std::array::from_fn(|_| vec![T::default(); pairs.n_values()]);
    values.iter_mut().for_each(|values| prefer_huge_pages(values));
    let mut rests: [&mut [T]; N] = values.each_mut().map(Vec::as_mut_slice);
    let tasks: Vec<AtomRows<T, N>> = (0..basis.n_atoms())
        .map(|atom| {
            let range = values_of_atom(pairs, atom);
            let out = rests.each_mut().map(|rest| rest.split_off_mut(..range.len()).unwrap_or_default());
            AtomRows { atom, first_value: range.start, out }
        })
        .collect();
    let slots = || (0..basis.n_atoms()).map(|j| Slot::of_atom(j, &order)).collect::<Vec<_>>();
    let fill = |slots: &mut Vec<Slot>, mut rows: AtomRows<T, N>| rows.fill(blocks, &order, pairs, scale, slots);
    // Slots go from atom to atom: new ones for each would take quadratic time.
    tasks.into_par_iter().for_each_init(slots, fill);
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

/// Where the columns of some atom j go in [`AtomRows::out`].
#[derive(Clone, Copy)]
struct Slot<'a> {
    /// For which atom of the rows and which matrix: atom · matrices + matrix.
    of: usize,
    /// Where block (i, j, R) starts.
    offset: usize,
    first_column: u32,
    end_column: u32,
    /// Number of orbitals of j.
    width: usize,
    targets: &'a [Target],
}

impl<'a> Slot<'a> {
    fn of_atom(atom: usize, order: &'a FileOrder) -> Self {
        let (rows, targets) = (order.rows(atom), order.targets(atom));
        let (first_column, end_column) = (rows.start as u32, rows.end as u32);
        Slot { of: usize::MAX, offset: 0, first_column, end_column, width: rows.len() / order.spins, targets }
    }
}

impl<T: Element + Mul<f64, Output = T>, const N: usize> AtomRows<'_, T, N> {
    fn fill(&mut self, blocks: &[Block<T>], order: &FileOrder, pairs: &Pairs, scale: f64, slots: &mut [Slot]) {
        for (of, block) in (self.atom * blocks.len()..).zip(blocks) {
            for (row, mu) in order.rows(self.atom).zip(order.targets(self.atom)) {
                let (columns, values) = block.row(row);
                // columns ascend: all those of one atom follow each other
                let mut slot = Slot { end_column: 0, ..slots[self.atom] };
                for (&column, &value) in columns.iter().zip(values) {
                    if column >= slot.end_column {
                        let j = order.atom_of(column);
                        if slots[j].of != of {
                            let pair = Pair { i: self.atom as u32, j: j as u32, r: block.r };
                            let Some(index) = pairs.find(&pair) else { continue };
                            slots[j].of = of;
                            slots[j].offset = pairs.range(index).start - self.first_value;
                        }
                        slot = slots[j];
                    }
                    let nu = &slot.targets[(column - slot.first_column) as usize];
                    let place = slot.offset + mu.place * slot.width + nu.place;
                    let component = const { N.isqrt() } * mu.spin + nu.spin;
                    self.out[component][place] = value * (mu.sign * nu.sign * scale);
                }
            }
        }
    }
}
