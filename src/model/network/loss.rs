//! What is minimized: parts that are logged by name, each relative to what a network that says zero would have.

use tch::Tensor;

use super::batch::{Batch, EdgeTile, Preparation, Present};
use super::config::{Loss, TrainingConfig};
use super::kspace::KSpace;
use super::network::Output;
use super::traces::trace_error;

/// Largest shift |μ| of the zero of energy that the loss forgives, hartree. Without a limit a network may drift away with its μ.
const LARGEST_SHIFT: f64 = 0.1;
/// Keeps the slope of a square root finite where an error is exactly zero, hartree².
const ROOT_FLOOR: f64 = 1e-30;

/// The loss of a training run.
#[derive(Debug)]
pub struct Objective {
    loss: Loss,
    gauge: bool,
    trace_weight: f64,
    /// Channel of every column, one-hot: `[pair columns, channels]`.
    pair_channels: Tensor,
    /// The same for on-site columns.
    node_channels: Tensor,
    /// Loss of saying zero, so that gradients do not depend on units.
    reference: f64,
    k_space: Option<KSpace>,
}

/// Parts of the loss of one structure, scalars; what is minimized is their sum.
#[derive(Debug)]
pub struct LossTerms {
    /// Error of the channels, relative to that of saying zero.
    pub real: Tensor,
    /// Error of the traces T_ab, brought to the size of `real` by a factor without gradient, with its weight.
    pub trace: Option<Tensor>,
    /// Error in reciprocal space, with its weight.
    pub k_space: Option<Tensor>,
    /// First-order error of the energies in the window, hartree.
    pub band_mae: Option<f64>,
    /// μ by which the zero of energy was shifted, hartree; zero without gauge.
    pub shift: Tensor,
    /// Mean absolute error over the channels after the shift, hartree.
    pub mae: Tensor,
}

impl LossTerms {
    /// What is minimized.
    pub fn total(&self) -> Tensor {
        let parts = self.trace.iter().chain(&self.k_space);
        parts.fold(self.real.shallow_clone(), |total, part| total + part)
    }
}

/// Prediction minus reference, hartree.
struct Difference {
    /// By tile, `[bonds, pair columns]`.
    pairs: Vec<Tensor>,
    /// `[N, node columns]`.
    nodes: Tensor,
    /// Numbers that the species have a place for: on atoms, and on bonds with both of their directions counted.
    count: [f64; 2],
}

impl Objective {
    /// The loss that `config` asks for on these structures.
    pub fn new(config: &TrainingConfig, preparation: &Preparation, batches: &[Batch]) -> Self {
        let interface = &preparation.interface;
        let channels = |of: &[usize]| {
            let of = Tensor::from_slice(&of.iter().map(|&channel| channel as i64).collect::<Vec<_>>());
            of.one_hot(-1).to_kind(preparation.kind).to_device(preparation.device)
        };
        let mut objective = Objective {
            loss: config.loss,
            gauge: config.gauge,
            trace_weight: config.trace_weight,
            pair_channels: channels(&interface.pair_channels),
            node_channels: channels(&interface.node_channels(&preparation.slots)),
            reference: 1.0,
            k_space: None,
        };
        let losses = batches.iter().map(|batch| objective.of_zero(batch));
        let mean = losses.sum::<f64>() / batches.len().max(1) as f64;
        objective.reference = mean.max(f64::MIN_POSITIVE);
        objective
    }

    /// With errors in reciprocal space.
    pub fn with_k_space(self, k_space: KSpace) -> Self {
        Objective { k_space: Some(k_space), ..self }
    }

    /// Loss of structure `structure` of the training set, which is `batch`, at step `step`.
    pub fn terms(
        &self,
        preparation: &Preparation,
        structure: usize,
        step: usize,
        batch: &Batch,
        output: &Output,
    ) -> LossTerms {
        let difference = Difference::new(batch, output);
        let (difference, shift) = self.shifted(batch, difference);
        let k_space = self.k_space.as_ref().and_then(|term| term.loss(structure, step, output, &shift));
        let real = self.real(batch, &difference) / self.reference;
        LossTerms {
            trace: self.trace(preparation, batch, output, &real),
            real,
            band_mae: k_space.as_ref().map(|k_space| k_space.band_mae),
            k_space: k_space.map(|k_space| k_space.loss),
            mae: tch::no_grad(|| difference.mean(Tensor::abs)),
            shift,
        }
    }

    /// λ (L_H/L_T) L_T, the ratio being a constant for gradients: both errors pull alike, whatever their sizes.
    fn trace(&self, preparation: &Preparation, batch: &Batch, output: &Output, real: &Tensor) -> Option<Tensor> {
        if self.trace_weight == 0.0 {
            return None;
        }
        let error = trace_error(preparation, batch, output)?.mean();
        let ratio = (real / error.clamp_min(ROOT_FLOOR)).detach();
        Some(error * ratio * self.trace_weight)
    }

    fn of_zero(&self, batch: &Batch) -> f64 {
        let pairs = tiles(batch).map(|tile| tile.scale.zeros_like()).collect();
        let output = Output { pairs, nodes: batch.nodes.scale.zeros_like(), traces: None };
        self.real(batch, &self.shifted(batch, Difference::new(batch, &output)).0).double_value(&[])
    }

