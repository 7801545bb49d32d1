//! A csr file that parses is written and parsed again to the same matrices, and becomes blocks without a panic.
#![no_main]

use hzero_parsers::abacus::{Csr, matrix};
use hzero_parsers::basis::parse_shells;
use hzero_parsers::{Basis, Species, Step};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(csr) = Csr::parse(bytes, Some(Step::Last)) else { return };
    let mut text = Vec::new();
    csr.write(&mut text).unwrap();
    let again = Csr::parse(&text, Some(Step::Last)).unwrap();
    assert_eq!(again.blocks.lattice_vectors(), csr.blocks.lattice_vectors());
    assert_eq!(again.blocks.n_values(), csr.blocks.n_values());
    if (1..=26).contains(&csr.dimension) {
        let shells = parse_shells(&format!("{}s", csr.dimension)).unwrap();
        let species = Species { label: "X".into(), z: None, shells, cutoff: None };
        let basis = Basis::new(vec![species], &[0]).unwrap();
        let _ = matrix::overlap(&csr, &basis);
        let _ = matrix::density_matrix(std::slice::from_ref(&csr), &basis);
        let _ = matrix::hamiltonian(&[csr], &basis);
    }
});
