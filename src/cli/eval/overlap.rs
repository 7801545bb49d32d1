//! Errors of a learned S: what one pays who does not read it.

use serde::Serialize;

use super::{Row, mean, mean_known, number, tail};
use crate::model::certify::band_errors_of_overlap;
use crate::model::target;
use crate::parsers::{Calculation, Operator, SpinOperator};

/// Errors of one run, or their means over several. Names are a contract with users' scripts.
#[derive(Debug, Clone, Serialize)]
pub struct OverlapRow {
    run: String,
    n_atoms: usize,
    mae_s: f64,
    max_error_s: f64,
    /// Bands of the run's converged H with the learned S; null where S is not positive definite, or there is no H.
    bands_occupied_mae_mev: Option<f64>,
    seconds: f64,
}

impl OverlapRow {
    /// Errors of one predicted S against the run's own.
    pub fn new(run: &Calculation, predicted: &SpinOperator, seconds: f64) -> anyhow::Result<Self> {
        let channels = target::channels(predicted);
        let learned: &Operator<f64> = &channels[0];
        let mut errors = Vec::new();
        for (pair, block) in target::overlap(run)?.blocks() {
            let found = learned.get(pair).unwrap_or_default().iter().copied().chain(std::iter::repeat(0.0));
            errors.extend(block.iter().zip(found).map(|(s, found)| (found - s).abs()));
        }
        let mev = 1000.0 * run.origin.ev_per_hartree;
        Ok(OverlapRow {
            run: String::new(),
            n_atoms: run.structure.n_atoms(),
            mae_s: mean(&errors, |error| *error),
            max_error_s: errors.iter().copied().fold(0.0, f64::max),
            bands_occupied_mae_mev: band_errors_of_overlap(run, learned).ok().map(|bands| bands.occupied_mae * mev),
            seconds,
        })
    }
}

impl Row for OverlapRow {
    fn head() -> String {
        format!(
            "bands: converged H with the learned S, after one rigid shift, meV\n{:<34} {:>6} {:>10} {:>10} {:>8}\n",
            "run", "atoms", "mae S", "max error", "occup."
        )
    }

    fn named(self, run: String) -> Self {
        OverlapRow { run, ..self }
    }

    fn line(&self) -> String {
        format!(
            "{:<34} {:>6} {:>10.3e} {:>10.2e} {:>8}\n",
            tail(&self.run, 34),
            self.n_atoms,
            self.mae_s,
            self.max_error_s,
            number(self.bands_occupied_mae_mev, 2),
        )
    }

    fn mean(rows: &[Self]) -> Self {
        OverlapRow {
            run: format!("all {}", rows.len()),
            n_atoms: rows.iter().map(|r| r.n_atoms).sum(),
            mae_s: mean(rows, |r| r.mae_s),
            max_error_s: rows.iter().map(|r| r.max_error_s).fold(0.0, f64::max),
            bands_occupied_mae_mev: mean_known(rows, |r| r.bands_occupied_mae_mev),
            seconds: rows.iter().map(|r| r.seconds).sum(),
        }
    }
}
