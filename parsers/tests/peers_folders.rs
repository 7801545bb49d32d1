//! DeepH-dock, DeePTB and sisl read the folders that we write, and find the eigenvalues of the run that these came from, its Fermi
//! level and its electrons where they read them.
//!
//! They run in the Pythons that `scripts/setup.sh --peers` puts into `.venv*`; without one its folders are skipped.

mod runs;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use hzero_parsers::bloch::BlochSum;
use hzero_parsers::convert::{Request, WriteOptions, convert};
use hzero_parsers::eigen::OverlapFactor;
use hzero_parsers::format::Format;
use hzero_parsers::{Calculation, ReadOptions, SpinOperator, c64, read};

/// Reduced, points of [`MESH`]; no symmetry holds at the last.
const KPOINTS: [[f64; 3]; 2] = [[0.0, 0.0, 0.0], [1.0 / 3.0, 0.0, -1.0 / 3.0]];
/// Of Wannier90's files.
const MESH: [u32; 3] = [3, 3, 3];
/// eV. Peers diagonalise one triangle of H(k); SIESTA's and OpenMX' are Hermitian to 1e-9.
const DOUBLE: f64 = 1e-7;
/// eV: dftio's single precision.
const SINGLE: f64 = 2e-4;
/// eV: eigenvalues up to here above E_F are compared; higher ones suffer where S(k) is nearly singular.
const WINDOW: f64 = 10.0;

/// A program that reads a format.
struct Peer {
    name: &'static str,
    /// Folder of its Python in the project.
    python: &'static str,
    /// In `tests/peers`.
    script: &'static str,
    /// What it reads, whether in double precision, and the name of the file or folder.
    reads: &'static [(Format, bool, &'static str)],
    /// Values of nspin.
    nspin: &'static [usize],
}

const PEERS: [Peer; 3] = [
    Peer {
        name: "DeepH-dock",
        python: ".venv-deeph",
        script: "deeph_reads.py",
        reads: &[(Format::Deeph, true, "run"), (Format::DeephLegacy, true, "run")],
        nspin: &[1, 2, 4],
    },
    Peer {
        name: "DeePTB",
        python: ".venv-deeptb",
        script: "deeptb_reads.py",
        reads: &[(Format::Dftio, false, "run.0"), (Format::Dftio, true, "run.0")],
        nspin: &[1],
    },
    Peer {
        name: "sisl",
        python: ".venv",
        script: "wannier_reads.py",
        reads: &[(Format::WannierHr, true, "run_hr.dat"), (Format::WannierTb, true, "run_tb.dat")],
        nspin: &[1, 4],
    },
];

/// One line of a script.
#[derive(serde::Deserialize)]
struct Found {
    path: PathBuf,
    energies: Vec<Vec<f64>>,
    fermi_level: Option<f64>,
    electrons: Option<f64>,
}

/// What was written for a peer, and what it should find there.
struct Expected {
    what: String,
    format: Format,
    tolerance: f64,
    /// eV, at each of [`KPOINTS`].
    energies: Vec<Vec<f64>>,
    fermi_level: Option<f64>,
    electrons: Option<f64>,
}

