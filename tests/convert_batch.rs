//! `ham-convert` on a tree of runs: some broken, some converted before, an interrupted batch that goes on.

mod ham_convert;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ham_convert::{convert, stderr, stdout};
use serde_json::Value;
use tempfile::TempDir;

const N_RUNS: usize = 240;
const BROKEN: [&str; 5] = ["0/cut", "0/header", "1/empty", "1/twins", "2/unfinished"];
const JOURNAL: &str = "ham-convert.jsonl";

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}{}", stdout(output), stderr(output)))
}

fn paths<'a>(report: &'a Value, list: &str, field: &str) -> Vec<&'a str> {
    report[list].as_array().unwrap().iter().map(|entry| entry[field].as_str().unwrap()).collect()
}

/// The smallest run of the fixtures, one file.
fn water() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/openmx/h2o_v38");
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.to_string_lossy().contains(".scfout")).unwrap()
}

/// A tree with `n` good runs on two levels, and beside them the broken ones.
fn tree(n: usize) -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("runs"), folder.path().join("out"));
    let file = water();
    let name = file.file_name().unwrap();
    for run in 0..n {
        let run = source.join(format!("{}/{run:05}", run % 3));
        fs::create_dir_all(&run).unwrap();
        fs::hard_link(&file, run.join(name)).or_else(|_| fs::copy(&file, run.join(name)).map(drop)).unwrap();
    }
    for run in BROKEN {
        fs::create_dir_all(source.join(run)).unwrap();
    }
    let bytes = fs::read(&file).unwrap();
    fs::write(source.join("0/cut").join(name), &bytes[..bytes.len() / 2]).unwrap();
    fs::write(source.join("1/empty/w.scfout"), "").unwrap();
    ["w.scfout", "w.HSX"].iter().for_each(|file| fs::write(source.join("1/twins").join(file), &bytes).unwrap());
    // A gzip header and no more: already the search for runs stumbles over it.
    fs::write(source.join("0/header/H_sym.csr.gz"), b"\x1f\x8b\x08\x00").unwrap();
    fs::write(source.join("2/unfinished/INPUT"), "INPUT_PARAMETERS\n").unwrap();
    (folder, source, target)
}

/// All files below, but for the journal.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect();
    files.retain(|file| !file.ends_with(JOURNAL));
    files.sort();
    files
}

/// Folders that hold nothing, or names of what is written and not complete.
fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let is_stage = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with('.');
    let below = entries.iter().filter(|path| path.is_dir()).flat_map(|path| leftovers(path));
    let mut found: Vec<PathBuf> = entries.iter().filter(|path| is_stage(path)).cloned().chain(below).collect();
    if entries.is_empty() {
        found.push(folder.to_owned());
    }
    found
}

