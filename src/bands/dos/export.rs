//! Densities of states as text for gnuplot and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Dos, DosCurve};
use crate::bands::structure::Role;

/// The JSON form of densities of states.
#[derive(Debug, Serialize)]
pub struct DosJson {
    /// Version of this layout.
    pub schema_version: u32,
    /// Unit of all energies.
    pub unit: &'static str,
    /// Unit of all densities.
    pub density_unit: &'static str,
    /// The axis, relative to each Hamiltonian's `zero`.
    pub energies: Vec<f64>,
    /// Names of the groups of orbitals.
    pub groups: Vec<String>,
    /// One per Hamiltonian.
    pub hamiltonians: Vec<DosCurveJson>,
}

/// Density of states of one Hamiltonian.
#[derive(Debug, Serialize)]
pub struct DosCurveJson {
    /// `H0`, `SCF`, or the name of a predicted one.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// Fermi level (absolute), null where unknown.
    pub fermi_level: Option<f64>,
    /// The absolute energy at zero of the axis.
    pub zero: f64,
    /// `total[spin][energy]`.
    pub total: Vec<Vec<f64>>,
    /// `integrated[spin][energy]`, states per cell.
    pub integrated: Vec<Vec<f64>>,
    /// `projected[spin][group][energy]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projected: Option<Vec<Vec<Vec<f64>>>>,
}

/// The JSON form, in eV.
pub fn json(dos: &Dos) -> DosJson {
    DosJson {
        schema_version: 1,
        unit: "eV",
        density_unit: "states/eV/cell",
        energies: dos.energies_ev(),
        groups: dos.groups.clone(),
        hamiltonians: dos.curves.iter().map(|curve| curve_json(dos, curve)).collect(),
    }
}

fn curve_json(dos: &Dos, curve: &DosCurve) -> DosCurveJson {
    let per_ev = |densities: &Vec<Vec<f64>>| densities.iter().map(|density| dos.per_ev(density)).collect();
    DosCurveJson {
        name: curve.name.clone(),
        role: curve.role,
        fermi_level: curve.fermi_level.map(|level| level * dos.ev_per_hartree),
        zero: curve.zero * dos.ev_per_hartree,
        total: per_ev(&curve.total),
        integrated: curve.integrated.clone(),
        projected: curve.projected.as_ref().map(|spins| spins.iter().map(per_ev).collect()),
    }
}

/// Text for gnuplot: `index` 0, 1, … is one Hamiltonian and spin; its columns are energy, density, integrated density and
/// the density on each group.
pub fn text(dos: &Dos) -> String {
    let mut out =
        "# Density of states. Columns: energy (eV), density (states/eV/cell), states below that energy".to_owned();
    dos.groups.iter().enumerate().for_each(|(place, group)| {
        let _ = write!(out, "{}{group}", if place == 0 { ", density on: " } else { " | " });
    });
    out.push_str("\n# Plot one data set: plot 'FILE' index 0 using 1:2 with lines\n");
    for curve in &dos.curves {
        (0..curve.total.len()).for_each(|spin| write_curve(dos, curve, spin, &mut out));
    }
    out
}

fn write_curve(dos: &Dos, curve: &DosCurve, spin: usize, out: &mut String) {
    let spin_text = if curve.total.len() == 2 { [" spin up", " spin down"][spin] } else { "" };
    let zero = curve.zero * dos.ev_per_hartree;
    let _ = writeln!(out, "\n\n# {}{spin_text}: energies relative to {zero:.8} eV", curve.name);
    for (point, energy) in dos.energies.iter().enumerate() {
        let (density, below) = (curve.total[spin][point] / dos.ev_per_hartree, curve.integrated[spin][point]);
        let _ = write!(out, "{:12.6} {density:16.9e} {below:16.9}", energy * dos.ev_per_hartree);
        for group in curve.projected.iter().flat_map(|projected| &projected[spin]) {
            let _ = write!(out, " {:16.9e}", group[point] / dos.ev_per_hartree);
        }
        out.push('\n');
    }
}
