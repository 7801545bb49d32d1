//! `hzero-mpi` finds what one process finds, survives the death of its ranks, and says what is wrong.

#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const HZERO_MPI: &str = env!("CARGO_BIN_EXE_hzero-mpi");

/// Open MPI's options for containers, whose user is root and whose cores are few; 100 s are the end of a run that hangs.
const LAUNCH: [&str; 10] = [
    "--allow-run-as-root",
    "--oversubscribe",
    "--mca",
    "btl_vader_single_copy_mechanism",
    "none",
    "--mca",
    "mpi_yield_when_idle",
    "1",
    "--timeout",
    "100",
];

fn fixture(name: &str) -> PathBuf {
    Path::new(ROOT).join("fixtures").join(name)
}

/// `mpirun -n RANKS`, without what other MPI libraries than Open MPI do not know.
fn mpirun(ranks: usize) -> Command {
    let mut command = Command::new("mpirun");
    let version = Command::new("mpirun").arg("--version").output().expect("an MPI library comes with mpirun");
    if String::from_utf8_lossy(&version.stdout).contains("Open MPI") {
        command.args(LAUNCH);
    }
    command.env("OPENBLAS_NUM_THREADS", "1").arg("-n").arg(ranks.to_string()).arg(HZERO_MPI);
    command
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    output
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The largest difference of two numbers in the same place; everything else must be the same.
fn largest_difference(a: &Value, b: &Value) -> f64 {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => (a.as_f64().unwrap() - b.as_f64().unwrap()).abs(),
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len());
            assert!(!a.contains(&Value::Null), "a number that is none is written as null");
            a.iter().zip(b).map(|(a, b)| largest_difference(a, b)).fold(0.0, f64::max)
        }
        (Value::Object(a), Value::Object(b)) => {
            assert!(a.keys().eq(b.keys()), "{:?} {:?}", a.keys(), b.keys());
            a.iter().map(|(key, value)| largest_difference(value, &b[key])).fold(0.0, f64::max)
        }
        _ => {
            assert_eq!(a, b);
            0.0
        }
    }
}

/// `n` points off all symmetry.
fn write_kpoints(path: &Path, n: usize) {
    let line = |i: usize| format!("{} {} {}\n", 0.37 * i as f64 / n as f64, 0.1, 0.2 * i as f64 / n as f64);
    std::fs::write(path, (0..n).map(line).collect::<String>()).unwrap();
}

/// A folder with k points and what one process finds there.
struct Reference {
    home: tempfile::TempDir,
    run: PathBuf,
    options: Vec<&'static str>,
}

