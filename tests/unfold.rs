//! Unfolded bands: of a tiled run those of the small cell; for any structure weights that sum to 1.

use std::path::{Path, PathBuf};
use std::process::Command;

use hzero::bands::spectrum::{SpectrumOptions, energies};
use hzero::bands::unfold::{Sites, Unfolding, path};
use hzero::parsers::{Calculation, ReadOptions, Sublattice, read, supercell};

fn open(name: &str) -> Calculation {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name), &ReadOptions::default()).unwrap()
}

/// Runs without spin, with collinear spin, with spinors; of two codes.
const RUNS: [(&str, [[i32; 3]; 3]); 4] = [
    ("abacus/graphene", [[2, 1, 0], [-1, 1, 0], [0, 0, 1]]),
    ("abacus/graphene", [[2, 0, 0], [0, 2, 0], [0, 0, 1]]),
    ("abacus/si2_soc_sz", [[2, 0, 0], [0, 1, 0], [0, 0, 1]]),
    ("siesta/fe", [[1, 0, 0], [0, 2, 0], [0, 0, 1]]),
];

#[test]
fn a_tiled_run_unfolds_to_the_bands_of_the_cell() {
    // Γ is a point where states that unfold to several k are degenerate.
    for ((name, matrix), k) in RUNS.into_iter().flat_map(|run| [[0.13, -0.21, 0.34], [0.0; 3]].map(|k| (run, k))) {
        let small = open(name);
        let (large, cells) = (supercell(&small, &matrix).unwrap(), Sublattice::new(matrix).unwrap());
        let sites = Sites::find(&large, &cells, 0.5).unwrap();
        let unfolding = Unfolding::new(&large, &cells, &sites).unwrap();
        let found = unfolding.spectrum(large.hamiltonian.as_ref().unwrap(), &[k], SpectrumOptions::default()).unwrap();
        let wanted = energies(
            small.hamiltonian.as_ref().unwrap(),
            small.overlap.as_ref().unwrap(),
            &small.basis,
            &[k],
            SpectrumOptions::default(),
        );
        let (found, weights) = (&found.energies, found.weights.as_ref().unwrap());
        for (spin, wanted) in wanted.unwrap().iter().enumerate() {
            let states = found[spin][0].iter().zip(&weights[spin][0]);
            let stray = states.clone().map(|(_, w)| w[0].min(1.0 - w[0]).abs()).fold(0.0, f64::max);
            let own: Vec<f64> = states.filter(|(_, w)| w[0] > 0.5).map(|(energy, _)| *energy).collect();
            println!("{name}: weights are 0 or 1 but for {stray:.1e}");
            assert!(stray < 1e-9, "{name}: a weight is {stray:e} off 0 or 1");
            assert_eq!(own.len(), wanted[0].len(), "{name}");
            // The highest states of iron amplify what H(R) of its file is not Hermitian by.
            let low = own.iter().zip(&wanted[0]).filter(|(energy, _)| **energy < small.fermi_level.unwrap() + 0.2);
            let apart = low.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(apart < 1e-10, "{name}: {apart:e} hartree");
        }
    }
}

/// Atoms of `graphene_sqrt3` are displaced; one of them is taken for missing where its tolerance excludes it.
#[test]
fn weights_sum_to_one_over_the_wave_vectors_of_the_cell() {
    let run = open("abacus/graphene_sqrt3");
    let cells = Sublattice::new([[2, 1, 0], [-1, 1, 0], [0, 0, 1]]).unwrap();
    for (tolerance, n_sites) in [(1.0, 2), (0.01, 6)] {
        let sites = Sites::find(&run, &cells, tolerance).unwrap();
        assert_eq!(sites.occupation.iter().filter(|&&n| n > 0).count(), n_sites, "{sites:?}");
        let all = cells.k_points_at([0.11, 0.27, -0.4]);
        let unfolding = Unfolding::new(&run, &cells, &sites).unwrap();
        let found = unfolding.spectrum(run.hamiltonian.as_ref().unwrap(), &all, SpectrumOptions::default()).unwrap();
        let weights = &found.weights.as_ref().unwrap()[0];
        assert_eq!(weights.len(), 3);
        let mut largest: f64 = 0.0;
        for band in 0..weights[0].len() {
            let sum: f64 = weights.iter().map(|states| states[band][0]).sum();
            assert!((sum - 1.0).abs() < 1e-9, "band {band}: {sum}");
            largest = weights.iter().map(|states| states[band][0]).fold(largest, f64::max);
        }
        assert!(if n_sites == 2 { largest > 0.9 } else { largest < 0.9 }, "{largest}");
    }
}

