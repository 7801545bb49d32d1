//! `hzero dataset` on real runs, through the binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

fn fixture(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    assert!(path.exists(), "{} is part of the repository", path.display());
    path
}

fn hzero(arguments: &[&str], runs: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hzero")).arg("dataset").args(arguments).args(runs).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Copies a folder, with one text of one file replaced.
fn changed_copy(run: &Path, file: &str, from: &str, to: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(run, folder.path());
    let path = folder.path().join(file);
    let before = fs::read_to_string(&path).unwrap();
    assert!(before.contains(from), "{file} has {from}");
    fs::write(&path, before.replace(from, to)).unwrap();
    folder
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Exit code and problems as (kind, message) of `hzero dataset check`, run by run.
fn checked(runs: &[&Path]) -> (i32, Vec<Vec<(String, String)>>) {
    let output = hzero(&["check", "--json"], runs);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    assert_eq!(report["schema_version"], 1);
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let problem = |problem: &Value| (word(&problem["kind"]), word(&problem["message"]));
    let of_run = |run: &Value| run["problems"].as_array().unwrap().iter().map(problem).collect();
    (output.status.code().unwrap(), report["runs"].as_array().unwrap().iter().map(of_run).collect())
}

#[test]
fn sound_runs_of_three_codes_pass() {
    let runs = ["abacus/graphene_sqrt3", "abacus/si2", "siesta/mos2", "siesta/fe", "openmx/silicene_f", "openmx/h2o"];
    let runs = runs.map(fixture);
    let (code, problems) = checked(&runs.each_ref().map(PathBuf::as_path));
    assert!(problems.iter().all(Vec::is_empty), "{problems:?}");
    assert_eq!((code, problems.len()), (0, 6));
}

#[test]
fn runs_whose_log_denies_convergence_are_refused() {
    let siesta = changed_copy(&fixture("siesta/fe"), "scf/fe.out", "SCF cycle converged", "SCF_NOT_CONV: no");
    let openmx = changed_copy(&fixture("openmx/h2o"), "scf/h2o.dat", "System.Name", "System.Name");
    let out = openmx.path().join("scf/h2o.out");
    let history = fs::read_to_string(&out).unwrap();
    let last = history.lines().rfind(|line| line.contains("SCF=") && line.contains("NormRD=")).unwrap();
    let (before, energy) = last.split_once("Uele=").unwrap();
    let moved = format!("{before}Uele= {:.12}", energy.trim().parse::<f64>().unwrap() + 1e-3);
    fs::write(&out, history.replace(last, &moved)).unwrap();
    let abacus =
        changed_copy(&fixture("abacus/graphene_sqrt3"), "info.json", "\"converged\": true", "\"converged\": false");
    let (code, problems) = checked(&[siesta.path(), openmx.path(), abacus.path()]);
    assert_eq!(code, 1);
    for (run, words) in problems.iter().zip(["SCF_NOT_CONV", "changes Uele by 1.0e-3 hartree", "info.json"]) {
        let [(kind, message)] = &run[..] else { panic!("one problem: {run:?}") };
        assert!(kind == "unconverged" && message.contains(words), "{message}");
    }
}

#[test]
fn an_unfinished_log_of_abacus_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    copy(&fixture("abacus/si2"), folder.path());
    let mut logs = Vec::new();
    for entry in fs::read_dir(folder.path().join("scf")).unwrap().flatten() {
        let log = entry.path().join("running_scf.log");
        logs.extend([log, folder.path().join("scf/running_scf.log")].into_iter().filter(|log| log.is_file()));
    }
    let log = logs.first().expect("the fixture has a log");
    let whole = fs::read_to_string(log).unwrap();
    let kept: String = whole
        .lines()
        .filter(|line| !line.contains("CONVERGED") && !line.contains("convergence"))
        .map(|l| format!("{l}\n"))
        .collect();
    assert_ne!(whole, kept);
    fs::write(log, kept).unwrap();
    let (_, problems) = checked(&[folder.path()]);
    assert_eq!(problems[0][0].1, "running_scf.log ends before the loop does");
}

#[test]
fn the_same_structure_twice_is_told_with_both_names() {
    let run = fixture("abacus/graphene_sqrt3");
    let copy = changed_copy(&run, "info.json", "{", "{ ");
    let output = hzero(&["check"], &[&run, copy.path()]);
    assert_eq!(output.status.code(), Some(1));
    let expected =
        format!("refused  {}: the same structure as {}\n1 of 2 runs are sound\n", copy.path().display(), run.display());
    assert_eq!(text(&output.stdout), expected);
}

#[test]
fn h0_of_another_structure_or_of_other_settings_is_refused() {
    let run = fixture("abacus/si2");
    let other = changed_copy(&run, "h0/INPUT", "ecutwfc", "ecutwfc 17 # ");
    let moved = tempfile::tempdir().unwrap();
    copy(&run, moved.path());
    let stru = moved.path().join("h0/STRU");
    let text = fs::read_to_string(&stru).unwrap();
    assert!(text.contains("0.25"), "{text}");
    fs::write(&stru, text.replacen("0.25", "0.26", 1)).unwrap();
    let (code, problems) = checked(&[other.path(), moved.path()]);
    assert_eq!(code, 1);
    assert!(
        problems[0].iter().any(|(kind, m)| kind == "inconsistent" && m.starts_with("H0 was made with ecutwfc 17")),
        "{problems:?}"
    );
    assert!(
        problems[1].iter().any(|(kind, m)| kind == "inconsistent" && m.contains("differ by up to")),
        "{problems:?}"
    );
}

#[test]
fn broken_and_incomplete_runs_are_named_and_the_others_judged() {
    let empty = tempfile::tempdir().unwrap();
    let half = tempfile::tempdir().unwrap();
    copy(&fixture("siesta/mos2/scf"), half.path());
    let (code, problems) = checked(&[empty.path(), half.path(), &fixture("siesta/mos2")]);
    assert_eq!((code, problems[0][0].0.as_str()), (1, "broken"));
    assert!(problems[1].contains(&("incomplete".to_owned(), "there is no H0".to_owned())), "{problems:?}");
}

#[test]
fn other_settings_than_the_rest_are_refused() {
    let run = fixture("abacus/graphene_sqrt3");
    let copies = ["1", "2"].map(|_| changed_copy(&run, "info.json", "{", "{ "));
    let other = changed_copy(&run, "INPUT", "ecutwfc            60", "ecutwfc            80");
    let (_, problems) = checked(&[copies[0].path(), copies[1].path(), other.path()]);
    let settings = ("settings".to_owned(), "ecutwfc is 80, but 60 in 2 of 3 runs".to_owned());
    assert!(problems[2].contains(&settings) && !problems[1].iter().any(|(kind, _)| kind == "settings"), "{problems:?}");
}

#[test]
fn statistics_of_two_cells() {
    let runs = [fixture("abacus/graphene"), fixture("abacus/graphene_sqrt3")];
    let folder = tempfile::tempdir().unwrap();
    let plot = folder.path().join("bonds.svg");
    let output = hzero(&["stats", "--json", "--plot", plot.to_str().unwrap()], &runs.each_ref().map(PathBuf::as_path));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let stats: Value = serde_json::from_slice(&output.stdout).unwrap();
    let shapes = stats["shapes"].as_array().unwrap();
    assert_eq!((shapes.len(), &shapes[0]["formula"], &shapes[1]["formula"]), (2, &"C2".into(), &"C6".into()));
    let shift = stats["runs"][1]["mu_ev"].as_f64().unwrap();
    assert!((2.4..3.4).contains(&shift), "{shift}");
    let free = |shells: &Value| {
        let shell = &shells[2];
        let count = |name: &str| shell[name].as_u64().unwrap();
        count("n") - count("own_images") - count("tied")
    };
    assert_eq!(free(&shapes[0]["shells"]), 0, "in two atoms every neighbour has an image as near");
    assert!(fs::read_to_string(plot).unwrap().contains("C-C"));
    let table = hzero(&["stats"], &runs.each_ref().map(PathBuf::as_path));
    assert!(text(&table.stdout).contains("shapes of cells"));
}

#[test]
fn a_split_watches_a_shape_that_training_lacks_and_keeps_duplicates_together() {
    let run = fixture("abacus/graphene_sqrt3");
    let copies = ["1", "2", "3"].map(|_| changed_copy(&run, "info.json", "{", "{ "));
    let primitive = fixture("abacus/graphene");
    let runs: Vec<&Path> = copies.iter().map(TempDir::path).chain([primitive.as_path()]).collect();
    let folder = tempfile::tempdir().unwrap();
    let toml = folder.path().join("split.toml");
    let split = |more: &[&str]| hzero(&[&["split", "--out", toml.to_str().unwrap()], more].concat(), &runs);
    assert_eq!(
        text(&split(&[]).stdout),
        format!("{}: 3 runs to learn from, 1 to watch, 0 for tests\n", toml.display())
    );
    let read: toml::Table = fs::read_to_string(&toml).unwrap().parse().unwrap();
    let watched = read["data"]["validate"].as_array().unwrap();
    assert!(watched[0].as_str().unwrap().ends_with("abacus/graphene"), "{watched:?}");
    #[cfg(feature = "torch")]
    toml::from_str::<hzero::model::network::TrainConfig>(&fs::read_to_string(&toml).unwrap()).unwrap();
    let number = split(&["--validate-shape", "2"]);
    assert!(text(&number.stdout).contains("1 runs to learn from, 3 to watch"), "{}", text(&number.stdout));
    let nothing = split(&["--validate-shape", "2", "--test", "0.9"]);
    assert!(text(&nothing.stderr).contains("none is left to learn from"), "{}", text(&nothing.stderr));
    let unknown = split(&["--validate-shape", "3"]);
    assert_eq!(
        (unknown.status.code(), text(&unknown.stderr)),
        (Some(2), "hzero: shape 3 cannot be watched: there are 2 shapes\n".to_owned())
    );
}

#[test]
fn the_next_structure_is_the_one_unlike_the_known() {
    let (known, other) = (fixture("abacus/graphene_sqrt3"), fixture("abacus/graphene"));
    let copy = changed_copy(&known, "info.json", "{", "{ ");
    let proposals = |count: &str| {
        let known: &Path = &known;
        let after = [Path::new("--known"), known, Path::new("--json"), Path::new("--count"), Path::new(count)];
        let output = hzero(&["next"], &[&[copy.path(), &other][..], &after].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        report["proposed"].as_array().unwrap().clone()
    };
    let proposed = proposals("9");
    assert_eq!((proposed.len(), proposed[0]["path"].as_str()), (2, other.to_str()));
    let leverage = |k: usize, name: &str| proposed[k][name].as_f64().unwrap();
    assert!(leverage(0, "leverage_alone") > 2.0 * leverage(1, "leverage_alone"), "{proposed:?}");
    assert!(leverage(0, "leverage_afterwards") < 0.5 * leverage(0, "leverage_alone"), "{proposed:?}");
    assert!(leverage(1, "leverage_given_earlier") <= leverage(1, "leverage_alone"), "{proposed:?}");
    assert_eq!(proposals("1").len(), 1);
    let nothing = hzero(&["next"], &[copy.path()]);
    assert!(text(&nothing.stderr).contains("--model"), "{}", text(&nothing.stderr));
}
