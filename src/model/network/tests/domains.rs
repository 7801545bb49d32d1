//! A run in domains gives the H of the whole run.

use nalgebra::{Matrix3, Vector3};
use tch::{Device, Kind, Tensor};

use crate::model::domains::{Answer, Cut, Reach, Scissors};
use crate::model::file::Model;
use crate::model::linear::{FitSettings, fit};
use crate::model::network::batch::Preparation;
use crate::model::network::config::{Base, ModelConfig, TrainingConfig};
use crate::model::network::network::Network;
use crate::model::network::schedule::Course;
use crate::model::network::statistics::Statistics;
use crate::model::network::stored::{NetworkHeader, store};
use crate::model::network::{init_torch, set_threads};
use crate::model::predict::{Predicted, Predictor};
use crate::model::training::Training;
use crate::model::{Sample, Slots, synthetic};
use crate::parsers::{Calculation, SpinOperator, Structure, tile};
use crate::random::Random;

const ENVELOPE: f64 = 4.2;
const N_ATOMS: usize = 18;

/// Atoms A and B without any order along a bar, periodic along z alone.
fn bar() -> Calculation {
    let mut random = Random::new(5, 1);
    let mut noise = || random.uniform() - 0.5;
    let site = |k: usize, shift: Vector3<f64>| Vector3::new((k % 2) as f64 * 2.0, 0.0, 2.6 * k as f64) + shift;
    let structure = Structure {
        lattice: Matrix3::new(18.0, 0.0, 0.0, 0.0, 18.0, 0.0, 0.0, 0.0, 2.6 * N_ATOMS as f64),
        positions: (0..N_ATOMS).map(|k| site(k, Vector3::from_fn(|_, _| noise()))).collect(),
        species: (0..N_ATOMS).map(|k| usize::from(k % 3 == 1)).collect(),
    };
    synthetic::run(structure)
}

fn config() -> ModelConfig {
    let small = ModelConfig { channels: 4, unnatural_channels: 4, width: 16, l_max: 2, ..ModelConfig::default() };
    ModelConfig { base: Base::H0, passing: false, envelope: ENVELOPE, ..small }
}

fn linear_model(run: &Calculation, slots: &Slots) -> Model {
    let settings = FitSettings { bond_gaussians: 2, sum_gaussians: 1, ..FitSettings::default() };
    let (stage, report) = fit(&[Sample::new(run, slots).unwrap()], &[], slots, &settings).unwrap();
    Model::linear(slots.clone(), Training::of(std::slice::from_ref(run), slots).unwrap(), stage, report)
}

/// A network of any weights beside a linear stage.
fn predictor(run: &Calculation, config: &ModelConfig) -> Predictor {
    init_torch();
    set_threads(1);
    let slots = Slots::of_runs([run]).unwrap();
    let mut model = linear_model(run, &slots);
    let sample = Sample::new(run, &slots).unwrap();
    let statistics = |operator| Statistics::measure(&[&sample], &[operator], &slots);
    let measured = [sample.h0.as_ref().unwrap(), sample.target.as_ref().unwrap()].map(statistics);
    let ranges = [measured[0].range, measured[1].range];
    let preparation = Preparation::new(config, &slots, measured, Kind::Float, Device::Cpu);
    let network = Network::new(&preparation);
    let mut random = Random::new(3, 2);
    let weights: Vec<f64> = network.table.initial(7).iter().map(|w| w + 0.1 * random.normal()).collect();
    let training = TrainingConfig::default();
    let header = NetworkHeader {
        model: config.clone(),
        training,
        step: 0,
        seconds: 0.0,
        cpu_seconds: None,
        course: Course::default(),
        ranges,
        k_space: Default::default(),
    };
    let weights = Tensor::from_slice(&weights).to_kind(Kind::Float);
    store(&mut model, &header, &preparation, &network, &weights);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    model.write(&path).unwrap();
    Predictor::load(&path, "cpu").unwrap()
}

/// H in `n` domains, everything sent through files.
fn in_domains(predictor: &Predictor, run: &Calculation, n: usize) -> Predicted {
    let folder = tempfile::tempdir().unwrap();
    let scissors = predictor.scissors(run, n).unwrap();
    let answer = |k: usize| {
        let [cut, rows] = ["cut", "rows"].map(|name| folder.path().join(format!("{k}.{name}")));
        scissors.cut(k).unwrap().write(&cut).unwrap();
        predictor.answer(&Cut::read(&cut).unwrap()).unwrap().write(&rows).unwrap();
        Answer::read(&rows).unwrap()
    };
    let answers: Vec<Answer> = (0..n).map(answer).collect();
    predictor.gather(run, &scissors, &answers).unwrap()
}

