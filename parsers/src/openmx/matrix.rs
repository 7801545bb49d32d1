//! What an `.scfout` means: sets of blocks in OpenMX' order ⇄ operators in canonical order. Both are in hartree, and all
//! signs agree, so that every step but one is a permutation: Im ud = `Hks[3]` + `iHks[2]` (see [`Blocks::set_hamiltonian`]).
//!
//! Blocks (i, j, R) and (j, i, −R) are both in the file, computed independently: they agree to 10⁻¹⁰ (S) and 10⁻⁹ hartree
//! (H). They are kept as they are, so that what was read is written again to the bit; H(k) and S(k) are then Hermitian to
//! that precision, and become so exactly where they are diagonalised.

use std::sync::Arc;

use rayon::prelude::*;

use super::scfout::{Numbers, Scfout, Set, Spin};
use crate::basis::Basis;
use crate::complete;
use crate::error::{Error, ErrorKind, Result};
use crate::harmonics;
use crate::memory::prefer_huge_pages;
use crate::operator::{Operator, Pair, Pairs, SpinOperator, c64};

/// Where each element of a set lies in an operator. All sets of a file share it.
#[derive(Debug, Clone)]
pub struct Blocks {
    pairs: Arc<Pairs>,
    /// Per species: position in the file's atom of each canonical orbital.
    orders: Vec<Vec<usize>>,
    species: Vec<usize>,
    /// Per atom: index of each of its blocks in `pairs`, in the order of the file, and the other atom.
    blocks: Vec<Vec<(usize, usize)>>,
    /// Per atom: first element, in the file and in the operator alike, since both go atom by atom. One more at the end.
    first: Vec<usize>,
}

impl Blocks {
    /// The blocks of a file.
    ///
    /// # Errors
    /// `Inconsistent` where atoms or orbitals do not fit the basis, or a block is there twice; `Unsupported` for shells
    /// beyond f.
    pub fn new(scfout: &Scfout, basis: &Basis) -> Result<Self> {
        check_orbitals(scfout, basis)?;
        let pair =
            |i: usize, h: usize| Pair { i: i as u32, j: scfout.natn[i][h] as u32, r: scfout.atv_ijk[scfout.ncn[i][h]] };
        let of_atom = |i: usize| (0..scfout.natn[i].len()).map(move |h| pair(i, h));
        let pairs = Arc::new(Pairs::new((0..scfout.n_atoms()).flat_map(of_atom).collect(), basis)?);
        if pairs.n_values() != scfout.set_size() {
            return Err(Error::inconsistent("an atom has the same neighbour twice"));
        }
        let place = |pair: Pair| Some((pairs.find(&pair)?, pair.j as usize));
        let blocks: Vec<Vec<(usize, usize)>> =
            (0..scfout.n_atoms()).map(|i| of_atom(i).filter_map(place).collect()).collect();
        let first = (0..scfout.n_atoms()).map(|atom| scfout.elements_of(atom).start);
        let first = first.chain([pairs.n_values()]).collect();
        let orders = basis.species().iter().map(|species| order(&species.shells)).collect::<Result<_>>()?;
        let species = (0..basis.n_atoms()).map(|atom| basis.species_index(atom)).collect();
        Ok(Blocks { pairs, orders, species, blocks, first })
    }

    /// The pairs of every operator of the file.
    pub fn pairs(&self) -> &Arc<Pairs> {
        &self.pairs
    }

    /// Uses `pairs` in the place of its own where they are the same, so that they are in memory once.
    pub fn share(&mut self, pairs: &Arc<Pairs>) {
        if self.pairs == *pairs {
            self.pairs = pairs.clone();
        }
    }

    /// S(R).
    ///
    /// # Errors
    /// None for a file that these blocks were made from.
    pub fn overlap(&self, scfout: &Scfout) -> Result<Operator<f64>> {
        self.real(needed(scfout, Set::Overlap)?, 1.0)
    }

