//! H(R), S(R), DM(R): dense blocks of orbital pairs.

use std::ops::Range;
use std::sync::Arc;

use num_complex::Complex;

use crate::basis::Basis;
use crate::error::{Error, Result};

/// Complex double.
#[allow(non_camel_case_types)]
pub type c64 = Complex<f64>;

/// Block (i, j, R): rows are the orbitals of atom `i` in the home cell, columns those of atom `j` in cell `R`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair {
    /// Atom in the home cell.
    pub i: u32,
    /// Atom in cell `r`.
    pub j: u32,
    /// Lattice vector, in units of the lattice vectors.
    pub r: [i32; 3],
}

impl Pair {
    /// No orbital reaches further, in lattice vectors: up to here −R and the difference of two R are numbers, too.
    pub const LARGEST_CELL: u32 = 1_000_000;

    /// The lattice vector `r` of a file.
    ///
    /// # Errors
    /// `Limit` beyond [`Pair::LARGEST_CELL`].
    pub fn cell<T: Into<i64>>(r: [T; 3]) -> Result<[i32; 3]> {
        let r = r.map(Into::into);
        let furthest = r.map(i64::unsigned_abs).into_iter().fold(0, u64::max);
        match furthest > u64::from(Self::LARGEST_CELL) {
            true => Err(Error::limit("a component of R", furthest, Self::LARGEST_CELL.into())),
            false => Ok(r.map(|x| x as i32)),
        }
    }

    /// The block of atom `i` with itself in the home cell.
    pub fn onsite(i: usize) -> Self {
        Pair { i: i as u32, j: i as u32, r: [0; 3] }
    }

    /// Is it an on-site block?
    pub fn is_onsite(&self) -> bool {
        self.i == self.j && self.r == [0; 3]
    }

    /// The Hermitian partner (j, i, −R).
    pub fn reversed(&self) -> Self {
        Pair { i: self.j, j: self.i, r: self.r.map(|x| -x) }
    }
}

/// The blocks that exist, sorted by (i, j, R), and where each starts in the flat storage. Both (i, j, R) and (j, i, −R) are
/// stored by every code that we read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs {
    pairs: Vec<Pair>,
    offsets: Vec<usize>,
}

impl Pairs {
    /// Sorts `pairs`, removes duplicates, and lays the blocks out one after the other.
    ///
    /// # Errors
    /// `Inconsistent` where a pair names an atom that `basis` lacks, `Limit` where one lies beyond [`Pair::LARGEST_CELL`].
    pub fn new(mut pairs: Vec<Pair>, basis: &Basis) -> Result<Self> {
        pairs.sort_unstable();
        pairs.dedup();
        let mut offsets = Vec::with_capacity(pairs.len() + 1);
        let mut next = 0;
        for pair in &pairs {
            offsets.push(next);
            Pair::cell(pair.r)?;
            let (i, j) = (pair.i as usize, pair.j as usize);
            if i.max(j) >= basis.n_atoms() {
                let message = format!("a block names atom {} of {}", i.max(j) + 1, basis.n_atoms());
                return Err(Error::inconsistent(message));
            }
            next += basis.orbitals_of(i).len() * basis.orbitals_of(j).len();
        }
        offsets.push(next);
        Ok(Pairs { pairs, offsets })
    }

    /// Number of blocks.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// No block at all?
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Number of matrix elements of all blocks.
    pub fn n_values(&self) -> usize {
        self.offsets[self.pairs.len()]
    }

    /// The pairs in order.
    pub fn as_slice(&self) -> &[Pair] {
        &self.pairs
    }

    /// Place of block `index` in the flat storage.
    pub fn range(&self, index: usize) -> Range<usize> {
        self.offsets[index]..self.offsets[index + 1]
    }

    /// Index of a block, if it is stored.
    pub fn find(&self, pair: &Pair) -> Option<usize> {
        self.pairs.binary_search(pair).ok()
    }

    /// For every block the index of its Hermitian partner (j, i, −R), `None` where that is not stored.
    pub fn partners(&self) -> Vec<Option<usize>> {
        self.pairs.iter().map(|pair| self.find(&pair.reversed())).collect()
    }
}

