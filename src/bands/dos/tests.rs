//! Densities of states with a known answer: one s orbital per cell of a line, a square and a cubic lattice.

use std::sync::Arc;

use nalgebra::{Matrix3, Vector3};

use super::*;
use crate::bands::projection::{By, Groups};
use crate::bands::structure::Source;
use crate::parsers::{Basis, Operator, Origin, Pair, Pairs, Shell, Species, SpinOperator, Structure, c64};

/// Hopping, hartree: ε(k) = −2t Σ cos 2πk.
const T: f64 = 0.05;
/// Distance of energies, hartree.
const STEP: f64 = 1e-3;

/// One orbital per cell, neighbours along the first `dimensions` directions, which overlap by `overlap`.
fn crystal(dimensions: usize, overlap: f64, hamiltonian: impl Fn(&Operator<f64>) -> SpinOperator) -> Calculation {
    let shells = vec![Shell { l: 0, zeta: 1, n: Some(1) }];
    let hydrogen = Species { label: "H".into(), z: Some(1), shells, cutoff: None };
    let basis = Basis::new(vec![hydrogen], &[0]).unwrap();
    let mut pairs = vec![Pair::onsite(0)];
    for axis in 0..dimensions {
        for step in [-1, 1] {
            let mut r = [0; 3];
            r[axis] = step;
            pairs.push(Pair { i: 0, j: 0, r });
        }
    }
    let pairs = Arc::new(Pairs::new(pairs, &basis).unwrap());
    let filled = |onsite: f64, neighbour: f64| {
        let value = |pair: &Pair| if pair.is_onsite() { onsite } else { neighbour };
        Operator::new(pairs.clone(), pairs.as_slice().iter().map(value).collect()).unwrap()
    };
    let structure =
        Structure { lattice: Matrix3::identity() * 5.0, positions: vec![Vector3::zeros()], species: vec![0] };
    Calculation {
        overlap: Some(filled(1.0, overlap)),
        hamiltonian: Some(hamiltonian(&filled(0.0, -T))),
        n_electrons: Some(1.0),
        ..Calculation::new(structure, basis, Origin::default())
    }
}

fn unpolarized(dimensions: usize) -> Calculation {
    crystal(dimensions, 0.0, |h| SpinOperator::Unpolarized(h.clone()))
}

fn options(divisions: [u32; 3]) -> Options {
    Options {
        grid: KGrid { divisions, shift: [0.0; 3], gamma_centred: true, nudge: [0.0; 3] },
        method: Method::Tetrahedra,
        window: Some([-0.4, 0.4]),
        step: STEP,
        groups: None,
        align: Align::Fermi,
        level: LevelOf::Dos,
        diagonal: None,
        spectrum: SpectrumOptions::default(),
        most_kept_bytes: 1 << 30,
    }
}

fn dos_of(run: &Calculation, options: &Options) -> Dos {
    let hamiltonian = run.hamiltonian.as_ref().unwrap();
    compute(run, &[Source { name: "SCF".into(), role: Role::Scf, hamiltonian }], options).unwrap()
}

/// States per hartree of a line, both spins.
fn of_line(energy: f64) -> f64 {
    let x = energy / (2.0 * T);
    if x.abs() < 1.0 { 1.0 / (std::f64::consts::PI * T * (1.0 - x * x).sqrt()) } else { 0.0 }
}

/// States per hartree of a square lattice, both spins: K(√(1 − (ε/4t)²)) / (π² t), by the arithmetic-geometric mean.
fn of_square(energy: f64) -> f64 {
    let (mut a, mut b) = (1.0, (energy / (4.0 * T)).abs());
    if b >= 1.0 {
        return 0.0;
    }
    for _ in 0..60 {
        (a, b) = (0.5 * (a + b), (a * b).sqrt());
    }
    0.5 / (std::f64::consts::PI * a * T)
}

/// States per hartree of a cubic lattice, both spins: squares on top of each other.
fn of_cube(energy: f64) -> f64 {
    const N: usize = 200_000;
    let shifted = |i: usize| energy - 2.0 * T * (std::f64::consts::PI * (i as f64 + 0.5) / N as f64).cos();
    (0..N).map(|i| of_square(shifted(i))).sum::<f64>() / N as f64
}