fn largest_difference(a: &SpinOperator, b: &SpinOperator) -> f64 {
    let (SpinOperator::Unpolarized(a), SpinOperator::Unpolarized(b)) = (a, b) else { panic!("spins differ") };
    assert_eq!(a.pairs(), b.pairs());
    a.values().iter().zip(b.values()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn domains_give_the_same_h_to_the_last_bit() {
    let run = bar();
    for config in [config(), ModelConfig { passing: true, layers: 2, ..config() }] {
        let predictor = predictor(&run, &config);
        let whole = predictor.predict(&run).unwrap();
        assert!(largest_difference(&whole.hamiltonian, run.hamiltonian0.as_ref().unwrap()) > 1e-3);
        for n in [1, 2, 4] {
            let parts = in_domains(&predictor, &run, n);
            assert_eq!(largest_difference(&whole.hamiltonian, &parts.hamiltonian), 0.0, "{n} domains, {config:?}");
            let [a, b] = [&whole, &parts].map(|predicted| predicted.trust.distance.unwrap());
            assert!((a - b).abs() < 1e-9 * a, "{n} domains, distance {a} and {b}");
        }
    }
}

#[test]
fn the_halo_is_needed_and_no_larger() {
    let run = bar();
    let predictor = predictor(&run, &config());
    assert_eq!(predictor.reach(), Reach { envelope: ENVELOPE, hops: 1, neighbours: true });
    let scissors = predictor.scissors(&run, 4).unwrap();
    let cut = scissors.cut(0).unwrap();
    assert!(cut.atoms.len() < N_ATOMS, "{:?}", cut.atoms);
    // Every block that starts from an outer halo atom may go; one that starts from a neighbour of the domain may not.
    let thin = Scissors::new(
        &run,
        Reach { hops: 0, neighbours: false, ..predictor.reach() },
        vec![scissors.domain(0).to_vec()],
    );
    let [full, thin] = [cut, thin.unwrap().cut(0).unwrap()].map(|cut| predictor.answer(&cut).unwrap().rows);
    assert_eq!(full[0].len(), thin[0].len());
    assert_ne!(full, thin);
}

#[test]
fn the_long_ranged_potential_is_that_of_all_atoms() {
    let run = bar();
    for base in [Base::Potential, Base::Linear] {
        let predictor = predictor(&run, &ModelConfig { base, ..config() });
        let whole = predictor.predict(&run).unwrap();
        for n in [1, 2, 4] {
            let difference = largest_difference(&whole.hamiltonian, &in_domains(&predictor, &run, n).hamiltonian);
            assert!(difference < 1e-12, "{n} domains, {base:?}: {difference:e}");
        }
    }
    let slots = Slots::of_runs([&run]).unwrap();
    let linear = Predictor::linear(linear_model(&run, &slots));
    let whole = linear.predict(&run).unwrap();
    assert!(largest_difference(&whole.hamiltonian, &in_domains(&linear, &run, 3).hamiltonian) < 1e-12);
}

#[test]
fn answers_of_another_run_are_refused() {
    let run = bar();
    let predictor = predictor(&run, &config());
    let mut other = run.clone();
    other.overlap.as_mut().unwrap().values_mut().iter_mut().for_each(|s| *s *= 1.0 + 1e-12);
    let answers = |run: &Calculation| -> Vec<Answer> {
        let scissors = predictor.scissors(run, 2).unwrap();
        (0..2).map(|k| predictor.answer(&scissors.cut(k).unwrap()).unwrap()).collect()
    };
    let (ours, mut theirs) = (answers(&run), answers(&other));
    let scissors = predictor.scissors(&run, 2).unwrap();
    assert!(predictor.gather(&run, &scissors, &ours).is_ok());
    let refused = |answers: &[Answer]| predictor.gather(&run, &scissors, answers).map(drop).unwrap_err().to_string();
    assert_eq!(refused(&theirs), "the rows of domain 1/2 are of another run or model");
    theirs[0] = ours[0].clone();
    theirs[1].rows[0].pop();
    theirs[1].facts = ours[1].facts.clone();
    assert_eq!(refused(&theirs), "the rows of domain 2/2 are of another run or model");
}

#[test]
fn copies_of_a_cell_have_equal_blocks() {
    let run = synthetic::run(synthetic::structure(1));
    let predictor = predictor(&run, &config());
    let small = predictor.predict(&run).unwrap().hamiltonian;
    let repeats = [3, 1, 2];
    let large = in_domains(&predictor, &tile(&run, repeats).unwrap(), 3).hamiltonian;
    let wanted = tile(&Calculation { hamiltonian: Some(small), ..run }, repeats).unwrap().hamiltonian.unwrap();
    // Copies are at the same places to rounding only.
    assert!(largest_difference(&large, &wanted) < 1e-6, "{:e}", largest_difference(&large, &wanted));
}
