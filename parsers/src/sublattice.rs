//! Integer supercells A' = M A: the cells of the small lattice inside the large one, without rounding.

use std::collections::HashMap;

use crate::error::{Error, Result};

/// Large lattice vectors as rows of integer multiples of the small ones.
pub type IntegerMatrix = [[i32; 3]; 3];

/// The sublattice that M spans, and its cosets: the small cells that lie in one large cell.
#[derive(Debug, Clone)]
pub struct Sublattice {
    matrix: IntegerMatrix,
    /// det M · M⁻¹.
    adjugate: [[i64; 3]; 3],
    /// det M.
    volume: i64,
    cells: Vec<[i32; 3]>,
    places: HashMap<[i32; 3], usize>,
}

impl Sublattice {
    /// More cells than any computer holds the matrices of.
    pub const MOST_CELLS: i64 = 1_000_000;
    /// No entry of M is larger: products of three are numbers, too.
    const LARGEST_ENTRY: i32 = 1_000_000;

    /// The sublattice of `matrix`.
    ///
    /// # Errors
    /// `Unsupported` where the rows of `matrix` span no right-handed cell, or one of more than [`Sublattice::MOST_CELLS`].
    pub fn new(matrix: IntegerMatrix) -> Result<Self> {
        let refused = |what: &str| Err(Error::unsupported(format!("supercell {}: {what}", text(&matrix))));
        if matrix.iter().flatten().any(|entry| entry.unsigned_abs() > Self::LARGEST_ENTRY as u32) {
            return refused(&format!("an integer beyond {}", Self::LARGEST_ENTRY));
        }
        let adjugate = adjugate(&matrix);
        let volume: i64 = (0..3).map(|k| i64::from(matrix[0][k]) * adjugate[k][0]).sum();
        match volume {
            1..=Self::MOST_CELLS => {}
            0 => return refused("its vectors lie in one plane"),
            ..0 => return refused("its vectors are left-handed: exchange two of them"),
            _ => return refused(&format!("it holds {volume} cells, more than {}", Self::MOST_CELLS)),
        }
        let mut sublattice = Sublattice { matrix, adjugate, volume, cells: Vec::new(), places: HashMap::new() };
        sublattice.cells = sublattice.cosets();
        sublattice.places = sublattice.cells.iter().enumerate().map(|(place, &cell)| (cell, place)).collect();
        Ok(sublattice)
    }

    /// `n` cells along each vector.
    ///
    /// # Errors
    /// As [`Sublattice::new`].
    pub fn diagonal([a, b, c]: [i32; 3]) -> Result<Self> {
        Self::new([[a, 0, 0], [0, b, 0], [0, 0, c]])
    }

    /// M.
    pub fn matrix(&self) -> &IntegerMatrix {
        &self.matrix
    }

    /// Cells in one large cell, det M.
    pub fn n_cells(&self) -> usize {
        self.cells.len()
    }

    /// The small cells n = f M with 0 ≤ f < 1, in ascending order: of M = diag(a, b, c), cell (x, y, z) is number
    /// (x b + y) c + z.
    pub fn cells(&self) -> &[[i32; 3]] {
        &self.cells
    }

    /// Number of the cell that `cell` is an image of, and the large lattice vector between them.
    pub fn locate(&self, cell: [i32; 3]) -> (usize, [i32; 3]) {
        let (inside, large) = self.split(cell.map(i64::from));
        (self.places[&inside], large)
    }

    /// Reduced coordinates in the reciprocal lattice of the supercell of a wave vector with coordinates `k` in that of the
    /// small cell: M k.
    pub fn k_point(&self, k: [f64; 3]) -> [f64; 3] {
        self.matrix.map(|row| (0..3).map(|column| f64::from(row[column]) * k[column]).sum())
    }

    /// The n wave vectors of the small cell that fold to `large`, which [`Sublattice::k_point`] gives: k = M⁻¹ (K + integers).
    pub fn k_points_at(&self, large: [f64; 3]) -> Vec<[f64; 3]> {
        let transposed = [0, 1, 2].map(|row| [0, 1, 2].map(|column| self.matrix[column][row]));
        let integers = Sublattice::new(transposed).map(|lattice| lattice.cells).unwrap_or_default();
        let k = |m: [i32; 3]| self.small_k_point([0, 1, 2].map(|axis| large[axis] + f64::from(m[axis])));
        integers.into_iter().map(k).collect()
    }

    /// The inverse of [`Sublattice::k_point`]: k = M⁻¹ K.
    pub fn small_k_point(&self, large: [f64; 3]) -> [f64; 3] {
        let scaled = |row: usize, column: usize| self.adjugate[row][column] as f64 / self.volume as f64;
        [0, 1, 2].map(|row| (0..3).map(|column| scaled(row, column) * large[column]).sum())
    }

    /// n = inside + R M with `inside` in the home cell.
    fn split(&self, n: [i64; 3]) -> ([i32; 3], [i32; 3]) {
        let along = |row: usize| (0..3).map(|j| n[j] * self.adjugate[j][row]).sum::<i64>();
        let large = [0, 1, 2].map(|row| along(row).div_euclid(self.volume));
        let image = |column: usize| (0..3).map(|row| large[row] * i64::from(self.matrix[row][column])).sum::<i64>();
        ([0, 1, 2].map(|column| (n[column] - image(column)) as i32), large.map(|x| x as i32))
    }

