//! One model of several elements, basis sets and codes.

use tch::{Device, Kind};

use super::{noisy, run, small};
use crate::model::network::batch::Preparation;
use crate::model::network::config::{Base, LinearConfig, Loss, ModelConfig, TrainConfig, TrainingConfig};
use crate::model::network::data::Data;
use crate::model::network::loss::Objective;
use crate::model::network::network::{Network, Output};
use crate::model::network::predictor::Predictor;
use crate::model::network::statistics::Statistics;
use crate::model::network::train::train_on;
use crate::model::network::training_tests::Recorder;
use crate::model::target::Target;
use crate::model::{Channels, Sample, Slots, synthetic};
use crate::parsers::{Calculation, Origin};

fn of_code(run: Calculation, code: &'static str) -> Calculation {
    Calculation { origin: Origin { code, ..run.origin }, ..run }
}

/// A and B of one code, H and C of another, and a fixture with the f shells of a third.
fn runs() -> [Calculation; 3] {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/openmx/silicene_f");
    let silicene = crate::parsers::read(folder.as_ref(), &Default::default()).unwrap();
    [of_code(synthetic::run(synthetic::structure(1)), "ABACUS"), of_code(run(1, 7.0), "SIESTA"), silicene]
}

/// Mean errors of a network that says nothing, of a model whose slots are those of `runs`.
fn error_of_zero(run: &Calculation, runs: &[Calculation]) -> [f64; 2] {
    let slots = Slots::of_runs(runs).unwrap();
    let sample = Sample::new(run, &slots).unwrap();
    let target = sample.target.as_ref().unwrap();
    let statistics = || Statistics::measure(&[&sample], &[target], &slots);
    let preparation = Preparation::new(&small(), &slots, [statistics(), statistics()], Kind::Double, Device::Cpu);
    let batch = preparation.batch(&sample, Some(target), usize::MAX).unwrap();
    let pairs = batch.near.iter().chain(&batch.far).map(|tile| tile.scale.zeros_like()).collect();
    let output = Output { pairs, nodes: batch.nodes.scale.zeros_like(), traces: None };
    let norm = TrainingConfig { loss: Loss::Norm, ..TrainingConfig::default() };
    // Relative to nothing: the reference is that of no structures.
    let objective = Objective::new(&norm, &preparation, &[]);
    let terms = objective.terms(&preparation, 0, 0, &batch, &output);
    [&terms.mae, &(&terms.real * f64::MIN_POSITIVE)].map(|error| error.double_value(&[]))
}

#[test]
fn slots_of_other_species_do_not_make_errors_look_small() {
    let [alone, among] = [&runs()[..1], &runs()[..]].map(|runs| error_of_zero(&runs[0], runs));
    assert!(alone.iter().all(|error| *error > 1e-4), "{alone:?}");
    // Fits of the mean weigh distances by the mean over all columns, which changes them by 1e-5; dilution would be tenfold.
    assert!(alone.iter().zip(among).all(|(alone, among)| (alone - among).abs() < 1e-3 * alone), "{alone:?} {among:?}");
}

#[test]
fn what_a_species_lacks_is_exactly_zero() {
    let runs = runs();
    let slots = Slots::of_runs(&runs).unwrap();
    let sample = Sample::new(&runs[0], &slots).unwrap();
    let (h0, target) = (sample.h0.as_ref().unwrap(), sample.target.as_ref().unwrap());
    let statistics = [h0, target].map(|operator| Statistics::measure(&[&sample], &[operator], &slots));
    let preparation = Preparation::new(&small(), &slots, statistics, Kind::Double, Device::Cpu);
    let network = Network::new(&preparation);
    let batch = preparation.batch(&sample, None, usize::MAX).unwrap();
    let weights = network.table.split(&noisy(&network, Kind::Double));
    let output = network.forward(&weights, &preparation, &batch);
    let mut channels = Channels::zeros(&sample.graph, slots.algebra().width());
    preparation.add_mean(&sample, &mut channels);
    preparation.add(&batch, &output, &mut channels);
    let (algebra, mut absent) = (slots.algebra(), 0);
    for (k, edge) in sample.graph.edges.iter().enumerate() {
        let [row, column] = [edge.i, edge.j].map(|atom| sample.species[atom]);
        for (value, &channel) in channels.edge(k).iter().zip(algebra.frame_channel()) {
            if !slots.has(row, column, &algebra.channels()[channel]) {
                absent += 1;
                assert_eq!(*value, 0.0);
            }
        }
    }
    assert!(absent > sample.graph.edges.len() * 100);
}

#[test]
fn one_model_learns_runs_of_three_codes() {
    let runs = runs();
    let data = Data::new(runs.to_vec(), Vec::new(), Target::default()).unwrap();
    let labels: Vec<(&str, &str)> = data.slots.species().iter().map(|s| (s.code.as_str(), s.label.as_str())).collect();
    assert_eq!(labels.len(), 5, "{labels:?}");
    assert_eq!(data.about.code, "ABACUS, OpenMX, SIESTA");
    let config = TrainConfig {
        linear: LinearConfig { enabled: false, ..LinearConfig::default() },
        model: ModelConfig { base: Base::H0, ..small() },
        training: TrainingConfig { steps: 150, warmup: 5, threads: 1, ..TrainingConfig::default() },
        ..TrainConfig::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder { lines: Vec::new(), last: usize::MAX };
    let model = train_on(data, &config, folder.path(), Device::Cpu, &mut recorder).unwrap().model;
    let predictor = Predictor::load(&model, Device::Cpu).unwrap();
    for run in &runs {
        model.check_compatible(run).unwrap();
        let sample = Sample::new(run, &model.slots).unwrap();
        let predicted = predictor.predict(&sample, None).unwrap();
        let wanted = sample.target.as_ref().unwrap();
        let size = |c: &Channels| c.edges.iter().chain(&c.nodes).map(|x| x.abs()).sum::<f64>();
        let mut error = predicted.clone();
        error.add(wanted, -1.0);
        let ratio = size(&error) / size(wanted);
        println!("{}: {ratio:.3} of dH is left", run.origin.code);
        assert!(ratio < 0.9, "{}: {ratio}", run.origin.code);
    }
}
