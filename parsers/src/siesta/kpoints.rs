//! The k points that the input asks for, in reduced coordinates.

use nalgebra::{Matrix3, Vector3};

use super::constants::Constants;
use super::fdf::{Fdf, fortran_number};
use super::hsx::KMesh;
use crate::calculation::{KGrid, PathNode};
use crate::error::{Context, Error, Result};
use crate::input::lines::Line;

/// More points between two corners than any run has.
const MOST_POINTS: u64 = 100_000;

/// More points than any mesh has.
const MOST_MESH_POINTS: i64 = 2_000_000;

impl KMesh {
    /// The mesh where the supercell matrix is diagonal: k_a = (n_a + displacement_a)/N_a.
    pub fn grid(&self) -> Option<KGrid> {
        let is_diagonal = (0..9).all(|i| i % 4 == 0 || self.cell[i] == 0);
        let divisions = [0, 4, 8].map(|i| self.cell[i].unsigned_abs());
        let is_mesh = is_diagonal && divisions.iter().all(|&n| n > 0);
        let shift = self.displacement;
        is_mesh.then_some(KGrid { divisions, shift, gamma_centred: true, nudge: [0.0; 3] })
    }

    /// The points of any supercell matrix M, whose rows count lattice vectors, all with the same weight: M k = n + displacement
    /// for all integer n, no two of which differ by M m (`find_kgrid` in `kpoint_grid.F90`). `None` where M is singular.
    pub fn points(&self) -> Option<Vec<([f64; 3], f64)>> {
        let matrix = Matrix3::from_row_iterator(self.cell.iter().map(|&x| f64::from(x)));
        let inverse = matrix.try_inverse()?;
        let sizes = box_of_representatives(self.cell.map(i64::from))?;
        let n_points = sizes.iter().try_fold(1_i64, |product, &size| product.checked_mul(size))?;
        if n_points > MOST_MESH_POINTS {
            return None;
        }
        let at = |n: i64| {
            let place = [n / (sizes[2] * sizes[1]), n / sizes[2] % sizes[1], n % sizes[2]];
            let shifted = Vector3::from_fn(|a, _| place[a] as f64 + self.displacement[a]);
            ((inverse * shifted).into(), 1.0 / n_points as f64)
        };
        Some((0..n_points).map(at).collect())
    }
}

/// Sizes of a box of integer vectors that represents all of them modulo the columns of `matrix` (row-major): the diagonal of
/// its column-style Hermite form, made by Euclid's algorithm. `None` where the matrix is singular.
fn box_of_representatives(matrix: [i64; 9]) -> Option<[i64; 3]> {
    let mut columns = [0, 1, 2].map(|column| [matrix[column], matrix[3 + column], matrix[6 + column]]);
    for row in 0..3 {
        for other in row + 1..3 {
            while columns[other][row] != 0 {
                let quotient = columns[row][row] / columns[other][row];
                (0..3).for_each(|i| columns[row][i] -= quotient * columns[other][i]);
                columns.swap(row, other);
            }
        }
    }
    let sizes = [0, 1, 2].map(|i| columns[i][i].abs());
    sizes.iter().all(|&size| size > 0).then_some(sizes)
}

/// The mesh that the input states: `kgrid_Monkhorst_Pack` (a block, or a list of its diagonal), or Γ alone where it asks for
/// nothing; `None` where only SIESTA knows it (`kgrid_cutoff`, a file).
///
/// # Errors
/// `Syntax` with file and line.
pub fn stated_mesh(fdf: &Fdf) -> Result<Option<KMesh>> {
    let unknown = ["kgrid.Cutoff", "kgrid.File"];
    if unknown.iter().any(|label| fdf.line(label).is_some()) {
        return Ok(None);
    }
    let diagonal = |[a, b, c]: [i32; 3]| KMesh { cell: [a, 0, 0, 0, b, 0, 0, 0, c], displacement: [0.0; 3] };
    let label = "kgrid.MonkhorstPack";
    if let Some(list) = fdf.line(label) {
        return Ok(Some(diagonal(divisions(list).in_file(fdf.file(label))?)));
    }
    let Some(rows) = fdf.block(label) else { return Ok(Some(diagonal([1; 3]))) };
    matrix(rows).in_file(fdf.file(label)).map(Some)
}

/// `[4 4 1]`, with or without spaces and commas.
fn divisions(list: &Line) -> Result<[i32; 3]> {
    let words = list.text.split(['[', ']', ',', ' ']).filter(|word| !word.is_empty());
    let numbers = words.map(|word| word.parse().ok()).collect::<Option<Vec<i32>>>();
    let numbers = numbers.and_then(|numbers| <[i32; 3]>::try_from(numbers).ok());
    numbers.ok_or_else(|| list.expected("a list of three integers"))
}

