//! Symmetries of real runs: which operations keep H, and to what.

use std::path::{Path, PathBuf};

use hzero::bands::spectrum::{SpectrumOptions, energies};
use hzero::parsers::{Calculation, ReadOptions, SpinOperator, read};
use hzero::symmetry::crystal::{Operation, POSITION_TOLERANCE, SpaceGroup};
use hzero::symmetry::hermitian::adjoint;
use hzero::symmetry::impose::{average_with, distance};

fn fixture(name: &str) -> Calculation {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    read(&folder, &ReadOptions::default()).unwrap()
}

/// Run; space group; how many operations, alone or with time reversal, keep H⁽⁰⁾; by how much they change it, hartree.
const FIXTURES: [(&str, &str, usize, f64); 8] = [
    ("abacus/graphene", "P6/mmm (191)", 24, 1e-9),
    ("abacus/si2", "Fd-3m (227)", 48, 1e-10),
    // A spinor with the moment along z: 4/mm'm'.
    ("abacus/si2_soc_sz", "Fd-3m (227)", 16, 1e-14),
    // Collinear.
    ("siesta/fe", "Im-3m (229)", 48, 1e-4),
    // Two moments askew.
    ("siesta/fe2_nc", "Im-3m (229)", 2, 1e-10),
    ("openmx/fe_spin", "Im-3m (229)", 48, 2e-3),
    ("openmx/h2o_nc", "Pmm2 (25)", 4, 1e-8),
    ("siesta/mos2", "P1 (1)", 1, 1e-14),
];

/// Of other places: a layer and a crystal with spin–orbit coupling and f shells in a crystal.
const SHARED: [(&str, &str, usize, f64); 5] = [
    ("abacus/GaAs_monolayer_soc", "P3m1 (156)", 12, 1e-6),
    ("abacus/TiSe2_monolayer", "P-3m1 (164)", 12, 1e-9),
    ("abacus/Fe_bcc", "Im-3m (229)", 48, 1e-8),
    ("siesta/gaas_so", "F-43m (216)", 48, 3e-4),
    ("siesta/mos2", "P-6m2 (187)", 12, 1e-4),
];

fn require_symmetry(name: &str, run: &Calculation, group: &str, n: usize, bound: f64) {
    let h0 = run.hamiltonian0.as_ref().unwrap();
    let whole = SpaceGroup::of(&run.structure, POSITION_TOLERANCE).unwrap();
    let kept = whole.keeping(h0, &run.basis, 3e-3);
    let changes = kept.operations.iter().map(|g| distance(h0, &g.image(h0, &run.basis)));
    let largest = changes.fold(0.0, f64::max);
    println!(
        "{name}: {} operations of {} change H0 by at most {largest:.1e} hartree",
        kept.operations.len(),
        whole.name
    );
    assert_eq!((whole.name.as_str(), kept.operations.len()), (group, n), "{name}");
    assert!(largest < bound, "{name}: {largest}");
}

#[test]
fn h0_of_a_crystal_has_its_symmetry() {
    for (name, group, n, bound) in FIXTURES {
        require_symmetry(name, &fixture(name), group, n, bound);
    }
}

#[test]
fn h0_of_further_crystals_has_their_symmetry() {
    let root =
        std::env::var_os("HZERO_SHARED").map_or(Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    if !root.join("dft").is_dir() {
        println!("skipped: no {}", root.join("dft").display());
        return;
    }
    for (name, group, n, bound) in SHARED {
        let run = read(&root.join("dft").join(name), &ReadOptions::default()).unwrap();
        require_symmetry(name, &run, group, n, bound);
    }
}

/// Deterministic numbers in −1 … 1.
fn noise(k: usize) -> f64 {
    let mixed = (k as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)) % 20_011) as f64 / 10_005.0 - 1.0
}

/// Size of the noise in one element.
const NOISE: f64 = 1e-3;

fn noisy(h: &SpinOperator) -> SpinOperator {
    let mut h = h.clone();
    match &mut h {
        SpinOperator::Unpolarized(o) => add_noise(o.values_mut(), 0),
        SpinOperator::Collinear(spins) => {
            spins.iter_mut().enumerate().for_each(|(s, o)| add_noise(o.values_mut(), 7919 * s));
        }
        SpinOperator::Spinor(spins) => spins.iter_mut().enumerate().for_each(|(s, o)| {
            o.values_mut().iter_mut().enumerate().for_each(|(k, x)| *x += NOISE * noise(k + 7919 * s));
        }),
    }
    h
}

