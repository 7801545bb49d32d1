//! Factors of sparse Hermitian matrices (faer), and the number of negative eigenvalues.
//!
//! L D L† without pivots is tried first: it runs at nearly the speed of matrix products, and in an order of nested dissection small
//! pivots are rare. Whether one did harm is measured, vector by vector; L B L† with pivots inside supernodes takes its place then.

use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::perm::PermRef;
use faer::sparse::SymbolicSparseColMatRef;
use faer::sparse::linalg::cholesky::supernodal::SupernodalLdltRef;
use faer::sparse::linalg::cholesky::{IntranodeLbltRef, LdltRef, SymbolicCholesky};
use faer::{Conj, Mat, MatMut, Par, Side};

use super::matrix::Hermitian;
use super::noise::Noise;
use super::scalar::{LANES, Scalar};
use super::symbolic::{cheapest, in_order, supernodes};
use crate::parsers::Error;

/// What depends on the pattern alone: the order of rows and the places of the factor's elements.
#[derive(Debug)]
pub struct Analysis {
    pub(super) symbolic: SymbolicCholesky<usize>,
    /// Elements of the matrix's triangle.
    n_stored: usize,
}

/// A factor of P A P†.
#[derive(Debug)]
pub struct Factor<'a, T> {
    symbolic: &'a SymbolicCholesky<usize>,
    /// L, and the diagonal of D or B.
    values: Vec<T>,
    /// `None`: L D L†.
    blocks: Option<Blocks<T>>,
    par: Par,
}

/// What B has beyond D.
#[derive(Debug)]
struct Blocks<T> {
    /// What is below the diagonal of B: nonzero in the first row of a block of two.
    below: Vec<T>,
    forward: Vec<usize>,
    inverse: Vec<usize>,
}

/// A factor may be that of a matrix which is so far from the one it should be of, as it shows in energies (hartree).
const ACCURATE: f64 = 1e-10;

impl Analysis {
    /// Analyses the upper triangle `pattern`, of which row `order[i]` is eliminated as the i-th.
    ///
    /// # Errors
    /// `Unsupported` where the factor has more elements than memory has addresses.
    pub fn new(pattern: SymbolicSparseColMatRef<'_, usize>, order: &[usize]) -> Result<Self, Error> {
        Ok(Analysis { symbolic: in_order(pattern, order)?, n_stored: pattern.row_idx().len() })
    }

