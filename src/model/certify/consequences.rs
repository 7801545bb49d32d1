//! What an error of H means for the code that goes on from it: energy after one diagonalization, iterations to convergence.
//!
//! The energy is variational in the density, so its error is of second order in that of H: fifteen predictions of MoS₂ by linear
//! models and networks (mean |H − H_SCF| of 0.07 to 0.73 meV) gave 14 to 29 meV per atom times its square. Iterations gain only with the
//! logarithm. Both laws are fitted to real model errors, restarted with SIESTA (docs/certify.md), and not to noise, which does better.

use super::calibration::{Expected, PowerLaw};

/// Error of the energy after one diagonalization, meV per atom, as a function of the mean |H − H_SCF| (rigid shift taken away) in meV.
/// Within MoS₂ it holds within a factor 1.2; the spread is that between systems: random errors proportional to ΔH cost 3 (Si₂) to
/// 37 (Si₈) meV per atom in ABACUS.
pub const ENERGY: PowerLaw = PowerLaw { prefactor: 21.0, exponent: 2.0, spread: 2.0 };

/// Iterations over those of a cold start where mean |H − H_SCF| is 1 % of mean |H_SCF − H⁽⁰⁾|, and so much more per factor 10.
const FRACTION_AT_PERCENT: f64 = 0.90;
const FRACTION_PER_DECADE: f64 = 0.34;
/// Standard deviation of the fraction among structures and tolerances (0.10), and a little for other systems and codes.
const FRACTION_SPREAD: f64 = 0.13;
/// A converged H needs one iteration of 28 to 49; a bad one (3 %) needed up to 2.6 times as many as a cold start.
const FRACTIONS: [f64; 2] = [0.03, 2.0];
/// Iterations of a cold start where nothing is known of it.
pub const COLD_ITERATIONS: f64 = 15.0;

/// SCF iterations of a restart, for a system that needs `cold` iterations from scratch.
pub fn iterations(relative_error: f64, cold: f64) -> Expected {
    let fraction = FRACTION_AT_PERCENT + FRACTION_PER_DECADE * (relative_error / 1e-2).log10();
    let of_cold = |fraction: f64| cold * fraction.clamp(FRACTIONS[0], FRACTIONS[1]);
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
    fn a_better_hamiltonian_never_needs_more_iterations() {
        let counts = [1e-5, 1e-3, 1e-2, 1.5e-2, 1.0, 10.0].map(|error| iterations(error, 12.0).value);
        assert!(
            counts.is_sorted() && counts[0] > 0.3 && counts[5] < 25.0 && counts[2] < 12.0 && counts[2] < counts[3],
            "{counts:?}"
        );
    }
}
