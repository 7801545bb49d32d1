//! A prediction of any size: one tile of bonds in memory at a time.

use tch::{Device, Tensor};

use super::Network;
use crate::model::network::batch::{EdgeTile, Preparation};
use crate::model::network::features::NodeFeatures;
use crate::model::network::layers::PairState;
use crate::model::network::tiles::Tiles;
use crate::model::network::weights::Weights;

impl Network {
    /// What the first stage says, as [`Network::forward`], to the last bit for tiles of the same size: `put` gets the rows of each
    /// tile, and those of the atoms are returned, in hartree. Call without gradients being recorded.
    ///
    /// Atoms keep their features; a bond within the envelope keeps its state from layer to layer, on the CPU also where the network
    /// is on a GPU. All else that belongs to a bond (frame, operators, messages, output) lives as long as its tile.
    pub fn stream(
        &self,
        w: &Weights,
        preparation: &Preparation,
        tiles: &Tiles,
        mut put: impl FnMut(&EdgeTile, &Tensor),
    ) -> Tensor {
        let inputs = tiles.nodes();
        let mut atoms = self.atoms.forward(w, &inputs);
        let embedded = |tile: EdgeTile| {
            let latent = self.bonds.latent(w, &tile);
            parked(&self.bonds.forward(w, &preparation.tables, &tile, &atoms, &latent))
        };
        let mut states: Vec<PairState> = tiles.near().map(embedded).collect();
        for k in 0..self.n_layers() {
            atoms = self.layer_in_tiles(k, w, preparation, tiles, &atoms, &mut states);
        }
        let mut states = states.into_iter();
        for tile in tiles.near().chain(tiles.far()) {
            let state = states.next().map(|state| moved(&state, preparation.device));
            let latent = self.bonds.latent(w, &tile);
            let rows = self.pairs.forward(w, &preparation.tables, &tile, &atoms, &latent, state.as_ref());
            put(&tile, &(rows * &tile.scale));
        }
        self.onsite.forward(w, &inputs, &atoms) * &inputs.scale
    }

    /// As [`Network::layer`]: replaces the states of the bonds and returns the features of the atoms.
    fn layer_in_tiles(
        &self,
        k: usize,
        w: &Weights,
        preparation: &Preparation,
        tiles: &Tiles,
        atoms: &NodeFeatures,
        states: &mut [PairState],
    ) -> NodeFeatures {
        let (layer, branch, tables) = (&self.layers[k], self.branches.get(k), &preparation.tables);
        let mut heard = layer.silence(atoms);
        for (tile, kept) in tiles.near_for_layers().zip(states) {
            let mut state = layer.bonds(w, tables, &tile, atoms, &moved(kept, preparation.device), &mut heard);
            if let Some(branch) = branch {
                let _ = branch.bonds(w, &mut state);
            }
            *kept = parked(&state);
        }
        let mut atoms = layer.atoms(w, tables, atoms, &heard);
        if let Some(branch) = branch {
            let _ = branch.atoms(w, tables, &mut atoms);
        }
        atoms
    }
}

/// In the machine's own memory.
fn parked(state: &PairState) -> PairState {
    moved(state, Device::Cpu)
}

fn moved(state: &PairState, device: Device) -> PairState {
    state.map(|tensor| tensor.to_device(device))
}
