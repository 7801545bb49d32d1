//! Attention of an atom to its bonds.

use tch::Tensor;

use super::Linear;
use crate::model::network::config::ModelConfig;
use crate::model::network::features::{HiddenTables, NodeFeatures};
use crate::model::network::weights::{WeightTable, Weights};

/// Scores stay within minus and plus this: the largest ratio of two weights is e¹⁶, which no sum in single precision minds, so
/// no largest score has to be known before the first message is added.
const LARGEST_SCORE: f64 = 8.0;
/// A silent bond of score zero that every atom has: weights stay continuous down to an atom's last bond.
const SILENCE: f64 = 1.0;
/// A weighted mean over a dozen bonds is smaller than its terms.
const NEIGHBOUR_MEAN: f64 = 2.5;

/// Weights a_ij = u_ij exp(s_ij)/(1 + Σ_k u_ik exp(s_ik)) per head, with the envelope u inside the sum: continuous where a bond
/// leaves the envelope. Scores s are linear in the latent vector and the natural m = 0 components of the bond, both made by a
/// non-linear unit that sees atom i and the bond. Channels are shared out to the heads in blocks.
///
/// Numerator and denominator are summed side by side and divided at the atom, so bonds may come in any order, tile by tile.
#[derive(Debug)]
pub struct Attention {
    scores: Linear,
    heads: i64,
}

impl Attention {
    /// `scalars`: natural m = 0 components that scores see.
    pub fn new(table: &mut WeightTable, name: &str, config: &ModelConfig, scalars: i64) -> Self {
        let heads = config.heads as i64;
        Attention {
            scores: Linear::new(table, &format!("{name}.scores"), &[config.width as i64, scalars], heads),
            heads,
        }
    }

    /// u exp(s): `[E, heads]`.
    pub fn weights(&self, w: &Weights, latent: &Tensor, scalars: &Tensor, envelope: &Tensor) -> Tensor {
        let scores = self.scores.forward(w, &[Some(latent), Some(scalars)]);
        ((scores / LARGEST_SCORE).tanh() * LARGEST_SCORE).exp() * envelope.unsqueeze(-1)
    }

    /// No weight at any atom: `[N, heads]`.
    pub fn none(&self, nodes: &NodeFeatures) -> Tensor {
        let atoms = &nodes.natural;
        Tensor::zeros([atoms.size()[0], self.heads], (atoms.kind(), atoms.device()))
    }

    /// Features times the weight of each channel's head, `weights [rows, heads]`.
    pub fn weighted(&self, tables: &HiddenTables, features: &NodeFeatures, weights: &Tensor) -> NodeFeatures {
        let hidden = &tables.hidden;
        NodeFeatures {
            natural: &features.natural * self.by_channel(weights, hidden.channels),
            unnatural: &features.unnatural * self.by_channel(weights, hidden.unnatural_channels),
        }
    }

    /// Sums of weighted messages over the sums of the weights.
    pub fn mean(&self, tables: &HiddenTables, sums: &NodeFeatures, weights: &Tensor) -> NodeFeatures {
        self.weighted(tables, sums, &((weights + SILENCE).reciprocal() * NEIGHBOUR_MEAN))
    }

    /// `[rows, 1, channels]`.
    fn by_channel(&self, weights: &Tensor, channels: i64) -> Tensor {
        let per_head = (channels + self.heads - 1) / self.heads;
        weights.repeat_interleave_self_int(per_head.max(1), 1, None).narrow(1, 0, channels).unsqueeze(1)
    }
}