#[test]
fn the_path_is_that_of_the_small_cell() {
    let small = open("abacus/graphene");
    let matrix = [[2, 1, 0], [-1, 1, 0], [0, 0, 1]];
    let large = supercell(&small, &matrix).unwrap();
    let found = path(&large, &Sublattice::new(matrix).unwrap(), None, Some(30)).unwrap();
    let labels: Vec<&str> = found.corners.iter().map(|corner| corner.label.as_str()).collect();
    assert_eq!(labels, ["Γ", "M", "K", "Γ"]);
    let end = found.distances.last().unwrap();
    let folded = path(&large, &Sublattice::diagonal([1, 1, 1]).unwrap(), None, Some(30)).unwrap();
    assert!((end / folded.distances.last().unwrap() - 3f64.sqrt()).abs() < 1e-6);
}

#[test]
fn the_command_writes_the_files_of_bands() {
    let folder = tempfile::tempdir().unwrap();
    let run: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/abacus/graphene_sqrt3");
    let output = Command::new(env!("CARGO_BIN_EXE_hzero"))
        .args(["unfold", run.to_str().unwrap(), "--cell", "sqrt3", "--points", "12", "--out"])
        .arg(folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("6 atoms on 2 sites of 3 cells, the farthest 0."), "{text}");
    let json = std::fs::read_to_string(folder.path().join("unfolded.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["groups"], serde_json::json!(["spectral weight"]));
    assert_eq!(json["unfolded"], true);
    let labels: Vec<&str> =
        json["labels"].as_array().unwrap().iter().map(|label| label["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["Γ", "M", "K", "Γ"], "the strain of the supercell counts");
    let curve = &json["hamiltonians"][0];
    assert_eq!(curve["weights"][0][3].as_array().unwrap().len(), curve["energies"][0][3].as_array().unwrap().len());
    for ending in ["dat", "svg", "png", "html"] {
        assert!(folder.path().join(format!("unfolded.{ending}")).is_file(), "{ending}");
    }
}

/// The points of `Unfolding.kpoint`: from Γ by M and K to Γ, in so many steps each.
fn path_of_openmx() -> Vec<[f64; 3]> {
    let corners = [[0.0; 3], [0.5, 0.0, 0.0], [1.0 / 3.0, 1.0 / 3.0, 0.0], [0.0; 3]];
    let leg = |(n, steps): (usize, i32)| {
        let at = move |step: i32| f64::from(step) / f64::from(steps);
        (0..steps).map(move |step| [0, 1, 2].map(|a| corners[n][a] + (corners[n + 1][a] - corners[n][a]) * at(step)))
    };
    [10, 6, 12].into_iter().enumerate().flat_map(leg).chain([corners[3]]).collect()
}

/// `<name>.unfold_totup` of OpenMX' own unfolding: distance, energy relative to E_F in eV, weight; six and seven decimals.
#[test]
fn weights_are_those_of_openmx() {
    let name = "openmx_unfold/graphene_2x1";
    let (run, cells) = (open(name), Sublattice::diagonal([2, 1, 1]).unwrap());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name).join("graphene_2x1.unfold_totup");
    let text = std::fs::read_to_string(file).unwrap();
    let rows: Vec<Vec<f64>> =
        text.lines().map(|line| line.split_whitespace().map(|word| word.parse().unwrap()).collect()).collect();
    let sites = Sites::find(&run, &cells, 0.5).unwrap();
    assert_eq!(sites.occupation, [2, 2]);
    let unfolding = Unfolding::new(&run, &cells, &sites).unwrap();
    let h = run.hamiltonian.as_ref().unwrap();
    let found = unfolding.spectrum(h, &path_of_openmx(), SpectrumOptions::default()).unwrap();
    let mut largest = [0.0_f64; 2];
    let states = found.energies[0].iter().flatten().zip(found.weights.as_ref().unwrap()[0].iter().flatten());
    assert_eq!(states.clone().count(), rows.len());
    for ((energy, weight), row) in states.zip(&rows) {
        largest[0] = largest[0].max(((energy - run.fermi_level.unwrap()) * run.origin.ev_per_hartree - row[1]).abs());
        largest[1] = largest[1].max((weight[0].abs() - row[2]).abs());
    }
    println!("OpenMX: energies differ by {:.1e} eV, weights by {:.1e}", largest[0], largest[1]);
    assert!(largest[0] < 2e-6 && largest[1] < 2e-6, "{largest:?}");
}
