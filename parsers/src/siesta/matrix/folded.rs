//! Matrices of runs with k = Γ only, in which SIESTA adds up all images.

use crate::error::{Error, Result};
use crate::operator::{Operator, Pair};
use crate::siesta::supercell::Supercell;
use crate::structure::Structure;

/// An image must be closer than the atom itself by so much, in bohr, to tell that the element is its own.
const MARGIN: f64 = 1e-3;
/// ⟨φ|φ⟩ of the files is 1 to 1e-7.
const NORM_TOLERANCE: f64 = 1e-4;

/// Refuses matrices in which several images of a pair are added up: H(R) cannot be had from them. With an auxiliary supercell
/// of one cell this is so, unless the system is isolated: then every norm is 1, and no atoms overlap that are closer to each
/// other's images.
///
/// # Errors
/// `Unsupported` with the reason.
pub fn refuse_folded(overlap: &Operator<f64>, supercell: &Supercell, structure: &Structure) -> Result<()> {
    if !supercell.is_home_only() {
        return Ok(());
    }
    for (pair, block) in overlap.blocks() {
        let reason = if pair.is_onsite() { own_image(pair, block) } else { closer_image(pair, structure) };
        if let Some(reason) = reason {
            let message = format!(
                "a calculation at Γ alone adds up all images of a pair ({reason}); set `ForceAuxCell T` or a k mesh, and run again"
            );
            return Err(Error::unsupported(message));
        }
    }
    Ok(())
}

fn own_image(pair: &Pair, block: &[f64]) -> Option<String> {
    let n = block.len().isqrt();
    let norm = (0..n).map(|mu| block[mu * (n + 1)]).find(|norm| (norm - 1.0).abs() > NORM_TOLERANCE)?;
    Some(format!("the norm of an orbital of atom {} is {norm:.6}", pair.i + 1))
}

fn closer_image(pair: &Pair, structure: &Structure) -> Option<String> {
    let at_home = structure.displacement(pair);
    let distance = |r: [i32; 3]| (at_home + structure.translation(r)).norm();
    let images = (-1..=1).flat_map(|x| (-1..=1).flat_map(move |y| (-1..=1).map(move |z| [x, y, z])));
    let closest = images.map(distance).fold(f64::INFINITY, f64::min);
    (closest < at_home.norm() - MARGIN).then(|| {
        format!("atoms {} and {} overlap at {closest:.3} bohr, not at {:.3}", pair.i + 1, pair.j + 1, at_home.norm())
    })
}
