//! Runs made up for tests: S from two-centre integrals, H⁽⁰⁾ and ΔH with three-centre parts, all equivariant functions of the
//! geometry alone.

use std::sync::Arc;

use nalgebra::{Matrix3, Vector3};

use super::slots::Slots;
use crate::parsers::basis::parse_shells;
use crate::parsers::{Basis, Calculation, Operator, Origin, Pair, Pairs, Species, SpinOperator, Structure};
use crate::symmetry::bond_frame;
use crate::symmetry::pair_algebra::permute;

const CUTOFF: f64 = 6.5;

/// Two species, A 1s1p and B 1s, in a cell of about 6 bohr; `seed` moves the atoms.
pub(crate) fn structure(seed: usize) -> Structure {
    let noise = |k: usize| (((seed * 31 + k * 17 + 7) * 2_654_435_761) % 1000) as f64 / 1000.0 - 0.5;
    let sites = [[0.0, 0.0, 0.0], [2.9, 0.2, 0.1], [0.3, 3.1, 0.2], [0.1, 0.4, 3.0], [3.0, 3.0, 3.2]];
    let site = |(a, x): (usize, &[f64; 3])| {
        Vector3::from(*x) + Vector3::new(noise(3 * a), noise(3 * a + 1), noise(3 * a + 2)) * 0.8
    };
    let lattice = Matrix3::new(6.1, 0.0, 0.0, 0.4, 6.3, 0.0, 0.1, -0.3, 6.0);
    Structure { lattice, positions: sites.iter().enumerate().map(site).collect(), species: vec![0, 1, 0, 0, 1] }
}

/// The run of a structure with species A and B.
pub(crate) fn run(structure: Structure) -> Calculation {
    let species = |label: &str, shells: &str| Species {
        label: label.into(),
        z: None,
        shells: parse_shells(shells).unwrap(),
        cutoff: Some(CUTOFF / 2.0),
    };
    let basis = Basis::new(vec![species("A", "1s1p"), species("B", "1s")], &structure.species).unwrap();
    let pairs = Arc::new(Pairs::new(pairs_within(&structure, CUTOFF), &basis).unwrap());
    let two_centre = |flavour: usize| two_centre(&structure, &basis, &pairs, flavour);
    let overlap = two_centre(0);
    let h0 = sum(&two_centre(1), &product(&basis, &overlap, &overlap), 0.3);
    let mixed = product(&basis, &two_centre(2), &overlap);
    let delta = sum(&mixed, &transposed(&basis, &mixed), 1.0);
    let h = sum(&h0, &delta, 0.05);
    Calculation {
        overlap: Some(overlap),
        hamiltonian: Some(SpinOperator::Unpolarized(h)),
        hamiltonian0: Some(SpinOperator::Unpolarized(h0)),
        ..Calculation::new(structure, basis, Origin::default())
    }
}

fn pairs_within(structure: &Structure, cutoff: f64) -> Vec<Pair> {
    let n = structure.n_atoms() as u32;
    let cells = (0..125).map(|k| [k / 25 - 2, k / 5 % 5 - 2, k % 5 - 2]);
    let all = cells.flat_map(|r| (0..n * n).map(move |k| Pair { i: k / n, j: k % n, r }));
    all.filter(|pair| structure.displacement(pair).norm() < cutoff).collect()
}

