//! The parts of the network, one file each. A layer holds handles of its weights; `forward` takes the weights themselves.

mod attention;
mod embedding;
mod exchange;
mod gated;
mod interaction;
mod invariants;
mod linear;
mod node_linear;
mod node_readout;
mod pair_readout;
pub mod refine;
mod so2;

pub use attention::Attention;
pub use embedding::{NodeEmbedding, PairEmbedding};
pub use exchange::PairExchange;
pub use gated::{GatedSo2, PairState};
pub use interaction::{Heard, Interaction, Messages};
pub use invariants::{InvariantBranch, InvariantUnit};
pub use linear::{Gate, Linear, Mlp, plus_product, product};
pub use node_linear::NodeLinear;
pub use node_readout::NodeReadout;
pub use pair_readout::PairReadout;
pub use so2::So2Linear;
