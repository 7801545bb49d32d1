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

use super::occupation::BandEdges;
use super::structure::{BandStructure, Curve};
use crate::parsers::Result;
use crate::parsers::h5::{self, Target};
use crate::parsers::output::write_by_name;

/// Writes the bands of one Hamiltonian and spin.
///
/// # Errors
/// `Io` with the file's name.
pub fn write(path: &Path, bands: &BandStructure, curve: &Curve, spin: usize) -> Result<()> {
    let table = Table::new(bands, curve, spin);
    write_by_name(path, |path| {
        h5::write(path, |file| {
            write_path(file, bands)?;
            write_states(file, &table)?;
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

/// States as a table: rows are absolute band indices.
struct Table<'a> {
    bands: &'a BandStructure,
    curve: &'a Curve,
    spin: usize,
    /// Points of the path, one per column.
    points: Vec<usize>,
    /// Absolute index of the first row, and of the one after the last.
    rows: [usize; 2],
}

impl<'a> Table<'a> {
    fn new(bands: &'a BandStructure, curve: &'a Curve, spin: usize) -> Self {
        let points = points_of(bands, &legs(bands)).concat();
        let mut table = Table { bands, curve, spin, points, rows: [0, 0] };
        let n_k = curve.energies[spin].len();
        let first = (0..n_k).map(|k| table.first_band(k)).min().unwrap_or(0);
        let end = (0..n_k).map(|k| table.first_band(k) + curve.energies[spin][k].len()).max().unwrap_or(0);
        table.rows = [first, end];
        table
    }

    fn first_band(&self, k: usize) -> usize {
        self.curve.first_band.as_ref().map_or(0, |first| first[self.spin][k])
    }

    /// A value of every state, or NaN: row by row.
    fn fill(&self, value: impl Fn(usize, usize) -> Option<f64>) -> Vec<f64> {
        let of_row = |row: usize| {
            let at = |&k: &usize| row.checked_sub(self.first_band(k)).and_then(|band| value(k, band));
            self.points.iter().map(move |k| at(k).unwrap_or(f64::NAN)).collect::<Vec<_>>()
        };
        (self.rows[0]..self.rows[1]).flat_map(of_row).collect()
    }

    fn energies(&self) -> Vec<f64> {
        let energy = |k: usize, band: usize| self.curve.energies[self.spin][k].get(band).copied();
        self.fill(|k, band| energy(k, band).map(|energy| self.bands.relative_ev(self.curve, energy)))
    }
}

fn write_states(file: &Target, table: &Table<'_>) -> Result<()> {
    let shape = [table.rows[1] - table.rows[0], table.points.len()];
    file.write("band_quantity", &[], &[shape[0] as i64])?;
    file.write("first_band", &[], &[table.rows[0] as i64])?;
    file.write("band_data", &shape, &table.energies())?;
    let Some(weights) = &table.curve.weights else { return Ok(()) };
    let names: Vec<&str> = table.bands.groups.iter().map(String::as_str).collect();
    let of_group = |group: usize| table.fill(|k, band| Some(*weights[table.spin][k].get(band)?.get(group)?));
    let values: Vec<f64> = (0..names.len()).flat_map(of_group).collect();
    file.write_texts("weight_names", &[names.len()], &names)?;
    file.write("weights", &[names.len(), shape[0], shape[1]], &values)
}

fn write_energies(file: &Target, bands: &BandStructure, curve: &Curve) -> Result<()> {
    let edges = curve.fermi_level.and_then(|level| BandEdges::around(&curve.energies, level));
    file.write("fermi_energy_before_shift_eV", &[], &[curve.zero * bands.ev_per_hartree])?;
    file.write("fermi_energy_eV", &[], &[0.0])?;
    file.write("band_gap", &[], &[edges.map_or(0.0, |edges| edges.gap() * bands.ev_per_hartree)])?;
    file.write("is_metal", &[], &[edges.is_none()])?;
    file.write("spinful", &[], &[bands.spinor])
}
