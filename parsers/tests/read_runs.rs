//! Whole runs of ABACUS 3.8 and 3.11 through `read`.

mod runs;

use std::path::{Path, PathBuf};

use hzero_parsers::abacus::Csr;
use hzero_parsers::abacus::csr::Blocks;
use hzero_parsers::{Calculation, NativeLayout, ReadOptions, Step, read};

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

#[test]
fn every_printed_table_is_found() {
    for (name, ..) in SYSTEMS {
        let run = run(name);
        let folders = std::fs::read_dir(fixtures().join(name)).unwrap().flatten();
        let n = folders.filter(|f| ["h0", "scf", "bands"].iter().any(|part| f.file_name() == *part)).count();
        assert_eq!(run.printed.len(), n, "{name}");
        for table in &run.printed {
            assert!(table.precision < 1e-9, "{name}: {}", table.precision);
            assert!(table.energies.iter().all(|spin| spin.len() == table.kpoints.len()), "{name}");
        }
    }
}

/// A copy of a fixture that a test may change.
fn copy(name: &str) -> tempfile::TempDir {
    runs::copy(&fixtures().join(name))
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{} lacks {from}", path.display());
    std::fs::write(path, text.replace(from, to)).unwrap();
}

fn error(path: &Path, options: &ReadOptions) -> String {
    read(path, options).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn a_run_has_many_doors() {
    let scf = fixtures().join("H2O_box/scf");
    let doors = ["", "OUT.ABACUS", "OUT.ABACUS/data-HR-sparse_SPIN0.csr", "STRU", "OUT.ABACUS/running_scf.log"];
    for door in doors {
        let run = read(&scf.join(door), &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"));
        assert!(run.hamiltonian.is_some() && run.hamiltonian0.is_none(), "{door}");
        assert!(run.fermi_level.is_some(), "{door}");
    }
    let h0 = read(&fixtures().join("H2O_box/h0"), &ReadOptions::default()).unwrap();
    assert!(h0.hamiltonian.is_none() && h0.hamiltonian0.is_some());
    assert_eq!(h0.fermi_level, None, "the Fermi level of one iteration is not the converged one");
    let flat = run("graphene_sqrt3");
    assert!(flat.hamiltonian.is_some() && flat.hamiltonian0.is_some() && flat.fermi_level.is_some());
}

#[test]
fn files_by_hand_win() {
    let system = fixtures().join("H2O_box");
    let options = ReadOptions {
        h0: Some(system.join("h0/OUT.ABACUS/data-HR-sparse_SPIN0.csr")),
        electrons: Some(7.0),
        ..ReadOptions::default()
    };
    let run = read(&system.join("scf"), &options).unwrap();
    assert_eq!(run.hamiltonian0, self::run("H2O_box").hamiltonian0);
    assert_eq!(run.n_electrons, Some(7.0));
}

#[test]
fn a_prediction_is_no_step_zero() {
    let folder = copy("o2_spin2");
    let h0 = folder.path().join("h0");
    let prediction = folder.path().join("pred");
    std::fs::rename(&h0, &prediction).unwrap();
    std::fs::write(prediction.join("report.json"), "{}").unwrap();
    let run = read(&prediction, &ReadOptions::default()).unwrap();
    assert!(run.hamiltonian.is_some() && run.hamiltonian0.is_none());
    assert!(run.origin.is_predicted && !self::run("o2_spin2").origin.is_predicted);
    assert_eq!(run.fermi_level, None);
}

#[test]
fn pairs_that_do_not_belong_together_are_refused() {
    let folder = copy("H2O_box");
    edit(&folder.path().join("h0/STRU"), "0.5000000000 0.5000000000 0.5", "0.5000000000 0.5000000000 0.6");
    let message = error(folder.path(), &ReadOptions::default());
    assert!(message.contains("h0/STRU: positions differ by up to 2.0") && message.contains("scf/STRU"), "{message}");

    let folder = copy("o2_spin2");
    edit(&folder.path().join("h0/srs1_nao.csr"), " # CSR values\n ", " # CSR values\n 1");
    let message = error(folder.path(), &ReadOptions::default());
    assert!(
        message.contains("h0/srs1_nao.csr: S differs by up to") && message.contains("scf/srs1_nao.csr"),
        "{message}"
    );
}

/// The old layout holds no structure, and both share one STRU and one S.
#[test]
fn a_lone_h0_of_another_structure_is_refused() {
    let folder = copy("graphene_sqrt3");
    let path = folder.path().join("h0-HR.csr.zst");
    let mut h0 = Csr::read(&path, None).unwrap();
    let Blocks::Real(blocks) = &mut h0.blocks else { panic!("not real") };
    blocks.iter_mut().flat_map(|block| &mut block.values).for_each(|value| *value *= 2.0);
    let mut bytes = Vec::new();
    h0.write(&mut bytes).unwrap();
    std::fs::write(&path, bytes).unwrap();
    let message = error(folder.path(), &ReadOptions::default());
    assert!(
        message.contains("h0-HR.csr.zst: differs by up to") && message.contains("where no orbitals overlap"),
        "{message}"
    );
}

#[test]
fn what_is_missing_is_named() {
    let empty = tempfile::tempdir().unwrap();
    let message = error(empty.path(), &ReadOptions::default());
    assert!(message.contains("looked for hrs1_nao.csr, data-HR-sparse_SPIN0.csr, HR.csr"), "{message}");

    let folder = copy("H2O_box");
    std::fs::remove_file(folder.path().join("scf/STRU")).unwrap();
    let message = error(&folder.path().join("scf"), &ReadOptions::default());
    assert!(message.ends_with("scf: no STRU beside the matrices; give it by hand (--structure)"), "{message}");

    let folder = copy("O2_box");
    std::fs::remove_file(folder.path().join("scf/OUT.ABACUS/data-HR-sparse_SPIN1.csr")).unwrap();
    let message = error(folder.path(), &ReadOptions::default());
    assert!(message.contains("SPIN0.csr: nspin is 2, but the file of spin down"), "{message}");
}

#[test]
fn what_stands_in_the_wrong_place_is_refused() {
    let overlap = Some(fixtures().join("H2O_box/scf/OUT.ABACUS/data-SR-sparse_SPIN0.csr"));
    let message = error(&fixtures().join("H2O_box"), &ReadOptions { hamiltonian: overlap, ..ReadOptions::default() });
    assert!(message.ends_with("data-SR-sparse_SPIN0.csr: holds S(R), where H(R) is needed"), "{message}");
}

/// Not the missing STRU is the trouble of such a folder.
#[test]
fn an_empty_hamiltonian_is_named_first() {
    let bad = fixtures().join("../bad/abacus/empty_hamiltonian.csr");
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(bad, folder.path().join("hrs1_nao.csr")).unwrap();
    let message = error(folder.path(), &ReadOptions::default());
    assert!(message.contains("hrs1_nao.csr: no element is stored: ABACUS 3.11"), "{message}");
}

#[test]
fn gamma_only_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("INPUT"), "INPUT_PARAMETERS\ngamma_only 1\n").unwrap();
    let message = error(folder.path(), &ReadOptions::default());
    assert!(message.contains("INPUT: gamma_only 1 writes no H(R): set gamma_only 0"), "{message}");
}

