//! KPT: a regular mesh, a list of points, or a path (`docs/advanced/input_files/kpt.md`; reading routine: `K_Vectors::read_kpoints`).

use nalgebra::{Matrix3, Vector3};

use super::COMMENT_MARKS;
use crate::calculation::{KGrid, PathNode, path_points};
use crate::error::Result;
use crate::input::lines::{Line, Lines};

/// What the file asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Kpt {
    /// `0`, then `Gamma` or `MP`.
    Mesh(KGrid),
    /// `Direct` or `Cartesian`.
    List {
        /// Units: 2π over the lattice constant, or reciprocal lattice vectors.
        is_cartesian: bool,
        /// Points.
        points: Vec<[f64; 3]>,
        /// Weights.
        weights: Vec<f64>,
    },
    /// `Line` or `Line_Cartesian`.
    Path {
        /// As in a list.
        is_cartesian: bool,
        /// Corners; labels out of comments (`0 0 0 20 // G`).
        nodes: Vec<PathNode>,
    },
}

impl Kpt {
    /// Reads the file.
    ///
    /// # Errors
    /// `Syntax` and `Limit` with the line.
    pub fn parse(file: &[u8]) -> Result<Kpt> {
        let mut lines = Lines::new(file, COMMENT_MARKS);
        let title = lines.expect("K_POINTS")?;
        if !matches!(title.first(), "K_POINTS" | "KPOINTS" | "K") {
            return Err(title.expected("K_POINTS"));
        }
        let count_line = lines.expect("the number of k points")?;
        let kind = lines.expect("the kind of k points")?;
        let count = count_line.count("number of k points", lines.remaining())?;
        match kind.first() {
            "Gamma" | "gamma" if count == 0 => Ok(Kpt::Mesh(mesh(&lines.expect("the mesh")?, true)?)),
            "MP" | "mp" | "Monkhorst-Pack" if count == 0 => Ok(Kpt::Mesh(mesh(&lines.expect("the mesh")?, false)?)),
            "Direct" | "D" if count > 0 => list(&mut lines, count, false),
            "Cartesian" | "C" if count > 0 => list(&mut lines, count, true),
            "Line" | "L" | "Line_Direct" | "Line_D" if count > 0 => path(&mut lines, count, false),
            "Line_Cartesian" | "Line_C" if count > 0 => path(&mut lines, count, true),
            _ => Err(kind.expected("Gamma or MP after 0; Direct, Cartesian or Line after the number of points")),
        }
    }

    /// The mesh, if it is one.
    pub fn grid(&self) -> Option<KGrid> {
        match self {
            Kpt::Mesh(grid) => Some(*grid),
            _ => None,
        }
    }

    /// Points in reduced coordinates with their weights, if they are listed. `vectors` as in [`Kpt::path`].
    pub fn list(&self, vectors: &Matrix3<f64>) -> Option<Vec<([f64; 3], f64)>> {
        let Kpt::List { is_cartesian, points, weights } = self else { return None };
        let reduced = points.iter().map(|&k| reduce(k, *is_cartesian, vectors));
        Some(reduced.zip(weights.iter().copied()).collect())
    }

    /// The path in reduced coordinates, if it is one. `vectors` are the lattice vectors as rows in units of the lattice constant.
    pub fn path(&self, vectors: &Matrix3<f64>) -> Option<Vec<PathNode>> {
        let Kpt::Path { is_cartesian, nodes } = self else { return None };
        let reduced = |node: &PathNode| PathNode { k: reduce(node.k, *is_cartesian, vectors), ..node.clone() };
        Some(nodes.iter().map(reduced).collect())
    }

    /// The points of a list or path in reduced coordinates, in the order of the code's output; `None` for a mesh, whose
    /// reduction by symmetry only the output tells.
    pub fn points(&self, vectors: &Matrix3<f64>) -> Option<Vec<[f64; 3]>> {
        match self {
            Kpt::Mesh(_) => None,
            Kpt::List { is_cartesian, points, .. } => {
                Some(points.iter().map(|&k| reduce(k, *is_cartesian, vectors)).collect())
            }
            Kpt::Path { .. } => self.path(vectors).map(|nodes| path_points(&nodes)),
        }
    }
}

/// From units of 2π over the lattice constant: κ_a = a · k.
pub fn reduce(k: [f64; 3], is_cartesian: bool, vectors: &Matrix3<f64>) -> [f64; 3] {
    if is_cartesian { (vectors * Vector3::from(k)).into() } else { k }
}

/// More points between two corners than any run has.
const MAX_POINTS: u64 = 100_000;

