//! Networks of runs with spin.

use nalgebra::{Matrix3, Rotation3};
use tch::Device;

use super::config::{
    Base, DataConfig, LinearConfig, ModelConfig, Precision, TargetConfig, TrainConfig, TrainingConfig,
};
use super::data::Data;
use super::train::{Listener, Progress, StartFacts, train_on};
use super::{init_torch, set_threads, tests};
use crate::model::exchange_field::{self, parts};
use crate::model::predict::Predictor;
use crate::model::spin_tests::{check_exchange, largest};
use crate::model::synthetic;
use crate::parsers::{Calculation, Operator, Result, SpinOperator, c64};
use crate::symmetry::rotate::rotated;
use crate::symmetry::time_reversal::time_reversed;

struct Silent;

impl Listener for Silent {
    fn start(&mut self, _facts: &StartFacts) -> Result<()> {
        Ok(())
    }

    fn step(&mut self, _progress: &Progress) -> Result<()> {
        Ok(())
    }
}

/// A small network after `steps` steps on these runs.
fn trained(runs: Vec<Calculation>, config: TrainConfig, steps: usize) -> Predictor {
    init_torch();
    set_threads(1);
    let folder = tempfile::tempdir().unwrap();
    let model = ModelConfig { channels: 6, unnatural_channels: 3, layers: 1, width: 16, envelope: 5.5, ..config.model };
    let training = TrainingConfig { steps, warmup: 3, ema: 0.5, threads: 1, ..config.training };
    let data = DataConfig { train: Vec::new(), validate: Vec::new(), exclude: Vec::new(), validation_fraction: 0.0 };
    let config = TrainConfig { data, model, training, ..config };
    config.check().unwrap();
    let data = Data::new(runs, Vec::new(), config.what()).unwrap();
    let model = train_on(data, &config, folder.path(), Device::Cpu, &mut Silent).unwrap().model;
    let path = folder.path().join("model.safetensors");
    model.write(&path).unwrap();
    Predictor::load(&path, "cpu").unwrap()
}

fn with_base(base: Base) -> TrainConfig {
    TrainConfig { model: ModelConfig { base, ..ModelConfig::default() }, ..TrainConfig::default() }
}

#[test]
fn exchanging_the_spins_exchanges_what_the_network_says() {
    let collinear = |seed| synthetic::collinear(synthetic::structure(seed));
    for base in [Base::H0, Base::Potential] {
        let predictor = trained([1, 2].map(collinear).to_vec(), with_base(base), 30);
        assert!(predictor.model().knows_exchange());
        check_exchange(&predictor, &collinear(9));
    }
}

/// Random A and B in H⁽⁰⁾ and H, and one imaginary part (spin–orbit coupling) in both.
fn magnet(seed: u64) -> Calculation {
    let run = tests::run(seed, 7.0);
    let part = |k: u64| tests::random_operator(&run, 100 * seed + k, 0.5);
    let zero = || Operator::<c64>::zeros(run.overlap.as_ref().unwrap().pairs().clone());
    let mut h0 = SpinOperator::Spinor([zero(), zero(), zero(), zero()]);
    exchange_field::add(&mut h0, &[part(1), part(2), part(3), part(4)]);
    let mut h = h0.clone();
    exchange_field::add(&mut h, &[part(5), part(6), part(7), part(8)].map(|o| scaled(&o, 0.1)));
    let hamiltonian = Some(with_coupling(h, &part(9)));
    Calculation { hamiltonian0: Some(with_coupling(h0, &part(9))), hamiltonian, ..run }
}

fn scaled(operator: &Operator<f64>, factor: f64) -> Operator<f64> {
    let mut scaled = operator.clone();
    scaled.values_mut().iter_mut().for_each(|value| *value *= factor);
    scaled
}