    /// The same, unless approximate minimum degree makes do with fewer operations than `order`.
    ///
    /// # Errors
    /// As [`Analysis::new`].
    pub fn cheapest(pattern: SymbolicSparseColMatRef<'_, usize>, order: &[usize]) -> Result<Self, Error> {
        Ok(Analysis { symbolic: cheapest(pattern, order)?, n_stored: pattern.row_idx().len() })
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

    /// Factorises H − σS, for instance; `None` where neither way is accurate, because a pivot is too small.
    ///
    /// # Errors
    /// `Unsupported` where there is not enough memory.
    pub fn factor<T: Scalar>(&self, matrix: &Hermitian<'_, T>, par: Par) -> Result<Option<Factor<'_, T>>, Error> {
        let accurate = |factor: &Factor<'_, T>| factor.error(matrix) < ACCURATE;
        match self.without_pivots(matrix, par)?.filter(accurate) {
            None => Ok(Some(self.with_pivots(matrix, par)?).filter(accurate)),
            found => Ok(found),
        }
    }

    /// L D L†; `None` where a pivot is 0.
    fn without_pivots<T: Scalar>(&self, matrix: &Hermitian<'_, T>, par: Par) -> Result<Option<Factor<'_, T>>, Error> {
        let symbolic = &self.symbolic;
        let mut values = zeros(self.n_values())?;
        let mut memory = memory(symbolic.factorize_numeric_ldlt_scratch::<T>(par, Default::default()))?;
        let (stack, upper) = (MemStack::new(&mut memory), matrix.upper());
        let (regularization, params) = (Default::default(), Default::default());
        let done = symbolic
            .factorize_numeric_ldlt(&mut values, upper, Side::Upper, regularization, par, stack, params)
            .is_ok();
        Ok(done.then_some(Factor { symbolic, values, blocks: None, par }))
    }

    /// L B L†, with pivots inside supernodes.
    fn with_pivots<T: Scalar>(&self, matrix: &Hermitian<'_, T>, par: Par) -> Result<Factor<'_, T>, Error> {
        let (n, symbolic) = (self.symbolic.nrows(), &self.symbolic);
        let mut values = zeros(self.n_values())?;
        let mut blocks = Blocks { below: vec![T::ZERO; n], forward: vec![0; n], inverse: vec![0; n] };
        let mut memory = memory(symbolic.factorize_numeric_intranode_lblt_scratch::<T>(par, Default::default()))?;
        symbolic.factorize_numeric_intranode_lblt(
            &mut values,
            &mut blocks.below,
            &mut blocks.forward,
            &mut blocks.inverse,
            matrix.upper(),
            Side::Upper,
            par,
            MemStack::new(&mut memory),
            Default::default(),
        );
        Ok(Factor { symbolic, values, blocks: Some(blocks), par })
    }
}

/// So many zeros.
///
/// # Errors
/// `Unsupported` where there is not enough memory.
pub(super) fn zeros<T: Clone + Default>(count: usize) -> Result<Vec<T>, Error> {
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| out_of_memory(count * size_of::<T>()))?;
    values.resize(count, T::default());
    Ok(values)
}

/// What a factorisation needs.
///
/// # Errors
/// `Unsupported` where there is not enough memory.
pub(super) fn memory(scratch: StackReq) -> Result<MemBuffer, Error> {
    MemBuffer::try_new(scratch).map_err(|_| out_of_memory(scratch.unaligned_bytes_required()))
}

fn out_of_memory(bytes: usize) -> Error {
    Error::unsupported(format!("a sparse factor for which {:.1} GB of memory are not there", bytes as f64 * 1e-9))
}

/// A block of D or B.
#[derive(Debug, Clone, Copy)]
enum Pivot {
    One(f64),
    /// Diagonal elements and determinant.
    Two([f64; 2], f64),
}

impl Pivot {
    fn n_negative(self) -> usize {
        match self {
            Pivot::One(d) => usize::from(d < 0.0),
            Pivot::Two(_, determinant) if determinant < 0.0 => 1,
            Pivot::Two([first, _], _) if first < 0.0 => 2,
            Pivot::Two(..) => 0,
        }
    }
}

impl<T: Scalar> Factor<'_, T> {
    /// Number of negative eigenvalues of the matrix (Sylvester: that of D or B).
    pub fn n_negative(&self) -> usize {
        self.pivots().map(Pivot::n_negative).sum()
    }

    /// A⁻¹ X in the place of X.
    pub fn solve(&self, x: MatMut<'_, T>) {
        let mut memory = MemBuffer::new(self.symbolic.solve_in_place_scratch::<T>(x.ncols(), self.par));
        let stack = MemStack::new(&mut memory);
        match &self.blocks {
            None => LdltRef::new(self.symbolic, &self.values).solve_in_place_with_conj(Conj::No, x, self.par, stack),
            Some(Blocks { below, forward, inverse }) => {
                let order = PermRef::new_checked(forward, inverse, forward.len());
                let factor = IntranodeLbltRef::new(self.symbolic, &self.values, below, order);
                factor.solve_in_place_with_conj(Conj::No, x, self.par, stack);
            }
        }
    }

    /// How far A is from what this is a factor of: the largest ‖A y − x‖/‖y‖ of y = A⁻¹ x as it solves that, for random x. As y has
    /// most of the states with the smallest energies |ε − σ| in it, theirs is the error that it tells. NaN or infinite where
    /// there is no solution.
    fn error(&self, matrix: &Hermitian<'_, T>) -> f64 {
        let n = self.symbolic.nrows();
        let mut noise = Noise::default();
        let x = Mat::from_fn(n, LANES, |_, _| T::of(noise.complex()));
        let mut y = x.clone();
        self.solve(y.as_mut());
        let rest = matrix.times(y.as_ref()) - &x;
        let ratio = |j: usize| rest.col(j).norm_l2() / y.col(j).norm_l2();
        (0..LANES).map(ratio).fold(0.0, |largest, ratio| if ratio <= largest { largest } else { ratio })
    }

    fn pivots(&self) -> impl Iterator<Item = Pivot> {
        let below = |row: usize| self.blocks.as_ref().map_or(T::ZERO, |blocks| blocks.below[row]);
        supernodes(self.symbolic).into_iter().flat_map(move |symbolic| {
            let factor = SupernodalLdltRef::new(symbolic, &self.values);
            (0..symbolic.n_supernodes()).flat_map(move |s| {
                let node = factor.supernode(s);
                let diagonal = move |j: usize| node.val()[(j, j)].re();
                (0..node.val().ncols()).filter_map(move |j| {
                    let row = node.start() + j;
                    match below(row) {
                        first if first != T::ZERO => {
                            let two = [diagonal(j), diagonal(j + 1)];
                            Some(Pivot::Two(two, two[0] * two[1] - (first * first.conj()).re()))
                        }
                        _ if j > 0 && below(row - 1) != T::ZERO => None,
                        _ => Some(Pivot::One(diagonal(j))),
                    }
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use faer::sparse::SymbolicSparseColMat;

    use super::*;

    /// Two rows with a common element.
    fn pair() -> (SymbolicSparseColMat<usize>, Analysis) {
        let pattern = SymbolicSparseColMat::new_checked(2, 2, vec![0, 1, 3], None, vec![0, 0, 1]);
        let analysis = Analysis::new(pattern.as_ref(), &[0, 1]).unwrap();
        (pattern, analysis)
    }

    #[test]
    fn small_pivots_are_noticed() {
        let (pattern, analysis) = pair();
        let factor = |values: [f64; 3]| {
            analysis.factor(&Hermitian { pattern: pattern.as_ref(), values: values.to_vec() }, Par::Seq).unwrap()
        };
        let ordinary = factor([1.0, 2.0, 1.0]).unwrap();
        assert!(ordinary.blocks.is_none() && ordinary.n_negative() == 1);
        let pivoted = factor([1e-14, 1.0, 1e-14]).unwrap();
        assert!(pivoted.blocks.is_some() && pivoted.n_negative() == 1);
        assert_eq!(factor([-3.0, 1.0, -2.0]).unwrap().n_negative(), 2);
        assert!(factor([0.0; 3]).is_none());
        assert!(factor([1.0, f64::NAN, 1.0]).is_none());
    }

    #[test]
    fn a_factor_that_does_not_fit_says_so() {
        let error = zeros::<f64>(usize::MAX / 16).unwrap_err().to_string();
        assert!(error.contains("GB of memory are not there"), "{error}");
    }

    #[test]
    fn overlaps_are_positive_definite() {
        let (pattern, analysis) = pair();
        let check = |beside: f64| {
            let s = Hermitian { pattern: pattern.as_ref(), values: vec![1.0, beside, 1.0] };
            analysis.check_overlap(&s, [0.0; 3], Par::Seq).is_ok()
        };
        // The second is too near to singular for single precision.
        assert_eq!([0.3, 1.0 - 1e-9, 1.0 + 1e-9, 2.0, f64::NAN].map(check), [true, true, false, false, false]);
    }
}
