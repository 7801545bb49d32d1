//! The examples do what they say.

#![allow(dead_code, reason = "the examples' main functions are not called here")]

use std::fs;
use std::path::{Path, PathBuf};

use hzero::bands::sparse::problem::SparseProblem;
use hzero::bands::spectrum::{SpectrumOptions, energies};
use hzero::parsers::format::Format;
use hzero::parsers::units::{BOHR_IN_ANGSTROM, HARTREE_IN_EV};
use hzero::parsers::{Calculation, ReadOptions, read};

#[path = "../examples/bands.rs"]
mod bands;
#[path = "../examples/convert.rs"]
mod convert;
#[path = "../examples/energy.rs"]
mod energy;
#[path = "../examples/predict.rs"]
mod predict;
#[path = "../examples/read_hamiltonian.rs"]
mod read_hamiltonian;
#[path = "../examples/twisted_bilayer/main.rs"]
mod twisted_bilayer;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/abacus").join(name)
}

#[test]
fn read_hamiltonian_finds_the_nearest_neighbours() {
    let text = read_hamiltonian::largest_hopping(&fixture("graphene")).unwrap();
    assert!(text.starts_with("2 atoms, 26 orbitals\n"), "{text}");
    assert!(text.contains("1.42") && text.contains("2s2p1d"), "{text}");
}

#[test]
fn convert_goes_there_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let source = fixture("o2_spin2/scf/hrs1_nao.csr");
    let [old, new] = ["old.csr", "new.csr"].map(|name| folder.path().join(name));
    assert_eq!(convert::to_other_generation(&source, &old).unwrap(), Format::AbacusOld);
    fs::copy(fixture("o2_spin2/scf/STRU"), folder.path().join("STRU")).unwrap();
    assert_eq!(convert::to_other_generation(&old, &new).unwrap(), Format::AbacusNew);
    let last_line = |path: &Path| fs::read_to_string(path).unwrap().lines().last().unwrap().to_owned();
    assert_eq!(last_line(&new), last_line(&source));
}

#[test]
fn bands_draws_both_hamiltonians() {
    let folder = tempfile::tempdir().unwrap();
    let bands = bands::draw(&fixture("graphene"), Some("G-M-K-G"), folder.path()).unwrap();
    assert_eq!(bands.curves.len(), 2);
    assert!(fs::read_to_string(folder.path().join("bands.svg")).unwrap().contains("<polyline"));
    assert!(folder.path().join("bands.dat").is_file());
}

#[test]
fn predict_writes_the_files_of_abacus() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.safetensors");
    predict::fit_runs(&[fixture("graphene")], &model).unwrap();
    let trust = predict::predict_run(&fixture("graphene_sqrt3"), &model, folder.path()).unwrap();
    assert!(trust.warnings.iter().any(|warning| warning.contains("C-C distance")), "{trust:?}");
    assert!(folder.path().join("data-HR-sparse_SPIN0.csr").is_file());
}

/// E0 and the energies they shall have: SIESTA's own output (E_KS in eV), and how far the formula is off (meV per atom).
#[test]
fn energy_is_siestas_but_for_the_third_order_of_exchange_and_correlation() {
    type Case = (&'static str, f64, f64, &'static [(&'static str, &'static str)], f64);
    let runs: [Case; 2] = [
        ("mos2", -10206.259982, -10249.811684, &[("Mo", "4s2 5s1 4p6 4d5"), ("S", "3s2 3p4")], 0.856),
        ("h2o", -477.748024, -481.294346, &[("O", "2s2 2p4"), ("H", "1s1")], -3.013),
    ];
    for (name, e0, converged, atoms, off) in runs {
        let run = read(&fixture("../siesta").join(name), &ReadOptions::default()).unwrap();
        let error = (energy::total(&run, e0, atoms).unwrap() - converged) / run.basis.n_atoms() as f64 * 1e3;
        assert!((error - off).abs() < 0.002, "{name}: {error} meV per atom");
    }
    let run = read(&fixture("../siesta/h2o"), &ReadOptions::default()).unwrap();
    assert!(energy::total(&run, 0.0, &[("O", "2s2 2p4")]).is_err());
}

