//! A binary file of SIESTA that parses is written, parsed and written again to the same bytes, and becomes blocks without a
//! panic.
#![no_main]

use std::io;

use hzero_parsers::siesta::{Dm, HIn, Hsx, Tshs, matrix};
use hzero_parsers::{Result, Structure};
use libfuzzer_sys::fuzz_target;
use nalgebra::{Matrix3, Vector3};

fuzz_target!(|bytes: &[u8]| {
    twice(bytes, Tshs::parse, |tshs, out| tshs.write(out));
    twice(bytes, Dm::parse, |dm, out| dm.write(out));
    twice(bytes, HIn::parse, |h, out| h.write(out));
    twice(bytes, Hsx::parse, |hsx, out| hsx.write(out));
    if let Ok(hsx) = Hsx::parse(bytes) {
        let _ = blocks(&hsx);
    }
});

fn twice<T>(bytes: &[u8], parse: fn(&[u8]) -> Result<T>, write: fn(&T, &mut Vec<u8>) -> io::Result<()>) {
    let Ok(file) = parse(bytes) else { return };
    let (mut first, mut second) = (Vec::new(), Vec::new());
    write(&file, &mut first).unwrap();
    write(&parse(&first).unwrap(), &mut second).unwrap();
    assert!(first == second);
}

fn blocks(hsx: &Hsx) -> Result<()> {
    let basis = hsx.basis()?;
    let species = hsx.head.species_indices();
    let positions = vec![Vector3::zeros(); species.len()];
    let cubic = Structure { lattice: Matrix3::identity() * 10.0, positions, species };
    let structure = hsx.structure().unwrap_or(cubic);
    let supercell = hsx.supercell(&structure)?;
    let places = matrix::Places::new(&hsx.sparsity, &supercell, &basis)?;
    matrix::hamiltonian(&hsx.hamiltonian, &places)?;
    matrix::refuse_folded(&matrix::overlap(&hsx.overlap, &places)?, &supercell, &structure)
}
