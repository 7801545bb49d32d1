//! Calibration of a linear model by its own training structures, each predicted without its fold.

use super::{Calibration, Observation, observe};
use crate::model::file::Model;
use crate::model::linear::HeldOut;
use crate::model::predict::Predictor;
use crate::parsers::{Calculation, Result};

/// Calibrates a model by the runs that it was fitted to, in the order of `held_out`, each predicted by the stage that was fitted
/// without its fold. `run` reads run number k again, so that one at a time is in memory. `None` where that leaves fewer than three.
///
/// # Errors
/// As `run` and [`observe`].
pub fn calibrate_held_out(
    model: &Model,
    held_out: HeldOut,
    run: impl Fn(usize) -> Result<Calculation>,
) -> Result<Option<Calibration>> {
    let mut observations: Vec<Observation> = Vec::new();
    let n_folds = held_out.stages.len();
    for (fold, stage) in held_out.stages.into_iter().enumerate() {
        let predictor = Predictor::linear(Model { linear: Some(stage), network: None, ..model.clone() });
        for (k, _) in held_out.folds.iter().enumerate().filter(|(_, of)| **of == fold) {
            observations.push(observe(&predictor, &run(k)?)?);
        }
    }
    let source =
        format!("{} structures of training, each predicted without its fold of {n_folds}", held_out.folds.len());
    Ok(Calibration::fit(&observations, &source))
}
