//! The whole network.

use tch::Tensor;

use super::batch::{Batch, Preparation};
use super::config::Gradient;
use super::layers::refine::{FirstStage, Refinement};
use super::layers::{Interaction, InvariantBranch, NodeEmbedding, NodeReadout, PairEmbedding, PairReadout, PairState};
use super::stages::Pass;
use super::traces::{Invariants, TraceHead, Traces};
use super::weights::{WeightTable, Weights};

/// The SO(2) network: atoms and bonds are embedded, a few [`Interaction`] layers let every atom and bond see its
/// surroundings within the envelope, and two readouts give ΔH of pairs and on-site blocks.
///
/// Bonds are processed in tiles, layer by layer, so memory beyond the bond features does not grow with the structure.
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
        let first = || self.first_stage(w, preparation, batch);
        let first = if self.pass.first_stage_learns { first() } else { tch::no_grad(first) };
        let output = match &self.refinement {
            Some(refinement) if self.pass.refine => refinement.forward(w, preparation, batch, first, &self.pass.turns),
            _ => first.output,
        };
        output.scaled(batch)
    }

    fn first_stage(&self, w: &Weights, preparation: &Preparation, batch: &Batch) -> FirstStage {
        let tables = &preparation.tables;
        let mut nodes = self.atoms.forward(w, &batch.nodes);
        let latents: Vec<Tensor> = batch.near.iter().chain(&batch.far).map(|tile| self.bonds.latent(w, tile)).collect();
        let near = batch.near.iter().zip(&latents);
        let mut states: Vec<PairState> =
            near.map(|(tile, latent)| self.bonds.forward(w, tables, tile, &nodes, latent)).collect();
        let mut invariants = Invariants::new(batch.near.len());
        for (k, layer) in self.layers.iter().enumerate() {
            let branch = self.branches.get(k);
            let mut heard = layer.silence(&nodes);
            for (index, (tile, state)) in batch.near.iter().zip(&mut states).enumerate() {
                *state = layer.bonds(w, tables, tile, &nodes, state, &mut heard);
                invariants.pairs[index].extend(branch.map(|branch| branch.bonds(w, state)));
            }
            nodes = layer.atoms(w, tables, &nodes, &heard);
            invariants.nodes.extend(branch.map(|branch| branch.atoms(w, tables, &mut nodes)));
        }
        let tiles = batch.near.iter().chain(&batch.far).zip(&latents).enumerate();
        let pairs = tiles
            .map(|(k, (tile, latent))| self.pairs.forward(w, tables, tile, &nodes, latent, states.get(k)))
            .collect();
        let onsite = self.onsite.forward(w, &batch.nodes, &nodes);
        let traces = self.traces.as_ref().map(|head| head.forward(w, preparation, batch, &invariants));
        let output = Output { pairs, nodes: onsite, traces };
        FirstStage { nodes, latents, states, output }
    }
}

impl Output {
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
