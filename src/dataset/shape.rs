//! Kinds of cells: which runs have the same periodic images around every atom, up to strain.

use std::collections::BTreeMap;

/// What tells cells apart for a model that sees as far as orbitals overlap.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Number of atoms of each species.
    pub composition: BTreeMap<String, usize>,
    /// The lattice's characteristic lengths in bohr, none above the reach: how wide a vacuum is does not matter.
    lengths: [f64; 7],
}

/// Strains and displacements of training sets change lengths by less.
const TOLERANCE: f64 = 0.06;

impl Shape {
    /// Of the labels of all atoms, the lattice's [`super::lattice::characteristic_lengths`], and the distance (bohr) up to which
    /// atoms interact.
    pub fn new(labels: impl Iterator<Item = String>, lengths: [f64; 7], reach: f64) -> Self {
        let mut composition = BTreeMap::new();
        labels.for_each(|label| *composition.entry(label).or_default() += 1);
        Shape { composition, lengths: lengths.map(|length| length.min(reach)) }
    }

    /// Number of atoms.
    pub fn n_atoms(&self) -> usize {
        self.composition.values().sum()
    }

    /// `C8`, `Mo4S8`.
    pub fn formula(&self) -> String {
        self.composition.iter().map(|(label, n)| if *n == 1 { label.clone() } else { format!("{label}{n}") }).collect()
    }

    /// Do both describe the same kind of cell?
    pub fn is_same(&self, other: &Shape) -> bool {
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= TOLERANCE * a.max(*b);
        self.composition == other.composition && self.lengths.iter().zip(&other.lengths).all(near)
    }
}

/// Class of each shape, numbered from 0 by number of atoms, then by first appearance: a shape belongs to the first class whose
/// first member it resembles.
pub fn classes(shapes: &[&Shape]) -> Vec<usize> {
    let mut founders: Vec<usize> = Vec::new();
    let mut class_of = Vec::with_capacity(shapes.len());
    for (k, shape) in shapes.iter().enumerate() {
        let known = founders.iter().position(|&founder| shapes[founder].is_same(shape));
        class_of.push(known.unwrap_or_else(|| {
            founders.push(k);
            founders.len() - 1
        }));
    }
    let mut order: Vec<usize> = (0..founders.len()).collect();
    order.sort_by_key(|&class| shapes[founders[class]].n_atoms());
    let mut number = vec![0; order.len()];
    order.iter().enumerate().for_each(|(new, &old)| number[old] = new);
    class_of.into_iter().map(|class| number[class]).collect()
}

#[cfg(test)]
mod tests {
    use nalgebra::Matrix3;

    use super::super::lattice::characteristic_lengths;
    use super::*;

    fn graphene(a: [f64; 2], b: [f64; 2], vacuum: f64, n: usize) -> Shape {
        let lattice = Matrix3::new(a[0], a[1], 0.0, b[0], b[1], 0.0, 0.0, 0.0, vacuum);
        Shape::new((0..n).map(|_| "C".to_owned()), characteristic_lengths(&lattice), 16.0)
    }

    #[test]
    fn strain_and_vacuum_make_no_new_shape_and_cells_do() {
        let (a, height) = (4.65, 4.65 * 0.75f64.sqrt());
        let two = graphene([2.0 * a, 0.0], [-a, 2.0 * height], 28.0, 8);
        let strained = graphene([2.02 * a, 0.1], [-a, 1.98 * height], 23.0, 8);
        let chain = graphene([4.0 * a, 0.0], [-0.5 * a, height], 28.0, 8);
        let larger = graphene([3.0 * a, 0.0], [-1.5 * a, 3.0 * height], 28.0, 18);
        assert!(two.is_same(&strained) && !two.is_same(&chain) && !two.is_same(&larger));
        assert_eq!(classes(&[&larger, &two, &chain, &strained]), [2, 0, 1, 0]);
        assert_eq!(two.formula(), "C8");
    }
}
