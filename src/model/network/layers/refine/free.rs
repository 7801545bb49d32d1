//! The free refinement: a plain transformer on components in the common axes.

use tch::Tensor;

use super::attention::BondAttention;
use super::turn::Turn;
use super::{Bonds, Features};
use crate::model::network::config::ModelConfig;
use crate::model::network::features::{Classes, Hidden, NodeFeatures};
use crate::model::network::interface::Interface;
use crate::model::network::layers::Linear;
use crate::model::network::weights::{Start, WeightTable, Weights};

/// Keeps the normalization finite.
const EPSILON: f64 = 1e-5;

/// Tokens are all components of all features side by side, as plain numbers; nothing in the transformer knows how they turn. So it is
/// as expressive as it likes, but equivariant only as far as it has learned to be: in training every step sees random axes
/// ([`super::random_turn`]), which costs nothing since the first stage is equivariant.
///
/// The answer is features again: token-dependent factors, one per component and channel, times the features that came in, plus
/// token-dependent terms.
#[derive(Debug)]
pub struct FreeRefinement {
    hidden: Hidden,
    atom: Linear,
    bond: Linear,
    layers: Vec<Layer>,
    atom_answer: PlainAnswer,
    bond_answer: PlainAnswer,
    m_max: i64,
}

impl FreeRefinement {
    /// Declares the weights.
    pub fn new(table: &mut WeightTable, config: &ModelConfig, interface: &Interface) -> Self {
        let hidden = config.hidden();
        let (plain, width) = (plain_width(&hidden), config.refine_width as i64);
        let scalars = config.radial_functions as i64 + 2 * interface.n_species as i64;
        FreeRefinement {
            hidden,
            atom: Linear::new(table, "refine.token.atom", &[plain], width),
            bond: Linear::new(table, "refine.token.bond", &[plain, config.width as i64], width),
            layers: (0..config.refine_layers)
                .map(|k| Layer::new(table, &format!("refine.layer{k}"), config, scalars))
                .collect(),
            atom_answer: PlainAnswer::new(table, "refine.free.atom", width, plain),
            bond_answer: PlainAnswer::new(table, "refine.free.bond", width, plain),
            m_max: interface.m_max,
        }
    }

    /// Features of the same shapes, computed in turned axes.
    pub fn forward(&self, w: &Weights, atoms: &NodeFeatures, bonds: &[Bonds], turn: Option<&Turn>) -> Features {
        let atoms = self.plain(atoms, turn);
        let plain: Vec<Tensor> =
            bonds.iter().map(|b| self.plain(&self.hidden.from_frame(&b.frame, &b.tile.rotations), turn)).collect();
        let mut atom_tokens = self.atom.forward(w, &[Some(&atoms)]);
        let pairs = bonds.iter().zip(&plain);
        let mut bond_tokens: Vec<Tensor> =
            pairs.map(|(b, plain)| self.bond.forward(w, &[Some(plain), Some(&b.latent)])).collect();
        for layer in &self.layers {
            layer.forward(w, bonds, &mut atom_tokens, &mut bond_tokens);
        }
        let atoms = self.features(&self.atom_answer.forward(w, &atom_tokens, &atoms), turn);
        let answer = |((b, tokens), plain): ((&Bonds, &Tensor), &Tensor)| -> Classes {
            let answer = self.features(&self.bond_answer.forward(w, tokens, plain), turn);
            self.hidden.to_frame(&answer, &b.tile.rotations, self.m_max)
        };
        (atoms, bonds.iter().zip(&bond_tokens).zip(&plain).map(answer).collect())
    }

    /// All components and channels of a row side by side.
    fn plain(&self, features: &NodeFeatures, turn: Option<&Turn>) -> Tensor {
        let join = |x: &NodeFeatures| Tensor::cat(&[x.natural.flatten(1, -1), x.unnatural.flatten(1, -1)], 1);
        turn.map_or_else(|| join(features), |turn| join(&turn.there(features)))
    }