#[test]
fn broken_runs_are_named_and_all_others_converted() {
    let (_folder, source, target) = tree(N_RUNS);
    let output = convert(&source, &target, &["--to", "siesta-hsx", "--jobs", "3", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let report = json(&output);
    assert_eq!(report["schema_version"], 1);
    assert_eq!(paths(&report, "converted", "source").len(), N_RUNS);
    let failed = paths(&report, "failed", "source");
    assert_eq!(failed, BROKEN.map(|run| source.join(run).display().to_string()));
    let message = stderr(&output);
    assert_eq!(message.lines().count(), BROKEN.len(), "{message}");
    for (line, run) in message.lines().zip(failed) {
        assert!(line.starts_with(&format!("ham-convert: {run}")), "{line}");
    }
    for (run, files) in
        report["converted"].as_array().unwrap().iter().map(|run| (run, run["files"].as_array().unwrap()))
    {
        assert!(!files.is_empty());
        assert!(files.iter().all(|file| Path::new(file.as_str().unwrap()).is_file()), "{files:?}");
        assert_eq!((run["to"].as_str(), run["from"].as_str().is_some()), (Some("siesta-hsx"), true));
    }
    assert!(target.join("1/00001").is_dir());
    assert_eq!(leftovers(&target), [] as [PathBuf; 0]);
}

#[test]
fn an_interrupted_batch_goes_on() {
    let (_folder, source, target) = tree(12);
    let options = ["--to", "siesta-hsx", "--json"];
    assert_eq!(convert(&source, &target, &options).status.code(), Some(1));
    let all = files_below(&target);
    // As a kill leaves it: a line cut short, a stage beside the targets, a run that is not listed, and one without its file.
    let journal = fs::read_to_string(target.join(JOURNAL)).unwrap();
    let is_done = |line: &&str| serde_json::from_str::<Value>(line).unwrap()["read"].is_array();
    let listed: Vec<&str> = journal.lines().filter(is_done).collect();
    assert_eq!(listed.len(), 12);
    fs::write(target.join(JOURNAL), listed[..10].join("\n") + "\n" + &listed[10][..30]).unwrap();
    fs::create_dir_all(target.join("0/.hzero-99999999-half/x")).unwrap();
    let kept: Value = serde_json::from_str(listed[0]).unwrap();
    fs::remove_file(kept["files"][0].as_str().unwrap()).unwrap();
    // The broken ones are tried again; one is good now.
    BROKEN[1..].iter().for_each(|run| fs::remove_dir_all(source.join(run)).unwrap());
    fs::copy(water(), source.join("0/cut").join(water().file_name().unwrap())).unwrap();
    let output = convert(&source, &target, &options);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report = json(&output);
    assert_eq!((report["converted"].as_array().unwrap().len(), report["skipped"].as_array().unwrap().len()), (4, 9));
    assert!(all.iter().all(|file| file.is_file()));
    assert_eq!(leftovers(&target), [] as [PathBuf; 0]);
    let text = stdout(&convert(&source, &target, &["--to", "siesta-hsx"]));
    assert!(text.ends_with("0 runs converted, 13 done before, 0 failed\n"), "{text}");
}

#[test]
fn what_changed_is_converted_again() {
    let (_folder, source, target) = tree(3);
    BROKEN.iter().for_each(|run| fs::remove_dir_all(source.join(run)).unwrap());
    let counts = |options: &[&str]| {
        let output = convert(&source, &target, &[options, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let report = json(&output);
        ["converted", "skipped"].map(|list| report[list].as_array().unwrap().len())
    };
    assert_eq!(counts(&["--to", "siesta-hsx"]), [3, 0]);
    assert_eq!(counts(&["--to", "siesta-hsx"]), [0, 3]);
    // A source that is later than what came of it.
    let file = source.join("1/00001").join(water().file_name().unwrap());
    let bytes = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    fs::write(&file, bytes).unwrap();
    assert_eq!(counts(&["--to", "siesta-hsx"]), [1, 2]);
    // One that is older, as copies with their times are.
    fs::File::options().append(true).open(&file).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(counts(&["--to", "siesta-hsx"]), [1, 2]);
    // Other options, another format, and the user's word.
    assert_eq!(counts(&["--to", "siesta-hsx", "--of", "scf"]), [3, 0]);
    assert_eq!(counts(&["--to", "openmx-scfout"]), [3, 0]);
    assert_eq!(counts(&["--to", "openmx-scfout", "--force"]), [3, 0]);
}

#[test]
fn notes_are_counted_and_not_repeated() {
    let (_folder, source, target) = tree(5);
    let text = stdout(&convert(&source, &target, &["--to", "siesta-hsx"]));
    let radial: Vec<&str> = text.lines().filter(|line| line.contains("radial functions")).collect();
    assert_eq!(radial.len(), 1, "{text}");
    assert!(radial[0].starts_with("changed: ") && radial[0].ends_with("(5 runs)"), "{text}");
    assert!(text.ends_with("5 runs converted, 0 done before, 5 failed\n"), "{text}");
}

#[test]
fn a_folder_of_something_else_needs_force() {
    let (_folder, source, target) = tree(1);
    fs::create_dir_all(&target).unwrap();
    fs::write(target.join("precious"), "mine").unwrap();
    let output = convert(&source, &target, &["--to", "siesta-hsx"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("out: the folder is not empty; --force"), "{}", stderr(&output));
    assert_eq!(files_below(&target), [target.join("precious")]);
    assert_eq!(convert(&source, &target, &["--to", "siesta-hsx", "--force"]).status.code(), Some(1));
    assert!(target.join("0/00000").is_dir() && target.join("precious").is_file());
}

#[test]
fn a_tree_without_runs_and_files_of_one_run_are_errors() {
    let (_folder, source, target) = tree(2);
    let nothing = tempfile::tempdir().unwrap();
    fs::write(nothing.path().join("notes.txt"), "").unwrap();
    let output = convert(nothing.path(), &target, &["--to", "siesta-hsx"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no run in this folder or below"), "{}", stderr(&output));
    let output = convert(&source, &target, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("say --to, one of"), "{}", stderr(&output));
    let output = convert(&source, &target, &["--to", "siesta-hsx", "--jobs", "0"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!target.exists());
}

/// What was promised is checked for each run.
#[test]
fn runs_of_another_format_than_promised_fail_one_by_one() {
    let (_folder, source, target) = tree(2);
    let output = convert(&source, &target, &["--to", "siesta-hsx", "--from", "siesta-tshs"]);
    assert_eq!(output.status.code(), Some(1));
    let message = stderr(&output);
    assert!(message.lines().any(|line| line.contains("0/00000") && line.contains("siesta-tshs")), "{message}");
    assert_eq!(message.lines().count(), 2 + BROKEN.len());
}

/// And a target within which the source lies is a mistake.
#[test]
fn a_batch_of_no_run_is_an_error() {
    let (folder, source, _) = tree(2);
    let before = files_below(folder.path());
    for target in [&source, folder.path()] {
        let output = convert(&source, target, &["--to", "siesta-hsx", "--force"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("all runs of the source lie within the target"), "{}", stderr(&output));
    }
    assert_eq!(files_below(folder.path()), before);
}

/// The target may lie within the source's tree.
#[test]
fn converted_runs_are_no_runs_to_convert() {
    let (_folder, source, _) = tree(2);
    let target = source.join("converted");
    for (converted, skipped) in [(2, 0), (0, 2)] {
        let report = json(&convert(&source, &target, &["--to", "siesta-hsx", "--json"]));
        assert_eq!(report["converted"].as_array().unwrap().len(), converted);
        assert_eq!(report["skipped"].as_array().unwrap().len(), skipped);
    }
}

/// A run replaces the one before it in the same place: no spin down is left where there is no spin any more.
#[test]
fn what_an_earlier_run_left_goes() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("runs"), folder.path().join("out"));
    let run = source.join("a/run");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/abacus");
    let files = |run: &Path| {
        fs::create_dir_all(run.join("OUT.ABACUS")).unwrap();
        let collinear = fixtures.join("O2_box/scf");
        for file in ["STRU", "OUT.ABACUS/data-HR-sparse_SPIN0.csr", "OUT.ABACUS/data-HR-sparse_SPIN1.csr"] {
            fs::copy(collinear.join(file), run.join(file)).unwrap();
        }
    };
    files(&run);
    let options = ["--to", "abacus-new"];
    for (spins, counts) in
        [(2, "1 run converted, 0 done"), (1, "1 run converted, 0 done"), (1, "0 runs converted, 1 done")]
    {
        if spins == 1 && counts.starts_with('1') {
            fs::remove_file(run.join("OUT.ABACUS/data-HR-sparse_SPIN1.csr")).unwrap();
            fs::write(target.join("a/run/notes"), "mine").unwrap();
        }
        let output = convert(&source, &target, &options);
        assert!(stdout(&output).contains(counts), "{}{}", stdout(&output), stderr(&output));
        let down = target.join("a/run/OUT.ABACUS/hrs2_nao.csr");
        assert_eq!((down.is_file(), down.with_file_name("hrs1_nao.csr").is_file()), (spins == 2, true));
    }
    assert_eq!(fs::read(target.join("a/run/notes")).unwrap(), b"mine");
}

/// A kill leaves nothing half done, and the same command goes on.
#[cfg(unix)]
#[test]
fn a_killed_batch_goes_on() {
    let (_folder, source, target) = tree(N_RUNS);
    BROKEN.iter().for_each(|run| fs::remove_dir_all(source.join(run)).unwrap());
    let mut batch = Command::new(env!("CARGO_BIN_EXE_ham-convert"));
    batch.args([&source, &target]).args(["--to", "siesta-hsx", "--jobs", "1"]);
    let mut batch = batch.stderr(std::process::Stdio::null()).spawn().unwrap();
    while !target.join("0/00006").is_dir() {
        assert!(batch.try_wait().unwrap().is_none(), "the batch ended by itself");
        std::thread::yield_now();
    }
    batch.kill().unwrap();
    batch.wait().unwrap();
    let done = files_below(&target).iter().filter(|file| file.ends_with("hzero.json")).count();
    assert!(done < N_RUNS, "killed too late to test anything");
    let report = json(&convert(&source, &target, &["--to", "siesta-hsx", "--jobs", "1000000", "--json"]));
    let [converted, skipped] = ["converted", "skipped"].map(|list| report[list].as_array().unwrap().len());
    assert!(converted > 0 && skipped > 0 && converted + skipped == N_RUNS, "{converted} {skipped}");
    assert_eq!(files_below(&target).iter().filter(|file| file.ends_with("hzero.json")).count(), N_RUNS);
    assert_eq!(leftovers(&target), [] as [PathBuf; 0]);
}

/// One batch at a time.
#[test]
fn a_target_at_work_is_locked() {
    let (_folder, source, target) = tree(1);
    convert(&source, &target, &["--to", "siesta-hsx"]);
    let journal = fs::File::options().append(true).open(target.join(JOURNAL)).unwrap();
    journal.lock().unwrap();
    let output = convert(&source, &target, &["--to", "siesta-hsx"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("another ham-convert is at work here"), "{}", stderr(&output));
}

/// Predictions, bands and whatever else lies in a folder when it is converted again.
#[cfg(feature = "hdf5")]
#[test]
fn files_of_the_user_survive() {
    let (_folder, source, target) = tree(3);
    let mine = ["hamiltonian_pred.h5", "K_PATH", "plots/band.h5"].map(|file| target.join("1/00001").join(file));
    convert(&source, &target, &["--to", "deeph"]);
    fs::create_dir(target.join("1/00001/plots")).unwrap();
    mine.iter().for_each(|file| fs::write(file, "mine").unwrap());
    for format in ["dftio", "siesta-hsx", "deeph"] {
        let report = json(&convert(&source, &target, &["--to", format, "--force", "--json"]));
        assert_eq!(report["converted"].as_array().unwrap().len(), 3);
        assert!(mine.iter().all(|file| fs::read(file).unwrap() == b"mine"), "{format}");
    }
    assert!(target.join("1/00001/POSCAR").is_file() && !target.join("1/00001/basis.dat").exists());
    // What the conversion would write itself is named, and nothing is touched.
    fs::rename(target.join("1/00001"), target.join("1/x")).unwrap();
    convert(&source, &target, &["--to", "dftio", "--force"]);
    fs::write(target.join("1/00001/POSCAR"), "mine").unwrap();
    let output = convert(&source, &target, &["--to", "deeph", "--force"]);
    assert!(stderr(&output).contains("1/00001/POSCAR: no conversion is known to have written this file"));
    assert!(target.join("1/00001/basis.dat").is_file());
    assert_eq!(fs::read(target.join("1/00001/POSCAR")).unwrap(), b"mine");
}

/// Folders of a neutral format: whole, without what belongs to a stage in messages, and replaced by the next batch.
#[cfg(feature = "hdf5")]
#[test]
fn folders_appear_whole() {
    let (_folder, source, target) = tree(6);
    for format in ["deeph", "deeph", "dftio"] {
        let output = convert(&source, &target, &["--to", format, "--force"]);
        assert_eq!(output.status.code(), Some(1));
        let message = stderr(&output);
        assert!(message.lines().count() == BROKEN.len() && !message.contains(".hzero-"), "{message}");
        assert_eq!(leftovers(&target), [] as [PathBuf; 0]);
        assert!(target.join("2/00005/hzero.json").is_file());
    }
    assert!(target.join("2/00005/basis.dat").is_file() && !target.join("2/00005/POSCAR").exists());
    let report = json(&convert(&source, &target, &["--to", "dftio", "--json"]));
    assert_eq!(report["skipped"].as_array().unwrap().len(), 6);
    // And a batch of what a batch wrote: back to the code's own files.
    let back = source.with_file_name("back");
    let output = convert(&target, &back, &["--to", "siesta-hsx", "--from", "dftio"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).ends_with("6 runs converted, 0 done before, 0 failed\n"));
}
