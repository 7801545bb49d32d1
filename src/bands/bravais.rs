//! The Bravais lattice of a run and its special k points, in the run's own reduced coordinates.
//!
//! Names and coordinates follow Setyawan and Curtarolo, Comput. Mater. Sci. 49, 299 (2010). The run may be given in any
//! primitive cell: the cell is reduced, and an integer change of basis to the standard primitive cell is searched.

use nalgebra::{Matrix3, Vector3};

use crate::parsers::Structure;

/// Relative tolerance of lengths and angles.
const TOLERANCE: f64 = 1e-4;
/// Of lattices that are strained or relaxed, the first one that fits.
const TOLERANCES_OF_STRAINED: [f64; 3] = [TOLERANCE, 0.01, 0.05];

/// A lattice type with its special points in the standard primitive cell.
struct Kind {
    name: &'static str,
    points: &'static [(&'static str, [f64; 3])],
    /// Path for three and for two periodic directions (the third standard vector being the one that is not periodic).
    path: [&'static str; 2],
}

const THIRD: f64 = 1.0 / 3.0;

const CUBIC: Kind = Kind {
    name: "cubic",
    points: &[("M", [0.5, 0.5, 0.0]), ("R", [0.5; 3]), ("X", [0.0, 0.5, 0.0])],
    path: ["G-X-M-G-R-X|M-R", "G-X-M-G"],
};
const FACE_CENTRED: Kind = Kind {
    name: "face-centred cubic",
    points: &[
        ("K", [0.375, 0.375, 0.75]),
        ("L", [0.5; 3]),
        ("U", [0.625, 0.25, 0.625]),
        ("W", [0.5, 0.25, 0.75]),
        ("X", [0.5, 0.0, 0.5]),
    ],
    path: ["G-X-W-K-G-L-U-W-L-K|U-X", "G"],
};
const BODY_CENTRED: Kind = Kind {
    name: "body-centred cubic",
    points: &[("H", [0.5, -0.5, 0.5]), ("P", [0.25; 3]), ("N", [0.0, 0.0, 0.5])],
    path: ["G-H-N-G-P-H|P-N", "G"],
};
const HEXAGONAL: Kind = Kind {
    name: "hexagonal",
    points: &[
        ("A", [0.0, 0.0, 0.5]),
        ("H", [THIRD, THIRD, 0.5]),
        ("K", [THIRD, THIRD, 0.0]),
        ("L", [0.5, 0.0, 0.5]),
        ("M", [0.5, 0.0, 0.0]),
    ],
    path: ["G-M-K-G-A-L-H-A|L-M|K-H", "G-M-K-G"],
};
const TETRAGONAL: Kind = Kind {
    name: "tetragonal",
    points: &[
        ("A", [0.5; 3]),
        ("M", [0.5, 0.5, 0.0]),
        ("R", [0.0, 0.5, 0.5]),
        ("X", [0.0, 0.5, 0.0]),
        ("Z", [0.0, 0.0, 0.5]),
    ],
    path: ["G-X-M-G-Z-R-A-Z|X-R|M-A", "G-X-M-G"],
};
const ORTHORHOMBIC: Kind = Kind {
    name: "orthorhombic",
    points: &[
        ("R", [0.5; 3]),
        ("S", [0.5, 0.5, 0.0]),
        ("T", [0.0, 0.5, 0.5]),
        ("U", [0.5, 0.0, 0.5]),
        ("X", [0.5, 0.0, 0.0]),
        ("Y", [0.0, 0.5, 0.0]),
        ("Z", [0.0, 0.0, 0.5]),
    ],
    path: ["G-X-S-Y-G-Z-U-R-T-Z|Y-T|U-X|S-R", "G-X-S-Y-G"],
};
/// Any other lattice: middles of the faces, edges and corners of the reduced reciprocal cell.
const GENERAL: Kind = Kind {
    name: "general",
    points: &[
        ("L", [0.5, 0.5, 0.0]),
        ("M", [0.0, 0.5, 0.5]),
        ("N", [0.5, 0.0, 0.5]),
        ("R", [0.5; 3]),
        ("X", [0.5, 0.0, 0.0]),
        ("Y", [0.0, 0.5, 0.0]),
        ("Z", [0.0, 0.0, 0.5]),
    ],
    path: ["X-G-Y|L-G-Z|N-G-M|R-G", "G-X-L-Y-G"],
};

