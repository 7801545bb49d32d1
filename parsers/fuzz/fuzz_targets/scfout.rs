//! An scfout that parses is written and parsed again to the same bytes, and becomes operators without a panic.
#![no_main]

use hzero_parsers::basis::parse_shells;
use hzero_parsers::input::Input;
use hzero_parsers::openmx::Scfout;
use hzero_parsers::openmx::matrix::Blocks;
use hzero_parsers::{Basis, Species};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(scfout) = Scfout::parse(Input::Owned(bytes.to_vec())) else { return };
    let written = |scfout: &Scfout| {
        let mut bytes = Vec::new();
        scfout.write(&mut bytes).unwrap();
        bytes
    };
    let once = written(&scfout);
    let again = Scfout::parse(Input::Owned(once.clone())).unwrap();
    assert_eq!(written(&again), once);
    let dat = scfout.input();
    let _ = (dat.species(), dat.atoms(), dat.k_grid(), dat.k_path(), dat.k_path_cell());
    if scfout.n_orbitals.iter().all(|&n| n < 256) {
        let shells = |n: &usize| parse_shells(&format!("{n}s")).unwrap();
        let species = |n| Species { label: "X".into(), z: None, shells: shells(n), cutoff: None };
        let all: Vec<usize> = (0..scfout.n_atoms()).collect();
        let basis = Basis::new(scfout.n_orbitals.iter().map(species).collect(), &all).unwrap();
        if let Ok(blocks) = Blocks::new(&scfout, &basis) {
            let _ = (blocks.overlap(&scfout), blocks.hamiltonian(&scfout, true), blocks.density_matrix(&scfout));
        }
    }
});
