//! A regular Γ-centred mesh of k, and the lattice vectors R that belong to it.

use nalgebra::{Matrix3, Vector3};

use super::real_space::Cell;
use crate::error::{Error, Result};
use crate::operator::c64;
use crate::structure::Structure;

/// How many supercells around the home one are searched for the nearest copy of a cell, as Wannier90's `ws_search_size`.
const SEARCHED: i32 = 2;
/// Squared lengths that differ by less, relatively, are the same.
const SAME_LENGTH: f64 = 1e-8;
/// More k points than any mesh needs: all H(k) are held in memory.
const MOST_POINTS: u64 = 2_000_000;

/// k = n/N along each reciprocal lattice vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mesh {
    /// Divisions N.
    pub divisions: [usize; 3],
}

impl Mesh {
    /// # Errors
    /// `Unsupported` for no points along an axis, or too many.
    pub fn new(divisions: [u32; 3]) -> Result<Self> {
        let n_points = divisions.iter().fold(1_u64, |product, &n| product.saturating_mul(u64::from(n)));
        if (1..=MOST_POINTS).contains(&n_points) {
            return Ok(Mesh { divisions: divisions.map(|n| n as usize) });
        }
        let [a, b, c] = divisions;
        Err(Error::unsupported(format!("a mesh of {a} x {b} x {c} k points; it must have 1 to {MOST_POINTS}")))
    }

    /// Number of points, and of cells in its supercell.
    pub fn n_points(&self) -> usize {
        self.divisions.iter().product()
    }

    /// Point `index`, reduced coordinates from 0 to 1: the last axis is the fastest.
    pub fn point(&self, index: usize) -> [f64; 3] {
        let place = self.place(index);
        [0, 1, 2].map(|axis| place[axis] as f64 / self.divisions[axis] as f64)
    }

    /// The same point of the mesh as −k.
    pub fn opposite(&self, index: usize) -> usize {
        self.index(self.place(index).map(|n| -(n as i32)))
    }

    fn place(&self, index: usize) -> [usize; 3] {
        let [_, m, l] = self.divisions;
        [index / (m * l), index / l % m, index % l]
    }

    /// Index of the cell of the supercell that R is a copy of.
    pub fn index(&self, r: [i32; 3]) -> usize {
        let [x, y, z] = [0, 1, 2].map(|axis| r[axis].rem_euclid(self.divisions[axis] as i32) as usize);
        (x * self.divisions[1] + y) * self.divisions[2] + z
    }

    /// The cells in the Wigner–Seitz cell of the supercell, sorted; copies of one cell that are equally near all stand there.
    pub fn wigner_seitz(&self, structure: &Structure) -> Vec<Cell> {
        let metric = structure.lattice * structure.lattice.transpose();
        let mut cells: Vec<Cell> = (0..self.n_points()).flat_map(|index| self.nearest(index, &metric)).collect();
        cells.sort_unstable_by_key(|cell| cell.r);
        cells
    }

    /// The nearest copies of cell `index`.
    fn nearest(&self, index: usize, metric: &Matrix3<f64>) -> Vec<Cell> {
        let (home, sizes) = (self.place(index).map(|x| x as i32), self.divisions.map(|n| n as i32));
        let copies = shifts().map(|shift| [0, 1, 2].map(|axis| home[axis] + shift[axis] * sizes[axis]));
        let squared = |r: [i32; 3]| {
            let r = Vector3::from(r.map(f64::from));
            r.dot(&(metric * r))
        };
        let lengths: Vec<([i32; 3], f64)> = copies.map(|r| (r, squared(r))).collect();
        let least = lengths.iter().map(|(_, length)| *length).fold(f64::INFINITY, f64::min);
        let nearest = lengths.into_iter().filter(|(_, length)| *length <= least * (1.0 + SAME_LENGTH));
        let nearest: Vec<[i32; 3]> = nearest.map(|(r, _)| r).collect();
        nearest.iter().map(|&r| Cell { r, degeneracy: nearest.len() as u32 }).collect()
    }