/// Natural m = 0 components that depend on the distance, equal for both directions of a bond.
fn two_centre(structure: &Structure, basis: &Basis, pairs: &Arc<Pairs>, flavour: usize) -> Operator<f64> {
    let slots = Slots::of_runs([basis]).unwrap();
    let seats = slots.seats(basis).unwrap();
    let algebra = slots.algebra();
    let mut operator = Operator::zeros(pairs.clone());
    for (k, pair) in pairs.as_slice().iter().enumerate() {
        let d = structure.displacement(pair);
        let mut coupled = vec![0.0; algebra.width()];
        if let Some(frame) = bond_frame(&d) {
            let fade = (1.0 - d.norm() / CUTOFF).powi(2);
            let mut one = vec![0.0; algebra.width()];
            for c in algebra.natural0() {
                one[c] = fade * ((c + 1) as f64 * 0.7 + flavour as f64 * 1.3 + 0.4 * d.norm()).sin();
            }
            let mut other = vec![0.0; algebra.width()];
            permute(algebra.exchange(), &one, &mut other);
            one.iter_mut().zip(&other).for_each(|(a, b)| *a += b);
            algebra.from_frame(&one, &algebra.wigner().matrices(&frame), &mut coupled);
        }
        let mut block = vec![0.0; algebra.width()];
        algebra.uncouple(&coupled, &mut block);
        let [rows, columns] = [pair.i, pair.j].map(|atom| &seats[basis.species_index(atom as usize)].orbitals);
        let elements = rows.iter().flat_map(|&row| columns.iter().map(move |&column| (row, column)));
        for (value, (row, column)) in operator.block_mut(k).iter_mut().zip(elements) {
            let unit = if pair.is_onsite() && row == column { 1.0 - 0.5 * flavour as f64 } else { 0.0 };
            *value = unit + block[row * algebra.n_orbitals() + column];
        }
    }
    operator
}

/// Σ_k A_ik B_kj on the blocks of A.
fn product(basis: &Basis, a: &Operator<f64>, b: &Operator<f64>) -> Operator<f64> {
    let mut product = Operator::zeros(a.pairs().clone());
    for (first, x) in a.blocks() {
        for (second, y) in b.blocks().filter(|(second, _)| second.i == first.j) {
            let r = [0, 1, 2].map(|c| first.r[c] + second.r[c]);
            let Some(k) = a.pairs().find(&Pair { i: first.i, j: second.j, r }) else { continue };
            let (inner, columns) =
                (basis.orbitals_of(first.j as usize).len(), basis.orbitals_of(second.j as usize).len());
            for (place, value) in product.block_mut(k).iter_mut().enumerate() {
                let (row, column) = (place / columns, place % columns);
                *value += (0..inner).map(|q| x[row * inner + q] * y[q * columns + column]).sum::<f64>();
            }
        }
    }
    product
}

fn transposed(basis: &Basis, a: &Operator<f64>) -> Operator<f64> {
    let mut transposed = a.clone();
    for (k, pair) in a.pairs().as_slice().iter().enumerate() {
        let source = a.get(&pair.reversed()).unwrap();
        let [rows, columns] = [pair.i, pair.j].map(|atom| basis.orbitals_of(atom as usize).len());
        for (place, value) in transposed.block_mut(k).iter_mut().enumerate() {
            *value = source[place % columns * rows + place / columns];
        }
    }
    transposed
}

/// A + factor B.
fn sum(a: &Operator<f64>, b: &Operator<f64>, factor: f64) -> Operator<f64> {
    let values = a.values().iter().zip(b.values()).map(|(a, b)| a + factor * b).collect();
    Operator::new(a.pairs().clone(), values).unwrap()
}

/// The same with collinear spin: H⁽⁰⁾ ± X and H ± (0.3 X + 0.1 XS + …), all functions of the geometry.
pub(crate) fn collinear(structure: Structure) -> Calculation {
    let run = run(structure);
    let (Some(SpinOperator::Unpolarized(h0)), Some(SpinOperator::Unpolarized(h)), Some(overlap)) =
        (&run.hamiltonian0, &run.hamiltonian, &run.overlap)
    else {
        unreachable!("made so above")
    };
    let field = two_centre(&run.structure, &run.basis, overlap.pairs(), 3);
    let mixed = product(&run.basis, &field, overlap);
    let change = sum(&field, &sum(&mixed, &transposed(&run.basis, &mixed), 1.0), 0.3);
    let both = |mean: &Operator<f64>, field: &Operator<f64>, factor: f64| {
        Some(SpinOperator::Collinear([sum(mean, field, factor), sum(mean, field, -factor)]))
    };
    let hamiltonian = both(h, &change, 0.05);
    Calculation { hamiltonian0: both(h0, &field, 0.1), hamiltonian, ..run }
}
