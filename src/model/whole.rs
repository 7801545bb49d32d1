//! Predictions that do not start from H⁽⁰⁾: the operator itself, out of structure and S.

use super::target::{self, Quantity, joined, on_pairs};
use crate::parsers::{Calculation, Error, Operator, Result, SpinOperator};
use crate::symmetry::predicted::{self, Imposed};

/// Joins the channels of a prediction, on the blocks of S and all others that the run's files have a place for; with `symmetrize`
/// averaged over the operations of the crystal. Hermitian to the last bit.
///
/// # Errors
/// `Unsupported` for collinear spin where nothing told up from down.
pub fn whole(
    run: &Calculation,
    quantity: Quantity,
    channels: Vec<Operator<f64>>,
    symmetrize: bool,
) -> Result<(SpinOperator, Vec<Imposed>)> {
    if quantity != Quantity::Overlap {
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

/// H⁽⁰⁾ of a run of spinors: its spin–orbit part completes an H of which a model learns the part without spin. `None` where nothing is
/// missing.
///
/// # Errors
/// `Unsupported` for spinors without H⁽⁰⁾, and for their density matrices, of which H⁽⁰⁾ says nothing.
pub fn completing_h0(run: &Calculation, quantity: Quantity) -> Result<Option<&SpinOperator>> {
    match (run.nspin(), quantity, &run.hamiltonian0) {
        (Some(4), Quantity::Hamiltonian, Some(h0)) => Ok(Some(h0)),
        (Some(4), Quantity::Hamiltonian, None) => Err(Error::unsupported(
            "a run with nspin 4 and without H0: a model learns the part without spin, spin-orbit coupling comes from H0",
        )),
        (Some(4), Quantity::DensityMatrix, _) => Err(Error::unsupported(
            "the density matrix of a run with nspin 4, of which a model learns the part without spin only",
        )),
        _ => Ok(None),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::synthetic;
    use crate::parsers::read;

    fn fixture(name: &str) -> Calculation {
        let folder = format!("{}/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
        read(folder.as_ref(), &Default::default()).unwrap()
    }

    /// SIESTA also stores blocks of atoms that share no more than a projector.
    #[test]
    fn it_has_all_blocks_of_the_files() {
        let run = fixture("siesta/mos2");
        let overlap = run.overlap.clone().unwrap();
        let (h, symmetrized) = whole(&run, Quantity::Hamiltonian, vec![overlap.clone()], false).unwrap();
        assert_eq!(h.pairs(), run.hamiltonian.as_ref().unwrap().pairs());
        assert!(h.pairs().len() > overlap.pairs().len() && symmetrized.len() == 1);
        let SpinOperator::Unpolarized(h) = h else { panic!("without spin") };
        for (pair, block) in overlap.blocks() {
            assert!(h.get(pair).unwrap().iter().zip(block).all(|(h, s)| (h - s).abs() < 1e-6), "{pair:?}");
        }
    }

    #[test]
    fn what_h0_alone_can_tell_is_refused() {
        let of = |name: &str, quantity: Quantity| {
            let run = Calculation { hamiltonian0: None, ..fixture(name) };
            let s = run.overlap.clone().unwrap();
            let joined = completing_h0(&run, quantity).and_then(|_| whole(&run, quantity, vec![s], false));
            joined.map(drop).map_err(|error| error.to_string())
        };
        assert!(of("siesta/feas_so", Quantity::Hamiltonian).unwrap_err().contains("nspin 4"));
        assert!(of("openmx/h2o_nc", Quantity::DensityMatrix).unwrap_err().contains("nspin 4"));
        assert!(of("siesta/fe", Quantity::Hamiltonian).unwrap_err().contains("no H0 to tell spin up from spin down"));
        assert_eq!(of("siesta/feas_so", Quantity::Overlap), Ok(()));
    }

    #[test]
    fn two_channels_are_up_and_down_and_hermitian() {
        let run = synthetic::run(synthetic::structure(1));
        let up = run.overlap.clone().unwrap();
        let mut down = up.clone();
        down.values_mut()[1] += 0.5;
        let (h, symmetrized) = whole(&run, Quantity::Hamiltonian, vec![up.clone(), down], false).unwrap();
        let SpinOperator::Collinear([first, second]) = h else { panic!("two spins") };
        assert!(first.values().iter().zip(up.values()).all(|(a, b)| (a - b).abs() < 1e-15) && first != second);
        assert!(symmetrized[0].removed > 0.1);
    }
}