fn bilayer_energies(run: &Calculation, k: [f64; 3]) -> Vec<f64> {
    let (h, s) = (run.hamiltonian.as_ref().unwrap(), run.overlap.as_ref().unwrap());
    energies(h, s, &run.basis, &[k], SpectrumOptions::default()).unwrap()[0][0].clone()
}

/// Turned by 60 degrees (M = 0) the layers are those of graphite: at K the atoms that have none above them keep two states of one
/// energy, and those on top of each other split.
#[test]
fn layers_of_graphite_have_their_states_at_k() {
    let run = twisted_bilayer::model::twisted_bilayer(0).unwrap();
    let [first, second, third, fourth] = bilayer_energies(&run, [2.0 / 3.0, 1.0 / 3.0, 0.0])[..] else { panic!() };
    assert!((third - second).abs() < 1e-10, "{first} {second} {third} {fourth}");
    assert!((0.5..0.9).contains(&((fourth - first) * HARTREE_IN_EV)), "{first} {second} {third} {fourth}");
    assert!(second - first > 1e-3 && fourth - third > 1e-3);
}

#[test]
fn twisted_layers_are_whole_and_their_sparse_states_are_the_dense_ones() {
    let run = twisted_bilayer::model::twisted_bilayer(2).unwrap();
    let (h, s) = (run.hamiltonian.as_ref().unwrap(), run.overlap.as_ref().unwrap());
    assert_eq!(run.basis.n_orbitals(), 76);
    let bonds = h.pairs().as_slice().iter().filter(|pair| !pair.is_onsite());
    let bonds = bonds.filter(|pair| run.structure.displacement(pair).norm() * BOHR_IN_ANGSTROM < 1.5).count();
    assert_eq!(bonds, 3 * 76, "every atom has three neighbours");
    let problem = SparseProblem::new(h, s, &run.basis, &run.structure).unwrap().dense_up_to(0);
    for k in [[0.0; 3], [0.1, 0.27, 0.0]] {
        let (all, window) = (bilayer_energies(&run, k), problem.windows(&[k], 0.03, 10, &|| ()).unwrap());
        let window = &window[0][0];
        let apart = window.energies.iter().zip(&all[window.count_below..]).map(|(a, b)| (a - b).abs());
        assert!(
            window.energies.len() == 10 && apart.clone().all(|apart| apart < 1e-11),
            "{:?}",
            apart.collect::<Vec<_>>()
        );
    }
}

#[cfg(feature = "hdf5")]
#[test]
fn twisted_layers_become_a_folder_that_is_read() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(twisted_bilayer::write(1, folder.path()).unwrap(), 28);
    let (run, made) =
        (read(folder.path(), &ReadOptions::default()).unwrap(), twisted_bilayer::model::twisted_bilayer(1).unwrap());
    for (a, b) in bilayer_energies(&run, [0.2, 0.4, 0.0]).iter().zip(bilayer_energies(&made, [0.2, 0.4, 0.0])) {
        assert!((a - b).abs() < 1e-9, "{a} {b}");
    }
}

#[test]
fn every_example_is_short_and_tested_here() {
    let this = include_str!("examples.rs");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let sources = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let sources: Vec<PathBuf> = sources.filter(|path| path.extension().is_some_and(|end| end == "rs")).collect();
    assert!(sources.len() >= 4, "{sources:?}");
    for source in sources {
        let name = source.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(this.contains(&format!("mod {name};")), "{name} is not tested");
        let n_lines = fs::read_to_string(&source).unwrap().lines().count();
        assert!(n_lines < 60, "{name} has {n_lines} lines");
    }
}
