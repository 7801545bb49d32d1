//! Which neighbours a set moves independently of each other. In a periodic cell the images of one atom move together: what ΔH
//! owes to each of them cannot be learned from such cells, however many there are; another shape of cell ties other images.

use std::collections::HashMap;

use serde::Serialize;

use super::member::Member;

/// Width of a shell of distances, bohr (half an ångström).
pub const SHELL: f64 = 0.944_863;
/// Another image of the same atom disturbs where it is no more than so much farther.
const AS_NEAR: f64 = 1.1;
/// Lattice vectors of two strained cells that differ by less are taken for the same.
const SAME: f64 = 0.04;

/// The directed neighbours in one shell of distances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Shell {
    /// How many.
    pub n: usize,
    /// The neighbour is an image of the atom itself: their distance changes with the cell alone.
    pub own_images: usize,
    /// Another image of the neighbour is as near or nearer (to a tenth).
    pub tied: usize,
}

impl Shell {
    /// Neighbours that move independently.
    pub fn free(&self) -> usize {
        self.n - self.own_images - self.tied
    }
}

/// A directed neighbour, and what it is tied to.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbour {
    /// Its distance, bohr.
    distance: f64,
    /// Is it an image of the atom itself?
    is_own_image: bool,
    /// Lengths of the lattice vectors to the images of the neighbour that are as near or nearer (of an own image: to the atom).
    ties: Vec<f64>,
}

/// All neighbours in a run.
pub fn neighbours(member: &Member) -> Vec<Neighbour> {
    type Image = ([i32; 3], f64);
    let mut images: HashMap<(u32, u32), Vec<Image>> = HashMap::new();
    for (pair, distance) in &member.bonds {
        images.entry((pair.i, pair.j)).or_default().push((pair.r, *distance));
    }
    let mut neighbours = Vec::with_capacity(member.bonds.len());
    for (&(i, j), images) in &images {
        for &(r, distance) in images {
            let to = |other: [i32; 3]| member.structure.translation([0, 1, 2].map(|a| r[a] - other[a])).norm();
            let rivals = images.iter().filter(|(other, d)| *other != r && *d <= AS_NEAR * distance);
            let ties = if i == j { vec![distance] } else { rivals.map(|(other, _)| to(*other)).collect() };
            neighbours.push(Neighbour { distance, is_own_image: i == j, ties });
        }
    }
    neighbours
}

/// Counts neighbours by shell; the first shell begins at distance 0. A tie only counts where each of `lattices` (lengths of the
/// lattice vectors of all shapes of cell) has a vector of its length: in a cell without it the two images are different atoms.
pub fn shells<'a>(neighbours: impl IntoIterator<Item = &'a Neighbour>, lattices: &[Vec<f64>]) -> Vec<Shell> {
    let is_in = |length: f64, lattice: &Vec<f64>| lattice.iter().any(|other| (other - length).abs() < SAME * length);
    let is_lasting = |length: &f64| lattices.iter().all(|lattice| is_in(*length, lattice));
    let mut shells = Vec::new();
    for neighbour in neighbours {
        let is_tied = neighbour.ties.iter().any(is_lasting);
        let place = (neighbour.distance / SHELL) as usize;
        shells.resize(shells.len().max(place + 1), Shell::default());
        shells[place].n += 1;
        shells[place].own_images += usize::from(is_tied && neighbour.is_own_image);
        shells[place].tied += usize::from(is_tied && !neighbour.is_own_image);
    }
    shells
}

/// Shells in which no neighbour ever moves independently, as distances [from, to] in bohr.
pub fn never_free(shells: &[Shell]) -> Vec<[f64; 2]> {
    let blind = |shell: &Shell| shell.n > 0 && shell.free() == 0;
    let mut ranges: Vec<[f64; 2]> = Vec::new();
    for (k, _) in shells.iter().enumerate().filter(|(_, shell)| blind(shell)) {
        let [from, to] = [k as f64 * SHELL, (k + 1) as f64 * SHELL];
        match ranges.last_mut().filter(|last| (last[1] - from).abs() < SHELL / 2.0) {
            Some(last) => last[1] = to,
            None => ranges.push([from, to]),
        }
    }
    ranges
}