/// `O[iμ, jν](R)` = ⟨φ_iμ(r)| O |φ_jν(r − R)⟩: dense row-major blocks in one vector. Energies in hartree.
#[derive(Debug, Clone, PartialEq)]
pub struct Operator<T> {
    pairs: Arc<Pairs>,
    values: Vec<T>,
}

impl<T> Operator<T> {
    /// Joins blocks and values.
    ///
    /// # Errors
    /// `Inconsistent` where their sizes differ.
    pub fn new(pairs: Arc<Pairs>, values: Vec<T>) -> Result<Self> {
        if pairs.n_values() != values.len() {
            let message = format!("blocks hold {} elements, but {} were given", pairs.n_values(), values.len());
            return Err(Error::inconsistent(message));
        }
        Ok(Operator { pairs, values })
    }

    /// The blocks that exist.
    pub fn pairs(&self) -> &Arc<Pairs> {
        &self.pairs
    }

    /// All elements, block after block.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// All elements, mutable.
    pub fn values_mut(&mut self) -> &mut [T] {
        &mut self.values
    }

    /// Elements of block `index`, row-major.
    pub fn block(&self, index: usize) -> &[T] {
        &self.values[self.pairs.range(index)]
    }

    /// Elements of block `index`, mutable.
    pub fn block_mut(&mut self, index: usize) -> &mut [T] {
        let range = self.pairs.range(index);
        &mut self.values[range]
    }

    /// Pairs with their blocks, in order.
    pub fn blocks(&self) -> impl Iterator<Item = (&Pair, &[T])> {
        self.pairs.as_slice().iter().enumerate().map(|(k, pair)| (pair, self.block(k)))
    }

    /// The block of `pair`, if it is stored.
    pub fn get(&self, pair: &Pair) -> Option<&[T]> {
        self.pairs.find(pair).map(|k| self.block(k))
    }
}

impl<T: Clone + Default> Operator<T> {
    /// Zeros on the given blocks.
    pub fn zeros(pairs: Arc<Pairs>) -> Self {
        let values = vec![T::default(); pairs.n_values()];
        Operator { pairs, values }
    }

    /// The same elements on other blocks: those that are new are 0, those that `pairs` lacks are left out.
    pub fn on(&self, pairs: &Arc<Pairs>) -> Self {
        let mut on = Operator::zeros(pairs.clone());
        for (index, pair) in pairs.as_slice().iter().enumerate() {
            if let Some(block) = self.get(pair) {
                on.block_mut(index).clone_from_slice(block);
            }
        }
        on
    }
}

impl Operator<f64> {
    /// S of orthonormal orbitals.
    ///
    /// # Errors
    /// Those of [`Pairs::new`].
    pub fn identity(basis: &Basis) -> Result<Self> {
        let pairs = Pairs::new((0..basis.n_atoms()).map(Pair::onsite).collect(), basis)?;
        let mut identity = Operator::zeros(Arc::new(pairs));
        for atom in 0..basis.n_atoms() {
            let n = basis.orbitals_of(atom).len();
            identity.block_mut(atom).iter_mut().step_by(n + 1).for_each(|diagonal| *diagonal = 1.0);
        }
        Ok(identity)
    }

    /// Is it that of the orthonormal orbitals of `basis`? A block that is not stored is 0, also one on site.
    pub fn is_identity(&self, basis: &Basis) -> bool {
        let has_diagonal = (0..basis.n_atoms()).all(|atom| self.pairs.find(&Pair::onsite(atom)).is_some());
        has_diagonal
            && self.blocks().all(|(pair, block)| {
                let n = block.len().isqrt();
                let expected = |place: usize| if pair.is_onsite() && place.is_multiple_of(n + 1) { 1.0 } else { 0.0 };
                block.iter().enumerate().all(|(place, &value)| value == expected(place))
            })
    }
}