    /// O(R) of every cell of the supercell out of O(k) of every point, in place: 1/N Σ_k exp(−2πi k·R) O(k), axis by axis.
    pub fn to_cells(&self, values: &mut [c64]) {
        let (n, [_, m, l]) = (self.n_points() as f64, self.divisions);
        values.iter_mut().for_each(|value| *value /= n);
        for (axis, stride) in [m * l, l, 1].into_iter().enumerate() {
            let size = self.divisions[axis];
            let phases: Vec<c64> =
                (0..size).map(|x| c64::cis(-std::f64::consts::TAU * x as f64 / size as f64)).collect();
            let starts = (0..values.len()).filter(|index| index / stride % size == 0);
            for start in starts {
                transform(&mut values[start..], stride, &phases);
            }
        }
    }
}

fn shifts() -> impl Iterator<Item = [i32; 3]> {
    let axis = || -SEARCHED - 1..=SEARCHED;
    axis().flat_map(move |x| axis().flat_map(move |y| axis().map(move |z| [x, y, z])))
}

/// The discrete Fourier transform of as many values as there are `phases`, `stride` apart.
fn transform(values: &mut [c64], stride: usize, phases: &[c64]) {
    let size = phases.len();
    let line: Vec<c64> = (0..size).map(|k| values[k * stride]).collect();
    for r in 0..size {
        values[r * stride] = line.iter().enumerate().map(|(k, value)| value * phases[k * r % size]).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn structure(rows: [[f64; 3]; 3]) -> Structure {
        let lattice = Matrix3::from_fn(|row, column| rows[row][column]);
        Structure { lattice, positions: Vec::new(), species: Vec::new() }
    }

    const HEXAGONAL: [[f64; 3]; 3] = [[4.6, 0.0, 0.0], [-2.3, 3.983_716_857, 0.0], [0.0, 0.0, 20.0]];

    #[test]
    fn copies_share_the_weight_of_their_cell() {
        for divisions in [[4, 4, 1], [3, 5, 2], [1, 1, 1]] {
            let mesh = Mesh::new(divisions).unwrap();
            let cells = mesh.wigner_seitz(&structure(HEXAGONAL));
            let mut weights = vec![0.0; mesh.n_points()];
            cells.iter().for_each(|cell| weights[mesh.index(cell.r)] += 1.0 / f64::from(cell.degeneracy));
            assert!(weights.iter().all(|weight| (weight - 1.0_f64).abs() < 1e-12), "{weights:?}");
            let opposite = |cell: &Cell| Cell { r: cell.r.map(|x| -x), ..*cell };
            assert!(cells.iter().all(|cell| cells.contains(&opposite(cell))));
        }
        let cells = Mesh::new([2, 2, 1]).unwrap().wigner_seitz(&structure(HEXAGONAL));
        assert_eq!(cells.len(), 7);
    }

    #[test]
    fn a_plane_wave_is_one_cell() {
        let mesh = Mesh::new([3, 4, 5]).unwrap();
        let r = [-1, 2, 1];
        let wave = |k: [f64; 3]| c64::cis(std::f64::consts::TAU * (0..3).map(|a| k[a] * f64::from(r[a])).sum::<f64>());
        let mut values: Vec<c64> = (0..mesh.n_points()).map(|index| wave(mesh.point(index))).collect();
        mesh.to_cells(&mut values);
        for (index, value) in values.iter().enumerate() {
            let expected = if index == mesh.index(r) { 1.0 } else { 0.0 };
            assert!((value - expected).norm() < 1e-13, "{index}: {value}");
        }
        assert_eq!(mesh.opposite(mesh.index(r)), mesh.index([1, -2, -1]));
    }

    #[test]
    fn no_mesh_is_refused() {
        let error = Mesh::new([4, 0, 1]).unwrap_err().to_string();
        assert_eq!(error, "a mesh of 4 x 0 x 1 k points; it must have 1 to 2000000");
    }
}
