//! Bands in DeepH's layout: what is in the file, and what DeepH-dock's own programs make of it.
#![cfg(feature = "hdf5")]

use std::path::{Path, PathBuf};
use std::process::Command;

use hzero::bands::band_h5::write;
use hzero::bands::dos::{Dos, DosCurve};
use hzero::bands::dos_h5;
use hzero::bands::spectrum::SpectrumOptions;
use hzero::bands::structure::{Align, BandStructure, Role, compute, own_sources, path};
use hzero::parsers::convert::{Request, convert};
use hzero::parsers::format::Format;
use hzero::parsers::h5::Source;
use hzero::parsers::{Of, ReadOptions, read};
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// Along a path, or the run's own.
fn bands(run: &Path, text: Option<&str>) -> BandStructure {
    let run = read(run, &ReadOptions::default()).unwrap();
    let path = path(&run, text, Some(30)).unwrap();
    compute(&run, &own_sources(&run, Some(Of::Scf)).unwrap(), path, Align::Fermi, SpectrumOptions::default()).unwrap()
}

/// A window of states: at the second half of the points the lowest state is left out, and the highest everywhere.
fn cut(mut bands: BandStructure) -> BandStructure {
    let n_k = bands.path.points.len();
    let first: Vec<usize> = (0..n_k).map(|k| usize::from(k >= n_k / 2)).collect();
    let curve = &mut bands.curves[0];
    for (energies, &first) in curve.energies[0].iter_mut().zip(&first) {
        energies.pop();
        energies.drain(..first);
    }
    let weights = |energies: &Vec<f64>| (0..energies.len()).map(|_| vec![0.25, 0.75]).collect();
    curve.weights = Some(vec![curve.energies[0].iter().map(weights).collect()]);
    curve.first_band = Some(vec![first]);
    bands.groups = vec!["C s".to_owned(), "C p".to_owned()];
    bands
}

#[test]
fn rows_are_absolute_bands_and_jumps_have_no_length() {
    let whole = bands(&fixture("abacus/graphene"), Some("G-M|K-G"));
    let cut = cut(whole.clone());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("band.h5");
    write(&file, &cut, &cut.curves[0], 0).unwrap();
    let file = Source::open(&file).unwrap();
    let reals = |name: &str| file.data(name).unwrap().reals().unwrap();
    let n_bands = whole.curves[0].energies[0][0].len() - 1;
    let n_k = whole.path.points.len();
    assert_eq!(file.data("band_data").unwrap().shape(), [n_bands, n_k]);
    let energies = reals("band_data");
    for (at, energy) in energies.iter().enumerate() {
        let (band, k) = (at / n_k, at % n_k);
        let expected = whole.relative_ev(&whole.curves[0], whole.curves[0].energies[0][k][band]);
        assert!(energy.is_nan() == (band == 0 && k >= n_k / 2), "band {band}, k {k}: {energy}");
        assert!(energy.is_nan() || (energy - expected).abs() < 1e-12, "band {band}, k {k}: {energy}");
    }
    let weights = reals("weights");
    assert_eq!(file.data("weights").unwrap().shape(), [2, n_bands, n_k]);
    assert_eq!((weights[0], weights[n_bands * n_k]), (0.25, 0.75));
    let ends = reals("hsk_distance_list");
    assert_eq!((ends.len(), file.data("k_path_density_list").unwrap().integers().unwrap().len()), (3, 2));
    let distances = reals("kpoints_distance_list");
    assert!((ends[2] - distances[n_k - 1]).abs() < 1e-12 && distances.windows(2).filter(|d| d[0] == d[1]).count() == 1);
}

