//! The whole network.

mod stream;

use tch::Tensor;

use super::batch::{Batch, Preparation};
use super::config::Gradient;
use super::features::NodeFeatures;
use super::layers::refine::{FirstStage, Refinement};
use super::layers::{Interaction, InvariantBranch, NodeEmbedding, NodeReadout, PairEmbedding, PairReadout, PairState};
use super::stages::Pass;
use super::traces::{Invariants, TraceHead, Traces};
use super::weights::{WeightTable, Weights};

/// The SO(2) network: atoms and bonds are embedded, a few [`Interaction`] layers let every atom and bond see its
/// surroundings within the envelope, and two readouts give ΔH of pairs and on-site blocks.
///
/// A batch holds all its bonds, in tiles; the stages (embedding, layers, readout) can be called one by one: see
/// [`super::recompute`]. A prediction makes one tile after the other: [`Network::stream`].
#[derive(Debug)]
pub struct Network {
    /// All weights by name.
    pub table: WeightTable,
    atoms: NodeEmbedding,
    bonds: PairEmbedding,
    layers: Vec<Interaction>,
    /// One for each layer, or none.
    branches: Vec<InvariantBranch>,
    traces: Option<TraceHead>,
    onsite: NodeReadout,
    pairs: PairReadout,
    refinement: Option<Refinement>,
    /// How the stages take part in passes from now on; training changes it from step to step.
    pub pass: Pass,
}

/// ΔH minus base and mean, hartree.
#[derive(Debug)]
pub struct Output {
    /// One tensor per tile of near bonds, then of far bonds: `[bonds, pair columns]`.
    pub pairs: Vec<Tensor>,
    /// `[N, node columns]`.
    pub nodes: Tensor,
    /// Traces, where the network predicts them.
    pub traces: Option<Traces>,
}

/// What is known between two stages of the network.
#[derive(Debug)]
pub struct State {
    /// Features of the atoms.
    pub nodes: NodeFeatures,
    /// Latent vectors of all bonds before the first layer, by tile: near bonds, then far ones.
    pub latents: Vec<Tensor>,
    /// The near bonds, by tile.
    pub bonds: Vec<PairState>,
    /// z of the layers so far.
    pub invariants: Invariants,
}

impl State {
    /// Applies `f` to every tensor, always in the same order.
    pub fn map(&self, mut f: impl FnMut(&Tensor) -> Tensor) -> State {
        let nodes = NodeFeatures { natural: f(&self.nodes.natural), unnatural: f(&self.nodes.unnatural) };
        let latents = self.latents.iter().map(&mut f).collect();
        let bonds = self.bonds.iter().map(|pair| pair.map(&mut f)).collect();
        State { nodes, latents, bonds, invariants: self.invariants.map(f) }
    }
}

impl Network {
    /// Declares all weights.
    pub fn new(preparation: &Preparation) -> Self {
        let Preparation { config, interface, tables, .. } = preparation;
        let widths = tables.hidden.widths(interface.m_max);
        let inputs: Vec<i64> = interface.pair_inputs.iter().map(|k| k * config.inputs.len() as i64).collect();
        let n_branches = if config.gradient != Gradient::None || config.trace { config.layers } else { 0 };
        let mut table = WeightTable::default();
        Network {
            atoms: NodeEmbedding::new(&mut table, config, interface),
            bonds: PairEmbedding::new(&mut table, config, interface, &inputs, &widths),
            layers: (0..config.layers)
                .map(|k| Interaction::new(&mut table, &format!("layer{k}"), config, tables, &widths))
                .collect(),
            onsite: NodeReadout::new(&mut table, config, interface),
            pairs: PairReadout::new(&mut table, config, interface, &inputs, &widths),
            branches: (0..n_branches)
                .map(|k| InvariantBranch::new(&mut table, &format!("layer{k}.invariant"), config, tables, &widths))
                .collect(),
            traces: config.trace.then(|| TraceHead::new(&mut table, preparation)),
            // Last, so that the first stage starts from the same weights with and without it.
            refinement: Refinement::new(&mut table, preparation, &widths),
            pass: Pass::prediction(preparation),
            table,
        }
    }

