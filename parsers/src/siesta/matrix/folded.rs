//! Matrices of runs with k = Γ only, in which SIESTA adds up all images.

use crate::error::{Error, Result};
use crate::operator::{Operator, Pair, Pairs};
use crate::siesta::supercell::Supercell;
use crate::structure::Structure;

/// Images that are as close as the atom itself, up to so many bohr, overlap as it does.
const MARGIN: f64 = 1e-3;
/// ⟨φ|φ⟩ of the files is 1 to 1e-9, in single precision to 1e-7.
const NORM_TOLERANCE: f64 = 1e-6;

/// Refuses matrices in which several images of a pair are added up: H(R) cannot be had from them. With an auxiliary supercell
/// of one cell this is so, unless the system is isolated: then every norm is 1, and no atoms overlap that are closer to each
/// other's images.
///
/// # Errors
/// `Unsupported` with the reason.
pub fn refuse_folded(overlap: &Operator<f64>, supercell: &Supercell, structure: &Structure) -> Result<()> {
    let own_images = || overlap.blocks().filter(|(pair, _)| pair.is_onsite()).find_map(|(pair, s)| own_image(pair, s));
    match own_images().filter(|_| supercell.is_home_only()) {
        Some(reason) => Err(folded(&reason)),
        None => refuse_folded_pairs(overlap.pairs(), "overlap", supercell, structure),
    }
}

/// As [`refuse_folded`], of the pairs that H reaches: these may be more, joined by the projectors of a third atom. `joined` says
/// what they do.
///
/// # Errors
/// As there.
pub fn refuse_folded_pairs(pairs: &Pairs, joined: &str, supercell: &Supercell, structure: &Structure) -> Result<()> {
    let apart = pairs.as_slice().iter().filter(|pair| !pair.is_onsite());
    let reason = apart.filter(|_| supercell.is_home_only()).find_map(|pair| closer_image(pair, joined, structure));
    reason.map_or(Ok(()), |reason| Err(folded(&reason)))
}

fn folded(reason: &str) -> Error {
    Error::unsupported(format!(
        "a calculation at Γ alone adds up all images of a pair ({reason}); set `ForceAuxCell T` or a k mesh, and run again"
    ))
}

fn own_image(pair: &Pair, block: &[f64]) -> Option<String> {
    let n = block.len().isqrt();
    let norm = (0..n).map(|mu| block[mu * (n + 1)]).find(|norm| (norm - 1.0).abs() > NORM_TOLERANCE)?;
    Some(format!("the norm of an orbital of atom {} is {norm:.6}", pair.i + 1))
}

fn closer_image(pair: &Pair, joined: &str, structure: &Structure) -> Option<String> {
    let at_home = structure.displacement(pair);
    let distance = |r: [i32; 3]| (at_home + structure.translation(r)).norm();
    let images = (-1..=1).flat_map(|x| (-1..=1).flat_map(move |y| (-1..=1).map(move |z| [x, y, z])));
    let closest = images.filter(|r| *r != [0; 3]).map(distance).fold(f64::INFINITY, f64::min);
    (closest < at_home.norm() + MARGIN).then(|| {
        let (i, j) = (pair.i + 1, pair.j + 1);
        format!("atoms {i} and {j} {joined} at {closest:.3} bohr, not only at {:.3}", at_home.norm())
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use nalgebra::{Matrix3, Vector3};

    use super::*;
    use crate::basis::{Basis, Shell, Species};

    /// Two atoms with an s orbital each, `distance` bohr apart in a cell of 20 bohr.
    fn refused(distance: f64) -> bool {
        let shells = vec![Shell { l: 0, zeta: 1, n: Some(1) }];
        let basis = Basis::new(vec![Species { label: "H".into(), z: Some(1), shells, cutoff: None }], &[0, 0]).unwrap();
        let pairs = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(i, j)| Pair { i, j, r: [0; 3] });
        let mut overlap = Operator::zeros(Arc::new(Pairs::new(pairs.to_vec(), &basis).unwrap()));
        overlap.values_mut().copy_from_slice(&[1.0, 0.1, 0.1, 1.0]);
        let positions = vec![Vector3::zeros(), Vector3::new(distance, 0.0, 0.0)];
        let structure = Structure { lattice: Matrix3::identity() * 20.0, positions, species: vec![0, 0] };
        let home = Supercell::new([1; 3]).unwrap();
        let is_refused = refuse_folded(&overlap, &home, &structure).is_err();
        assert_eq!(refuse_folded_pairs(overlap.pairs(), "meet", &home, &structure).is_err(), is_refused);
        assert!(refuse_folded(&overlap, &Supercell::new([3; 3]).unwrap(), &structure).is_ok());
        is_refused
    }

    #[test]
    fn images_as_close_as_the_atom_are_added_up() {
        assert!(!refused(9.9) && refused(10.0) && refused(10.1));
    }
}
