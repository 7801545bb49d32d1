//! Errors of a predicted H.

use serde::Serialize;

use super::details::Details;
use super::equivariance::Equivariance;
use super::{Row, Wanted, mean, mean_known, number, tail};
use crate::model::certify::{overlap_condition, true_band_errors};
use crate::model::evaluate::evaluate;
use crate::parsers::check::hermiticity_error;
use crate::parsers::{Calculation, SpinOperator};

/// Errors of one run, or their means over several. What is about H⁽⁰⁾ is null where run or model has none. Names are a contract with
/// users' scripts.
#[derive(Debug, Clone, Default, Serialize)]
pub struct HamiltonianRow {
    run: String,
    n_atoms: usize,
    mae_h_mev: f64,
    mae_h_aligned_mev: f64,
    mae_delta_mev: Option<f64>,
    mae_h0_mev: Option<f64>,
    mae_delta_aligned_mev: Option<f64>,
    mae_h0_aligned_mev: Option<f64>,
    mu_error_mev: f64,
    max_error_mev: f64,
    /// Largest |H_ij(R) − H_ji(−R)†| of the prediction.
    hermiticity_error_mev: f64,
    bands_occupied_mae_mev: Option<f64>,
    bands_to_5ev_mae_mev: Option<f64>,
    bands_all_mae_mev: Option<f64>,
    band_shift_mev: Option<f64>,
    gap_error_mev: Option<f64>,
    /// With its sign, at the worst k point.
    lowest_state_error_mev: Option<f64>,
    ghost_states: Option<usize>,
    /// Largest over least eigenvalue of S(k), at the worst k point.
    overlap_condition: Option<f64>,
    seconds: f64,
    seconds_per_atom: f64,
    /// CPU time of all threads; null where the system does not tell, or nothing was timed.
    cpu_seconds_per_atom: Option<f64>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    equivariance: Option<Equivariance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
}

impl HamiltonianRow {
    /// Errors of one predicted H against the run's own.
    pub fn new(
        run: &Calculation,
        predicted: &SpinOperator,
        from_h0: bool,
        seconds: f64,
        wanted: Wanted,
    ) -> anyhow::Result<Self> {
        let errors = evaluate(run, predicted)?;
        let bands = wanted.bands.then(|| true_band_errors(run, predicted)).transpose()?;
        let condition = wanted.bands.then(|| overlap_condition(run, predicted)).transpose()?;
        let n_atoms = run.structure.n_atoms();
        let mev = 1000.0 * run.origin.ev_per_hartree;
        let of_h0 = |mae: Option<f64>| mae.filter(|_| from_h0).map(|mae| mae * mev);
        let total = errors.total;
        Ok(HamiltonianRow {
            run: String::new(),
            n_atoms,
            mae_h_mev: total.mae * mev,
            mae_h_aligned_mev: total.mae_aligned * mev,
            mae_delta_mev: of_h0(total.mae_h0.map(|_| total.mae)),
            mae_h0_mev: of_h0(total.mae_h0),
            mae_delta_aligned_mev: of_h0(total.mae_h0.map(|_| total.mae_aligned)),
            mae_h0_aligned_mev: of_h0(total.mae_h0_aligned),
            mu_error_mev: errors.shift * mev,
            max_error_mev: total.max * mev,
            hermiticity_error_mev: hermiticity_error(predicted, &run.basis) * mev,
            bands_occupied_mae_mev: bands.as_ref().map(|b| b.occupied_mae * mev),
            bands_to_5ev_mae_mev: bands.as_ref().and_then(|b| b.to_5ev_mae).map(|e| e * mev),
            bands_all_mae_mev: bands.as_ref().map(|b| b.all_mae * mev),
            band_shift_mev: bands.as_ref().map(|b| b.shift * mev),
            gap_error_mev: bands.as_ref().and_then(|b| b.gap_error).map(|e| e * mev),
            lowest_state_error_mev: bands.as_ref().map(|b| b.lowest_state_error * mev),
            ghost_states: bands.as_ref().map(|b| b.ghost_states),
            overlap_condition: condition,
            seconds,
            seconds_per_atom: seconds / n_atoms.max(1) as f64,
            cpu_seconds_per_atom: None,
            equivariance: None,
            details: wanted.details.then(|| Details::new(errors, mev)),
        })
    }

    /// The same with what turning the run showed.
    pub fn with_equivariance(self, equivariance: Option<Equivariance>) -> Self {
        HamiltonianRow { equivariance, ..self }
    }

    /// The same with the CPU time of the prediction.
    pub fn with_cpu_seconds(self, seconds: Option<f64>) -> Self {
        let per_atom = |seconds: f64| seconds / self.n_atoms.max(1) as f64;
        HamiltonianRow { cpu_seconds_per_atom: seconds.map(per_atom), ..self }
    }

    /// Aligned error over that of H⁽⁰⁾, percent.
    fn ratio(&self) -> Option<f64> {
        self.mae_h0_mev.map(|h0| 100.0 * self.mae_h_aligned_mev / h0)
    }

