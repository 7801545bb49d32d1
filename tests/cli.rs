//! `hzero fit`, `predict` and `eval` on real runs, through the binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/abacus").join(name);
    assert!(path.exists(), "{} is part of the repository", path.display());
    path.to_string_lossy().into_owned()
}

fn hzero(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hzero")).args(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a command that must succeed, and returns what it printed.
fn done(arguments: &[&str]) -> String {
    let output = hzero(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must end with exit code 2, and returns its message.
fn refused(arguments: &[&str]) -> String {
    let output = hzero(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
    let message = stderr(&output);
    assert_eq!(message.trim_end().lines().count(), 1, "one line: {message}");
    message
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The file of a model fitted to runs of fixtures.
fn fitted(name: &str, runs: &[&str]) -> String {
    let path = format!("{}/{name}.safetensors", env!("CARGO_TARGET_TMPDIR"));
    let runs: Vec<String> = runs.iter().map(|run| fixture(run)).collect();
    let mut arguments = vec!["fit", "--out", &path];
    arguments.extend(runs.iter().map(String::as_str));
    done(&arguments);
    path
}

static CARBON: LazyLock<String> = LazyLock::new(|| fitted("carbon", &["graphene", "graphene_sqrt3"]));

/// A folder for outputs, and a path in it.
fn output() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pred");
    (folder, path)
}

fn predict<'a>(run: &'a str, model: &'a str, out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [&["predict", run, "--model", model, "--out", out.to_str().unwrap()], more].concat()
}

/// Copies a flat run, with one text of one file replaced.
fn changed_copy(run: &str, file: &str, from: &str, to: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture(run)).unwrap().flatten() {
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let path = folder.path().join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has {from}");
    fs::write(&path, text.replace(from, to)).unwrap();
    folder
}

#[test]
fn a_prediction_keeps_the_contract_of_its_report() {
    let (_keep, out) = output();
    let text = done(&predict(&fixture("graphene_sqrt3"), &CARBON, &out, &[]));
    assert!(text.contains("Fermi level") && text.contains("ghost states: 0"), "{text}");
    let report = read_json(&out.join("report.json"));
    let files: Vec<&str> = report["files"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    for name in ["data-HR-sparse_SPIN0.csr", "data-SR-sparse_SPIN0.csr", "bands.svg", "bands.png", "report.json"] {
        assert!(files.contains(&name), "{name} is not in {files:?}");
    }
    let mut found: Vec<String> =
        fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    found.sort();
    assert_eq!(found, files);
    assert!((report["fermi_level_ev"].as_f64().unwrap() + 1.966).abs() < 0.05, "{}", report["fermi_level_ev"]);
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.len() > 5 && checks.iter().all(|check| check["holds"] == true && check["name"].is_string()));
    let timings = report["timings_s"].as_object().unwrap();
    assert!(timings.contains_key("read") && timings.values().all(|seconds| seconds.as_f64().unwrap() >= 0.0));
    let phases = report["phases"].as_array().unwrap();
    let names: Vec<&str> = phases.iter().map(|phase| phase["name"].as_str().unwrap()).collect();
    let expected = [
        "read",
        "features",
        "linear_stage",
        "network",
        "assemble",
        "fermi_level",
        "write",
        "bands",
        "compare",
        "check",
    ];
    assert_eq!(names, expected);
    let seconds = |phase: &Value| phase["seconds"].as_f64().unwrap();
    assert!(phases.iter().all(|phase| timings[phase["name"].as_str().unwrap()] == seconds(phase)));
    assert!(!cfg!(target_os = "linux") || phases.iter().all(|phase| phase["peak_memory_mb"].as_f64().unwrap() > 1.0));
    assert_eq!(report["skipped"], serde_json::json!([]));
    assert_eq!(report["device"], "cpu");
    assert!(report["errors"]["mae_delta_mev"].as_f64().unwrap() < 1.0, "{}", report["errors"]);
}

#[test]
fn what_would_take_too_long_is_left_out_and_told() {
    let (_keep, out) = output();
    let run = fixture("graphene_sqrt3");
    let text = done(&predict(&run, &CARBON, &out, &["--dense-minutes", "0"]));
    let report = read_json(&out.join("report.json"));
    let skipped: Vec<&str> = report["skipped"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(skipped.len(), 3, "{skipped:?}");
    for (skipped, what) in skipped.iter().zip(["Fermi level (by sparse", "bands (", "errors of bands: "]) {
        assert!(skipped.starts_with(what) && skipped.contains("dense diagonalizations of 78 orbitals"), "{skipped}");
        assert!(text.contains(skipped), "{text}");
    }
    assert!(report["fermi_level_ev"].is_null() && !out.join("bands.svg").exists());
    assert!(report["errors"]["mae_delta_mev"].is_number() && report["errors"]["ghost_states"].is_null());
}

#[test]
fn a_predicted_folder_is_a_run_of_its_own() {
    let (keep, out) = output();
    let run = fixture("graphene_sqrt3");
    done(&predict(&run, &CARBON, &out, &["--no-bands"]));
    let kpoints = keep.path().join("k");
    fs::write(&kpoints, "0 0 0\n0.5 0 0\n").unwrap();
    let energies = |run: &str| -> Value {
        let text = done(&["eigenvalues", run, "--kpoints", kpoints.to_str().unwrap(), "--of", "scf", "--json"]);
        serde_json::from_str(&text).unwrap()
    };
    let (predicted, converged) = (energies(out.to_str().unwrap()), energies(&run));
    let lowest = |of: &Value| of["energies"][0][1][0].as_f64().unwrap() - of["fermi_level"].as_f64().unwrap();
    assert!((lowest(&predicted) - lowest(&converged)).abs() < 0.05);
    let level = read_json(&out.join("report.json"))["fermi_level_ev"].as_f64().unwrap();
    assert!((predicted["fermi_level"].as_f64().unwrap() - level).abs() < 1e-6);

    let plots = keep.path().join("plots");
    let folders = [out.to_str().unwrap(), plots.to_str().unwrap()];
    done(&["bands", &run, "--with", folders[0], "--out", folders[1], "--points", "20"]);
    let bands = read_json(&plots.join("bands.json"));
    let names: Vec<&str> =
        bands["hamiltonians"].as_array().unwrap().iter().filter_map(|h| h["name"].as_str()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.contains(&"predicted"), "{names:?}");
}

#[test]
fn a_run_without_its_converged_hamiltonian_is_enough() {
    let (_keep, out) = output();
    let overlap = fixture("graphene/scf/OUT.ABACUS/data-SR-sparse_SPIN0.csr");
    let more = ["--overlap", &overlap, "--layout", "new", "--no-bands"];
    let text = done(&predict(&fixture("graphene/h0"), &CARBON, &out, &more));
    assert!(text.contains("init_chg hr"), "{text}");
    let report = read_json(&out.join("report.json"));
    assert_eq!(report["errors"], Value::Null);
    assert!(out.join("hrs1_nao.csr").is_file() && out.join("srs1_nao.csr").is_file());
}

#[test]
fn a_batch_lists_its_failures_last_and_goes_on_where_it_was() {
    let (keep, out) = output();
    let (good, broken, spoilt) = (fixture("graphene_sqrt3"), fixture("si2"), fixture("graphene"));
    let mut arguments = vec!["predict", broken.as_str(), good.as_str(), spoilt.as_str(), "--no-bands"];
    arguments.extend(["--model", CARBON.as_str(), "--out", out.to_str().unwrap()]);
    let output = hzero(&arguments);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("si2: the model knows C, but not species Si"), "{}", stderr(&output));
    let mut folders: Vec<_> = fs::read_dir(&out).unwrap().map(|e| e.unwrap().file_name()).collect();
    folders.sort();
    assert_eq!(folders, ["graphene", "graphene_sqrt3", "summary.csv"]);
    let summary = fs::read_to_string(out.join("summary.csv")).unwrap();
    let rows: Vec<&str> = summary.lines().collect();
    assert_eq!(rows.len(), 4, "{summary}");
    assert!(rows[0].starts_with("run,out,") && rows[3].contains("si2") && rows[3].contains("species Si"), "{summary}");

    let report = out.join("graphene_sqrt3/report.json");
    let mark = |text: &str| fs::write(&report, fs::read_to_string(&report).unwrap().replace("-1.9", text)).unwrap();
    mark("-1.900");
    assert_eq!(hzero(&arguments).status.code(), Some(1));
    assert!(fs::read_to_string(&report).unwrap().contains("-1.900"), "what is there is not done again");
    arguments.push("--force");
    assert_eq!(hzero(&arguments).status.code(), Some(1));
    assert!(!fs::read_to_string(&report).unwrap().contains("-1.900"), "--force does it again");
    assert!(keep.path().is_dir());
}

#[test]
fn nothing_but_an_earlier_prediction_is_replaced() {
    let (keep, out) = output();
    let run = fixture("graphene_sqrt3");
    let arguments = predict(&run, &CARBON, &out, &["--no-bands", "--force"]);
    done(&arguments);
    done(&arguments);
    fs::write(out.join("notes"), "mine").unwrap();
    let message = refused(&arguments);
    assert!(message.contains("notes in it is no part of an earlier result"), "{message}");
    assert_eq!(fs::read_to_string(out.join("notes")).unwrap(), "mine");

    let runs = ["a", "b"].map(|name| keep.path().join("runs").join(name));
    for folder in &runs {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("STRU"), "precious").unwrap();
    }
    let names = runs.each_ref().map(|run| run.to_str().unwrap());
    let parent = keep.path().join("runs");
    let batch = [&["predict"], &names[..], &["--model", CARBON.as_str(), "--out", parent.to_str().unwrap(), "--force"]];
    assert_eq!(hzero(&batch.concat()).status.code(), Some(1));
    assert!(runs.iter().all(|run| fs::read_to_string(run.join("STRU")).is_ok_and(|text| text == "precious")));
}

#[test]
fn a_failure_leaves_nothing_behind() {
    let (keep, out) = output();
    let message = refused(&predict(&fixture("graphene/scf"), &CARBON, &out, &[]));
    assert!(message.contains("graphene/scf: the run has no H0"), "{message}");
    let left: Vec<_> = fs::read_dir(keep.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_model_of_something_else_is_refused_by_name() {
    let (_keep, out) = output();
    let water = fitted("water", &["H2O_box"]);
    let smaller = changed_copy("graphene_sqrt3", "STRU", "C_gga_8au", "C_gga_7au");
    let smaller = smaller.path().to_str().unwrap();
    for (run, model, difference) in [
        (fixture("si2").as_str(), CARBON.as_str(), "the model knows C, but not species Si"),
        (fixture("o2_spin2").as_str(), water.as_str(), "species O has the shells 1s1p, but the model has 2s2p1d"),
        (
            fixture("O2_box").as_str(),
            water.as_str(),
            "the run has collinear spin (nspin 2), but none of those that the model was fitted to",
        ),
        (smaller, CARBON.as_str(), "orbitals of C end at 7 bohr, but the model was fitted to 8 bohr"),
    ] {
        let message = refused(&predict(run, model, &out, &[]));
        assert!(message.contains(difference) && message.contains(run), "{message}");
        assert!(!out.exists());
    }
}

#[test]
fn strict_refuses_what_a_warning_is_about() {
    let (_keep, out) = output();
    let perfect = fitted("perfect", &["graphene"]);
    let run = fixture("graphene_sqrt3");
    let message = refused(&predict(&run, &perfect, &out, &["--no-bands", "--strict"]));
    assert!(message.contains("C-C distance of 2.645 bohr"), "{message}");
    assert!(!out.exists());
    let text = done(&predict(&run, &perfect, &out, &["--no-bands"]));
    assert!(text.lines().any(|line| line.starts_with("warning") && line.contains("C-C distance")), "{text}");
    let report = read_json(&out.join("report.json"));
    assert!(!report["trust"]["warnings"].as_array().unwrap().is_empty());
}

#[test]
fn eval_keeps_its_contract() {
    let runs = ["graphene", "graphene_sqrt3"].map(fixture);
    let text = done(&["eval", "--model", &CARBON, &runs[0], &runs[1], "--json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let rows = report["runs"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows.iter().chain([&report["all"]]) {
        for name in [
            "mae_delta_mev",
            "mae_h0_mev",
            "mae_delta_aligned_mev",
            "mae_h0_aligned_mev",
            "mu_error_mev",
            "bands_occupied_mae_mev",
            "bands_to_5ev_mae_mev",
            "bands_all_mae_mev",
            "lowest_state_error_mev",
            "ghost_states",
            "overlap_condition",
            "hermiticity_error_mev",
            "seconds",
            "seconds_per_atom",
        ] {
            assert!(row[name].is_number(), "{name} is {}", row[name]);
        }
        let number = |name: &str| row[name].as_f64().unwrap();
        assert!(number("mae_delta_mev") < 0.1 * number("mae_h0_mev"), "{row}");
        assert!(number("mae_delta_aligned_mev") < 0.05 * number("mae_h0_mev"), "{row}");
    }
    let mean = (rows[0]["mae_h0_mev"].as_f64().unwrap() + rows[1]["mae_h0_mev"].as_f64().unwrap()) / 2.0;
    assert!((report["all"]["mae_h0_mev"].as_f64().unwrap() - mean).abs() < 1e-9);
}

#[test]
fn eval_has_the_errors_of_h0_itself() {
    let runs = ["graphene", "graphene_sqrt3"].map(fixture);
    let text = done(&["eval", "--h0", &runs[0], &runs[1], "--json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert!(report["model"].is_null());
    for row in report["runs"].as_array().unwrap() {
        let number = |name: &str| row[name].as_f64().unwrap();
        assert_eq!(number("mae_h_mev"), number("mae_h0_mev"));
        assert_eq!(number("mae_h_aligned_mev"), number("mae_h0_aligned_mev"));
        assert!(number("bands_occupied_mae_mev") > 10.0 && number("seconds") == 0.0);
        assert!((10.0..1e7).contains(&number("overlap_condition")) && number("hermiticity_error_mev") < 1e-3);
    }
    let refused = hzero(&["eval", &runs[0]]);
    assert!(!refused.status.success() && stderr(&refused).contains("--model"), "{}", stderr(&refused));
}

#[test]
fn eval_shows_how_far_a_model_is_from_equivariance() {
    let run = fixture("graphene_sqrt3");
    let arguments = ["eval", "--model", &CARBON, &run, "--no-bands", "--equivariance", "2"];
    let report: Value = serde_json::from_str(&done(&[&arguments[..], &["--json"]].concat())).unwrap();
    let number = |name: &str| report["runs"][0][name].as_f64().unwrap();
    for name in ["equivariance_mae_mev", "equivariance_max_mev", "inversion_mae_mev", "inversion_max_mev"] {
        assert!((0.0..1e-4 * number("mae_h0_mev")).contains(&number(name)), "{name}: {}", number(name));
    }
    assert!(done(&arguments).contains("equivariance: turned runs differ by "));
}

#[test]
fn errors_name_the_file_once() {
    let (_keep, out) = output();
    let run = fixture("graphene_sqrt3");
    let message = refused(&predict(&run, "no/such/model", &out, &[]));
    assert_eq!(message.matches("no/such/model").count(), 1, "{message}");
    assert_eq!(message.matches("os error 2").count(), 1, "{message}");
    let structure = fixture("graphene_sqrt3/STRU");
    let message = refused(&predict(&run, &structure, &out, &[]));
    assert!(message.contains("STRU: expected a model file of hzero"), "{message}");
    let message = refused(&["fit", &fixture("graphene/h0"), "--out", out.to_str().unwrap()]);
    assert!(message.contains("graphene/h0: the run has no S"), "{message}");
    assert!(!out.exists());
}

#[test]
fn a_model_file_holds_the_structures_that_it_was_fitted_to() {
    let model = hzero::model::file::Model::read(Path::new(CARBON.as_str())).unwrap();
    let training = model.header.training;
    let names: Vec<&str> = training.structures.iter().map(|structure| structure.run.as_str()).collect();
    assert_eq!(names, ["abacus/graphene", "abacus/graphene_sqrt3"]);
    assert_eq!(training.structures[1].positions.len(), 6);
}