impl Reference {
    fn new(run: &str, n_kpoints: usize, options: &[&'static str]) -> Reference {
        let home = tempfile::tempdir().unwrap();
        write_kpoints(&home.path().join("kpoints"), n_kpoints);
        Reference::of(fixture(run), home, options)
    }

    /// In a folder that has the k points.
    fn of(run: PathBuf, home: tempfile::TempDir, options: &[&'static str]) -> Reference {
        let reference = Reference { home, run, options: options.to_vec() };
        let mut hzero = Command::new(env!("CARGO_BIN_EXE_hzero"));
        let output = done(reference.problem(&mut hzero).arg("--json"));
        std::fs::write(reference.at("expected.json"), output.stdout).unwrap();
        reference
    }

    fn at(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn problem<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.arg("eigenvalues").arg(&self.run).arg("--kpoints").arg(self.at("kpoints")).args(&self.options)
    }

    /// The program, not started yet.
    fn command(&self, ranks: usize, more: &[&str]) -> Command {
        let mut command = mpirun(ranks);
        self.problem(&mut command).arg("--out").arg(self.at("out.json")).args(more);
        command
    }

    /// By how much the output differs from that of one process, eV.
    fn difference(&self) -> f64 {
        largest_difference(&json(&self.at("out.json")), &json(&self.at("expected.json")))
    }

    fn journal(&self) -> PathBuf {
        self.at("out.json.journal")
    }

    /// Finished k points.
    fn n_finished(&self) -> usize {
        std::fs::read_to_string(self.journal()).map_or(0, |text| text.lines().count().saturating_sub(1))
    }

    /// Starts a run of so many k points that it cannot be over, and waits until it has finished some.
    fn under_way(&self, ranks: usize) -> Child {
        let child = self.command(ranks, &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (start, before) = (Instant::now(), self.n_finished());
        while self.n_finished() < before + 10 {
            assert!(start.elapsed() < Duration::from_secs(60), "no k point was finished in a minute");
            std::thread::sleep(Duration::from_millis(1));
        }
        child
    }
}

/// One run for each kind of spin, of all three codes; H0 needs a Fermi level from a k mesh.
const RUNS: [(&str, &[&str]); 5] = [
    ("abacus/graphene", &[]),
    ("abacus/o2_spin2", &["--of", "h0"]),
    ("openmx/gaas_soc", &[]),
    ("siesta/fe2_nc", &[]),
    ("siesta/mos2", &["--of", "h0"]),
];

fn agrees(ranks: usize, solver: &[&str]) {
    for (run, options) in RUNS {
        let reference = Reference::new(run, 5, options);
        done(&mut reference.command(ranks, solver));
        let difference = reference.difference();
        println!("{run:<20} {ranks} ranks {solver:?}: {difference:.1e} eV");
        assert!(difference < 1e-10, "{run} {solver:?}: {difference:e}");
        assert!(!reference.journal().exists());
    }
}

#[test]
fn two_ranks_find_what_one_process_finds() {
    agrees(2, &[]);
}

#[cfg(feature = "elpa")]
#[test]
fn two_ranks_that_share_a_matrix_find_what_one_process_finds() {
    agrees(2, &["--solver", "elpa"]);
}

#[cfg(feature = "elpa")]
#[test]
fn two_groups_of_ranks_find_what_one_process_finds() {
    agrees(4, &["--ranks-per-k", "2"]);
}

/// Graphene of 50 atoms: 650 orbitals, more than a whole spectrum is computed of.
fn large_cell(home: &Path) -> PathBuf {
    let run = home.join("graphene");
    let mut tile = Command::new(env!("CARGO_BIN_EXE_hzero"));
    done(tile.arg("tile").arg(fixture("abacus/graphene")).args(["5x5x1", "--out"]).arg(&run));
    run
}

/// The states of the window, and the number of those below.
#[test]
fn two_ranks_that_look_for_few_states_find_what_one_process_finds() {
    let home = tempfile::tempdir().unwrap();
    write_kpoints(&home.path().join("kpoints"), 3);
    let large = Reference::of(large_cell(home.path()), home, &["--of", "h0", "--nearest", "8", "--around", "-4"]);
    let small = Reference::new("openmx/fe_spin", 5, &["--nearest", "5"]);
    for reference in [large, small] {
        done(&mut reference.command(2, &[]));
        let difference = reference.difference();
        println!("{:?} 2 ranks: {difference:.1e} eV", reference.options);
        assert!(difference < 1e-10, "{:?}: {difference:e}", reference.options);
    }
}

#[test]
fn bands_are_those_of_one_process() {
    let home = tempfile::tempdir().unwrap();
    let bands = |command: &mut Command, out: &str| {
        let out = home.path().join(out);
        done(command.arg("bands").arg(fixture("abacus/graphene")).args(["--points", "20", "--out"]).arg(&out));
        out
    };
    let by_one = bands(&mut Command::new(env!("CARGO_BIN_EXE_hzero")), "one");
    let by_two = bands(&mut mpirun(2), "two");
    let names = |folder: &Path| {
        let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&by_two), names(&by_one));
    assert!(largest_difference(&json(&by_two.join("bands.json")), &json(&by_one.join("bands.json"))) < 1e-10);
}

/// Process ids of the ranks of a running mpirun.
fn ranks_of(mpirun: &Child) -> Vec<(u32, String)> {
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", mpirun.id())).unwrap();
    let rank = |pid: &str| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
        let text = String::from_utf8_lossy(&environment).into_owned();
        let rank = text.split('\0').find_map(|line| line.strip_prefix("OMPI_COMM_WORLD_RANK="))?;
        Some((pid.parse().ok()?, rank.to_owned()))
    };
    children.split_whitespace().filter_map(rank).collect()
}

fn send(signal: &str, process: u32) {
    assert!(Command::new("kill").args([signal, &process.to_string()]).status().unwrap().success());
}

/// What is left is usable: the same command goes on, and finds what one process finds.
fn goes_on(reference: &Reference) {
    let n_finished = reference.n_finished();
    assert!(n_finished >= 10, "{n_finished}");
    assert!(!reference.at("out.json").exists());
    let output = done(&mut reference.command(2, &[]));
    let kept: usize =
        said(&output).split(" k points are kept").next().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    // The last line may be a half one.
    assert!(kept == n_finished || kept + 1 == n_finished, "{kept} of {n_finished}");
    assert!(reference.difference() < 1e-10);
    assert!(!reference.journal().exists());
}

#[cfg(target_os = "linux")]
#[test]
fn the_death_of_a_rank_ends_the_run_and_costs_nothing_that_is_finished() {
    let reference = Reference::new("siesta/mos2", 1000, &[]);
    for victim in ["1", "0"] {
        let child = reference.under_way(2);
        let ranks = ranks_of(&child);
        let (process, _) = ranks.iter().find(|(_, rank)| rank == victim).unwrap_or_else(|| panic!("{ranks:?}"));
        send("-KILL", *process);
        let output = child.wait_with_output().unwrap();
        assert!(!output.status.success());
        assert!(said(&output).contains("signal 9"), "{}", said(&output));
        assert!(victim == "0" || said(&output).contains("the same command goes on from there"), "{}", said(&output));
    }
    goes_on(&reference);
}

/// Slurm sends SIGTERM to every rank.
#[cfg(target_os = "linux")]
#[test]
fn the_end_of_a_jobs_time_costs_nothing_that_is_finished() {
    let reference = Reference::new("siesta/mos2", 1000, &[]);
    let child = reference.under_way(2);
    ranks_of(&child).iter().for_each(|(process, _)| send("-TERM", *process));
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success());
    assert!(said(&output).contains("k points are kept in"), "{}", said(&output));
    goes_on(&reference);
}

