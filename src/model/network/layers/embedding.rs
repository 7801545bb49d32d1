//! First features of atoms and pairs.

use tch::Tensor;

use super::{GatedSo2, Linear, PairState};
use crate::model::network::batch::{EdgeTile, Nodes};
use crate::model::network::config::ModelConfig;
use crate::model::network::features::{Hidden, HiddenTables, NodeFeatures};
use crate::model::network::interface::Interface;
use crate::model::network::weights::{Start, WeightId, WeightTable, Weights};

/// Atomic features from the on-site H⁽⁰⁾, degree by degree, and a vector per species added to the scalars.
#[derive(Debug)]
pub struct NodeEmbedding {
    /// By l; `None` where H⁽⁰⁾ has no such channel or is no input.
    natural: Vec<Option<WeightId>>,
    /// By l − 1.
    unnatural: Vec<Option<WeightId>>,
    species: WeightId,
    hidden: Hidden,
}

impl NodeEmbedding {
    /// Declares the weights.
    pub fn new(table: &mut WeightTable, config: &ModelConfig, interface: &Interface) -> Self {
        let hidden = config.hidden();
        let mut weight = |parity: &str, l: i64, columns: &[Vec<usize>], channels: i64| {
            let inputs = config.n_onsite_inputs() * Interface::n_channels(columns, l as usize);
            let start = Start::Normal(1.0 / (inputs.max(1) as f64).sqrt());
            (inputs > 0).then(|| table.add(format!("atom.{parity}{l}"), &[inputs, channels], start))
        };
        let natural =
            (0..=hidden.l_max).map(|l| weight("natural", l, &interface.natural_columns, hidden.channels)).collect();
        let unnatural = (1..=hidden.unnatural_l_max)
            .map(|l| weight("unnatural", l, &interface.unnatural_columns, hidden.unnatural_channels))
            .collect();
        let species = table.add("atom.species", &[interface.n_species as i64, hidden.channels], Start::Normal(0.5));
        NodeEmbedding { natural, unnatural, species, hidden }
    }

    /// Features of every atom.
    pub fn forward(&self, w: &Weights, nodes: &Nodes) -> NodeFeatures {
        let n = nodes.species.size()[0];
        let part = |input: Option<&Tensor>, weight: Option<WeightId>, l: usize, channels: i64| match (input, weight) {
            (Some(input), Some(weight)) => input.matmul(&w[weight]),
            _ => Tensor::zeros([n, 2 * l as i64 + 1, channels], (w.kind(), nodes.species.device())),
        };
        let natural = self.natural.iter().enumerate();
        let mut natural: Vec<Tensor> =
            natural.map(|(l, &weight)| part(nodes.natural.get(l), weight, l, self.hidden.channels)).collect();
        natural[0] = &natural[0] + nodes.species.mm(&w[self.species]).unsqueeze(1);
        // An empty part first: there may be no unnatural irreps at all.
        let channels = self.hidden.unnatural_channels;
        let mut unnatural = vec![Tensor::zeros([n, 0, channels], (w.kind(), nodes.species.device()))];
        let parts = self.unnatural.iter().zip(1..);
        unnatural.extend(parts.map(|(&weight, l)| part(nodes.unnatural.get(l), weight, l, channels)));
        NodeFeatures { natural: Tensor::cat(&natural, 1), unnatural: Tensor::cat(&unnatural, 1) }
    }
}

/// Latent vector of a pair from its length and both species; its frame features from H⁽⁰⁾ (and S) of the pair.
#[derive(Debug)]
pub struct PairEmbedding {
    first: Linear,
    second: Linear,
    features: GatedSo2,
    ends: bool,
    m_max: i64,
}

impl PairEmbedding {
    /// `inputs`: class widths of the input operators; `outputs`: of the hidden features.
    pub fn new(
        table: &mut WeightTable,
        config: &ModelConfig,
        interface: &Interface,
        inputs: &[i64],
        outputs: &[i64],
    ) -> Self {
        let scalars = config.radial_functions as i64 + 2 * interface.n_species as i64;
        let width = config.width as i64;
        let all: &[&[i64]] = if config.ends { &[inputs, outputs, outputs] } else { &[inputs] };
        PairEmbedding {
            ends: config.ends,
            m_max: interface.m_max,
            first: Linear::new(table, "pair.latent.0", &[scalars], width),
            second: Linear::new(table, "pair.latent.1", &[width], width),
            features: GatedSo2::new(table, "pair.features", all, outputs, config, 1.0).updating_latent(
                table,
                "pair.features",
                width,
            ),
        }
    }

    /// Latent vectors alone: all that the network knows of pairs beyond the envelope, besides their H⁽⁰⁾.
    pub fn latent(&self, w: &Weights, tile: &EdgeTile) -> Tensor {
        self.second.forward(w, &[Some(&self.first.forward(w, &[Some(&tile.scalars)]).silu())])
    }

    /// Updated latent vectors and frame features. `atoms` are the first features of the atoms.
    pub fn forward(
        &self,
        w: &Weights,
        tables: &HiddenTables,
        tile: &EdgeTile,
        atoms: &NodeFeatures,
        latent: &Tensor,
    ) -> PairState {
        if !self.ends {
            return self.features.forward(w, latent, &[Some(&tile.inputs)]);
        }
        let [here, there] = tables.both_ends(atoms, &tile.first, &tile.rotations, self.m_max);
        self.features.forward(w, latent, &[Some(&tile.inputs), Some(&here), Some(&there)])
    }
}
