//! ΔH of on-site blocks.

use tch::Tensor;

use super::{Linear, Mlp};
use crate::model::network::batch::Nodes;
use crate::model::network::config::ModelConfig;
use crate::model::network::features::NodeFeatures;
use crate::model::network::interface::Interface;
use crate::model::network::weights::{Start, WeightId, WeightTable, Weights};

/// Per degree one linear map of the atom's features and of its H⁽⁰⁾, gated by an MLP of the atom's scalars.
#[derive(Debug)]
pub struct NodeReadout {
    degrees: Vec<Degree>,
    invariants: Mlp,
    gate: Linear,
    shift: Linear,
}

#[derive(Debug)]
struct Degree {
    from_features: Option<WeightId>,
    from_h0: Option<WeightId>,
    channels: i64,
}

impl NodeReadout {
    /// Declares the weights.
    pub fn new(table: &mut WeightTable, config: &ModelConfig, interface: &Interface) -> Self {
        let (hidden, width) = (config.hidden(), config.width as i64);
        let channels = |l: usize| Interface::n_channels(&interface.natural_columns, l);
        let n_degrees = interface.natural_columns.len();
        let mut degree = |l: usize| {
            let features = if l as i64 <= hidden.l_max { hidden.channels } else { 0 };
            let h0 = if config.uses_h0() { channels(l) } else { 0 };
            let start = Start::Normal(0.3 / ((features + h0).max(1) as f64).sqrt());
            let mut weight = |name: &str, inputs: i64| {
                (inputs > 0).then(|| table.add(format!("onsite.{name}{l}"), &[inputs, channels(l)], start))
            };
            Degree { from_features: weight("features", features), from_h0: weight("h0", h0), channels: channels(l) }
        };
        let degrees = (0..n_degrees).map(&mut degree).collect();
        let total = (0..n_degrees).map(channels).sum();
        let bound = 1.0 / (width as f64).sqrt();
        NodeReadout {
            degrees,
            invariants: Mlp::new(table, "onsite.invariants", &[hidden.channels], width),
            gate: Linear::with_start(table, "onsite.gate", &[width], total, bound, Start::Constant(1.0)),
            shift: Linear::new(table, "onsite.shift", &[width], channels(0)),
        }
    }

    /// `[N, node columns]`, degree after degree, `[m][channel]`, in units of the scale.
    pub fn forward(&self, w: &Weights, nodes: &Nodes, features: &NodeFeatures) -> Tensor {
        let n = features.natural.size()[0];
        let invariants = self.invariants.forward(w, &[Some(&features.natural.select(1, 0))]);
        let widths: Vec<i64> = self.degrees.iter().map(|degree| degree.channels).collect();
        let gates = self.gate.forward(w, &[Some(&invariants)]).split_with_sizes(&widths, 1);
        let mut rows = Vec::new();
        for (l, (degree, gate)) in self.degrees.iter().zip(&gates).enumerate() {
            let components = 2 * l as i64 + 1;
            let mut sum = Tensor::zeros([n, components, degree.channels], (w.kind(), gates[0].device()));
            if let Some(weight) = degree.from_features {
                let rows = features.natural.narrow(1, (l * l) as i64, components);
                sum += rows.matmul(&w[weight]);
            }
            if let (Some(weight), Some(h0)) = (degree.from_h0, nodes.natural.get(l)) {
                sum += h0.matmul(&w[weight]);
            }
            rows.push((sum * gate.unsqueeze(1)).reshape([n, components * degree.channels]));
        }
        rows[0] = &rows[0] + self.shift.forward(w, &[Some(&invariants)]);
        Tensor::cat(&rows, 1)
    }
}
