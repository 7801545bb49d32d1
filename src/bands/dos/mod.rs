//! Densities of states, total and projected on groups of orbitals.

pub mod export;

use super::structure::Role;

/// Densities of states of one or several Hamiltonians on one axis of energies.
#[derive(Debug, Clone, PartialEq)]
pub struct Dos {
    /// The axis, hartree relative to each curve's zero, ascending.
    pub energies: Vec<f64>,
    /// Names of the groups of orbitals; empty where nothing is projected.
    pub groups: Vec<String>,
    /// One per Hamiltonian; later ones are drawn over earlier ones.
    pub curves: Vec<DosCurve>,
    /// Is zero a Fermi level (else the code's own zero)?
    pub relative: bool,
    /// One hartree in the code's eV.
    pub ev_per_hartree: f64,
}

/// Density of states of one Hamiltonian. Without spin there is one channel, whose bands count twice, so that the densities of
/// all channels add up to that of the electrons.
#[derive(Debug, Clone, PartialEq)]
pub struct DosCurve {
    /// Name.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// Fermi level, hartree.
    pub fermi_level: Option<f64>,
    /// Energy at zero of the axis, hartree.
    pub zero: f64,
    /// `total[spin][energy]`, states per hartree and cell.
    pub total: Vec<Vec<f64>>,
    /// `integrated[spin][energy]`, states per cell below that energy.
    pub integrated: Vec<Vec<f64>>,
    /// `projected[spin][group][energy]`, states per hartree and cell.
    pub projected: Option<Vec<Vec<Vec<f64>>>>,
}

impl Dos {
    /// The axis in eV relative to the curves' zero.
    pub fn energies_ev(&self) -> Vec<f64> {
        self.energies.iter().map(|energy| energy * self.ev_per_hartree).collect()
    }

    /// States per eV and cell.
    pub fn per_ev(&self, density: &[f64]) -> Vec<f64> {
        density.iter().map(|density| density / self.ev_per_hartree).collect()
    }
}
