//! How far a model is from equivariance: is the prediction for a turned run the turned prediction?
//!
//! Models whose network is equivariant by construction show rounding here. A network with a refinement that learns its
//! equivariance (`refine = "free"`) shows how well it did.

use nalgebra::Matrix3;

use super::evaluate::evaluate;
use super::predict::Predictor;
use crate::parsers::{Calculation, Result};
use crate::symmetry::rotate::{rotated, spread_rotations};

/// |predict(turned run) − turned predict(run)| over the elements that [`evaluate`] counts, hartree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EquivarianceError {
    /// Mean over elements and rotations.
    pub mae: f64,
    /// Largest of all elements and rotations.
    pub max: f64,
    /// Mean for the inversion of space.
    pub inversion_mae: f64,
    /// Largest element for the inversion of space.
    pub inversion_max: f64,
}

/// Measures it with `n` fixed rotations (at least one) and the inversion.
///
/// # Errors
/// As [`Predictor::predict`] and [`evaluate`].
pub fn equivariance_error(predictor: &Predictor, run: &Calculation, n: usize) -> Result<EquivarianceError> {
    // Which elements of a block a code stores depends on the axes, and would be taken for an error.
    let run = Calculation { native: None, ..run.clone() };
    let hamiltonian = Some(predictor.predict(&run)?.hamiltonian);
    let predicted = Calculation { hamiltonian, ..run.clone() };
    let error = |r: &Matrix3<f64>| -> Result<[f64; 2]> {
        let found = predictor.predict(&rotated(&run, r))?.hamiltonian;
        let errors = evaluate(&rotated(&predicted, r), &found)?.total;
        Ok([errors.mae, errors.max])
    };
    let [inversion_mae, inversion_max] = error(&-Matrix3::identity())?;
    let rotations = spread_rotations(n.max(1));
    let errors: Vec<[f64; 2]> = rotations.iter().map(error).collect::<Result<_>>()?;
    Ok(EquivarianceError {
        mae: errors.iter().map(|[mae, _]| mae).sum::<f64>() / errors.len() as f64,
        max: errors.iter().fold(0.0, |largest, [_, max]| max.max(largest)),
        inversion_mae,
        inversion_max,
    })
}
