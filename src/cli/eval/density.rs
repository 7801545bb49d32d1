//! Errors of a predicted density matrix.

use serde::Serialize;

use super::{Row, mean, mean_known, number, tail};
use crate::model::density_error::density_error;
use crate::parsers::{Calculation, SpinOperator};

/// Errors of one run, or their means over several. Names are a contract with users' scripts.
#[derive(Debug, Clone, Serialize)]
pub struct DensityRow {
    run: String,
    n_atoms: usize,
    mae_dm: f64,
    max_error_dm: f64,
    /// Mean |DM|, to which that belongs.
    mean_dm: f64,
    /// tr(DM S) less the electrons of the run.
    electron_error: f64,
    /// tr(DM H) less that of the run's DM; null without converged H.
    band_energy_error_ev: Option<f64>,
    seconds: f64,
}

impl DensityRow {
    /// Errors of one predicted DM against the run's own, or that of its converged H.
    pub fn new(run: &Calculation, predicted: &SpinOperator, seconds: f64) -> anyhow::Result<Self> {
        let errors = density_error(run, predicted)?;
        Ok(DensityRow {
            run: String::new(),
            n_atoms: run.structure.n_atoms(),
            mae_dm: errors.mae,
            max_error_dm: errors.max,
            mean_dm: errors.size,
            electron_error: errors.electrons,
            band_energy_error_ev: errors.band_energy.map(|error| error * run.origin.ev_per_hartree),
            seconds,
        })
    }

    /// A few lines for people.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let energy = self.band_energy_error_ev.map_or(String::new(), |e| format!(", band energy {e:+.4} eV"));
        vec![
            ("against SCF", format!("mean |DM error| {:.2e} of {:.2e}", self.mae_dm, self.mean_dm)),
            ("  traces", format!("electrons {:+.5}{energy}", self.electron_error)),
        ]
    }
}

impl Row for DensityRow {
    fn head() -> String {
        format!(
            "DM without unit; band energy tr(DM H) in eV\n{:<34} {:>6} {:>10} {:>10} {:>8} {:>10} {:>11} {:>12}\n",
            "run", "atoms", "mean|DM|", "error", "ratio %", "max error", "electrons", "band energy"
        )
    }

    fn named(self, run: String) -> Self {
        DensityRow { run, ..self }
    }

    fn line(&self) -> String {
        format!(
            "{:<34} {:>6} {:>10.3e} {:>10.3e} {:>8.3} {:>10.2e} {:>11.5} {:>12}\n",
            tail(&self.run, 34),
            self.n_atoms,
            self.mean_dm,
            self.mae_dm,
            100.0 * self.mae_dm / self.mean_dm,
            self.max_error_dm,
            self.electron_error,
            number(self.band_energy_error_ev, 4),
        )
    }

    /// Of sizes for what has a sign; the largest of maxima, the sum of seconds.
    fn mean(rows: &[Self]) -> Self {
        DensityRow {
            run: format!("all {}", rows.len()),
            n_atoms: rows.iter().map(|r| r.n_atoms).sum(),
            mae_dm: mean(rows, |r| r.mae_dm),
            max_error_dm: rows.iter().map(|r| r.max_error_dm).fold(0.0, f64::max),
            mean_dm: mean(rows, |r| r.mean_dm),
            electron_error: mean(rows, |r| r.electron_error.abs()),
            band_energy_error_ev: mean_known(rows, |r| r.band_energy_error_ev.map(f64::abs)),
            seconds: rows.iter().map(|r| r.seconds).sum(),
        }
    }
}
