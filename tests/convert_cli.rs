//! `ham-convert` on single runs: options, reports, exit codes, and what is left where it fails.

mod ham_convert;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ham_convert::{convert, ham_convert, stderr, stdout};
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    assert!(path.exists(), "{} is part of the repository", path.display());
    path
}

fn done(source: &Path, target: &Path, options: &[&str]) -> String {
    let output = convert(source, target, options);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output)
}

/// The message of a conversion that must fail, on one line.
fn refused(source: &Path, target: &Path, options: &[&str]) -> String {
    let output = convert(source, target, options);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    let message = stderr(&output);
    assert_eq!(message.trim_end().lines().count(), 1, "{message}");
    message
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// Files first, then what became of what they have no place for.
#[test]
fn files_and_losses_are_printed_a_line_each() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("h2o.HSX");
    let text = done(&fixture("openmx/h2o"), &target, &[]);
    let mut lines = text.lines();
    assert_eq!(lines.next(), target.to_str());
    let notes: Vec<&str> = lines.collect();
    assert!(notes.iter().any(|note| note.starts_with("changed: ") && note.contains("radial functions")), "{text}");
    assert!(notes.iter().any(|note| note.starts_with("lost: ")), "{text}");
    let prefixes = ["lost: ", "changed: ", "kept in hzero.json: ", "filled with zeros: "];
    assert!(notes.iter().all(|note| prefixes.iter().any(|prefix| note.starts_with(prefix))), "{text}");
}

/// Between files of two codes it is always said what stays right.
#[test]
fn what_another_codes_orbitals_mean_is_said() {
    let folder = tempfile::tempdir().unwrap();
    for (source, target) in [("openmx/h2o", "a.HSX"), ("abacus/H2O_box", "b.HSX"), ("abacus/H2O_box", "c.TSHS")] {
        let text = done(&fixture(source), &folder.path().join(target), &[]);
        let note = "bands, densities of states and transport are right";
        assert!(text.contains(note), "{source} to {target}: {text}");
    }
    assert!(!done(&fixture("siesta/h2o"), &folder.path().join("d.TSHS"), &[]).contains("radial"));
}

