//! How a block lies in a file: row-major, spin outside the orbitals of an atom (`[[uu, ud], [du, dd]]`), orbitals in the
//! file's order; and the operators that are made of such blocks.

use std::sync::Arc;

use rayon::prelude::*;

use super::entries::Entries;
use crate::basis::{Basis, Species};
use crate::error::{Error, Result};
use crate::h5::Source;
use crate::harmonics;
use crate::memory::prefer_huge_pages;
use crate::operator::{Operator, Pair, Pairs, SpinOperator, c64};

/// uu, ud, du, dd: spin of row and column.
const COMPONENTS: [[usize; 2]; 4] = [[0, 0], [0, 1], [1, 0], [1, 1]];

/// Where a file puts the orbitals of each atom.
pub(crate) struct Orbitals<'a> {
    basis: &'a Basis,
    /// For each species the place in the file of each of our orbitals.
    places: Vec<Vec<usize>>,
}

impl<'a> Orbitals<'a> {
    /// In our own order: that of the updated layout.
    pub fn canonical(basis: &'a Basis) -> Self {
        let places = basis.species().iter().map(|species| (0..species.n_orbitals()).collect());
        Orbitals { basis, places: places.collect() }
    }

    /// In OpenMX' order: that of the legacy layout, whatever the source.
    ///
    /// # Errors
    /// `Unsupported` for shells beyond f, for which neither OpenMX nor the legacy layout has an order.
    pub fn openmx(basis: &'a Basis) -> Result<Self> {
        let places = basis.species().iter().map(openmx_places).collect::<Result<_>>()?;
        Ok(Orbitals { basis, places })
    }

    pub fn basis(&self) -> &'a Basis {
        self.basis
    }

    /// The block of a pair, with 1 or 2 spins.
    pub fn block(&self, pair: &Pair, spins: usize) -> Block<'_> {
        let of = |atom: u32| &self.places[self.basis.species_index(atom as usize)][..];
        Block { rows: of(pair.i), columns: of(pair.j), spins }
    }

    /// Layouts with one data set for each block: those of `group` with these names, one after the other, and where each starts.
    ///
    /// # Errors
    /// `Syntax` where numbers are of another kind; `Inconsistent` where a block does not fit its atoms.
    pub fn read_named(
        &self,
        group: &Source,
        named: &[(Pair, &String)],
        spins: usize,
    ) -> Result<(Vec<(Pair, usize)>, Entries)> {
        let mut entries: Option<Entries> = None;
        let mut found = Vec::with_capacity(named.len());
        for (pair, name) in named {
            let data = group.data(name)?;
            let (shape, expected) = (data.shape(), self.block(pair, spins).shape());
            if shape != expected {
                let message = format!("block `{name}` has the shape {shape:?} instead of {expected:?}");
                return Err(Error::inconsistent(message));
            }
            found.push((*pair, entries.as_ref().map_or(0, Entries::len)));
            match &mut entries {
                Some(entries) => entries.append(&data)?,
                None => entries = Some(Entries::read(&data)?),
            }
        }
        Ok((found, entries.unwrap_or(Entries::Real(Vec::new()))))
    }
}

fn openmx_places(species: &Species) -> Result<Vec<usize>> {
    let mut places = Vec::with_capacity(species.n_orbitals());
    for shell in &species.shells {
        let first = places.len();
        let order = harmonics::openmx(shell.l).ok_or_else(|| {
            let message = format!(
                "species {} has a shell with l = {}: the order of orbitals is known up to l = 3",
                species.label, shell.l
            );
            Error::unsupported(message)
        })?;
        places.extend(order.index.into_iter().map(|place| first + place));
    }
    Ok(places)
}

/// One block of a file.
pub(crate) struct Block<'a> {
    rows: &'a [usize],
    columns: &'a [usize],
    spins: usize,
}

impl Block<'_> {
    /// Rows and columns.
    pub fn shape(&self) -> [usize; 2] {
        [self.spins * self.rows.len(), self.spins * self.columns.len()]
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape().iter().product()
    }

    /// Places in the file's block of the elements of one spin component, in our order.
    fn places(&self, [s, t]: [usize; 2]) -> impl Iterator<Item = usize> {
        let [_, width] = self.shape();
        let (above, left) = (s * self.rows.len(), t * self.columns.len());
        self.rows.iter().flat_map(move |row| {
            let start = (above + row) * width + left;
            self.columns.iter().map(move |column| start + column)
        })
    }
}

