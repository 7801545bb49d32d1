//! Other programs find in our files what we put into them: H(k), S(k), DM(k), Fermi level, electrons, eigenvalues. Runs of every
//! code become files of SIESTA.
//!
//! sisl runs in the Python that `scripts/setup.sh --peers` puts into `.venv` (or that `HZERO_PYTHON` names). Its conventions are
//! its own: it subtracts E_F S from H, and keeps what a file has for (i, j, R) at (j, i, −R), the spins where they are. That is
//! H(k)†, which is H(k) but for the last digits (SIESTA's matrices are Hermitian to 1e-9); DM(k) becomes DM(−k) with i and j
//! exchanged.

use std::path::{Path, PathBuf};
use std::process::Command;

use faer::Mat;
use hzero::bands::bloch::BlochSum;
use hzero::bands::dos::{self, DosCurve, LevelOf, Method};
use hzero::bands::eigen::OverlapFactor;
use hzero::bands::mesh::default_grid;
use hzero::bands::projection::{By, Groups};
use hzero::bands::structure::own_sources;
use hzero::parsers::convert::{Request, convert};
use hzero::parsers::format::Format;
use hzero::parsers::{Calculation, ErrorKind, KGrid, NativeLayout, Of, ReadOptions, Smearing, SpinOperator, c64, read};

/// Reduced; no symmetry holds there.
const KPOINTS: [[f64; 3]; 2] = [[0.1, 0.23, -0.37], [-0.31, 0.42, 0.17]];
/// Ry: sisl multiplies and divides by its eV, adds and subtracts E_F S.
const TOLERANCE: f64 = 1e-12;
/// Ry: H(k) and H(k)† have eigenvalues that differ by so much.
const ENERGY_TOLERANCE: f64 = 1e-7;
/// Ry: eigenvalues are compared up to here above E_F (5 eV); higher ones suffer more where S(k) has small eigenvalues.
const WINDOW: f64 = 0.37;
/// Single precision, which is all that HSX of SIESTA 4.1 has.
const SINGLE: f64 = 1e-5;

/// Files that sisl reads, their ends, and whether every run can become one.
const FORMATS: [(Format, &str, bool); 4] = [
    (Format::SiestaHsx, "HSX", true),
    (Format::SiestaTshs, "TSHS", true),
    (Format::SiestaDm, "DM", false),
    (Format::SiestaNc, "nc", false),
];

/// One line of `tests/peers/sisl_reads.py`.
#[derive(serde::Deserialize)]
struct Found {
    file: PathBuf,
    fermi_level: Option<f64>,
    electrons: Option<f64>,
    h: Option<Vec<Vec<Matrix>>>,
    s: Option<Vec<Matrix>>,
    dm: Option<Vec<Vec<Matrix>>>,
    energies: Option<Vec<Vec<Vec<f64>>>>,
}

/// Real and imaginary parts, row by row.
type Matrix = [Vec<f64>; 2];

/// A run, and the files that we wrote for it.
struct Written {
    name: String,
    run: Calculation,
    files: Vec<PathBuf>,
}

