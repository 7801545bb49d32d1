//! Predictions that do not start from H⁽⁰⁾: the operator itself, out of structure and S.

use super::target::{self, Quantity, joined, on_pairs};
use crate::parsers::{Calculation, Error, Operator, Result, SpinOperator};
use crate::symmetry::predicted::{self, Imposed};

/// Joins the channels of a prediction, on the blocks of S and all others that the run's files have a place for; with `symmetrize`
/// averaged over the operations of the crystal. Hermitian to the last bit.
///
/// # Errors
/// `Unsupported` for spinors, of which one channel says too little, and for collinear spin where nothing told up from down.
pub fn whole(
    run: &Calculation,
    quantity: Quantity,
    channels: Vec<Operator<f64>>,
    symmetrize: bool,
) -> Result<(SpinOperator, Vec<Imposed>)> {
    if quantity != Quantity::Overlap {
        require_no_spinors(run)?;
        require_both_spins(run, channels.len())?;
    }
    // Every operation that maps the crystal onto itself keeps S.
    let overlap = SpinOperator::Unpolarized(target::overlap(run)?.clone());
    let mut symmetrized = Vec::new();
    let placed = channels.into_iter().map(|mut channel| {
        if symmetrize {
            symmetrized.push(predicted::average(&mut channel, &overlap, &run.structure, &run.basis)?);
        }
        in_files(run, channel)
    });
    let mut operator = joined(placed.collect::<Result<_>>()?)?;
    let all = vec![true; operator.pairs().len()];
    symmetrized.extend(predicted::impose(&mut operator, &overlap, &run.basis, &all));
    Ok((operator, symmetrized))
}

/// What models do not learn must come from H⁽⁰⁾.
///
/// # Errors
/// `Unsupported` for spinors.
pub fn require_no_spinors(run: &Calculation) -> Result<()> {
    match run.nspin() {
        Some(4) => Err(Error::unsupported(
            "a run with nspin 4, of which a model that does not start from H0 learns the part without spin only",
        )),
        _ => Ok(()),
    }
}

fn require_both_spins(run: &Calculation, n_channels: usize) -> Result<()> {
    match (run.nspin(), n_channels) {
        (Some(2), 1) => Err(Error::unsupported("there is no H0 to tell spin up from spin down of this run (nspin 2)")),
        _ => Ok(()),
    }
}

/// Zero where the run's files have no place for an element, and on the blocks that they have more than S.
fn in_files(run: &Calculation, mut operator: Operator<f64>) -> Result<Operator<f64>> {
    let Some(native) = &run.native else { return Ok(operator) };
    native.restrict(&run.basis, &mut operator)?;
    Ok(match native.pairs(&run.basis)? {
        Some(pairs) => on_pairs(&operator, &pairs),
        None => operator,
    })
}