    /// What the network says about a structure.
    pub fn forward(&self, w: &Weights, preparation: &Preparation, batch: &Batch) -> Output {
        let last = || {
            let first = self.embed(w, preparation, batch);
            (0..self.n_layers()).fold(first, |state, k| self.layer(k, w, preparation, batch, &state))
        };
        let last = if self.pass.first_stage_learns { last() } else { tch::no_grad(last) };
        self.read_out(w, preparation, batch, &last)
    }

    /// Does a second stage correct the first?
    pub fn refines(&self) -> bool {
        self.refinement.is_some()
    }

    /// Number of stages between [`Self::embed`] and [`Self::read_out`].
    pub fn n_layers(&self) -> usize {
        self.layers.len()
    }

    /// First stage.
    pub fn embed(&self, w: &Weights, preparation: &Preparation, batch: &Batch) -> State {
        let nodes = self.atoms.forward(w, &batch.nodes);
        let tiles = batch.near.iter().chain(&batch.far);
        let latents: Vec<Tensor> = tiles.map(|tile| self.bonds.latent(w, tile)).collect();
        let near = batch.near.iter().zip(&latents);
        let embedded = |(tile, latent)| self.bonds.forward(w, &preparation.tables, tile, &nodes, latent);
        State { bonds: near.map(embedded).collect(), nodes, latents, invariants: Invariants::new(batch.near.len()) }
    }

    /// Stage `k` of the middle ones.
    pub fn layer(&self, k: usize, w: &Weights, preparation: &Preparation, batch: &Batch, state: &State) -> State {
        let (layer, branch, tables) = (&self.layers[k], self.branches.get(k), &preparation.tables);
        let mut heard = layer.silence(&state.nodes);
        let mut next = state.map(Tensor::shallow_clone);
        for (index, (tile, bonds)) in batch.near.iter().zip(&mut next.bonds).enumerate() {
            let (new, messages) = layer.bonds(w, tables, tile, &state.nodes, bonds);
            *bonds = new;
            heard.add(tile, &messages);
            next.invariants.pairs[index].extend(branch.map(|branch| branch.bonds(w, bonds)));
        }
        next.nodes = layer.atoms(w, tables, &state.nodes, &heard);
        next.invariants.nodes.extend(branch.map(|branch| branch.atoms(w, tables, &mut next.nodes)));
        next
    }

    /// Last stage: the outputs, and their refinement.
    pub fn read_out(&self, w: &Weights, preparation: &Preparation, batch: &Batch, state: &State) -> Output {
        let first = || self.first_output(w, preparation, batch, state);
        let first = if self.pass.first_stage_learns { first() } else { tch::no_grad(first) };
        let output = match &self.refinement {
            Some(refinement) if self.pass.refine => {
                let seen = FirstStage { output: first.output.present(batch), ..first };
                refinement.forward(w, preparation, batch, seen, &self.pass.turns)
            }
            _ => first.output,
        };
        output.scaled(batch)
    }

    fn first_output(&self, w: &Weights, preparation: &Preparation, batch: &Batch, state: &State) -> FirstStage {
        let State { nodes, latents, bonds: states, invariants } = state.map(Tensor::shallow_clone);
        let tiles = batch.near.iter().chain(&batch.far).zip(&latents).enumerate();
        let pair =
            |(k, (tile, latent))| self.pairs.forward(w, &preparation.tables, tile, &nodes, latent, states.get(k));
        let output = Output {
            pairs: tiles.map(pair).collect(),
            nodes: self.onsite.forward(w, &batch.nodes, &nodes),
            traces: self.traces.as_ref().map(|head| head.forward(w, preparation, batch, &invariants)),
        };
        FirstStage { nodes, latents, states, output }
    }
}

impl Output {
    /// Zero for what the species lack, so that a second stage cannot hear of it.
    fn present(self, batch: &Batch) -> Output {
        let tiles = batch.near.iter().chain(&batch.far);
        Output {
            pairs: self.pairs.iter().zip(tiles).map(|(rows, tile)| rows * tile.scale.gt(0.0)).collect(),
            nodes: self.nodes * batch.nodes.scale.gt(0.0),
            traces: self.traces,
        }
    }

    /// In hartree.
    fn scaled(self, batch: &Batch) -> Output {
        let tiles = batch.near.iter().chain(&batch.far);
        Output {
            pairs: self.pairs.iter().zip(tiles).map(|(rows, tile)| rows * &tile.scale).collect(),
            nodes: self.nodes * &batch.nodes.scale,
            traces: self.traces,
        }
    }
}
