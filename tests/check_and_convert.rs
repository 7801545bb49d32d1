//! The binaries on real runs: `hzero check`, `hzero info`, `ham-convert`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/abacus").join(name)
}

fn hzero(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hzero")).args(arguments).output().unwrap()
}

fn ham_convert(source: &Path, target: &Path, format: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ham-convert"));
    command.arg(source).arg(target).args(["--to", format]).output().unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_good_run_passes_its_checks() {
    let report = json(&hzero(&["check", fixture("graphene").to_str().unwrap(), "--json"]));
    assert_eq!(report["holds"], true);
    let names: Vec<&str> = report["properties"].as_array().unwrap().iter().filter_map(|p| p["name"].as_str()).collect();
    for expected in ["Hermiticity", "on-site", "Y_lm", "smallest eigenvalue"] {
        assert!(names.iter().any(|name| name.contains(expected)), "{expected} is not among {names:?}");
    }
}

#[test]
fn a_broken_overlap_fails_with_exit_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let run = fixture("O2_box/scf");
    let overlap = std::fs::read_to_string(run.join("OUT.ABACUS/data-SR-sparse_SPIN0.csr")).unwrap();
    let changed = folder.path().join("S.csr");
    std::fs::write(&changed, overlap.replacen(" 1.00000000e+00", " 1.10000000e+00", 1)).unwrap();
    let output = hzero(&["check", run.to_str().unwrap(), "--overlap", changed.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.lines().any(|line| line.starts_with("FAILED") && line.contains("on-site diagonal")), "{text}");
}

#[test]
fn a_missing_run_is_exit_code_2() {
    let output = hzero(&["check", "no/such/run"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no/such/run"));
}

#[test]
fn info_says_what_is_there() {
    let run = fixture("si2_soc_sz");
    let info = json(&hzero(&["info", run.to_str().unwrap(), "--json"]));
    assert_eq!((&info["nspin"], &info["atoms"], &info["orbitals"]), (&4.into(), &2.into(), &8.into()));
    assert_eq!(info["h0"]["lattice_vectors"], 55);
    let headers = json(&hzero(&["info", run.to_str().unwrap(), "--json", "--header"]));
    assert_eq!(headers["files"][0]["format"], "abacus-new");
}

#[test]
fn a_folder_survives_the_way_there_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let (new, old) = (folder.path().join("new"), folder.path().join("old"));
    let source = fixture("O2_box");
    for (from, to, format) in [(&source, &new, "abacus-new"), (&new, &old, "abacus-old")] {
        let output = ham_convert(from, to, format);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(new.join("h0/OUT.ABACUS/hrs2_nao.csr").is_file());
    for name in ["h0/OUT.ABACUS/data-HR-sparse_SPIN1.csr", "scf/OUT.ABACUS/data-DMR-sparse_SPIN0.csr"] {
        assert_eq!(std::fs::read(source.join(name)).unwrap(), std::fs::read(old.join(name)).unwrap(), "{name}");
    }
}

/// Inputs, logs and tables come along: the eigenvalues of the converted matrices are compared with ABACUS' own there.
#[test]
fn a_converted_folder_is_a_run() {
    for (name, format) in [("graphene", "abacus-new"), ("si2", "abacus-old"), ("si2_soc_sz", "abacus-old")] {
        let folder = tempfile::tempdir().unwrap();
        let output = ham_convert(&fixture(name), folder.path(), format);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let compare = |run: &Path| json(&hzero(&["bands", run.to_str().unwrap(), "--compare", "native", "--json"]));
        let (before, after) = (compare(&fixture(name)), compare(folder.path()));
        for figure in ["n_states", "max_error_to_5ev_ev", "max_error_all_ev"] {
            assert_eq!(before[figure], after[figure], "{name}: {figure}");
        }
    }
}

/// The name of the target is enough; the bytes are SIESTA's own.
#[test]
fn the_name_of_the_target_tells_the_format() {
    let siesta = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/siesta/feas_so/scf");
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("fe.TSHS");
    let convert = |target: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ham-convert"));
        command.arg(siesta.join("feas_so.HSX")).arg(target).output().unwrap()
    };
    let output = convert(&target);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(std::fs::read(&target).unwrap() == std::fs::read(siesta.join("feas_so.TSHS")).unwrap());
    let output = convert(&folder.path().join("fe.matrix"));
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("fe.matrix: the name does not tell the format: say --to, one of abacus-old"), "{message}");
}

#[test]
fn a_target_that_needs_a_structure_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let lonely = folder.path().join("a/b/c/H.csr");
    std::fs::create_dir_all(lonely.parent().unwrap()).unwrap();
    std::fs::copy(fixture("O2_box/scf/OUT.ABACUS/data-SR-sparse_SPIN0.csr"), &lonely).unwrap();
    let output = ham_convert(&lonely, &folder.path().join("out.csr"), "abacus-new");
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("no STRU beside or above") && message.contains("H.csr"), "{message}");
    assert!(!folder.path().join("out.csr").exists());
}
