//! Models that do not start from H0, and models of other operators, through the binary.

#![cfg(feature = "torch")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hzero::parsers::{Calculation, Operator, ReadOptions, SpinOperator, read};
use serde_json::Value;

const RUNS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/abacus");

fn hzero(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hzero")).args(arguments).current_dir(folder).output().unwrap()
}

fn ok(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// `m.safetensors` in a folder of its own, after a few steps.
fn trained(quantity: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "preset = \"slem\"\n[target]\nquantity = \"{quantity}\"\n[data]\ntrain = [\"{RUNS}/graphene_sqrt3\"]\n\
         validate = [\"{RUNS}/graphene\"]\n[model]\nlayers = 1\nchannels = 4\nunnatural_channels = 2\nwidth = 8\n\
         [training]\nsteps = 4\nthreads = 1\n[output]\nmodel = \"m.safetensors\"\n"
    );
    std::fs::write(folder.path().join("config.toml"), config).unwrap();
    ok(&hzero(folder.path(), &["train", "config.toml", "--device", "cpu"]));
    folder
}

/// A run of which S alone is left.
fn overlap_alone(folder: &Path) -> PathBuf {
    let alone = folder.join("alone");
    std::fs::create_dir(&alone).unwrap();
    for file in ["STRU", "KPT", "INPUT", "SR.csr.zst", "info.json"] {
        std::fs::copy(format!("{RUNS}/graphene_sqrt3/{file}"), alone.join(file)).unwrap();
    }
    alone
}

fn run(path: &Path) -> Calculation {
    read(path, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn hamiltonian(path: &Path) -> Operator<f64> {
    let Some(SpinOperator::Unpolarized(h)) = run(path).hamiltonian else { panic!("no H without spin") };
    h
}

fn eval(folder: &Path, run: &str) -> Value {
    let report = ok(&hzero(folder, &["eval", run, "-m", "m.safetensors", "--json", "--device", "cpu"]));
    serde_json::from_str::<Value>(&report).unwrap()["runs"][0].clone()
}

#[test]
fn a_model_without_h0_predicts_from_s_alone() {
    let folder = trained("hamiltonian");
    let (path, whole) = (folder.path(), format!("{RUNS}/graphene_sqrt3"));
    let alone = overlap_alone(path);
    for (run, out) in [(alone.to_str().unwrap(), "of_s"), (&whole, "of_all")] {
        ok(&hzero(path, &["predict", run, "-m", "m.safetensors", "-o", out, "--layout", "new", "--device", "cpu"]));
    }
    let (of_s, of_all) = (hamiltonian(&path.join("of_s")), hamiltonian(&path.join("of_all")));
    let mut largest = 0.0f64;
    for (pair, block) in run(&alone).overlap.unwrap().blocks() {
        let [a, b] = [&of_s, &of_all].map(|h| h.get(pair).unwrap_or_default());
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6), "{pair:?}");
        largest = block.iter().zip(a).fold(largest, |largest, (_, a)| largest.max(a.abs()));
    }
    assert!(largest > 0.1, "H is empty");
    let report: Value = serde_json::from_slice(&std::fs::read(path.join("of_s/report.json")).unwrap()).unwrap();
    assert!(report["errors"].is_null() && report["fermi_level_ev"].is_f64() && report["trust"]["distance"].is_null());
    assert!(path.join("of_s/bands.svg").is_file());

    let row = eval(path, &whole);
    assert!(row["mae_h_mev"].as_f64().unwrap() > 0.0 && row["bands_occupied_mae_mev"].is_f64(), "{row}");
    for name in ["mae_delta_mev", "mae_h0_mev", "mae_delta_aligned_mev", "mae_h0_aligned_mev"] {
        assert!(row.get(name).is_some_and(Value::is_null), "{name}: {row}");
    }
    let table = ok(&hzero(path, &["eval", &whole, "-m", "m.safetensors", "--no-bands", "--device", "cpu"]));
    assert!(table.lines().last().unwrap().contains("  - "), "{table}");
}

#[test]
fn a_model_that_starts_from_h0_says_that_it_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (path, whole) = (folder.path(), format!("{RUNS}/graphene_sqrt3"));
    ok(&hzero(path, &["fit", &whole, "-o", "m.safetensors", "--gaussians", "2"]));
    let alone = overlap_alone(path);
    let message = refused(&hzero(path, &["predict", alone.to_str().unwrap(), "-m", "m.safetensors", "-o", "out"]));
    assert!(message.contains("alone: ") && message.contains("H0"), "{message}");
    let row = eval(path, &whole);
    assert_eq!(row["mae_h_mev"], row["mae_delta_mev"]);
    assert!(row["mae_h0_mev"].as_f64().unwrap() > row["mae_h_mev"].as_f64().unwrap(), "{row}");
}

#[test]
fn a_density_matrix_is_learned_judged_and_written() {
    let folder = trained("density-matrix");
    let (path, whole) = (folder.path(), format!("{RUNS}/graphene_sqrt3"));
    let row = eval(path, &whole);
    let number = |name: &str| row[name].as_f64().unwrap_or_else(|| panic!("{name}: {row}"));
    assert!(0.0 < number("mae_dm") && number("mae_dm") < number("mean_dm"), "{row}");
    assert!(number("electron_error").abs() > 1e-6 && number("band_energy_error_ev").abs() > 1e-6, "{row}");

    let predict = |out: &str, more: &[&str]| {
        hzero(path, &[&["predict", &whole, "-m", "m.safetensors", "-o", out, "--device", "cpu"], more].concat())
    };
    ok(&predict("plain", &[]));
    ok(&predict("scaled", &["--scale-electrons"]));
    let errors = |out: &str| -> Value {
        let report = std::fs::read(path.join(out).join("report.json")).unwrap();
        serde_json::from_slice::<Value>(&report).unwrap()["errors"].clone()
    };
    assert!((errors("plain")["electron_error"].as_f64().unwrap() - number("electron_error")).abs() < 1e-3);
    assert!(errors("scaled")["electron_error"].as_f64().unwrap().abs() < 1e-9);
    let written = run(&path.join("plain"));
    assert!(written.density_matrix.is_some() && written.hamiltonian.is_none() && written.overlap.is_some());
    assert!(path.join("plain/dmrs1_nao.csr").is_file());
    assert!(refused(&predict("restart", &["--restart"])).contains("a model of DM; --restart needs a model of H"));
}

#[test]
fn an_overlap_is_judged_but_never_predicted() {
    let folder = trained("overlap");
    let (path, whole) = (folder.path(), format!("{RUNS}/graphene_sqrt3"));
    let row = eval(path, &whole);
    assert!(row["mae_s"].as_f64().unwrap() > 0.0 && row["mae_s"].as_f64().unwrap() < 0.1, "{row}");
    let message = refused(&hzero(path, &["predict", &whole, "-m", "m.safetensors", "-o", "out"]));
    assert!(message.contains("S is read from the run, never predicted"), "{message}");
}
