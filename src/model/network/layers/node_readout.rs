//! ΔH of on-site blocks.

use tch::Tensor;

use super::{Gate, Linear, Mlp, product};
use crate::model::network::batch::Nodes;
use crate::model::network::config::ModelConfig;
use crate::model::network::features::{Hidden, NodeFeatures};
use crate::model::network::interface::Interface;
use crate::model::network::weights::{Start, WeightId, WeightTable, Weights};

/// Per degree one linear map of the atom's features and of its H⁽⁰⁾, gated by an MLP of the atom's scalars.
///
/// An exchange field has unnatural outputs too. Hidden features have no pseudoscalars; where outputs are, they come from products of
/// vectors and axial vectors.
#[derive(Debug)]
pub struct NodeReadout {
    degrees: Vec<Degree>,
    invariants: Mlp,
    gate: Gate,
    shift: Linear,
}

/// The outputs of one degree and parity.
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
        let parities = [true, false];
        let degrees: Vec<Degree> = parities
            .iter()
            .flat_map(|&natural| (0..interface.natural_columns.len()).map(move |l| (natural, l)))
            .map(|(natural, l)| Degree::new(table, config, interface, natural, l))
            .filter(|degree| degree.natural || degree.channels > 0)
            .collect();
        let total = degrees.iter().map(|degree| degree.channels).sum();
        let spread = 1.0 / (width as f64).sqrt();
        NodeReadout {
            invariants: Mlp::new(table, "onsite.invariants", &[hidden.channels], width),
            gate: Gate::new(table, "onsite.gate", config, total, spread),
            shift: Linear::new(table, "onsite.shift", &[width], degrees.first().map_or(0, |scalars| scalars.channels)),
            degrees,
        }
    }

    /// `[N, node columns]`, degree after degree, `[m][channel]`, in units of the scale.
    pub fn forward(&self, w: &Weights, nodes: &Nodes, features: &NodeFeatures) -> Tensor {
        let invariants = self.invariants.forward(w, &[Some(&features.natural.select(1, 0))]);
        let widths: Vec<i64> = self.degrees.iter().map(|degree| degree.channels).collect();
        let gates = self.gate.forward(w, &invariants).split_with_sizes(&widths, 1);
        let row =
            |(degree, gate): (&Degree, &Tensor)| (degree.forward(w, nodes, features) * gate.unsqueeze(1)).flatten(1, 2);
        let mut rows: Vec<Tensor> = self.degrees.iter().zip(&gates).map(row).collect();
        rows[0] = &rows[0] + self.shift.forward(w, &[Some(&invariants)]);
        Tensor::cat(&rows, 1)
    }
}

impl Degree {
    fn new(table: &mut WeightTable, config: &ModelConfig, interface: &Interface, natural: bool, l: usize) -> Self {
        let outputs = &interface.onsite_outputs;
        let (parity, inputs, outputs) = match natural {
            true => ("", &interface.natural_columns, &outputs.natural),
            false => ("unnatural_", &interface.unnatural_columns, &outputs.unnatural),
        };
        let channels = Interface::n_channels(outputs, l);
        let features = n_features(&config.hidden(), natural, l as i64);
        let h0 = config.n_onsite_inputs() * Interface::n_channels(inputs, l);
        let start = Start::Normal(0.3 / ((features + h0).max(1) as f64).sqrt());
        let mut weight = |name: &str, inputs: i64| {
            (inputs * channels > 0).then(|| table.add(format!("onsite.{parity}{name}{l}"), &[inputs, channels], start))
        };
        Degree { l, natural, from_features: weight("features", features), from_h0: weight("h0", h0), channels }
    }

    /// `[N, 2l+1, channels]`, without gate.
    fn forward(&self, w: &Weights, nodes: &Nodes, features: &NodeFeatures) -> Tensor {
        let (n, components) = (features.natural.size()[0], 2 * self.l as i64 + 1);
        let mut sum = Tensor::zeros([n, components, self.channels], (w.kind(), features.natural.device()));
        if let Some(weight) = self.from_features {
            sum += product(&rows(features, self.natural, self.l as i64), &w[weight]);
        }
        let h0 = if self.natural { &nodes.natural } else { &nodes.unnatural };
        if let (Some(weight), Some(h0)) = (self.from_h0, h0.get(self.l)) {
            sum += product(h0, &w[weight]);
        }
        sum
    }
}

/// Number of features of one degree.
fn n_features(hidden: &Hidden, natural: bool, l: i64) -> i64 {
    match (natural, l) {
        (true, _) if l <= hidden.l_max => hidden.channels,
        (false, 0) if hidden.unnatural_l_max > 0 => hidden.channels * hidden.unnatural_channels,
        (false, 1..) if l <= hidden.unnatural_l_max => hidden.unnatural_channels,
        _ => 0,
    }
}

/// They themselves, `[N, 2l+1, features]`.
fn rows(features: &NodeFeatures, natural: bool, l: i64) -> Tensor {
    let NodeFeatures { natural: polar, unnatural: axial } = features;
    match (natural, l) {
        (true, _) => polar.narrow(1, l * l, 2 * l + 1),
        (false, 0) => polar.narrow(1, 1, 3).transpose(1, 2).bmm(&axial.narrow(1, 0, 3)).flatten(1, 2).unsqueeze(1),
        (false, _) => axial.narrow(1, l * l - 1, 2 * l + 1),
    }
}
