//! One layer: atoms tell their bonds, bonds tell their atom.

use tch::Tensor;

use super::{Attention, Gate, GatedSo2, Linear, Mlp, NodeLinear, PairState};
use crate::model::network::batch::EdgeTile;
use crate::model::network::config::{Aggregation, ModelConfig};
use crate::model::network::features::{Classes, HiddenTables, NodeFeatures};
use crate::model::network::weights::{WeightTable, Weights};

/// Keep variances near one through sums of two and of a neighbourhood, so that depth needs no normalization layers.
const PAIR_RESIDUAL: f64 = 0.8;
const NODE_RESIDUAL: f64 = 0.7;
const NEIGHBOUR_SUM: f64 = 0.4;

/// A layer. Without `passing` it is strictly local: the features of bond (i, j) see those of atom i only, and atom i sees
/// only its own bonds, so whatever the depth, nothing beyond the envelope around i and j reaches H_ij. With `passing` a bond sees
/// both of its atoms, and the range grows by one envelope per layer: what a semiconductor needs, where screening is not local.
#[derive(Debug)]
pub struct Interaction {
    /// From atom i and bond to the bond's update and its message to i.
    bond: GatedSo2,
    attention: Option<Attention>,
    message: NodeLinear,
    mix: NodeLinear,
    invariants: Mlp,
    gate: Gate,
    shift: Linear,
    passing: bool,
    widths: Vec<i64>,
    m_max: i64,
}

/// What some bonds tell their atoms.
#[derive(Debug)]
pub struct Messages {
    weighted: NodeFeatures,
    /// Their weights with [`Aggregation::Attention`], `[E, heads]`.
    weights: Option<Tensor>,
}

/// What atoms have heard from their bonds.
#[derive(Debug)]
pub struct Heard {
    /// Weighted sums of messages.
    sums: NodeFeatures,
    /// Sums of the weights with [`Aggregation::Attention`], `[N, heads]`.
    weights: Option<Tensor>,
}

impl Heard {
    /// Adds what the bonds of a tile tell.
    pub fn add(&mut self, tile: &EdgeTile, messages: &Messages) {
        tile.add_to_atoms(&mut self.sums.natural, &messages.weighted.natural);
        tile.add_to_atoms(&mut self.sums.unnatural, &messages.weighted.unnatural);
        if let (Some(sums), Some(weights)) = (&mut self.weights, &messages.weights) {
            tile.add_to_atoms(sums, weights);
        }
    }
}

impl Interaction {
    /// `widths`: of the hidden classes; `width`: of latent vectors and MLPs.
    pub fn new(
        table: &mut WeightTable,
        name: &str,
        config: &ModelConfig,
        tables: &HiddenTables,
        widths: &[i64],
    ) -> Self {
        let (hidden, width) = (&tables.hidden, config.width as i64);
        let inputs: &[&[i64]] = if config.passing { &[widths, widths, widths] } else { &[widths, widths] };
        let doubled: Vec<i64> = widths.iter().map(|k| 2 * k).collect();
        let bond = format!("{name}.bond");
        let degrees = (hidden.l_max + 1) * hidden.channels + hidden.unnatural_l_max * hidden.unnatural_channels;
        let spread = 1.0 / (width as f64).sqrt();
        let attends = config.aggregation == Aggregation::Attention;
        Interaction {
            bond: GatedSo2::new(table, &bond, inputs, &doubled, config, 1.0).updating_latent(table, &bond, width),
            attention: attends.then(|| Attention::new(table, &format!("{name}.attention"), config, doubled[0])),
            message: NodeLinear::new(table, &format!("{name}.message"), hidden),
            mix: NodeLinear::new(table, &format!("{name}.mix"), hidden),
            invariants: Mlp::new(table, &format!("{name}.invariants"), &[hidden.channels], width),
            gate: Gate::new(table, &format!("{name}.gate"), config, degrees, spread),
            shift: Linear::new(table, &format!("{name}.shift"), &[width], hidden.channels),
            passing: config.passing,
            m_max: widths.len() as i64 - 2,
            widths: widths.to_vec(),
        }
    }

    /// Nothing yet.
    pub fn silence(&self, nodes: &NodeFeatures) -> Heard {
        Heard { sums: nodes.zeros_like(), weights: self.attention.as_ref().map(|attention| attention.none(nodes)) }
    }

