//! What an error of H means for the code that goes on from it: energy after one diagonalization, iterations to convergence.
//!
//! The density of an approximate H is variational in the energy, whose error is therefore of second order in that of H: five
//! predictions of MoS₂ (mean |H − H_SCF| of 0.08 to 0.42 meV) gave 18 to 23 meV per atom times its square (docs/certify.md). White
//! noise does far better and relative noise somewhat worse, so neither went into the law. Iterations gain only with the logarithm.

use super::calibration::{Expected, PowerLaw};

/// Error of the energy after one diagonalization, meV per atom, as a function of the mean |H − H_SCF| (rigid shift taken away) in meV.
/// The spread is that between systems: 3 (Si₂), 21 (MoS₂), 37 (Si₈).
pub const ENERGY: PowerLaw = PowerLaw { prefactor: 21.0, exponent: 2.0, spread: 2.0 };

/// Iterations over those of a cold start where mean |H − H_SCF| is 1 % of mean |H_SCF − H⁽⁰⁾|, and so much more per factor 10.
const FRACTION_AT_PERCENT: f64 = 0.75;
const FRACTION_PER_DECADE: f64 = 0.2;
/// Standard deviation of the fraction among systems, codes and tolerances.
const FRACTION_SPREAD: f64 = 0.13;
/// No restart is done in less than this part of a cold start's iterations.
const LEAST_FRACTION: f64 = 0.05;
/// Iterations of a cold start where nothing is known of it.
pub const COLD_ITERATIONS: f64 = 15.0;

/// SCF iterations of a restart, for a system that needs `cold` iterations from scratch.
pub fn iterations(relative_error: f64, cold: f64) -> Expected {
    let fraction = FRACTION_AT_PERCENT + FRACTION_PER_DECADE * (relative_error / 1e-2).log10();
    let of_cold = |fraction: f64| cold * fraction.clamp(LEAST_FRACTION, 1.0);
    Expected {
        value: of_cold(fraction),
        low: of_cold(fraction - FRACTION_SPREAD),
        high: of_cold(fraction + FRACTION_SPREAD),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_better_hamiltonian_never_needs_more_iterations_nor_more_than_a_cold_start() {
        let counts = [1e-5, 1e-3, 1e-2, 5e-2, 1.0, 10.0].map(|error| iterations(error, 12.0).value);
        assert!(counts.is_sorted() && counts[0] > 0.5 && counts[5] == 12.0 && counts[2] < counts[3], "{counts:?}");
    }
}
