//! Losses, gradients and courses of training runs, on runs made up from two-centre integrals.

use std::path::Path;

use nalgebra::Rotation3;
use tch::{Device, Kind, Tensor};

use super::batch::{Batch, EdgeTile, Preparation};
use super::config::{
    Aggregation, Base, Gradient, Keep, Loss, ModelConfig, OutputConfig, Schedule, TrainConfig, TrainingConfig,
};
use super::data::{Data, watch};
use super::loss::Objective;
use super::merge::Merged;
use super::network::{Network, Output};
use super::predictor::Predictor;
use super::statistics::Statistics;
use super::tests::small;
use super::train::{Listener, Progress, StartFacts, Trained, train_on};
use super::trainer::{LossReport, Trainer};
use super::{init_torch, set_threads};
use crate::model::target::{self, Target};
use crate::model::{Channels, Sample, Slots, synthetic};
use crate::parsers::{Calculation, Error, Result};
use crate::symmetry::rotate::rotated;

/// A run of the first atoms of a made-up structure.
fn run(seed: usize, n_atoms: usize) -> Calculation {
    let mut structure = synthetic::structure(seed);
    structure.positions.truncate(n_atoms);
    structure.species.truncate(n_atoms);
    synthetic::run(structure)
}

fn slots() -> Slots {
    Slots::of_runs([&run(1, 5).basis]).unwrap()
}

/// Tensors for runs on slots of their own, statistics of the first, in double precision.
fn prepared(runs: &[Calculation], slots: &Slots) -> (Preparation, Vec<Sample>) {
    prepared_as(&small(), runs, slots)
}

fn prepared_as(config: &ModelConfig, runs: &[Calculation], slots: &Slots) -> (Preparation, Vec<Sample>) {
    init_torch();
    set_threads(1);
    let samples: Vec<Sample> = runs.iter().map(|run| Sample::new(run, slots).unwrap()).collect();
    let statistics = |operator: &Channels| Statistics::measure(&[&samples[0]], &[operator], slots);
    let measured = [&samples[0].h0, &samples[0].target].map(|operator| statistics(operator.as_ref().unwrap()));
    (Preparation::new(config, slots, measured, Kind::Double, Device::Cpu), samples)
}

fn batches(preparation: &Preparation, samples: &[Sample]) -> Vec<Batch> {
    samples.iter().map(|sample| preparation.batch(sample, sample.target.as_ref(), usize::MAX).unwrap()).collect()
}

/// Structures of five, three and four atoms.
fn mixed_sizes() -> (Preparation, Vec<Sample>) {
    prepared(&[run(1, 5), run(2, 3), run(3, 4)], &slots())
}

fn zeros(batch: &Batch) -> Output {
    let pairs = batch.near.iter().chain(&batch.far).map(|tile| tile.scale.zeros_like()).collect();
    Output { pairs, nodes: batch.nodes.scale.zeros_like(), traces: None }
}

/// Loss, before it is made relative, of saying zero about a run.
fn size(run: &Calculation, config: &TrainingConfig) -> f64 {
    let (preparation, samples) = prepared(&[self::run(1, 5), run.clone()], &slots());
    let batches = batches(&preparation, &samples);
    let reference = Objective::new(config, &preparation, &batches[..1]);
    reference.terms(&preparation, 1, 0, &batches[1], &zeros(&batches[1])).real.double_value(&[])
}

#[test]
fn every_loss_is_its_own_and_the_norm_does_not_turn() {
    let there = run(2, 5);
    let turned = rotated(&there, Rotation3::from_euler_angles(0.7, -1.2, 2.3).matrix());
    let change = |loss| {
        let config = TrainingConfig { loss, ..TrainingConfig::default() };
        let [before, after] = [&there, &turned].map(|run| size(run, &config));
        (before, (after / before - 1.0).abs())
    };
    assert!(change(Loss::Norm).1 < 1e-12 && change(Loss::Mse).1 < 1e-12);
    assert!(change(Loss::Mae).1 > 1e-4 && change(Loss::Mixed).1 > 1e-4);
    let mut sizes = [Loss::Norm, Loss::Mse, Loss::Mae, Loss::Mixed].map(|loss| change(loss).0);
    sizes.sort_by(f64::total_cmp);
    assert!(sizes.windows(2).all(|pair| pair[1] - pair[0] > 1e-6), "{sizes:?}");
}