#[test]
fn the_json_report_is_one_document() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (fixture("openmx/h2o"), folder.path().join("h2o.HSX"));
    let report: Value = serde_json::from_str(&done(&source, &target, &["--json"])).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&report), ["schema_version", "converted", "skipped", "failed"].map(String::from).sorted());
    let run = &report["converted"][0];
    assert_eq!(keys(run), ["source", "target", "from", "to", "files", "notes"].map(String::from).sorted());
    assert_eq!((run["source"].as_str(), run["target"].as_str()), (source.to_str(), target.to_str()));
    assert_eq!((&run["to"], &run["files"][0]), (&"siesta-hsx".into(), &target.to_str().unwrap().into()));
    assert!(run["from"].as_str().is_some_and(|from| !from.is_empty()), "{report}");
    assert_eq!(keys(&run["notes"][0]), ["fate", "text"]);
    assert_eq!((&report["skipped"], &report["failed"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    let fates = ["lost", "changed", "kept", "filled"];
    let notes = run["notes"].as_array().unwrap();
    assert!(notes.iter().all(|note| fates.contains(&note["fate"].as_str().unwrap())), "{report}");
}

trait Sorted {
    fn sorted(self) -> Vec<String>;
}

impl<const N: usize> Sorted for [String; N] {
    fn sorted(self) -> Vec<String> {
        let mut names = self.to_vec();
        names.sort();
        names
    }
}

/// Also an error is a document, and exit code 2.
#[test]
fn a_failure_is_in_the_json_report() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.scfout");
    fs::write(&broken, "no scfout").unwrap();
    let output = convert(&broken, &folder.path().join("x.HSX"), &["--json"]);
    assert_eq!(output.status.code(), Some(2));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let failed = &report["failed"][0];
    assert_eq!(failed["source"], broken.to_str().unwrap());
    assert!(failed["error"].as_str().unwrap().contains("broken.scfout"), "{report}");
    assert!(stderr(&output).contains("broken.scfout"));
    assert_eq!(names(folder.path()), ["broken.scfout"]);
}

#[test]
fn another_format_than_promised_is_an_error_with_both() {
    let folder = tempfile::tempdir().unwrap();
    let hsx = fixture("siesta/h2o/scf").join("h2o.HSX");
    let message = refused(&hsx, &folder.path().join("x.TSHS"), &["--from", "siesta-dm"]);
    assert!(message.contains("siesta-dm") && message.contains("siesta-hsx"), "{message}");
    done(&hsx, &folder.path().join("x.TSHS"), &["--from", "siesta-hsx"]);
    for (run, promised, found) in [("siesta/h2o", "openmx-scfout", "siesta"), ("openmx/h2o", "abacus-new", "openmx")] {
        let message = refused(&fixture(run), &folder.path().join("y"), &["--to", "siesta-hsx", "--from", promised]);
        assert!(message.contains(promised) && message.to_lowercase().contains(found), "{message}");
    }
    assert_eq!(names(folder.path()), ["x.TSHS"]);
}

#[test]
fn options_that_say_nothing_are_refused() {
    let source = fixture("openmx/h2o");
    let folder = tempfile::tempdir().unwrap();
    for (option, value, complaint) in [
        ("--to", "vasp", "[possible values: abacus-old"),
        ("--from", "vasp", "[possible values: abacus-old"),
        ("--of", "h1", "[possible values: h0, scf]"),
        ("--mesh", "4,4", "`4,4` is not three numbers N,N,N"),
        ("--mesh", "4,4,0", "`4,4,0` is not three numbers N,N,N"),
        ("--mesh", "4,4,4,4", "is not three numbers"),
        ("--fill", "ones", "ones"),
        ("--jobs", "0", "0"),
        ("--shift", "up", "`up` is none of fermi, standard and a number of eV"),
        ("--basis", "C", "write LABEL=SHELLS"),
        ("--step", "first", "`first` is neither a number nor `last`"),
    ] {
        let output = convert(&source, &folder.path().join("x.HSX"), &[option, value]);
        assert_eq!(output.status.code(), Some(2), "{option} {value}");
        assert!(stderr(&output).contains(complaint), "{option} {value}: {}", stderr(&output));
    }
    assert_eq!(names(folder.path()), [] as [&str; 0]);
}

#[test]
fn formats_that_are_only_read_are_not_written() {
    let folder = tempfile::tempdir().unwrap();
    for format in ["fhi-aims", "nextham"] {
        let message = refused(&fixture("openmx/h2o"), &folder.path().join("x"), &["--to", format]);
        assert!(message.contains(format) && message.contains("only reads"), "{message}");
    }
    assert_eq!(names(folder.path()), [] as [&str; 0]);
}

/// NextHAM's matrices are in ABACUS' orbitals.
#[test]
fn matrices_of_nextham_become_files_of_abacus() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (fixture("nextham/si2_csr"), folder.path().join("si2"));
    let text = done(&source, &target, &["--to", "abacus-new"]);
    assert!(!text.contains("the orbitals are those of"), "{text}");
    let [before, after] = [&source, &target].map(|path| hzero_parsers::read(path, &Default::default()).unwrap());
    assert!(before.hamiltonian0.is_some() && before.hamiltonian0 == after.hamiltonian0);
    assert_eq!(before.overlap, after.overlap);
}

#[test]
fn files_that_hzero_does_not_read_are_named_for_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("graph_data.npz");
    fs::write(&archive, b"PK\x03\x04").unwrap();
    for (source, format) in [(folder.path(), "deeph"), (&archive, "deeph"), (&archive, "abacus-old")] {
        let message = refused(source, &folder.path().join("x"), &["--to", format]);
        assert!(message.contains("graph_data.npz: a NumPy archive of pickled Python objects"), "{message}");
    }
    assert_eq!(names(folder.path()), ["graph_data.npz"]);
}

#[test]
fn the_list_is_the_table_of_formats() {
    let list = stdout(&ham_convert(&["--list"]));
    let markdown = stdout(&ham_convert(&["--list", "--markdown"]));
    let formats = hzero_parsers::format::Format::ALL;
    assert_eq!((list.lines().count(), markdown.lines().count()), (formats.len() + 1, formats.len() + 2));
    for format in formats {
        assert!(list.lines().any(|line| line.starts_with(&format!("{format} "))), "{list}");
        assert!(markdown.contains(&format!("| `{format}` |")), "{markdown}");
    }
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    assert!(
        readme.contains(&markdown),
        "the README's table is what `ham-convert --list --markdown` prints:\n{markdown}"
    );
}