/// Number of states of a line below an energy, both spins.
fn below_in_line(energy: f64) -> f64 {
    2.0 - 2.0 * (energy / (2.0 * T)).clamp(-1.0, 1.0).acos() / std::f64::consts::PI
}

fn at(dos: &Dos, values: &[f64], energy: f64) -> f64 {
    values[dos.energies.iter().position(|e| (e - energy).abs() < 1e-9).unwrap()]
}

#[test]
fn interpolation_converges_quadratically() {
    let error = |n: u32| {
        let dos = dos_of(&unpolarized(1), &options([n, 1, 1]));
        let inside = dos.energies.iter().zip(&dos.curves[0].integrated[0]).filter(|(energy, _)| energy.abs() < 0.09);
        let errors: Vec<f64> = inside.map(|(energy, found)| (found - below_in_line(*energy)).abs()).collect();
        errors.iter().sum::<f64>() / errors.len() as f64
    };
    let errors = [32, 128, 512].map(error);
    assert!(errors[0] < 1e-2, "{errors:?}");
    assert!(errors.windows(2).all(|pair| (12.0..20.0).contains(&(pair[0] / pair[1]))), "{errors:?}");
}

#[test]
fn lattices_have_their_densities() {
    let cases = [
        (1, [1024, 1, 1], of_line as fn(f64) -> f64, 2e-3),
        (2, [192, 192, 1], of_square, 5e-3),
        (3, [48, 48, 48], of_cube, 1e-2),
    ];
    for (dimensions, divisions, exact, tolerance) in cases {
        let dos = dos_of(&unpolarized(dimensions), &options(divisions));
        let density = &dos.curves[0].total[0];
        for energy in [-0.23, -0.17, -0.15, -0.08, -0.06, -0.03, 0.02, 0.04, 0.13, 0.19, 0.28, 0.33] {
            let (found, expected) = (at(&dos, density, energy), exact(energy));
            assert!((found - expected).abs() < tolerance * exact(0.03), "{dimensions}: {energy} {found} {expected}");
        }
    }
}

/// A line whose spins hold 0.65 and 0.15 electrons: the mean of both levels, by interpolation and by narrow Gaussians.
#[test]
fn a_fixed_moment_fills_each_spin_for_itself() {
    let line = crystal(1, 0.0, |h| SpinOperator::Collinear([h.clone(), h.clone()]));
    let run = Calculation { n_electrons: Some(0.8), fixed_moment: Some(0.5), ..line };
    let level = |electrons: f64| -2.0 * T * (std::f64::consts::PI * electrons).cos();
    let expected = 0.5 * (level(0.65) + level(0.15));
    for method in [Method::Tetrahedra, Method::Smearing(Smearing::Gaussian(1e-3))] {
        let dos = dos_of(&run, &Options { method, ..options([512, 1, 1]) });
        let found = dos.curves[0].fermi_level.unwrap();
        assert!((found - expected).abs() < 1e-4, "{found} {expected}");
    }
}

/// The logarithmic peak of the square lattice, and its steps of 1/(2π t) at the edges.
#[test]
fn square_lattice_has_its_van_hove_singularities() {
    let dos = dos_of(&unpolarized(2), &options([256, 256, 1]));
    let density = |energy| at(&dos, &dos.curves[0].total[0], energy);
    let step = 0.5 / (std::f64::consts::PI * T);
    for sign in [-1.0, 1.0] {
        assert!((density(sign * 0.198) / step - 1.0).abs() < 0.01, "{}", density(sign * 0.198) / step);
        assert_eq!(density(sign * 0.202), 0.0);
    }
    // Mean of ln(16·4t/|ε|)/(2π²t)·2 over a step around the peak.
    let mean = ((16.0 * 4.0 * T / (0.5 * STEP)).ln() + 1.0) / (2.0 * std::f64::consts::PI.powi(2) * T) * 2.0;
    assert!((density(0.0) / mean - 1.0).abs() < 0.2, "{} {mean}", density(0.0));
}

