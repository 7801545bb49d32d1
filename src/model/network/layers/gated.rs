//! The non-linear unit of the pair features.

use tch::Tensor;

use super::{Gate, Linear, Mlp, So2Linear};
use crate::model::network::config::ModelConfig;
use crate::model::network::features::Classes;
use crate::model::network::weights::{WeightTable, Weights};

/// What the network knows of a pair.
#[derive(Debug)]
pub struct PairState {
    /// Invariants, `[E, width]`.
    pub latent: Tensor,
    /// Features in the frame of the bond.
    pub frame: Classes,
}

impl PairState {
    /// Applies `f` to every tensor, always in the same order.
    pub fn map(&self, mut f: impl FnMut(&Tensor) -> Tensor) -> PairState {
        PairState { latent: f(&self.latent), frame: self.frame.map(f) }
    }
}

/// An [`So2Linear`] map whose outputs are multiplied by gates, one per (class, channel), that an MLP makes of the invariants of the
/// pair: its latent vector and the natural m = 0 components of the inputs. The MLP also shifts the natural m = 0 outputs and may
/// update the latent vector.
#[derive(Debug)]
pub struct GatedSo2 {
    map: So2Linear,
    invariants: Mlp,
    gate: Gate,
    shift: Linear,
    latent: Option<Linear>,
    outputs: Vec<i64>,
}

impl GatedSo2 {
    /// `inputs`, `outputs`: widths of the classes. Outputs start multiplied by `gain`.
    pub fn new(
        table: &mut WeightTable,
        name: &str,
        inputs: &[&[i64]],
        outputs: &[i64],
        config: &ModelConfig,
        gain: f64,
    ) -> Self {
        let width = config.width as i64;
        let mut scalars = vec![width];
        scalars.extend(inputs.iter().map(|widths| widths[0]));
        let spread = 0.5 / (width as f64).sqrt();
        let total = outputs.iter().sum();
        GatedSo2 {
            map: So2Linear::new(table, &format!("{name}.map"), inputs, outputs, config.mixing, gain),
            invariants: Mlp::new(table, &format!("{name}.invariants"), &scalars, width),
            gate: Gate::new(table, &format!("{name}.gate"), config, total, spread),
            shift: Linear::new(table, &format!("{name}.shift"), &[width], outputs[0]),
            latent: None,
            outputs: outputs.to_vec(),
        }
    }

    /// With an update of the latent vector.
    pub fn updating_latent(mut self, table: &mut WeightTable, name: &str, width: i64) -> Self {
        self.latent = Some(Linear::new(table, &format!("{name}.latent"), &[width], width));
        self
    }

    /// The new features, and the new latent vector (or the old one if this unit does not update it).
    pub fn forward(&self, w: &Weights, latent: &Tensor, inputs: &[Option<&Classes>]) -> PairState {
        let mut scalars = vec![Some(latent)];
        scalars.extend(inputs.iter().map(|input| input.map(|classes| &classes.0[0])));
        let invariants = self.invariants.forward(w, &scalars);
        let mut frame = self.gated(w, &invariants, self.map.forward(w, inputs));
        frame.0[0] = &frame.0[0] + self.shift.forward(w, &[Some(&invariants)]);
        let update = self.latent.as_ref().map(|linear| latent + linear.forward(w, &[Some(&invariants)]));
        PairState { latent: update.unwrap_or_else(|| latent.shallow_clone()), frame }
    }

    fn gated(&self, w: &Weights, invariants: &Tensor, features: Classes) -> Classes {
        let gates = self.gate.forward(w, invariants).split_with_sizes(&self.outputs, 1);
        let gated = features.0.iter().zip(&gates).map(|(class, gate)| match class.dim() {
            2 => class * gate,
            _ => class * gate.unsqueeze(1),
        });
        Classes(gated.collect())
    }
}
