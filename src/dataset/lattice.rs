//! What stays the same of a lattice whichever vectors describe it: its short vectors, and what lies within a distance.

use nalgebra::{Matrix3, Vector3};

use crate::parsers::Structure;

/// An equivalent lattice of short vectors as rows: a vector is shortened by the others until none can be.
pub fn reduced(lattice: &Matrix3<f64>) -> Matrix3<f64> {
    let mut rows = [0, 1, 2].map(|k| lattice.row(k).transpose());
    for _ in 0..MOST_REDUCTIONS {
        let before = rows;
        for k in 0..3 {
            rows[k] = shortest_image(rows[k], rows[(k + 1) % 3], rows[(k + 2) % 3]);
        }
        if rows == before {
            break;
        }
    }
    Matrix3::from_rows(&rows.map(|row| row.transpose()))
}

/// Far more than any lattice needs.
const MOST_REDUCTIONS: usize = 100;

/// The shortest of v + a x + b y for small x and y; v itself where no other one is clearly shorter.
fn shortest_image(v: Vector3<f64>, a: Vector3<f64>, b: Vector3<f64>) -> Vector3<f64> {
    const CLEARLY: f64 = 1.0 - 1e-9;
    let nearest = (-(v.dot(&a)) / a.norm_squared()).round();
    let v_a = v + a * nearest;
    let v_b = v + b * (-(v.dot(&b)) / b.norm_squared()).round();
    let steps = [-1.0, 0.0, 1.0];
    let around = steps.iter().flat_map(|x| steps.iter().map(move |y| v + a * *x + b * *y));
    let shorter = |best: Vector3<f64>, next: Vector3<f64>| {
        if next.norm_squared() < CLEARLY * best.norm_squared() { next } else { best }
    };
    around.chain([v_a, v_b]).fold(v, shorter)
}

/// Lengths of the shortest vectors of the seven classes of a lattice modulo its double, ascending: together they tell the lattice
/// up to rotation (Conway and Sloane's vonorms), and unlike reduced cells they change continuously with it. In bohr.
pub fn characteristic_lengths(lattice: &Matrix3<f64>) -> [f64; 7] {
    let lattice = reduced(lattice);
    let mut lengths = [f64::INFINITY; 7];
    for n in integers(2) {
        let class = (0..3).map(|a| ((n[a] & 1) as usize) << a).sum::<usize>();
        if class > 0 {
            lengths[class - 1] = lengths[class - 1].min(vector(&lattice, n).norm());
        }
    }
    lengths.sort_by(f64::total_cmp);
    lengths
}

/// Lengths and angles (degrees) of a reduced cell: for people to read.
pub fn lengths_and_angles(lattice: &Matrix3<f64>) -> ([f64; 3], [f64; 3]) {
    let reduced = reduced(lattice);
    let mut rows = [0, 1, 2].map(|k| reduced.row(k).transpose());
    rows.sort_by(|a, b| a.norm().total_cmp(&b.norm()));
    let angle = |a: usize, b: usize| rows[a].angle(&rows[b]).to_degrees();
    (rows.map(|row| row.norm()), [angle(1, 2), angle(0, 2), angle(0, 1)])
}

/// Lengths of all lattice vectors up to `radius` (bohr), but for the zero vector; of v and −v once.
pub fn lengths_within(lattice: &Matrix3<f64>, radius: f64) -> Vec<f64> {
    let point = Structure { lattice: reduced(lattice), positions: vec![Vector3::zeros()], species: vec![0] };
    let mut lengths: Vec<f64> = neighbours_within(&point, radius).iter().map(|pair| pair.distance).collect();
    lengths.sort_by(f64::total_cmp);
    lengths.into_iter().step_by(2).collect()
}

fn vector(lattice: &Matrix3<f64>, n: [i32; 3]) -> Vector3<f64> {
    lattice.tr_mul(&Vector3::from(n.map(f64::from)))
}

/// All integer vectors with components from −`most` to `most`.
fn integers(most: i32) -> impl Iterator<Item = [i32; 3]> {
    let range = move || -most..=most;
    range().flat_map(move |a| range().flat_map(move |b| range().map(move |c| [a, b, c])))
}

/// Two atoms of a structure, the second one in another cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbours {
    /// Atom in the home cell.
    pub i: usize,
    /// Atom in another cell.
    pub j: usize,
    /// Distance in bohr.
    pub distance: f64,
}

/// All pairs of atoms nearer to each other than `radius` (bohr), each counted once per direction; those of an atom with its own
/// images included, with itself not.
pub fn neighbours_within(structure: &Structure, radius: f64) -> Vec<Neighbours> {
    let Some(reciprocal) = structure.reciprocal() else { return Vec::new() };
    let reach: [f64; 3] = std::array::from_fn(|a| radius * reciprocal.row(a).norm());
    let n = structure.n_atoms();
    let mut found = Vec::new();
    for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
        let d = structure.positions[j] - structure.positions[i];
        let centre = reciprocal * d;
        let range = |a: usize| ((-centre[a] - reach[a]).ceil() as i32)..=((-centre[a] + reach[a]).floor() as i32);
        for r in range(0).flat_map(|a| range(1).flat_map(move |b| range(2).map(move |c| [a, b, c]))) {
            let distance = (d + structure.translation(r)).norm();
            if distance < radius && (i != j || r != [0; 3]) {
                found.push(Neighbours { i, j, distance });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hexagonal() -> Matrix3<f64> {
        Matrix3::new(4.0, 0.0, 0.0, -2.0, 2.0 * 3f64.sqrt(), 0.0, 0.0, 0.0, 20.0)
    }

    #[test]
    fn other_vectors_of_a_lattice_have_its_lengths() {
        let skew = Matrix3::new(1.0, 0.0, 0.0, 7.0, 1.0, 0.0, -3.0, 2.0, 1.0) * hexagonal();
        let (a, b) = (characteristic_lengths(&hexagonal()), characteristic_lengths(&skew));
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-9), "{a:?} {b:?}");
        assert!((a[2] - 4.0).abs() < 1e-9 && (a[3] - 20.0).abs() < 1e-9);
        let (lengths, angles) = lengths_and_angles(&skew);
        assert!((lengths[2] - 20.0).abs() < 1e-9 && ((angles[2] - 90.0).abs() - 30.0).abs() < 1e-6, "{angles:?}");
    }

    #[test]
    fn lengths_change_little_with_the_lattice() {
        let strained = hexagonal() * Matrix3::new(1.01, 0.005, 0.0, 0.005, 0.99, 0.0, 0.0, 0.0, 1.0);
        let (a, b) = (characteristic_lengths(&hexagonal()), characteristic_lengths(&strained));
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 0.02 * a), "{a:?} {b:?}");
    }

    #[test]
    fn a_simple_cubic_crystal_has_its_shells() {
        let structure = Structure {
            lattice: Matrix3::identity() * 3.0,
            positions: vec![Vector3::new(0.1, 7.0, 0.0)],
            species: vec![0],
        };
        let count = |radius: f64| neighbours_within(&structure, radius).len();
        assert_eq!([count(2.9), count(3.1), count(4.3), count(5.2)], [0, 6, 18, 26]);
    }
}