    /// A triangular basis of the sublattice has one coset for every cell of its box.
    fn cosets(&self) -> Vec<[i32; 3]> {
        let [a, b, c] = triangular_diagonal(self.matrix.map(|row| row.map(i64::from)));
        let all = (0..a).flat_map(|x| (0..b).flat_map(move |y| (0..c).map(move |z| [x, y, z])));
        let mut cells: Vec<[i32; 3]> = all.map(|cell| self.split(cell).0).collect();
        cells.sort_unstable();
        cells
    }
}

/// As people write it: `4x4x1`, or rows `2,1,0;0,2,0;0,0,1`.
pub fn text(matrix: &IntegerMatrix) -> String {
    if is_diagonal(matrix) {
        return [0, 1, 2].map(|axis| matrix[axis][axis].to_string()).join("x");
    }
    matrix.map(|row| row.map(|n| n.to_string()).join(",")).join(";")
}

/// Are the new vectors multiples of the old ones?
pub fn is_diagonal(matrix: &IntegerMatrix) -> bool {
    (0..3).all(|row| (0..3).all(|column| row == column || matrix[row][column] == 0))
}

/// Transposed cofactors.
fn adjugate(matrix: &IntegerMatrix) -> [[i64; 3]; 3] {
    let m = matrix.map(|row| row.map(i64::from));
    let cofactor = |i: usize, j: usize| {
        let (r, s, c, d) = ((i + 1) % 3, (i + 2) % 3, (j + 1) % 3, (j + 2) % 3);
        m[r][c] * m[s][d] - m[r][d] * m[s][c]
    };
    [0, 1, 2].map(|j| [0, 1, 2].map(|i| cofactor(i, j)))
}

/// Diagonal of an upper triangular basis of the lattice that the rows span (Euclid's algorithm on each column).
fn triangular_diagonal(mut rows: [[i64; 3]; 3]) -> [i64; 3] {
    for column in 0..3 {
        for lower in column + 1..3 {
            while rows[lower][column] != 0 {
                let factor = rows[column][column].div_euclid(rows[lower][column]);
                rows[column] = [0, 1, 2].map(|k| rows[column][k] - factor * rows[lower][k]);
                rows.swap(column, lower);
            }
        }
    }
    [0, 1, 2].map(|k| rows[k][k].abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MATRICES: [IntegerMatrix; 5] = [
        [[3, 0, 0], [0, 2, 0], [0, 0, 1]],
        [[2, 1, 0], [-1, 1, 0], [0, 0, 1]],
        [[0, 1, 1], [1, 0, 1], [1, 1, 0]],
        [[1, 0, 0], [0, 1, 0], [500, -300, 700]],
        [[-1, 3, 2], [2, -1, 4], [5, 1, -1]],
    ];

    #[test]
    fn every_cell_is_found_once() {
        for matrix in MATRICES {
            let lattice = Sublattice::new(matrix).unwrap();
            assert_eq!(lattice.n_cells() as i64, lattice.volume);
            assert_eq!(lattice.places.len(), lattice.n_cells(), "{matrix:?}: a cell is there twice");
            assert!(lattice.cells.is_sorted() && lattice.cells.contains(&[0; 3]));
            for (place, &cell) in lattice.cells.iter().enumerate() {
                let large = [3, -2, 1];
                let image = [0, 1, 2].map(|k| cell[k] + (0..3).map(|row| large[row] * matrix[row][k]).sum::<i32>());
                assert_eq!(lattice.locate(image), (place, large), "{matrix:?} {cell:?}");
            }
        }
        assert_eq!(Sublattice::diagonal([3, 2, 2]).unwrap().cells()[5], [1, 0, 1]);
    }

    #[test]
    fn phases_of_a_supercell_are_those_of_its_cells() {
        let lattice = Sublattice::new(MATRICES[4]).unwrap();
        let (k, large) = ([0.1, -0.7, 0.35], [2, -1, 3]);
        let small: Vec<f64> =
            (0..3).map(|j| (0..3).map(|i| large[i] * lattice.matrix[i][j]).sum::<i32>().into()).collect();
        let dot = |a: [f64; 3], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        assert!((dot(k, &small) - dot(lattice.k_point(k), &large.map(f64::from))).abs() < 1e-12);
    }

    #[test]
    fn as_many_wave_vectors_fold_to_one_as_there_are_cells() {
        for matrix in MATRICES {
            let lattice = Sublattice::new(matrix).unwrap();
            let large = [0.2, -0.45, 0.1];
            let points = lattice.k_points_at(large);
            assert_eq!(points.len(), lattice.n_cells());
            let is_whole = |x: f64| (x - x.round()).abs() < 1e-9;
            for (n, k) in points.iter().enumerate() {
                assert!(lattice.k_point(*k).iter().zip(large).all(|(a, b)| is_whole(a - b)), "{matrix:?} {k:?}");
                let is_same = |other: &[f64; 3]| k.iter().zip(other).all(|(a, b)| is_whole(a - b));
                assert!(!points[..n].iter().any(is_same), "{matrix:?}: {k:?} is there twice");
            }
        }
    }

    #[test]
    fn what_spans_no_cell_is_refused() {
        let message = |matrix| Sublattice::new(matrix).unwrap_err().to_string();
        let flat = message([[1, 0, 0], [2, 0, 0], [0, 0, 1]]);
        assert_eq!(flat, "supercell 1,0,0;2,0,0;0,0,1: its vectors lie in one plane");
        assert!(message([[0, 1, 0], [1, 0, 0], [0, 0, 1]]).ends_with("left-handed: exchange two of them"));
        assert!(message([[1000, 0, 0], [0, 1000, 0], [0, 0, 2]]).ends_with("2000000 cells, more than 1000000"));
        assert!(message([[i32::MIN, 0, 0], [0, 1, 0], [0, 0, 1]]).ends_with("an integer beyond 1000000"));
    }
}