/// Adds i t σ_z with t_ji(−R) = −t_ij(R)ᵀ.
fn with_coupling(operator: SpinOperator, t: &Operator<f64>) -> SpinOperator {
    let SpinOperator::Spinor([mut uu, ud, du, mut dd]) = operator else { panic!("no spinor") };
    for (k, partner) in t.pairs().partners().into_iter().enumerate().map(|(k, partner)| (k, partner.unwrap())) {
        let sign = f64::from((k < partner) as i8 - (k > partner) as i8);
        let blocks = uu.block_mut(k).iter_mut().zip(dd.block_mut(k)).zip(t.block(k));
        blocks.for_each(|((uu, dd), t)| {
            *uu += c64::new(0.0, sign * t);
            *dd -= c64::new(0.0, sign * t);
        });
    }
    SpinOperator::Spinor([uu, ud, du, dd])
}

fn magnetic() -> TrainConfig {
    TrainConfig {
        target: TargetConfig { magnetic: true, ..TargetConfig::default() },
        linear: LinearConfig { enabled: false, ..LinearConfig::default() },
        training: TrainingConfig { precision: Precision::F64, ..TrainingConfig::default() },
        ..with_base(Base::H0)
    }
}

fn difference(a: &SpinOperator, b: &SpinOperator) -> f64 {
    let pairs = parts(a).into_iter().zip(parts(b));
    largest(pairs.flat_map(|(a, b)| a.values().iter().zip(b.values()).map(|(a, b)| a - b).collect::<Vec<f64>>()))
}

#[test]
fn the_linear_stage_is_refused_with_exchange_fields() {
    let config = TrainConfig { linear: LinearConfig::default(), ..magnetic() };
    assert_eq!(config.check().unwrap_err().to_string(), "target.magnetic: linear.enabled knows no exchange fields");
}

#[test]
fn exchange_fields_turn_with_space_and_spin() {
    let predictor = trained(vec![magnet(1), magnet(2)], magnetic(), 20);
    let predicted = |run: &Calculation| predictor.predict(run).unwrap().hamiltonian;
    let run = magnet(3);
    let here = predicted(&run);
    let changes = parts(&here).into_iter().zip(parts(run.hamiltonian0.as_ref().unwrap()));
    for (k, (h, h0)) in changes.enumerate() {
        let change = largest(h.values().iter().zip(h0.values()).map(|(a, b)| a - b));
        assert!(change > 1e-3, "part {k} changes by {change} only");
    }
    let carrier = Calculation { hamiltonian: Some(here.clone()), ..run.clone() };
    let turn = *Rotation3::from_euler_angles(0.3, -1.2, 2.5).matrix();
    for r in [turn, -Matrix3::identity(), -turn] {
        let error = difference(&predicted(&rotated(&run, &r)), &rotated(&carrier, &r).hamiltonian.unwrap());
        assert!(error < 1e-12, "{error} for {r}");
    }
    let image = Calculation { hamiltonian0: run.hamiltonian0.as_ref().map(time_reversed), ..run };
    assert_eq!(difference(&predicted(&image), &time_reversed(&here)), 0.0);
}

#[test]
fn the_spinless_part_sees_the_field_and_imaginary_parts_stay() {
    let predictor = trained(vec![magnet(1), magnet(2)], magnetic(), 20);
    let run = magnet(3);
    let h0 = run.hamiltonian0.clone().unwrap();
    let here = predictor.predict(&run).unwrap().hamiltonian;
    let (SpinOperator::Spinor([uu, ..]), SpinOperator::Spinor([uu0, ..])) = (&here, &h0) else { panic!("no spinors") };
    assert!(uu.values().iter().zip(uu0.values()).all(|(h, h0)| (h.im - h0.im).abs() < 1e-15));
    let mut doubled = h0.clone();
    let [a, x, y, z] = parts(&h0);
    exchange_field::add(&mut doubled, &[scaled(&a, 0.0), x, y, z]);
    let there = predictor.predict(&Calculation { hamiltonian0: Some(doubled), ..run }).unwrap().hamiltonian;
    let [[here, ..], [there, ..]] = [&here, &there].map(parts);
    assert!(largest(here.values().iter().zip(there.values()).map(|(a, b)| a - b)) > 1e-4);
}