#[test]
fn densities_of_states_have_deephs_layout() {
    let curve = DosCurve {
        name: "SCF".into(),
        role: Role::Scf,
        fermi_level: Some(0.5),
        zero: 0.5,
        total: vec![vec![4.0, 6.0, 8.0]],
        integrated: vec![vec![0.0, 1.0, 2.0]],
        projected: Some(vec![vec![vec![4.0, 0.0, 2.0], vec![0.0, 6.0, 6.0]]]),
    };
    let groups = vec!["C s".to_owned(), "C p".to_owned()];
    let dos = Dos { energies: vec![-1.0, 0.0, 1.0], groups, curves: vec![curve], relative: true, ev_per_hartree: 2.0 };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dos.h5");
    dos_h5::write(&file, &dos, &dos.curves[0], 0).unwrap();
    let file = Source::open(&file).unwrap();
    let reals = |name: &str| file.data(name).unwrap().reals().unwrap();
    assert_eq!((reals("energy"), reals("dos_data")), (vec![-2.0, 0.0, 2.0], vec![2.0, 3.0, 4.0]));
    assert_eq!((reals("fermi_energy_before_shift"), reals("integrated")), (vec![1.0], vec![0.0, 1.0, 2.0]));
    assert_eq!(reals("projected"), [2.0, 0.0, 1.0, 0.0, 3.0, 3.0]);
}

fn python() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv-deeph/bin/python");
    let python = std::env::var_os("HZERO_DEEPH_PYTHON").map_or(own, PathBuf::from);
    let works = Command::new(&python).args(["-c", "import deepx_dock.compute.eigen.band"]).output();
    works.is_ok_and(|output| output.status.success()).then_some(python)
}

/// What `tests/peers/deeph_plots.py` finds for our file and DeepH's folder of the same run.
fn found_by_deeph(python: &Path, folder: &Path, file: &Path) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/deeph_plots.py");
    let output = Command::new(python).arg(script).arg(folder).arg(file).env("OMP_NUM_THREADS", "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Data sets that differ where DeepH-dock finds a gap: it moves zero to the middle, and takes a band that crosses the Fermi level at
/// few points for one that does not.
const OF_ZERO: [&str; 4] = ["band_data", "band_gap", "fermi_energy_before_shift_eV", "is_metal"];

#[test]
fn deeph_dock_computes_the_same_file_and_draws_ours() {
    let Some(python) = python() else {
        println!("skipped: no DeepH-dock (scripts/setup.sh --peers)");
        return;
    };
    let cases = [("abacus/graphene", Some("G-M-K-G"), &[][..]), ("openmx/gaas_soc", Some("G-X|L-G"), &OF_ZERO)];
    for (run, text, differing) in cases {
        let scratch = tempfile::tempdir().unwrap();
        let (folder, file) = (scratch.path().join("run"), scratch.path().join("band.h5"));
        convert(&Request::new(fixture(run), &folder, Format::Deeph)).unwrap();
        let bands = bands(&folder, text);
        write(&file, &bands, &bands.curves[0], 0).unwrap();
        let found = found_by_deeph(&python, &folder, &file);
        let data = found["data"].as_object().unwrap();
        assert!(data.len() >= 16, "{data:?}");
        for (name, compared) in data {
            assert_eq!(compared[0], compared[1], "shape and kind of {name}");
            if differing.contains(&name.as_str()) {
                continue;
            }
            let tolerance =
                if ["band_data", "fermi_energy_before_shift_eV"].contains(&name.as_str()) { 1e-8 } else { 1e-12 };
            assert!(compared[2].as_f64().unwrap() <= tolerance, "{run}: {name} {compared}");
        }
        assert!(found["energies"].as_f64().unwrap() < 1e-8, "{run}: {} eV", found["energies"]);
        let lines = found["lines"].as_array().unwrap();
        assert_eq!(lines.len(), bands.curves[0].energies[0][0].len());
        let drawn = lines[2][7].as_f64().unwrap();
        assert!((drawn - bands.relative_ev(&bands.curves[0], bands.curves[0].energies[0][7][2])).abs() < 1e-12);
        assert_eq!(found["labels"][0], "$\\Gamma$");
        assert!(found["picture"].as_u64().unwrap() > 5000, "bytes of the picture");
        println!("{run}: DeepH-dock's own bands differ by {} eV", found["energies"]);
    }
}
