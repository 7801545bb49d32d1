//! A matrix that goes to a DFT code must be whole: codes take half a set of R, or zeros where blocks were lost, without a
//! word, and what they compute then is wrong.

use crate::basis::Basis;
use crate::check;
use crate::error::{Error, Result};
use crate::operator::{Operator, Pair, Pairs, SpinOperator};

/// Matrices that codes print in single precision differ from their Hermitian partner by 1e-7; a lost block by 1e-3 and more.
const HERMITICITY_BOUND: f64 = 1e-5;

/// Refuses an operator that lacks half of its blocks, or whose components do not belong together. `name` is for the message.
///
/// # Errors
/// `Inconsistent` with the first block whose Hermitian partner is missing, or the size of the difference between both;
/// where an element is no finite number, or spin components have other blocks.
pub fn check(name: &str, operator: &SpinOperator, basis: &Basis) -> Result<()> {
    if !has_same_blocks(operator) {
        return Err(Error::inconsistent(format!("the spin components of {name} have different blocks")));
    }
    let pairs = operator.pairs();
    if !fits(pairs, basis) {
        return Err(Error::inconsistent(format!("{name} has blocks of other atoms or orbitals than the run")));
    }
    if let Some(lonely) = pairs.partners().iter().position(Option::is_none) {
        let pair = pairs.as_slice()[lonely];
        let (here, there) = (named(&pair), named(&pair.reversed()));
        return Err(Error::inconsistent(format!("{name} has the block {here}, but not its partner {there}")));
    }
    let bad = check::not_finite(operator);
    if bad > 0 {
        return Err(Error::inconsistent(format!("{name} has {bad} elements that are no finite number")));
    }
    let asymmetry = check::hermiticity_error(operator, basis);
    if asymmetry > HERMITICITY_BOUND {
        let message = format!("{name} is not Hermitian: a block and its partner differ by {asymmetry:.1e}");
        return Err(Error::inconsistent(message));
    }
    Ok(())
}

/// Refuses blocks `found` that lack one of those that a file has a place for.
///
/// # Errors
/// `Inconsistent` with the first one.
pub fn check_blocks(name: &str, found: &Pairs, wanted: &Pairs) -> Result<()> {
    match wanted.as_slice().iter().find(|pair| found.find(pair).is_none()) {
        Some(pair) => {
            let (n_found, n_wanted) = (found.len(), wanted.len());
            let message = format!(
                "{name} has {n_found} blocks and lacks {} of the {n_wanted} that the run's files hold",
                named(pair)
            );
            Err(Error::inconsistent(message))
        }
        None => Ok(()),
    }
}

fn has_same_blocks(operator: &SpinOperator) -> bool {
    fn same<T>(components: &[Operator<T>]) -> bool {
        components.windows(2).all(|two| two[0].pairs() == two[1].pairs())
    }
    match operator {
        SpinOperator::Unpolarized(_) => true,
        SpinOperator::Collinear(components) => same(components),
        SpinOperator::Spinor(components) => same(components),
    }
}

/// Does every block have the size that the basis says?
fn fits(pairs: &Pairs, basis: &Basis) -> bool {
    pairs.as_slice().iter().enumerate().all(|(index, pair)| {
        let (i, j) = (pair.i as usize, pair.j as usize);
        i.max(j) < basis.n_atoms()
            && pairs.range(index).len() == basis.orbitals_of(i).len() * basis.orbitals_of(j).len()
    })
}

/// Atoms as people count them.
fn named(&Pair { i, j, r }: &Pair) -> String {
    format!("({}, {}, {r:?})", i + 1, j + 1)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::basis::{Shell, Species};

    /// A chain of hydrogen atoms with one s orbital each.
    fn chain() -> Basis {
        let shells = vec![Shell { l: 0, zeta: 1, n: Some(1) }];
        Basis::new(vec![Species { label: "H".into(), z: Some(1), shells, cutoff: None }], &[0]).unwrap()
    }

    fn operator(images: &[i32], values: &[f64]) -> Operator<f64> {
        let pairs = images.iter().map(|&r| Pair { i: 0, j: 0, r: [r, 0, 0] }).collect();
        Operator::new(Arc::new(Pairs::new(pairs, &chain()).unwrap()), values.to_vec()).unwrap()
    }

    fn message(operator: &SpinOperator) -> String {
        check("H", operator, &chain()).unwrap_err().to_string()
    }

    #[test]
    fn half_a_matrix_is_refused() {
        let whole = operator(&[-1, 0, 1], &[0.1, 1.0, 0.1]);
        assert!(check("H", &SpinOperator::Unpolarized(whole.clone()), &chain()).is_ok());
        let half = operator(&[0, 1], &[1.0, 0.1]);
        assert_eq!(
            message(&SpinOperator::Unpolarized(half.clone())),
            "H has the block (1, 1, [1, 0, 0]), but not its partner (1, 1, [-1, 0, 0])"
        );
        assert!(message(&SpinOperator::Collinear([whole, half])).contains("different blocks"));
        let zeros = operator(&[-1, 0, 1], &[0.0, 1.0, 0.1]);
        assert!(message(&SpinOperator::Unpolarized(zeros)).contains("differ by 1.0e-1"));
        let bad = operator(&[-1, 0, 1], &[0.1, f64::NAN, 0.1]);
        assert_eq!(message(&SpinOperator::Unpolarized(bad)), "H has 1 elements that are no finite number");
    }

    #[test]
    fn a_missing_block_is_named() {
        let (wanted, found) = (operator(&[-1, 0, 1], &[0.0; 3]), operator(&[-1, 0], &[0.0; 2]));
        let message = check_blocks("DM", found.pairs(), wanted.pairs()).unwrap_err().to_string();
        assert_eq!(message, "DM has 2 blocks and lacks (1, 1, [1, 0, 0]) of the 3 that the run's files hold");
        assert!(check_blocks("DM", wanted.pairs(), found.pairs()).is_ok());
    }
}