    /// H(R) in hartree. SpinP 3: uu = `Hks[0]` + i `iHks[0]`, dd = `Hks[1]` + i `iHks[1]`,
    /// ud = `Hks[2]` + i (`Hks[3]` + `iHks[2]`), and du the Hermitian partner of ud. `imaginary`: whether `iHks` counts
    /// ([`super::Dat::uses_imaginary_part`]).
    ///
    /// # Errors
    /// `Inconsistent` where a block lacks its partner (SpinP 3).
    pub fn hamiltonian(&self, scfout: &Scfout, imaginary: bool) -> Result<SpinOperator> {
        let h = |spin| needed(scfout, Set::H(spin));
        match scfout.spin {
            Spin::Unpolarized => Ok(SpinOperator::Unpolarized(self.real(h(0)?, 1.0)?)),
            Spin::Collinear => Ok(SpinOperator::Collinear([self.real(h(0)?, 1.0)?, self.real(h(1)?, 1.0)?])),
            Spin::NonCollinear => {
                let [uu, dd, re, im] = [h(0)?, h(1)?, h(2)?, h(3)?];
                let i_h = |spin| scfout.numbers(Set::ImH(spin)).filter(|_| imaginary);
                let [i_uu, i_dd, i_ud] = [i_h(0), i_h(1), i_h(2)];
                self.spinor(
                    |n| c64::new(uu.at(n), at(i_uu, n)),
                    |n| c64::new(re.at(n), im.at(n) + at(i_ud, n)),
                    |n| c64::new(dd.at(n), at(i_dd, n)),
                )
            }
        }
    }

    /// DM(R), no unit. SpinP 0: the file holds that of one spin, the operator that of both. SpinP 3: the file holds
    /// Σ f c*_i c_j exp(+2πi k·R) (`Band_DFT_NonCol.c`), the complex conjugate of ours: uu = `DM[0]` − i `iDM[0]`,
    /// dd = `DM[1]` − i `iDM[1]`, ud = `DM[2]` − i `DM[3]`; files of 3.8 lack `iDM`, which is left zero.
    ///
    /// # Errors
    /// As [`Blocks::hamiltonian`].
    pub fn density_matrix(&self, scfout: &Scfout) -> Result<SpinOperator> {
        let dm = |spin| needed(scfout, Set::DensityMatrix(spin));
        match scfout.spin {
            Spin::Unpolarized => Ok(SpinOperator::Unpolarized(self.real(dm(0)?, 2.0)?)),
            Spin::Collinear => Ok(SpinOperator::Collinear([self.real(dm(0)?, 1.0)?, self.real(dm(1)?, 1.0)?])),
            Spin::NonCollinear => {
                let [uu, dd, re, im] = [dm(0)?, dm(1)?, dm(2)?, dm(3)?];
                let [i_uu, i_dd] = [0, 1].map(|spin| scfout.numbers(Set::ImDensityMatrix(spin)));
                self.spinor(
                    |n| c64::new(uu.at(n), -at(i_uu, n)),
                    |n| c64::new(re.at(n), -im.at(n)),
                    |n| c64::new(dd.at(n), -at(i_dd, n)),
                )
            }
        }
    }

    /// Puts H(R) in the place of the `Hks` of a file. SpinP 3: `iHks[0]` and `iHks[1]` become the imaginary parts of uu and
    /// dd, `iHks[2]` stays and `Hks[3]` takes the rest of Im ud; where `imaginary` is false `iHks` stays as a whole. du is not
    /// looked at: OpenMX takes it for the partner of ud. An element of Im ud that is the file's own leaves `Hks[3]` as it
    /// is, so that H goes out to the bit as it came in.
    ///
    /// # Errors
    /// `NotRepresentable` where spin or blocks are not those of the file.
    pub fn set_hamiltonian(&self, scfout: &mut Scfout, h: &SpinOperator, imaginary: bool) -> Result<()> {
        self.check_pairs("H", h.pairs())?;
        let sets = match (scfout.spin, h) {
            (Spin::Unpolarized, SpinOperator::Unpolarized(h)) => vec![(Set::H(0), self.numbers_of(h, 1.0))],
            (Spin::Collinear, SpinOperator::Collinear([up, down])) => {
                vec![(Set::H(0), self.numbers_of(up, 1.0)), (Set::H(1), self.numbers_of(down, 1.0))]
            }
            (Spin::NonCollinear, SpinOperator::Spinor(h)) => self.spinor_sets(scfout, h, imaginary)?,
            _ => return Err(other_spin("H", h, scfout)),
        };
        for (set, values) in sets {
            scfout.replace(set, values);
        }
        Ok(())
    }

    /// Puts S(R) in the place of that of a file.
    ///
    /// # Errors
    /// `NotRepresentable` where its blocks are not those of the file.
    pub fn set_overlap(&self, scfout: &mut Scfout, s: &Operator<f64>) -> Result<()> {
        self.check_pairs("S", s.pairs())?;
        scfout.replace(Set::Overlap, self.numbers_of(s, 1.0));
        Ok(())
    }

