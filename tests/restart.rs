//! `hzero restart` and `hzero predict --restart` on runs of all codes, through the binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hzero::parsers::{ReadOptions, SpinOperator, read};
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    assert!(path.exists(), "{} is part of the repository", path.display());
    path
}

fn hzero(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hzero")).args(arguments).output().unwrap()
}

/// Runs a command that must succeed.
fn done(arguments: &[&str]) {
    let output = hzero(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn report(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("restart.json")).unwrap()).unwrap()
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

/// `restart.json` keeps its contract: every file is there, every route names files that are, and input lines.
fn assert_complete(folder: &Path, expected_lines: &[&str]) -> Value {
    let report = report(folder);
    let files = strings(&report["files"]);
    assert!(!files.is_empty() && files.iter().all(|file| folder.join(file).is_file()), "{files:?}");
    let routes = report["routes"].as_array().unwrap();
    assert!(!routes.is_empty());
    for route in routes {
        let named = strings(&route["files"]);
        assert!(named.iter().all(|file| is_there(folder, file)), "{route}");
    }
    let words = |line: &str| line.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
    let lines: Vec<Vec<String>> = strings(&report["input_lines"]).into_iter().map(words).collect();
    for expected in expected_lines {
        assert!(lines.contains(&words(expected)), "{expected} is not among {lines:?}");
    }
    report
}

/// A file, or at least one where the name has a `*`.
fn is_there(folder: &Path, name: &str) -> bool {
    let Some((start, end)) = name.split_once('*') else { return folder.join(name).exists() };
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.into_iter().any(|name| name.starts_with(start) && name.ends_with(end))
}

/// (run, electrons, what the code must be told)
const RUNS: &[(&str, f64, &[&str])] = &[
    ("abacus/H2O_box", 8.0, &["init_wfc file", "symmetry -1"]),
    ("abacus/O2_box", 12.0, &["init_wfc file", "symmetry -1"]),
    ("abacus/si2", 8.0, &["init_chg hr", "symmetry 0"]),
    ("abacus/si2_soc_sz", 8.0, &["init_chg hr", "symmetry 0"]),
    ("abacus/o2_spin2", 12.0, &["init_chg dm", "symmetry 0"]),
    ("siesta/h2o", 8.0, &["Read-H-from-file T", "SCF.Mix Hamiltonian", "DM.UseSaveDM T"]),
    ("siesta/fe", 16.0, &["Read-H-from-file T", "SCF.Mix Hamiltonian", "DM.UseSaveDM T"]),
    ("siesta/fe2_nc", 32.0, &["Read-H-from-file T"]),
    ("siesta/feas_so", 31.0, &["Read-H-from-file T"]),
    ("siesta/fe_v41", 8.0, &["Read-H-from-file T"]),
    ("openmx/h2o", 8.0, &["scf.restart on", "scf.Hubbard.U on"]),
    ("openmx/h2o_nc", 8.0, &["scf.restart on"]),
    ("openmx/fe_spin", 16.0, &["scf.restart on", "scf.Hubbard.U on"]),
];

/// Inside a gap the level is anybody's choice.
const METALS: [&str; 4] = ["siesta/fe", "siesta/fe2_nc", "siesta/feas_so", "openmx/fe_spin"];

#[test]
fn every_code_is_told_how_to_go_on_from_its_converged_hamiltonian() {
    for (name, electrons, lines) in RUNS {
        let (home, run) = (tempfile::tempdir().unwrap(), fixture(name));
        let out = home.path().join("go-on");
        done(&["restart", run.to_str().unwrap(), "--out", out.to_str().unwrap()]);
        let report = assert_complete(&out, lines);
        let found = report["electrons"].as_f64().unwrap();
        assert!((found - electrons).abs() < 1e-4 * electrons, "{name}: {found} electrons");
        assert_eq!(report["hamiltonian"], "converged");
        let source = read(&run, &ReadOptions::default()).unwrap();
        let level = report["fermi_level_ev"].as_f64().unwrap() / source.origin.ev_per_hartree;
        if METALS.contains(name) {
            assert!((level - source.fermi_level.unwrap()).abs() < 1e-6, "{name}: {level} {:?}", source.fermi_level);
        }
    }
}

/// What was written is a run whose H is that of the source, and whose density belongs to it.
#[test]
fn what_was_written_is_read_again() {
    for name in ["abacus/si2", "siesta/h2o", "siesta/feas_so", "openmx/h2o"] {
        let (home, run) = (tempfile::tempdir().unwrap(), fixture(name));
        let out = home.path().join("go-on");
        done(&["restart", run.to_str().unwrap(), "--out", out.to_str().unwrap()]);
        let (source, again) =
            (read(&run, &ReadOptions::default()).unwrap(), read(&out, &ReadOptions::default()).unwrap());
        let (h, again_h) = (source.hamiltonian.unwrap(), again.hamiltonian.unwrap());
        assert!(largest_difference(&h, &again_h) < 1e-8, "{name}: H differs");
        assert!(again.density_matrix.is_some(), "{name}: no DM");
    }
}

fn largest_difference(a: &SpinOperator, b: &SpinOperator) -> f64 {
    assert_eq!(a.pairs(), b.pairs());
    let largest = |differences: Vec<f64>| differences.into_iter().fold(0.0, f64::max);
    match (a, b) {
        (SpinOperator::Unpolarized(a), SpinOperator::Unpolarized(b)) => {
            largest(a.values().iter().zip(b.values()).map(|(a, b)| (a - b).abs()).collect())
        }
        (SpinOperator::Spinor(a), SpinOperator::Spinor(b)) => {
            let of = |n: usize| a[n].values().iter().zip(b[n].values()).map(|(a, b)| (a - b).norm());
            largest((0..4).flat_map(of).collect())
        }
        _ => panic!("other kinds of spin"),
    }
}

#[test]
fn prediction_and_restart_come_in_one_folder() {
    let (home, run) = (tempfile::tempdir().unwrap(), fixture("openmx/h2o"));
    let (out, model) = (home.path().join("pred"), home.path().join("water.safetensors"));
    let (run, model, shown) = (run.to_str().unwrap(), model.to_str().unwrap(), out.to_str().unwrap());
    done(&["fit", run, "--out", model]);
    let predict = ["predict", run, "--model", model, "--out", shown, "--no-bands", "--restart"];
    done(&predict);
    let restart = assert_complete(&out, &["scf.restart on"]);
    let report: Value = serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["restart"]["input_lines"], restart["input_lines"]);
    assert_eq!(report["fermi_level_ev"], restart["fermi_level_ev"]);
    assert_eq!(restart["hamiltonian"], "predicted");
    done(&predict);
    let again = home.path().join("again");
    done(&["restart", shown, "--out", again.to_str().unwrap()]);
    assert_eq!(assert_complete(&again, &[])["hamiltonian"], "predicted", "what was predicted never becomes converged");
    assert!(read(&again, &ReadOptions::default()).unwrap().origin.is_predicted);
}

#[test]
fn a_run_without_a_converged_hamiltonian_is_refused() {
    let (home, run) = (tempfile::tempdir().unwrap(), fixture("siesta/fept_so_v41"));
    let out = home.path().join("go-on");
    let output = hzero(&["restart", run.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("no converged H") && message.contains("predict --restart"), "{message}");
    assert!(!out.exists(), "nothing half-written is left");
}