#[test]
fn a_journal_of_something_else_is_refused() {
    let reference = Reference::new("siesta/mos2", 1000, &[]);
    let child = reference.under_way(2);
    send("-TERM", child.id());
    child.wait_with_output().unwrap();
    let refused = |command: &mut Command, why: &str| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(why), "{}", said(&output));
        assert!(reference.journal().exists());
    };
    refused(&mut reference.command(2, &["--null-space", "1e-8"]), "the journal belongs to other options");
    let mut other = mpirun(2);
    other.arg("eigenvalues").arg(fixture("siesta/fe")).arg("--kpoints").arg(reference.at("kpoints"));
    refused(other.arg("--out").arg(reference.at("out.json")), "the journal belongs to another run");
}

/// S of the fixture, and a function that overlaps with itself in the next cell: S(k) gains 1.2 cos 2πk in one place.
fn write_bad_overlap(path: &Path) {
    let good = fixture("abacus/H2O_box/scf/OUT.ABACUS/data-SR-sparse_SPIN0.csr");
    let text = std::fs::read_to_string(good).unwrap();
    let (head, block) = text.split_once("S(R): 1\n").unwrap();
    let row_starts = format!("0{}", " 1".repeat(23));
    let next_cell = |r: i32| format!("{r} 0 0 1\n 0.6\n 0\n {row_starts}\n");
    std::fs::write(path, format!("{head}S(R): 3\n{}{block}{}", next_cell(-1), next_cell(1))).unwrap();
}

/// The others are finished, and kept: without the bad point the run goes on from them.
fn names_the_bad_point(solver: &[&str]) {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    write_bad_overlap(&at("S.csr"));
    let solved = |kpoints: &str| {
        std::fs::write(at("kpoints"), kpoints).unwrap();
        let mut command = mpirun(2);
        command.arg("eigenvalues").arg(fixture("abacus/H2O_box")).arg("--overlap").arg(at("S.csr"));
        command.arg("--kpoints").arg(at("kpoints")).arg("--out").arg(at("out.json")).args(solver).output().unwrap()
    };
    let output = solved("0 0 0\n0.1 0 0\n0.2 0 0\n0.5 0 0\n");
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let message = said(&output);
    assert!(message.contains("not positive definite") && message.contains("[0.5, 0.0, 0.0]"), "{message}");
    let output = solved("0 0 0\n0.1 0 0\n0.2 0 0\n");
    assert!(output.status.success() && said(&output).contains("3 k points kept, 0 solved"), "{}", said(&output));
}

#[test]
fn the_k_point_that_has_no_solution_is_named() {
    names_the_bad_point(&[]);
}

#[cfg(feature = "elpa")]
#[test]
fn ranks_that_share_a_matrix_do_not_wait_for_one_that_found_it_wrong() {
    names_the_bad_point(&["--solver", "elpa"]);
}

#[test]
fn complaints_are_made_once() {
    let reference = Reference::new("abacus/graphene", 1, &[]);
    for (ranks, more, wanted) in [
        (2, &["--ranks-per-k", "3"][..], "2 ranks cannot be divided into groups of 3"),
        (2, &["--of", "nothing"], "invalid value 'nothing'"),
        (2, &["--solver", "faer", "--ranks-per-k", "2"], "2 ranks per k point need --solver elpa"),
        (2, &["--solver", "sparse"], "--nearest asks for"),
        (2, &["--structure", "nowhere"], "nowhere"),
    ] {
        let output = reference.command(ranks, more).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert_eq!(said(&output).matches(wanted).count(), 1, "{}", said(&output));
    }
}

#[test]
fn the_job_script_runs() {
    let reference = Reference::new("abacus/graphene", 5, &[]);
    let mut launch: Vec<String> = Vec::new();
    let mpirun = mpirun(2);
    launch.push(mpirun.get_program().to_str().unwrap().to_owned());
    launch.extend(mpirun.get_args().map(|word| word.to_str().unwrap().to_owned()));
    launch.pop();
    let mut job = Command::new("bash");
    job.arg(Path::new(ROOT).join("examples/jobs/mpi.sh")).env("HZERO_MPI", HZERO_MPI).env("LAUNCH", launch.join(" "));
    job.env_remove("SLURM_JOB_ID").env_remove("SLURM_CPUS_PER_TASK");
    let output = job.arg(&reference.run).arg(reference.at("kpoints")).arg(reference.at("out.json")).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(reference.difference() < 1e-10);
}

#[test]
fn it_needs_no_libtorch() {
    let bytes = std::fs::read(HZERO_MPI).unwrap();
    let names = |name: &[u8]| bytes.windows(name.len()).any(|window| window == name);
    assert!(names(b"libmpi.so"));
    assert!(cfg!(feature = "torch") || !names(b"libtorch_cpu.so"));
}