    /// A few lines for people.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let of_h0 = self.mae_h0_mev.map_or(String::new(), |mae| format!(", of H0 {mae:.3} meV"));
        let ratio = self.ratio().map_or(String::new(), |ratio| format!(": {ratio:.2} % of H0's"));
        let mut lines = vec![
            ("against SCF", format!("mean |H - H_SCF| {:.3} meV{of_h0}", self.mae_h_mev)),
            ("  aligned", format!("{:.3} meV{ratio}", self.mae_h_aligned_mev)),
        ];
        if let (Some(occupied), Some(ghosts)) = (self.bands_occupied_mae_mev, self.ghost_states) {
            let window = self.bands_to_5ev_mae_mev.map_or(String::new(), |e| format!(", {e:.2} meV up to 5 eV above"));
            lines.push(("  bands", format!("occupied {occupied:.2} meV{window}; ghost states: {ghosts}")));
        }
        lines
    }
}

impl Row for HamiltonianRow {
    fn head() -> String {
        format!(
            "errors in meV; ratio: H aligned over H0; bands after one rigid shift\n\
             {:<34} {:>6} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>6}\n",
            "run", "atoms", "H0", "H", "aligned", "ratio %", "mu", "occup.", "to 5 eV", "all", "lowest", "ghosts"
        )
    }

    fn named(self, run: String) -> Self {
        HamiltonianRow { run, ..self }
    }

    fn line(&self) -> String {
        format!(
            "{:<34} {:>6} {:>9} {:>9.4} {:>9.4} {:>8} {:>8.2} {:>8} {:>8} {:>8} {:>8} {:>6}\n",
            tail(&self.run, 34),
            self.n_atoms,
            number(self.mae_h0_mev, 3),
            self.mae_h_mev,
            self.mae_h_aligned_mev,
            number(self.ratio(), 3),
            self.mu_error_mev,
            number(self.bands_occupied_mae_mev, 2),
            number(self.bands_to_5ev_mae_mev, 2),
            number(self.bands_all_mae_mev, 2),
            number(self.lowest_state_error_mev, 1),
            self.ghost_states.map_or("-".to_owned(), |n| n.to_string()),
        )
    }

    fn below(&self) -> String {
        let equivariance = self.equivariance.map_or(String::new(), |e| e.line(self.mae_h_mev));
        equivariance + &self.details.as_ref().map_or(String::new(), |details| details.text(&self.run))
    }

    /// Of sizes for what has a sign; the largest of maxima, of the lowest state's error and of cond(S); the sum of ghost states and seconds.
    fn mean(rows: &[Self]) -> Self {
        let largest = |value: fn(&Self) -> f64| rows.iter().map(value).fold(0.0, f64::max);
        let largest_known = |value: fn(&Self) -> Option<f64>| rows.iter().filter_map(value).reduce(f64::max);
        let (n_atoms, seconds) = (rows.iter().map(|r| r.n_atoms).sum(), rows.iter().map(|r| r.seconds).sum());
        let turned: Vec<Equivariance> = rows.iter().filter_map(|row| row.equivariance).collect();
        HamiltonianRow {
            run: format!("all {}", rows.len()),
            n_atoms,
            mae_h_mev: mean(rows, |r| r.mae_h_mev),
            mae_h_aligned_mev: mean(rows, |r| r.mae_h_aligned_mev),
            mae_delta_mev: mean_known(rows, |r| r.mae_delta_mev),
            mae_h0_mev: mean_known(rows, |r| r.mae_h0_mev),
            mae_delta_aligned_mev: mean_known(rows, |r| r.mae_delta_aligned_mev),
            mae_h0_aligned_mev: mean_known(rows, |r| r.mae_h0_aligned_mev),
            mu_error_mev: mean(rows, |r| r.mu_error_mev.abs()),
            max_error_mev: largest(|r| r.max_error_mev),
            hermiticity_error_mev: largest(|r| r.hermiticity_error_mev),
            bands_occupied_mae_mev: mean_known(rows, |r| r.bands_occupied_mae_mev),
            bands_to_5ev_mae_mev: mean_known(rows, |r| r.bands_to_5ev_mae_mev),
            bands_all_mae_mev: mean_known(rows, |r| r.bands_all_mae_mev),
            band_shift_mev: mean_known(rows, |r| r.band_shift_mev.map(f64::abs)),
            gap_error_mev: mean_known(rows, |r| r.gap_error_mev.map(f64::abs)),
            lowest_state_error_mev: largest_known(|r| r.lowest_state_error_mev.map(f64::abs)),
            ghost_states: rows.iter().map(|r| r.ghost_states).sum(),
            overlap_condition: largest_known(|r| r.overlap_condition),
            seconds,
            seconds_per_atom: seconds / f64::max(n_atoms as f64, 1.0),
            cpu_seconds_per_atom: mean_known(rows, |r| r.cpu_seconds_per_atom),
            equivariance: Equivariance::mean(&turned),
            details: None,
        }
    }
}