/// All elements of `operator` on the blocks of `pairs`, zeros where it has none: complex for operators with spin.
pub(crate) fn entries_of(operator: &SpinOperator, pairs: &Pairs, orbitals: &Orbitals) -> Entries {
    match operator {
        SpinOperator::Unpolarized(o) => Entries::Real(gathered(&[([0, 0], o)], pairs, orbitals, 1)),
        SpinOperator::Collinear([up, down]) => {
            Entries::Complex(gathered(&[([0, 0], up), ([1, 1], down)], pairs, orbitals, 2))
        }
        SpinOperator::Spinor([uu, ud, du, dd]) => {
            let [at_uu, at_ud, at_du, at_dd] = COMPONENTS;
            Entries::Complex(gathered(&[(at_uu, uu), (at_ud, ud), (at_du, du), (at_dd, dd)], pairs, orbitals, 2))
        }
    }
}

/// The same for a matrix without spin.
pub(crate) fn spinless_entries_of(operator: &Operator<f64>, pairs: &Pairs, orbitals: &Orbitals) -> Entries {
    Entries::Real(gathered(&[([0, 0], operator)], pairs, orbitals, 1))
}

fn gathered<T, U>(components: &[([usize; 2], &Operator<T>)], pairs: &Pairs, orbitals: &Orbitals, spins: usize) -> Vec<U>
where
    T: Copy + Sync,
    U: From<T> + Clone + Default + Send,
{
    let mut entries = vec![U::default(); spins * spins * pairs.n_values()];
    prefer_huge_pages(&mut entries);
    split(pairs, spins * spins, &mut entries).into_par_iter().for_each(|(_, pair, out)| {
        let block = orbitals.block(pair, spins);
        for (spin, operator) in components {
            for (place, &value) in block.places(*spin).zip(operator.get(pair).unwrap_or_default()) {
                out[place] = value.into();
            }
        }
    });
    entries
}

/// Number, pair and elements of each block, `factor` times as many as the pair has without spin.
fn split<'a, T>(pairs: &'a Pairs, factor: usize, mut values: &'a mut [T]) -> Vec<(usize, &'a Pair, &'a mut [T])> {
    let cut = |(index, pair)| {
        let (block, rest) = std::mem::take(&mut values).split_at_mut(factor * pairs.range(index).len());
        values = rest;
        (index, pair, block)
    };
    pairs.as_slice().iter().enumerate().map(cut).collect()
}

/// The blocks of a file, and where each starts among its entries.
pub(crate) struct Stored {
    pairs: Arc<Pairs>,
    starts: Vec<usize>,
    spins: usize,
}

impl Stored {
    /// `found`: the file's pairs and where their blocks start, in any order. The caller has checked that atoms exist, and
    /// that blocks lie inside the entries.
    ///
    /// # Errors
    /// `Inconsistent` where a pair comes twice.
    pub fn new(mut found: Vec<(Pair, usize)>, basis: &Basis, spins: usize) -> Result<Self> {
        found.par_sort_unstable();
        if let Some(twice) = found.windows(2).find(|two| two[0].0 == two[1].0) {
            let Pair { i, j, r } = twice[0].0;
            return Err(Error::inconsistent(format!("atoms {i} and {j} (from 0) have two blocks at R = {r:?}")));
        }
        let (pairs, starts) = found.into_iter().unzip();
        Ok(Stored { pairs: Arc::new(Pairs::new(pairs, basis)?), starts, spins })
    }

    /// The matrix without spin.
    ///
    /// # Errors
    /// `Syntax` where the entries are complex.
    pub fn spinless(&self, entries: &Entries, orbitals: &Orbitals) -> Result<Operator<f64>> {
        match entries {
            Entries::Real(values) => self.component(values, orbitals, [0, 0]),
            Entries::Complex(_) => Err(Error::syntax("real numbers in a matrix without spin", "complex ones")),
        }
    }

    /// The matrix with as many spins as the file has.
    ///
    /// # Errors
    /// As [`Stored::spinless`].
    pub fn operator(&self, entries: &Entries, orbitals: &Orbitals) -> Result<SpinOperator> {
        if self.spins == 1 {
            return self.spinless(entries, orbitals).map(SpinOperator::Unpolarized);
        }
        let [uu, ud, du, dd] = COMPONENTS.map(|spin| match entries {
            Entries::Real(values) => self.component::<_, c64>(values, orbitals, spin),
            Entries::Complex(values) => self.component(values, orbitals, spin),
        });
        Ok(SpinOperator::Spinor([uu?, ud?, du?, dd?]))
    }

    fn component<T, U>(&self, entries: &[T], orbitals: &Orbitals, spin: [usize; 2]) -> Result<Operator<U>>
    where
        T: Copy + Sync,
        U: From<T> + Clone + Default + Send,
    {
        let mut values = vec![U::default(); self.pairs.n_values()];
        prefer_huge_pages(&mut values);
        split(&self.pairs, 1, &mut values).into_par_iter().for_each(|(index, pair, out)| {
            let stored = &entries[self.starts[index]..];
            for (place, value) in orbitals.block(pair, self.spins).places(spin).zip(out) {
                *value = stored[place].into();
            }
        });
        Operator::new(self.pairs.clone(), values)
    }
}
