//! Bands in the layout of DeepH-dock's `band.h5`, which its `plot-band` and scripts made for it draw.
//!
//! The layout is that of `deepx_dock/compute/eigen/band.py`, version 0.9.11. All data sets are in the root group; a leg is a
//! straight part of the path from one corner to the next, and legs that meet both hold the corner.
//!
//! | data set | shape | content |
//! |---|---|---|
//! | `band_data` | bands, k | eV relative to `fermi_energy_before_shift_eV`; NaN where a state was not computed |
//! | `band_quantity`, `kpoints_quantity`, `k_path_quantity` | | numbers of bands, k points, legs |
//! | `kpoints_frac_list` | k, 3 | reduced coordinates |
//! | `kpoints_distance_list` | k | length of the path up to the point, 1/Å without 2π |
//! | `k_path_density_list` | legs | k points of each leg |
//! | `hsk_vector_list`, `hsk_symbol_list` | legs, 2(, 3) | both ends: reduced coordinates, names (`Gamma` for Γ) |
//! | `hsk_distance_list` | legs + 1 | length of the path up to each end |
//! | `rlv` | 3, 3 | reciprocal vectors as rows, 1/Å with 2π |
//! | `fermi_energy_eV`, `fermi_energy_before_shift_eV` | | 0, and where that is among the code's energies |
//! | `band_gap`, `is_metal`, `spinful` | | gap along the path in eV, 0 for a metal; are states spinors? |
//!
//! DeepH-dock moves zero to the middle of a gap; here it stays where the other outputs have it. Three data sets more, which its
//! programs do not read: `first_band` (number of states below the first row), and where states have weights on groups of orbitals
//! `weights` (groups, bands, k) and `weight_names`.

use std::path::Path;

use super::structure::{BandStructure, Curve};
use crate::parsers::Result;
use crate::parsers::h5::{self, Target};
use crate::parsers::output::write_by_name;

/// Writes the bands of one Hamiltonian and spin.
///
/// # Errors
/// `Io` with the file's name.
pub fn write(path: &Path, bands: &BandStructure, curve: &Curve, spin: usize) -> Result<()> {
    write_by_name(path, |path| {
        h5::write(path, |file| {
            write_path(file, bands)?;
            write_states(file, bands, curve, spin)?;
            write_energies(file, bands, curve)
        })
    })
}

/// A straight part of the path: indices of its corners in [`super::kpath::KPath::corners`].
type Leg = [usize; 2];

/// The legs; of a path that is one point, this point.
fn legs(bands: &BandStructure) -> Vec<Leg> {
    let corners = &bands.path.corners;
    let legs: Vec<Leg> = (1..corners.len()).filter(|&i| !corners[i - 1].ends).map(|i| [i - 1, i]).collect();
    if legs.is_empty() { vec![[0, 0]] } else { legs }
}

/// Points of the path in the order of the file.
fn points_of(bands: &BandStructure, legs: &[Leg]) -> Vec<Vec<usize>> {
    let index = |corner: usize| bands.path.corners[corner].index;
    legs.iter().map(|&[from, to]| (index(from)..=index(to)).collect()).collect()
}

/// Lengths without 2π.
fn lengths(bands: &BandStructure, distances: impl Iterator<Item = f64>) -> Vec<f64> {
    distances.map(|distance| distance / bands.angstrom_per_bohr / std::f64::consts::TAU).collect()
}

fn write_path(file: &Target, bands: &BandStructure) -> Result<()> {
    let path = &bands.path;
    let legs = legs(bands);
    let by_leg = points_of(bands, &legs);
    let points: Vec<usize> = by_leg.iter().flatten().copied().collect();
    let corners = || legs.iter().flatten().map(|&corner| &path.corners[corner]);
    let vectors: Vec<f64> = corners().flat_map(|corner| path.points[corner.index]).collect();
    let symbols: Vec<&str> = corners().map(|corner| symbol(&corner.label)).collect();
    let density: Vec<i64> = by_leg.iter().map(|points| points.len() as i64).collect();
    let ends = legs.iter().map(|&[_, to]| to);
    let ends = std::iter::once(legs[0][0]).chain(ends).map(|corner| path.distances[path.corners[corner].index]);
    let n = legs.len();
    file.write("k_path_quantity", &[], &[n as i64])?;
    file.write("k_path_density_list", &[n], &density)?;
    file.write("hsk_vector_list", &[n, 2, 3], &vectors)?;
    file.write_texts("hsk_symbol_list", &[n, 2], &symbols)?;
    file.write("hsk_distance_list", &[n + 1], &lengths(bands, ends))?;
    file.write("kpoints_quantity", &[], &[points.len() as i64])?;
    file.write(
        "kpoints_frac_list",
        &[points.len(), 3],
        &points.iter().flat_map(|&k| path.points[k]).collect::<Vec<_>>(),
    )?;
    let distances = lengths(bands, points.iter().map(|&k| path.distances[k]));
    file.write("kpoints_distance_list", &[points.len()], &distances)?;
    let reciprocal = path.reciprocal.transpose() / bands.angstrom_per_bohr;
    file.write("rlv", &[3, 3], reciprocal.as_slice())
}

/// A corner without a name is a blank.
fn symbol(label: &str) -> &str {
    if label == "Γ" { "Gamma" } else { label }
}

/// A value of every state, or NaN where there is none: a row per absolute band index, a column per point of the file.
fn table(bands: &BandStructure, curve: &Curve, spin: usize, value: impl Fn(usize, usize) -> Option<f64>) -> Vec<f64> {
    let points = points_of(bands, &legs(bands)).concat();
    let of_band = |band: usize| points.iter().map(|&k| value(k, band).unwrap_or(f64::NAN)).collect::<Vec<_>>();
    curve.band_range(spin).flat_map(of_band).collect()
}

fn write_states(file: &Target, bands: &BandStructure, curve: &Curve, spin: usize) -> Result<()> {
    let rows = curve.band_range(spin);
    let energy = |k, band| curve.energy(spin, k, band).map(|energy| bands.relative_ev(curve, energy));
    let energies = table(bands, curve, spin, energy);
    let shape = [rows.len(), energies.len() / rows.len().max(1)];
    file.write("band_quantity", &[], &[rows.len() as i64])?;
    file.write("first_band", &[], &[rows.start as i64])?;
    file.write("band_data", &shape, &energies)?;
    if curve.weights.is_none() {
        return Ok(());
    }
    let names: Vec<&str> = bands.groups.iter().map(String::as_str).collect();
    let of_group =
        |group: usize| table(bands, curve, spin, move |k, band| curve.weights(spin, k, band)?.get(group).copied());
    let weights: Vec<f64> = (0..names.len()).flat_map(of_group).collect();
    file.write_texts("weight_names", &[names.len()], &names)?;
    file.write("weights", &[names.len(), shape[0], shape[1]], &weights)
}

fn write_energies(file: &Target, bands: &BandStructure, curve: &Curve) -> Result<()> {
    let edges = curve.edges();
    file.write("fermi_energy_before_shift_eV", &[], &[curve.zero * bands.ev_per_hartree])?;
    file.write("fermi_energy_eV", &[], &[0.0])?;
    file.write("band_gap", &[], &[edges.map_or(0.0, |edges| edges.gap() * bands.ev_per_hartree)])?;
    file.write("is_metal", &[], &[edges.is_none()])?;
    file.write("spinful", &[], &[bands.spinor])
}
