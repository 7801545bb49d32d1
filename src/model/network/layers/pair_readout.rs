//! ΔH of pairs.

use tch::Tensor;

use super::{GatedSo2, PairState};
use crate::model::network::batch::EdgeTile;
use crate::model::network::config::ModelConfig;
use crate::model::network::features::{HiddenTables, NodeFeatures};
use crate::model::network::interface::Interface;
use crate::model::network::weights::{WeightTable, Weights};
use crate::symmetry::Signed;

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
    exchange: Vec<Signed>,
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
            exchange: interface.exchange.clone(),
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
        let rows: Vec<Tensor> = output.frame.0.iter().map(|class| class.flatten(1, -1)).collect();
        self.averaged(&Tensor::cat(&rows, 1))
    }

    /// (v_ij + T v_ji)/2.
    fn averaged(&self, rows: &Tensor) -> Tensor {
        let bonds = rows.size()[0] / 2;
        let index: Vec<i64> = self.exchange.iter().map(|e| e.index as i64).collect();
        let sign: Vec<f64> = self.exchange.iter().map(|e| e.sign).collect();
        let index = Tensor::from_slice(&index).to_device(rows.device());
        let sign = Tensor::from_slice(&sign).to_kind(rows.kind()).to_device(rows.device());
        let reversed = rows.narrow(0, bonds, bonds).index_select(1, &index) * sign;
        (rows.narrow(0, 0, bonds) + reversed) * 0.5
    }
}
