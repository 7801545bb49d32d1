//! Band structures as text for gnuplot and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::projection::Weights;
use super::spectrum::Energies;
use super::structure::{BandStructure, Curve, Role};

/// The JSON form of a band structure.
#[derive(Debug, Serialize)]
pub struct BandsJson {
    /// Version of this layout.
    pub schema_version: u32,
    /// Unit of all energies.
    pub unit: &'static str,
    /// Unit of `distances`.
    pub distance_unit: &'static str,
    /// Corners of the path.
    pub labels: Vec<LabelJson>,
    /// Indices of points after which the path jumps.
    pub jumps_after: Vec<usize>,
    /// Reduced k points.
    pub kpoints: Vec<[f64; 3]>,
    /// Length of the path up to each point.
    pub distances: Vec<f64>,
    /// Names of the groups of orbitals of `weights`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Are these the states of a supercell on the path of a smaller cell, `weights` their spectral weight there?
    pub unfolded: bool,
    /// One per Hamiltonian.
    pub hamiltonians: Vec<CurveJson>,
}

/// A corner of the path.
#[derive(Debug, Serialize)]
pub struct LabelJson {
    /// `Γ`, `K`, …; empty where the point has no name.
    pub label: String,
    /// Index of the k point.
    pub index: usize,
    /// Where it stands.
    pub distance: f64,
}

/// Bands of one Hamiltonian.
#[derive(Debug, Serialize)]
pub struct CurveJson {
    /// `H0`, `SCF`, or the name of a predicted one.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// Fermi level (absolute), null where unknown.
    pub fermi_level: Option<f64>,
    /// The absolute energy that plots and text show as zero.
    pub zero: f64,
    /// `energies[spin][k][band]`, absolute, ascending.
    pub energies: Energies,
    /// `weights[spin][k][band][group]`, which sum to 1 over the groups (unfolded bands: the spectral weight).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<Weights>,
    /// `first_band[spin][k]`: number of states below the first one of `energies`, where only a window was computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_band: Option<Vec<Vec<usize>>>,
}

/// The JSON form, energies in eV.
pub fn json(bands: &BandStructure) -> BandsJson {
    let distances = bands.distances_per_angstrom();
    let label = |corner: &super::kpath::Corner| LabelJson {
        label: corner.label.clone(),
        index: corner.index,
        distance: distances[corner.index],
    };
    let stretches = bands.path.stretches();
    BandsJson {
        schema_version: 1,
        unit: "eV",
        distance_unit: "1/angstrom",
        labels: bands.path.corners.iter().map(label).collect(),
        jumps_after: stretches.iter().rev().skip(1).rev().map(|stretch| stretch.end - 1).collect(),
        kpoints: bands.path.points.clone(),
        groups: bands.groups.clone(),
        unfolded: bands.unfolded,
        hamiltonians: bands.curves.iter().map(|curve| curve_json(bands, curve)).collect(),
        distances,
    }
}

fn curve_json(bands: &BandStructure, curve: &Curve) -> CurveJson {
    let unit = bands.ev_per_hartree;
    CurveJson {
        name: curve.name.clone(),
        role: curve.role,
        fermi_level: curve.fermi_level.map(|level| level * unit),
        zero: curve.zero * unit,
        energies: scaled(&curve.energies, unit),
        weights: curve.weights.clone(),
        first_band: curve.first_band.clone(),
    }
}

/// Energies times `factor`.
pub fn scaled(energies: &Energies, factor: f64) -> Energies {
    let bands = |bands: &Vec<f64>| bands.iter().map(|energy| energy * factor).collect();
    energies.iter().map(|spin| spin.iter().map(bands).collect()).collect()
}

/// Text for gnuplot: `index` 0, 1, … is one Hamiltonian and spin; inside, bands (named by their absolute numbers, from 1) are
/// separated by a blank line, and so are the parts of a band on both sides of a jump of the path, or of points without it.
pub fn text(bands: &BandStructure) -> String {
    let mut out = String::new();
    header(bands, &mut out);
    for curve in &bands.curves {
        for spin in 0..curve.energies.len() {
            write_curve(bands, curve, spin, &mut out);
        }
    }
    out
}

fn header(bands: &BandStructure, out: &mut String) {
    out.push_str("# Band structure. Columns: distance along the path (1/angstrom, with 2 pi), energy (eV)");
    if !bands.groups.is_empty() {
        let _ = write!(out, ", weight on: {}", bands.groups.join(" | "));
    }
    out.push_str("\n# Plot one data set: plot 'FILE' index 0 with lines\n# Corners: distance, label\n");
    for (distance, label) in bands.path.ticks() {
        let _ = writeln!(out, "#   {:12.8} {label}", distance / bands.angstrom_per_bohr);
    }
}