#[test]
fn sisl_finds_in_our_files_what_we_put_there() {
    let runs = runs();
    assert!(runs.len() >= 10, "{} runs", runs.len());
    let Some(python) = python() else {
        println!("skipped {} runs: no sisl (scripts/setup.sh --peers)", runs.len());
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let target = |index: usize| folder.path().join(index.to_string());
    let written: Vec<Written> = runs.iter().enumerate().map(|(index, run)| write(run, &target(index))).collect();
    let found = found_by_sisl(&python, written.iter().flat_map(|written| &written.files));
    let mut failures = Vec::new();
    for written in &written {
        let of_run = found.iter().filter(|found| written.files.contains(&found.file));
        let kinds: Vec<String> = of_run.map(|found| compare(written, found, &mut failures)).collect();
        assert_eq!(kinds.len(), written.files.len(), "{}", written.name);
        println!("{:<28} {}", written.name, kinds.join(" "));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Fixtures of all codes, and the larger runs of SIESTA where they are present.
fn runs() -> Vec<PathBuf> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = std::env::var_os("HZERO_SHARED").map_or(project.join("../shared"), PathBuf::from);
    let with_hdf5 = cfg!(feature = "hdf5").then_some("siesta_nc");
    let codes = ["siesta", "abacus", "openmx"].into_iter().chain(with_hdf5);
    let roots = codes.map(|code| project.join("fixtures").join(code)).chain([shared.join("dft/siesta")]);
    let entries = roots.filter_map(|root| std::fs::read_dir(root).ok()).flatten();
    let mut runs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    runs.retain(|run| run.join("scf").is_dir());
    runs.sort();
    runs
}

fn python() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    let python = std::env::var_os("HZERO_PYTHON").map_or(own, PathBuf::from);
    let works = Command::new(&python).args(["-c", "import sisl, netCDF4"]).output();
    works.is_ok_and(|output| output.status.success()).then_some(python)
}

/// All files of SIESTA that the run can become.
fn write(path: &Path, folder: &Path) -> Written {
    let run = read(path, &ReadOptions::default()).unwrap();
    std::fs::create_dir_all(folder).unwrap();
    let code = path.parent().and_then(Path::file_name).unwrap().to_string_lossy();
    let name = format!("{code}/{}", path.file_name().unwrap().to_string_lossy());
    // Of another code's run, a lone DM and a lone TSHS differ in their patterns, and sisl wants them alike.
    let is_siestas = matches!(run.native, Some(NativeLayout::Siesta(_)));
    let possible = FORMATS.iter().filter(|(to, ..)| match to {
        Format::SiestaNc => cfg!(feature = "hdf5"),
        Format::SiestaDm => is_siestas,
        _ => true,
    });
    let files = possible.filter_map(|&(to, end, always)| {
        match convert(&Request::new(path, folder.join("run").with_extension(end), to)) {
            Ok(mut report) => report.files.pop(),
            Err(error) if !always && matches!(error.kind(), ErrorKind::NotRepresentable { .. }) => None,
            Err(error) => panic!("{name}: {error}"),
        }
    });
    let files = files.collect();
    Written { name, run, files }
}

fn found_by_sisl<'a>(python: &Path, files: impl Iterator<Item = &'a PathBuf>) -> Vec<Found> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/sisl_reads.py");
    let kpoints = KPOINTS.map(|[x, y, z]| format!("{x} {y} {z}"));
    let output = Command::new(python).arg(script).args(kpoints).arg("--").args(files).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Adds what differs to `failures`; tells what was compared.
fn compare(written: &Written, found: &Found, failures: &mut Vec<String>) -> String {
    let Written { name, run, .. } = written;
    let file = found.file.file_name().unwrap().to_string_lossy();
    let is_single = file.ends_with("HSX") && found.fermi_level == Some(0.0);
    let mut check = |what: &str, difference: f64, tolerance: f64| {
        if difference.is_nan() || difference > if is_single { SINGLE } else { tolerance } {
            failures.push(format!("{name}: {what} of {file} differs by {difference:.1e}"));
        }
    };
    for (n, &k) in KPOINTS.iter().enumerate() {
        if let (Some(in_h), Some(in_s), Some(energies)) = (&found.h, &found.s, &found.energies) {
            let (h, s) = hamiltonian_and_overlap(run, k);
            check("H(k)", difference(run, &h, &in_h[n]), TOLERANCE);
            check("S(k)", difference(run, std::slice::from_ref(&s), std::slice::from_ref(&in_s[n])), TOLERANCE);
            check("an eigenvalue", energies_differ(run, &h, &s, k, &energies[n]), ENERGY_TOLERANCE);
        }
        if let (Some(in_dm), Some(dm)) = (&found.dm, &run.density_matrix) {
            check("DM(k)", difference(run, &exchanged(run, dm, k), &in_dm[n]), TOLERANCE);
        }
    }
    if let (Some(level), Some(own), false) = (found.fermi_level, run.fermi_level, is_single) {
        check("E_F", (level - 2.0 * own).abs(), TOLERANCE);
    }
    if let (Some(electrons), Some(own)) = (found.electrons, run.n_electrons) {
        check("the number of electrons", (electrons - own).abs(), 1e-6);
    }
    file.rsplit('.').next().unwrap_or_default().to_owned()
}