fn add_noise(values: &mut [f64], seed: usize) {
    values.iter_mut().enumerate().for_each(|(k, x)| *x += NOISE * noise(k + seed));
}

fn rms(a: &SpinOperator, b: &SpinOperator) -> f64 {
    let (SpinOperator::Unpolarized(a), SpinOperator::Unpolarized(b)) = (a, b) else { panic!("runs without spin") };
    let squares = a.values().iter().zip(b.values()).map(|(a, b)| (a - b).powi(2));
    (squares.sum::<f64>() / a.values().len() as f64).sqrt()
}

#[test]
fn averages_of_noisy_h_are_invariant_and_nearer() {
    for name in ["abacus/graphene", "abacus/si2", "abacus/si2_soc_sz", "siesta/fe", "siesta/fe2_nc"] {
        let run = fixture(name);
        let h0 = run.hamiltonian0.as_ref().unwrap();
        let group = SpaceGroup::of(&run.structure, POSITION_TOLERANCE).unwrap().keeping(h0, &run.basis, 3e-3);
        let noisy = noisy(h0);
        let mean = group.average(&noisy, &run.basis);
        let changes = group.operations.iter().map(|g| distance(&mean, &g.image(&mean, &run.basis)));
        let largest = changes.fold(0.0, f64::max);
        assert!(largest < 1e-13, "{name}: {largest}");
        if h0.nspin() == 1 {
            let (before, after) = (rms(&noisy, h0), rms(&mean, h0));
            println!("{name}: noise of {before:.1e} hartree becomes {after:.1e}");
            assert!(after < 0.3 * before, "{name}: {after}, before {before}");
        }
    }
}

/// Not affected by what the operations do to the orbitals of an atom, but by where they take atoms, cells and k.
#[test]
fn images_have_the_energies_of_the_turned_k_point() {
    let k = [0.11, -0.23, 0.37];
    for name in ["abacus/graphene", "abacus/si2_soc_sz", "siesta/fe"] {
        let run = fixture(name);
        let mut h = noisy(run.hamiltonian0.as_ref().unwrap());
        let image = adjoint(&h, &run.basis);
        let all = vec![true; h.pairs().len()];
        average_with(&mut h, &image, &all);
        let s = SpinOperator::Unpolarized(run.overlap.clone().unwrap());
        let whole = SpaceGroup::of(&run.structure, POSITION_TOLERANCE).unwrap();
        for g in &whole.operations {
            for time_reversal in [false, true] {
                let mut g: Operation = g.clone();
                g.time_reversal = time_reversal;
                let there = bands(&run, &h, &s, g.k_point(k), time_reversal);
                let here = bands(&run, &g.image(&h, &run.basis), &g.image(&s, &run.basis), k, false);
                let worst = here.iter().zip(&there).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(worst < 1e-9, "{name}: {worst}, {g:?}");
            }
        }
    }
}

/// All energies at k, those of collinear spins one after the other, in changed places with `swapped`.
fn bands(run: &Calculation, h: &SpinOperator, s: &SpinOperator, k: [f64; 3], swapped: bool) -> Vec<f64> {
    let SpinOperator::Unpolarized(s) = s else { panic!("S has no spin") };
    let mut bands = energies(h, s, &run.basis, &[k], SpectrumOptions::default()).unwrap();
    if swapped {
        bands.reverse();
    }
    bands.into_iter().flatten().flatten().collect()
}

/// A model with a real bias does not know the crystal: the prediction does.
#[test]
fn predictions_of_a_crystal_can_be_symmetrized() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/abacus/graphene").display().to_string();
    let (model, out) = (path("model.safetensors"), path("predicted"));
    for arguments in [
        vec!["fit", &run, "--out", &model],
        vec!["predict", &run, "--model", &model, "--out", &out, "--symmetrize", "--no-bands"],
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_hzero")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let text = std::fs::read_to_string(folder.path().join("predicted/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let symmetrized = report["symmetrized"].as_array().unwrap();
    let names: Vec<_> = symmetrized.iter().map(|one| one["symmetry"].as_str().unwrap()).collect();
    assert_eq!(names, ["24 operations of P6/mmm (191)", "hermitian"]);
    assert!(symmetrized.iter().all(|one| one["removed_mev"].as_f64().unwrap() < 1.0), "{text}");
}
