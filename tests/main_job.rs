//! The main jobs of the README, and the models that are shipped.

use std::path::{Path, PathBuf};
use std::process::Command;

use hzero::model::file::Model;
use hzero::model::training::TrainingStructure;
use hzero::parsers::{ReadOptions, read};
#[cfg(feature = "torch")]
use hzero::{
    model::predict::Predictor,
    parsers::{Calculation, SpinOperator},
    symmetry::rotate::rotated,
};
#[cfg(feature = "torch")]
use nalgebra::Rotation3;
use nalgebra::{Matrix3, Vector3};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Models in `models/`, of which there are at least four.
fn shipped_models() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("models")).unwrap().map(|entry| entry.unwrap().path());
    let models: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "safetensors")).collect();
    assert!(models.len() >= 4, "{models:?}");
    models
}

/// Largest difference in bohr of lattice vectors, and of positions relative to the first atom up to lattice vectors; infinite
/// where the atoms differ.
fn distance(a: &TrainingStructure, b: &TrainingStructure) -> f64 {
    if a.species != b.species {
        return f64::INFINITY;
    }
    let lattices = [a, b].map(|structure| Matrix3::from_fn(|row, column| structure.lattice[row][column]));
    let inverse = lattices[0].try_inverse().unwrap();
    let relative =
        |s: &TrainingStructure, atom: usize| Vector3::from(s.positions[atom]) - Vector3::from(s.positions[0]);
    let moved = |atom: usize| {
        let reduced = inverse.tr_mul(&(relative(a, atom) - relative(b, atom)));
        lattices[0].tr_mul(&reduced.map(|x| x - x.round())).norm()
    };
    (0..a.species.len()).map(moved).fold((lattices[0] - lattices[1]).amax(), f64::max)
}

/// The same structure, with all atoms moved together and one of them into the next cell.
fn disguised(structure: &TrainingStructure) -> TrainingStructure {
    let mut copy = structure.clone();
    copy.positions.iter_mut().for_each(|position| position[0] += 0.7);
    let lattice = copy.lattice[1];
    copy.positions[1].iter_mut().zip(lattice).for_each(|(x, step)| *x -= step);
    copy
}

/// Fixture of each main job, with the bars of its prediction: ratio, and occupied bands in meV. (The model of OpenMX was fitted
/// to three runs.)
const BARS: [(&str, f64, f64); 3] = [
    ("fixtures/abacus/graphene_sqrt3", 0.01, 5.0),
    ("fixtures/siesta/mos2", 0.01, 5.0),
    ("fixtures/openmx/silicene_f", 0.012, 5.0),
];

/// Compares the fixture with all that any model was trained on which knows its elements.
fn require_unseen(fixture: &str) {
    let run = read(&root().join(fixture), &ReadOptions::default()).unwrap();
    let mut compared = 0;
    for path in shipped_models() {
        let model = Model::read(&path).unwrap();
        let structures = &model.header.training.structures;
        assert_eq!(structures.len(), model.header.training.n_runs, "{}", path.display());
        assert!(!structures.is_empty(), "{} does not say what it was trained on", path.display());
        let Ok(structure) = TrainingStructure::of(&run, &model.slots) else { continue };
        assert!(distance(&structure, &disguised(&structure)) < 1e-9, "the test knows a structure again");
        let nearest = structures.iter().map(|other| distance(&structure, other)).fold(f64::INFINITY, f64::min);
        println!("{fixture}: nearest training structure of {} is {nearest:.4} bohr away", path.display());
        assert!(nearest > 0.01, "{}: {fixture} is a training structure", path.display());
        compared += 1;
    }
    assert!(compared >= 1, "no shipped model knows the elements of {fixture}");
}

#[test]
fn the_fixtures_of_the_readme_are_in_no_training_set() {
    let jobs = readme_jobs();
    jobs.iter().for_each(|job| require_unseen(&job[1]));
}