fn write_curve(bands: &BandStructure, curve: &Curve, spin: usize, out: &mut String) {
    let spin_text = if curve.energies.len() == 2 { ["", " spin up", " spin down"][spin + 1] } else { "" };
    let zero = curve.zero * bands.ev_per_hartree;
    let _ = writeln!(out, "\n\n# {}{spin_text}: energies relative to {zero:.8} eV", curve.name);
    let distances = bands.distances_per_angstrom();
    let mut separator = "";
    for band in curve.band_range(spin) {
        for (part, kpoints) in curve.parts(&bands.path, spin, band).into_iter().enumerate() {
            out.push_str(separator);
            separator = "\n";
            if part == 0 {
                let _ = writeln!(out, "# band {}", band + 1);
            }
            for k in kpoints {
                let energy = curve.energy(spin, k, band).unwrap_or(f64::NAN);
                let _ = write!(out, "{:12.8} {:14.8}", distances[k], bands.relative_ev(curve, energy));
                let weights = curve.weights(spin, k, band).unwrap_or_default();
                weights.iter().for_each(|weight| out.push_str(&format!(" {weight:11.8}")));
                out.push('\n');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::Matrix3;

    use super::*;
    use crate::bands::kpath::{Corner, KPath};

    fn two_parts() -> BandStructure {
        let corner = |index, label: &str, ends| Corner { index, label: label.into(), ends };
        let path = KPath {
            reciprocal: Matrix3::identity(),
            points: vec![[0.0; 3], [0.5, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0; 3]],
            distances: vec![0.0, 1.0, 1.0, 2.0],
            corners: vec![corner(0, "Γ", false), corner(1, "X", true), corner(2, "Y", false), corner(3, "Γ", true)],
        };
        let energies = vec![[-1.0, 0.0, 0.5, -1.0].map(|e| vec![e, e + 2.0]).to_vec()];
        let curve = Curve {
            name: "SCF".into(),
            role: Role::Scf,
            energies,
            weights: None,
            first_band: None,
            fermi_level: Some(0.5),
            zero: 0.5,
        };
        BandStructure {
            path,
            curves: vec![curve],
            groups: Vec::new(),
            unfolded: false,
            spinor: false,
            relative: true,
            ev_per_hartree: 2.0,
            angstrom_per_bohr: 0.5,
        }
    }

    #[test]
    fn text_separates_bands_and_parts_by_blank_lines() {
        let text = text(&two_parts());
        let (head, data) = text.split_once("\n\n").unwrap();
        assert!(head.contains("2.00000000 X|Y"), "{head}");
        let parts: Vec<&str> = data.split("\n\n").collect();
        assert_eq!(parts.len(), 4);
        let numbers = |part: &str| -> Vec<f64> {
            part.lines()
                .filter(|l| !l.starts_with('#'))
                .flat_map(|l| l.split_whitespace().map(|x| x.parse::<f64>().unwrap()).collect::<Vec<_>>())
                .collect()
        };
        assert_eq!(numbers(parts[0].trim_start()), [0.0, -3.0, 2.0, -1.0]);
        assert_eq!(numbers(parts[3]), [2.0, 4.0, 4.0, 1.0]);
    }

    /// States 3 and 4 at the first point, 4 and 5 at the second, none at the third.
    #[test]
    fn text_of_a_window_has_the_numbers_of_bands_and_no_lines_across_gaps() {
        let mut bands = two_parts();
        let curve = &mut bands.curves[0];
        curve.energies = vec![vec![vec![0.5, 1.0], vec![1.5, 2.0], vec![], vec![1.0]]];
        curve.first_band = Some(vec![vec![2, 3, 0, 3]]);
        let weight = |states: &Vec<f64>| states.iter().map(|energy| vec![energy / 4.0]).collect();
        curve.weights = Some(vec![curve.energies[0].iter().map(weight).collect()]);
        let text = text(&bands);
        let (_, data) = text.split_once(" eV\n").unwrap();
        let lines: Vec<String> =
            data.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let expected = [
            "# band 3",
            "0.00000000 0.00000000 0.12500000",
            "",
            "# band 4",
            "0.00000000 1.00000000 0.25000000",
            "2.00000000 2.00000000 0.37500000",
            "",
            "4.00000000 1.00000000 0.25000000",
            "",
            "# band 5",
            "2.00000000 3.00000000 0.50000000",
        ];
        assert_eq!(lines, expected, "{text}");
    }

    #[test]
    fn json_holds_absolute_energies() {
        let json = serde_json::to_value(json(&two_parts())).unwrap();
        assert_eq!(json["schema_version"], 1);
        assert_eq!(json["jumps_after"], serde_json::json!([1]));
        assert_eq!(json["labels"][3]["distance"], 4.0);
        assert_eq!(json["hamiltonians"][0]["energies"][0][2][1], 5.0);
        assert_eq!(json["hamiltonians"][0]["zero"], 1.0);
        assert_eq!(json["hamiltonians"][0]["role"], "scf");
    }
}
