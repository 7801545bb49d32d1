//! `hzero predict --domains` through the binary: the same H, and errors that name the domain.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::LazyLock;

use hzero::parsers::{ReadOptions, SpinOperator, read};
use serde_json::Value;

fn root(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    assert!(path.exists(), "{} is part of the repository", path.display());
    path.to_string_lossy().into_owned()
}

fn hzero(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hzero")).args(arguments).output().unwrap()
}

fn done(arguments: &[&str]) -> String {
    let output = hzero(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(arguments: &[&str]) -> String {
    let output = hzero(arguments);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    message
}

/// A linear model with the long-ranged potential.
static LINEAR: LazyLock<String> = LazyLock::new(|| {
    let path = format!("{}/domains.safetensors", env!("CARGO_TARGET_TMPDIR"));
    let runs = [root("fixtures/abacus/graphene"), root("fixtures/abacus/graphene_sqrt3")];
    done(&["fit", "--out", &path, &runs[0], &runs[1]]);
    path
});

fn predict(run: &str, model: &str, out: &Path, more: &[&str]) {
    done(&[&["predict", run, "--model", model, "--out", out.to_str().unwrap(), "--no-bands"], more].concat());
}

fn elements(folder: &Path) -> Vec<f64> {
    match read(folder, &ReadOptions::default()).unwrap().hamiltonian {
        Some(SpinOperator::Unpolarized(h)) => h.values().to_vec(),
        other => panic!("{other:?}"),
    }
}

/// Largest difference of H in `n` domains from H without, hartree.
fn difference(run: &str, model: &str, n: usize) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    predict(run, model, &whole, &[]);
    predict(run, model, &parts, &["--domains", &n.to_string()]);
    let report: Value = serde_json::from_slice(&fs::read(parts.join("report.json")).unwrap()).unwrap();
    let domains = report["domains"].as_array().unwrap();
    let own: u64 = domains.iter().map(|domain| domain["n_own"].as_u64().unwrap()).sum();
    assert!(domains.len() == n && own == report["n_atoms"].as_u64().unwrap(), "{report:#}");
    let (whole, parts) = (elements(&whole), elements(&parts));
    assert_eq!(whole.len(), parts.len());
    whole.iter().zip(&parts).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn one_two_and_four_processes_give_the_same_h() {
    for n in [1, 2, 4] {
        let difference = difference(&root("fixtures/abacus/graphene_sqrt3"), &LINEAR, n);
        assert!(difference < 1e-11, "{n} domains: {difference:e}");
    }
}

#[cfg(feature = "torch")]
#[test]
fn a_shipped_network_gives_the_same_h_in_domains() {
    let difference =
        difference(&root("fixtures/abacus/graphene_sqrt3"), &root("models/graphene-abacus.safetensors"), 3);
    assert!(difference < 1e-11, "{difference:e}");
}

#[test]
fn machines_can_share_a_run_by_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let [exchange, out] = ["exchange", "out"].map(|name| folder.path().join(name));
    let (run, exchange) = (root("fixtures/abacus/graphene_sqrt3"), exchange.to_str().unwrap());
    let domain = |part: &str| done(&["domain", part, "--run", &run, "--model", &LINEAR, "--exchange", exchange]);
    assert!(domain("2/2").starts_with("domain 2/2: 3 atoms and a halo of "));
    let gather = ["--domains", "2", "--exchange", exchange];
    let arguments = [&["predict", &run, "--model", &LINEAR, "--out", out.to_str().unwrap()], &gather[..]].concat();
    let message = refused(&arguments);
    assert!(message.contains("domain-1-of-2.rows") && !out.exists(), "{message}");
    domain("1/2");
    done(&[&arguments[..], &["--no-bands"]].concat());
    let whole = folder.path().join("whole");
    predict(&run, &LINEAR, &whole, &[]);
    let pairs = elements(&whole).into_iter().zip(elements(&out));
    assert!(pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) < 1e-11);
}

#[test]
fn more_domains_than_atoms_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let run = root("fixtures/abacus/graphene");
    let message = refused(&["predict", &run, "--model", &LINEAR, "--out", out.to_str().unwrap(), "--domains", "3"]);
    assert_eq!(message, format!("hzero: {run}: 3 domains of 2 atoms\n"));
    assert!(!out.exists());
}

/// The model comes through a pipe for the first process, and is a spoilt file for the next.
#[cfg(unix)]
#[test]
fn a_process_that_fails_is_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let [pipe, out] = ["model", "out"].map(|name| folder.path().join(name));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let model = fs::read(&*LINEAR).unwrap();
    let writer = {
        let pipe = pipe.clone();
        std::thread::spawn(move || {
            fs::write(&pipe, model).unwrap();
            fs::remove_file(&pipe).unwrap();
            fs::write(&pipe, b"spoilt").unwrap();
        })
    };
    let run = root("fixtures/abacus/graphene_sqrt3");
    let [pipe, out_text] = [&pipe, &out].map(|path| path.to_str().unwrap());
    let message =
        refused(&["predict", &run, "--model", pipe, "--out", out_text, "--domains", "2", "--domain-jobs", "1"]);
    writer.join().unwrap();
    assert!(message.starts_with("hzero: domain 1/2 failed (exit status: 2): "), "{message}");
    assert!(message.contains("a model file of hzero"), "{message}");
    assert!(!out.exists());
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["model"], "nothing half-written");
}

#[test]
fn a_tiled_run_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let run = root("fixtures/abacus/graphene_sqrt3");
    let tiled = folder.path().join("tiled");
    let output = hzero(&["tile", &run, "2x1x1", "--out", tiled.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let options = ReadOptions::default();
    let (small, large) = (read(Path::new(&run), &options).unwrap(), read(&tiled, &options).unwrap());
    let wanted = hzero::parsers::tile(&small, [2, 1, 1]).unwrap();
    assert_eq!(large.overlap.as_ref().unwrap().pairs(), wanted.overlap.as_ref().unwrap().pairs());
    assert!(large.structure.distance(&wanted.structure).1 < 1e-9);
    let out = folder.path().join("out");
    predict(tiled.to_str().unwrap(), &LINEAR, &out, &["--domains", "3"]);
    let whole = folder.path().join("small");
    predict(&run, &LINEAR, &whole, &[]);
    let wanted = hzero::parsers::tile(&read(&whole, &options).unwrap(), [2, 1, 1]).unwrap();
    let Some(SpinOperator::Unpolarized(wanted)) = wanted.hamiltonian else { panic!("no H") };
    let found = elements(&out);
    assert_eq!(found.len(), wanted.values().len());
    let difference = found.iter().zip(wanted.values()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(difference < 1e-6, "copies of a cell differ by {difference:e} hartree");
}
