//! HSX files of runs of other codes hold the same operators.

use std::path::Path;

use hzero_parsers::siesta::{Hsx, foreign, matrix};
use hzero_parsers::{Calculation, Operator, ReadOptions, SpinOperator, c64, read};

fn run(system: &str) -> Calculation {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(system), &ReadOptions::default()).unwrap()
}

#[test]
fn every_element_of_h_and_s_is_found_again() {
    for (system, nspin) in [
        ("abacus/graphene", 1),
        ("abacus/o2_spin2", 2),
        ("abacus/si2_soc_sz", 8),
        ("siesta/fe", 2),
        ("siesta/fe2_nc", 4),
        ("siesta/feas_so", 8),
    ] {
        let run = run(system);
        let h = run.hamiltonian.as_ref().unwrap();
        let mut bytes = Vec::new();
        foreign::hsx(&run, h).unwrap().write(&mut bytes).unwrap();
        let hsx = Hsx::parse(&bytes).unwrap();
        assert_eq!(hsx.head.nspin, nspin, "{system}");
        let structure = hsx.structure().unwrap();
        assert!(structure == run.structure, "{system}");
        let basis = hsx.basis().unwrap();
        let shells = |basis: &hzero_parsers::Basis, atom| {
            basis.species_of(atom).shells.iter().map(|shell| (shell.l, shell.zeta)).collect::<Vec<_>>()
        };
        assert!((0..basis.n_atoms()).all(|atom| shells(&basis, atom) == shells(&run.basis, atom)), "{system}");
        let supercell = hsx.supercell(&structure).unwrap();
        let places = matrix::Places::new(&hsx.sparsity, &supercell, &basis).unwrap();
        same(&matrix::overlap(&hsx.overlap, &places).unwrap(), run.overlap.as_ref().unwrap());
        let again = matrix::hamiltonian(&hsx.hamiltonian, &places).unwrap();
        match (&again, h) {
            (SpinOperator::Unpolarized(a), SpinOperator::Unpolarized(b)) => same(a, b),
            (SpinOperator::Collinear(a), SpinOperator::Collinear(b)) => a.iter().zip(b).for_each(|(a, b)| same(a, b)),
            (SpinOperator::Spinor(a), SpinOperator::Spinor(b)) => a.iter().zip(b).for_each(|(a, b)| same(a, b)),
            _ => panic!("{system}: another spin"),
        }
        assert_eq!(hsx.head.fermi_level(), Some(run.fermi_level.unwrap_or_default() * 2.0));
    }
}

/// Blocks that one side lacks are 0 on the other.
fn same<T: Number>(a: &Operator<T>, b: &Operator<T>) {
    for (one, other) in [(a, b), (b, a)] {
        for (pair, block) in one.blocks() {
            match other.get(pair) {
                Some(expected) => assert!(block == expected, "{pair:?} differs"),
                None => assert!(block.iter().all(|value| *value == T::default()), "{pair:?} is missing"),
            }
        }
    }
}

trait Number: Default + PartialEq {}
impl Number for f64 {}
impl Number for c64 {}

#[test]
fn what_is_missing_is_named() {
    let mut run = run("siesta/h2o");
    let h = run.hamiltonian.clone().unwrap();
    run.n_electrons = None;
    let message = foreign::hsx(&run, &h).unwrap_err().to_string();
    assert_eq!(message, "SIESTA HSX cannot be written: the number of electrons is not known (--electrons)");
    run.overlap = None;
    assert!(foreign::hsx(&run, &h).unwrap_err().to_string().ends_with("the run has no S"));
}
