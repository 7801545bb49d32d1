//! Is S(k) positive definite? Without that, numbers of negative pivots are not numbers of states.

use faer::dyn_stack::MemStack;
use faer::sparse::SparseColMatRef;
use faer::{Par, Side};

use super::factor::{Analysis, memory, zeros};
use super::matrix::Hermitian;
use super::scalar::Scalar;
use crate::parsers::Error;

/// Part of the diagonal of S that is more than what rounding of single precision takes away.
const MARGIN: f64 = 1e-4;

impl Analysis {
    /// Is S(k) finite and positive definite?
    ///
    /// # Errors
    /// `Inconsistent` where it is not, `Unsupported` where there is not enough memory.
    pub fn check_overlap<T: Scalar>(&self, s: &Hermitian<'_, T>, k: [f64; 3], par: Par) -> Result<(), Error> {
        if !s.is_finite() {
            return Err(Error::inconsistent(format!("the overlap S(k) at k = {k:?} has numbers that are not finite")));
        }
        match self.is_clearly_positive(s, par)? {
            true => Ok(()),
            false => self.cholesky(s, k, par).map(|_| ()),
        }
    }

    /// Has S less [`MARGIN`] of its diagonal a Cholesky factor in single precision? That takes half the time.
    fn is_clearly_positive<T: Scalar>(&self, s: &Hermitian<'_, T>, par: Par) -> Result<bool, Error> {
        let mut single: Vec<T::Single> = s.values.iter().map(|&x| x.single()).collect();
        let ends = &s.pattern.col_ptr()[1..];
        ends.iter().for_each(|&end| single[end - 1] = (s.values[end - 1] * (1.0 - MARGIN)).single());
        let mut values = zeros(self.n_values())?;
        let mut memory = memory(self.symbolic.factorize_numeric_llt_scratch::<T::Single>(par, Default::default()))?;
        let (stack, upper) = (MemStack::new(&mut memory), SparseColMatRef::new(s.pattern, &single[..]));
        let (regularization, params) = (Default::default(), Default::default());
        let factorised =
            self.symbolic.factorize_numeric_llt(&mut values, upper, Side::Upper, regularization, par, stack, params);
        Ok(factorised.is_ok())
    }
}
