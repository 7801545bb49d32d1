//! The overlap of orbitals that are independent is positive definite at every k.

use faer::Side;

use super::{Bound, Property};
use crate::basis::Basis;
use crate::bloch::BlochSum;
use crate::error::{Error, Result};
use crate::operator::Operator;

/// Smallest eigenvalue of S(k) at the eight points with reduced coordinates 0 or ½: every phase is ±1 there, so the extremes
/// of the overlaps between neighbouring cells are among them.
pub(super) fn smallest_eigenvalue(s: &Operator<f64>, basis: &Basis) -> Result<Property> {
    let sum = BlochSum::new(s.pairs(), basis);
    let mut smallest = f64::INFINITY;
    for corner in 0..8_u8 {
        let k = [1, 2, 4].map(|axis| if corner & axis == 0 { 0.0 } else { 0.5 });
        let eigenvalues = sum.at(s, k).self_adjoint_eigenvalues(Side::Lower);
        let eigenvalues =
            eigenvalues.map_err(|_| Error::inconsistent(format!("S(k) at k = {k:?} has no eigenvalues")))?;
        smallest = eigenvalues.into_iter().fold(smallest, f64::min);
    }
    let name = "S: smallest eigenvalue of S(k), reduced k of 0 and 1/2".into();
    Ok(Property { name, value: smallest, bound: Bound::Above(0.0) })
}
