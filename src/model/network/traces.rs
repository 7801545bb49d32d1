//! Traces T_ab = tr(ΔH_ab ΔH_abᵀ) of the blocks of every pair of shells: invariant targets (TraceGrad, arXiv:2405.05722).

use tch::Tensor;

use super::batch::{Batch, EdgeTile, Preparation};
use super::layers::{Linear, Mlp};
use super::network::Output;
use super::weights::{Start, WeightTable, Weights};

/// A pair of shells whose mean T is below this (hartree²) is one that a species does not have, or print precision of the code.
const NEGLIGIBLE: f64 = 1e-20;

/// T of bonds and atoms, hartree². The pair of shells (a, b) is number a · shells + b; a is of atom i, b of atom j.
///
/// T of what the network says: the target minus base and mean. Coupling is orthogonal, so T_ab is the sum of squares of the channels
/// of (a, b).
#[derive(Debug)]
pub struct Traces {
    /// One tensor per tile of near bonds: `[bonds, shells²]`. Bonds beyond the envelope have no features to tell from.
    pub pairs: Vec<Tensor>,
    /// `[N, shells²]`.
    pub nodes: Tensor,
}

/// Invariants from which traces are predicted: z of every layer.
#[derive(Debug)]
pub struct Invariants {
    /// By tile of near bonds, then layer: `[E, width]`.
    pub pairs: Vec<Vec<Tensor>>,
    /// By layer: `[N, width]`.
    pub nodes: Vec<Tensor>,
}

impl Invariants {
    /// Of no layer yet.
    pub fn new(n_tiles: usize) -> Self {
        Invariants { pairs: (0..n_tiles).map(|_| Vec::new()).collect(), nodes: Vec::new() }
    }

    /// Applies `f` to every tensor, always in the same order.
    pub fn map(&self, mut f: impl FnMut(&Tensor) -> Tensor) -> Self {
        let pairs = self.pairs.iter().map(|layers| layers.iter().map(&mut f).collect()).collect();
        Invariants { pairs, nodes: self.nodes.iter().map(&mut f).collect() }
    }
}

/// Predicts traces.
#[derive(Debug)]
pub struct TraceHead {
    pairs: Head,
    nodes: Head,
}

impl TraceHead {
    /// Declares the weights.
    pub fn new(table: &mut WeightTable, preparation: &Preparation) -> Self {
        let [layers, width] = [preparation.config.layers, preparation.config.width].map(|k| k as i64);
        let shells = preparation.interface.n_shells;
        TraceHead {
            pairs: Head::new(table, "traces.pairs", layers * width, width, shells),
            nodes: Head::new(table, "traces.nodes", layers * width, width, shells),
        }
    }

    /// T of all near bonds and atoms.
    pub fn forward(&self, w: &Weights, preparation: &Preparation, batch: &Batch, invariants: &Invariants) -> Traces {
        let pair = |(tile, z): (&EdgeTile, &Vec<Tensor>)| {
            let both = self.pairs.forward(w, z);
            let bonds = both.size()[0] / 2;
            let reversed = both.narrow(0, bonds, bonds).transpose(1, 2);
            let mean = (both.narrow(0, 0, bonds) + reversed) * 0.5;
            mean.flatten(1, 2) * pair_traces(preparation, &tile.scale)
        };
        let nodes = self.nodes.forward(w, &invariants.nodes);
        let nodes = (&nodes + nodes.transpose(1, 2)) * 0.5;
        Traces {
            pairs: batch.near.iter().zip(&invariants.pairs).map(pair).collect(),
            nodes: nodes.flatten(1, 2) * node_traces(preparation, &batch.nodes.scale),
        }
    }
}

/// An MLP of the invariants of all layers.
#[derive(Debug)]
struct Head {
    mlp: Mlp,
    output: Linear,
    shells: i64,
}

impl Head {
    /// Starts near one, the mean in units of the scale.
    fn new(table: &mut WeightTable, name: &str, input: i64, width: i64, shells: i64) -> Self {
        let bound = 1.0 / (width as f64).sqrt();
        let mlp = Mlp::new(table, &format!("{name}.mlp"), &[input], width);
        let start = Start::Constant(1.0);
        Head { mlp, output: Linear::with_start(table, name, &[width], shells * shells, bound, start), shells }
    }

    /// `[rows, shells, shells]`.
    fn forward(&self, w: &Weights, z: &[Tensor]) -> Tensor {
        let hidden = self.mlp.forward(w, &[Some(&Tensor::cat(z, 1))]);
        self.output.forward(w, &[Some(&hidden)]).view([-1, self.shells, self.shells])
    }
}

/// T of rows of pair columns: `[rows, shells²]`.
pub fn pair_traces(preparation: &Preparation, rows: &Tensor) -> Tensor {
    traces(rows, &preparation.interface.pair_shells, preparation.interface.n_shells)
}

/// T of rows of node columns: `[rows, shells²]`.
pub fn node_traces(preparation: &Preparation, rows: &Tensor) -> Tensor {
    traces(rows, &preparation.interface.node_shells, preparation.interface.n_shells)
}

fn traces(rows: &Tensor, shells_of_column: &[i64], n_shells: i64) -> Tensor {
    let index = Tensor::from_slice(shells_of_column).to_device(rows.device());
    let zeros = Tensor::zeros([rows.size()[0], n_shells * n_shells], (rows.kind(), rows.device()));
    zeros.index_add(1, &index, &rows.square())
}

/// Sum of |T − T_target| over its scale, and the number of terms; both without dimensions, the sum with a gradient.
#[derive(Debug)]
pub struct TraceError {
    /// Of all near bonds (twice, as in the error of ΔH) and atoms.
    pub sum: Tensor,
    /// Pairs of shells that both species have.
    pub count: Tensor,
}

impl TraceError {
    /// Mean error relative to the mean square of the channels: one is that of knowing nothing.
    pub fn mean(&self) -> Tensor {
        &self.sum / self.count.clamp_min(1.0)
    }
}

/// How wrong the traces of `output` are; `None` where the network predicts none or the batch has no target.
pub fn trace_error(preparation: &Preparation, batch: &Batch, output: &Output) -> Option<TraceError> {
    let traces = output.traces.as_ref()?;
    let nodes = &batch.nodes;
    let of_nodes = |rows: &Tensor| node_traces(preparation, rows);
    let of_pairs = |rows: &Tensor| pair_traces(preparation, rows);
    let mut error = relative(&traces.nodes, &of_nodes(nodes.target.as_ref()?), &of_nodes(&nodes.scale), 1.0);
    for (tile, predicted) in batch.near.iter().zip(&traces.pairs) {
        let pairs = relative(predicted, &of_pairs(tile.target.as_ref()?), &of_pairs(&tile.scale), 2.0);
        error = TraceError { sum: error.sum + pairs.sum, count: error.count + pairs.count };
    }
    Some(error)
}

fn relative(predicted: &Tensor, target: &Tensor, scale: &Tensor, times: f64) -> TraceError {
    let present = scale.gt(NEGLIGIBLE).to_kind(scale.kind());
    let error = (predicted - target).abs() / scale.clamp_min(NEGLIGIBLE);
    TraceError { sum: (error * &present).sum(scale.kind()) * times, count: present.sum(scale.kind()) * times }
}
