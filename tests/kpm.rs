//! `hzero dos --kpm` on the command line: its files and its summary against diagonalization by other commands.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// Broadening, eV.
const SIGMA: f64 = 0.3;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/siesta/mos2/scf")
}

fn hzero(command: &str, options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hzero")).arg(command).arg(fixture()).args(options).output().unwrap()
}

fn printed(command: &str, options: &[&str]) -> String {
    let output = hzero(command, options);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(command: &str, options: &[&str]) -> Value {
    serde_json::from_str(&printed(command, options)).unwrap()
}

/// Into `folder`, on the mesh of the run, with Mulliken charges of the first atom.
fn kpm(folder: &Path) -> String {
    let sigma = SIGMA.to_string();
    let options = ["--kpm", "--mesh", "run", "--sigma", &sigma, "--by", "atom", "--atoms", "1", "--out"];
    printed("dos", &[&options[..], &[folder.to_str().unwrap()]].concat())
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// Value and error of a line such as `  Fermi level    -3.1 ± 0.2 eV`.
fn estimate(summary: &str, name: &str) -> [f64; 2] {
    let line = summary.lines().find_map(|line| line.trim_start_matches(['#', ' ']).strip_prefix(name));
    let line = line.unwrap_or_else(|| panic!("no {name} in {summary}"));
    let numbers: Vec<f64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    [numbers[0], numbers[1]]
}

fn assert_within(summary: &str, name: &str, expected: f64) {
    let [value, error] = estimate(summary, name);
    assert!(error > 0.0 && (value - expected).abs() <= 3.0 * error, "{name}: {value} ± {error}, {expected}");
}

#[test]
fn the_summary_is_that_of_diagonalization_within_its_errors() {
    let folder = tempfile::tempdir().unwrap();
    let summary = kpm(folder.path());
    assert!(summary.starts_with("kernel polynomials, 16 random vectors per k point, seed 1\n"), "{summary}");
    assert!(summary.contains("occupations are smeared by the kernel"), "{summary}");
    let dense = json("density", &["--json"]);
    let dense = &dense["runs"][0];
    let of = |name: &str| dense[name].as_f64().unwrap();
    assert_within(&summary, "Fermi level", of("fermi_level_ev"));
    assert_within(&summary, "band energy", of("band_energy_ev"));
    let chosen = dense["atoms"][0]["electrons"].as_f64().unwrap();
    assert_within(&summary, "Mo(1)", chosen);
    assert_within(&summary, "other atoms", of("electrons") - chosen);
    let table = std::fs::read_to_string(folder.path().join("dos.errors.dat")).unwrap();
    for name in ["Fermi level", "band energy", "-TS", "Mo(1)", "other atoms"] {
        assert_eq!(estimate(&table, name), estimate(&summary, name), "{name}");
    }
}

#[test]
fn all_files_have_the_densities_of_diagonalization() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let summary = kpm(folders[0].path());
    let written = files(folders[0].path());
    let hdf5 = if cfg!(feature = "hdf5") { &["dos.h5"][..] } else { &[] };
    let expected = ["dos.dat", "dos.errors.dat", "dos.html", "dos.json", "dos.png", "dos.svg"];
    assert_eq!(written, [hdf5, &expected].concat().into_iter().map(str::to_owned).collect());
    assert!(written.iter().all(|name| summary.contains(&format!("/{name}\n"))), "{summary}");

    let kpm = read_json(&folders[0].path().join("dos.json"));
    // Gaussians of the same width, which the command takes as exp(−(E/w)²).
    let smearing = format!("gaussian:{}", SIGMA * 2.0_f64.sqrt());
    let common = ["--mesh", "run", "--by", "atom", "--atoms", "1", "--smearing", &smearing, "--json", "--out"];
    let dense = json("dos", &[&common[..], &[folders[1].path().to_str().unwrap()]].concat());
    assert_eq!(kpm["groups"], dense["groups"]);
    let errors = columns(&folders[0].path().join("dos.errors.dat"));
    compare(&kpm["hamiltonians"][0], &dense["hamiltonians"][0], &kpm["energies"], &dense["energies"], &errors);
}

fn files(folder: &Path) -> std::collections::BTreeSet<String> {
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    std::fs::read_dir(folder).unwrap().map(name).collect()
}

fn read_json(file: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// Columns of numbers.
fn columns(file: &Path) -> Vec<Vec<f64>> {
    let text = std::fs::read_to_string(file).unwrap();
    let row = |line: &str| line.split(' ').map(|word| word.parse().unwrap()).collect::<Vec<f64>>();
    let rows: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).map(row).collect();
    (0..rows[0].len()).map(|column| rows.iter().map(|row| row[column]).collect()).collect()
}

/// The kernel is a Gaussian but for 3 % of its height, and narrower than asked for away from the middle of the spectrum.
fn compare(kpm: &Value, dense: &Value, energies: &Value, dense_energies: &Value, errors: &[Vec<f64>]) {
    let (energies, dense_energies) = (numbers(energies), numbers(dense_energies));
    assert_eq!(energies.len(), errors[0].len());
    let (total, integrated) = (numbers(&kpm["total"][0]), numbers(&kpm["integrated"][0]));
    let chosen = numbers(&kpm["projected"][0][0]);
    let expected = ["total", "integrated"].map(|name| numbers(&dense[name][0]));
    let expected_chosen = numbers(&dense["projected"][0][0]);
    let (mut n, mut n_within) = (0, 0);
    for (i, energy) in energies.iter().enumerate() {
        let absolute = energy + kpm["zero"].as_f64().unwrap() - dense["zero"].as_f64().unwrap();
        let Some(j) = dense_energies.iter().position(|e| (e - absolute).abs() < 0.0101) else { continue };
        let [density, error, below, below_error] = [1, 2, 3, 4].map(|column: usize| errors[column][i]);
        assert!((density - total[i]).abs() < 1e-7 * (1.0 + density) && (below - integrated[i]).abs() < 1e-6);
        assert!(error > 0.0 && below_error > 0.0 || energy < &-20.0, "{energy}: {error} {below_error}");
        let highest = expected[0].iter().fold(0.0, |most: f64, &x| most.max(x));
        n += 1;
        n_within += usize::from(
            (density - expected[0][j]).abs() < 2.0 * error + 0.05 * highest
                && (below - expected[1][j]).abs() < 2.0 * below_error + 0.05 * highest,
        );
        assert!(
            (chosen[i] - expected_chosen[j]).abs() < 0.05 * highest,
            "{energy}: {} {}",
            chosen[i],
            expected_chosen[j]
        );
    }
    assert!(n > 1000 && n_within as f64 > 0.9 * n as f64, "{n_within} of {n}");
}

#[test]
fn impossible_options_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let refused: [(&[&str], &str); 11] = [
        (&["--kpm", "--sigma", "0"], "`0` is no positive number"),
        (&["--kpm", "--sigma", "nan"], "`nan` is no positive number"),
        (&["--kpm", "--sigma", "1e-20"], "at most 10000000 moments"),
        (&["--kpm", "--moments", "1"], "1 is not in 2..=10000000"),
        (&["--kpm", "--moments", "100", "--sigma", "0.1"], "cannot be used with"),
        (&["--kpm", "--vectors", "1"], "1 is not in 2..=1000000"),
        (&["--kpm", "--tetrahedra"], "cannot be used with"),
        (&["--kpm", "--smearing", "gaussian:0.1"], "cannot be used with"),
        (&["--kpm", "--null-space", "1e-5"], "cannot be used with"),
        (&["--moments", "100"], "--kpm"),
        (&["--kpm", "--mesh", "10000x10000x10000"], "has more than 10000000 points"),
    ];
    for (options, reason) in refused {
        let output = hzero("dos", &[options, &["--out", folder]].concat());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(reason), "{options:?}: {error}");
    }
    assert!(files(Path::new(folder)).is_empty());
}
