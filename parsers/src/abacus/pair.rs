//! Do H⁽⁰⁾ and H belong together? Same structure, same S.

use std::path::{Path, PathBuf};

use nalgebra::Vector3;

use super::matrices::Matrix;
use crate::error::{Error, Result};
use crate::operator::Operator;
use crate::structure::Structure;

/// Positions and lattice vectors may differ by rounding only, bohr.
const SAME_POSITION: f64 = 1e-6;
/// Elements of S may differ by the rounding of nine digits only.
const SAME_OVERLAP: f64 = 1e-7;

/// Both files must state the same cell and the same atoms in the same order.
///
/// # Errors
/// `Inconsistent` with both files and the largest difference.
pub fn same_structure(a: (&PathBuf, &Structure), b: (&PathBuf, &Structure)) -> Result<()> {
    let ((file_a, a), (file_b, b)) = (a, b);
    let other = file_a.display();
    if a.species != b.species {
        let message = format!("{} atoms, but {other} has {} (or other species)", b.n_atoms(), a.n_atoms());
        return Err(Error::inconsistent(message).in_file(file_b));
    }
    let cell = (a.lattice - b.lattice).amax();
    if cell > SAME_POSITION {
        let message = format!("lattice vectors differ by up to {cell:.3e} bohr from those of {other}");
        return Err(Error::inconsistent(message).in_file(file_b));
    }
    let distance = |(x, y): (&Vector3<f64>, &Vector3<f64>)| (x - y).amax();
    let shift = a.positions.iter().zip(&b.positions).map(distance).fold(0.0, f64::max);
    if shift > SAME_POSITION {
        let message = format!("positions differ by up to {shift:.3e} bohr from those of {other}");
        return Err(Error::inconsistent(message).in_file(file_b));
    }
    Ok(())
}

/// Both S must hold the same numbers, on the union of their blocks.
///
/// # Errors
/// `Inconsistent` with both files and the largest difference.
pub fn same_overlap(a: &Matrix<Operator<f64>>, b: &Matrix<Operator<f64>>) -> Result<()> {
    let difference = largest_difference(&a.operator, &b.operator).max(largest_difference(&b.operator, &a.operator));
    if difference <= SAME_OVERLAP {
        return Ok(());
    }
    let name = |matrix: &Matrix<Operator<f64>>| matrix.files.first().cloned().unwrap_or_default();
    let message = format!(
        "S differs by up to {difference:.3e} from that of {}: H0 and H belong to different structures or orbitals",
        name(a).display()
    );
    Err(Error::inconsistent(message).in_file(Path::new(&name(b))))
}

/// Over the blocks of `a`; absent elements of `b` count as zero.
fn largest_difference(a: &Operator<f64>, b: &Operator<f64>) -> f64 {
    let of_block = |(pair, block): (_, &[f64])| match b.get(pair) {
        Some(other) => block.iter().zip(other).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max),
        None => block.iter().map(|x| x.abs()).fold(0.0, f64::max),
    };
    a.blocks().map(of_block).fold(0.0, f64::max)
}