/// ABACUS writes k = (s + 2n − N − 1)/(2N) for `MP` and k = (s + n − 1)/N for `Gamma` with n = 1 … N
/// (`K_Vectors::Monkhorst_Pack_formula`), so a shift of `MP` counts half a division.
fn mesh(line: &Line, gamma_centred: bool) -> Result<KGrid> {
    let mut divisions = [0; 3];
    let mut shift = [0.0; 3];
    for a in 0..3 {
        divisions[a] = line.parse(a, "three divisions of the k mesh")?;
        if divisions[a] == 0 {
            return Err(line.expected("three divisions of the k mesh above zero"));
        }
        if line.words().count() >= 6 {
            shift[a] = line.number(3 + a, "three shifts of the k mesh")? * if gamma_centred { 1.0 } else { 0.5 };
        }
    }
    Ok(KGrid { divisions, shift, gamma_centred, nudge: [0.0; 3] })
}

fn list(lines: &mut Lines, count: usize, is_cartesian: bool) -> Result<Kpt> {
    let (mut points, mut weights) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let line = lines.expect("a k point and its weight")?;
        points.push(line.vector(0, "a k point")?);
        weights.push(if line.words().count() > 3 { line.number(3, "the weight of a k point")? } else { 1.0 });
    }
    Ok(Kpt::List { is_cartesian, points, weights })
}

fn path(lines: &mut Lines, count: usize, is_cartesian: bool) -> Result<Kpt> {
    let nodes = (0..count).map(|_| node(&lines.expect("a corner of the path")?)).collect::<Result<_>>()?;
    Ok(Kpt::Path { is_cartesian, nodes })
}

fn node(line: &Line) -> Result<PathNode> {
    let k = line.vector(0, "a corner of the path")?;
    let points: u64 = line.parse(3, "the number of points from this corner on")?;
    if points > MAX_POINTS {
        return Err(crate::error::Error::limit("number of points on a path", points, MAX_POINTS));
    }
    let label = line.comment.split_whitespace().next().map(str::to_owned);
    Ok(PathNode { k, points: points.max(1) as usize, label })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meshes() {
        let gamma = Kpt::parse(b"K_POINTS\n0\nGamma\n4 4 2 0 0 1\n").unwrap().grid().unwrap();
        assert_eq!(gamma, KGrid { divisions: [4, 4, 2], shift: [0.0, 0.0, 1.0], gamma_centred: true, nudge: [0.0; 3] });
        let mp = Kpt::parse(b"K_POINTS\n0 // automatic\nMP\n4 4 2 0 0 1\n").unwrap().grid().unwrap();
        assert_eq!(mp, KGrid { divisions: [4, 4, 2], shift: [0.0, 0.0, 0.5], gamma_centred: false, nudge: [0.0; 3] });
    }

    #[test]
    fn lists_in_both_coordinates() {
        let fcc = Matrix3::new(0.0, 0.5, 0.5, 0.5, 0.0, 0.5, 0.5, 0.5, 0.0);
        let direct = Kpt::parse(b"K_POINTS\n1\nDirect\n0.5 0 0.5 1.0\n").unwrap();
        let cartesian = Kpt::parse(b"K_POINTS\n1\nCartesian\n0 1 0 1.0\n").unwrap();
        assert_eq!(direct.points(&fcc), Some(vec![[0.5, 0.0, 0.5]]));
        assert_eq!(direct.points(&fcc), cartesian.points(&fcc));
    }

    #[test]
    fn a_path_with_a_break() {
        let text = b"K_POINTS\n4\nLine\n0 0 0 2 // G\n0.5 0 0 1 # X\n0 0.5 0 2\n0 0 0 1\n";
        let kpt = Kpt::parse(text).unwrap();
        let nodes = kpt.path(&Matrix3::identity()).unwrap();
        assert_eq!(nodes[0].label.as_deref(), Some("G"));
        let expected =
            [[0.0, 0.0, 0.0], [0.25, 0.0, 0.0], [0.5, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.25, 0.0], [0.0; 3]];
        assert_eq!(kpt.points(&Matrix3::identity()).unwrap(), expected);
    }

    #[test]
    fn mistakes_are_located() {
        let error = |text: &[u8]| Kpt::parse(text).unwrap_err().to_string();
        assert_eq!(error(b"K_POINTS\n9\nLine\n0 0 0 1\n"), "2: number of k points of 9 exceeds the limit of 1");
        assert_eq!(
            error(b"K_POINTS\n0\nGamma\n4 0 4 0 0 0\n"),
            "4: expected three divisions of the k mesh above zero, found `4 0 4 0 0 0`"
        );
        assert!(error(b"K_POINTS\n0\nDirect\n").starts_with("3: expected Gamma or MP after 0"));
    }
}
