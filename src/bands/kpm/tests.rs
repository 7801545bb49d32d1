//! Against dense diagonalization: exactly where every unit vector is a start vector, within errors where they are random.

mod errors;

use super::density::Density;
use super::fill::Filling;
use super::kernel::{density, jackson};
use super::moments::{Moments, Of, Options, Resolution, Starts, of_mesh};
use crate::bands::mesh::KMesh;
use crate::bands::spectrum::{EigenProblem, SpectrumOptions, energies};
use crate::density;
use crate::parsers::tile::tile;
use crate::parsers::{Calculation, SpinOperator};

fn run(fixture: &str) -> Calculation {
    let folder = format!("{}/fixtures/{fixture}", env!("CARGO_MANIFEST_DIR"));
    crate::parsers::read(folder.as_ref(), &Default::default()).unwrap()
}

fn hamiltonian(run: &Calculation) -> &SpinOperator {
    run.hamiltonian.as_ref().unwrap()
}

/// Γ, where numbers are real, and a point where they are not.
fn two_points() -> KMesh {
    KMesh { points: vec![[0.0; 3], [0.13, 0.31, 0.0]], weights: vec![0.3, 0.7] }
}

const EXACT: Options = Options { resolution: Resolution::Moments(200), starts: Starts::All, seed: 1 };

/// One of every code and kind of spin.
const RUNS: [&str; 4] = ["abacus/graphene/scf", "abacus/O2_box/scf", "siesta/fe2_nc/scf", "openmx/fe_spin/scf"];

#[test]
fn exact_traces_are_those_of_diagonalization() {
    for fixture in RUNS {
        let run = run(fixture);
        let (h, mesh) = (hamiltonian(&run), two_points());
        let s = run.overlap.as_ref().unwrap();
        let exact = energies(h, s, &run.basis, &mesh.points, SpectrumOptions::default()).unwrap();
        let moments = of_mesh(&run, h, &mesh, Of::Total, &EXACT).unwrap();
        assert_eq!(moments.len(), 2 * h.n_channels());
        for (index, part) in moments.iter().enumerate() {
            let levels = &exact[part.channel][index / h.n_channels()];
            assert!(levels.iter().all(|&e| part.scale.x(e).abs() < 1.0), "{fixture}: bounds");
            let expected = |m: usize| levels.iter().map(|&e| (m as f64 * part.scale.x(e).acos()).cos()).sum::<f64>();
            let found = &part.groups[0][0];
            for m in 0..200 {
                let error = (found[m] - expected(m)).abs();
                assert!(error < 1e-8 * levels.len() as f64, "{fixture}, moment {m}: {error:e}");
            }
        }
    }
}

/// Densities broadened alike, of all states and of the orbitals of each atom (Mulliken).
#[test]
fn exact_densities_are_those_of_diagonalization() {
    for fixture in RUNS {
        let run = run(fixture);
        let (h, mesh) = (hamiltonian(&run), two_points());
        let n = run.basis.n_orbitals();
        let of_orbital: Vec<_> = (0..n).map(|orbital| Some(usize::from(orbital < n / 2))).collect();
        let total = of_mesh(&run, h, &mesh, Of::Total, &EXACT).unwrap();
        let groups = of_mesh(&run, h, &mesh, Of::Groups { of_orbital: &of_orbital, n: 2 }, &EXACT).unwrap();
        let axis = [-0.8, -0.4, -0.15, 0.05, 0.3];
        for channel in 0..h.n_channels() {
            let expected = dense_densities(&run, &mesh, channel, &total, &of_orbital, &axis);
            let all = Density::new(&total, channel, 0, &axis, 1.0);
            for (place, [first, second]) in expected.iter().enumerate() {
                let of_group = |group| Density::new(&groups, channel, group, &axis, 1.0).states[place];
                assert!((all.states[place].value - first - second).abs() < 1e-8, "{fixture}");
                assert!((of_group(0).value - first).abs() < 1e-8 && of_group(0).error == 0.0, "{fixture}");
                assert!((of_group(1).value - second).abs() < 1e-8, "{fixture}");
            }
        }
    }
}

/// Σ over states of Mulliken weight times the kernel's peak, for both groups.
fn dense_densities(
    run: &Calculation,
    mesh: &KMesh,
    channel: usize,
    moments: &[Moments],
    of_orbital: &[Option<usize>],
    axis: &[f64],
) -> Vec<[f64; 2]> {
    let (h, s) = (hamiltonian(run), run.overlap.as_ref().unwrap());
    let problem = EigenProblem::new(h, s, &run.basis, 1, SpectrumOptions::default());
    let bloch = crate::bands::bloch::BlochSum::new(s.pairs(), &run.basis);
    let mut sums = vec![[0.0; 2]; axis.len()];
    for (index, (&k, weight)) in mesh.points.iter().zip(&mesh.weights).enumerate() {
        let part = &moments[index * h.n_channels() + channel];
        let states = &problem.states(k).unwrap()[channel];
        let s_c = bloch.overlap_at(s, h.nspin() == 4, k) * &states.vectors;
        for (band, &energy) in states.energies.iter().enumerate() {
            let mut weights = [0.0; 2];
            for row in 0..s_c.nrows() {
                let mulliken = (states.vectors[(row, band)].conj() * s_c[(row, band)]).re;
                weights[of_orbital[row % of_orbital.len()].unwrap()] += mulliken;
            }
            let angle = part.scale.x(energy).acos();
            for (sum, &at) in sums.iter_mut().zip(axis) {
                let c = density(&jackson(part.len()), part.scale, at);
                let peak: f64 = c.iter().enumerate().map(|(m, c)| c * (m as f64 * angle).cos()).sum();
                (0..2).for_each(|group| sum[group] += weight * weights[group] * peak);
            }
        }
    }
    sums
}

