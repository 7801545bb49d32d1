//! Training steps, on structures that are tensors already.

use tch::Tensor;

use super::adam::{Adam, clip, learning_rate};
use super::batch::{Batch, EdgeTile, Nodes, Preparation};
use super::config::{Loss, TrainingConfig};
use super::network::{Network, Output};
use super::random::Random;
use super::stages::{Pass, Stages};

/// Network, data and optimizer. What step k does depends on seed and k alone, so that a resumed run repeats the same curve.
#[derive(Debug)]
pub struct Trainer {
    /// Tensors' tables and statistics.
    pub preparation: Preparation,
    /// The network.
    pub network: Network,
    /// All weights.
    pub weights: Tensor,
    /// Running mean of the weights.
    pub average: Tensor,
    /// Moments of the optimizer.
    pub adam: Adam,
    /// Steps done.
    pub step: usize,
    stages: Stages,
    config: TrainingConfig,
    batches: Vec<Batch>,
    /// Mean |target| over all structures: the loss is relative to it.
    reference: f64,
}

/// What one step did.
#[derive(Debug, Clone, Copy)]
pub struct StepReport {
    /// Mean absolute error over the channels of the step's structures, before the step, hartree.
    pub mae: f64,
    /// Learning rate.
    pub rate: f64,
    /// Norm of the gradient before clipping.
    pub gradient: f64,
}

impl Trainer {
    /// At step 0.
    pub fn new(preparation: Preparation, config: &TrainingConfig, batches: Vec<Batch>) -> Self {
        let network = Network::new(&preparation);
        let start = Tensor::from_slice(&network.table.initial(config.seed));
        let weights = start.to_kind(preparation.kind).to_device(preparation.device).set_requires_grad(true);
        let targets: Vec<Sum> = batches.iter().map(target_size).collect();
        let count: f64 = targets.iter().map(|sum| sum.count).sum();
        let total: f64 = targets.iter().map(|sum| sum.absolute.double_value(&[])).sum();
        Trainer {
            average: weights.detach().copy(),
            adam: Adam::new(&weights),
            stages: Stages::new(config, &network.table, &preparation),
            weights,
            network,
            preparation,
            step: 0,
            config: config.clone(),
            batches,
            reference: (total / count.max(1.0)).max(f64::MIN_POSITIVE),
        }
    }

    /// One step.
    pub fn step(&mut self) -> StepReport {
        let chosen = self.chosen(self.step);
        let mut mae = 0.0;
        self.network.pass = self.stages.pass(&self.preparation, self.step);
        for &k in &chosen {
            let weights = self.network.table.split(&self.weights);
            let batch = &self.batches[k];
            let error = error(batch, &self.network.forward(&weights, &self.preparation, batch));
            let loss = error.loss(self.config.loss) / (self.reference * chosen.len() as f64);
            loss.backward();
            mae += error.mae() / chosen.len() as f64;
        }
        self.network.pass = Pass::prediction(&self.preparation);
        let (config, step) = self.stages.schedule(self.step);
        let rate = learning_rate(config, step);
        let gradient = tch::no_grad(|| self.update(rate));
        self.step += 1;
        StepReport { mae, rate, gradient }
    }

    fn update(&mut self, rate: f64) -> f64 {
        let (gradient, norm) = clip(&self.weights.grad(), self.config.clip);
        if norm.is_finite() {
            let Trainer { weights, adam, step, .. } = self;
            self.stages.moderate(weights, *step, |weights| adam.step(weights, &gradient, rate, *step));
        }
        self.weights.zero_grad();
        let kept = self.config.ema;
        self.average = &self.average * kept + self.weights.detach() * (1.0 - kept);
        norm
    }

    /// Structures of one step: each epoch goes through all in an order of its own.
    fn chosen(&self, step: usize) -> Vec<usize> {
        let n = self.batches.len();
        let place = |b: usize| {
            let k = step * self.config.batch.max(1) + b;
            Random::new(self.config.seed, 1000 + (k / n) as u64).permutation(n)[k % n]
        };
        (0..self.config.batch.max(1)).map(place).collect()
    }
}

/// Sums over the channels of a structure.
struct Sum {
    absolute: Tensor,
    squared: Tensor,
    count: f64,
}

impl Sum {
    fn loss(&self, loss: Loss) -> Tensor {
        let mae = &self.absolute / self.count;
        match loss {
            Loss::Mae | Loss::Norm => mae,
            Loss::Mse => &self.squared / self.count,
            Loss::Mixed => (mae + (&self.squared / self.count).sqrt()) * 0.5,
        }
    }

    fn mae(&self) -> f64 {
        self.absolute.double_value(&[]) / self.count
    }
}

fn tiles(batch: &Batch) -> impl Iterator<Item = &EdgeTile> {
    batch.near.iter().chain(&batch.far)
}

fn error(batch: &Batch, output: &Output) -> Sum {
    let pairs = tiles(batch).zip(&output.pairs).map(|(tile, rows)| difference(rows, tile.target.as_ref()));
    sum(pairs.collect(), difference(&output.nodes, batch.nodes.target.as_ref()))
}

fn target_size(batch: &Batch) -> Sum {
    let zero = |scale: &Tensor, target: &Option<Tensor>| difference(&scale.zeros_like(), target.as_ref());
    let Nodes { scale, target, .. } = &batch.nodes;
    sum(tiles(batch).map(|tile| zero(&tile.scale, &tile.target)).collect(), zero(scale, target))
}

fn difference(rows: &Tensor, target: Option<&Tensor>) -> Tensor {
    target.map_or_else(|| rows.shallow_clone(), |target| rows - target)
}

/// Bonds count twice, since both of their directions are blocks of H.
fn sum(pairs: Vec<Tensor>, nodes: Tensor) -> Sum {
    let (mut absolute, mut squared) = (nodes.abs().sum(nodes.kind()), nodes.square().sum(nodes.kind()));
    let mut count = nodes.numel() as f64;
    for rows in pairs {
        absolute += rows.abs().sum(rows.kind()) * 2.0;
        squared += rows.square().sum(rows.kind()) * 2.0;
        count += 2.0 * rows.numel() as f64;
    }
    Sum { absolute, squared, count }
}
