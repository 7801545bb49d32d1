//! States of large cells by sparse matrices are those of the dense solver.

use std::path::Path;

use hzero::bands::fermi::computed_level;
use hzero::bands::sparse::level::level;
use hzero::bands::sparse::nearest::Window;
use hzero::bands::sparse::problem::SparseProblem;
use hzero::bands::spectrum::{SpectrumOptions, energies};
use hzero::parsers::{Calculation, Operator, SpinOperator, read, tile};

/// Every code and spin, with tens of orbitals.
const RUNS: [&str; 9] = [
    "abacus/graphene/scf",
    "abacus/O2_box/scf",
    "abacus/si2_soc_sz/scf",
    "siesta/fe/scf",
    "siesta/fe2_nc/scf",
    "siesta/feas_so/scf",
    "siesta/mos2/h0",
    "openmx/fe_spin/scf",
    "openmx/gaas_soc/scf",
];

/// Real H(k), general, and one component only.
const KPOINTS: [[f64; 3]; 4] = [[0.0; 3], [0.13, -0.31, 0.27], [0.5, 0.5, 0.0], [0.25, 0.0, 0.0]];

fn fixture(name: &str) -> Calculation {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    read(&folder, &Default::default()).unwrap()
}

fn operators(run: &Calculation) -> (&SpinOperator, &Operator<f64>) {
    let hamiltonian = run.hamiltonian.as_ref().or(run.hamiltonian0.as_ref()).unwrap();
    (hamiltonian, run.overlap.as_ref().unwrap())
}

fn sparse(run: &Calculation) -> SparseProblem<'_> {
    let (h, s) = operators(run);
    SparseProblem::new(h, s, &run.basis, &run.structure).unwrap().dense_up_to(0)
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// The window is that part of all energies, and no other part is nearer to the centre.
fn check(window: &Window, all: &[f64], centre: f64, n: usize, what: &str) {
    let first = window.count_below;
    assert_eq!(window.energies.len(), n, "{what}");
    let expected = &all[first..first + n];
    assert!(largest_difference(&window.energies, expected) < 1e-10, "{what}: {:?} {expected:?}", window.energies);
    let reach = expected.iter().map(|e| (e - centre).abs()).fold(0.0, f64::max) - 1e-9;
    assert!(first == 0 || centre - all[first - 1] > reach, "{what}");
    assert!(first + n == all.len() || all[first + n] - centre > reach, "{what}");
}

#[test]
fn windows_are_parts_of_dense_spectra() {
    for name in RUNS {
        let run = fixture(name);
        let (h, s) = operators(&run);
        let problem = sparse(&run);
        let all = energies(h, s, &run.basis, &KPOINTS, SpectrumOptions::default()).unwrap();
        let n = problem.bloch().size() / 4;
        for centre in [run.fermi_level.unwrap_or(-0.1), all[0][0][0] - 0.3, all[0][1][all[0][1].len() / 2]] {
            let windows = problem.windows(&KPOINTS, centre, n, &|| ()).unwrap();
            assert_eq!(windows.len(), all.len());
            for (spin, by_k) in windows.iter().enumerate() {
                for (k, window) in by_k.iter().enumerate() {
                    check(window, &all[spin][k], centre, n, &format!("{name}, spin {spin}, k {k}, around {centre}"));
                }
            }
        }
    }
}

/// Energies of the supercell at k are those of the cell at (k + n)/repeats.
fn folded(run: &Calculation, repeats: [usize; 3], k: [f64; 3]) -> Vec<f64> {
    let (h, s) = operators(run);
    let shifts = (0..repeats.iter().product()).map(|c: usize| {
        let n = [c / (repeats[1] * repeats[2]), c / repeats[2] % repeats[1], c % repeats[2]];
        std::array::from_fn(|a| (k[a] + n[a] as f64) / repeats[a] as f64)
    });
    let points: Vec<[f64; 3]> = shifts.collect();
    let by_k = energies(h, s, &run.basis, &points, SpectrumOptions::default()).unwrap();
    let mut all: Vec<f64> = by_k[0].iter().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    all
}

#[test]
fn supercells_have_folded_bands() {
    for (name, repeats) in
        [("abacus/graphene/scf", [7, 6, 1]), ("abacus/si2/scf", [3, 3, 3]), ("openmx/gaas_soc/scf", [4, 3, 2])]
    {
        let run = fixture(name);
        let tiled = tile(&run, repeats).unwrap();
        let problem = sparse(&tiled);
        for (k, n) in [([0.0; 3], 60), ([0.1, 0.2, 0.0], 45)] {
            let centre = run.fermi_level.unwrap();
            let windows = problem.windows(&[k], centre, n, &|| ()).unwrap();
            check(&windows[0][0], &folded(&run, repeats, k), centre, n, &format!("{name} {k:?}"));
        }
    }
}

/// Copies that do not touch have every state as often as there are copies: more often than a block has vectors.
#[test]
fn no_copy_of_a_degenerate_state_is_missed() {
    let run = tile(&fixture("abacus/O2_box/scf"), [5, 2, 2]).unwrap();
    let (h, s) = operators(&run);
    let all = energies(h, s, &run.basis, &[[0.0; 3]], SpectrumOptions::default()).unwrap();
    let centre = run.fermi_level.unwrap();
    let windows = sparse(&run).windows(&[[0.0; 3]], centre, 70, &|| ()).unwrap();
    for (window, all) in windows.iter().zip(&all) {
        check(&window[0], &all[0], centre, 70, "copies of O2");
    }
}