#[test]
fn shells_must_fit_the_matrix() {
    let shells = hzero_parsers::basis::parse_shells("2s1p").unwrap();
    let options = ReadOptions { basis: vec![("O".into(), shells.clone())], ..ReadOptions::default() };
    let message = error(&fixtures().join("O2_box"), &options);
    assert!(message.contains("dimension 26, but the basis has 10 orbitals: O: 2s1p (given by hand)"), "{message}");
    let options = ReadOptions { basis: vec![("N".into(), shells)], ..ReadOptions::default() };
    let message = error(&fixtures().join("O2_box"), &options);
    assert!(message.contains("a basis was given for `N`, but the species are O"), "{message}");
}

#[test]
fn shells_come_from_header_log_or_name() {
    let folder = copy("H2O_box/scf");
    let log = folder.path().join("OUT.ABACUS/running_scf.log");
    edit(&log, "L=2, number of zeta = 1", "L=2, number of zeta = 0");
    let message = error(folder.path(), &ReadOptions::default());
    assert!(message.contains("O: 2s2p (log)"), "{message}");
    let header = "Element O\nRadius Cutoff(a.u.) 6\nLmax 2\nNumber of Sorbital--> 2\nNumber of Porbital--> 2\nNumber of Dorbital--> 1\n";
    std::fs::write(folder.path().join("O_gga_6au_60Ry_2s2p1d.orb"), header).unwrap();
    assert_eq!(read(folder.path(), &ReadOptions::default()).unwrap().basis.species()[0].cutoff, Some(6.0));
    std::fs::remove_file(folder.path().join("O_gga_6au_60Ry_2s2p1d.orb")).unwrap();
    std::fs::remove_file(log).unwrap();
    assert_eq!(read(folder.path(), &ReadOptions::default()).unwrap().basis.n_orbitals(), 23);
}

#[test]
fn moved_atoms_need_a_step() {
    let folder = copy("o2_spin2/scf");
    let log = folder.path().join("running_scf.log");
    let text = std::fs::read_to_string(&log).unwrap() + " --> #ION MOVE#         2  #ELEC ITER#         1\n";
    std::fs::write(&log, text).unwrap();
    let message = error(folder.path(), &ReadOptions::default());
    assert!(message.contains("atoms moved (2 ionic steps in the log)"), "{message}");

    for spin in ["hrs1_nao.csr", "hrs2_nao.csr", "dmrs1_nao.csr", "dmrs2_nao.csr", "srs1_nao.csr"] {
        let file = folder.path().join(spin);
        edit(&file, "Ionic Step 1", "Ionic Step 2");
        edit(&file, " 0.1299999999992 0.1299999999992 0.1299999999992", " 0.14 0.13 0.13");
    }
    let options = ReadOptions { step: Some(Step::Last), ..ReadOptions::default() };
    let run = read(folder.path(), &options).unwrap();
    assert!((run.structure.positions[1][0] - 1.4).abs() < 1e-12, "{}", run.structure.positions[1]);
    assert_eq!(run.structure.lattice[(0, 0)], 10.0, "STRU's digits of the lattice are kept");
}

#[test]
fn a_header_that_contradicts_stru_is_refused() {
    let folder = copy("o2_spin2/scf");
    edit(&folder.path().join("STRU"), "0.13 0.13 0.13", "0.13 0.13 0.23");
    let message = error(folder.path(), &ReadOptions::default());
    assert!(
        message.contains("hrs1_nao.csr: the structure in its head differs from that of STRU by up to 1.000e0"),
        "{message}"
    );
}

#[test]
fn a_mixed_h0_is_refused() {
    let folder = copy("O2_box/h0");
    edit(&folder.path().join("INPUT"), "mixing_beta        0", "mixing_beta        0.4");
    let message = error(folder.path(), &ReadOptions::default());
    assert!(message.contains("INPUT: ABACUS 3.8 with nspin 2 writes the spin-up H after mixing"), "{message}");
}
