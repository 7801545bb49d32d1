//! From the first stage to tokens, and from tokens to corrections.

use tch::Tensor;

use super::{Bonds, FirstStage};
use crate::model::network::batch::EdgeTile;
use crate::model::network::config::ModelConfig;
use crate::model::network::features::{Classes, HiddenTables, NodeFeatures};
use crate::model::network::interface::Interface;
use crate::model::network::layers::{PairExchange, So2Linear, product};
use crate::model::network::weights::{Start, WeightId, WeightTable, Weights};

/// Equivariant linear maps of all that the first stage says to hidden features, one set per token.
#[derive(Debug)]
pub struct Tokens {
    pairs: So2Linear,
    /// By l: `[output channels, hidden channels]`; `None` where one of them has no such l.
    onsite: Vec<Option<WeightId>>,
    exchange: PairExchange,
    outputs: Vec<i64>,
    onsite_channels: Vec<i64>,
    l_max: i64,
    m_max: i64,
}

impl Tokens {
    /// `widths`: of the hidden classes.
    pub fn new(table: &mut WeightTable, config: &ModelConfig, interface: &Interface, widths: &[i64]) -> Self {
        let outputs = &interface.pair_outputs;
        Tokens {
            pairs: So2Linear::new(table, "refine.pair", &[outputs, widths, widths, widths], widths, config.mixing, 1.0),
            onsite: onsite_weights(table, "refine.atom", config, interface, |outputs, channels| {
                ([outputs, channels], Start::Normal(1.0 / (outputs as f64).sqrt()))
            }),
            exchange: PairExchange::new(interface),
            outputs: outputs.clone(),
            onsite_channels: onsite_channels(interface),
            l_max: config.hidden().l_max,
            m_max: interface.m_max,
        }
    }

    /// Hidden features of the atoms: the first stage's, plus its on-site output.
    pub fn atoms(&self, w: &Weights, first: &FirstStage) -> NodeFeatures {
        let outputs = by_degree(&first.output.nodes, &self.onsite_channels);
        let degree = |l: i64| {
            let features = first.nodes.natural.narrow(1, l * l, 2 * l + 1);
            match self.onsite.get(l as usize) {
                Some(&Some(weight)) => features + outputs[l as usize].matmul(&w[weight]),
                _ => features,
            }
        };
        let natural: Vec<Tensor> = (0..=self.l_max).map(degree).collect();
        NodeFeatures { natural: Tensor::cat(&natural, 1), unnatural: first.nodes.unnatural.shallow_clone() }
    }

    /// Tokens of the bonds of tile `k`. What the layers added fades with the envelope, so that nothing jumps where it ends.
    pub fn bonds<'a>(
        &self,
        w: &Weights,
        tables: &HiddenTables,
        tile: &'a EdgeTile,
        first: &FirstStage,
        k: usize,
    ) -> Bonds<'a> {
        let [here, there] = tables.both_ends(&first.nodes, &tile.first, &tile.rotations, self.m_max);
        let output = Classes::from_rows(&self.exchange.both_directions(&first.output.pairs[k]), &self.outputs);
        let state = first.states.get(k);
        let bond = state.map(|state| state.frame.scale(&tile.envelope));
        let frame = self.pairs.forward(w, &[Some(&output), Some(&here), Some(&there), bond.as_ref()]);
        let latent = &first.latents[k];
        let late = state.map(|state| latent + (&state.latent - latent) * tile.envelope.view([-1, 1]));
        Bonds { tile, near: state.is_some(), latent: late.unwrap_or_else(|| latent.shallow_clone()), frame }
    }
}

/// Equivariant linear maps of hidden features to corrections; they start at zero.
#[derive(Debug)]
pub struct Answers {
    pairs: So2Linear,
    onsite: Vec<Option<WeightId>>,
    exchange: PairExchange,
    onsite_channels: Vec<i64>,
    onsite_columns: i64,
}

impl Answers {
    /// `widths`: of the hidden classes.
    pub fn new(table: &mut WeightTable, config: &ModelConfig, interface: &Interface, widths: &[i64]) -> Self {
        Answers {
            pairs: So2Linear::new(table, "refine.answer.pair", &[widths], &interface.pair_outputs, config.mixing, 0.0),
            onsite: onsite_weights(table, "refine.answer.atom", config, interface, |outputs, channels| {
                ([channels, outputs], Start::Constant(0.0))
            }),
            exchange: PairExchange::new(interface),
            onsite_channels: onsite_channels(interface),
            onsite_columns: interface.node_columns().len() as i64,
        }
    }

    /// `[N, node columns]`; unnatural ones are left as they are.
    pub fn atoms(&self, w: &Weights, atoms: &NodeFeatures) -> Tensor {
        let n = atoms.natural.size()[0];
        let degree = |(l, (channels, weight)): (usize, (&i64, &Option<WeightId>))| {
            let (l, components) = (l as i64, 2 * l as i64 + 1);
            match weight {
                Some(weight) => product(&atoms.natural.narrow(1, l * l, components), &w[*weight]).reshape([n, -1]),
                None => Tensor::zeros([n, components * channels], (w.kind(), atoms.natural.device())),
            }
        };
        let degrees: Vec<Tensor> = self.onsite_channels.iter().zip(&self.onsite).enumerate().map(degree).collect();
        let natural = Tensor::cat(&degrees, 1);
        natural.constant_pad_nd([0, self.onsite_columns - natural.size()[1]])
    }

    /// Hermitian, one direction of each bond: `[bonds, pair columns]`.
    pub fn bonds(&self, w: &Weights, bonds: &Classes) -> Tensor {
        self.exchange.averaged(&self.pairs.forward(w, &[Some(bonds)]).to_rows())
    }
}

/// Natural channels of the on-site output by l.
fn onsite_channels(interface: &Interface) -> Vec<i64> {
    let columns = &interface.natural_columns;
    (0..columns.len()).map(|l| Interface::n_channels(columns, l)).collect()
}

/// A weight for every l of the on-site output that hidden features have: shape and start from numbers of outputs and of channels.
fn onsite_weights(
    table: &mut WeightTable,
    name: &str,
    config: &ModelConfig,
    interface: &Interface,
    shape: impl Fn(i64, i64) -> ([i64; 2], Start),
) -> Vec<Option<WeightId>> {
    let hidden = config.hidden();
    let mut weight = |(l, outputs): (usize, i64)| {
        let (shape, start) = shape(outputs.max(1), hidden.channels);
        (l as i64 <= hidden.l_max && outputs > 0).then(|| table.add(format!("{name}{l}"), &shape, start))
    };
    onsite_channels(interface).into_iter().enumerate().map(&mut weight).collect()
}

/// `[N, node columns]` by l, `[N, 2l+1, channels]`.
fn by_degree(rows: &Tensor, channels: &[i64]) -> Vec<Tensor> {
    let widths: Vec<i64> = channels.iter().zip(0..).map(|(channels, l)| channels * (2 * l + 1)).collect();
    let parts = rows.narrow(1, 0, widths.iter().sum()).split_with_sizes(&widths, 1);
    parts.iter().zip(channels).zip(0..).map(|((part, &channels), l)| part.reshape([-1, 2 * l + 1, channels])).collect()
}
