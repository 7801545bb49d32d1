//! How one state is spread over the axis of energies.

use super::regular::RegularMesh;
use super::simplex::{Corner, Star, mean_below};
use crate::bands::occupation::{broadening, occupation};
use crate::parsers::Smearing;

/// Equidistant energies, hartree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    /// The lowest one.
    pub first: f64,
    /// Distance of two.
    pub step: f64,
    /// Number of them.
    pub n: usize,
}

impl Axis {
    /// Energy at a place between or beyond the points.
    pub fn at(&self, place: f64) -> f64 {
        self.first + place * self.step
    }

    /// Number of points below `energy`, where they stand `shift` steps lower and there are `n` of them `per_step`.
    fn points_below(&self, energy: f64, per_step: f64, shift: f64, n: usize) -> usize {
        let place = (((energy - self.first) / self.step + shift) * per_step).ceil();
        if place.is_nan() { 0 } else { place.clamp(0.0, n as f64) as usize }
    }
}

/// A state of weight 1 on the points of an axis: nothing before `first`, and all of it below the points after the last one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spread {
    /// Index of the first point.
    pub first: usize,
    /// Density, 1/hartree.
    pub density: Vec<f64>,
    /// What of the state lies below each point.
    pub integrated: Vec<f64>,
}

/// The states of one spin on a mesh, and how they are spread.
pub enum States<'a> {
    /// Each by itself.
    Smeared {
        /// How.
        smearing: Smearing,
        /// `energies[k][band]`.
        energies: &'a [Vec<f64>],
    },
    /// Interpolated linearly between the nodes of the mesh.
    Interpolated {
        /// The mesh.
        mesh: &'a RegularMesh,
        /// Around each node.
        star: Star,
        /// `energies[k][band]`.
        energies: &'a [Vec<f64>],
    },
}

/// Beyond so many widths a state is filled or empty.
const REACH: f64 = 40.0;

impl<'a> States<'a> {
    /// States to be interpolated; cubes of the mesh are cut along the `diagonal`, a sign for each direction.
    pub fn interpolated(mesh: &'a RegularMesh, diagonal: [i64; 3], energies: &'a [Vec<f64>]) -> Self {
        States::Interpolated { mesh, star: Star::new(&mesh.axes(), diagonal), energies }
    }

    /// Number of states at k.
    pub fn n_bands(&self, k: usize) -> usize {
        match self {
            States::Smeared { energies, .. } | States::Interpolated { energies, .. } => energies[k].len(),
        }
    }

    /// What of a state lies at most at `level`, 0 … 1 (Methfessel–Paxton and cold smearing leave that range a little).
    pub fn below(&self, k: usize, band: usize, level: f64) -> f64 {
        match self {
            States::Smeared { smearing, energies } => occupation(*smearing, energies[k][band] - level),
            States::Interpolated { star, .. } => share_below(star, &self.around(k, band), level),
        }
    }

    /// The state on an axis. Interpolated densities are means over one step around each point, so that they add up to
    /// exactly one state, also where a band is flat.
    pub fn spread(&self, k: usize, band: usize, axis: &Axis) -> Spread {
        match self {
            States::Smeared { smearing, energies } => smeared(*smearing, energies[k][band], axis),
            States::Interpolated { star, .. } => interpolated(star, &self.around(k, band), axis),
        }
    }

    /// Energies of the band at the nodes around k. Where a node has fewer states, the band ends.
    fn around(&self, k: usize, band: usize) -> Vec<f64> {
        let States::Interpolated { mesh, star, energies } = self else { return Vec::new() };
        let own = energies[k][band];
        let at = |offset: &[i64; 3]| energies[mesh.neighbour(k, *offset)].get(band).copied().unwrap_or(own);
        star.offsets.iter().map(at).collect()
    }
}

fn smeared(smearing: Smearing, energy: f64, axis: &Axis) -> Spread {
    let reach = REACH * smearing.width();
    let [first, end] = [-reach, reach].map(|shift| axis.points_below(energy + shift, 1.0, 0.0, axis.n));
    let offsets = || (first..end).map(|point| energy - axis.at(point as f64));
    Spread {
        first,
        density: offsets().map(|x| broadening(smearing, x)).collect(),
        integrated: offsets().map(|x| occupation(smearing, x)).collect(),
    }
}

/// `around`: energies at the nodes of the star.
fn interpolated(star: &Star, around: &[f64], axis: &Axis) -> Spread {
    // Values halfway between the points are the ends of the means: value 2j+1 is that of point j.
    let n_values = 2 * axis.n + 1;
    let (low, high) = around.iter().fold((f64::MAX, f64::MIN), |(low, high), &e| (low.min(e), high.max(e)));
    let [first, end] = [low, high].map(|energy| axis.points_below(energy, 2.0, 0.5, n_values));
    let values: Vec<f64> = (first..end).map(|i| share_below(star, around, axis.at(0.5 * i as f64 - 0.5))).collect();
    let value = |i: usize| match i {
        _ if i >= end => 1.0,
        _ if i < first => 0.0,
        _ => values[i - first],
    };
    let (first, end) = (first.saturating_sub(1) / 2, end.div_ceil(2).min(axis.n));
    let density = |point: usize| (value(2 * point + 2) - value(2 * point)) / axis.step;
    Spread {
        first,
        density: (first..end).map(density).collect(),
        integrated: (first..end).map(|point| value(2 * point + 1)).collect(),
    }
}

/// What of the node's state lies at most at `level`: the mean of its hat function over the simplices around it.
fn share_below(star: &Star, around: &[f64], level: f64) -> f64 {
    let n_corners = star.simplices.first().map_or(1, |others| others.len() + 1);
    let corner = |place: usize| (around[place], 0.0);
    let own: Corner = (around[0], 1.0);
    let means = star.simplices.iter().map(|others| match **others {
        [a, b, c] => mean_below([own, corner(a), corner(b), corner(c)], level),
        [a, b] => mean_below([own, corner(a), corner(b)], level),
        [a] => mean_below([own, corner(a)], level),
        _ => mean_below([own], level),
    });
    n_corners as f64 * means.sum::<f64>() / star.simplices.len() as f64
}