/// The lattice of a run: its type, its special points, and lengths in reciprocal space.
pub struct Bravais {
    kind: &'static Kind,
    periodic: [bool; 3],
    /// Reciprocal vectors of the run's cell.
    own_reciprocal: Matrix3<f64>,
    /// Reciprocal vectors as rows with 2π, 1/bohr; those of periodic directions lie in the periodic space.
    reduced_reciprocal: Matrix3<f64>,
    /// Reduced coordinates of the reduced cell from those of the run: k_reduced = T k_run.
    to_reduced: Matrix3<f64>,
    /// Reduced coordinates of the run from those of the standard primitive cell.
    from_standard: Matrix3<f64>,
    /// Symmetries of the lattice as maps of k in the reduced cell.
    symmetries: Vec<Matrix3<f64>>,
}

impl Bravais {
    /// Recognises the lattice. A direction that is not `periodic` does not count, whatever the vacuum.
    ///
    /// `None` where the lattice vectors are linearly dependent.
    pub fn new(structure: &Structure, periodic: [bool; 3]) -> Option<Self> {
        Self::within(TOLERANCE, structure, periodic)
    }

    /// As [`Bravais::new`], and where the lattice has no name, the one that it would have without a small strain: special
    /// points stay where they are in reduced coordinates.
    ///
    /// `None` where the lattice vectors are linearly dependent.
    pub fn of_strained(structure: &Structure, periodic: [bool; 3]) -> Option<Self> {
        let mut found = TOLERANCES_OF_STRAINED.iter().map(|&tolerance| Self::within(tolerance, structure, periodic));
        let named = found.find(|lattice| lattice.as_ref().is_none_or(|lattice| lattice.name() != GENERAL.name));
        named.unwrap_or_else(|| Self::new(structure, periodic))
    }

    fn within(tolerance: f64, structure: &Structure, periodic: [bool; 3]) -> Option<Self> {
        let lattice = isolate(&structure.lattice, periodic)?;
        let reciprocal_of = |lattice: &Matrix3<f64>| Some(lattice.try_inverse()?.transpose() * std::f64::consts::TAU);
        let (own_reciprocal, reduced_reciprocal) = (reciprocal_of(&structure.lattice)?, reciprocal_of(&lattice)?);
        let to_reduced = reduction(&lattice);
        let reduced = to_reduced * lattice;
        let (kind, to_standard) = recognise(&reduced, tolerance);
        let from_standard = (to_standard * to_reduced).try_inverse()?.map(f64::round);
        let symmetries = maps(&reduced, &metric(&reduced), tolerance);
        Some(Bravais { kind, periodic, own_reciprocal, reduced_reciprocal, to_reduced, from_standard, symmetries })
    }

    /// The lattice in words, e.g. `hexagonal`.
    pub fn name(&self) -> &'static str {
        self.kind.name
    }

    /// The labels of this lattice, Γ (`G`) first.
    pub fn labels(&self) -> Vec<&'static str> {
        let named = self.kind.points.iter().map(|&(label, _)| label);
        std::iter::once("G").chain(named).filter(|label| self.point(label).is_some()).collect()
    }

    /// Reduced coordinates of a special point in the run's cell. `None` where the lattice has no such point, or where it
    /// lies off the periodic directions.
    pub fn point(&self, label: &str) -> Option<[f64; 3]> {
        if label == "G" {
            return Some([0.0; 3]);
        }
        let (_, k) = self.kind.points.iter().find(|(name, _)| *name == label)?;
        let k = self.from_standard * Vector3::from(*k);
        let inside = (0..3).all(|a| self.periodic[a] || k[a].abs() < 1e-9);
        inside.then(|| k.map(|x| x + 0.0).into())
    }

    /// The label of a point, by symmetry of the lattice and up to reciprocal lattice vectors.
    pub fn label(&self, k: [f64; 3]) -> Option<&'static str> {
        let k = self.to_reduced * Vector3::from(k);
        self.labels().into_iter().find(|label| {
            let special = self.point(label).map(|special| self.to_reduced * Vector3::from(special));
            special.is_some_and(|special| self.symmetries.iter().any(|w| equivalent(&(w * k), &special)))
        })
    }

    /// The usual path, as in [`super::kpath::KPath::parse`].
    pub fn path(&self) -> &'static str {
        match self.periodic.iter().filter(|&&p| p).count() {
            3 => self.kind.path[0],
            2 => self.kind.path[1],
            1 => "G-X",
            _ => "G",
        }
    }

    /// Reciprocal vectors of the run's cell as rows with 2π, 1/bohr.
    pub fn reciprocal(&self) -> &Matrix3<f64> {
        &self.own_reciprocal
    }

    /// Length of a step in k, 1/bohr with 2π (periodic directions only).
    pub fn length(&self, step: [f64; 3]) -> f64 {
        let step = Vector3::from_fn(|a, _| if self.periodic[a] { step[a] } else { 0.0 });
        self.reduced_reciprocal.tr_mul(&step).norm()
    }
}