/// H(k)† of each channel and S(k)† of the same size, Ry.
fn hamiltonian_and_overlap(run: &Calculation, k: [f64; 3]) -> (Vec<Mat<c64>>, Mat<c64>) {
    let (h, s) = (run.hamiltonian.as_ref().unwrap(), run.overlap.as_ref().unwrap());
    let channels = BlochSum::new(h.pairs(), &run.basis).channels_at(h, k);
    let spinor = matches!(h, SpinOperator::Spinor(_));
    let overlap = BlochSum::new(s.pairs(), &run.basis).overlap_at(s, spinor, k);
    let twice = faer::Scale(c64::new(2.0, 0.0));
    (channels.iter().map(|h| twice * h.adjoint().to_owned()).collect(), overlap.adjoint().to_owned())
}

/// DM(−k) of each channel, orbitals of rows and columns exchanged, but not their spins.
fn exchanged(run: &Calculation, dm: &SpinOperator, k: [f64; 3]) -> Vec<Mat<c64>> {
    let n = run.basis.n_orbitals();
    let channels = BlochSum::new(dm.pairs(), &run.basis).channels_at(dm, k.map(|x| -x));
    let element = |dm: &Mat<c64>, i: usize, j: usize| dm[(i / n * n + j % n, j / n * n + i % n)];
    channels.iter().map(|dm| Mat::from_fn(dm.nrows(), dm.ncols(), |i, j| element(dm, i, j))).collect()
}

/// Largest difference of an element; in SIESTA's functions of odd m the sign is the other.
fn difference(run: &Calculation, own: &[Mat<c64>], found: &[Matrix]) -> f64 {
    assert_eq!(own.len(), found.len());
    let signs = signs(run);
    let of_channel = |(own, [re, im]): (&Mat<c64>, &Matrix)| {
        let n = own.nrows();
        assert_eq!(re.len(), n * n);
        let sign = |orbital: usize| signs[orbital % signs.len()];
        let element = |at: usize| own[(at / n, at % n)] * sign(at / n) * sign(at % n) - c64::new(re[at], im[at]);
        (0..n * n).map(|at| element(at).norm()).fold(0.0, f64::max)
    };
    own.iter().zip(found).map(of_channel).fold(0.0, f64::max)
}

fn signs(run: &Calculation) -> Vec<f64> {
    let shells = (0..run.basis.n_atoms()).flat_map(|atom| &run.basis.species_of(atom).shells);
    shells.flat_map(|shell| (-i32::from(shell.l)..=i32::from(shell.l)).map(|m| 1.0 - 2.0 * f64::from(m & 1))).collect()
}

/// Largest difference of an eigenvalue in the window.
fn energies_differ(run: &Calculation, h: &[Mat<c64>], s: &Mat<c64>, k: [f64; 3], found: &[Vec<f64>]) -> f64 {
    let top = 2.0 * run.fermi_level.unwrap_or_default() + WINDOW;
    let factor = OverlapFactor::new(s.as_ref(), k, None, faer::Par::Seq).unwrap();
    let of_channel = |(h, found): (&Mat<c64>, &Vec<f64>)| {
        let own = factor.energies(h.as_ref()).unwrap();
        assert_eq!(own.len(), found.len());
        let pairs = own.iter().zip(found).filter(|(own, _)| **own < top);
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    };
    h.iter().zip(found).map(of_channel).fold(0.0, f64::max)
}