/// An operator with its spin components, as the code that wrote it defines them (ABACUS' local potential enters as
/// V_ud = B_x + i B_y; the code's eigenvalues belong to that matrix, so nothing is "repaired").
#[derive(Debug, Clone, PartialEq)]
pub enum SpinOperator {
    /// One matrix for both spins (nspin 1).
    Unpolarized(Operator<f64>),
    /// Up and down (nspin 2).
    Collinear([Operator<f64>; 2]),
    /// uu, ud, du, dd; with or without spin–orbit coupling (nspin 4).
    Spinor([Operator<c64>; 4]),
}

impl SpinOperator {
    /// The blocks that exist (the same for all components).
    pub fn pairs(&self) -> &Arc<Pairs> {
        match self {
            SpinOperator::Unpolarized(o) => o.pairs(),
            SpinOperator::Collinear([up, _]) => up.pairs(),
            SpinOperator::Spinor([uu, ..]) => uu.pairs(),
        }
    }

    /// 1, 2 or 4.
    pub fn nspin(&self) -> usize {
        match self {
            SpinOperator::Unpolarized(_) => 1,
            SpinOperator::Collinear(_) => 2,
            SpinOperator::Spinor(_) => 4,
        }
    }

    /// Number of channels that are diagonalised apart: 2 for collinear operators, else 1.
    pub fn n_channels(&self) -> usize {
        if matches!(self, SpinOperator::Collinear(_)) { 2 } else { 1 }
    }

    /// Electrons in one filled state of such a Hamiltonian: 2 without spin, else 1.
    pub fn electrons_per_state(&self) -> f64 {
        if matches!(self, SpinOperator::Unpolarized(_)) { 2.0 } else { 1.0 }
    }

    /// The same with `real` applied to its real matrices or `complex` to its complex ones.
    ///
    /// # Errors
    /// Those of `real` and `complex`.
    pub fn try_map(
        &self,
        real: impl Fn(&Operator<f64>) -> Result<Operator<f64>>,
        complex: impl Fn(&Operator<c64>) -> Result<Operator<c64>>,
    ) -> Result<SpinOperator> {
        Ok(match self {
            SpinOperator::Unpolarized(both) => SpinOperator::Unpolarized(real(both)?),
            SpinOperator::Collinear([up, down]) => SpinOperator::Collinear([real(up)?, real(down)?]),
            SpinOperator::Spinor([uu, ud, du, dd]) => {
                SpinOperator::Spinor([complex(uu)?, complex(ud)?, complex(du)?, complex(dd)?])
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::basis::{Species, parse_shells};

    fn two_atoms() -> Basis {
        let species = Species { label: "Si".into(), z: Some(14), shells: parse_shells("1s1p").unwrap(), cutoff: None };
        Basis::new(vec![species], &[0, 0]).unwrap()
    }

    #[test]
    fn a_cell_beyond_all_orbitals_is_refused() {
        assert_eq!(Pair::cell([1_000_000, -1_000_000, 0]).unwrap(), [1_000_000, -1_000_000, 0]);
        let error = Pair::cell([0, i32::MIN, 1]).unwrap_err().to_string();
        assert_eq!(error, "a component of R of 2147483648 exceeds the limit of 1000000");
        assert!(Pair::cell([i64::MIN, 0, 0]).is_err());
        let far = Pair { i: 0, j: 1, r: [0, 0, i32::MIN] };
        assert!(Pairs::new(vec![far], &two_atoms()).is_err());
    }

    #[test]
    fn an_identity_has_every_block_on_site() {
        let basis = two_atoms();
        let identity = Operator::identity(&basis).unwrap();
        assert!(identity.is_identity(&basis));
        let on = |atoms: &[usize]| {
            let pairs = Pairs::new(atoms.iter().map(|&atom| Pair::onsite(atom)).collect(), &basis).unwrap();
            identity.on(&Arc::new(pairs))
        };
        assert!(on(&[0, 1]).is_identity(&basis));
        assert!(!on(&[1]).is_identity(&basis) && !on(&[]).is_identity(&basis));
        let mut other = identity.clone();
        other.values_mut()[1] = 1e-9;
        assert!(!other.is_identity(&basis));
    }
}