/// (MAE + RMSE) / 2 of a target of which `numbers` are there.
fn half(targets: &[Tensor], numbers: f64) -> f64 {
    let mean = |f: fn(&Tensor) -> Tensor| {
        targets.iter().map(|target| f(target).sum(Kind::Double).double_value(&[])).sum::<f64>() / numbers
    };
    0.5 * (mean(Tensor::abs) + mean(Tensor::square).sqrt())
}

#[test]
fn the_mixed_loss_counts_on_site_blocks_as_much_as_all_bonds() {
    let (preparation, samples) = mixed_sizes();
    let batches = batches(&preparation, &samples);
    let config = TrainingConfig { loss: Loss::Mixed, ..TrainingConfig::default() };
    let objective = Objective::new(&config, &preparation, &batches[..1]);
    let by_hand = |batch: &Batch| {
        let tiles: Vec<&EdgeTile> = batch.near.iter().chain(&batch.far).collect();
        let bonds: Vec<Tensor> = tiles.iter().map(|tile| tile.target.as_ref().unwrap().shallow_clone()).collect();
        let numbers = tiles.iter().map(|tile| tile.present.numbers).sum();
        let atoms = half(&[batch.nodes.target.as_ref().unwrap().shallow_clone()], batch.nodes.present.numbers);
        0.5 * (atoms + half(&bonds, numbers))
    };
    let real = objective.terms(&preparation, 1, 0, &batches[1], &zeros(&batches[1])).real.double_value(&[]);
    assert!((real / (by_hand(&batches[1]) / by_hand(&batches[0])) - 1.0).abs() < 1e-12);
}

/// Objective with gauge, and the only batch.
fn gauged(gauge: bool) -> (Objective, Preparation, Sample, Batch) {
    let (preparation, mut samples) = prepared(&[run(1, 5)], &slots());
    let mut batches = batches(&preparation, &samples);
    let objective = Objective::new(&TrainingConfig { gauge, ..TrainingConfig::default() }, &preparation, &batches);
    (objective, preparation, samples.remove(0), batches.remove(0))
}

/// What a network would say that is right up to `shift` · S.
fn shifted_target(batch: &Batch, shift: f64) -> Output {
    let sum = |target: &Option<Tensor>, overlap: &Option<Tensor>| {
        target.as_ref().unwrap() + overlap.as_ref().unwrap() * shift
    };
    let pairs = batch.near.iter().chain(&batch.far).map(|tile| sum(&tile.target, &tile.overlap)).collect();
    Output { pairs, nodes: sum(&batch.nodes.target, &batch.nodes.overlap), traces: None }
}

#[test]
fn a_free_gauge_forgives_a_shift_up_to_its_limit() {
    for (gauge, shift, left, found) in [(true, 0.02, 0.0, 0.02), (true, -0.3, -0.2, -0.1), (false, 0.02, 0.02, 0.0)] {
        let (objective, preparation, _, batch) = gauged(gauge);
        let terms = objective.terms(&preparation, 0, 0, &batch, &shifted_target(&batch, shift));
        let (none, _, _, _) = gauged(false);
        let wanted = none.terms(&preparation, 0, 0, &batch, &shifted_target(&batch, left)).mae.double_value(&[]);
        assert!((terms.mae.double_value(&[]) - wanted).abs() < 1e-14);
        assert!((terms.shift.double_value(&[]) - found).abs() < 1e-12);
    }
}

#[test]
fn the_gauge_of_channels_is_that_of_blocks() {
    let (objective, preparation, sample, batch) = gauged(true);
    let network = Network::new(&preparation);
    let weights = Tensor::from_slice(&network.table.initial(3));
    let output = tch::no_grad(|| network.forward(&network.table.split(&weights), &preparation, &batch));
    let mut channels = Channels::zeros(&sample.graph, preparation.slots.algebra().width());
    preparation.add_mean(&sample, &mut channels);
    preparation.add(&batch, &output, &mut channels);
    let run = run(1, 5);
    let mut error = sample.operator(&channels, &preparation.slots).unwrap();
    let wanted = target::delta(&run).unwrap();
    error.values_mut().iter_mut().zip(wanted.values()).for_each(|(error, wanted)| *error -= wanted);
    let wanted = target::gauge_shift(&error, run.overlap.as_ref().unwrap());
    let found = objective.terms(&preparation, 0, 0, &batch, &output).shift.double_value(&[]);
    assert!(wanted.abs() > 1e-6 && (found - wanted).abs() < 1e-12, "{found} {wanted}");
}