/// Replaces the vectors that are not periodic by long ones at right angles to all others, so that a layer or a chain is
/// recognised by its own lattice.
fn isolate(lattice: &Matrix3<f64>, periodic: [bool; 3]) -> Option<Matrix3<f64>> {
    let rows: Vec<Vector3<f64>> = (0..3).map(|a| lattice.row(a).transpose()).collect();
    // Not longer than need be: sums with a periodic vector must not be of the same length within any tolerance.
    let mut length = (0..3).filter(|&a| periodic[a]).map(|a| rows[a].norm()).reduce(f64::max).unwrap_or(1.0);
    let mut frame: Vec<Vector3<f64>> = Vec::new();
    let mut isolated = *lattice;
    let order = [true, false].map(|wanted| (0..3).filter(move |&a| periodic[a] == wanted));
    for a in order.into_iter().flatten() {
        let normal = frame.iter().fold(rows[a], |v, e| v - e * e.dot(&v));
        let normal = normal.try_normalize(1e-9 * rows[a].norm())?;
        if !periodic[a] {
            length *= 2.0;
            isolated.set_row(a, &(normal * length).transpose());
        }
        frame.push(normal);
    }
    Some(isolated)
}

/// Integer T (determinant ±1) such that the rows of T·lattice are as short as possible, the shortest first.
fn reduction(lattice: &Matrix3<f64>) -> Matrix3<f64> {
    let mut t = Matrix3::identity();
    let norm = |t: &Matrix3<f64>, a: usize| (t.row(a) * lattice).norm();
    while let Some((a, shorter)) = shorter_row(&t, lattice) {
        t.set_row(a, &shorter.transpose());
    }
    let mut order = [0, 1, 2];
    order.sort_by(|&a, &b| norm(&t, a).total_cmp(&norm(&t, b)));
    Matrix3::from_rows(&order.map(|a| t.row(a).into_owned()))
}

/// A row of `t` and what to replace it with: itself plus multiples of the others, where that is shorter.
fn shorter_row(t: &Matrix3<f64>, lattice: &Matrix3<f64>) -> Option<(usize, Vector3<f64>)> {
    let norm = |v: &Vector3<f64>| lattice.tr_mul(v).norm();
    for a in 0..3 {
        let row = t.row(a).transpose();
        for (b, c) in (-1..=1).flat_map(|b| (-1..=1).map(move |c| (b as f64, c as f64))) {
            let candidate = row + t.row((a + 1) % 3).transpose() * b + t.row((a + 2) % 3).transpose() * c;
            if norm(&candidate) < norm(&row) * (1.0 - 1e-9) {
                return Some((a, candidate));
            }
        }
    }
    None
}

/// The first lattice type that fits, with the integer change of basis from the reduced to the standard primitive cell.
fn recognise(reduced: &Matrix3<f64>, tolerance: f64) -> (&'static Kind, Matrix3<f64>) {
    let [short, middle, long] = [0, 1, 2].map(|a| reduced.row(a).norm());
    let candidates = [
        (&CUBIC, box_cell(short, short, short)),
        (&FACE_CENTRED, Matrix3::new(0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0) * (short / 2f64.sqrt())),
        (&BODY_CENTRED, Matrix3::new(-1.0, 1.0, 1.0, 1.0, -1.0, 1.0, 1.0, 1.0, -1.0) * (short / 3f64.sqrt())),
        (&HEXAGONAL, hexagonal_cell(short, long)),
        (&HEXAGONAL, hexagonal_cell(long, short)),
        (&TETRAGONAL, box_cell(short, short, long)),
        (&TETRAGONAL, box_cell(long, long, short)),
        (&ORTHORHOMBIC, box_cell(short, middle, long)),
    ];
    let fitting =
        candidates.iter().find_map(|(kind, cell)| Some((*kind, *maps(reduced, &metric(cell), tolerance).first()?)));
    fitting.unwrap_or((&GENERAL, Matrix3::identity()))
}

