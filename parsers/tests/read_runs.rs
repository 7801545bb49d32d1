//! Whole runs of ABACUS 3.8 and 3.11 through `read`.

use std::path::{Path, PathBuf};

use hzero_parsers::{Calculation, NativeLayout, ReadOptions, read};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/abacus")
}

fn run(name: &str) -> Calculation {
    read(&fixtures().join(name), &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// System, shells, nspin, electrons, Fermi level in eV as the log prints it.
const SYSTEMS: [(&str, &str, usize, f64, f64); 6] = [
    ("H2O_box", "2s2p1d 2s1p", 1, 8.0, f64::NAN),
    ("O2_box", "2s2p1d", 2, 12.0, f64::NAN),
    ("graphene", "2s2p1d", 1, 8.0, f64::NAN),
    ("si2", "2s2p1d", 1, 8.0, 7.0606783345),
    ("si2_soc_sz", "1s1p", 4, 8.0, f64::NAN),
    ("o2_spin2", "1s1p", 2, 12.0, -4.3686993634),
];

#[test]
fn systems_are_read_whole() {
    for (name, shells, nspin, electrons, fermi_ev) in SYSTEMS {
        let run = run(name);
        let found: Vec<String> = run.basis.species().iter().map(|s| s.shells_text()).collect();
        assert_eq!(found.join(" "), shells, "{name}");
        assert_eq!(run.hamiltonian0.as_ref().unwrap().nspin(), nspin, "{name}");
        assert_eq!(run.hamiltonian.as_ref().unwrap().nspin(), nspin, "{name}");
        assert!(run.overlap.is_some(), "{name}");
        assert_eq!(run.n_electrons, Some(electrons), "{name}");
        let ev = run.fermi_level.unwrap() * run.origin.ev_per_hartree;
        assert!(fermi_ev.is_nan() || (ev - fermi_ev).abs() < 2e-9, "{name}: {ev}");
        let NativeLayout::Abacus(layout) = run.native.unwrap() else { panic!("{name}") };
        assert_eq!(layout.hamiltonian.len(), if nspin == 2 { 2 } else { 1 }, "{name}");
    }
}