    /// The difference to the shifted reference, and the shift.
    fn shifted(&self, batch: &Batch, difference: Difference) -> (Difference, Tensor) {
        if !self.gauge {
            let none = Tensor::zeros([], (difference.nodes.kind(), difference.nodes.device()));
            return (difference, none);
        }
        let shift = tch::no_grad(|| difference.shift(batch)).clamp(-LARGEST_SHIFT, LARGEST_SHIFT);
        (difference.minus(&shift, batch), shift)
    }

    fn real(&self, batch: &Batch, difference: &Difference) -> Tensor {
        match self.loss {
            Loss::Mae => difference.mean(Tensor::abs),
            Loss::Mse => difference.mean(Tensor::square),
            Loss::Mixed => difference.mean_of_kinds(),
            Loss::Norm => difference.norms(batch, &self.pair_channels, &self.node_channels).mean(Tensor::shallow_clone),
        }
    }
}

impl Difference {
    fn new(batch: &Batch, output: &Output) -> Self {
        let from = |rows: &Tensor, target: &Option<Tensor>| match target {
            Some(target) => rows - target,
            None => rows.shallow_clone(),
        };
        Difference {
            pairs: tiles(batch).zip(&output.pairs).map(|(tile, rows)| from(rows, &tile.target)).collect(),
            nodes: from(&output.nodes, &batch.nodes.target),
            count: count(batch, |present| present.numbers),
        }
    }

    /// Mean of `f` over all numbers that the species have a place for. Bonds count twice, since both of their directions are blocks
    /// of H.
    fn mean(&self, f: impl Fn(&Tensor) -> Tensor) -> Tensor {
        let [on_atoms, on_bonds] = self.sums(f);
        (on_atoms + on_bonds) / self.count.iter().sum::<f64>().max(1.0)
    }

    /// Sums of `f` on atoms and on bonds.
    fn sums(&self, f: impl Fn(&Tensor) -> Tensor) -> [Tensor; 2] {
        let sum = |rows: &Tensor| f(rows).sum(rows.kind());
        let none = Tensor::zeros([], (self.nodes.kind(), self.nodes.device()));
        [sum(&self.nodes), self.pairs.iter().fold(none, |total, rows| total + sum(rows) * 2.0)]
    }

    /// (MAE + RMSE) / 2 of on-site blocks and of those of bonds, each by themselves, and the mean of both: on-site blocks are few, and
    /// count as much as all others.
    fn mean_of_kinds(&self) -> Tensor {
        let [mae, square] = [self.sums(Tensor::abs), self.sums(Tensor::square)];
        let half = |k: usize| (&mae[k] / self.count[k].max(1.0) + root(&(&square[k] / self.count[k].max(1.0)))) * 0.5;
        (half(0) + half(1)) * 0.5
    }

    /// μ of difference = μ S + rest by least squares, Σ D∘S / Σ S∘S. Coupling is orthonormal, so the sums over channels are those
    /// over blocks.
    fn shift(&self, batch: &Batch) -> Tensor {
        let none = || Tensor::zeros([], (self.nodes.kind(), self.nodes.device()));
        let product = |a: &Tensor, s: &Option<Tensor>| s.as_ref().map_or_else(none, |s| (a * s).sum(s.kind()));
        let square = |s: &Option<Tensor>| s.as_ref().map_or_else(none, |s| s.square().sum(s.kind()));
        let (mut numerator, mut norm) = (product(&self.nodes, &batch.nodes.overlap), square(&batch.nodes.overlap));
        for (rows, tile) in self.pairs.iter().zip(tiles(batch)) {
            numerator += product(rows, &tile.overlap) * 2.0;
            norm += square(&tile.overlap) * 2.0;
        }
        numerator / norm.clamp_min(ROOT_FLOOR)
    }

    /// Minus μ S.
    fn minus(&self, shift: &Tensor, batch: &Batch) -> Difference {
        let minus = |rows: &Tensor, overlap: &Option<Tensor>| match overlap {
            Some(overlap) => rows - overlap * shift,
            None => rows.shallow_clone(),
        };
        Difference {
            pairs: self.pairs.iter().zip(tiles(batch)).map(|(rows, tile)| minus(rows, &tile.overlap)).collect(),
            nodes: minus(&self.nodes, &batch.nodes.overlap),
            count: self.count,
        }
    }

    /// Euclidean norms over the components of every channel: they do not change when a structure is turned.
    fn norms(&self, batch: &Batch, pair_channels: &Tensor, node_channels: &Tensor) -> Difference {
        let norms = |rows: &Tensor, channels: &Tensor| root(&rows.square().mm(channels));
        Difference {
            pairs: self.pairs.iter().map(|rows| norms(rows, pair_channels)).collect(),
            nodes: norms(&self.nodes, node_channels),
            count: count(batch, |present| present.channels),
        }
    }
}

fn count(batch: &Batch, of: fn(&Present) -> f64) -> [f64; 2] {
    [of(&batch.nodes.present), tiles(batch).map(|tile| 2.0 * of(&tile.present)).sum::<f64>()]
}

fn root(square: &Tensor) -> Tensor {
    (square + ROOT_FLOOR).sqrt()
}

fn tiles(batch: &Batch) -> impl Iterator<Item = &EdgeTile> {
    batch.near.iter().chain(&batch.far)
}