fn box_cell(a: f64, b: f64, c: f64) -> Matrix3<f64> {
    Matrix3::from_diagonal(&Vector3::new(a, b, c))
}

fn hexagonal_cell(a: f64, c: f64) -> Matrix3<f64> {
    let height = 0.75f64.sqrt();
    Matrix3::new(0.5 * a, -height * a, 0.0, 0.5 * a, height * a, 0.0, 0.0, 0.0, c)
}

/// Scalar products of the rows.
fn metric(rows: &Matrix3<f64>) -> Matrix3<f64> {
    rows * rows.transpose()
}

/// All integer matrices (entries −1, 0, 1: enough between reduced cells) that turn `rows` into a cell with metric `target`.
fn maps(rows: &Matrix3<f64>, target: &Matrix3<f64>, tolerance: f64) -> Vec<Matrix3<f64>> {
    let fits = |product: f64, a: usize, b: usize| {
        (product - target[(a, b)]).abs() < tolerance * (target[(a, a)] * target[(b, b)]).sqrt()
    };
    let component = |digit: usize| 1.0 - digit as f64;
    let choices: Vec<Vector3<f64>> =
        (0..27).map(|i| Vector3::new(component(i / 9), component(i / 3 % 3), component(i % 3))).collect();
    let dot = |u: &Vector3<f64>, v: &Vector3<f64>| rows.tr_mul(u).dot(&rows.tr_mul(v));
    let of_length = |a: usize| choices.iter().filter(move |v| fits(dot(v, v), a, a));
    let mut found = Vec::new();
    for u in of_length(0) {
        for v in of_length(1).filter(|v| fits(dot(u, v), 0, 1)) {
            let third = of_length(2).filter(|w| fits(dot(u, w), 0, 2) && fits(dot(v, w), 1, 2));
            let matrices = third.map(|w| Matrix3::from_columns(&[*u, *v, *w]).transpose());
            found.extend(matrices.filter(|m| (m.determinant().abs() - 1.0).abs() < 1e-9));
        }
    }
    found
}