#[test]
fn the_shift_is_a_constant_for_gradients() {
    let (objective, preparation, _, batch) = gauged(true);
    let mut output = zeros(&batch);
    output.nodes = output.nodes.set_requires_grad(true);
    objective.terms(&preparation, 0, 0, &batch, &output).total().backward();
    // Each number weighs the same in a mean absolute error, unless its shift followed it.
    let slopes = output.nodes.grad().abs();
    let slopes = slopes.masked_select(&slopes.gt(0.0));
    let [least, most] = [slopes.min(), slopes.max()].map(|slope| slope.double_value(&[]));
    assert!(least > 0.0 && most - least < 1e-12 * most, "{least} {most}");
}

fn config(training: TrainingConfig) -> TrainingConfig {
    TrainingConfig { seed: 3, batch: 3, warmup: 3, threads: 1, ..training }
}

/// Gradient of the first step, and the loss.
fn gradient(training: TrainingConfig) -> (Tensor, LossReport) {
    gradient_of(&small(), training)
}

fn gradient_of(model: &ModelConfig, training: TrainingConfig) -> (Tensor, LossReport) {
    let (preparation, samples) = prepared_as(model, &[run(1, 5), run(2, 3), run(3, 4)], &slots());
    let batches = batches(&preparation, &samples);
    let trainer = Trainer::new(preparation, &config(training), batches).unwrap();
    let report = trainer.gradient();
    (trainer.weights.grad(), report)
}

fn largest(tensor: &Tensor) -> f64 {
    tensor.abs().max().double_value(&[])
}

#[test]
fn structures_at_once_give_the_mean_of_each() {
    for loss in [Loss::Mixed, Loss::Norm] {
        let training = |passes| TrainingConfig { passes, loss, gauge: true, ..TrainingConfig::default() };
        let [(together, a), (apart, b)] = [1, 3].map(|passes| gradient(training(passes)));
        assert!(largest(&together) > 1e-3);
        assert!(largest(&(&together - &apart)) < 1e-12 * largest(&together) && (a.real - b.real).abs() < 1e-12);
        assert_eq!(together, gradient(training(1)).0, "not deterministic");
    }
}

#[test]
fn merged_structures_know_their_rows() {
    let (preparation, samples) = mixed_sizes();
    // Tiles of seven bonds: several of each kind.
    let tiled: Vec<Batch> = samples.iter().map(|s| preparation.batch(s, s.target.as_ref(), 7).unwrap()).collect();
    let merged = Merged::new(&tiled.iter().collect::<Vec<_>>());
    assert_eq!((merged.batch.near.len(), merged.batch.far.len()), (1, 1));
    let network = Network::new(&preparation);
    let weights = network.table.split(&Tensor::from_slice(&network.table.initial(3)));
    let all = merged.split(&network.forward(&weights, &preparation, &merged.batch));
    for (output, batch) in all.iter().zip(&tiled) {
        let alone = network.forward(&weights, &preparation, batch);
        assert_eq!(output.pairs.len(), alone.pairs.len());
        let pairs = output.pairs.iter().zip(&alone.pairs).map(|(a, b)| largest(&(a - b)));
        assert!(pairs.chain([largest(&(&output.nodes - &alone.nodes))]).all(|error| error < 1e-13));
    }
}

#[test]
fn passes_share_the_structures_of_a_step() {
    let (preparation, samples) = mixed_sizes();
    let batches = batches(&preparation, &samples);
    let training = TrainingConfig { batch: 5, passes: 2, ..TrainingConfig::default() };
    let trainer = Trainer::new(preparation, &training, batches).unwrap();
    assert_eq!(trainer.groups(0).iter().map(Vec::len).collect::<Vec<_>>(), [3, 2]);
}

#[test]
fn recomputed_layers_give_the_same_gradient() {
    let traces = ModelConfig { trace: true, gradient: Gradient::Plain, invariants: 8, ..small() };
    let attention = ModelConfig { aggregation: Aggregation::Attention, passing: true, ..small() };
    for model in [small(), traces, attention] {
        let training =
            |recompute| TrainingConfig { recompute, loss: Loss::Norm, trace_weight: 0.3, ..TrainingConfig::default() };
        let [(plain, a), (recomputed, b)] = [false, true].map(|recompute| gradient_of(&model, training(recompute)));
        assert!(largest(&(&plain - &recomputed)) < 1e-12 * largest(&plain), "{}", largest(&(&plain - &recomputed)));
        assert_eq!(a, b);
    }
}

