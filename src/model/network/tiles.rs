//! The bonds of a structure of any size in tiles, each made into tensors when its turn comes.

use tch::{Device, Kind};

use super::batch::{EdgeTile, Nodes, Preparation, Seen};
use super::padding::{ROWS, padded_nodes, padded_tile};
use crate::model::Sample;
use crate::parsers::Result;

/// Tensors of one tile may take about so many bytes on a CPU, whose caches more would not suit; every thread has a tile.
const BYTES_ON_CPU: usize = 32 << 20;
/// Fewer bonds are not worth a thread of their own.
const LEAST_ROWS: usize = 4 * ROWS;
/// On a GPU, which wants long rows.
const BYTES_ON_GPU: usize = 2 << 30;
/// Features of a bond that are alive at the same time: those of both atoms, its own, their maps, gates, and messages.
const LIVE_FEATURES: usize = 12;

/// A sample in tiles.
pub struct Tiles<'a> {
    preparation: &'a Preparation,
    sample: &'a Sample,
    seen: Vec<Seen<'a>>,
    near: Vec<usize>,
    far: Vec<usize>,
    size: usize,
}

impl<'a> Tiles<'a> {
    /// In tiles of at most `size` bonds; `None` is [`automatic_size`], or less where that would leave threads without a tile.
    ///
    /// # Errors
    /// `Unsupported` where H⁽⁰⁾ is an input and the sample has none.
    pub fn new(preparation: &'a Preparation, sample: &'a Sample, size: Option<usize>) -> Result<Self> {
        let seen = preparation.seen(sample)?;
        let [near, far] = preparation.near_and_far(sample);
        let size = size.map_or_else(|| shared_out(near.len(), preparation), |size| size.max(1));
        Ok(Tiles { preparation, sample, seen, near, far, size })
    }

    /// All atoms.
    pub fn nodes(&self) -> Nodes {
        padded_nodes(self.preparation.nodes(self.sample, &self.seen, None))
    }

    /// Number of tiles of bonds within the envelope.
    pub fn n_near(&self) -> usize {
        self.near.len().div_ceil(self.size)
    }

    /// Number of tiles of bonds beyond it.
    pub fn n_far(&self) -> usize {
        self.far.len().div_ceil(self.size)
    }

    /// A tile of bonds within the envelope.
    pub fn near(&self, k: usize) -> EdgeTile {
        self.tile(&self.near, Some(&self.seen), k)
    }

    /// A tile of bonds beyond it.
    pub fn far(&self, k: usize) -> EdgeTile {
        self.tile(&self.far, Some(&self.seen), k)
    }

    /// That of [`Tiles::near`] with what layers need of it.
    pub fn near_for_layers(&self, k: usize) -> EdgeTile {
        self.tile(&self.near, None, k)
    }

    fn tile(&self, bonds: &[usize], seen: Option<&[Seen]>, k: usize) -> EdgeTile {
        let bonds = &bonds[k * self.size..bonds.len().min((k + 1) * self.size)];
        padded_tile(self.preparation.tile(self.sample, seen, None, bonds))
    }
}

/// At most [`automatic_size`], and on a CPU no more than gives each thread a tile, as long as those are not very small.
fn shared_out(n_bonds: usize, preparation: &Preparation) -> usize {
    let most = automatic_size(preparation);
    if preparation.device != Device::Cpu {
        return most;
    }
    let each = n_bonds.div_ceil(tch::get_num_threads().max(1) as usize).next_multiple_of(ROWS);
    each.max(LEAST_ROWS).min(most)
}

/// As many bonds as fit into the memory of a tile: a whole number of [`ROWS`]. What is predicted does not depend on it.
pub fn automatic_size(preparation: &Preparation) -> usize {
    let hidden = &preparation.tables.hidden;
    let rotations = hidden.natural_rows().pow(2) + hidden.unnatural_rows().pow(2);
    let features = hidden.natural_rows() * hidden.channels + hidden.unnatural_rows() * hidden.unnatural_channels;
    let operators = preparation.slots.algebra().width();
    let numbers = rotations as usize + LIVE_FEATURES * (features as usize + operators);
    let (bytes, number) = match (preparation.device, preparation.kind) {
        (Device::Cpu, kind) => (BYTES_ON_CPU, size_of_kind(kind)),
        (_, kind) => (BYTES_ON_GPU, size_of_kind(kind)),
    };
    (bytes / (2 * numbers * number) / ROWS).max(1) * ROWS
}

fn size_of_kind(kind: Kind) -> usize {
    if kind == Kind::Double { 8 } else { 4 }
}