/// Occupied states as [`crate::density`] has them, from enough moments to resolve the smearing.
#[test]
fn exact_fillings_are_those_of_diagonalization() {
    for fixture in ["abacus/graphene/scf", "siesta/fe2_nc/scf"] {
        let mut run = run(fixture);
        run.smearing = Some(crate::parsers::Smearing::FermiDirac(0.02));
        run.k_grid = None;
        run.k_list = Some(vec![([0.0; 3], 0.3), ([0.13, 0.31, 0.0], 0.7)]);
        let h = hamiltonian(&run);
        let expected = density::of(&run, h, &density::Options::default()).unwrap();
        let options = Options { resolution: Resolution::Moments(2500), ..EXACT };
        let moments = of_mesh(&run, h, &KMesh::of_run(&run, h), Of::Total, &options).unwrap();
        let filling = Filling::new(&run, h, &moments).unwrap();
        assert!(filling.resolves_smearing, "{fixture}");
        assert!((filling.fermi_level().value - expected.fermi_level).abs() < 1e-7, "{fixture}");
        assert!((filling.band_energy.value - expected.band_energy).abs() < 1e-7, "{fixture}");
        assert!((filling.entropy_energy.value - expected.entropy_energy).abs() < 1e-7, "{fixture}");
        let of_orbital: Vec<_> = (0..run.basis.n_orbitals()).map(|_| Some(0)).collect();
        let groups = Of::Groups { of_orbital: &of_orbital, n: 1 };
        let moments = of_mesh(&run, h, &KMesh::of_run(&run, h), groups, &options).unwrap();
        let electrons = filling.populations(&moments)[0].value;
        assert!((electrons - run.n_electrons.unwrap()).abs() < 1e-7, "{fixture}: {electrons}");
    }
}

/// A tiled cell at Γ against the folded mesh of the cell: within five standard errors. That of the level is large: graphene has
/// hardly a state there.
#[test]
fn random_vectors_are_right_within_their_errors() {
    let mut cell = run("abacus/graphene/scf");
    cell.smearing = Some(crate::parsers::Smearing::FermiDirac(0.02));
    cell.k_list = None;
    cell.k_grid =
        Some(crate::parsers::KGrid { divisions: [4, 4, 1], shift: [0.0; 3], gamma_centred: true, nudge: [0.0; 3] });
    let expected = density::of(&cell, hamiltonian(&cell), &density::Options::default()).unwrap();
    let tiled = tile(&cell, [4, 4, 1]).unwrap();
    let gamma = KMesh { points: vec![[0.0; 3]], weights: vec![1.0] };
    let options = Options { resolution: Resolution::Moments(1600), starts: Starts::Random(64), seed: 7 };
    let moments = of_mesh(&tiled, hamiltonian(&tiled), &gamma, Of::Total, &options).unwrap();
    let filling = Filling::new(&tiled, hamiltonian(&tiled), &moments).unwrap();
    let level = filling.fermi_level();
    assert!(level.error > 0.0 && level.error < 0.1, "{level:?}");
    assert!((level.value - expected.fermi_level).abs() < 5.0 * level.error, "{level:?} {}", expected.fermi_level);
    let (energy, folded) = (filling.band_energy, 16.0 * expected.band_energy);
    assert!(energy.error > 0.0 && energy.error < 0.02 * folded.abs(), "{energy:?}");
    assert!((energy.value - folded).abs() < 5.0 * energy.error, "{energy:?} {folded}");
}

#[test]
fn more_moments_than_memory_holds_are_refused() {
    let run = run("abacus/graphene/scf");
    let error = |resolution: Resolution, starts: Starts| {
        let options = Options { resolution, starts, seed: 1 };
        of_mesh(&run, hamiltonian(&run), &two_points(), Of::Total, &options).unwrap_err().to_string()
    };
    for sigma in [1e-30, 1e-10] {
        let error = error(Resolution::Sigma(sigma), Starts::Random(2));
        assert!(error.contains("at most 10000000 moments and 1e9 numbers are possible"), "{error}");
    }
    let error = error(Resolution::Moments(1_000_000), Starts::Random(1000));
    assert!(error.starts_with("1000000 moments of 1000 vectors, 1 groups and 2 k points and spins"), "{error}");
}

#[test]
fn the_same_seed_gives_the_same_moments_by_any_number_of_threads() {
    let run = run("abacus/graphene/scf");
    let options = Options { resolution: Resolution::Moments(20), starts: Starts::Random(40), seed: 3 };
    let compute = |threads: usize, options: Options| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| of_mesh(&run, hamiltonian(&run), &two_points(), Of::Total, &options).unwrap())
    };
    let one = compute(1, options);
    assert_eq!(one, compute(3, options));
    assert_ne!(one, compute(1, Options { seed: 4, ..options }));
}