#[test]
fn no_source_is_a_usage_error() {
    assert_eq!(ham_convert(&[]).status.code(), Some(2));
    assert_eq!(ham_convert(&["only-one"]).status.code(), Some(2));
    assert_eq!(ham_convert(&["--markdown"]).status.code(), Some(2));
}

/// The same report, byte for byte, and the same exit code.
#[test]
fn check_is_that_of_hzero() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("S.csr");
    let run = fixture("abacus/O2_box/scf");
    let overlap = fs::read_to_string(run.join("OUT.ABACUS/data-SR-sparse_SPIN0.csr")).unwrap();
    fs::write(&broken, overlap.replacen(" 1.00000000e+00", " 1.10000000e+00", 1)).unwrap();
    let run = run.to_str().unwrap();
    let others = ["abacus/graphene", "siesta/feas_so", "openmx/h2o_nc"].map(fixture);
    let mut cases: Vec<Vec<&str>> = others.iter().map(|run| vec![run.to_str().unwrap()]).collect();
    cases.push(vec![run, "--overlap", broken.to_str().unwrap()]);
    cases.push(vec!["no/such/run"]);
    let mut codes = Vec::new();
    for case in cases.iter().flat_map(|case| [case.clone(), [case.as_slice(), &["--json"]].concat()]) {
        let arguments = [&["check"], case.as_slice()].concat();
        let ours = ham_convert(&arguments);
        let hzero = Command::new(env!("CARGO_BIN_EXE_hzero")).args(&arguments).output().unwrap();
        assert_eq!((ours.status.code(), stdout(&ours)), (hzero.status.code(), stdout(&hzero)), "{arguments:?}");
        codes.push(ours.status.code().unwrap());
    }
    assert_eq!(codes, [0, 0, 0, 0, 0, 0, 1, 1, 2, 2]);
}

#[test]
fn folders_called_like_a_command_are_reached_by_their_path() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("check")).unwrap();
    fs::copy(fixture("siesta/h2o/scf/h2o.HSX"), folder.path().join("check/h2o.HSX")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ham-convert"));
    let output = command.args(["./check", "h2o.TSHS"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(folder.path().join("h2o.TSHS").is_file());
}

/// Also within one code: what the one file that is written has no place for.
#[test]
fn what_one_file_has_no_place_for_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let text = done(&fixture("siesta/h2o"), &folder.path().join("H_IN"), &[]);
    for lost in ["H0: one H per target; --of h0 writes it", "S", "DM", "the Fermi level", "the structure", "the shells"]
    {
        assert!(text.lines().any(|line| line == format!("lost: {lost}")), "{lost}: {text}");
    }
    let text = done(&fixture("siesta/h2o/scf/h2o.HSX"), &folder.path().join("h2o.TSHS"), &[]);
    assert_eq!(text.lines().filter(|line| !line.contains("shells")).count(), 1, "{text}");
}

/// E_F moves along with H.
#[test]
fn the_zero_of_energy_moves_with_the_fermi_level() {
    let folder = tempfile::tempdir().unwrap();
    let target = |name: &str| folder.path().join(name);
    let level = |path: &Path| hzero_parsers::read(path, &Default::default()).unwrap().fermi_level.unwrap();
    let run = fixture("siesta/h2o");
    done(&run, &target("a"), &["--to", "siesta-hsx", "--shift", "fermi"]);
    done(&run, &target("b.HSX"), &["--shift", "-2.5"]);
    assert_eq!(level(&target("a")), 0.0);
    let moved = (level(&target("b.HSX")) - level(&run)) * 27.211386245988;
    assert!((moved - 2.5).abs() < 1e-9, "{moved}");
}

/// A run without S: an error that names the way out, and nothing left behind; zeros that are reported.
#[cfg(feature = "hdf5")]
#[test]
fn what_is_missing_is_an_error_unless_zeros_are_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let (run, target) = (folder.path().join("run"), folder.path().join("out"));
    fs::create_dir_all(run.join("OUT.ABACUS")).unwrap();
    let scf = fixture("abacus/H2O_box/scf");
    for file in ["INPUT", "STRU", "KPT", "OUT.ABACUS/data-HR-sparse_SPIN0.csr", "OUT.ABACUS/running_scf.log"] {
        fs::copy(scf.join(file), run.join(file)).unwrap();
    }
    let message = refused(&run, &target, &["--to", "deeph"]);
    assert!(message.contains("no S") && message.contains("--fill zero") && message.contains("run"), "{message}");
    assert_eq!(names(folder.path()), ["run"]);
    let text = done(&run, &target, &["--to", "deeph", "--fill", "zero"]);
    assert!(text.lines().any(|line| line.starts_with("filled with zeros: S")), "{text}");
}

