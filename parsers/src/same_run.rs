//! Do H⁽⁰⁾ and H of a run belong together? Same structure, same S, the same elements where no orbitals overlap.

use std::ops::Sub;
use std::path::Path;

use crate::error::{Error, Result};
use crate::operator::{Operator, Pair, SpinOperator, c64};
use crate::structure::Structure;

/// Positions and lattice vectors may differ by rounding only, bohr.
const SAME_POSITION: f64 = 1e-6;
/// Elements of S may differ by the rounding of nine digits only.
const SAME_OVERLAP: f64 = 1e-7;
/// H and H⁽⁰⁾ of one structure agree to 10⁻¹⁰ hartree where S has no block, those of two differ by 10⁻⁴ and more.
const SAME_ELEMENT: f64 = 1e-6;

/// Both files must state the same cell and the same atoms in the same order.
///
/// # Errors
/// `Inconsistent` with both files and the largest difference.
pub fn same_structure(a: (&Path, &Structure), b: (&Path, &Structure)) -> Result<()> {
    let ((file_a, a), (file_b, b)) = (a, b);
    let other = file_a.display();
    if a.species != b.species {
        let message = format!("{} atoms, but {other} has {} (or other species)", b.n_atoms(), a.n_atoms());
        return Err(Error::inconsistent(message).in_file(file_b));
    }
    let (cell, shift) = a.distance(b);
    if cell > SAME_POSITION {
        let message = format!("lattice vectors differ by up to {cell:.3e} bohr from those of {other}");
        return Err(Error::inconsistent(message).in_file(file_b));
    }
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
pub fn same_overlap(a: (&Path, &Operator<f64>), b: (&Path, &Operator<f64>)) -> Result<()> {
    let difference = largest_difference(a.1, b.1).max(largest_difference(b.1, a.1));
    if difference <= SAME_OVERLAP {
        return Ok(());
    }
    let message = format!(
        "S differs by up to {difference:.3e} from that of {}: H0 and H belong to different structures or orbitals",
        a.0.display()
    );
    Err(Error::inconsistent(message).in_file(b.0))
}

/// H and H⁽⁰⁾ must agree in the blocks that S lacks: only the potential changes in the loop, and it needs orbitals that
/// overlap. This finds an H⁽⁰⁾ of another structure where neither its STRU nor its S is there.
///
/// # Errors
/// `Inconsistent` with both files and the largest difference.
pub fn same_beyond_overlap(
    h0: (&Path, &SpinOperator),
    h: (&Path, &SpinOperator),
    overlap: &Operator<f64>,
) -> Result<()> {
    let difference = match (h0.1, h.1) {
        (SpinOperator::Unpolarized(h0), SpinOperator::Unpolarized(h)) => beyond(h0, h, overlap),
        (SpinOperator::Collinear(h0), SpinOperator::Collinear(h)) => beyond(&h0[0], &h[0], overlap),
        (SpinOperator::Spinor(h0), SpinOperator::Spinor(h)) => beyond(&h0[0], &h[0], overlap),
        _ => 0.0,
    };
    if difference <= SAME_ELEMENT {
        return Ok(());
    }
    let message = format!(
        "differs by up to {difference:.3e} hartree from {} where no orbitals overlap: H0 and H belong to different \
         structures (or H holds exact exchange: then read one of them alone)",
        h.0.display()
    );
    Err(Error::inconsistent(message).in_file(h0.0))
}

/// Elements of which the size of a difference is known.
trait Element: Copy + Default + Sub<Output = Self> {
    fn magnitude(self) -> f64;
}

impl Element for f64 {
    fn magnitude(self) -> f64 {
        self.abs()
    }
}

impl Element for c64 {
    fn magnitude(self) -> f64 {
        self.norm()
    }
}

/// Largest difference of the blocks that S lacks.
fn beyond<T: Element>(a: &Operator<T>, b: &Operator<T>, overlap: &Operator<f64>) -> f64 {
    let one_way = |a: &Operator<T>, b: &Operator<T>| {
        let blocks = a.blocks().filter(|(pair, _)| overlap.pairs().find(pair).is_none());
        let of_block = |(pair, block): (&Pair, &[T])| {
            let other = b.get(pair).unwrap_or_default().iter().copied().chain(std::iter::repeat(T::default()));
            block.iter().zip(other).map(|(&x, y)| (x - y).magnitude()).fold(0.0, f64::max)
        };
        blocks.map(of_block).fold(0.0, f64::max)
    };
    one_way(a, b).max(one_way(b, a))
}

/// Over the blocks of `a`; absent elements of `b` count as zero.
fn largest_difference(a: &Operator<f64>, b: &Operator<f64>) -> f64 {
    let of_block = |(pair, block): (_, &[f64])| match b.get(pair) {
        Some(other) => block.iter().zip(other).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max),
        None => block.iter().map(|x| x.abs()).fold(0.0, f64::max),
    };
    a.blocks().map(of_block).fold(0.0, f64::max)
}
