//! POSCAR of VASP 5: lattice vectors as rows, elements with their numbers of atoms, positions.

use std::fmt::Write;

use nalgebra::{Matrix3, Vector3};

use crate::error::{Error, Location, Result};
use crate::input::lines::{Line, Lines};

/// What a POSCAR says, in ångström.
#[derive(Debug, Clone, PartialEq)]
pub struct Poscar {
    /// Lattice vectors as rows.
    pub lattice: Matrix3<f64>,
    /// Symbol of each atom.
    pub elements: Vec<String>,
    /// Cartesian positions.
    pub positions: Vec<Vector3<f64>>,
}

impl Poscar {
    /// Reads the file: Cartesian or direct, with one scale (negative: the volume) or three, with or without selective dynamics.
    ///
    /// # Errors
    /// `Syntax` with the line, `Limit` where the file has fewer lines than atoms.
    pub fn parse(file: &[u8]) -> Result<Self> {
        let comment = file.iter().position(|&byte| byte == b'\n').map_or(file.len(), |end| end + 1);
        let place = Location { byte: comment as u64, line: Some(2), column: None, record: None };
        let mut lines = Lines::of_section(&file[comment..], place, &[]);
        let scale = lines.expect("the scale of the lattice")?;
        let mut rows = [[0.0; 3]; 3];
        for row in &mut rows {
            *row = lines.expect("a lattice vector")?.vector(0, "a lattice vector")?;
        }
        let unscaled = Matrix3::from_fn(|row, column| rows[row][column]);
        let scale = scale_of(&scale, unscaled.determinant().abs())?;
        let lattice = unscaled * Matrix3::from_diagonal(&scale);
        let elements = elements(&mut lines)?;
        let is_cartesian = is_cartesian(&mut lines)?;
        let mut positions = Vec::with_capacity(elements.len());
        for _ in &elements {
            let position =
                Vector3::from(lines.expect("the position of an atom")?.vector(0, "the position of an atom")?);
            positions.push(if is_cartesian { position.component_mul(&scale) } else { lattice.tr_mul(&position) });
        }
        Ok(Poscar { lattice, elements, positions })
    }

    /// The file: scale 1, Cartesian, numbers that are read as the same ones. Atoms keep their order, so those of an element
    /// should stand together.
    pub fn text(&self) -> String {
        let mut text = String::from("written by hzero\n1.0\n");
        let row = |[x, y, z]: [f64; 3]| format!("  {x:?} {y:?} {z:?}\n");
        text.extend(self.lattice.row_iter().map(|v| row([v[0], v[1], v[2]])));
        let (mut names, mut counts) = (String::new(), String::new());
        for run in self.elements.chunk_by(|a, b| a == b) {
            // writing into a string cannot fail
            let _ = write!(names, "{} ", run[0]);
            let _ = write!(counts, "{} ", run.len());
        }
        text += &format!("{}\n{}\nCartesian\n", names.trim_end(), counts.trim_end());
        text.extend(self.positions.iter().map(|&position| row(position.into())));
        text
    }
}

fn scale_of(line: &Line, volume: f64) -> Result<Vector3<f64>> {
    let what = "a scale, a negative volume, or three scales";
    let scale = match line.words().count() {
        3 => Vector3::from(line.vector(0, what)?),
        _ => match line.number(0, what)? {
            scale if scale < 0.0 => Vector3::repeat((-scale / volume).cbrt()),
            scale => Vector3::repeat(scale),
        },
    };
    if scale.iter().all(|&scale| scale > 0.0 && scale.is_finite()) { Ok(scale) } else { Err(line.expected(what)) }
}

