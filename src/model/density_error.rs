//! How far a predicted density matrix is from the run's own.

use std::borrow::Cow;

use super::target;
use crate::density::{self, trace, trace_with_overlap};
use crate::parsers::{Calculation, Error, Operator, Pair, Result, SpinOperator, c64};

/// Errors of one DM. Without spin DM counts both spins, else each spin component counts by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DensityError {
    /// Mean absolute error over the elements of the blocks of S.
    pub mae: f64,
    /// Mean |DM| over them.
    pub size: f64,
    /// Largest error.
    pub max: f64,
    /// tr(DM S) − N.
    pub electrons: f64,
    /// tr(DM H) − tr(DM_run H), hartree; `None` where the run has no converged H.
    pub band_energy: Option<f64>,
}

/// DM of a run: its own, else that of its converged H on its k mesh.
///
/// # Errors
/// `Unsupported` where it has neither; as [`density::of`].
pub fn reference(run: &Calculation) -> Result<Cow<'_, SpinOperator>> {
    match (&run.density_matrix, &run.hamiltonian) {
        (Some(own), _) => Ok(Cow::Borrowed(own)),
        (None, Some(h)) => Ok(Cow::Owned(density::of(run, h, &density::Options::default())?.matrix)),
        (None, None) => Err(Error::unsupported("the run has neither a density matrix nor a converged H")),
    }
}

/// The run with its [`reference()`] as DM, for models that learn it.
///
/// # Errors
/// As [`reference()`].
pub fn with_reference(mut run: Calculation) -> Result<Calculation> {
    run.density_matrix = Some(reference(&run)?.into_owned());
    Ok(run)
}

/// Compares a predicted DM with [`reference()`].
///
/// # Errors
/// As [`reference()`]; `Unsupported` where S is missing; `Inconsistent` where spins differ.
pub fn density_error(run: &Calculation, predicted: &SpinOperator) -> Result<DensityError> {
    let (own, overlap) = (reference(run)?, target::overlap(run)?);
    if own.nspin() != predicted.nspin() {
        let message = format!("DM has nspin {}, the prediction {}", own.nspin(), predicted.nspin());
        return Err(Error::inconsistent(message));
    }
    let (mut n, mut error, mut size, mut max) = (0usize, 0.0, 0.0, 0.0f64);
    for (pair, block) in overlap.blocks() {
        for (own, predicted) in elements(&own, pair, block.len()).zip(elements(predicted, pair, block.len())) {
            n += 1;
            error += (predicted - own).norm();
            size += own.norm();
            max = max.max((predicted - own).norm());
        }
    }
    let electrons = run.n_electrons.unwrap_or_else(|| trace_with_overlap(&own, overlap));
    let of_h = |h: &SpinOperator| trace(predicted, h) - trace(&own, h);
    Ok(DensityError {
        mae: error / n.max(1) as f64,
        size: size / n.max(1) as f64,
        max,
        electrons: trace_with_overlap(predicted, overlap) - electrons,
        band_energy: run.hamiltonian.as_ref().map(of_h),
    })
}

/// Elements of one block of `n`, all spin components; zeros where it is not stored.
fn elements<'a>(operator: &'a SpinOperator, pair: &'a Pair, n: usize) -> Box<dyn Iterator<Item = c64> + 'a> {
    fn of<'a, T: Copy + Into<c64>>(one: &'a Operator<T>, pair: &Pair, n: usize) -> impl Iterator<Item = c64> + 'a {
        let block = one.get(pair);
        (0..n).map(move |k| block.map_or(c64::default(), |block| block[k].into()))
    }
    match operator {
        SpinOperator::Unpolarized(both) => Box::new(of(both, pair, n)),
        SpinOperator::Collinear(spins) => Box::new(spins.iter().flat_map(move |one| of(one, pair, n))),
        SpinOperator::Spinor(spin) => Box::new(spin.iter().flat_map(move |one| of(one, pair, n))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str) -> Calculation {
        let folder = format!("{}/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
        crate::parsers::read(folder.as_ref(), &Default::default()).unwrap()
    }

    #[test]
    fn twice_the_density_has_twice_the_electrons() {
        for name in ["siesta/h2o", "siesta/fe", "openmx/h2o_nc"] {
            let run = run(name);
            let own = reference(&run).unwrap().into_owned();
            let right = density_error(&run, &own).unwrap();
            let n = run.n_electrons.unwrap();
            assert!(right.mae == 0.0 && right.band_energy == Some(0.0) && right.electrons.abs() < 1e-3 * n, "{name}");
            let wrong = density_error(&run, &density::scaled(&own, 2.0)).unwrap();
            assert!((wrong.mae - wrong.size).abs() < 1e-12 && wrong.max > 0.1, "{name}");
            assert!((wrong.electrons - 2.0 * right.electrons - n).abs() < 1e-9 * n, "{name}");
            assert!((wrong.band_energy.unwrap() - trace(&own, run.hamiltonian.as_ref().unwrap())).abs() < 1e-9 * n);
        }
    }

    /// nspin 1 counts both spins, so that DM of the converged H is DM of the code.
    #[test]
    fn dm_of_h_stands_in_for_a_missing_one() {
        let mut run = run("siesta/h2o");
        let own = run.density_matrix.take().unwrap();
        let error = density_error(&run, &own).unwrap();
        assert!(error.mae < 1e-5 && error.size > 1e-2, "{error:?}");
    }
}
