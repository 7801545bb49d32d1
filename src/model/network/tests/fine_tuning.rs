//! Training that starts from another model.

use std::path::Path;

use tch::Device;

use super::{run, small};
use crate::model::file::Model;
use crate::model::network::config::{
    Base, LinearConfig, ModelConfig, OutputConfig, Precision, TrainConfig, TrainingConfig,
};
use crate::model::network::data::Data;
use crate::model::network::predictor::Predictor;
use crate::model::network::train::{Listener, Progress, StartFacts, train_on};
use crate::model::target::Target;
use crate::model::{Channels, Sample, synthetic};
use crate::parsers::{Calculation, Origin, Result};

/// Keeps what is known at the start.
struct Facts(Option<StartFacts>);

impl Listener for Facts {
    fn start(&mut self, facts: &StartFacts) -> Result<()> {
        self.0 = Some(facts.clone());
        Ok(())
    }

    fn step(&mut self, _progress: &Progress) -> Result<()> {
        Ok(())
    }
}

/// Trains `runs` for some steps, from the model `start`.
fn trained(
    folder: &Path,
    runs: &[Calculation],
    shape: &ModelConfig,
    start: Option<&str>,
    steps: usize,
) -> (Model, StartFacts) {
    let data = Data::new(runs.to_vec(), Vec::new(), Target::default()).unwrap();
    let training = TrainingConfig {
        steps,
        start: start.map(Into::into),
        precision: Precision::F64,
        seed: steps as u64,
        threads: 1,
        ..TrainingConfig::default()
    };
    let config = TrainConfig {
        linear: LinearConfig { enabled: false, ..LinearConfig::default() },
        model: ModelConfig { base: Base::H0, ..shape.clone() },
        training,
        output: OutputConfig { model: format!("after{steps}.safetensors").into(), ..OutputConfig::default() },
        ..TrainConfig::default()
    };
    let mut facts = Facts(None);
    let model = train_on(data, &config, folder, Device::Cpu, &mut facts).unwrap().model;
    (model, facts.0.unwrap())
}

fn predicted(model: &Model, run: &Calculation) -> Channels {
    let sample = Sample::new(run, &model.slots).unwrap();
    Predictor::load(model, Device::Cpu).unwrap().predict(&sample, None).unwrap()
}

/// Blocks of the run, whatever slots the model has.
fn blocks(model: &Model, run: &Calculation) -> Vec<f64> {
    let sample = Sample::new(run, &model.slots).unwrap();
    sample.operator(&predicted(model, run), &model.slots).unwrap().values().to_vec()
}

fn largest(a: &[f64]) -> f64 {
    a.iter().fold(0.0, |largest, a| a.abs().max(largest))
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert!(a.len() == b.len() && a.iter().any(|x| x.abs() > 1e-3));
    a.iter().zip(b).fold(0.0, |worst, (a, b)| (a - b).abs().max(worst))
}

fn shapes() -> [ModelConfig; 2] {
    use crate::model::network::config::{Aggregation, Mixing, Refine};
    let rich = ModelConfig {
        mixing: Mixing::Free,
        aggregation: Aggregation::Attention,
        refine: Refine::Frame,
        trace: true,
        heads: 2,
        ..small()
    };
    [small(), rich]
}

#[test]
fn no_steps_on_the_same_runs_reproduce_the_model() {
    let runs = [1, 2].map(|seed| synthetic::run(synthetic::structure(seed)));
    for shape in shapes() {
        let folder = tempfile::tempdir().unwrap();
        let (old, before) = trained(folder.path(), &runs, &shape, None, 3);
        let (new, after) = trained(folder.path(), &runs, &shape, Some("after3.safetensors"), 0);
        let (fresh, _) = trained(folder.path(), &runs, &shape, None, 0);
        assert_eq!((before.n_taken, after.n_taken), (None, Some(after.n_parameters)));
        let other = synthetic::run(synthetic::structure(5));
        let wanted = blocks(&old, &other);
        assert_eq!(wanted, blocks(&new, &other));
        assert!(largest_difference(&wanted, &blocks(&fresh, &other)) > 1e-6, "training changed nothing");
    }
}

#[test]
fn more_species_and_shells_leave_old_predictions_as_they_were() {
    let old_run = synthetic::run(synthetic::structure(1));
    let more = run(1, 7.0);
    let more = Calculation { origin: Origin { code: "SIESTA", ..more.origin }, ..more };
    for shape in shapes() {
        let folder = tempfile::tempdir().unwrap();
        let (old, before) = trained(folder.path(), std::slice::from_ref(&old_run), &shape, None, 3);
        let (new, after) =
            trained(folder.path(), &[more.clone(), old_run.clone()], &shape, Some("after3.safetensors"), 0);
        assert!(new.slots.algebra().n_orbitals() > old.slots.algebra().n_orbitals());
        assert_eq!(after.n_taken, Some(before.n_parameters), "all old parameters have a place");
        assert!(after.n_parameters > before.n_parameters);
        // Elsewhere one structure's statistics say nothing, and a model's numbers are as wild as it likes.
        let wanted = blocks(&old, &old_run);
        let (difference, size) = (largest_difference(&wanted, &blocks(&new, &old_run)), largest(&wanted));
        println!("{difference:.1e} of {size:.1e}");
        assert!(size < 1.0 && difference < 1e-12, "{difference:e} of {size:e}");
        assert!(blocks(&new, &more).iter().all(|x| x.is_finite()));
    }
}
