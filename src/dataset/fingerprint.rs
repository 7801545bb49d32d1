//! Which structures are the same: up to rounding, the choice of cell, translations, the order of atoms, and rotations and mirrors,
//! which change nothing that an equivariant model could learn.

use std::collections::BTreeMap;

use super::lattice::neighbours_within;
use crate::parsers::Structure;

/// Distances up to here tell structures apart, bohr. They are some hundred numbers per structure.
const RADIUS: f64 = 12.0;
/// Distances of the same structure differ by rounding alone, bohr.
const SAME: f64 = 1e-4;

/// Number of atoms of each species, and all distances by pair of species, ascending.
#[derive(Debug, Clone, PartialEq)]
pub struct Fingerprint {
    composition: BTreeMap<String, usize>,
    distances: BTreeMap<(String, String), Vec<f64>>,
}

impl Fingerprint {
    /// That of a structure; `label` names the species of an atom.
    pub fn new(structure: &Structure, label: impl Fn(usize) -> String) -> Self {
        let mut fingerprint = Fingerprint { composition: BTreeMap::new(), distances: BTreeMap::new() };
        let labels: Vec<String> = (0..structure.n_atoms()).map(label).collect();
        for label in &labels {
            *fingerprint.composition.entry(label.clone()).or_default() += 1;
        }
        for pair in neighbours_within(structure, RADIUS).into_iter().filter(|pair| labels[pair.i] <= labels[pair.j]) {
            let key = (labels[pair.i].clone(), labels[pair.j].clone());
            fingerprint.distances.entry(key).or_default().push(pair.distance);
        }
        fingerprint.distances.values_mut().for_each(|distances| distances.sort_by(f64::total_cmp));
        fingerprint
    }

    /// Do they belong to the same structure? (Structures that differ and yet have all distances in common are perfect crystals of
    /// a rare kind; none that is displaced at random.)
    pub fn is_same(&self, other: &Fingerprint) -> bool {
        let keys = || self.distances.keys().chain(other.distances.keys());
        let of = |one: &'_ Fingerprint, key| one.distances.get(key).cloned().unwrap_or_default();
        self.composition == other.composition && keys().all(|key| same_distances(&of(self, key), &of(other, key)))
    }
}

/// Rounding can move a distance beyond the radius: only there may one list be longer.
fn same_distances(a: &[f64], b: &[f64]) -> bool {
    let common = a.len().min(b.len());
    let rest = a[common..].iter().chain(&b[common..]);
    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= SAME) && rest.copied().all(|distance| distance > RADIUS - SAME)
}

#[cfg(test)]
mod tests {
    use nalgebra::{Matrix3, Rotation3, Vector3};

    use super::*;
    use crate::model::synthetic;

    fn fingerprint(structure: &Structure) -> Fingerprint {
        Fingerprint::new(structure, |atom| structure.species[atom].to_string())
    }

    #[test]
    fn the_same_structure_in_other_words() {
        let one = synthetic::structure(3);
        let turn = *Rotation3::from_euler_angles(0.3, -1.2, 2.5).matrix();
        let skew = Matrix3::new(1.0, 0.0, 0.0, 2.0, 1.0, 0.0, 0.0, -1.0, 1.0);
        let order = [3, 0, 4, 2, 1];
        let moved = |&k: &usize| {
            let image = one.translation([k as i32, -1, 0]);
            turn * (one.positions[k] + image + Vector3::new(0.3, 0.1, -2.0)) + Vector3::repeat(4e-6 * k as f64)
        };
        let other = Structure {
            lattice: skew * one.lattice * turn.transpose(),
            positions: order.iter().map(moved).collect(),
            species: order.iter().map(|&k| one.species[k]).collect(),
        };
        assert!(fingerprint(&one).is_same(&fingerprint(&other)));
    }

    #[test]
    fn one_moved_atom_makes_another_structure() {
        let one = synthetic::structure(3);
        let mut other = one.clone();
        other.positions[2].x += 1e-3;
        assert!(!fingerprint(&one).is_same(&fingerprint(&other)));
        let mut relabelled = one.clone();
        relabelled.species.swap(0, 1);
        assert!(!fingerprint(&one).is_same(&fingerprint(&relabelled)));
    }
}