fn elements(lines: &mut Lines) -> Result<Vec<String>> {
    let names = lines.expect("the symbols of the elements")?;
    if !names.words().all(|name| name.starts_with(|c: char| c.is_ascii_alphabetic())) {
        return Err(names.expected("the symbols of the elements, as VASP 5 has them"));
    }
    let counts = lines.expect("the number of atoms of each element")?;
    if counts.words().count() != names.words().count() {
        return Err(counts.expected(&format!("{} numbers of atoms", names.words().count())));
    }
    let mut elements: Vec<String> = Vec::new();
    for (kind, name) in names.words().enumerate() {
        let count: usize = counts.parse(kind, "a number of atoms")?;
        let left = lines.remaining() - elements.len().min(lines.remaining());
        if count > left {
            return Err(Error::limit(format!("a number of {name} atoms"), count as u64, left as u64));
        }
        elements.extend(std::iter::repeat_n(name.to_owned(), count));
    }
    Ok(elements)
}

/// VASP looks at the first letter alone.
fn is_cartesian(lines: &mut Lines) -> Result<bool> {
    let what = "`Cartesian` or `Direct`";
    let mut line = lines.expect(what)?;
    if line.text.starts_with(['S', 's']) {
        line = lines.expect(what)?;
    }
    Ok(line.text.starts_with(['C', 'c', 'K', 'k']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Poscar {
        Poscar::parse(text.as_bytes()).unwrap()
    }

    const CELL: &str = "2 0 0\n0 3 0\n1 0 4\n";

    #[test]
    fn what_is_written_is_read() {
        let poscar = Poscar {
            lattice: Matrix3::new(2.46, 0.1 + 0.2, 0.0, -1.23, 2.13042, 1e-17, 0.0, 0.0, 1.0 / 3.0),
            elements: ["Ga", "Ga", "As"].map(str::to_owned).to_vec(),
            positions: vec![
                Vector3::new(-1.229999572564348e-10, 0.1, 7.5),
                Vector3::zeros(),
                Vector3::repeat(2.0 / 3.0),
            ],
        };
        assert!(poscar.text().contains("\nGa As\n2 1\nCartesian\n"));
        assert_eq!(parse(&poscar.text()), poscar);
    }

    #[test]
    fn direct_positions_scales_and_selective_dynamics() {
        let expected = vec![Vector3::new(1.5, 1.5, 2.0)];
        let direct = parse(&format!("\n1.0\n{CELL}H\n1\nSelective\nDirect\n0.5 0.5 0.5 T T F\n"));
        assert_eq!((direct.elements, direct.positions), (vec!["H".to_owned()], expected.clone()));
        let scaled = parse(&format!("two\n0.5\n{CELL}H\n1\nKartesisch\n3.0 3.0 4.0\n"));
        assert_eq!((scaled.positions, scaled.lattice[(2, 2)]), (expected, 2.0));
        let volume = parse(&format!("three\n-3.0\n{CELL}H\n1\nc\n1 1 1\n"));
        assert!((volume.lattice.determinant() - 3.0).abs() < 1e-14);
        let three = parse(&format!("four\n1 2 3\n{CELL}H\n1\nc\n1 1 1\n"));
        assert_eq!(three.positions, [Vector3::new(1.0, 2.0, 3.0)]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let message = |text: &str| Poscar::parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(message("only a comment"), "2: expected the scale of the lattice, found the end of the file");
        assert!(message(&format!("\n1\n{CELL}2\nC\n0 0 0\n")).starts_with("6: expected the symbols of the elements"));
        assert!(message(&format!("\n1\n{CELL}C\n1 2\nC\n0 0 0\n")).starts_with("7: expected 1 numbers of atoms"));
        let many = message(&format!("\n1\n{CELL}C\n1000000000000\nC\n0 0 0\n"));
        assert_eq!(many, "a number of C atoms of 1000000000000 exceeds the limit of 2");
        assert!(message(&format!("\n1\n{CELL}C\n2\nC\n0 0 0\n")).contains("expected the position of an atom"));
        assert!(message(&format!("\n0\n{CELL}C\n1\nC\n0 0 0\n")).starts_with("2: expected a scale"));
    }
}
