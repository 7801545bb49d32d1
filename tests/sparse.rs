//! States of large cells by sparse matrices are those of the dense solver.

use std::path::Path;

use hzero::bands::fermi::computed_level;
use hzero::bands::projection::{By, Groups, Weighing};
use hzero::bands::sparse::level::level;
use hzero::bands::sparse::nearest::Window;
use hzero::bands::sparse::problem::SparseProblem;
use hzero::bands::spectrum::{Spectrum, SpectrumOptions, energies, projected};
use hzero::bands::unfold::{Sites, Unfolding};
use hzero::parsers::{Calculation, Operator, SpinOperator, Sublattice, read, tile};

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
    assert!(a.iter().chain(b).all(|number| number.is_finite()), "{a:?} {b:?}");
    assert!(a.iter().chain(b).all(|x| x.is_finite()), "{a:?} {b:?}");
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
    // In a gap the level depends on the last digits of nearly full and nearly empty bands.
    let smeared =
        [("abacus/graphene", [4, 4, 1], 1e-9), ("siesta/fe/h0", [2, 2, 2], 1e-9), ("abacus/si2", [2, 2, 2], 1e-8)];
    for (name, repeats, bound) in smeared {
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
        assert!((found - expected).abs() < bound, "{name}: {found} {expected}");
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

/// States nearer to each other than this are one level, of which only the sum of all weights is determined, hartree.
const LEVEL: f64 = 1e-6;

/// Compares weights level by level; those that an end of the window cuts are left out. The largest difference.
fn differing_weights(window: &Window, all: &[f64], all_weights: &[Vec<f64>], what: &str) -> f64 {
    let weights = window.weights.as_ref().unwrap();
    assert_eq!(weights.len(), window.energies.len(), "{what}");
    let (first, end) = (window.count_below, window.count_below + weights.len());
    let sum = |states: &[Vec<f64>], group: usize| states.iter().map(|weights| weights[group]).sum::<f64>();
    let (mut start, mut largest, mut n_compared) = (0, 0.0_f64, 0);
    for level in all.chunk_by(|a, b| b - a < LEVEL) {
        let states = start..start + level.len();
        start = states.end;
        if states.start < first || end < states.end {
            continue;
        }
        let found = &weights[states.start - first..states.end - first];
        for group in 0..all_weights[0].len() {
            largest = largest.max((sum(found, group) - sum(&all_weights[states.clone()], group)).abs());
        }
        n_compared += states.len();
    }
    assert!(2 * n_compared > weights.len(), "{what}: {n_compared} states of {} compared", weights.len());
    assert!(weights.iter().flatten().all(|weight| weight.is_finite()), "{what}");
    largest
}

/// All windows of a fourth of the states around the Fermi level, at the k points of the problem, against all states.
fn check_weights(run: &Calculation, weighing: &dyn Weighing, kpoints: &[[f64; 3]], dense: &Spectrum, what: &str) {
    let problem = sparse(run).weighed_by(Some(weighing));
    let (centre, n) = (run.fermi_level.unwrap(), problem.bloch().size() / 4);
    let windows = problem.windows(kpoints, centre, n, &|| ()).unwrap();
    let weights = dense.weights.as_ref().unwrap();
    let mut largest = 0.0_f64;
    for (spin, by_k) in windows.iter().enumerate() {
        for (k, window) in by_k.iter().enumerate() {
            let what = format!("{what}, spin {spin}, k {k}");
            largest = largest.max(differing_weights(window, &dense.energies[spin][k], &weights[spin][k], &what));
        }
    }
    println!("{what}: weights differ by {largest:.1e}");
    assert!(largest < 1e-7, "{what}: {largest:e}");
}

#[test]
fn weights_of_windows_are_those_of_dense_states() {
    for name in
        ["abacus/graphene/scf", "siesta/fe/scf", "siesta/fe2_nc/scf", "siesta/feas_so/scf", "openmx/gaas_soc/scf"]
    {
        let run = fixture(name);
        let ((h, s), groups) = (operators(&run), Groups::new(&run.basis, By::Shell, None));
        let dense = projected(h, s, &run.basis, &KPOINTS, SpectrumOptions::default(), &groups).unwrap();
        check_weights(&run, &groups, &KPOINTS, &dense, name);
    }
}

/// At Γ and at general points, where states of several k of the cell are degenerate in the supercell.
#[test]
fn windows_unfold_as_all_states_do() {
    let runs = [("abacus/graphene/scf", [3, 3, 1]), ("abacus/si2_soc_sz/scf", [2, 2, 1]), ("siesta/fe/scf", [1, 2, 2])];
    let kpoints = [[0.0; 3], [0.13, -0.21, 0.34], [1.0 / 3.0, 1.0 / 3.0, 0.0]];
    for (name, repeats) in runs {
        let (run, cells) =
            (tile(&fixture(name), repeats).unwrap(), Sublattice::diagonal(repeats.map(|n| n as i32)).unwrap());
        let sites = Sites::find(&run, &cells, 0.5).unwrap();
        let unfolding = Unfolding::new(&run, &cells, &sites).unwrap();
        let dense = unfolding.spectrum(operators(&run).0, &kpoints, SpectrumOptions::default()).unwrap();
        check_weights(&run, &unfolding, &kpoints.map(|k| cells.k_point(k)), &dense, name);
        let weights = dense.weights.unwrap();
        assert!(weights[0][0].iter().any(|weight| weight[0] > 0.99), "{name}");
    }
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
    let drawn = ["--of", "h0", "--points", "12", "--nearest", "8", "--around", "-4.9", "--out", &out, "--json"];
    let bands = json(&[&["bands", &run, "--fat", "l"], &drawn[..]].concat());
    let curve = &bands["hamiltonians"][0];
    let first = &curve["first_band"][0];
    assert!(first.as_array().unwrap().iter().all(|first| (90..110).contains(&first.as_u64().unwrap())), "{first}");
    assert!(Path::new(&out).join("bands.svg").is_file());
    assert_eq!(bands["groups"], serde_json::json!(["C s", "C p", "C d"]));
    for weights in curve["weights"][0].as_array().unwrap().iter().flat_map(|k| k.as_array().unwrap()) {
        assert!((numbers(weights).iter().sum::<f64>() - 1.0).abs() < 1e-12, "{weights}");
    }
    let [in_text, in_json] = [states_of_text(&Path::new(&out).join("bands.dat")), states_of_json(&bands)];
    assert_eq!(in_text.len(), in_json.len());
    for ((band, k, found), (expected_band, expected_k, expected)) in in_text.iter().zip(&in_json) {
        assert_eq!((band, k), (expected_band, expected_k));
        assert!(largest_difference(found, expected) < 2e-8, "band {band}: {found:?} {expected:?}");
    }

    let unfolded = json(&[&["unfold", &run, "--cell", "5x5x1", "--path", "G-K"], &drawn[..]].concat());
    assert_eq!(unfolded["unfolded"], true);
    let weights: Vec<f64> = unfolded["hamiltonians"][0]["weights"][0].as_array().unwrap()[6..]
        .iter()
        .flat_map(|k| k.as_array().unwrap().iter().map(|weights| weights[0].as_f64().unwrap()))
        .collect();
    assert!(weights.iter().all(|weight| weight.min((1.0 - weight).abs()) < 1e-6), "{weights:?}");
    assert!(weights.iter().any(|weight| *weight > 0.5), "bands that meet at K");
}

/// Number of the band from 1, index of the k point, energy relative to zero in eV and weights.
type Row = (u64, usize, Vec<f64>);

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
    rows
}

