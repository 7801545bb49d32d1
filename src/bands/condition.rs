//! How nearly dependent the orbitals of a basis are: by so much errors of H can be amplified in the bands.

use faer::{MatRef, Side};
use rayon::prelude::*;

use super::bloch::BlochSum;
use crate::parsers::{Basis, Error, Operator, Result, c64};

/// Largest over least eigenvalue of S(k), at the worst of some k points (reduced coordinates).
///
/// # Errors
/// `Inconsistent` where S(k) has no eigenvalues, or is not positive definite.
pub fn overlap_condition(overlap: &Operator<f64>, basis: &Basis, kpoints: &[[f64; 3]]) -> Result<f64> {
    let sum = BlochSum::new(overlap.pairs(), basis);
    let at = |&k: &[f64; 3]| match extremes(sum.at(overlap, k).as_ref(), k)? {
        [least, largest] if least > 0.0 => Ok(largest / least),
        [least, _] => Err(Error::inconsistent(format!("S(k) at k = {k:?} has the eigenvalue {least:.3e}"))),
    };
    kpoints.par_iter().map(at).try_reduce(|| 1.0, |a, b| Ok(f64::max(a, b)))
}

/// Least and largest eigenvalue of S(k).
///
/// # Errors
/// `Inconsistent` where it has none.
pub fn extremes(s: MatRef<'_, c64>, k: [f64; 3]) -> Result<[f64; 2]> {
    let values = s.self_adjoint_eigenvalues(Side::Lower);
    let values = values.map_err(|_| Error::inconsistent(format!("S(k) at k = {k:?} has no eigenvalues")))?;
    Ok([values.first(), values.last()].map(|value| value.copied().unwrap_or(0.0)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::parsers::{Pair, Pairs, Shell, Species};

    /// Two orbitals of overlap s in a cell: 1 ± |s(1 + exp(2πik))| in a chain of equal distances.
    #[test]
    fn a_chain_has_its_closed_form() {
        let shells = vec![Shell { l: 0, zeta: 1, n: None }];
        let species = Species { label: "H".into(), z: Some(1), shells, cutoff: None };
        let basis = Basis::new(vec![species], &[0, 0]).unwrap();
        let pair = |i, j, x| Pair { i, j, r: [x, 0, 0] };
        let pairs = vec![pair(0, 0, 0), pair(0, 1, -1), pair(0, 1, 0), pair(1, 0, 0), pair(1, 0, 1), pair(1, 1, 0)];
        let pairs = Arc::new(Pairs::new(pairs, &basis).unwrap());
        let s = Operator::new(pairs, vec![1.0, 0.3, 0.3, 0.3, 0.3, 1.0]).unwrap();
        let condition = |points: &[[f64; 3]]| overlap_condition(&s, &basis, points).unwrap();
        assert!((condition(&[[0.5, 0.0, 0.0]]) - 1.0).abs() < 1e-12);
        assert!((condition(&[[0.5, 0.0, 0.0], [0.0; 3]]) - 1.6 / 0.4).abs() < 1e-12);
    }
}
