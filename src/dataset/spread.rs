//! How far the structures of one shape of cell lie from their mean: displacements of atoms, and strains.

use nalgebra::{Matrix3, Vector3};
use serde::Serialize;

use crate::parsers::Structure;

/// Spread of some structures with the same atoms, relative to their mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Root mean square of the displacements' components, bohr, the motion of the whole taken away.
    pub displacement_rms: f64,
    /// Longest displacement, bohr.
    pub displacement_max: f64,
    /// Root mean square of the strains' components.
    pub strain_rms: f64,
    /// Largest component of a strain.
    pub strain_max: f64,
}

/// Structures with other lattice vectors (another vacuum) or atoms in another order have means of their own. `None` where no two
/// structures are alike.
pub fn spread(structures: &[&Structure]) -> Option<Spread> {
    let groups: Vec<Vec<&Structure>> = alike(structures).into_iter().filter(|group| group.len() > 1).collect();
    let (mut strains, mut moved) = (Vec::new(), Vec::new());
    for group in &groups {
        let lattice = group.iter().map(|s| s.lattice).sum::<Matrix3<f64>>() / group.len() as f64;
        strains.extend(group.iter().map(|s| strain(&lattice, &s.lattice)).collect::<Option<Vec<_>>>()?.concat());
        moved.extend(displacements(group, &lattice)?);
    }
    (!groups.is_empty()).then(|| Spread {
        displacement_rms: rms(moved.iter().flat_map(|d| [d.x, d.y, d.z])),
        displacement_max: moved.iter().map(|d| d.norm()).fold(0.0, f64::max),
        strain_rms: rms(strains.iter().copied()),
        strain_max: strains.iter().fold(0.0, |max, e| e.abs().max(max)),
    })
}

fn alike<'a>(structures: &[&'a Structure]) -> Vec<Vec<&'a Structure>> {
    let is_alike = |a: &Structure, b: &Structure| {
        a.species == b.species && same_vectors(&a.lattice, &b.lattice) && same_sites(a, b)
    };
    let mut groups: Vec<Vec<&Structure>> = Vec::new();
    for structure in structures {
        match groups.iter_mut().find(|group| is_alike(group[0], structure)) {
            Some(group) => group.push(structure),
            None => groups.push(vec![structure]),
        }
    }
    groups
}

/// The same vectors in the same order, up to strain and a common rotation.
fn same_vectors(a: &Matrix3<f64>, b: &Matrix3<f64>) -> bool {
    let (a, b) = (a * a.transpose(), b * b.transpose());
    let scale = |k: usize| a[(k, k)].max(b[(k, k)]);
    (0..9).all(|k| (a[k] - b[k]).abs() <= 0.2 * (scale(k / 3) * scale(k % 3)).sqrt())
}

/// Same atoms at about the same places: not, say, the mirror image of a turned cell.
fn same_sites(a: &Structure, b: &Structure) -> bool {
    let halves = displacements(&[a, b], &a.lattice).unwrap_or_default();
    halves.iter().all(|half| half.norm() < 0.5 * FARTHEST)
}

/// No atom of two displaced structures of a crystal is farther from its place in the other, bohr.
const FARTHEST: f64 = 2.0;

/// Components of Green's strain of a lattice relative to the mean one; rotations do not count.
fn strain(mean: &Matrix3<f64>, lattice: &Matrix3<f64>) -> Option<Vec<f64>> {
    let inverse = mean.try_inverse()?;
    let metric = inverse * (lattice * lattice.transpose()) * inverse.transpose();
    let strain = (metric - Matrix3::identity()) / 2.0;
    Some([(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)].map(|place| strain[place]).to_vec())
}

/// Displacements of all atoms of all structures from their mean, in the axes of the mean lattice.
fn displacements(structures: &[&Structure], lattice: &Matrix3<f64>) -> Option<Vec<Vector3<f64>>> {
    let reduced = |s: &&Structure| s.positions.iter().map(|p| s.to_reduced(p)).collect::<Option<Vec<_>>>();
    let mut all = structures.iter().map(reduced).collect::<Option<Vec<_>>>()?;
    let (first, n) = (all[0].clone(), all.len() as f64);
    for sites in &mut all {
        let images = sites.iter().zip(&first).map(|(x, x0)| (x - x0).map(|d| d - d.round()));
        let moved: Vec<Vector3<f64>> = images.collect();
        let centre = moved.iter().sum::<Vector3<f64>>() / moved.len().max(1) as f64;
        *sites = moved.iter().map(|d| d - centre).collect();
    }
    let mean = |atom: usize| all.iter().map(|sites| sites[atom]).sum::<Vector3<f64>>() / n;
    let means: Vec<Vector3<f64>> = (0..first.len()).map(mean).collect();
    let cartesian = |sites: &Vec<Vector3<f64>>| -> Vec<Vector3<f64>> {
        sites.iter().zip(&means).map(|(d, mean)| lattice.tr_mul(&(d - mean))).collect()
    };
    Some(all.iter().flat_map(cartesian).collect())
}

fn rms(values: impl Iterator<Item = f64>) -> f64 {
    let (mut n, mut sum) = (0, 0.0);
    for value in values {
        n += 1;
        sum += value * value;
    }
    (sum / n.max(1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::synthetic;

    #[test]
    fn a_common_shift_is_no_displacement_and_a_strain_is_found() {
        let mut one = synthetic::structure(1);
        one.positions.iter_mut().for_each(|p| *p += Vector3::new(0.3, 0.0, 5.8));
        let same = spread(&[&synthetic::structure(1), &one]).unwrap();
        assert!(same.displacement_max < 1e-12 && same.strain_max < 1e-12, "{same:?}");
        let mut other = synthetic::structure(1);
        other.positions[2].x += 0.1;
        let moved = spread(&[&synthetic::structure(1), &other]).unwrap();
        assert!((moved.displacement_max - 0.04).abs() < 1e-9, "half, less the motion of the whole: {moved:?}");
        let mut strained = synthetic::structure(1);
        strained.lattice *= 1.02;
        let strained = spread(&[&synthetic::structure(1), &strained]).unwrap();
        assert!((strained.strain_max - 0.01).abs() < 1e-3, "{strained:?}");
        let mut fewer = synthetic::structure(1);
        fewer.species.swap(0, 1);
        assert_eq!(spread(&[&synthetic::structure(1), &fewer]), None);
    }
}
