//! Attention of an atom's token to the tokens of its bonds.

use tch::Tensor;

use crate::model::network::batch::EdgeTile;
use crate::model::network::layers::Linear;
use crate::model::network::weights::{WeightTable, Weights};

/// Scores stay within minus and plus this, so that no largest one has to be known before sums are begun, tile by tile.
const LARGEST_SCORE: f64 = 8.0;

/// Multi-head attention with a bias for the distance: atom i hears
///
/// Σ_j u_ij e^{s_ij} V t_ij / (1 + Σ_j u_ij e^{s_ij}),  s_ij = Q t_i · K t_ij/√d + b(r_ij).
///
/// The envelope u makes it continuous where a bond leaves the envelope; the 1 belongs to the atom itself, which has nothing to tell.
/// Memory is linear in the number of bonds.
#[derive(Debug)]
pub struct BondAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    distance: Linear,
    merge: Linear,
    heads: i64,
}

/// Sums over the bonds of each atom.
#[derive(Debug)]
pub struct AttentionSums {
    queries: Tensor,
    /// Σ u e^s V t: `[N, heads, width of a head]`.
    values: Tensor,
    /// Σ u e^s: `[N, heads, 1]`.
    weights: Tensor,
}

impl BondAttention {
    /// `scalars`: width of [`EdgeTile::scalars`]; tokens have `width` numbers, rounded up to a multiple of the heads inside.
    pub fn new(table: &mut WeightTable, name: &str, scalars: i64, width: i64, heads: i64) -> Self {
        let inner = (width + heads - 1) / heads * heads;
        let mut linear =
            |part: &str, input: i64, output: i64| Linear::new(table, &format!("{name}.{part}"), &[input], output);
        BondAttention {
            query: linear("query", width, inner),
            key: linear("key", width, inner),
            value: linear("value", width, inner),
            distance: linear("distance", scalars, heads),
            merge: linear("merge", inner, width),
            heads,
        }
    }

    /// Sums without any bond; `atoms` are tokens, `[N, width]`.
    pub fn begin(&self, w: &Weights, atoms: &Tensor) -> AttentionSums {
        let queries = self.by_head(self.query.forward(w, &[Some(atoms)]));
        let weights = queries.narrow(2, 0, 1).zeros_like();
        AttentionSums { values: queries.zeros_like(), queries, weights }
    }

    /// Adds the bonds of a tile; `bonds` are tokens, `[E, width]`.
    pub fn add(&self, w: &Weights, sums: &mut AttentionSums, tile: &EdgeTile, bonds: &Tensor) {
        let keys = self.by_head(self.key.forward(w, &[Some(bonds)]));
        let values = self.by_head(self.value.forward(w, &[Some(bonds)]));
        let products = (sums.queries.index_select(0, &tile.first) * &keys).sum_dim_intlist(2, true, w.kind());
        let bias = self.distance.forward(w, &[Some(&tile.scalars)]).unsqueeze(2);
        let scores = products / (keys.size()[2] as f64).sqrt() + bias;
        let weights = ((scores / LARGEST_SCORE).tanh() * LARGEST_SCORE).exp() * tile.envelope.view([-1, 1, 1]);
        tile.add_to_atoms(&mut sums.values, &(values * &weights));
        tile.add_to_atoms(&mut sums.weights, &weights);
    }

    /// What the atoms heard: `[N, width]`.
    pub fn finish(&self, w: &Weights, sums: &AttentionSums) -> Tensor {
        let mean = &sums.values / (&sums.weights + 1.0);
        self.merge.forward(w, &[Some(&mean.flatten(1, -1))])
    }

    fn by_head(&self, tokens: Tensor) -> Tensor {
        let rows = tokens.size()[0];
        tokens.view([rows, self.heads, -1])
    }
}