/// One line of `tests/peers/sisl_dos.py`; states per eV and cell, of one spin.
#[derive(serde::Deserialize)]
struct FoundDos {
    /// `[spin][energy]`.
    total: Vec<Vec<f64>>,
    /// `[spin][orbital][energy]`.
    orbitals: Vec<Vec<Vec<f64>>>,
}

/// Runs, meshes, and by how much densities may differ, states per eV and cell, of peaks of some: ABACUS' eV is not that of SIESTA,
/// which sisl takes.
const DENSITIES: [(&str, [u32; 3], f64); 2] =
    [("siesta/fe/scf", [4, 4, 4], 1e-10), ("abacus/graphene/scf", [6, 6, 1], 2e-5)];

/// eV: standard deviation of the Gaussians, window, and distance of energies.
const BROADENED: [f64; 4] = [0.2, -8.0, 4.0, 0.1];

#[test]
fn sisl_has_the_same_densities_of_states() {
    let Some(python) = python() else {
        println!("skipped: no sisl (scripts/setup.sh --peers)");
        return;
    };
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for (name, divisions, tolerance) in DENSITIES {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.TSHS");
        convert(&Request::new(fixtures.join(name), file.clone(), Format::SiestaTshs)).unwrap();
        let run = read(&fixtures.join(name), &ReadOptions::default()).unwrap();
        let (ours, theirs) = (our_dos(&run, divisions), sisl_dos(&python, &file, divisions));
        let n_spins = theirs.total.len();
        assert_eq!((ours.total.len(), run.basis.n_orbitals()), (n_spins, theirs.orbitals[0].len()), "{name}");
        // Without spin, sisl counts one of both.
        let factor = run.origin.ev_per_hartree * if n_spins == 1 { 2.0 } else { 1.0 };
        let assert_alike = |ours: &[f64], theirs: &[f64]| {
            assert_eq!(ours.len(), theirs.len(), "{name}");
            for (ours, theirs) in ours.iter().zip(theirs) {
                assert!((ours - factor * theirs).abs() < factor * tolerance, "{name}: {ours} {}", factor * theirs);
            }
        };
        for spin in 0..n_spins {
            assert_alike(&ours.total[spin], &theirs.total[spin]);
            let projected = &ours.projected.as_ref().unwrap()[spin];
            assert_eq!(projected.len(), theirs.orbitals[spin].len(), "{name}");
            projected.iter().zip(&theirs.orbitals[spin]).for_each(|(ours, theirs)| assert_alike(ours, theirs));
        }
    }
}

/// On every orbital of every atom.
fn our_dos(run: &Calculation, divisions: [u32; 3]) -> DosCurve {
    let ev = 1.0 / run.origin.ev_per_hartree;
    let [width, low, high, step] = BROADENED.map(|energy| energy * ev);
    let atoms: Vec<usize> = (0..run.basis.n_atoms()).collect();
    let options = dos::Options {
        grid: KGrid { divisions, ..default_grid([false; 3]) },
        // exp(−(x/w)²)
        method: Method::Smearing(Smearing::Gaussian(width * 2.0_f64.sqrt())),
        window: Some([low, high]),
        step,
        groups: Some(Groups::new(&run.basis, By::Orbital, Some(&atoms))),
        level: LevelOf::Run,
        ..dos::Options::usual(run).unwrap()
    };
    dos::compute(run, &own_sources(run, Some(Of::Scf)).unwrap(), &options).unwrap().curves.remove(0)
}

fn sisl_dos(python: &Path, file: &Path, divisions: [u32; 3]) -> FoundDos {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/sisl_dos.py");
    let mesh = divisions.map(|n| n.to_string()).join("x");
    let numbers = BROADENED.map(|number| number.to_string());
    let output = Command::new(python).arg(script).arg(file).arg(mesh).args(numbers).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