#[test]
fn fermi_levels_are_those_of_dense_spectra() {
    let smeared = [("abacus/graphene", [4, 4, 1]), ("siesta/fe/h0", [2, 2, 2]), ("abacus/si2", [2, 2, 2])];
    for (name, repeats) in smeared {
        let mut run = tile(&fixture(name), repeats).unwrap();
        run.fermi_level = None;
        let hamiltonian = run.hamiltonian0.as_ref().unwrap();
        let problem =
            SparseProblem::new(hamiltonian, run.overlap.as_ref().unwrap(), &run.basis, &run.structure).unwrap();
        let found =
            level(&run, &problem.dense_up_to(0), &|problem, k, centre, n| problem.windows(k, centre, n, &|| ()))
                .unwrap()
                .unwrap();
        let expected = computed_level(&run, hamiltonian, SpectrumOptions::default()).unwrap().unwrap();
        // In a gap the level depends on the last digits of nearly full and nearly empty bands.
        assert!((found - expected).abs() < 1e-8, "{name}: {found} {expected}");
    }
}

#[test]
fn what_has_no_answer_is_an_error() {
    let run = fixture("abacus/graphene/scf");
    let problem = sparse(&run);
    let windows = |n| problem.windows(&KPOINTS[..1], 0.0, n, &|| ()).map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(windows(26), Ok(()));
    assert_eq!(windows(27).unwrap_err(), "the number of states of 27 exceeds the limit of 26");

    let mut broken = tile(&run, [2, 2, 1]).unwrap();
    let error = |run: &Calculation| sparse(run).windows(&KPOINTS[..1], 0.0, 4, &|| ()).unwrap_err().to_string();
    broken.overlap.as_mut().unwrap().values_mut().iter_mut().for_each(|x| *x = -*x);
    assert!(error(&broken).contains("not positive definite at k = [0.0, 0.0, 0.0]"), "{}", error(&broken));
    broken.overlap.as_mut().unwrap().values_mut()[0] = f64::NAN;
    assert!(
        error(&broken).contains("S(k) at k = [0.0, 0.0, 0.0] has numbers that are not finite"),
        "{}",
        error(&broken)
    );
}

#[test]
fn an_energy_that_is_a_state_can_be_asked_for() {
    let run = tile(&fixture("abacus/graphene/scf"), [3, 3, 1]).unwrap();
    let (h, s) = operators(&run);
    let all = energies(h, s, &run.basis, &[[0.0; 3]], SpectrumOptions::default()).unwrap();
    let centre = all[0][0][70];
    let windows = sparse(&run).windows(&[[0.0; 3]], centre, 12, &|| ()).unwrap();
    check(&windows[0][0], &all[0][0], centre, 12, "at a state");
}

fn hzero(arguments: &[&str]) -> String {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_hzero")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(arguments: &[&str]) -> serde_json::Value {
    serde_json::from_str(&hzero(arguments)).unwrap()
}

fn numbers(value: &serde_json::Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// 650 orbitals, for which the sparse solver is taken.
#[test]
fn the_commands_show_a_window_with_band_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (run, points) = (path("tiled"), path("points"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/abacus/graphene").display().to_string();
    hzero(&["tile", &source, "5x5x1", "--out", &run]);
    std::fs::write(&points, "0 0 0\n0.1 0.2 0\n").unwrap();
    let asked = ["eigenvalues", &run, "--of", "h0", "--kpoints", &points];
    let dense = json(&[&asked[..], &["--json"]].concat());
    let around = ["--nearest", "12", "--around", "-3.5"];
    let few = json(&[&asked[..], &around, &["--json"]].concat());
    assert!(dense.get("count_below").is_none());
    for k in 0..2 {
        let (all, window) = (numbers(&dense["energies"][0][k]), numbers(&few["energies"][0][k]));
        let first = few["count_below"][0][k].as_u64().unwrap() as usize;
        assert!(largest_difference(&window, &all[first..first + 12]) < 1e-8, "k {k}");
    }
    assert!(few["fermi_level"].is_null());
    let text = hzero(&[&asked[..], &around].concat());
    let band = format!("{:6} ", few["count_below"][0][0].as_u64().unwrap() + 1);
    assert!(text.lines().nth(2).unwrap().starts_with(&band), "{text}");

    let level = json(&[&asked[..], &["--nearest", "4", "--json"]].concat())["fermi_level"].as_f64().unwrap();
    assert!((level - dense["fermi_level"].as_f64().unwrap()).abs() < 1e-7);

    let out = path("drawn");
    let bands = json(&["bands", &run, "--of", "h0", "--points", "12", "--nearest", "8", "--out", &out, "--json"]);
    let first = &bands["hamiltonians"][0]["first_band"][0];
    assert!(first.as_array().unwrap().iter().all(|first| (90..110).contains(&first.as_u64().unwrap())), "{first}");
    assert!(Path::new(&out).join("bands.svg").is_file());
}
