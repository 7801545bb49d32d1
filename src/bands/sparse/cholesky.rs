//! Cholesky factors of sparse overlaps: S = L L†, with rows eliminated in the order of the analysis (faer).

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{BlockStructure, matmul as triangular_matmul};
use faer::sparse::linalg::cholesky::LltRef;
use faer::sparse::linalg::cholesky::supernodal::SupernodalLltRef;
use faer::{Accum, Conj, Mat, MatMut, MatRef, Par, Side};

use super::factor::{Analysis, memory, zeros};
use super::matrix::Hermitian;
use super::scalar::Scalar;
use super::symbolic::supernodes;
use crate::parsers::Error;

/// L of P S P† = L L†, where P is the order of elimination.
#[derive(Debug)]
pub struct Cholesky<'a, T> {
    analysis: &'a Analysis,
    values: Vec<T>,
}

impl Analysis {
    /// Factorises S(k).
    ///
    /// # Errors
    /// `Inconsistent` where it is not positive definite, `Unsupported` where there is not enough memory.
    pub fn cholesky<T: Scalar>(&self, s: &Hermitian<'_, T>, k: [f64; 3], par: Par) -> Result<Cholesky<'_, T>, Error> {
        let mut values = zeros(self.n_values())?;
        let mut memory = memory(self.symbolic.factorize_numeric_llt_scratch::<T>(par, Default::default()))?;
        let (stack, upper) = (MemStack::new(&mut memory), s.upper());
        let (regularization, params) = (Default::default(), Default::default());
        self.symbolic
            .factorize_numeric_llt(&mut values, upper, Side::Upper, regularization, par, stack, params)
            .map_err(|_| not_positive(k))?;
        Ok(Cholesky { analysis: self, values })
    }
}

impl<T: Scalar> Cholesky<'_, T> {
    /// S⁻¹ X in the place of X.
    pub fn solve(&self, x: MatMut<'_, T>, memory: &mut MemBuffer) {
        let factor = LltRef::new(&self.analysis.symbolic, &self.values);
        factor.solve_in_place_with_conj(Conj::No, x, Par::Seq, MemStack::new(memory));
    }

    /// S⁻¹ Y.
    pub fn solved(&self, y: &Mat<T>) -> Mat<T> {
        let mut x = y.clone();
        self.solve(x.as_mut(), &mut self.solve_memory(y.ncols()));
        x
    }

    /// What [`Cholesky::solve`] needs for so many columns.
    pub fn solve_memory(&self, n_columns: usize) -> MemBuffer {
        MemBuffer::new(self.analysis.symbolic.solve_in_place_scratch::<T>(n_columns, Par::Seq))
    }

    /// P† L X: where the columns of X have the covariance 1, those of the product have S.
    pub fn correlate(&self, x: MatRef<'_, T>) -> Mat<T> {
        let mut product = Mat::zeros(x.nrows(), x.ncols());
        if let Some(symbolic) = supernodes(&self.analysis.symbolic) {
            let factor = SupernodalLltRef::new(symbolic, &self.values);
            (0..symbolic.n_supernodes()).for_each(|s| {
                let node = factor.supernode(s);
                add_supernode(product.as_mut(), node.val(), node.start(), node.pattern(), x);
            });
        }
        self.in_original_order(product.as_ref())
    }

    fn in_original_order(&self, x: MatRef<'_, T>) -> Mat<T> {
        match self.analysis.symbolic.perm() {
            Some(order) => Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(order.arrays().1[i], j)]),
            None => x.to_owned(),
        }
    }
}

/// Adds the columns `node` of L, of rows `start`… and `below`, times their part of X.
fn add_supernode<T: Scalar>(
    mut product: MatMut<'_, T>,
    node: MatRef<'_, T>,
    start: usize,
    below: &[usize],
    x: MatRef<'_, T>,
) {
    use BlockStructure::{Rectangular, TriangularLower};
    let size = node.ncols();
    let (top, bottom) = node.split_at_row(size);
    let own = x.subrows(start, size);
    let target = product.as_mut().subrows_mut(start, size);
    triangular_matmul(target, Rectangular, Accum::Add, top, TriangularLower, own, Rectangular, T::ONE, Par::Seq);
    let mut rest = Mat::zeros(below.len(), x.ncols());
    matmul(&mut rest, Accum::Replace, bottom, own, T::ONE, Par::Seq);
    for column in 0..x.ncols() {
        below.iter().zip(rest.col(column).iter()).for_each(|(&row, &value)| product[(row, column)] += value);
    }
}

fn not_positive(k: [f64; 3]) -> Error {
    Error::inconsistent(format!("the overlap S(k) is not positive definite at k = {k:?}"))
}
