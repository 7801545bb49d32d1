//! The second stage.

use std::path::Path;

use super::*;
use crate::model::equivariance::equivariance_error as error_of_model;
use crate::model::network::config::{OutputConfig, Refine, TrainConfig, TrainingConfig};
use crate::model::network::data::Data;
use crate::model::network::layers::refine::{Turn, fixed_turns, random_turn};
use crate::model::network::stages::Stages;
use crate::model::network::train::{Listener, Progress, StartFacts, train_on};
use crate::model::target::Target;
use crate::model::{predict, synthetic};
use crate::parsers::{Error, Result};

fn refined(refine: Refine) -> ModelConfig {
    ModelConfig { refine, refine_width: 12, refine_heads: 3, ..small() }
}

/// What a network with these weights says, with or without its second stage.
fn stages_of(config: &ModelConfig, noise: bool) -> [Operator<f64>; 2] {
    let (sample, preparation) = prepared(&run(1, 7.0), config, Kind::Double);
    let mut network = Network::new(&preparation);
    let start = || Tensor::from_slice(&network.table.initial(3));
    let flat = if noise { noisy(&network, Kind::Double) } else { start() };
    [false, true].map(|refine| {
        network.pass.refine = refine;
        let channels = predicted(&network, &flat, &preparation, &sample, usize::MAX);
        sample.operator(&channels, &preparation.slots).unwrap()
    })
}

#[test]
fn the_correction_starts_at_zero_and_can_become_large() {
    for refine in [Refine::Frame, Refine::Free] {
        let [first, both] = stages_of(&refined(refine), false);
        assert_eq!(first, both);
        let [first, both] = stages_of(&refined(refine), true);
        assert!(difference(&first, &both) > 0.1);
        let without = stages_of(&ModelConfig { refine: Refine::None, ..small() }, false);
        assert_eq!(without[1], stages_of(&refined(refine), false)[0], "the first stage starts otherwise");
    }
}

#[test]
fn neither_frames_nor_orders_nor_tiles_matter() {
    for refine in [Refine::Frame, Refine::Free] {
        let config = refined(refine);
        assert!(frame_error(&config) < 1e-12 && order_error(&config) < 1e-12 && tile_error(&config) < 1e-13);
    }
}

#[test]
fn the_refinement_in_frames_is_exact() {
    for passing in [false, true] {
        let error = orthogonal_error(&ModelConfig { passing, ..refined(Refine::Frame) });
        assert!(error < 1e-12, "{error:e}");
    }
}

#[test]
fn the_free_refinement_is_equivariant_under_the_axes_that_it_averages_over() {
    let error = |refine_turns: usize, r: &Matrix3<f64>| {
        equivariance_error(Kind::Double, r, &ModelConfig { refine_turns, ..refined(Refine::Free) })
    };
    let (any, third) = (rotation(), fixed_turns(12)[7]);
    assert!(error(1, &any) > 1e-2 && error(1, &third) > 1e-2);
    assert!(error(12, &third) < 1e-12);
    let errors = [1, 4, 24].map(|n| error(n, &any));
    println!("1, 4 and 24 axes: {errors:?}");
    assert!(errors[2] < 0.3 * errors[0], "{errors:?}");
}

#[test]
fn turned_axes_of_the_refinement_are_turned_axes_of_the_run() {
    let (run, config) = (run(1, 7.0), refined(Refine::Free));
    for r in [random_turn(5, 1), -random_turn(5, 1)] {
        let (sample, preparation) = prepared(&run, &config, Kind::Double);
        let mut network = Network::new(&preparation);
        let flat = noisy(&network, Kind::Double);
        let operator = |network: &Network, sample: &Sample| {
            let channels = predicted(network, &flat, &preparation, sample, usize::MAX);
            sample.operator(&channels, &preparation.slots).unwrap()
        };
        let wanted = operator(&network, &Sample::new(&rotated(&run, &r), &preparation.slots).unwrap());
        network.pass.turns = vec![Turn::new(&preparation.tables.hidden, &r, Kind::Double, Device::Cpu)];
        let carrier = Calculation { overlap: Some(operator(&network, &sample)), ..run.clone() };
        let error = difference(&wanted, rotated(&carrier, &r).overlap.as_ref().unwrap());
        assert!(error < 1e-11, "{error:e}");
    }
}

#[test]
fn each_stage_learns_at_its_time_and_rate() {
    let (_, preparation) = prepared(&run(1, 7.0), &refined(Refine::Free), Kind::Double);
    let network = Network::new(&preparation);
    let change = |step: usize, first_stage_rate: f64| {
        let config = TrainingConfig { steps: 10, refine_from: 0.3, first_stage_rate, ..TrainingConfig::default() };
        let stages = Stages::new(&config, &network.table, &preparation);
        let mut weights = Tensor::zeros([network.table.n_parameters()], (Kind::Double, Device::Cpu));
        stages.moderate(&mut weights, step, |weights| weights.copy_(&weights.ones_like()));
        weights
    };
    let all = |weights: &Tensor, value: f64| (weights - value).abs().max().double_value(&[]) == 0.0;
    assert!(all(&change(2, 0.1), 1.0));
    for rate in [0.0, 0.1] {
        let changed = change(3, rate);
        for (name, shape, start) in network.table.named() {
            let wanted = if name.starts_with("refine.") { 1.0 } else { rate };
            assert!(all(&changed.narrow(0, start, shape.iter().product()), wanted), "{name}");
        }
    }
}

