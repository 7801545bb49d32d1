//! `hzero certify` on real runs, through the binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn repository(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    assert!(path.exists(), "{} is part of the repository", path.display());
    path.to_string_lossy().into_owned()
}

/// Runs a command that must succeed, and returns what it printed.
fn done(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_hzero")).args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn certificate(run: &str, model: &str, more: &[&str]) -> Value {
    let mut arguments = vec!["certify", run, "--model", model, "--json"];
    arguments.extend(more);
    serde_json::from_str(&done(&arguments)).unwrap()
}

/// A model of carbon, fitted to `runs` of the fixtures.
fn fitted(folder: &Path, runs: &[&str]) -> String {
    let path = folder.join("model.safetensors").to_string_lossy().into_owned();
    let runs: Vec<String> = runs.iter().map(|run| repository(&format!("fixtures/abacus/{run}"))).collect();
    let mut arguments = vec!["fit", "--out", &path];
    arguments.extend(runs.iter().map(String::as_str));
    done(&arguments);
    path
}

const FIGURES: [&str; 5] = [
    "expected_hamiltonian_mev",
    "expected_bands_occupied_mev",
    "expected_bands_to_5ev_mev",
    "expected_energy_mev_per_atom",
    "expected_iterations",
];

#[test]
fn every_figure_has_an_interval_and_every_sign_a_meaning() {
    let run = repository("fixtures/openmx/silicene_f");
    let model = repository("models/silicene-openmx.safetensors");
    let certificate = certificate(&run, &model, &["--compare"]);
    for name in FIGURES {
        let [low, value, high] =
            [format!("{name}_low"), name.to_owned(), format!("{name}_high")].map(|n| certificate[n].as_f64().unwrap());
        assert!(0.0 < low && low < value && value < high, "{name}: {low} {value} {high}");
    }
    let signs = certificate["signs"].as_object().unwrap();
    assert!(signs.len() >= 15, "{signs:?}");
    assert!(signs.values().all(|s| s["value"].is_number() && !s["meaning"].as_str().unwrap().is_empty()));
    assert_eq!(signs["hermiticity_mev"]["value"].as_f64().map(|error| error < 1e-3), Some(true));
    assert_eq!(certificate["ghost_states_expected"], false);
    let exact = certificate["true"]["bands_occupied_mev"].as_f64().unwrap();
    let expected = certificate["expected_bands_occupied_mev"].as_f64().unwrap();
    assert!((0.1..10.0).contains(&(exact / expected)), "certified {expected}, true {exact}");
}

#[test]
fn what_is_further_from_training_is_trusted_less() {
    let folder = tempfile::tempdir().unwrap();
    let model = fitted(folder.path(), &["graphene"]);
    let [known, other] = ["graphene", "graphene_sqrt3"].map(|run| {
        let certificate = certificate(&repository(&format!("fixtures/abacus/{run}")), &model, &[]);
        assert_eq!(certificate["calibrated"], false, "one run leaves nothing to calibrate by");
        (certificate["expected_bands_occupied_mev"].as_f64().unwrap(), certificate["warnings"].clone())
    });
    assert!(known.0 < 0.1 * other.0, "{known:?} {other:?}");
    assert!(other.1.as_array().unwrap().iter().any(|w| w.as_str().unwrap().contains("unlike all structures")));
}

#[test]
fn a_fit_of_several_runs_calibrates_itself_and_comparisons_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let runs = ["graphene", "graphene_sqrt3", "graphene"];
    let model = fitted(folder.path(), &runs);
    let out: PathBuf = folder.path().join("table");
    let runs: Vec<String> = runs.iter().map(|run| repository(&format!("fixtures/abacus/{run}"))).collect();
    let mut arguments = vec!["certify", "--model", &model, "--compare", "--out", out.to_str().unwrap()];
    arguments.extend(runs.iter().map(String::as_str));
    let text = done(&arguments);
    assert!(text.contains("calibration: 3 structures of training"), "{text}");
    assert!(text.contains("Spearman all (3), occupied bands: "), "{text}");
    let table = fs::read_to_string(out.join("certify.csv")).unwrap();
    let columns: Vec<usize> = table.lines().map(|line| line.split(',').count()).collect();
    assert_eq!(columns, [13; 4], "{table}");
    assert!(fs::read_to_string(out.join("certify.svg")).unwrap().contains("occupied bands"));
    assert!(fs::read(out.join("certify.png")).unwrap().starts_with(b"\x89PNG"));
}