/// Arguments of `hzero` in the commands of the README that predict fixtures: one for each code that has a model.
fn readme_jobs() -> Vec<Vec<String>> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let lines = readme.lines().filter(|line| line.contains("cargo run") && line.contains(" -- predict fixtures/"));
    let arguments = |line: &str| {
        let (cargo, hzero) = line.split_once(" -- ").unwrap();
        assert!(cargo.contains("--features full"), "{cargo}");
        hzero.split_whitespace().map(str::to_owned).collect()
    };
    let jobs: Vec<Vec<String>> = lines.map(arguments).collect();
    assert_eq!(jobs.len(), BARS.len(), "{jobs:?}");
    jobs
}

#[cfg(feature = "torch")]
#[test]
fn the_main_jobs_of_the_readme_reach_their_bars() {
    readme_jobs().into_iter().for_each(require_good);
}

#[cfg(feature = "torch")]
fn require_good(mut arguments: Vec<String>) {
    let out = arguments.iter().position(|argument| argument == "--out").unwrap() + 1;
    let folder = tempfile::tempdir().unwrap();
    arguments[out] = folder.path().join("out").to_string_lossy().into_owned();
    let output = Command::new(env!("CARGO_BIN_EXE_hzero")).args(&arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = std::fs::read_to_string(folder.path().join("out/report.json")).unwrap();
    let errors = &serde_json::from_str::<serde_json::Value>(&report).unwrap()["errors"];
    let number = |name: &str| errors[name].as_f64().unwrap_or_else(|| panic!("{name} is {}", errors[name]));
    let ratio = number("mae_delta_aligned_mev") / number("mae_h0_mev");
    println!("ratio {:.3} %, occupied bands {:.2} meV", 100.0 * ratio, number("bands_occupied_mae_mev"));
    let (_, ratio_bar, occupied_bar) = BARS.iter().find(|(fixture, ..)| *fixture == arguments[1]).unwrap();
    assert!(ratio <= *ratio_bar, "ratio {ratio}");
    assert!(number("bands_occupied_mae_mev") <= *occupied_bar, "{errors}");
    assert_eq!(number("ghost_states"), 0.0);
}

/// Largest difference of elements in hartree.
#[cfg(feature = "torch")]
fn largest_difference(a: &SpinOperator, b: &SpinOperator) -> f64 {
    let (SpinOperator::Unpolarized(a), SpinOperator::Unpolarized(b)) = (a, b) else { panic!("runs without spin") };
    assert_eq!(a.pairs(), b.pairs());
    a.values().iter().zip(b.values()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[cfg(feature = "torch")]
#[test]
fn the_prediction_of_a_real_run_turns_with_it() {
    let predictor = Predictor::load(&root().join("models/mos2-siesta.safetensors"), "cpu").unwrap();
    let predict = |run: &Calculation| predictor.predict(run).unwrap().hamiltonian;
    // Without the pattern of its files, which belongs to the axes as they were.
    let mut run = read(&root().join("fixtures/siesta/mos2"), &ReadOptions::default()).unwrap();
    run.native = None;
    let turn = -Rotation3::from_euler_angles(0.4, -1.1, 2.3).matrix();
    let found = predict(&rotated(&run, &turn));
    run.hamiltonian = Some(predict(&run));
    let difference = largest_difference(&found, &rotated(&run, &turn).hamiltonian.unwrap());
    println!("largest difference {difference:.1e} hartree, in single precision");
    assert!(difference < 1e-7, "{difference}");
}

/// A build without libtorch says what the models need.
#[cfg(not(feature = "torch"))]
#[test]
fn the_main_jobs_of_the_readme_name_the_feature_that_they_need() {
    for job in readme_jobs() {
        let output = Command::new(env!("CARGO_BIN_EXE_hzero")).args(job).current_dir(root()).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() || message.contains("--features full"), "{message}");
    }
}
