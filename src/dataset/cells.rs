//! Supercells: any integer combination of the lattice vectors of a structure.

use std::str::FromStr;

use nalgebra::Matrix3;

use crate::parsers::{Error, Result, Structure, Sublattice, tile};

/// New lattice vectors as rows of integer multiples of the old ones: A' = M A.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// Given.
    Matrix([[i32; 3]; 3]),
    /// The hexagonal cell of √n times the lattice constant in the plane of the first two vectors, turned against the old one.
    Root(u32),
}

/// A supercell, and where its atoms come from.
#[derive(Debug, Clone, PartialEq)]
pub struct Supercell {
    /// Atom by atom of the old cell, all images of one after the other.
    pub structure: Structure,
    /// Atom of the old cell that each is an image of.
    pub origin: Vec<usize>,
}

impl FromStr for Cell {
    type Err = Error;

    /// `2x1`, `2x2x2`, `sqrt3`, `sqrt7`, or nine integers `2,1,0;0,2,0;0,0,1`.
    fn from_str(text: &str) -> Result<Cell> {
        let cell = if text.contains(';') {
            matrix(text).map(Cell::Matrix)
        } else if let Some(number) = text.strip_prefix("sqrt") {
            number.parse().ok().filter(|n| root(*n, 1).is_some()).map(Cell::Root)
        } else {
            diagonal(text).map(Cell::Matrix)
        };
        cell.ok_or_else(|| {
            let known = "2x1, 2x2x2, sqrt3, sqrt7, sqrt13 or a matrix of integers 2,1,0;0,2,0;0,0,1";
            Error::unsupported(format!("`{text}` is no cell: write {known}"))
        })
    }
}

fn diagonal(text: &str) -> Option<[[i32; 3]; 3]> {
    let factors: Vec<i32> = text.split('x').map(|word| word.trim().parse().ok()).collect::<Option<_>>()?;
    let [a, b, c] = match factors[..] {
        [a, b] => [a, b, 1],
        [a, b, c] => [a, b, c],
        _ => return None,
    };
    [a, b, c].iter().all(|&factor| factor > 0).then_some([[a, 0, 0], [0, b, 0], [0, 0, c]])
}

fn matrix(text: &str) -> Option<[[i32; 3]; 3]> {
    let row = |row: &str| -> Option<[i32; 3]> {
        let numbers: Vec<i32> = row.split(',').map(|word| word.trim().parse().ok()).collect::<Option<_>>()?;
        numbers.try_into().ok()
    };
    text.split(';').map(row).collect::<Option<Vec<_>>>()?.try_into().ok()
}

/// Rows of the √n cell for an angle of 120° (`sign` −1) or 60° (`sign` 1) between the first two vectors; the first row is p a + q b of
/// the length √n, the second one the first, turned by the angle.
fn root(n: u32, sign: i32) -> Option<[[i32; 3]; 3]> {
    let n = i32::try_from(n).ok().filter(|n| (2..=100).contains(n))?;
    let candidates = (1..=n).flat_map(|p| (1..=p).map(move |q| (p, q)));
    let (p, q) = candidates.into_iter().find(|(p, q)| p * p + q * q + sign * p * q == n)?;
    // a turned by the angle is b; b turned is −a − b at 120°, −a + b at 60°
    Some([[p, q, 0], [-q, p + sign * q, 0], [0, 0, 1]])
}

impl Cell {
    /// This cell of a lattice.
    ///
    /// # Errors
    /// Those of [`Sublattice::new`]; `Unsupported` where a root is asked for a lattice that is not hexagonal.
    pub fn sublattice(&self, lattice: &Matrix3<f64>) -> Result<Sublattice> {
        Sublattice::new(match *self {
            Cell::Matrix(matrix) => matrix,
            Cell::Root(n) => root(n, hexagonal_sign(lattice).ok_or_else(not_hexagonal)?).ok_or_else(not_hexagonal)?,
        })
    }
}

fn not_hexagonal() -> Error {
    Error::unsupported("a root of the cell needs two first lattice vectors of equal length at 60 or 120 degrees")
}

fn hexagonal_sign(lattice: &Matrix3<f64>) -> Option<i32> {
    let (a, b) = (lattice.row(0), lattice.row(1));
    let cosine = a.dot(&b) / (a.norm() * b.norm());
    let equal = (a.norm() / b.norm() - 1.0).abs() < 0.05;
    (equal && (cosine.abs() - 0.5).abs() < 0.05).then_some(if cosine > 0.0 { 1 } else { -1 })
}

/// Builds the supercell; its atoms lie where those of the old cell and their images do.
pub fn supercell(structure: &Structure, cells: &Sublattice) -> Supercell {
    let origin = (0..structure.n_atoms()).flat_map(|atom| std::iter::repeat_n(atom, cells.n_cells()));
    Supercell { structure: tile::structure(structure, cells), origin: origin.collect() }
}

/// Largest gap between atoms along a lattice vector's direction, bohr: between planes parallel to the other two vectors.
pub fn largest_gap(structure: &Structure, axis: usize) -> f64 {
    let Some(reciprocal) = structure.reciprocal() else { return 0.0 };
    let height = 1.0 / reciprocal.row(axis).norm();
    let mut places: Vec<f64> = structure.positions.iter().map(|p| (reciprocal * p)[axis].rem_euclid(1.0)).collect();
    places.sort_by(f64::total_cmp);
    let Some(first) = places.first().copied() else { return height };
    places.push(first + 1.0);
    height * places.windows(2).map(|two| two[1] - two[0]).fold(0.0, f64::max)
}