    /// Puts DM(R) in the place of that of a file: the inverse of [`Blocks::density_matrix`]. Files of 3.8 have no place for
    /// the imaginary parts of uu and dd.
    ///
    /// # Errors
    /// `NotRepresentable` where spin or blocks are not those of the file.
    pub fn set_density_matrix(&self, scfout: &mut Scfout, dm: &SpinOperator) -> Result<()> {
        self.check_pairs("DM", dm.pairs())?;
        let set = Set::DensityMatrix;
        let sets = match (scfout.spin, dm) {
            (Spin::Unpolarized, SpinOperator::Unpolarized(dm)) => vec![(set(0), self.numbers_of(dm, 0.5))],
            (Spin::Collinear, SpinOperator::Collinear([up, down])) => {
                vec![(set(0), self.numbers_of(up, 1.0)), (set(1), self.numbers_of(down, 1.0))]
            }
            (Spin::NonCollinear, SpinOperator::Spinor([uu, ud, _, dd])) => {
                let [uu, ud, dd] = [uu, ud, dd].map(Operator::values);
                vec![
                    (set(0), self.scatter(|_, ours| uu[ours].re)),
                    (set(1), self.scatter(|_, ours| dd[ours].re)),
                    (set(2), self.scatter(|_, ours| ud[ours].re)),
                    (set(3), self.scatter(|_, ours| -ud[ours].im)),
                    (Set::ImDensityMatrix(0), self.scatter(|_, ours| -uu[ours].im)),
                    (Set::ImDensityMatrix(1), self.scatter(|_, ours| -dd[ours].im)),
                ]
            }
            _ => return Err(other_spin("DM", dm, scfout)),
        };
        for (set, values) in sets {
            scfout.replace(set, values);
        }
        Ok(())
    }

    fn check_pairs(&self, name: &str, pairs: &Arc<Pairs>) -> Result<()> {
        if *pairs == self.pairs {
            return Ok(());
        }
        complete::check_blocks(name, pairs, &self.pairs)?;
        Err(cannot_write(&format!("{name} has blocks that the file has no place for")))
    }

    fn spinor_sets(
        &self,
        scfout: &Scfout,
        [uu, ud, _, dd]: &[Operator<c64>; 4],
        imaginary: bool,
    ) -> Result<Vec<(Set, Vec<f64>)>> {
        let [uu, ud, dd] = [uu, ud, dd].map(Operator::values);
        let local = needed(scfout, Set::H(3))?;
        let nonlocal = scfout.numbers(Set::ImH(2)).filter(|_| imaginary);
        let rest = |file: usize, ours: usize| {
            let (local, nonlocal) = (local.at(file), at(nonlocal, file));
            if local + nonlocal == ud[ours].im { local } else { ud[ours].im - nonlocal }
        };
        let mut sets = vec![
            (Set::H(0), self.scatter(|_, ours| uu[ours].re)),
            (Set::H(1), self.scatter(|_, ours| dd[ours].re)),
            (Set::H(2), self.scatter(|_, ours| ud[ours].re)),
            (Set::H(3), self.scatter(rest)),
        ];
        if imaginary {
            sets.push((Set::ImH(0), self.scatter(|_, ours| uu[ours].im)));
            sets.push((Set::ImH(1), self.scatter(|_, ours| dd[ours].im)));
        }
        Ok(sets)
    }

    fn real(&self, numbers: Numbers, scale: f64) -> Result<Operator<f64>> {
        Operator::new(self.pairs.clone(), self.gather(|n| scale * numbers.at(n)))
    }

    fn spinor(
        &self,
        uu: impl Fn(usize) -> c64 + Sync,
        ud: impl Fn(usize) -> c64 + Sync,
        dd: impl Fn(usize) -> c64 + Sync,
    ) -> Result<SpinOperator> {
        let operator = |values| Operator::new(self.pairs.clone(), values);
        let (uu, ud, dd) = (self.gather(uu), self.gather(ud), self.gather(dd));
        let du = self.adjoint(&ud)?;
        Ok(SpinOperator::Spinor([operator(uu)?, operator(ud)?, operator(du)?, operator(dd)?]))
    }

    /// O†: block (i, j, R) is the conjugate transpose of block (j, i, −R).
    fn adjoint(&self, values: &[c64]) -> Result<Vec<c64>> {
        let mut adjoint = Vec::with_capacity(values.len());
        for (pair, partner) in self.pairs.as_slice().iter().zip(self.pairs.partners()) {
            let Some(partner) = partner else {
                let Pair { i, j, r } = pair;
                let message = format!("block ({}, {}, {r:?}) has no partner of the opposite direction", i + 1, j + 1);
                return Err(Error::inconsistent(message));
            };
            let block = &values[self.pairs.range(partner)];
            let (rows, columns) = (self.order_of(pair.i as usize).len(), self.order_of(pair.j as usize).len());
            adjoint.extend((0..rows).flat_map(|row| (0..columns).map(move |column| block[column * rows + row].conj())));
        }
        Ok(adjoint)
    }