    /// The bonds' new state, and what they tell their atoms.
    pub fn bonds(
        &self,
        w: &Weights,
        tables: &HiddenTables,
        tile: &EdgeTile,
        nodes: &NodeFeatures,
        state: &PairState,
    ) -> (PairState, Messages) {
        let hidden = &tables.hidden;
        let new = if self.passing {
            let [here, there] = tables.both_ends(nodes, &tile.first, &tile.rotations, self.m_max);
            self.bond.forward(w, &state.latent, &[Some(&here), Some(&state.frame), Some(&there)])
        } else {
            let here = hidden.to_frame(&nodes.select(&tile.first), &tile.rotations, self.m_max);
            self.bond.forward(w, &state.latent, &[Some(&here), Some(&state.frame)])
        };
        let zeros = vec![0; self.widths.len()];
        let update = new.frame.narrow(&zeros, &self.widths);
        let message = new.frame.narrow(&self.widths, &self.widths);
        let messages = self.messages(w, tables, tile, &new, hidden.from_frame(&message, &tile.rotations));
        let frame = state.frame.0.iter().zip(&update.0).map(|(old, update)| (old + update) * PAIR_RESIDUAL);
        (PairState { latent: new.latent, frame: Classes(frame.collect()) }, messages)
    }

    /// Messages of bonds whose new state is `bond`, weighted.
    fn messages(
        &self,
        w: &Weights,
        tables: &HiddenTables,
        tile: &EdgeTile,
        bond: &PairState,
        message: NodeFeatures,
    ) -> Messages {
        let Some(attention) = &self.attention else {
            let weighted = message.scale(&(tile.envelope.view([-1, 1, 1]) * NEIGHBOUR_SUM));
            return Messages { weighted, weights: None };
        };
        let weights = attention.weights(w, &bond.latent, &bond.frame.0[0], &tile.envelope);
        Messages { weighted: attention.weighted(tables, &message, &weights), weights: Some(weights) }
    }

    /// The atoms' new features from what they have heard.
    pub fn atoms(&self, w: &Weights, tables: &HiddenTables, nodes: &NodeFeatures, heard: &Heard) -> NodeFeatures {
        let sums = match (&self.attention, &heard.weights) {
            (Some(attention), Some(weights)) => &attention.mean(tables, &heard.sums, weights),
            _ => &heard.sums,
        };
        let sums = self.message.forward(w, tables, sums);
        let heard =
            NodeFeatures { natural: &nodes.natural + sums.natural, unnatural: &nodes.unnatural + sums.unnatural };
        let invariants = self.invariants.forward(w, &[Some(&heard.natural.select(1, 0))]);
        let mixed = self.gated(w, tables, &invariants, self.mix.forward(w, tables, &heard));
        let natural = (heard.natural + mixed.natural) * NODE_RESIDUAL;
        let unnatural = (heard.unnatural + mixed.unnatural) * NODE_RESIDUAL;
        let shift = self.shift.forward(w, &[Some(&invariants)]).unsqueeze(1);
        let others = natural.size()[1] - 1;
        let natural = Tensor::cat(&[natural.narrow(1, 0, 1) + shift, natural.narrow(1, 1, others)], 1);
        NodeFeatures { natural, unnatural }
    }

    /// Multiplies every (l, channel) by its gate.
    fn gated(&self, w: &Weights, tables: &HiddenTables, invariants: &Tensor, x: NodeFeatures) -> NodeFeatures {
        let hidden = &tables.hidden;
        let gates = self.gate.forward(w, invariants);
        let (n, split) = (gates.size()[0], (hidden.l_max + 1) * hidden.channels);
        let natural = gates.narrow(1, 0, split).reshape([n, -1, hidden.channels]);
        let unnatural = gates.narrow(1, split, gates.size()[1] - split);
        let unnatural = unnatural.reshape([n, hidden.unnatural_l_max, hidden.unnatural_channels]);
        NodeFeatures {
            natural: x.natural * natural.index_select(1, &tables.natural_degrees),
            unnatural: x.unnatural * unnatural.index_select(1, &tables.unnatural_degrees),
        }
    }
}