fn matrix(rows: &[Line]) -> Result<KMesh> {
    let (mut cell, mut displacement) = ([0; 9], [0.0; 3]);
    if rows.len() < 3 {
        return Err(Error::inconsistent(format!("kgrid_Monkhorst_Pack has {} rows instead of 3", rows.len())));
    }
    for (a, row) in rows.iter().take(3).enumerate() {
        for b in 0..3 {
            cell[3 * a + b] = row.parse(b, "three integers of the k mesh")?;
        }
        if row.words().count() > 3 {
            displacement[a] = fortran_number(row, 3, "the displacement of the k mesh")?;
        }
    }
    Ok(KMesh { cell, displacement })
}

/// The corners of `BandLines`. A row's number counts the points from the corner before it.
///
/// # Errors
/// `Syntax` with file and line; `Unsupported` where the scale is unknown.
pub fn path(fdf: &Fdf, lattice: &Matrix3<f64>, constants: &Constants) -> Result<Option<Vec<PathNode>>> {
    let Some(rows) = fdf.block("BandLines") else { return Ok(None) };
    let Some(scale) = Scale::read(fdf, lattice, constants)? else { return Ok(None) };
    let corners =
        rows.iter().map(|row| corner(row, &scale)).collect::<Result<Vec<_>>>().in_file(fdf.file("BandLines"))?;
    let points_after = |i: usize| corners.get(i + 1).map_or(1, |(points, _)| *points);
    let node = |(i, (_, node)): (usize, &(usize, PathNode))| PathNode { points: points_after(i), ..node.clone() };
    Ok(Some(corners.iter().enumerate().map(node).collect()))
}

/// The points of `BandPoints`.
///
/// # Errors
/// As [`path`].
pub fn points(fdf: &Fdf, lattice: &Matrix3<f64>, constants: &Constants) -> Result<Option<Vec<[f64; 3]>>> {
    let Some(rows) = fdf.block("BandPoints") else { return Ok(None) };
    let Some(scale) = Scale::read(fdf, lattice, constants)? else { return Ok(None) };
    let point = |row: &Line| Ok(scale.reduced(vector(row, 0)?));
    rows.iter().map(point).collect::<Result<_>>().in_file(fdf.file("BandPoints")).map(Some)
}

/// From Cartesian, 1/bohr with 2π, to reduced coordinates: κ_a = a · k / 2π.
pub fn reduced(k: [f64; 3], lattice: &Matrix3<f64>) -> [f64; 3] {
    (lattice * Vector3::from(k) / std::f64::consts::TAU).into()
}

/// `BandLinesScale`.
enum Scale {
    Reciprocal,
    /// Units of π/a along x, y, z; the matrix of lattice vectors over 2a.
    PiOverA(Matrix3<f64>),
}

impl Scale {
    /// `None` where `pi/a` is meant and the input states no `LatticeConstant`.
    fn read(fdf: &Fdf, lattice: &Matrix3<f64>, constants: &Constants) -> Result<Option<Scale>> {
        let label = "BandLinesScale";
        match fdf.value(label).unwrap_or("pi/a").to_ascii_lowercase().as_str() {
            "reciprocallatticevectors" => Ok(Some(Scale::Reciprocal)),
            "pi/a" => Ok(lattice_constant(fdf, constants)?.map(|a| Scale::PiOverA(lattice / (2.0 * a)))),
            other => {
                let message = format!("{label} `{other}` is neither pi/a nor ReciprocalLatticeVectors");
                Err(Error::unsupported(message).in_file(fdf.file(label)))
            }
        }
    }

    fn reduced(&self, k: [f64; 3]) -> [f64; 3] {
        match self {
            Scale::Reciprocal => k,
            Scale::PiOverA(to_reduced) => (to_reduced * Vector3::from(k)).into(),
        }
    }
}

/// In bohr.
fn lattice_constant(fdf: &Fdf, constants: &Constants) -> Result<Option<f64>> {
    let label = "LatticeConstant";
    let Some((length, unit)) = fdf.quantity(label)? else { return Ok(None) };
    match unit.to_ascii_lowercase().as_str() {
        "" | "bohr" => Ok(Some(length)),
        "ang" => Ok(Some(length / constants.angstrom_per_bohr)),
        "nm" => Ok(Some(10.0 * length / constants.angstrom_per_bohr)),
        _ => Err(Error::unsupported(format!("unit `{unit}` of {label}: use Bohr, Ang or nm")).in_file(fdf.file(label))),
    }
}

/// `20 0.5 0.0 0.5 X`: points from the corner before, and the corner.
fn corner(row: &Line, scale: &Scale) -> Result<(usize, PathNode)> {
    let points: u64 = row.parse(0, "the number of points up to this corner")?;
    if points > MOST_POINTS {
        return Err(Error::limit("number of points on a path", points, MOST_POINTS));
    }
    let label = row.words().nth(4).map(str::to_owned);
    Ok((points.max(1) as usize, PathNode { k: scale.reduced(vector(row, 1)?), points: 1, label }))
}

