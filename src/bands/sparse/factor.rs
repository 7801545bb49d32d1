//! Factors of sparse Hermitian matrices: L B L† with pivots inside supernodes (faer), and the number of negative eigenvalues.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::perm::PermRef;
use faer::sparse::linalg::SupernodalThreshold;
use faer::sparse::linalg::cholesky::supernodal::{SupernodalIntranodeLbltRef, SymbolicSupernodalCholesky};
use faer::sparse::linalg::cholesky::{
    CholeskySymbolicParams, IntranodeLbltRef, SymbolicCholesky, SymbolicCholeskyRaw, SymmetricOrdering,
    factorize_symbolic_cholesky,
};
use faer::sparse::{FaerError, SymbolicSparseColMatRef};
use faer::{Conj, MatMut, Par, Side};

use super::matrix::Hermitian;
use super::scalar::Scalar;
use crate::parsers::Error;

/// What depends on the pattern alone: the order of rows and the places of the factor's elements.
#[derive(Debug)]
pub struct Analysis {
    pub(super) symbolic: SymbolicCholesky<usize>,
    /// Elements of the matrix's triangle.
    n_stored: usize,
}

/// L and B of P A P† = L B L†.
#[derive(Debug)]
pub struct Factor<'a, T> {
    symbolic: &'a SymbolicCholesky<usize>,
    /// L, and the diagonal of B.
    values: Vec<T>,
    /// What is below the diagonal of B: nonzero in the first row of a block of two.
    below: Vec<T>,
    forward: Vec<usize>,
    inverse: Vec<usize>,
    par: Par,
}

impl Analysis {
    /// Analyses the upper triangle `pattern`, of which row `order[i]` is eliminated as the i-th.
    ///
    /// # Errors
    /// `Limit` where the factor has more elements than memory has addresses.
    pub fn new(pattern: SymbolicSparseColMatRef<'_, usize>, order: &[usize]) -> Result<Self, Error> {
        let mut inverse = vec![0; order.len()];
        order.iter().enumerate().for_each(|(new, &old)| inverse[old] = new);
        let ordering = SymmetricOrdering::Custom(PermRef::new_checked(order, &inverse, order.len()));
        // Pivots are looked for inside supernodes, and nowhere else.
        let params = CholeskySymbolicParams {
            supernodal_flop_ratio_threshold: SupernodalThreshold::FORCE_SUPERNODAL,
            ..Default::default()
        };
        let symbolic = factorize_symbolic_cholesky(pattern, Side::Upper, ordering, params).map_err(too_large)?;
        Ok(Analysis { symbolic, n_stored: pattern.row_idx().len() })
    }

    /// Elements of the factor.
    pub fn n_values(&self) -> usize {
        self.symbolic.len_val()
    }

    /// Bytes of one factor and of what is needed to compute it.
    pub fn memory<T: Scalar>(&self) -> usize {
        let scratch = self.symbolic.factorize_numeric_intranode_lblt_scratch::<T>(Par::Seq, Default::default());
        size_of::<T>() * (self.n_values() + self.n_stored) + scratch.unaligned_bytes_required()
    }