#[test]
fn every_state_is_counted_once() {
    let cut = |diagonal| Options { diagonal: Some(diagonal), ..options([5, 4, 3]) };
    let methods = [
        Method::Smearing(Smearing::Gaussian(0.004)),
        Method::Smearing(Smearing::FermiDirac(0.002)),
        Method::Tetrahedra,
    ];
    let all = methods.map(|method| Options { method, ..options([5, 4, 3]) });
    for options in all.into_iter().chain([cut([1, -1, 1]), cut([-1, 1, 1]), options([1; 3])]) {
        let dos = dos_of(&unpolarized(3), &options);
        let curve = &dos.curves[0];
        let sum = curve.total[0].iter().sum::<f64>() * STEP;
        assert!((sum - 2.0).abs() < 1e-10, "{sum} {options:?}");
        assert!((curve.integrated[0].last().unwrap() - 2.0).abs() < 1e-12);
        assert!(curve.integrated[0].windows(2).all(|pair| pair[1] > pair[0] - 1e-12));
    }
}

#[test]
fn electrons_lie_below_the_level() {
    for (dimensions, divisions) in [(1, [8, 1, 1]), (2, [6, 7, 1]), (3, [4, 5, 6])] {
        for electrons in [0.3, 1.0, 1.9] {
            let run = Calculation { n_electrons: Some(electrons), ..unpolarized(dimensions) };
            let dos = dos_of(&run, &options(divisions));
            let (_, below) = dos.at_zero(&dos.curves[0]).unwrap();
            assert!((below - electrons).abs() < 1e-8, "{dimensions} {electrons} {below}");
        }
    }
}

/// The same states as a spinor's, on the whole mesh, and as two spins'.
#[test]
fn spins_and_halves_of_the_mesh_make_no_difference() {
    let complex = |h: &Operator<f64>, factor: f64| {
        let values = h.values().iter().map(|value| c64::new(factor * value, 0.0)).collect();
        Operator::new(h.pairs().clone(), values).unwrap()
    };
    let spinor = |h: &Operator<f64>| SpinOperator::Spinor([1.0, 0.0, 0.0, 1.0].map(|factor| complex(h, factor)));
    let collinear = |h: &Operator<f64>| SpinOperator::Collinear([h.clone(), h.clone()]);
    let grouped = |run: &Calculation| {
        let groups = Some(Groups::new(&run.basis, By::Shell, None));
        dos_of(run, &Options { groups, ..options([4, 5, 6]) })
    };
    let one = grouped(&crystal(3, 0.1, |h| SpinOperator::Unpolarized(h.clone())));
    for other in [crystal(3, 0.1, spinor), crystal(3, 0.1, collinear)] {
        let other = grouped(&other);
        let spins = &other.curves[0].total;
        for (point, expected) in one.curves[0].total[0].iter().enumerate() {
            let found: f64 = spins.iter().map(|spin| spin[point]).sum();
            assert!((found - expected).abs() < 1e-9 * expected.abs().max(1.0), "{point}: {found} {expected}");
        }
        assert_eq!(other.groups, ["H 1s"]);
        let projected = other.curves[0].projected.as_ref().unwrap();
        for (total, groups) in spins.iter().zip(projected) {
            assert!(total.iter().zip(&groups[0]).all(|(a, b)| (a - b).abs() <= 1e-12 * a.abs().max(1.0)));
        }
    }
}

/// Weights that do not fit into memory are computed again: the same bits.
#[test]
fn weights_that_are_not_kept_are_the_same() {
    let run = crystal(2, 0.1, |h| SpinOperator::Unpolarized(h.clone()));
    let groups = Some(Groups::new(&run.basis, By::Orbital, None));
    let kept = Options { groups, ..options([6, 6, 1]) };
    let forgotten = Options { most_kept_bytes: 0, ..kept.clone() };
    let [kept, forgotten] = [kept, forgotten].map(|options| dos_of(&run, &options));
    assert_eq!(kept.groups, ["H 1s s"]);
    let largest = kept.curves[0].total[0].iter().copied().fold(0.0, f64::max);
    let pairs = kept.curves[0].total[0].iter().zip(&forgotten.curves[0].total[0]);
    assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-9 * largest));
}

#[test]
fn an_axis_has_points() {
    let run = unpolarized(1);
    for (window, step) in [([0.1, -0.1], STEP), ([-0.1, 0.1], 1e-9), ([0.0101, 0.0102], STEP)] {
        let options = Options { window: Some(window), step, ..options([4, 1, 1]) };
        let source = Source { name: "SCF".into(), role: Role::Scf, hamiltonian: run.hamiltonian.as_ref().unwrap() };
        let error = compute(&run, &[source], &options).unwrap_err().to_string();
        assert!(error.contains("axis of energies"), "{error}");
    }
}