#[test]
fn traces_weigh_as_much_as_they_are_told() {
    let model = ModelConfig { trace: true, invariants: 8, ..small() };
    let training = |trace_weight| TrainingConfig { trace_weight, ..TrainingConfig::default() };
    let [(none, off), (some, on), (twice, double)] = [0.0, 0.3, 0.6].map(|w| gradient_of(&model, training(w)));
    assert_eq!((off.trace, on.real), (None, off.real));
    assert!((on.trace.unwrap() - 0.3 * on.real).abs() < 1e-12 && (double.trace.unwrap() - 0.6 * on.real).abs() < 1e-12);
    let (once, again) = (&some - &none, &twice - &some);
    assert!(largest(&once) > 1e-3 && largest(&(&once - &again)) < 1e-12, "the ratio carries a gradient");
}

#[test]
fn a_loss_that_is_not_finite_changes_nothing_and_ends_the_run() {
    let (preparation, samples) = mixed_sizes();
    let mut batches = batches(&preparation, &samples);
    for batch in &mut batches {
        batch.nodes.target = batch.nodes.target.take().map(|target| target * f64::NAN);
    }
    let mut trainer = Trainer::new(preparation, &config(TrainingConfig::default()), batches).unwrap();
    let before = trainer.weights.detach().copy();
    assert!(trainer.step().unwrap().loss.real.is_nan());
    assert_eq!((trainer.course.skipped, &trainer.weights.detach()), (1, &before));
    let error = (0..100).find_map(|_| trainer.step().err()).unwrap().to_string();
    assert!(error.starts_with("50 steps up to 50 gave no finite loss and gradient"), "{error}");
}

#[test]
fn runs_without_a_target_are_refused() {
    let (preparation, samples) = mixed_sizes();
    let batches = samples.iter().map(|sample| preparation.batch(sample, None, usize::MAX).unwrap()).collect();
    let error = Trainer::new(preparation, &TrainingConfig::default(), batches).unwrap_err();
    assert_eq!(error.to_string(), "no training run has a target");
}

/// Records the course of a run without its clock; breaks off after some steps.
pub(super) struct Recorder {
    pub(super) lines: Vec<Progress>,
    pub(super) last: usize,
}

impl Listener for Recorder {
    fn start(&mut self, _facts: &StartFacts) -> Result<()> {
        Ok(())
    }

    fn step(&mut self, progress: &Progress) -> Result<()> {
        self.lines.push(Progress { seconds: 0.0, cpu_seconds: None, ..*progress });
        if progress.step == self.last { Err(Error::unsupported("killed")) } else { Ok(()) }
    }
}

/// Trains for 20 steps with a checkpoint every 10 and an evaluation every 2; killed after step `last`.
fn curve(folder: &Path, base: Base, training: TrainingConfig, last: usize) -> (Vec<Progress>, Result<Trained>) {
    init_torch();
    let config = TrainConfig {
        model: ModelConfig { base, ..small() },
        training: TrainingConfig { steps: 20, warmup: 3, threads: 1, ..training },
        output: OutputConfig { checkpoint_every: 10, evaluate_every: 2, ..OutputConfig::default() },
        ..TrainConfig::default()
    };
    let mut recorder = Recorder { lines: Vec::new(), last };
    let trained = train_on(data(), &config, folder, Device::Cpu, &mut recorder);
    (recorder.lines, trained)
}

fn data() -> Data {
    let runs = [run(1, 5), run(2, 4), run(3, 5)];
    Data::new(runs.into(), vec![run(4, 5)], Target::default()).unwrap()
}

/// In a folder of its own, to the end.
fn whole_curve(training: TrainingConfig) -> (Vec<Progress>, Trained) {
    let folder = tempfile::tempdir().unwrap();
    let (lines, trained) = curve(folder.path(), Base::H0, training, usize::MAX);
    (lines, trained.unwrap())
}

