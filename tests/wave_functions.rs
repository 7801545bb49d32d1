//! The eigenstates from which ABACUS up to 3.8 starts: they add up to the density, and to what the code printed.

use std::path::{Path, PathBuf};

use hzero::bands::bloch::BlochSum;
use hzero::density::{self, Options, wavefunctions::WaveFunctions};
use hzero::parsers::abacus::csr::Version;
use hzero::parsers::predicted::Prediction;
use hzero::parsers::restart::Continuation;
use hzero::parsers::states::{Eigenstates, States};
use hzero::parsers::{Calculation, Of, ReadOptions, c64, read};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/abacus").join(name)
}

fn run(name: &str) -> Calculation {
    read(&fixture(name), &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// All states of the mesh with their weights, electrons of a filled state included.
fn states(run: &Calculation, wave_functions: &WaveFunctions<'_>) -> Vec<(usize, f64, States)> {
    let per_state = if run.hamiltonian.as_ref().unwrap().nspin() == 1 { 2.0 } else { 1.0 };
    let at = |k: usize| wave_functions.at(k).unwrap().into_iter().map(move |states| (k, states));
    let weighted = |(k, states)| (k, per_state * wave_functions.weights()[k], states);
    (0..wave_functions.kpoints().len()).flat_map(at).map(weighted).collect()
}

#[test]
fn states_add_up_to_the_density() {
    for name in ["graphene", "O2_box", "si2_soc_sz"] {
        let run = run(name);
        let (h, s) = (run.hamiltonian.as_ref().unwrap(), run.overlap.as_ref().unwrap());
        let density = density::of(&run, h, &Options::default()).unwrap();
        let wave_functions = WaveFunctions::new(&run, h, &density, &Options::default()).unwrap();
        let bloch = BlochSum::new(s.pairs(), &run.basis);
        let (mut electrons, mut band_energy) = (0.0, 0.0);
        for (k, weight, states) in states(&run, &wave_functions) {
            let s_k = bloch.overlap_at(s, h.nspin() == 4, wave_functions.kpoints()[k]);
            for (band, (energy, f)) in states.energies.iter().zip(&states.occupations).enumerate() {
                electrons += weight * f;
                band_energy += weight * f * energy;
                let c = states.state(band);
                let row = |i: usize| (0..c.len()).map(|j| s_k[(i, j)] * c[j]).sum::<c64>();
                let norm: c64 = (0..c.len()).map(|i| c[i].conj() * row(i)).sum();
                assert!((norm - 1.0).norm() < 1e-10, "{name}: {norm}");
            }
        }
        assert!((electrons - run.n_electrons.unwrap()).abs() < 1e-8, "{name}: {electrons}");
        assert!((band_energy - density.band_energy).abs() < 1e-9, "{name}");
    }
}

/// The files hold the energies that the run printed (rydberg, 3.8), band after band.
#[test]
fn files_hold_the_energies_that_abacus_printed() {
    let (run, folder) = (run("O2_box"), tempfile::tempdir().unwrap());
    let h = run.hamiltonian.as_ref().unwrap();
    let density = density::of(&run, h, &Options::default()).unwrap();
    let states = WaveFunctions::new(&run, h, &density, &Options::default()).unwrap();
    let prediction = Prediction { abacus_version: Some(Version::Old), ..Prediction::new(&run, h) };
    let continuation = Continuation { prediction, density: &density, states: Some(&states) };
    continuation.write(folder.path(), Path::new("out")).unwrap();
    let printed = run.printed.iter().find(|spectrum| spectrum.of == Of::Scf).unwrap();
    let mut electrons = 0.0;
    for (spin, of_spin) in printed.energies.iter().enumerate() {
        let text = std::fs::read_to_string(folder.path().join(format!("WFC_NAO_K{}.txt", spin + 1))).unwrap();
        let numbers = |unit: &str| -> Vec<f64> {
            let lines = text.lines().filter_map(|line| line.strip_suffix(unit));
            lines.map(|number| number.trim().parse().unwrap()).collect()
        };
        electrons += numbers("(Occupations)").iter().sum::<f64>();
        let energies = numbers("(Ry)");
        assert!(energies.len() >= of_spin[0].len() && of_spin[0].len() == 20);
        for (energy, expected) in energies.iter().zip(&of_spin[0]) {
            assert!((energy / 2.0 - expected).abs() < 1e-6, "{energy} {expected}");
        }
    }
    assert!((electrons - 12.0).abs() < 1e-8);
}
