//! What diagonalizing a Hamiltonian on a k mesh leaves behind, summed over the occupied states.

use crate::operator::SpinOperator;

/// Density matrices of one Hamiltonian with what belongs to them. Energies in hartree, on the code's own absolute zero.
///
/// DM(R) is the density operator ρ = Σ |φ_i⟩ DM ⟨φ_j| itself, with w_k the weights of the mesh and f the occupations:
///
/// ```text
/// DM_ss'[iμ, jν](R) = Σ_k w_k Σ_n f_nk c_{s iμ n}(k) c*_{s' jν n}(k) exp(−2πi k·R)
/// ⟨O⟩ = Σ_ss' Σ_ij,R DM_ss'[ij](R) · O_ss'[ij](R)*
/// ```
///
/// Without spin it counts both spins.
#[derive(Debug, Clone)]
pub struct Density {
    /// DM(R), no unit.
    pub matrix: SpinOperator,
    /// EDM(R), hartree: every state weighted with its energy.
    pub energy_weighted: SpinOperator,
    /// Electrons in the cell, tr(DM S).
    pub electrons: f64,
    /// Fermi level.
    pub fermi_level: f64,
    /// Σ w f ε = tr(DM H).
    pub band_energy: f64,
}
