//! Equivariant linear maps of atomic features.

use tch::Tensor;

use crate::model::network::features::{Hidden, HiddenTables, NodeFeatures};
use crate::model::network::weights::{Start, WeightId, WeightTable, Weights};

/// One matrix per irrep, from channels to channels.
#[derive(Debug)]
pub struct NodeLinear {
    natural: WeightId,
    unnatural: WeightId,
}

impl NodeLinear {
    /// Keeps the number of channels.
    pub fn new(table: &mut WeightTable, name: &str, hidden: &Hidden) -> Self {
        let mut weight = |parity: &str, degrees: i64, channels: i64| {
            let start = Start::Normal(1.0 / (channels.max(1) as f64).sqrt());
            table.add(format!("{name}.{parity}"), &[degrees, channels, channels], start)
        };
        NodeLinear {
            natural: weight("natural", hidden.l_max + 1, hidden.channels),
            unnatural: weight("unnatural", hidden.unnatural_l_max, hidden.unnatural_channels),
        }
    }

    /// Same shapes in and out.
    pub fn forward(&self, w: &Weights, tables: &HiddenTables, x: &NodeFeatures) -> NodeFeatures {
        NodeFeatures {
            natural: per_degree(&x.natural, &w[self.natural], &tables.natural_degrees),
            unnatural: per_degree(&x.unnatural, &w[self.unnatural], &tables.unnatural_degrees),
        }
    }
}

/// `x[n, row, :] · weight[degree of row]`.
fn per_degree(x: &Tensor, weight: &Tensor, degree_of_row: &Tensor) -> Tensor {
    x.transpose(0, 1).bmm(&weight.index_select(0, degree_of_row)).transpose(0, 1)
}
