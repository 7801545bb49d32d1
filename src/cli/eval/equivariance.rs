//! How far a model is from equivariance, as a part of a row.

use serde::Serialize;

use crate::model::equivariance::EquivarianceError;

/// |predict(turned run) - turned predict(run)|.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Equivariance {
    equivariance_mae_mev: f64,
    equivariance_max_mev: f64,
    inversion_mae_mev: f64,
    inversion_max_mev: f64,
}

impl Equivariance {
    /// Hartree become `mev`.
    pub fn new(errors: &EquivarianceError, mev: f64) -> Self {
        Equivariance {
            equivariance_mae_mev: errors.mae * mev,
            equivariance_max_mev: errors.max * mev,
            inversion_mae_mev: errors.inversion_mae * mev,
            inversion_max_mev: errors.inversion_max * mev,
        }
    }

    /// Over runs; `None` where it was not measured.
    pub fn mean(all: &[Self]) -> Option<Self> {
        let mean = |value: fn(&Equivariance) -> f64| all.iter().map(value).sum::<f64>() / all.len() as f64;
        let max = |value: fn(&Equivariance) -> f64| all.iter().map(value).fold(0.0, f64::max);
        (!all.is_empty()).then(|| Equivariance {
            equivariance_mae_mev: mean(|e| e.equivariance_mae_mev),
            equivariance_max_mev: max(|e| e.equivariance_max_mev),
            inversion_mae_mev: mean(|e| e.inversion_mae_mev),
            inversion_max_mev: max(|e| e.inversion_max_mev),
        })
    }

    /// Below the table; `mae_mev` is the error of H.
    pub fn line(&self, mae_mev: f64) -> String {
        format!(
            "equivariance: turned runs differ by {:.2e} meV ({:.2} % of the error of H), at most {:.2e}; inverted ones by {:.2e}, \
             at most {:.2e}\n",
            self.equivariance_mae_mev,
            100.0 * self.equivariance_mae_mev / mae_mev,
            self.equivariance_max_mev,
            self.inversion_mae_mev,
            self.inversion_max_mev
        )
    }
}
