//! The refinement in the frames of the bonds: exactly equivariant.

use tch::Tensor;

use super::{Bonds, Features};
use crate::model::network::batch::EdgeTile;
use crate::model::network::config::{Aggregation, ModelConfig};
use crate::model::network::features::{Classes, HiddenTables, NodeFeatures};
use crate::model::network::layers::{GatedSo2, Interaction, Linear, PairState, So2Linear};
use crate::model::network::weights::{WeightTable, Weights};

/// Layers of the first stage's kind with attention ([`Interaction`]), whose invariants also hold what the first stage's do not:
/// products of components of equal m, hence lengths and relative phases. All scores, factors and MLPs see invariants alone, and
/// channels are mixed class by class.
#[derive(Debug)]
pub struct FrameRefinement {
    layers: Vec<Layer>,
    last: Products,
    answer: GatedSo2,
    m_max: i64,
}

#[derive(Debug)]
struct Layer {
    products: Products,
    interaction: Interaction,
}

impl FrameRefinement {
    /// `widths`: of the hidden classes.
    pub fn new(table: &mut WeightTable, config: &ModelConfig, tables: &HiddenTables, widths: &[i64]) -> Self {
        let config = ModelConfig {
            passing: true,
            aggregation: Aggregation::Attention,
            heads: config.refine_heads,
            ..config.clone()
        };
        let mut layer = |k: usize| {
            let name = format!("refine.layer{k}");
            Layer {
                products: Products::new(table, &format!("{name}.products"), &config, widths),
                interaction: Interaction::new(table, &name, &config, tables, widths),
            }
        };
        FrameRefinement {
            layers: (0..config.refine_layers).map(&mut layer).collect(),
            last: Products::new(table, "refine.products", &config, widths),
            answer: GatedSo2::new(table, "refine.frame", &[widths, widths, widths], widths, &config, 1.0),
            m_max: widths.len() as i64 - 2,
        }
    }

    /// Features of the same shapes.
    pub fn forward(&self, w: &Weights, tables: &HiddenTables, mut atoms: NodeFeatures, bonds: Vec<Bonds>) -> Features {
        let mut states = Vec::new();
        let mut tiles = Vec::new();
        for Bonds { tile, latent, frame, .. } in bonds {
            states.push(PairState { latent, frame });
            tiles.push(tile);
        }
        for layer in &self.layers {
            let mut heard = layer.interaction.silence(&atoms);
            for (tile, state) in tiles.iter().zip(&mut states) {
                let seen = layer.products.told(w, state);
                let (new, messages) = layer.interaction.bonds(w, tables, tile, &atoms, &seen);
                *state = new;
                heard.add(tile, &messages);
            }
            atoms = layer.interaction.atoms(w, tables, &atoms, &heard);
        }
        let answer = |(tile, state): (&&EdgeTile, &PairState)| -> Classes {
            let [here, there] = tables.both_ends(&atoms, &tile.first, &tile.rotations, self.m_max);
            let PairState { latent, frame } = self.last.told(w, state);
            self.answer.forward(w, &latent, &[Some(&frame), Some(&here), Some(&there)]).frame
        };
        let answers = tiles.iter().zip(&states).map(answer).collect();
        (atoms, answers)
    }
}

/// Σ (A x_m)(B x_m) over the components of a class, K numbers for every class but natural m = 0 (whose components are invariant
/// themselves): turns about the bond and mirrors through it leave them as they are.
#[derive(Debug)]
struct Products {
    left: So2Linear,
    right: So2Linear,
    latent: Linear,
}

impl Products {
    fn new(table: &mut WeightTable, name: &str, config: &ModelConfig, widths: &[i64]) -> Self {
        let classes = widths.len() as i64 - 1;
        let k = (config.refine_width as i64 / classes).max(1);
        let mut outputs = vec![k; widths.len()];
        outputs[0] = 0;
        let mut factor =
            |side: &str| So2Linear::new(table, &format!("{name}.{side}"), &[widths], &outputs, config.mixing, 1.0);
        Products {
            left: factor("left"),
            right: factor("right"),
            latent: Linear::new(table, &format!("{name}.latent"), &[classes * k], config.width as i64),
        }
    }

    /// The state with the products told to its latent vector.
    fn told(&self, w: &Weights, state: &PairState) -> PairState {
        let [left, right] = [&self.left, &self.right].map(|factor| factor.forward(w, &[Some(&state.frame)]));
        let product = |(a, b): (&Tensor, &Tensor)| match a.dim() {
            2 => a * b,
            _ => (a * b).sum_dim_intlist(1, false, w.kind()),
        };
        let products: Vec<Tensor> = left.0[1..].iter().zip(&right.0[1..]).map(product).collect();
        let told = self.latent.forward(w, &[Some(&Tensor::cat(&products, 1))]);
        PairState { latent: &state.latent + told, frame: state.frame.map(Tensor::shallow_clone) }
    }
}
