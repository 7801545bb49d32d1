//! Tensors whose rows do not depend on how many there are.
//!
//! A matrix product of MKL adds up the last few rows in another order where they are fewer than a kernel takes, so the last bits of
//! a row depend on the number of rows. Whole numbers of [`ROWS`] leave none over. Together with [`super::layers::product`] and
//! [`EdgeTile::add_to_atoms`] this makes what the network says of a bond the same to the last bit, whatever else the structure has,
//! so that a piece of a cell gives the bits of the whole. (On the CPU: on a GPU, sums over bonds are added in no fixed order.)

use tch::{Device, Tensor};

use super::batch::{Batch, EdgeTile, Nodes};
use super::features::{Classes, Rotations};

/// Rows of every matrix product come in whole numbers of these. Measured: MKL needs 4, with any number of threads.
pub const ROWS: usize = 16;

/// The same structure, the last atom and the last bond of every tile repeated up to whole numbers of [`ROWS`]. Repeated bonds have
/// the envelope 0, so no atom hears of them; [`super::batch::Preparation::add`] leaves repeated rows of the output out.
pub fn padded(batch: Batch) -> Batch {
    Batch {
        nodes: padded_nodes(batch.nodes),
        near: batch.near.into_iter().map(padded_tile).collect(),
        far: batch.far.into_iter().map(padded_tile).collect(),
    }
}

/// 0 … n−1, then n−1 up to a whole number of [`ROWS`].
fn repeated(n: usize, device: Device) -> Tensor {
    let rows: Vec<i64> = (0..n.next_multiple_of(ROWS)).map(|row| row.min(n - 1) as i64).collect();
    Tensor::from_slice(&rows).to_device(device)
}

/// The atoms alone.
pub fn padded_nodes(nodes: Nodes) -> Nodes {
    let n = nodes.species.size()[0] as usize;
    if n.is_multiple_of(ROWS) {
        return nodes;
    }
    let rows = repeated(n, nodes.species.device());
    let padded = |tensor: &Tensor| tensor.index_select(0, &rows);
    Nodes {
        species: padded(&nodes.species),
        natural: nodes.natural.iter().map(padded).collect(),
        unnatural: nodes.unnatural.iter().map(padded).collect(),
        scale: padded(&nodes.scale),
        present: nodes.present,
        overlap: nodes.overlap,
        target: nodes.target,
    }
}

/// One tile; the scale of one that only layers see stays without rows.
pub fn padded_tile(tile: EdgeTile) -> EdgeTile {
    let n = tile.bonds.len();
    if n.is_multiple_of(ROWS) {
        return tile;
    }
    let device = tile.first.device();
    let one_way = repeated(n, device);
    let both_ways = Tensor::cat(&[one_way.shallow_clone(), &one_way + n as i64], 0);
    let padded = |tensor: &Tensor| tensor.index_select(0, &both_ways);
    let real = Tensor::arange(one_way.numel() as i64, (tch::Kind::Int64, device)).lt(n as i64).repeat([2]);
    EdgeTile {
        first: padded(&tile.first),
        scalars: padded(&tile.scalars),
        envelope: padded(&tile.envelope) * real,
        rotations: Rotations { natural: padded(&tile.rotations.natural), unnatural: padded(&tile.rotations.unnatural) },
        inputs: Classes(tile.inputs.0.iter().map(padded).collect()),
        scale: if tile.scale.numel() == 0 { tile.scale } else { tile.scale.index_select(0, &one_way) },
        present: tile.present,
        overlap: tile.overlap,
        target: tile.target,
        bonds: tile.bonds,
    }
}
