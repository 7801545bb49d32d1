//! ΔH of pairs.

use tch::Tensor;

use super::{GatedSo2, PairExchange, PairState};
use crate::model::network::batch::EdgeTile;
use crate::model::network::config::ModelConfig;
use crate::model::network::features::{HiddenTables, NodeFeatures};
use crate::model::network::interface::Interface;
use crate::model::network::weights::{WeightTable, Weights};

/// Outputs start small, so that training starts from the base.
const FIRST_OUTPUT: f64 = 0.3;

/// Two gated maps: from both atoms, the bond and the inputs to hidden features, and from those and the inputs to ΔH.
///
/// Both directions of every bond are computed and averaged under exchange, so ΔH is Hermitian by construction, and the order of
/// the two atoms does not matter.
#[derive(Debug)]
pub struct PairReadout {
    first: GatedSo2,
    second: GatedSo2,
    exchange: PairExchange,
    m_max: i64,
}

impl PairReadout {
    /// `inputs`: class widths of the input operators; `widths`: of the hidden classes.
    pub fn new(
        table: &mut WeightTable,
        config: &ModelConfig,
        interface: &Interface,
        inputs: &[i64],
        widths: &[i64],
    ) -> Self {
        let width = config.width as i64;
        let name = ["readout.0", "readout.1"];
        let first = GatedSo2::new(table, name[0], &[widths, widths, widths, inputs], widths, config, 1.0);
        PairReadout {
            first: first.updating_latent(table, name[0], width),
            second: GatedSo2::new(table, name[1], &[widths, inputs], &interface.pair_outputs, config, FIRST_OUTPUT),
            exchange: PairExchange::new(interface),
            m_max: interface.m_max,
        }
    }

    /// ΔH of the bonds of a tile, one direction each, `[bonds, pair columns]`, in units of the scale. `latent` are the latent vectors
    /// before the first layer; `state` is absent beyond the envelope.
    pub fn forward(
        &self,
        w: &Weights,
        tables: &HiddenTables,
        tile: &EdgeTile,
        nodes: &NodeFeatures,
        latent: &Tensor,
        state: Option<&PairState>,
    ) -> Tensor {
        let [here, there] = tables.both_ends(nodes, &tile.first, &tile.rotations, self.m_max);
        // What the layers added fades with the envelope, so that nothing jumps where it ends.
        let bond = state.map(|state| state.frame.scale(&tile.envelope));
        let late = state.map(|state| latent + (&state.latent - latent) * tile.envelope.view([-1, 1]));
        let inputs = [Some(&here), Some(&there), bond.as_ref(), Some(&tile.inputs)];
        let hidden = self.first.forward(w, late.as_ref().unwrap_or(latent), &inputs);
        let output = self.second.forward(w, &hidden.latent, &[Some(&hidden.frame), Some(&tile.inputs)]);
        self.exchange.averaged(&output.frame.to_rows())
    }
}