    fn numbers_of(&self, operator: &Operator<f64>, scale: f64) -> Vec<f64> {
        self.scatter(|_, ours| scale * operator.values()[ours])
    }

    /// Values of an operator out of a function of the place in the file.
    fn gather<T: Copy + Default + Send>(&self, number: impl Fn(usize) -> T + Sync) -> Vec<T> {
        self.by_atom(|atom, values, first| {
            self.elements(atom, |file, ours| values[ours - first] = number(file));
        })
    }

    /// Numbers of a set out of a function of the places in the file and in the operator.
    fn scatter(&self, number: impl Fn(usize, usize) -> f64 + Sync) -> Vec<f64> {
        self.by_atom(|atom, values, first| {
            self.elements(atom, |file, ours| values[file - first] = number(file, ours));
        })
    }

    /// Fills an array atom by atom, in parallel.
    fn by_atom<T: Copy + Default + Send>(&self, fill: impl Fn(usize, &mut [T], usize) + Sync) -> Vec<T> {
        let mut values = vec![T::default(); self.pairs.n_values()];
        prefer_huge_pages(&mut values);
        let mut parts = Vec::with_capacity(self.blocks.len());
        let mut rest = values.as_mut_slice();
        for range in self.first.windows(2) {
            let (part, after) = rest.split_at_mut(range[1] - range[0]);
            parts.push(part);
            rest = after;
        }
        parts.into_par_iter().enumerate().for_each(|(atom, part)| fill(atom, part, self.first[atom]));
        values
    }

    /// Visits the elements of an atom's blocks: place in the set of the file, place in the operator.
    fn elements(&self, atom: usize, mut visit: impl FnMut(usize, usize)) {
        let rows = self.order_of(atom);
        let mut start = self.first[atom];
        for &(block, other) in &self.blocks[atom] {
            let columns = self.order_of(other);
            let mut ours = self.pairs.range(block).start;
            for row in rows {
                for column in columns {
                    visit(start + row * columns.len() + column, ours);
                    ours += 1;
                }
            }
            start += rows.len() * columns.len();
        }
    }

    fn order_of(&self, atom: usize) -> &[usize] {
        &self.orders[self.species[atom]]
    }
}

#[inline]
fn at(numbers: Option<Numbers>, index: usize) -> f64 {
    numbers.map_or(0.0, |numbers| numbers.at(index))
}

fn needed(scfout: &Scfout, set: Set) -> Result<Numbers<'_>> {
    scfout.numbers(set).ok_or_else(|| Error::inconsistent(format!("the file has no {set:?}")))
}

/// Position in the file of each canonical orbital of an atom.
fn order(shells: &[crate::basis::Shell]) -> Result<Vec<usize>> {
    let mut order = Vec::new();
    for shell in shells {
        let inside = harmonics::openmx(shell.l)
            .ok_or_else(|| Error::unsupported("the order of OpenMX' g orbitals is not known here"))?;
        let first = order.len();
        order.extend(inside.index.iter().map(|m| first + m));
    }
    Ok(order)
}

fn check_orbitals(scfout: &Scfout, basis: &Basis) -> Result<()> {
    if scfout.n_atoms() != basis.n_atoms() {
        let message = format!("the file has {} atoms, but its input text {}", scfout.n_atoms(), basis.n_atoms());
        return Err(Error::inconsistent(message));
    }
    for (atom, &n) in scfout.n_orbitals.iter().enumerate() {
        let species = basis.species_of(atom);
        if n != species.n_orbitals() {
            let (label, shells) = (&species.label, species.shells_text());
            let message = format!("atom {} has {n} orbitals, but its basis is {label}: {shells}", atom + 1);
            return Err(Error::inconsistent(message));
        }
    }
    Ok(())
}

fn other_spin(name: &str, operator: &SpinOperator, scfout: &Scfout) -> Error {
    cannot_write(&format!("{name} has nspin {}, the file SpinP {}", operator.nspin(), scfout.spin.number()))
}

fn cannot_write(what: &str) -> Error {
    ErrorKind::NotRepresentable { format: "OpenMX scfout".into(), what: what.into() }.into()
}