#[test]
fn peers_find_in_our_folders_what_the_runs_hold() {
    let runs: Vec<(String, Calculation, PathBuf)> = systems();
    assert!(runs.len() >= 12, "{} runs", runs.len());
    let mut failures = Vec::new();
    for peer in &PEERS {
        let folder = tempfile::tempdir().unwrap();
        let written = write_all(peer, &runs, folder.path());
        let Some(python) = python(peer) else {
            println!("skipped {} folders: no {} (scripts/setup.sh --peers)", written.len(), peer.name);
            continue;
        };
        let found = found_by(peer, &python, written.keys());
        assert_eq!(found.len(), written.len(), "{}", peer.name);
        found.iter().for_each(|found| compare(peer, &written[&found.path], found, &mut failures));
        println!("{} read {} folders", peer.name, found.len());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The fixtures of all codes with a converged H.
fn systems() -> Vec<(String, Calculation, PathBuf)> {
    let mut systems = Vec::new();
    for code in ["abacus", "openmx", "siesta"] {
        let root = runs::project().join("fixtures").join(code);
        let entries = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
        for path in entries.filter(|path| path.join("scf").is_dir()) {
            let run = read(&path, &ReadOptions::default()).unwrap();
            let name = format!("{code}/{}", path.file_name().unwrap().to_string_lossy());
            systems.extend(run.hamiltonian.is_some().then_some((name, run, path)));
        }
    }
    systems
}

/// All that the peer may read of these runs, by path.
fn write_all(peer: &Peer, runs: &[(String, Calculation, PathBuf)], folder: &Path) -> BTreeMap<PathBuf, Expected> {
    let mut written = BTreeMap::new();
    for (n, (name, run, source)) in runs.iter().enumerate() {
        for (m, &(format, double, file)) in peer.reads.iter().enumerate() {
            let nspin = run.nspin().unwrap();
            if !peer.nspin.contains(&nspin) || !format.capabilities().nspin.contains(&nspin) {
                continue;
            }
            let target = folder.join(format!("{n}/{m}/{file}"));
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            let write = WriteOptions { double, mesh: Some(MESH), ..WriteOptions::default() };
            convert(&Request { write, ..Request::new(source, &target, format) }).unwrap();
            let what = format!("{name} as {format}");
            let tolerance = if format == Format::Dftio && !double { SINGLE } else { DOUBLE };
            written.insert(target, expected(what, run, format, tolerance));
        }
    }
    written
}

fn expected(what: String, run: &Calculation, format: Format, tolerance: f64) -> Expected {
    let ev = run.origin.ev_per_hartree;
    let energies = KPOINTS.map(|k| energies(run, k).into_iter().map(|energy| energy * ev).collect());
    Expected {
        what,
        format,
        tolerance,
        energies: energies.into(),
        fermi_level: run.fermi_level.map(|level| level * ev),
        electrons: run.n_electrons,
    }
}

/// Of all channels together, hartree, ascending; by our own dense solver.
fn energies(run: &Calculation, k: [f64; 3]) -> Vec<f64> {
    let (h, s) = (run.hamiltonian.as_ref().unwrap(), run.overlap.as_ref().unwrap());
    let spinor = matches!(h, SpinOperator::Spinor(_));
    let s = BlochSum::new(s.pairs(), &run.basis).overlap_at(s, spinor, k);
    let factor = OverlapFactor::new(s.as_ref(), k, None, faer::Par::Seq).unwrap();
    let of_channel = |h: &faer::Mat<c64>| factor.energies(h.as_ref()).unwrap();
    let channels = BlochSum::new(h.pairs(), &run.basis).channels_at(h, k);
    let mut energies: Vec<f64> = channels.iter().flat_map(of_channel).collect();
    energies.sort_by(f64::total_cmp);
    energies
}

/// Its Python, where it works.
fn python(peer: &Peer) -> Option<PathBuf> {
    let python = runs::project().join(peer.python).join("bin/python");
    let works = Command::new(&python).arg(script(peer)).arg("--").output();
    works.is_ok_and(|output| output.status.success()).then_some(python)
}

fn script(peer: &Peer) -> PathBuf {
    runs::project().join("tests/peers").join(peer.script)
}

fn found_by<'a>(peer: &Peer, python: &Path, paths: impl Iterator<Item = &'a PathBuf>) -> Vec<Found> {
    let kpoints = KPOINTS.map(|[x, y, z]| format!("{x} {y} {z}"));
    let output = Command::new(python).arg(script(peer)).args(kpoints).arg("--").args(paths).output().unwrap();
    assert!(output.status.success(), "{}: {}", peer.name, String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|line| line.starts_with('{'));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Adds what differs to `failures`.
fn compare(peer: &Peer, expected: &Expected, found: &Found, failures: &mut Vec<String>) {
    let mut check = |what: &str, difference: f64, tolerance: f64| {
        if difference.is_nan() || difference > tolerance {
            failures.push(format!("{}: {what} of {} differs by {difference:.1e}", peer.name, expected.what));
        }
    };
    let top = expected.fermi_level.map_or(f64::INFINITY, |level| level + WINDOW);
    for (own, found) in expected.energies.iter().zip(&found.energies) {
        assert_eq!(own.len(), found.len(), "{}: {}", peer.name, expected.what);
        let pairs = own.iter().zip(found).filter(|(own, _)| **own < top);
        check("an eigenvalue (eV)", pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max), expected.tolerance);
    }
    if let (Some(own), Some(found)) = (expected.fermi_level, found.fermi_level) {
        check("E_F (eV)", (own - found).abs(), 1e-10);
    }
    if peer.name == "DeepH-dock" && expected.format == Format::Deeph {
        let electrons = expected.electrons.zip(found.electrons).map(|(a, b)| (a - b).abs());
        check("the number of electrons", electrons.unwrap_or(f64::INFINITY), 1e-10);
    }
}
