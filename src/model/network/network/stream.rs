//! A prediction of any size: a few tiles of bonds in memory at a time.

use std::ops::Range;
use std::panic::resume_unwind;
use std::thread;

use tch::{Device, Tensor};

use super::Network;
use crate::model::network::batch::{EdgeTile, Preparation};
use crate::model::network::device::set_threads;
use crate::model::network::features::NodeFeatures;
use crate::model::network::layers::{Messages, PairState};
use crate::model::network::tiles::Tiles;
use crate::model::network::weights::Weights;

impl Network {
    /// What the first stage says, as [`Network::forward`], to the last bit for tiles of the same size: `put` gets the rows of each
    /// tile, and those of the atoms are returned, in hartree. Call without gradients being recorded.
    ///
    /// Atoms keep their features; a bond within the envelope keeps its state from layer to layer, on the CPU also where the network
    /// is on a GPU. All else that belongs to a bond (frame, operators, messages, output) lives as long as its tile. On a CPU as many
    /// tiles are worked on at once as libtorch has threads: most of its operations are too short to be shared by several. What
    /// atoms hear is added up in the order of the tiles, so the bits do not depend on the number of threads.
    pub fn stream(
        &self,
        w: &Weights,
        preparation: &Preparation,
        tiles: &Tiles,
        mut put: impl FnMut(&EdgeTile, &Tensor),
    ) -> Tensor {
        let (near, all) = (tiles.n_near(), tiles.n_near() + tiles.n_far());
        let crew = Crew::new(all, preparation.device);
        let inputs = tiles.nodes();
        let mut atoms = self.atoms.forward(w, &inputs);
        let mut states: Vec<PairState> = Vec::new();
        for wave in crew.waves(near) {
            let reader = Reader { network: self, w, preparation, tiles, atoms: &atoms, states: &[] };
            states.extend(side_by_side(wave, |k| reader.embedded(k)));
        }
        for layer in 0..self.n_layers() {
            let reader = Reader { network: self, w, preparation, tiles, atoms: &atoms, states: &[] };
            atoms = self.layer_in_tiles(layer, &reader, &crew, &mut states);
        }
        let reader = Reader { network: self, w, preparation, tiles, atoms: &atoms, states: &states };
        for wave in crew.waves(all) {
            side_by_side(wave, |k| reader.rows(k)).iter().for_each(|(tile, rows)| put(tile, rows));
        }
        self.onsite.forward(w, &inputs, &atoms) * &inputs.scale
    }

    /// As [`Network::layer`]: replaces the states of the bonds and returns the features of the atoms.
    fn layer_in_tiles(&self, layer: usize, seen: &Reader, crew: &Crew, states: &mut [PairState]) -> NodeFeatures {
        let (interaction, branch, tables) = (&self.layers[layer], self.branches.get(layer), &seen.preparation.tables);
        let mut heard = interaction.silence(seen.atoms);
        for wave in crew.waves(states.len()) {
            let reader = Reader { states, ..*seen };
            let told = side_by_side(wave.clone(), |k| reader.told(layer, k));
            for (k, (tile, state, messages)) in wave.zip(told) {
                heard.add(&tile, &messages);
                states[k] = state;
            }
        }
        let mut atoms = interaction.atoms(seen.w, tables, seen.atoms, &heard);
        if let Some(branch) = branch {
            let _ = branch.atoms(seen.w, tables, &mut atoms);
        }
        atoms
    }
}

/// What the work on a tile reads.
struct Reader<'a> {
    network: &'a Network,
    w: &'a Weights,
    preparation: &'a Preparation,
    tiles: &'a Tiles<'a>,
    atoms: &'a NodeFeatures,
    /// Of the near bonds, by tile.
    states: &'a [PairState],
}

#[allow(unsafe_code, reason = "tch does not say that tensors may be read by several threads; libtorch does")]
// SAFETY: nothing is changed through these references: no tensor in place, and no gradients are recorded. All else in them is `Sync`.
unsafe impl Sync for Reader<'_> {}

impl Reader<'_> {
    /// The first state of the bonds of tile `k`.
    fn embedded(&self, k: usize) -> PairState {
        let Reader { network, w, .. } = self;
        let tile = self.tiles.near(k);
        let latent = network.bonds.latent(w, &tile);
        parked(&network.bonds.forward(w, &self.preparation.tables, &tile, self.atoms, &latent))
    }

    /// Tile `k`, the state of its bonds after a layer, and what they tell in it.
    fn told(&self, layer: usize, k: usize) -> (EdgeTile, PairState, Messages) {
        let Reader { network, w, .. } = self;
        let (tile, state) = (self.tiles.near_for_layers(k), moved(&self.states[k], self.preparation.device));
        let (mut state, messages) = network.layers[layer].bonds(w, &self.preparation.tables, &tile, self.atoms, &state);
        if let Some(branch) = network.branches.get(layer) {
            let _ = branch.bonds(w, &mut state);
        }
        (tile, parked(&state), messages)
    }

    /// Tile `k` and the rows of its bonds, in hartree.
    fn rows(&self, k: usize) -> (EdgeTile, Tensor) {
        let Reader { network, w, .. } = self;
        let state = self.states.get(k).map(|state| moved(state, self.preparation.device));
        let tile = if k < self.tiles.n_near() { self.tiles.near(k) } else { self.tiles.far(k - self.tiles.n_near()) };
        let latent = network.bonds.latent(w, &tile);
        let rows = network.pairs.forward(w, &self.preparation.tables, &tile, self.atoms, &latent, state.as_ref());
        let rows = rows * &tile.scale;
        (tile, rows)
    }
}

/// The threads that work on tiles, as many as libtorch would take. While they do, this thread has no others: those would wait for its
/// next operation in a busy loop, on the cores that tiles need.
struct Crew {
    threads: usize,
}

impl Crew {
    fn new(n_tiles: usize, device: Device) -> Self {
        let threads = tch::get_num_threads().max(1) as usize;
        if n_tiles == 1 || device != Device::Cpu {
            return Crew { threads: 1 };
        }
        set_threads(1);
        Crew { threads }
    }

    /// Numbers of tiles that are worked on at once.
    fn waves(&self, n_tiles: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let threads = self.threads;
        (0..n_tiles).step_by(threads).map(move |first| first..n_tiles.min(first + threads))
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        if self.threads > 1 {
            set_threads(self.threads);
        }
    }
}

/// The answers for some tiles in their order, each found by a thread of its own, with which libtorch stays.
fn side_by_side<T: Send>(tiles: Range<usize>, answer: impl Fn(usize) -> T + Sync) -> Vec<T> {
    if tiles.len() == 1 {
        return vec![answer(tiles.start)];
    }
    let answer = &answer;
    let alone = |k: usize| {
        move || {
            set_threads(1);
            tch::no_grad(|| answer(k))
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = tiles.map(|k| scope.spawn(alone(k))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

/// In the machine's own memory.
fn parked(state: &PairState) -> PairState {
    moved(state, Device::Cpu)
}

fn moved(state: &PairState, device: Device) -> PairState {
    state.map(|tensor| tensor.to_device(device))
}
