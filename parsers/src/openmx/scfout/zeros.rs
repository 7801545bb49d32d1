//! A file of 3.9 for a structure, in which every matrix is still 0.

use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::TAU;
use std::sync::Arc;

use super::parse::starts;
use super::{Place, Scfout, Spin, Tail, Version};
use crate::error::{Error, Result};
use crate::input::{ByteOrder, Input};
use crate::operator::{Pair, Pairs};
use crate::structure::Structure;

/// Power of the position operators that OpenMX 3.9 writes.
const ORDER_MAX: usize = 1;

/// Which blocks there are, in the file's own lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbours {
    /// Cells that blocks reach, the home cell first.
    pub atv_ijk: Vec<[i32; 3]>,
    /// Other atom (from 0) of each block of each atom, the atom itself first.
    pub natn: Vec<Vec<usize>>,
    /// Cell (row of `atv_ijk`) of the same.
    pub ncn: Vec<Vec<usize>>,
}

impl Neighbours {
    /// Lists of these blocks, among which every atom's on-site block must be.
    pub fn of(pairs: &Pairs, n_atoms: usize) -> Self {
        let reached: BTreeSet<[i32; 3]> = pairs.as_slice().iter().map(|pair| pair.r).filter(|r| *r != [0; 3]).collect();
        let atv_ijk: Vec<[i32; 3]> = std::iter::once([0; 3]).chain(reached).collect();
        let row_of: BTreeMap<[i32; 3], usize> = atv_ijk.iter().copied().zip(0..).collect();
        let mut natn: Vec<Vec<usize>> = (0..n_atoms).map(|atom| vec![atom]).collect();
        let mut ncn = vec![vec![0]; n_atoms];
        for &Pair { i, j, r } in pairs.as_slice().iter().filter(|pair| !pair.is_onsite()) {
            natn[i as usize].push(j as usize);
            ncn[i as usize].push(row_of[&r]);
        }
        Neighbours { atv_ijk, natn, ncn }
    }
}

impl Scfout {
    /// The file that OpenMX 3.9 would write for this structure and these lists, with 0 in all sets: [`Scfout::replace`] fills
    /// them.
    ///
    /// # Errors
    /// `Inconsistent` where the cell has no volume.
    pub fn zeros(
        structure: &Structure,
        n_orbitals: Vec<usize>,
        neighbours: Neighbours,
        spin: Spin,
        tail: Tail,
    ) -> Result<Self> {
        let Neighbours { atv_ijk, natn, ncn } = neighbours;
        let reciprocal = structure.reciprocal().ok_or_else(|| Error::inconsistent("the cell has no volume"))?;
        let rows = |matrix: nalgebra::Matrix3<f64>| [0, 1, 2].map(|row| [0, 1, 2].map(|column| matrix[(row, column)]));
        let starts = starts(&n_orbitals, &natn);
        let zeros = Arc::new(vec![0.0; starts.last().copied().unwrap_or(0)]);
        let sets = Scfout::layout(Version::V3_9, spin, ORDER_MAX).into_iter();
        Ok(Scfout {
            order: ByteOrder::Little,
            version: Version::V3_9,
            spin,
            regions: [0; 3],
            order_max: ORDER_MAX,
            atv: atv_ijk.iter().map(|&r| structure.translation(r).into()).collect(),
            atv_ijk,
            n_orbitals,
            natn,
            ncn,
            tv: rows(structure.lattice),
            rtv: rows(reciprocal * TAU),
            gxyz: structure.positions.iter().map(|&position| position.into()).collect(),
            tail,
            starts,
            sets: sets.map(|set| (set, Place::Memory(zeros.clone()))).collect(),
            input: Arc::new(Input::Owned(Vec::new())),
        })
    }
}
