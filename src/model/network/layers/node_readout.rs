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

/// The outputs of one irrep.
#[derive(Debug)]
struct Degree {
    l: usize,
    natural: bool,
    from_features: Option<WeightId>,
    from_h0: Option<WeightId>,
    channels: i64,
}

impl NodeReadout {
    /// Declares the weights.
    pub fn new(table: &mut WeightTable, config: &ModelConfig, interface: &Interface) -> Self {
        let (hidden, width) = (config.hidden(), config.width as i64);
        let n_degrees = interface.natural_columns.len();
        let unnatural = if interface.unnatural_outputs { 1..n_degrees } else { 0..0 };
        let irreps = (0..n_degrees).map(|l| (l, true)).chain(unnatural.map(|l| (l, false)));
        let degrees: Vec<Degree> =
            irreps.map(|(l, natural)| Degree::new(table, config, interface, l, natural)).collect();
        let total = degrees.iter().map(|degree| degree.channels).sum();
        let bound = 1.0 / (width as f64).sqrt();
        NodeReadout {
            invariants: Mlp::new(table, "onsite.invariants", &[hidden.channels], width),
            gate: Linear::with_start(table, "onsite.gate", &[width], total, bound, Start::Constant(1.0)),
            shift: Linear::new(table, "onsite.shift", &[width], degrees[0].channels),
            degrees,
        }
    }

    /// `[N, node columns]`, degree after degree, `[m][channel]`, in units of the scale.
    pub fn forward(&self, w: &Weights, nodes: &Nodes, features: &NodeFeatures) -> Tensor {
        let invariants = self.invariants.forward(w, &[Some(&features.natural.select(1, 0))]);
        let widths: Vec<i64> = self.degrees.iter().map(|degree| degree.channels).collect();
        let gates = self.gate.forward(w, &[Some(&invariants)]).split_with_sizes(&widths, 1);
        let row =
            |(degree, gate): (&Degree, &Tensor)| (degree.forward(w, nodes, features) * gate.unsqueeze(1)).flatten(1, 2);
        let mut rows: Vec<Tensor> = self.degrees.iter().zip(&gates).map(row).collect();
        rows[0] = &rows[0] + self.shift.forward(w, &[Some(&invariants)]);
        Tensor::cat(&rows, 1)
    }
}

impl Degree {
    fn new(table: &mut WeightTable, config: &ModelConfig, interface: &Interface, l: usize, natural: bool) -> Self {
        let hidden = config.hidden();
        let (columns, l_max, hidden_channels, parity) = if natural {
            (&interface.natural_columns, hidden.l_max, hidden.channels, "")
        } else {
            (&interface.unnatural_columns, hidden.unnatural_l_max, hidden.unnatural_channels, "unnatural_")
        };
        let channels = Interface::n_channels(columns, l);
        let features = if l as i64 <= l_max { hidden_channels } else { 0 };
        let h0 = if config.uses_h0() { channels } else { 0 };
        let start = Start::Normal(0.3 / ((features + h0).max(1) as f64).sqrt());
        let mut weight = |name: &str, inputs: i64| {
            (inputs > 0).then(|| table.add(format!("onsite.{parity}{name}{l}"), &[inputs, channels], start))
        };
        Degree { from_features: weight("features", features), from_h0: weight("h0", h0), channels, l, natural }
    }

    /// `[N, 2l+1, channels]`, without gate.
    fn forward(&self, w: &Weights, nodes: &Nodes, features: &NodeFeatures) -> Tensor {
        let (components, start) = (2 * self.l as i64 + 1, (self.l * self.l) as i64);
        let (features, start, h0) = if self.natural {
            (&features.natural, start, &nodes.natural)
        } else {
            (&features.unnatural, start - 1, &nodes.unnatural)
        };
        let n = features.size()[0];
        let mut sum = Tensor::zeros([n, components, self.channels], (w.kind(), features.device()));
        if let Some(weight) = self.from_features {
            sum += features.narrow(1, start, components).matmul(&w[weight]);
        }
        if let (Some(weight), Some(h0)) = (self.from_h0, h0.get(self.l)) {
            sum += h0.matmul(&w[weight]);
        }
        sum
    }
}
