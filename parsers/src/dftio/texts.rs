//! The texts of a folder: lattice, positions, elements, and whether positions are Cartesian.

use std::path::{Path, PathBuf};

use nalgebra::{Matrix3, Vector3};

use super::basis_text::BasisText;
use crate::error::{Context, Error, Result};
use crate::folder::existing;
use crate::input;
use crate::input::lines::Lines;

/// All frames of a folder, Å.
pub struct Texts {
    /// Lattice vectors as rows: one lattice, or one for each frame.
    cells: Vec<[f64; 3]>,
    /// Frame after frame.
    positions: Vec<[f64; 3]>,
    /// Those of one frame, or of all.
    numbers: Vec<u8>,
    /// Shells.
    pub basis: BasisText,
    is_reduced: bool,
    /// What was read.
    pub files: Vec<PathBuf>,
}

impl Texts {
    /// Reads those of `folder`.
    ///
    /// # Errors
    /// `Syntax` with file and line.
    pub fn read(folder: &Path) -> Result<Self> {
        let file = |name: &str| {
            existing(folder, name).ok_or_else(|| Error::syntax(format!("the file `{name}`"), "none").in_file(folder))
        };
        let [cell, positions, numbers, basis] =
            [file("cell.dat")?, file("positions.dat")?, file("atomic_numbers.dat")?, file("basis.dat")?];
        Ok(Texts {
            cells: rows(&cell, "a lattice vector")?,
            positions: rows(&positions, "the position of an atom")?,
            numbers: atomic_numbers(&numbers)?,
            basis: BasisText::parse(&input::open(&basis)?).in_file(&basis)?,
            is_reduced: is_reduced(folder),
            files: vec![cell, positions, numbers, basis],
        })
    }

    /// Lattice, positions and atomic numbers of frame `frame` of `n_frames`, Å.
    ///
    /// # Errors
    /// `Inconsistent` where there are not as many rows as frames need.
    pub fn frame(&self, frame: usize, n_frames: usize) -> Result<Frame<'_>> {
        let n_atoms = self.positions.len() / n_frames.max(1);
        let rows = of_frame(&self.cells, 3, frame, n_frames, "rows of cell.dat")?;
        let lattice = Matrix3::from_fn(|row, column| rows[row][column]);
        let positions = of_frame(&self.positions, n_atoms, frame, n_frames, "positions")?;
        let cartesian = |&position: &[f64; 3]| match self.is_reduced {
            true => lattice.tr_mul(&Vector3::from(position)),
            false => Vector3::from(position),
        };
        let numbers = of_frame(&self.numbers, n_atoms, frame, n_frames, "atomic numbers")?;
        Ok(Frame { lattice, positions: positions.iter().map(cartesian).collect(), numbers })
    }
}

/// One of them, Å.
pub struct Frame<'a> {
    /// Lattice vectors as rows.
    pub lattice: Matrix3<f64>,
    /// Cartesian.
    pub positions: Vec<Vector3<f64>>,
    /// Atomic numbers.
    pub numbers: &'a [u8],
}

/// The `n` values of one frame, out of those for all frames, or for each.
fn of_frame<'a, T>(values: &'a [T], n: usize, frame: usize, n_frames: usize, what: &str) -> Result<&'a [T]> {
    match values.len() {
        found if found == n && n > 0 => Ok(values),
        found if found == n * n_frames && n > 0 => Ok(&values[frame * n..(frame + 1) * n]),
        found => {
            let message = format!("{found} {what} for {n_frames} frames, each of which needs {n}");
            Err(Error::inconsistent(message))
        }
    }
}

fn rows(path: &Path, what: &str) -> Result<Vec<[f64; 3]>> {
    let lines = Lines::new(&input::open(path)?, &["#"]);
    lines.map(|line| line.vector(0, what)).collect::<Result<_>>().in_file(path)
}

/// numpy may have written them as floats.
fn atomic_numbers(path: &Path) -> Result<Vec<u8>> {
    const WHAT: &str = "an atomic number";
    let lines = Lines::new(&input::open(path)?, &["#"]);
    let number = |line: input::lines::Line| {
        let z = line.number(0, WHAT)?;
        let is_element = z.fract() == 0.0 && (1.0..=f64::from(u8::MAX)).contains(&z);
        if is_element { Ok(z as u8) } else { Err(line.expected(WHAT)) }
    };
    lines.map(number).collect::<Result<_>>().in_file(path)
}

/// `pos_type` in the info.json of the folder or, for all folders of a set, above it.
fn is_reduced(folder: &Path) -> bool {
    let pos_type = |folder: &Path| {
        let text = std::fs::read(folder.join("info.json")).ok()?;
        let info: serde_json::Value = serde_json::from_slice(&text).ok()?;
        info.get("pos_type")?.as_str().map(str::to_owned)
    };
    let above = || std::fs::canonicalize(folder).ok()?.parent().and_then(pos_type);
    pos_type(folder).or_else(above).as_deref() == Some("frac")
}
