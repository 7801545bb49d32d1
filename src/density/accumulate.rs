//! DM(R) = Σ_k w f C C† exp(−2πi k·R), block by block.

use std::ops::AddAssign;
use std::sync::Arc;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use rayon::prelude::*;

use super::filling::StateWeights;
use crate::bands::bloch::phase;
use crate::parsers::{Basis, Operator, Pairs, SpinOperator, c64};

/// The occupied states at one k, summed: a dense matrix per spin channel.
pub struct Occupied {
    k: [f64; 3],
    /// C f C†.
    density: Vec<Mat<c64>>,
    /// C f ε C†.
    energy_weighted: Vec<Mat<c64>>,
}

impl Occupied {
    /// From eigenvectors (columns) and weights of each channel.
    pub fn new(k: [f64; 3], vectors: &[Mat<c64>], weights: &[StateWeights], par: Par) -> Self {
        let sums = |of: fn(&StateWeights) -> &[f64]| {
            vectors.iter().zip(weights).map(|(c, weights)| weighted_square(c.as_ref(), of(weights), par)).collect()
        };
        Occupied { k, density: sums(|weights| &weights.filled), energy_weighted: sums(|weights| &weights.energy) }
    }
}

/// C diag(w) C† of the first columns.
fn weighted_square(vectors: MatRef<'_, c64>, weights: &[f64], par: Par) -> Mat<c64> {
    let c = vectors.subcols(0, weights.len());
    let scaled = Mat::from_fn(c.nrows(), c.ncols(), |i, state| c[(i, state)] * weights[state]);
    let mut square = Mat::zeros(c.nrows(), c.nrows());
    matmul(square.as_mut(), Accum::Replace, scaled.as_ref(), c.adjoint(), c64::ONE, par);
    square
}

/// DM(R) and EDM(R) while they are being summed.
pub struct Matrices<'a> {
    basis: &'a Basis,
    /// DM(R).
    pub density: SpinOperator,
    /// EDM(R).
    pub energy_weighted: SpinOperator,
}

impl<'a> Matrices<'a> {
    /// Zeros with the spin of `like` on the given blocks.
    pub fn zeros(like: &SpinOperator, pairs: &Arc<Pairs>, basis: &'a Basis) -> Self {
        let zeros = zeros(like, pairs);
        Matrices { basis, density: zeros.clone(), energy_weighted: zeros }
    }

    /// Adds the states at some k points, in their order.
    pub fn add(&mut self, at: &[Occupied]) {
        add(&mut self.density, self.basis, at, |occupied| &occupied.density);
        add(&mut self.energy_weighted, self.basis, at, |occupied| &occupied.energy_weighted);
    }
}

fn zeros(like: &SpinOperator, pairs: &Arc<Pairs>) -> SpinOperator {
    match like {
        SpinOperator::Unpolarized(_) => SpinOperator::Unpolarized(Operator::zeros(pairs.clone())),
        SpinOperator::Collinear(_) => SpinOperator::Collinear([(); 2].map(|()| Operator::zeros(pairs.clone()))),
        SpinOperator::Spinor(_) => SpinOperator::Spinor([(); 4].map(|()| Operator::zeros(pairs.clone()))),
    }
}

fn add(sum: &mut SpinOperator, basis: &Basis, at: &[Occupied], of: fn(&Occupied) -> &[Mat<c64>]) {
    let n = basis.n_orbitals();
    let channel = |index: usize| at.iter().map(|one| (one.k, of(one)[index].as_ref())).collect::<Vec<_>>();
    let real = |z: c64| z.re;
    match sum {
        SpinOperator::Unpolarized(both) => add_blocks(both, basis, &channel(0), real),
        SpinOperator::Collinear(spins) => {
            spins.iter_mut().enumerate().for_each(|(spin, one)| add_blocks(one, basis, &channel(spin), real));
        }
        SpinOperator::Spinor(components) => {
            for (place, component) in components.iter_mut().enumerate() {
                let (row, column) = (n * (place / 2), n * (place % 2));
                let quarter = channel(0).into_iter().map(|(k, whole)| (k, whole.submatrix(row, column, n, n)));
                add_blocks(component, basis, &quarter.collect::<Vec<_>>(), |z| z);
            }
        }
    }
}

/// `take` keeps the part that the operator has: the sum over k and −k is real where H(R) is.
fn add_blocks<T: AddAssign + Send>(
    sum: &mut Operator<T>,
    basis: &Basis,
    parts: &[([f64; 3], MatRef<'_, c64>)],
    take: impl Fn(c64) -> T + Sync,
) {
    let pairs = sum.pairs().clone();
    let blocks = split(sum.values_mut(), &pairs);
    blocks.into_par_iter().zip(pairs.as_slice()).for_each(|(block, pair)| {
        let columns = basis.orbitals_of(pair.j as usize);
        for (k, matrix) in parts {
            let phase = phase(*k, pair.r).conj();
            for (row, values) in basis.orbitals_of(pair.i as usize).zip(block.chunks_exact_mut(columns.len().max(1))) {
                for (column, value) in columns.clone().zip(values) {
                    *value += take(matrix[(row, column)] * phase);
                }
            }
        }
    });
}

fn split<'a, T>(mut values: &'a mut [T], pairs: &Pairs) -> Vec<&'a mut [T]> {
    let sizes = (0..pairs.len()).map(|index| pairs.range(index).len());
    let take = |size| {
        let (block, rest) = std::mem::take(&mut values).split_at_mut(size);
        values = rest;
        block
    };
    sizes.map(take).collect()
}