    /// Factorises `matrix`; `None` where a pivot is 0 or not finite.
    pub fn factor<T: Scalar>(&self, matrix: &Hermitian<'_, T>, par: Par) -> Option<Factor<'_, T>> {
        let (n, symbolic) = (self.symbolic.nrows(), &self.symbolic);
        let (mut values, mut below) = (vec![T::ZERO; self.n_values()], vec![T::ZERO; n]);
        let (mut forward, mut inverse) = (vec![0; n], vec![0; n]);
        let scratch = symbolic.factorize_numeric_intranode_lblt_scratch::<T>(par, Default::default());
        let mut memory = MemBuffer::try_new(scratch).ok()?;
        symbolic.factorize_numeric_intranode_lblt(
            &mut values,
            &mut below,
            &mut forward,
            &mut inverse,
            matrix.upper(),
            Side::Upper,
            par,
            MemStack::new(&mut memory),
            Default::default(),
        );
        let factor = Factor { symbolic, values, below, forward, inverse, par };
        let is_regular = factor.pivots().all(Pivot::is_regular);
        is_regular.then_some(factor)
    }

    /// Is S(k) finite and positive definite?
    ///
    /// # Errors
    /// `Inconsistent` where it is not.
    pub fn check_overlap<T: Scalar>(&self, s: &Hermitian<'_, T>, k: [f64; 3], par: Par) -> Result<(), Error> {
        if !s.is_finite() {
            return Err(Error::inconsistent(format!("the overlap S(k) at k = {k:?} has numbers that are not finite")));
        }
        match self.is_positive_definite(s, par) {
            true => Ok(()),
            false => Err(Error::inconsistent(format!("the overlap S(k) is not positive definite at k = {k:?}"))),
        }
    }

    fn is_positive_definite<T: Scalar>(&self, matrix: &Hermitian<'_, T>, par: Par) -> bool {
        let mut values = vec![T::ZERO; self.n_values()];
        let scratch = self.symbolic.factorize_numeric_llt_scratch::<T>(par, Default::default());
        let Ok(mut memory) = MemBuffer::try_new(scratch) else { return false };
        let stack = MemStack::new(&mut memory);
        let (side, upper) = (Side::Upper, matrix.upper());
        let (regularization, params) = (Default::default(), Default::default());
        self.symbolic.factorize_numeric_llt(&mut values, upper, side, regularization, par, stack, params).is_ok()
    }
}

fn too_large(error: FaerError) -> Error {
    Error::unsupported(format!("a sparse factor of this size: {error}"))
}

/// A block of B.
#[derive(Debug, Clone, Copy)]
enum Pivot {
    One(f64),
    /// Diagonal elements and determinant.
    Two([f64; 2], f64),
}

impl Pivot {
    fn is_regular(self) -> bool {
        match self {
            Pivot::One(d) | Pivot::Two(_, d) => d.is_finite() && d != 0.0,
        }
    }

    fn n_negative(self) -> usize {
        match self {
            Pivot::One(d) => usize::from(d < 0.0),
            Pivot::Two(_, determinant) if determinant < 0.0 => 1,
            Pivot::Two([first, _], _) => {
                if first < 0.0 {
                    2
                } else {
                    0
                }
            }
        }
    }
}

impl<T: Scalar> Factor<'_, T> {
    /// Number of negative eigenvalues of the matrix (Sylvester: that of B).
    pub fn n_negative(&self) -> usize {
        self.pivots().map(Pivot::n_negative).sum()
    }

    /// A⁻¹ X in the place of X.
    pub fn solve(&self, x: MatMut<'_, T>) {
        let scratch = self.symbolic.solve_in_place_scratch::<T>(x.ncols(), self.par);
        let mut memory = MemBuffer::new(scratch);
        let factor = IntranodeLbltRef::new(self.symbolic, &self.values, &self.below, self.permutation());
        factor.solve_in_place_with_conj(Conj::No, x, self.par, MemStack::new(&mut memory));
    }

    fn permutation(&self) -> PermRef<'_, usize> {
        PermRef::new_checked(&self.forward, &self.inverse, self.forward.len())
    }

    fn pivots(&self) -> impl Iterator<Item = Pivot> {
        let permutation = self.permutation();
        supernodes(self.symbolic).into_iter().flat_map(move |symbolic| {
            let factor = SupernodalIntranodeLbltRef::new(symbolic, &self.values, &self.below, permutation);
            (0..symbolic.n_supernodes()).flat_map(move |s| {
                let node = factor.supernode(s);
                let below = &self.below[node.start()..];
                (0..node.val().ncols()).filter_map(move |j| {
                    let diagonal = |j: usize| node.val()[(j, j)].re();
                    match below[j] == T::ZERO {
                        false => {
                            let two = [diagonal(j), diagonal(j + 1)];
                            Some(Pivot::Two(two, two[0] * two[1] - (below[j] * below[j].conj()).re()))
                        }
                        true if j > 0 && below[j - 1] != T::ZERO => None,
                        true => Some(Pivot::One(diagonal(j))),
                    }
                })
            })
        })
    }
}

pub(super) fn supernodes(symbolic: &SymbolicCholesky<usize>) -> Option<&SymbolicSupernodalCholesky<usize>> {
    match symbolic.raw() {
        SymbolicCholeskyRaw::Supernodal(supernodal) => Some(supernodal),
        SymbolicCholeskyRaw::Simplicial(_) => None,
    }
}