fn vector(row: &Line, from: usize) -> Result<[f64; 3]> {
    let number = |a| fortran_number(row, from + a, "a k point of three numbers");
    Ok([number(0)?, number(1)?, number(2)?])
}

#[cfg(test)]
mod tests {
    use super::super::constants::FROM_5;
    use super::*;
    use crate::calculation::path_points;

    fn fdf(text: &str) -> Fdf {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.fdf");
        std::fs::write(&path, text).unwrap();
        Fdf::read(&path).unwrap()
    }

    #[test]
    fn a_path_in_both_scales() {
        let rows = "%block BandLines\n1 0 0 0 Gamma\n2 1.0 1.0 0.0 X\n1 0.5 0.5 0.5\n%endblock\n";
        let lattice = Matrix3::new(0.0, 5.0, 5.0, 5.0, 0.0, 5.0, 5.0, 5.0, 0.0);
        let reciprocal = fdf(&format!("BandLinesScale ReciprocalLatticeVectors\n{rows}"));
        let nodes = path(&reciprocal, &lattice, &FROM_5).unwrap().unwrap();
        assert_eq!(path_points(&nodes), [[0.0; 3], [0.5, 0.5, 0.0], [1.0, 1.0, 0.0], [0.5; 3]]);
        assert_eq!((nodes[1].points, nodes[0].label.as_deref(), nodes[2].label.as_deref()), (1, Some("Gamma"), None));
        let cartesian = fdf(&format!("LatticeConstant 10.0 Bohr\n{rows}"));
        let nodes = path(&cartesian, &lattice, &FROM_5).unwrap().unwrap();
        assert_eq!(nodes[1].k, [0.25, 0.25, 0.5]);
        assert_eq!(path(&fdf(rows), &lattice, &FROM_5).unwrap(), None);
    }

    /// Nine points, as the determinant says: each fulfils M k = n + displacement, and no two are equivalent.
    #[test]
    fn a_skew_mesh() {
        let mesh = KMesh { cell: [2, 1, 0, -1, 1, 3, 0, 2, 1], displacement: [0.0, 0.5, 0.25] };
        let points = mesh.points().unwrap();
        let is_integer = |x: f64| (x - x.round()).abs() < 1e-12;
        assert!(mesh.grid().is_none() && points.len() == 9);
        for (n, (k, weight)) in points.iter().enumerate() {
            let product = |row: usize| (0..3).map(|a| f64::from(mesh.cell[3 * row + a]) * k[a]).sum::<f64>();
            assert!((0..3).all(|row| is_integer(product(row) - mesh.displacement[row])) && *weight == 1.0 / 9.0);
            assert!(points[..n].iter().all(|(other, _)| (0..3).any(|a| !is_integer(other[a] - k[a]))));
        }
        assert_eq!(KMesh { cell: [1, 0, 0, 1, 0, 0, 0, 0, 1], displacement: [0.0; 3] }.points(), None);
    }

    #[test]
    fn meshes() {
        let of = |text: &str| stated_mesh(&fdf(text)).map(|mesh| mesh.and_then(|mesh| mesh.grid()));
        let block = |rows: &str| format!("%block kgrid_Monkhorst_Pack\n{rows}%endblock\n");
        let grid = of(&block("4 0 0 0.5\n0 4 0 0.5\n0 0 1 0\n")).unwrap();
        assert_eq!(
            grid,
            Some(KGrid { divisions: [4, 4, 1], shift: [0.5, 0.5, 0.0], gamma_centred: true, nudge: [0.0; 3] })
        );
        assert_eq!(of(&block("4 1 0 0.5\n0 4 0 0.5\n0 0 1 0\n")).unwrap(), None);
        for list in ["[4 3 1]", "[4, 3,1]", "[ 4 3 1 ]"] {
            assert_eq!(of(&format!("kgrid.MonkhorstPack {list}\n")).unwrap().unwrap().divisions, [4, 3, 1], "{list}");
        }
        let message = of("kgrid.MonkhorstPack [4 4]\n").unwrap_err().to_string();
        assert!(message.ends_with("run.fdf:1: expected a list of three integers, found `[4 4]`"), "{message}");
        assert_eq!(of("kgrid_cutoff 10 Ang\n").unwrap(), None);
        assert_eq!(of("").unwrap().unwrap().divisions, [1; 3]);
        let message = of(&block("4 0 0 x\n0 4 0\n0 0 1\n")).unwrap_err().to_string();
        assert!(message.ends_with("run.fdf:2: expected the displacement of the k mesh, found `4 0 0 x`"), "{message}");
    }
}
