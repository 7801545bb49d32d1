//! Dense blocks per pair of atoms → sparse matrices per R, in parallel over R.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Mul;

use rayon::prelude::*;

use super::dense::FileOrder;
use crate::abacus::csr::{Block, Element};
use crate::basis::Basis;
use crate::operator::{Operator, Pairs};

/// How elements become those of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    /// The file's number of 1.
    pub factor: f64,
    /// Numbers of the file up to this size are left out.
    pub threshold: f64,
}

/// One sparse matrix for each of `lattice_vectors`. `N` = (spins per orbital)²: components uu, ud, du, dd or a single one.
pub(super) fn sparse<T, const N: usize>(
    components: [&Operator<T>; N],
    basis: &Basis,
    lattice_vectors: &[[i32; 3]],
    scale: Scale,
) -> Vec<Block<T>>
where
    T: Element + Mul<f64, Output = T>,
{
    let by_r = blocks_by_r(components[0].pairs());
    let order = FileOrder::new(basis, const { N.isqrt() });
    let no_blocks = Vec::new();
    let matrix = |r: &[i32; 3]| {
        let mut matrix = Block::empty(*r);
        matrix.row_pointers.push(0);
        let mut rest = by_r.get(r).unwrap_or(&no_blocks).as_slice();
        for atom in 0..basis.n_atoms() {
            let pairs = components[0].pairs().as_slice();
            let (mine, others) = rest.split_at(rest.partition_point(|&index| pairs[index].i as usize == atom));
            rest = others;
            add_rows(&mut matrix, components, &order, (atom, mine), scale);
        }
        if matrix.values.is_empty() { Block::empty(*r) } else { matrix }
    };
    lattice_vectors.par_iter().map(matrix).collect()
}

/// Indices of the blocks of each R, in the order (i, j).
fn blocks_by_r(pairs: &Pairs) -> BTreeMap<[i32; 3], Vec<usize>> {
    let mut by_r: BTreeMap<[i32; 3], Vec<usize>> = BTreeMap::new();
    for (index, pair) in pairs.as_slice().iter().enumerate() {
        by_r.entry(pair.r).or_default().push(index);
    }
    by_r
}

/// The rows of one atom, whose blocks with this R are `blocks`.
fn add_rows<T, const N: usize>(
    matrix: &mut Block<T>,
    components: [&Operator<T>; N],
    order: &FileOrder,
    (atom, blocks): (usize, &[usize]),
    scale: Scale,
) where
    T: Element + Mul<f64, Output = T>,
{
    let spins = const { N.isqrt() };
    let pairs = components[0].pairs();
    for mu in order.targets(atom) {
        for &block in blocks {
            let j = pairs.as_slice()[block].j as usize;
            let row = mu.place * (order.rows(j).len() / spins);
            for (column, nu) in order.rows(j).zip(order.targets(j)) {
                let element = components[spins * mu.spin + nu.spin].block(block)[row + nu.place];
                let value = element * (mu.sign * nu.sign * scale.factor);
                if value.magnitude() > scale.threshold {
                    matrix.columns.push(column as u32);
                    matrix.values.push(value);
                }
            }
        }
        matrix.row_pointers.push(matrix.values.len() as u32);
    }
}

/// `listed` and every R with a block, closed under R → −R. The order of `listed` is kept; what is missing is sorted in where
/// `listed` is sorted (as ABACUS' H and S are), else appended.
pub(super) fn united_lattice_vectors(listed: &[[i32; 3]], pairs: &Pairs) -> Vec<[i32; 3]> {
    let needed = listed.iter().copied().chain(pairs.as_slice().iter().map(|pair| pair.r));
    let mut needed: BTreeSet<[i32; 3]> = needed.flat_map(|r| [r, r.map(|x| -x)]).collect();
    if listed.is_sorted() {
        return needed.into_iter().collect();
    }
    for r in listed {
        needed.remove(r);
    }
    listed.iter().copied().chain(needed).collect()
}