#[test]
fn a_resumed_run_repeats_the_curve() {
    let plateau = TrainingConfig {
        schedule: Schedule::Plateau,
        plateau_patience: 1,
        learning_rate: 0.03,
        patience: 6,
        batch: 2,
        ..TrainingConfig::default()
    };
    let averaged = TrainingConfig { ema: 0.9, recompute: true, ..TrainingConfig::default() };
    for (base, training) in [(Base::H0, averaged.clone()), (Base::Linear, averaged), (Base::H0, plateau)] {
        let straight = tempfile::tempdir().unwrap();
        let (wanted, trained) = curve(straight.path(), base, training.clone(), usize::MAX);
        let killed = tempfile::tempdir().unwrap();
        let (mut found, nothing) = curve(killed.path(), base, training.clone(), 13);
        assert!(nothing.is_err());
        found.truncate(10); // the checkpoint was written there
        let (rest, resumed) = curve(killed.path(), base, training, usize::MAX);
        found.extend(rest);
        assert_eq!(found, wanted);
        let losses = wanted.iter().map(|line| line.loss.real);
        assert!(losses.fold(f64::INFINITY, f64::min) < 0.95 * wanted[0].loss.real, "nothing was learned");
        let [trained, resumed] = [trained, resumed].map(Result::unwrap);
        assert_eq!(trained.best, resumed.best);
        assert_eq!(predicted(&trained), predicted(&resumed));
    }
}

fn predicted(trained: &Trained) -> Channels {
    let predictor = Predictor::load(&trained.model, Device::Cpu).unwrap();
    let sample = Sample::new(&run(9, 5), predictor.slots()).unwrap();
    predictor.predict(&sample, None).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let training = |seed| TrainingConfig { seed, batch: 2, ..TrainingConfig::default() };
    let [first, second, other] = [0, 0, 1].map(|seed| whole_curve(training(seed)));
    assert_eq!(first.0, second.0);
    assert_eq!(predicted(&first.1), predicted(&second.1));
    assert_ne!(first.0, other.0);
}

#[test]
fn the_rate_falls_on_a_plateau() {
    // Weights this small a rate cannot change: nothing improves after the first evaluation.
    let stuck = TrainingConfig {
        schedule: Schedule::Plateau,
        learning_rate: 1e-20,
        plateau_patience: 2,
        plateau_factor: 0.25,
        ..TrainingConfig::default()
    };
    let rates: Vec<f64> = whole_curve(stuck).0.iter().map(|line| line.rate / 1e-20).collect();
    assert!((rates[5] - 1.0).abs() < 1e-12 && (rates[6] - 0.25).abs() < 1e-12 && (rates[10] - 0.0625).abs() < 1e-12);
}

#[test]
fn training_ends_early_where_nothing_improves() {
    let stuck = TrainingConfig { learning_rate: 1e-20, patience: 3, ..TrainingConfig::default() };
    let (lines, trained) = whole_curve(stuck.clone());
    assert_eq!((lines.len(), trained.steps), (8, 8));
    assert_eq!(trained.best.unwrap().step, 2);
    assert_eq!(whole_curve(TrainingConfig { patience: 0, ..stuck }).1.steps, 20);
}

#[test]
fn the_best_weights_are_kept() {
    let data = data();
    let error = |trained: &Trained| {
        let predictor = Predictor::load(&trained.model, Device::Cpu).unwrap();
        watch(&data.validate, &data.slots, |sample| predictor.predict(sample, None)).unwrap().mae_aligned
    };
    let schedule = Schedule::Plateau;
    let wild = |rate, keep| TrainingConfig { learning_rate: rate, schedule, keep, ..TrainingConfig::default() };
    // A run that ends worse than it was.
    let worse = |trained: &Trained| error(trained) > trained.best.unwrap().error;
    let rates = [0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3];
    let mut runs = rates.into_iter().map(|rate| (rate, whole_curve(wild(rate, Keep::Last))));
    let (rate, (lines, last)) = runs.find(|(_, run)| worse(&run.1)).unwrap();
    let (_, best) = whole_curve(wild(rate, Keep::Best));
    let errors = lines.iter().filter_map(|line| Some(line.validation?.mae_aligned));
    let smallest = errors.fold(f64::INFINITY, f64::min);
    assert_eq!(best.best, last.best);
    assert_eq!([best.kept_best, last.kept_best], [true, false]);
    assert_eq!((error(&best), best.best.unwrap().error), (smallest, smallest));
    assert!(error(&last) > smallest);
}

#[test]
fn waiting_for_an_improvement_needs_validation_runs() {
    let data = Data::new(vec![run(1, 5)], Vec::new(), Target::default()).unwrap();
    let config: TrainConfig = toml::from_str("[data]\ntrain = []\n[training]\npatience = 2").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder { lines: Vec::new(), last: 1 };
    let error = train_on(data, &config, folder.path(), Device::Cpu, &mut recorder).unwrap_err();
    assert!(error.to_string().contains("need validation runs"), "{error}");
}