fn equivalent(a: &Vector3<f64>, b: &Vector3<f64>) -> bool {
    (a - b).iter().all(|x| (x - x.round()).abs() < 1e-5)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYER: [bool; 3] = [true, true, false];

    fn lattice(rows: [[f64; 3]; 3], periodic: [bool; 3]) -> Bravais {
        let lattice = Matrix3::from_fn(|i, j| rows[i][j]);
        Bravais::new(&Structure { lattice, positions: vec![], species: vec![] }, periodic).unwrap()
    }

    fn distance(lattice: &Bravais, label: &str) -> f64 {
        lattice.length(lattice.point(label).unwrap())
    }

    #[test]
    fn corner_of_graphene_is_the_same_in_every_cell() {
        let (a, h) = (4.65, 4.65 * 0.75f64.sqrt());
        let cells = [
            [[a, 0.0, 0.0], [0.5 * a, h, 0.0], [0.0, 0.0, 30.0]],
            [[a, 0.0, 0.0], [-0.5 * a, h, 0.0], [0.0, 0.0, 30.0]],
            [[a, 0.0, 0.0], [6.5 * a, h, 0.0], [0.3, -0.4, 5.0]],
        ];
        for (cell, expected) in cells.into_iter().zip([(THIRD, 2.0 * THIRD), (THIRD, THIRD), (f64::NAN, f64::NAN)]) {
            let found = lattice(cell, LAYER);
            assert_eq!(found.name(), "hexagonal");
            assert_eq!(found.labels(), ["G", "K", "M"]);
            assert_eq!(found.path(), "G-M-K-G");
            assert!((distance(&found, "K") - std::f64::consts::TAU * 2.0 / (3.0 * a)).abs() < 1e-12);
            assert!((distance(&found, "M") - std::f64::consts::TAU / (3f64.sqrt() * a)).abs() < 1e-12);
            if expected.0.is_finite() {
                assert_eq!(found.label([expected.0, expected.1, 0.0]), Some("K"));
                assert_eq!(found.label([-expected.1, -expected.0, 0.0]), Some("K"));
            }
            assert_eq!(found.label([0.5, 0.0, 0.0]), Some("M"));
            assert_eq!(found.label([0.5, 0.5, 0.0]), Some("M"));
            assert_eq!(found.label([0.4, 0.1, 0.0]), None);
        }
    }

    #[test]
    fn cubic_lattices_are_found_in_any_primitive_cell() {
        let skew = Matrix3::new(1.0, 2.0, 0.0, 0.0, 1.0, -3.0, 1.0, 2.0, 1.0);
        let tau = std::f64::consts::TAU;
        let cases: [(Matrix3<f64>, &str, &str, f64); 3] = [
            (Matrix3::identity(), "cubic", "R", 0.75f64.sqrt()),
            (Matrix3::new(0.0, 0.5, 0.5, 0.5, 0.0, 0.5, 0.5, 0.5, 0.0), "face-centred cubic", "W", 1.25f64.sqrt()),
            (Matrix3::new(-0.5, 0.5, 0.5, 0.5, -0.5, 0.5, 0.5, 0.5, -0.5), "body-centred cubic", "P", 0.75f64.sqrt()),
        ];
        for (cell, name, label, expected) in cases {
            for change in [Matrix3::identity(), skew] {
                let rows = change * cell * 7.0;
                let found = lattice([0, 1, 2].map(|i| [0, 1, 2].map(|j| rows[(i, j)])), [true; 3]);
                assert_eq!(found.name(), name);
                assert!((distance(&found, label) - expected * tau / 7.0).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn a_strained_lattice_has_the_name_of_the_one_without_strain() {
        let (a, h) = (4.65, 4.65 * 0.75f64.sqrt());
        let cell = Matrix3::new(a, 0.0, 0.0, -0.5 * a, h, 0.0, 0.0, 0.0, 30.0);
        let strain = Matrix3::new(1.01, 0.004, 0.0, 0.004, 0.995, 0.0, 0.0, 0.0, 1.0);
        let structure = Structure { lattice: cell * strain, positions: vec![], species: vec![] };
        assert_eq!(Bravais::new(&structure, LAYER).unwrap().name(), "general");
        let found = Bravais::of_strained(&structure, LAYER).unwrap();
        assert_eq!((found.name(), found.path()), ("hexagonal", "G-M-K-G"));
        assert_eq!(found.label([THIRD, THIRD, 0.0]), Some("K"));
        let oblique = Matrix3::new(3.0, 0.1, 0.2, 1.0, 4.0, 0.3, 0.7, 0.9, 5.0);
        let oblique = Structure { lattice: oblique, positions: vec![], species: vec![] };
        assert_eq!(Bravais::of_strained(&oblique, [true; 3]).unwrap().name(), "general");
    }

    #[test]
    fn other_lattices_have_their_names() {
        let boxed = |a, b, c, periodic| lattice([[a, 0.0, 0.0], [0.0, b, 0.0], [0.0, 0.0, c]], periodic);
        assert_eq!(boxed(3.0, 5.0, 3.0, [true; 3]).name(), "tetragonal");
        assert_eq!(boxed(3.0, 5.0, 3.0, [true; 3]).point("Z"), Some([0.0, 0.5, 0.0]));
        assert_eq!(boxed(6.0, 5.0, 3.0, [true; 3]).name(), "orthorhombic");
        assert_eq!(boxed(6.0, 6.0, 6.0, [true, false, true]).path(), "G-X-M-G");
        assert_eq!(boxed(6.0, 6.0, 7.0, [true, false, true]).path(), "G-X-S-Y-G");
        assert_eq!(boxed(6.0, 6.0, 7.0, [false, false, true]).point("X"), Some([0.0, 0.0, 0.5]));
        assert_eq!(boxed(6.0, 6.0, 7.0, [false; 3]).labels(), ["G"]);
        let oblique = lattice([[3.0, 0.1, 0.2], [1.0, 4.0, 0.3], [0.7, 0.9, 5.0]], [true; 3]);
        assert_eq!((oblique.name(), oblique.labels().len()), ("general", 8));
    }
}