    /// The inverse of [`Self::plain`].
    fn features(&self, plain: &Tensor, turn: Option<&Turn>) -> NodeFeatures {
        let Hidden { channels, unnatural_channels, .. } = self.hidden;
        let (rows, split) = (plain.size()[0], self.hidden.natural_rows() * channels);
        let unnatural = plain.narrow(1, split, plain.size()[1] - split);
        let features = NodeFeatures {
            natural: plain.narrow(1, 0, split).reshape([rows, self.hidden.natural_rows(), channels]),
            unnatural: unnatural.reshape([rows, self.hidden.unnatural_rows(), unnatural_channels]),
        };
        match turn {
            Some(turn) => turn.back(&features),
            None => features,
        }
    }
}

/// Numbers of a token before it is embedded.
fn plain_width(hidden: &Hidden) -> i64 {
    hidden.natural_rows() * hidden.channels + hidden.unnatural_rows() * hidden.unnatural_channels
}

/// Atoms attend to their bonds, bonds read their atoms.
#[derive(Debug)]
struct Layer {
    attention: BondAttention,
    atom: PlainMlp,
    bond: PlainMlp,
}

impl Layer {
    fn new(table: &mut WeightTable, name: &str, config: &ModelConfig, scalars: i64) -> Self {
        let width = config.refine_width as i64;
        let attention = format!("{name}.attention");
        Layer {
            attention: BondAttention::new(table, &attention, scalars, width, config.refine_heads as i64),
            atom: PlainMlp::new(table, &format!("{name}.atom"), 1, width),
            bond: PlainMlp::new(table, &format!("{name}.bond"), 3, width),
        }
    }

    fn forward(&self, w: &Weights, bonds: &[Bonds], atoms: &mut Tensor, tokens: &mut [Tensor]) {
        let mut sums = self.attention.begin(w, &normalized(atoms));
        for (b, token) in bonds.iter().zip(tokens.iter()).filter(|(b, _)| b.near) {
            self.attention.add(w, &mut sums, b.tile, &normalized(token));
        }
        *atoms = &*atoms + self.attention.finish(w, &sums);
        *atoms = &*atoms + self.atom.forward(w, &[&normalized(atoms)]);
        let heard = normalized(atoms);
        for (b, token) in bonds.iter().zip(tokens) {
            let here = heard.index_select(0, &b.tile.first);
            let there = here.roll([here.size()[0] / 2], [0]);
            *token = &*token + self.bond.forward(w, &[&normalized(token), &here, &there]);
        }
    }
}

/// Each row with mean zero and variance one.
fn normalized(tokens: &Tensor) -> Tensor {
    let width = tokens.size()[1];
    tokens.layer_norm([width], None::<&Tensor>, None::<&Tensor>, EPSILON, false)
}

/// One hidden layer, twice as wide.
#[derive(Debug)]
struct PlainMlp {
    first: Linear,
    second: Linear,
}

impl PlainMlp {
    fn new(table: &mut WeightTable, name: &str, inputs: usize, width: i64) -> Self {
        PlainMlp {
            first: Linear::new(table, &format!("{name}.0"), &vec![width; inputs], 2 * width),
            second: Linear::new(table, &format!("{name}.1"), &[2 * width], width),
        }
    }

    fn forward(&self, w: &Weights, inputs: &[&Tensor]) -> Tensor {
        let inputs: Vec<Option<&Tensor>> = inputs.iter().map(|input| Some(*input)).collect();
        self.second.forward(w, &[Some(&self.first.forward(w, &inputs).silu())])
    }
}

/// (1 + g(token)) ∘ features + s(token).
#[derive(Debug)]
struct PlainAnswer {
    factor: Linear,
    term: Linear,
}

impl PlainAnswer {
    fn new(table: &mut WeightTable, name: &str, width: i64, plain: i64) -> Self {
        let bound = 0.5 / (width as f64).sqrt();
        let mut linear = |part: &str, bias: f64| {
            Linear::with_start(table, &format!("{name}.{part}"), &[width], plain, bound, Start::Constant(bias))
        };
        PlainAnswer { factor: linear("factor", 1.0), term: linear("term", 0.0) }
    }

    fn forward(&self, w: &Weights, tokens: &Tensor, plain: &Tensor) -> Tensor {
        let tokens = normalized(tokens);
        plain * self.factor.forward(w, &[Some(&tokens)]) + self.term.forward(w, &[Some(&tokens)])
    }
}
