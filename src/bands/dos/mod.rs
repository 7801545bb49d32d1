//! Densities of states, total and projected on groups of orbitals.

mod accumulate;
pub(super) mod compute;
pub mod export;
mod level;
pub mod regular;
mod simplex;
mod spread;
#[cfg(test)]
mod tests;

use super::mesh::periodic_directions;
use super::projection::Groups;
use super::spectrum::SpectrumOptions;
use super::structure::{Align, Role, lattice};
use crate::parsers::{Calculation, Error, KGrid, Smearing};
pub use compute::compute;

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

    /// Density (states per eV and cell) and number of states below zero, summed over spins; `None` where zero is off the axis.
    pub fn at_zero(&self, curve: &DosCurve) -> Option<(f64, f64)> {
        let place = self.energies.iter().position(|energy| energy.abs() < 1e-9)?;
        let sum = |spins: &[Vec<f64>]| spins.iter().map(|values| values[place]).sum::<f64>();
        Some((sum(&curve.total) / self.ev_per_hartree, sum(&curve.integrated)))
    }

    /// States per eV and cell.
    pub fn per_ev(&self, density: &[f64]) -> Vec<f64> {
        density.iter().map(|density| density / self.ev_per_hartree).collect()
    }
}

/// How states are spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// Energies and weights interpolated linearly between the nodes of the mesh: on tetrahedra, triangles or lines, as many
    /// directions as the mesh has with several nodes. The correction of Phys. Rev. B 49, 16223 (1994) for the curvature of
    /// bands moves weight between the corners of a simplex: the number of states is the same with it, and projections are
    /// those of the linear method.
    Tetrahedra,
    /// Each state of the mesh by itself.
    Smearing(Smearing),
}

/// Which Fermi level is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LevelOf {
    /// That of the band structure: the run's own for a single converged Hamiltonian, else with the run's k mesh and smearing
    Run,
    /// That up to which the integrated density of states holds the electrons
    Dos,
}

/// How densities of states are computed; energies in hartree.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The mesh.
    pub grid: KGrid,
    /// How states are spread.
    pub method: Method,
    /// Lowest and highest energy relative to zero [default: from 25 eV below zero, or below the lowest state above that, to 10 eV].
    pub window: Option<[f64; 2]>,
    /// Distance of two energies.
    pub step: f64,
    /// Groups to project on.
    pub groups: Option<Groups>,
    /// Where zero is.
    pub align: Align,
    /// Which Fermi level is taken.
    pub level: LevelOf,
    /// Signs of the directions along whose diagonal the cubes of the mesh are cut into tetrahedra [default: the shortest].
    pub diagonal: Option<[i64; 3]>,
    /// How the eigenproblems are solved.
    pub spectrum: SpectrumOptions,
    /// Weights of the whole mesh are kept up to so many bytes; else eigenvectors are computed a second time.
    pub most_kept_bytes: usize,
}

impl Options {
    /// What people expect: tetrahedra on the mesh of [`dense_grid`], Gaussians of 0.1 eV where nothing is periodic, points
    /// 0.02 eV apart, and the zero of band structures.
    ///
    /// # Errors
    /// As [`dense_grid`].
    pub fn usual(run: &Calculation) -> Result<Self, Error> {
        let ev = 1.0 / run.origin.ev_per_hartree;
        let grid = dense_grid(run)?;
        Ok(Options {
            method: Method::usual(&grid, run),
            grid,
            window: None,
            step: 0.02 * ev,
            groups: None,
            align: Align::Fermi,
            level: LevelOf::Run,
            diagonal: None,
            spectrum: SpectrumOptions::default(),
            most_kept_bytes: 1 << 30,
        })
    }
}

impl Method {
    /// Interpolation where the mesh has several nodes, else Gaussians of 0.1 eV.
    pub fn usual(grid: &KGrid, run: &Calculation) -> Self {
        match grid.divisions.iter().any(|&n| n > 1) {
            true => Method::Tetrahedra,
            false => Method::Smearing(Smearing::Gaussian(0.1 / run.origin.ev_per_hartree)),
        }
    }
}

/// The run's own mesh twice as dense, or such that points are at most 0.08 bohr⁻¹ (0.15 Å⁻¹) apart, whatever is denser;
/// Γ-centred, one point in directions that are not periodic.
///
/// # Errors
/// `Inconsistent` where the lattice vectors are linearly dependent.
pub fn dense_grid(run: &Calculation) -> Result<KGrid, Error> {
    const SPACING: f64 = 0.08;
    let (lattice, periodic) = (lattice(run)?, periodic_directions(run));
    let divisions = std::array::from_fn(|axis| {
        let unit: [f64; 3] = std::array::from_fn(|a| if a == axis { 1.0 } else { 0.0 });
        let by_length = (lattice.length(unit) / SPACING).ceil() as u32;
        let by_run = run.k_grid.map_or(1, |grid| 2 * grid.divisions[axis]);
        if periodic[axis] { by_length.max(by_run).max(1) } else { 1 }
    });
    Ok(KGrid { divisions, shift: [0.0; 3], gamma_centred: true, nudge: [0.0; 3] })
}
