//! Errors are honest: over many seeds, dense diagonalization has the answer where they say.

use super::{hamiltonian, run};
use crate::bands::kpm::estimate::Estimate;
use crate::bands::kpm::fill::Filling;
use crate::bands::kpm::moments::{Of, Options, Resolution, Starts, of_mesh};
use crate::bands::mesh::KMesh;
use crate::density;
use crate::density::population::Mulliken;
use crate::parsers::{Calculation, KGrid, Smearing};

const SEEDS: u64 = 10;

/// Of Fermi's smearing, hartree.
const WIDTH: f64 = 0.02;

/// Hardly a state at the level, a gap, a metal with two spins, and one with spinors.
const RUNS: [(&str, [u32; 3]); 4] = [
    ("abacus/graphene/scf", [4, 4, 1]),
    ("abacus/si2/scf", [2, 2, 2]),
    ("openmx/fe_spin/scf", [2, 2, 2]),
    ("siesta/fe2_nc/scf", [2, 2, 2]),
];

/// What is estimated: Fermi level, band energy, −TS, electrons of the first atom from random vectors and from all of its own.
const NAMES: [&str; 5] = ["level", "band energy", "-TS", "electrons", "electrons of chosen atoms"];

fn smeared(fixture: &str, divisions: [u32; 3]) -> Calculation {
    let grid = KGrid { divisions, shift: [0.0; 3], gamma_centred: true, nudge: [0.0; 3] };
    Calculation {
        smearing: Some(Smearing::FermiDirac(WIDTH)),
        k_grid: Some(grid),
        k_list: None,
        fixed_moment: None,
        ..run(fixture)
    }
}

fn expected(run: &Calculation) -> [f64; 5] {
    let dense = density::of(run, hamiltonian(run), &density::Options::default()).unwrap();
    let electrons = Mulliken::new(run, &dense.matrix).unwrap().atom(0).electrons;
    [dense.fermi_level, dense.band_energy, dense.entropy_energy, electrons, electrons]
}

fn estimates(run: &Calculation, sigma: f64, seed: u64) -> [Estimate; 5] {
    let (h, first) = (hamiltonian(run), run.basis.orbitals_of(0));
    let mesh = KMesh::of_run(run, h);
    let options = Options { resolution: Resolution::Sigma(sigma), starts: Starts::Random(12), seed };
    let filling = Filling::new(run, h, &of_mesh(run, h, &mesh, Of::Total, &options).unwrap()).unwrap();
    let of_first = |starts: Starts| {
        let chosen = |orbital| if first.contains(&orbital) { Some(0) } else { None };
        let of_orbital: Vec<_> = (0..run.basis.n_orbitals()).map(chosen).collect();
        let groups = Of::Groups { of_orbital: &of_orbital, n: 1 };
        let moments = of_mesh(run, h, &mesh, groups, &Options { starts, ..options }).unwrap();
        filling.populations(&moments)[0]
    };
    let [random, exact] = [options.starts, Starts::All].map(of_first);
    [filling.fermi_level(), filling.band_energy, filling.entropy_energy, random, exact]
}

/// Deviations in units of the errors, of every quantity.
fn deviations(sigma: f64) -> [Vec<f64>; 5] {
    let mut all: [Vec<f64>; 5] = Default::default();
    for (fixture, divisions) in RUNS {
        let run = smeared(fixture, divisions);
        let expected = expected(&run);
        for seed in 0..SEEDS {
            let found = estimates(&run, sigma, seed);
            for (quantity, (found, expected)) in found.iter().zip(expected).enumerate() {
                all[quantity].push((found.value - expected) / found.error);
            }
        }
    }
    all
}

fn share_within(deviations: &[f64], limit: f64) -> f64 {
    deviations.iter().filter(|x| x.abs() <= limit).count() as f64 / deviations.len() as f64
}

/// Of a normal distribution 0.68 and 0.95 are within one and two; errors of levels next to few states are larger on purpose.
#[test]
fn deviations_from_dense_answers_are_of_the_size_of_the_errors() {
    let all = deviations(0.5 * WIDTH);
    for (name, deviations) in NAMES.iter().zip(&all) {
        let shares = [1.0, 2.0, 4.0].map(|limit| share_within(deviations, limit));
        println!("{name}: {shares:?}");
        assert!(shares[0] > 0.5 && shares[1] > 0.85 && shares[2] > 0.97, "{name}: {deviations:.2?}");
    }
    let spread = (all[1].iter().map(|x| x * x).sum::<f64>() / all[1].len() as f64).sqrt();
    assert!(spread > 0.5, "errors of the band energy are {spread:.2} times too large");
}

#[test]
fn errors_tell_what_too_few_moments_change() {
    for (name, deviations) in NAMES.iter().zip(deviations(3.0 * WIDTH)) {
        let share = share_within(&deviations, 2.0);
        assert!(share > 0.85, "{name}: {deviations:.2?}");
    }
}