fn states_of_json(bands: &serde_json::Value) -> Vec<Row> {
    let curve = &bands["hamiltonians"][0];
    let zero = curve["zero"].as_f64().unwrap();
    let mut rows = Vec::new();
    for (k, energies) in curve["energies"][0].as_array().unwrap().iter().enumerate() {
        let first = curve["first_band"][0][k].as_u64().unwrap();
        for (i, energy) in numbers(energies).into_iter().enumerate() {
            let weights = numbers(&curve["weights"][0][k][i]);
            rows.push((first + i as u64 + 1, k, [vec![energy - zero], weights].concat()));
        }
    }
    sorted(rows)
}

/// The k points of a path have different distances here.
fn states_of_text(file: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(file).unwrap();
    let mut distances = Vec::new();
    let (mut rows, mut band) = (Vec::new(), 0);
    for line in text.lines() {
        if let Some(number) = line.strip_prefix("# band ") {
            band = number.parse().unwrap();
        } else if !line.starts_with('#') && !line.is_empty() {
            let numbers: Vec<f64> = line.split_whitespace().map(|word| word.parse().unwrap()).collect();
            distances.push(numbers[0]);
            rows.push((band, numbers));
        }
    }
    distances.sort_by(f64::total_cmp);
    distances.dedup();
    let place = |at: f64| distances.iter().position(|distance| *distance == at).unwrap();
    sorted(rows.into_iter().map(|(band, numbers)| (band, place(numbers[0]), numbers[1..].to_vec())).collect())
}