#[test]
fn the_schedule_starts_anew_with_the_refinement() {
    let (_, preparation) = prepared(&run(1, 7.0), &refined(Refine::Free), Kind::Double);
    let network = Network::new(&preparation);
    let config = TrainingConfig { steps: 10, refine_from: 0.3, ..TrainingConfig::default() };
    let stages = Stages::new(&config, &network.table, &preparation);
    let places = [0, 2, 3, 9].map(|step| {
        let (config, place) = stages.schedule(step);
        (config.steps, place)
    });
    assert_eq!(places, [(3, 0), (3, 2), (7, 0), (7, 6)]);
    let passes = [2, 3].map(|step| stages.pass(&preparation, step));
    assert_eq!(passes.each_ref().map(|pass| (pass.refine, pass.turns.len())), [(false, 0), (true, 1)]);
}

/// Notes the error of every step; breaks off after some.
struct Recorder {
    errors: Vec<(usize, f64)>,
    last: usize,
}

impl Listener for Recorder {
    fn start(&mut self, _facts: &StartFacts) -> Result<()> {
        Ok(())
    }

    fn step(&mut self, progress: &Progress) -> Result<()> {
        self.errors.push((progress.step, progress.loss.mae));
        if progress.step == self.last { Err(Error::unsupported("killed")) } else { Ok(()) }
    }
}

/// Trains on three small runs; the model is written into the folder. Breaks off after step `last`.
fn trained(folder: &Path, model: &ModelConfig, training: &TrainingConfig, last: usize) -> Vec<(usize, f64)> {
    init_torch();
    let run = |seed| synthetic::run(synthetic::structure(seed));
    let data = Data::new(vec![run(1), run(2), run(3)], vec![run(4)], Target::default()).unwrap();
    let config = TrainConfig {
        model: model.clone(),
        training: TrainingConfig { warmup: 3, threads: 1, ..training.clone() },
        output: OutputConfig { checkpoint_every: 10, ..OutputConfig::default() },
        ..TrainConfig::default()
    };
    let mut recorder = Recorder { errors: Vec::new(), last };
    let done = train_on(data, &config, folder, Device::Cpu, &mut recorder);
    assert_eq!(done.is_ok(), last == usize::MAX);
    recorder.errors
}

#[test]
fn a_resumed_run_refines_in_the_same_axes() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let training = TrainingConfig { steps: 16, refine_from: 0.4, ..TrainingConfig::default() };
    let train = |folder: usize, last: usize| trained(folders[folder].path(), &refined(Refine::Free), &training, last);
    let wanted = train(0, usize::MAX);
    let mut found = train(1, 12);
    found.truncate(10);
    found.extend(train(1, usize::MAX));
    assert_eq!(found, wanted);
}

#[test]
fn random_axes_in_training_make_the_free_refinement_more_equivariant() {
    let run = synthetic::run(synthetic::structure(4));
    let errors = [false, true].map(|rotate| {
        let folder = tempfile::tempdir().unwrap();
        let training = TrainingConfig { steps: 80, refine_from: 0.25, rotate, ..TrainingConfig::default() };
        trained(folder.path(), &refined(Refine::Free), &training, usize::MAX);
        let predictor = predict::Predictor::load(&folder.path().join("model.safetensors"), "cpu").unwrap();
        error_of_model(&predictor, &run, 6).unwrap()
    });
    println!("in given and in random axes: {errors:?}");
    assert!(errors[1].mae < 0.7 * errors[0].mae && errors[1].mae > 1e-9, "{errors:?}");
}

/// Atoms of a chain, each bonded to its neighbours alone, whose on-site blocks change with the on-site H0 of its first atom.
fn reached(config: &ModelConfig) -> Vec<usize> {
    let positions = [[0.0, 0.0, 0.0], [4.6, 0.5, 0.2], [9.0, -0.1, 0.6], [13.7, 0.4, -0.3], [18.2, 0.1, 0.1]];
    let positions = positions.map(Vector3::from).to_vec();
    let lattice = Matrix3::from_diagonal_element(40.0);
    let run = synthetic::run(Structure { lattice, positions, species: vec![0, 1, 0, 1, 0] });
    let (mut sample, preparation) = prepared(&run, config, Kind::Double);
    let before = operator_of(&sample, &preparation, usize::MAX);
    let h0 = sample.h0.as_mut().unwrap();
    h0.nodes[..h0.width].iter_mut().for_each(|x| *x *= 1.5);
    let after = operator_of(&sample, &preparation, usize::MAX);
    (0..5).filter(|&atom| before.get(&Pair::onsite(atom)) != after.get(&Pair::onsite(atom))).collect()
}

#[test]
fn each_layer_widens_the_range_by_one_envelope() {
    let strict = ModelConfig { ends: false, passing: false, ..small() };
    assert_eq!(reached(&strict), [0]);
    for refine in [Refine::Frame, Refine::Free] {
        for refine_layers in [1, 2, 3] {
            let config = ModelConfig { refine_layers, ..refined(refine) };
            let config = ModelConfig { ends: false, passing: false, ..config };
            assert_eq!(reached(&config), (0..=refine_layers).collect::<Vec<_>>(), "{refine:?}");
        }
    }
}
