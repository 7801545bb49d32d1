//! What SIESTA's sparse matrices mean: rydberg, SIESTA's order and signs ⇄ dense blocks in hartree and canonical order.
//!
//! Row i (home cell), column j (image at R) belongs to ⟨φ_i (cell 0)| O |φ_j (cell R)⟩. The numbers of H with spin–orbit
//! coupling (nspin 8) are, with O(k) = Σ_R exp(+2πi k·R) O(R),
//!
//! ```text
//! uu = H1 − i H5    ud = H7 − i H8
//! du = H3 + i H4    dd = H2 − i H6        nspin 4: H5 = H6 = 0, H7 = H3, H8 = H4
//! ```
//!
//! which is *not* the form that the names in the sources suggest (uu = H1 + i H5, ud = H3 − i H4 belongs to exp(−2πi k·R) and
//! swapped indices; in exp(+2πi k·R) it is H(−k)*, which only crystals without inversion and with magnetization notice).
//! DM(i, j) = Σ f c_i c_j* exp(−i k·x_ij) is the density operator Σ |φ_i⟩ DM ⟨φ_j| itself:
//!
//! ```text
//! uu = DM1 + i DM5    ud = DM3 − i DM4
//! du = DM7 + i DM8    dd = DM2 + i DM6    nspin 4: ud = du* = DM3 − i DM4
//! ```
//!
//! Every step is exact: a factor of 2 or ½ and signs.

mod blocks;
mod folded;
mod sparse;

use std::sync::Arc;

use super::sparsity::Sparsity;
use super::supercell::Supercell;
use crate::basis::Basis;
use crate::error::{Error, Result};
use crate::operator::{Operator, Pairs, SpinOperator, c64};
use crate::units::RYDBERG_IN_HARTREE;

use blocks::Blocks;
pub use folded::{refuse_folded, refuse_folded_pairs};
pub use sparse::{components_of_density_matrix, components_of_hamiltonian, components_of_overlap, restrict};

/// Where the stored elements of a run's matrices belong: to which orbitals of which atoms, in which cell.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    sparsity: &'a Sparsity,
    supercell: &'a Supercell,
    basis: &'a Basis,
}

impl<'a> Places<'a> {
    /// Brings the three together.
    ///
    /// # Errors
    /// `Inconsistent` where the rows are not the orbitals of the basis, or columns lie in more images than there are.
    pub fn new(sparsity: &'a Sparsity, supercell: &'a Supercell, basis: &'a Basis) -> Result<Self> {
        if sparsity.n_rows() != basis.n_orbitals() {
            let message =
                format!("the matrix has {} rows, but the basis {} orbitals", sparsity.n_rows(), basis.n_orbitals());
            return Err(Error::inconsistent(message));
        }
        if sparsity.n_images() > supercell.offsets.len() {
            let (found, known) = (sparsity.n_images(), supercell.offsets.len());
            return Err(Error::inconsistent(format!(
                "columns lie in {found} images of the cell, but there are {known}"
            )));
        }
        Ok(Places { sparsity, supercell, basis })
    }
}

/// H(R) from its 1, 2, 4 or 8 components in rydberg, on every pair of atoms with a stored element.
///
/// # Errors
/// `Inconsistent` where the number of components or of elements is another.
pub fn hamiltonian(components: &[Vec<f64>], places: &Places) -> Result<SpinOperator> {
    check(components, places)?;
    let blocks = Blocks::new(places, |_| true)?;
    const HALF: f64 = RYDBERG_IN_HARTREE;
    let c = |re: f64, im: f64| c64::new(re * HALF, im * HALF);
    match components {
        [h] => unpolarized(&blocks, |k| h[k] * HALF),
        [up, down] => collinear(&blocks, |k| [up[k] * HALF, down[k] * HALF]),
        [h1, h2, h3, h4] => spinor(&blocks, |k| [c(h1[k], 0.0), c(h3[k], -h4[k]), c(h3[k], h4[k]), c(h2[k], 0.0)]),
        [h1, h2, h3, h4, h5, h6, h7, h8] => {
            spinor(&blocks, |k| [c(h1[k], -h5[k]), c(h7[k], -h8[k]), c(h3[k], h4[k]), c(h2[k], -h6[k])])
        }
        _ => Err(wrong_number(components.len())),
    }
}

/// DM(R), no unit, from its 1, 2, 4 or 8 components. nspin 1 counts both spins.
///
/// # Errors
/// As [`hamiltonian`].
pub fn density_matrix(components: &[Vec<f64>], places: &Places) -> Result<SpinOperator> {
    check(components, places)?;
    let blocks = Blocks::new(places, |_| true)?;
    let c = c64::new;
    match components {
        [dm] => unpolarized(&blocks, |k| dm[k]),
        [up, down] => collinear(&blocks, |k| [up[k], down[k]]),
        [d1, d2, d3, d4] => spinor(&blocks, |k| [c(d1[k], 0.0), c(d3[k], -d4[k]), c(d3[k], d4[k]), c(d2[k], 0.0)]),
        [d1, d2, d3, d4, d5, d6, d7, d8] => {
            spinor(&blocks, |k| [c(d1[k], d5[k]), c(d3[k], -d4[k]), c(d7[k], d8[k]), c(d2[k], d6[k])])
        }
        _ => Err(wrong_number(components.len())),
    }
}

/// S(R), on the pairs of atoms with an element that is not 0: SIESTA also stores elements of atoms that only meet in the
/// projector of a third one, where S = 0.
///
/// # Errors
/// `Inconsistent` where the number of elements is another.
pub fn overlap(values: &[f64], places: &Places) -> Result<Operator<f64>> {
    check(&[values], places)?;
    let blocks = Blocks::new(places, |element| values[element] != 0.0)?;
    let [s] = blocks.fill(|element| [values[element]])?;
    Ok(s)
}

fn unpolarized(blocks: &Blocks, element: impl Fn(usize) -> f64 + Sync) -> Result<SpinOperator> {
    let [operator] = blocks.fill(|k| [element(k)])?;
    Ok(SpinOperator::Unpolarized(operator))
}

fn collinear(blocks: &Blocks, elements: impl Fn(usize) -> [f64; 2] + Sync) -> Result<SpinOperator> {
    Ok(SpinOperator::Collinear(blocks.fill(elements)?))
}

fn spinor(blocks: &Blocks, elements: impl Fn(usize) -> [c64; 4] + Sync) -> Result<SpinOperator> {
    Ok(SpinOperator::Spinor(blocks.fill(elements)?))
}

fn check(components: &[impl AsRef<[f64]>], places: &Places) -> Result<()> {
    let expected = places.sparsity.n_elements();
    match components.iter().find(|component| component.as_ref().len() != expected) {
        Some(component) => {
            let found = component.as_ref().len();
            Err(Error::inconsistent(format!("a matrix of {found} elements on a pattern of {expected}")))
        }
        None => Ok(()),
    }
}

fn wrong_number(n: usize) -> Error {
    Error::inconsistent(format!("{n} spin components, but SIESTA has 1, 2, 4 or 8"))
}

/// The pairs of atoms with a stored element.
///
/// # Errors
/// None for consistent `places`.
pub fn pairs(places: &Places) -> Result<Arc<Pairs>> {
    Ok(Blocks::new(places, |_| true)?.pairs)
}