/// Atoms farther apart than this do not bind, bohr (5 Å): the cell is periodic for the code only.
pub const VACUUM: f64 = 9.45;

/// Which lattice vectors lead through a vacuum?
pub fn vacuum(structure: &Structure) -> [bool; 3] {
    [0, 1, 2].map(|axis| largest_gap(structure, axis) > VACUUM)
}

/// So much farther apart may the points of a new mesh be: axes of a strained template differ by that without a meaning.
const COARSER: f64 = 1.03;

/// Mesh of a supercell whose points are nowhere farther apart than those of the template, `divisions` of `lattice`; one point
/// along the vectors of `new` that lead through a vacuum.
pub fn mesh(
    divisions: [u32; 3],
    lattice: &Matrix3<f64>,
    new: &Matrix3<f64>,
    empty: [bool; 3],
    new_empty: [bool; 3],
) -> [u32; 3] {
    let length =
        |lattice: &Matrix3<f64>, axis: usize| lattice.try_inverse().map_or(0.0, |inverse| inverse.column(axis).norm());
    let spacing = |axis: usize| length(lattice, axis) / f64::from(divisions[axis]);
    let finest = (0..3).filter(|&axis| !empty[axis]).map(spacing).fold(f64::INFINITY, f64::min);
    [0, 1, 2].map(|axis| match new_empty[axis] {
        true => 1,
        false => (length(new, axis) / (COARSER * finest)).ceil().max(1.0) as u32,
    })
}

/// Where vectors are mixed with one that leads through a vacuum, nothing leads through it any more: the new axes of a vacuum.
pub fn vacuum_of(matrix: &[[i32; 3]; 3], old: [bool; 3]) -> [bool; 3] {
    [0, 1, 2].map(|axis| {
        old[axis] && (0..3).all(|other| other == axis || (matrix[axis][other] == 0 && matrix[other][axis] == 0))
    })
}

/// Least distance of two atoms, images included, bohr.
pub fn shortest_distance(structure: &Structure) -> f64 {
    let mut radius = 6.0;
    loop {
        let pairs = super::lattice::neighbours_within(structure, radius);
        match pairs.iter().map(|pair| pair.distance).reduce(f64::min) {
            Some(shortest) => return shortest,
            None if radius > 100.0 => return f64::INFINITY,
            None => radius *= 2.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::Vector3;

    use super::*;

    fn graphene() -> Structure {
        let (a, height) = (4.65, 4.65 * 0.75f64.sqrt());
        let lattice = Matrix3::new(a, 0.0, 0.0, -a / 2.0, height, 0.0, 0.0, 0.0, 28.0);
        let site = |x: f64, y: f64| lattice.tr_mul(&Vector3::new(x, y, 0.5));
        Structure {
            positions: vec![site(1.0 / 3.0, 2.0 / 3.0), site(2.0 / 3.0, 1.0 / 3.0)],
            species: vec![0, 0],
            lattice,
        }
    }

    fn built(text: &str) -> Supercell {
        let cell: Cell = text.parse().unwrap();
        supercell(&graphene(), &cell.sublattice(&graphene().lattice).unwrap())
    }

    #[test]
    fn every_supercell_is_the_same_crystal() {
        let bond = shortest_distance(&graphene());
        for (text, n) in
            [("2x1", 2), ("3x2x1", 6), ("sqrt3", 3), ("sqrt7", 7), ("2,1,0;0,2,0;0,0,1", 4), ("1,-2,0;3,1,0;0,0,1", 7)]
        {
            let cell = built(text);
            assert_eq!((cell.structure.n_atoms(), cell.origin.len()), (2 * n, 2 * n), "{text}");
            assert!((cell.structure.volume() - n as f64 * graphene().volume()).abs() < 1e-9, "{text}");
            assert!((shortest_distance(&cell.structure) - bond).abs() < 1e-9, "{text}");
        }
    }

    #[test]
    fn roots_are_hexagonal() {
        for n in [3, 7, 13] {
            let lattice = built(&format!("sqrt{n}")).structure.lattice;
            let (a, b) = (lattice.row(0), lattice.row(1));
            let wanted = f64::from(n) * 4.65 * 4.65;
            assert!((a.norm_squared() - wanted).abs() < 1e-9 && (b.norm_squared() - wanted).abs() < 1e-9);
            assert!((a.dot(&b) / wanted + 0.5).abs() < 1e-9);
        }
    }

    #[test]
    fn meshes_keep_their_density() {
        let vacuum = vacuum(&graphene());
        assert_eq!(vacuum, [false, false, true]);
        let of = |text: &str| mesh([12, 12, 1], &graphene().lattice, &built(text).structure.lattice, vacuum, vacuum);
        assert_eq!([of("1x1"), of("2x2"), of("3x1"), of("sqrt3")], [[12, 12, 1], [6, 6, 1], [4, 12, 1], [7, 7, 1]]);
    }

    #[test]
    fn what_is_no_cell_is_said() {
        for bad in ["", "2", "0x1", "-1x2", "sqrt5", "sqrt", "1,2;3", "1,0,0;0,1,0;0,0,x"] {
            assert!(bad.parse::<Cell>().is_err(), "{bad}");
        }
        let flat: Cell = "1,0,0;2,0,0;0,0,1".parse().unwrap();
        let message = flat.sublattice(&graphene().lattice).unwrap_err().to_string();
        assert!(message.ends_with("its vectors lie in one plane"), "{message}");
    }
}
