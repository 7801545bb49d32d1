//! Cells of hundreds of atoms predicted whole: blocks of copies are those of the cell.
#![cfg(feature = "torch")]

use std::path::Path;

use hzero::model::predict::Predictor;
use hzero::parsers::{Calculation, Operator, SpinOperator, read, tile};

fn root(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    assert!(path.exists(), "{} is part of the repository", path.display());
    path.to_string_lossy().into_owned()
}

fn without_spin(h: Option<SpinOperator>) -> Operator<f64> {
    match h {
        Some(SpinOperator::Unpolarized(h)) => h,
        other => panic!("{other:?}"),
    }
}

/// Largest difference of H of the supercell from H of the cell, and what was predicted at most, hartree.
fn of_supercell(run: &str, model: &str, repeats: [usize; 3]) -> [f64; 2] {
    let run = read(root(run).as_ref(), &Default::default()).unwrap();
    let predictor = |bonds: usize| Predictor::load(root(model).as_ref(), "cpu").unwrap().in_tiles(Some(bonds));
    let large = tile(&run, repeats).unwrap();
    let found = without_spin(Some(predictor(1000).predict(&large).unwrap().hamiltonian));
    let small = predictor(100_000).predict(&run).unwrap().hamiltonian;
    let wanted = tile(&Calculation { hamiltonian: Some(small), ..run }, repeats).unwrap();
    let wanted = without_spin(wanted.hamiltonian);
    let h0 = without_spin(large.hamiltonian0);
    assert_eq!(found.pairs(), wanted.pairs());
    let largest = |other: &Operator<f64>| {
        wanted.blocks().fold(0.0, |most: f64, (pair, block)| {
            let other = other.get(pair).unwrap_or_default().iter().chain(std::iter::repeat(&0.0));
            block.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(most, f64::max)
        })
    };
    [largest(&found), largest(&h0)]
}

/// 180 atoms: their potential is summed on a mesh, that of the 6 atoms of the cell wave by wave. What differs is the order of
/// sums in single precision.
#[test]
fn graphene_of_abacus() {
    let [difference, size] =
        of_supercell("fixtures/abacus/graphene_sqrt3", "models/graphene-abacus.safetensors", [6, 5, 1]);
    assert!(difference < 1e-7 && size > 1e-2, "{difference:e} of {size:e} hartree");
}

/// Larger numbers in a network of single precision: 3e-6 of them, a thirtieth of a meV.
#[test]
fn molybdenum_disulfide_of_siesta() {
    let [difference, size] = of_supercell("fixtures/siesta/mos2", "models/mos2-siesta.safetensors", [2, 2, 1]);
    assert!(difference < 1e-5 * size && size > 1e-2, "{difference:e} of {size:e} hartree");
}