/// Within one code as between two: a file of the user goes only with the user's word.
#[test]
fn files_are_replaced_by_force() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("x.HSX");
    for (source, target, options, mine) in [
        ("openmx/h2o", target.clone(), ["--of", "h0"], "x.HSX"),
        ("siesta/h2o", target, ["--of", "h0"], "x.HSX"),
        ("siesta/h2o", folder.path().join("siesta"), ["--to", "siesta-dm"], "siesta/h2o.DM"),
        ("abacus/H2O_box", folder.path().join("abacus"), ["--to", "abacus-new"], "abacus/scf/INPUT"),
    ] {
        let mine = folder.path().join(mine);
        fs::create_dir_all(mine.parent().unwrap()).unwrap();
        fs::write(&mine, "mine").unwrap();
        let message = refused(&fixture(source), &target, &options);
        assert!(message.contains(&format!("{}: there is a file of this name", mine.display())), "{message}");
        assert_eq!(fs::read(&mine).unwrap(), b"mine");
        done(&fixture(source), &target, &[&options[..], &["--force"]].concat());
        assert_ne!(fs::read(&mine).unwrap(), b"mine");
    }
}

/// A folder that is there is replaced only with the user's word, and only if a conversion wrote it.
#[cfg(feature = "hdf5")]
#[test]
fn folders_are_replaced_by_force() {
    let folder = tempfile::tempdir().unwrap();
    let (run, target) = (fixture("siesta/h2o"), folder.path().join("out"));
    done(&run, &target, &["--to", "deeph"]);
    assert!(refused(&run, &target, &["--to", "deeph"]).contains("out: the folder is not empty; --force replaces it"));
    done(&run, &target, &["--to", "dftio", "--force"]);
    assert!(target.join("basis.dat").is_file() && !target.join("POSCAR").exists());
    let mine = folder.path().join("mine");
    fs::create_dir(&mine).unwrap();
    fs::write(mine.join("thesis.tex"), "").unwrap();
    let message = refused(&run, &mine, &["--to", "deeph", "--force"]);
    assert!(message.contains("mine: the folder is not empty and has no hzero.json"), "{message}");
    assert_eq!(names(&mine), ["thesis.tex"]);
}

/// dftio's habit is single precision, which is said.
#[cfg(feature = "hdf5")]
#[test]
fn double_precision_is_kept_on_demand() {
    let folder = tempfile::tempdir().unwrap();
    let run = fixture("siesta/h2o");
    let single = done(&run, &folder.path().join("single"), &["--to", "dftio"]);
    assert!(single.contains("changed: single precision"), "{single}");
    let double = done(&run, &folder.path().join("double"), &["--to", "dftio", "--double"]);
    assert!(!double.contains("single precision"), "{double}");
}

/// An orthogonal basis passes the checks: S is the identity.
#[test]
fn wannier_functions_pass_their_checks() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out");
    let text = done(&fixture("siesta/h2o"), &target, &["--to", "wannier90-tb", "--mesh", "2,2,2"]);
    assert!(text.contains("orthogonalised (Löwdin) on 2 x 2 x 2 k points"), "{text}");
    let output = ham_convert(&["check", target.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let report = stdout(&output);
    assert!(report.contains("ok         1.00e0  (above 0e0)     S: smallest eigenvalue of S(k)"), "{report}");
}

/// Neutral folders are checked as the runs that they came from.
#[cfg(feature = "hdf5")]
#[test]
fn check_takes_any_format() {
    let folder = tempfile::tempdir().unwrap();
    for (run, format) in [("abacus/graphene", "dftio"), ("siesta/feas_so", "deeph"), ("openmx/h2o_nc", "deeph-legacy")]
    {
        let target = folder.path().join(format);
        done(&fixture(run), &target, &["--to", format]);
        let output = ham_convert(&["check", target.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{run} {format}: {}{}", stdout(&output), stderr(&output));
        fs::remove_file(target.join("hzero.json")).unwrap();
        let output = ham_convert(&["check", target.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{run} {format} alone: {}{}", stdout(&output), stderr(&output));
    }
}
