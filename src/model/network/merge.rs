//! Several structures as one, so that the network runs once over all of them.

use tch::{Kind, Tensor};

use super::batch::{Batch, EdgeTile, Nodes, Present};
use super::features::{Classes, Rotations};
use super::network::Output;
use super::traces::Traces;

/// Structures without bonds between each other: atoms one after another, all near bonds in one tile and all far bonds in another.
/// Targets, and what only they need, stay with the structures.
#[derive(Debug)]
pub struct Merged {
    /// All of them.
    pub batch: Batch,
    parts: Vec<Part>,
}

/// Rows of one structure.
#[derive(Debug)]
struct Part {
    atoms: i64,
    /// Bonds of every tile.
    near: Vec<i64>,
    far: Vec<i64>,
}

impl Merged {
    /// Puts structures together, in this order.
    pub fn new(structures: &[&Batch]) -> Self {
        let bonds = |tiles: &[EdgeTile]| tiles.iter().map(|tile| tile.bonds.len() as i64).collect();
        let part = |batch: &&Batch| Part {
            atoms: batch.nodes.species.size()[0],
            near: bonds(&batch.near),
            far: bonds(&batch.far),
        };
        let parts: Vec<Part> = structures.iter().map(part).collect();
        let firsts = parts.iter().scan(0, |next, part| Some(std::mem::replace(next, *next + part.atoms)));
        let firsts: Vec<i64> = firsts.collect();
        let tiles = |of: fn(&Batch) -> &[EdgeTile]| {
            let tiles = structures.iter().zip(&firsts).flat_map(|(b, &first)| of(b).iter().map(move |t| (t, first)));
            let tiles: Vec<(&EdgeTile, i64)> = tiles.collect();
            if tiles.is_empty() { Vec::new() } else { vec![merged_tile(&tiles)] }
        };
        let (near, far) = (tiles(|batch| &batch.near), tiles(|batch| &batch.far));
        let nodes: Vec<&Nodes> = structures.iter().map(|batch| &batch.nodes).collect();
        Merged { batch: Batch { nodes: merged_nodes(&nodes), near, far }, parts }
    }

    /// What the network says about each of the structures, with their own tiles.
    pub fn split(&self, output: &Output) -> Vec<Output> {
        let mut rows = output.pairs.iter();
        let near = self.split_tiles(rows.by_ref().take(self.batch.near.len()), |part| &part.near);
        let far = self.split_tiles(rows, |part| &part.far);
        let traces = match &output.traces {
            Some(traces) => self.split_traces(traces).into_iter().map(Some).collect(),
            None => self.parts.iter().map(|_| None).collect::<Vec<_>>(),
        };
        let pairs = near.into_iter().zip(far).map(|(near, far)| near.into_iter().chain(far).collect());
        let joined = pairs.zip(self.split_atoms(&output.nodes)).zip(traces);
        joined.map(|((pairs, nodes), traces)| Output { pairs, nodes, traces }).collect()
    }

    fn split_traces(&self, traces: &Traces) -> Vec<Traces> {
        let pairs = self.split_tiles(traces.pairs.iter(), |part| &part.near);
        pairs.into_iter().zip(self.split_atoms(&traces.nodes)).map(|(pairs, nodes)| Traces { pairs, nodes }).collect()
    }

    fn split_atoms(&self, rows: &Tensor) -> Vec<Tensor> {
        rows.split_with_sizes(self.parts.iter().map(|part| part.atoms).collect::<Vec<_>>(), 0)
    }

    /// Rows of the merged tile (there may be none), by structure and tile.
    fn split_tiles<'a>(
        &self,
        mut merged: impl Iterator<Item = &'a Tensor>,
        tiles: fn(&Part) -> &Vec<i64>,
    ) -> Vec<Vec<Tensor>> {
        let sizes: Vec<i64> = self.parts.iter().flat_map(tiles).copied().collect();
        let mut pieces = merged.next().map_or_else(Vec::new, |rows| rows.split_with_sizes(&sizes, 0)).into_iter();
        self.parts.iter().map(|part| pieces.by_ref().take(tiles(part).len()).collect()).collect()
    }
}

fn merged_nodes(nodes: &[&Nodes]) -> Nodes {
    let rows = |of: &dyn Fn(&Nodes) -> Tensor| joined(&nodes.iter().map(|nodes| of(nodes)).collect::<Vec<_>>());
    let degrees = |of: fn(&Nodes) -> &Vec<Tensor>| {
        let n_degrees = nodes.first().map_or(0, |nodes| of(nodes).len());
        (0..n_degrees).map(|l| rows(&|nodes| of(nodes)[l].shallow_clone())).collect()
    };
    Nodes {
        species: rows(&|nodes| nodes.species.shallow_clone()),
        natural: degrees(|nodes| &nodes.natural),
        unnatural: degrees(|nodes| &nodes.unnatural),
        scale: rows(&|nodes| nodes.scale.shallow_clone()),
        present: Present::default(),
        overlap: None,
        target: None,
    }
}

/// Tiles as one; the numbers of a tile's atoms grow by what comes with it.
fn merged_tile(tiles: &[(&EdgeTile, i64)]) -> EdgeTile {
    let directed = |of: &dyn Fn(&EdgeTile) -> Tensor| {
        if let [(tile, _)] = tiles {
            return of(tile);
        }
        // First all bonds, then all of them reversed.
        let half = |reversed: i64| {
            tiles.iter().map(move |(tile, _)| {
                let bonds = tile.bonds.len() as i64;
                of(tile).narrow(0, reversed * bonds, bonds)
            })
        };
        Tensor::cat(&half(0).chain(half(1)).collect::<Vec<_>>(), 0)
    };
    let shifts = |(tile, first): &(&EdgeTile, i64)| {
        Tensor::full([tile.bonds.len() as i64], *first, (Kind::Int64, tile.first.device()))
    };
    let shifts = Tensor::cat(&tiles.iter().map(shifts).collect::<Vec<_>>(), 0);
    let n_classes = tiles[0].0.inputs.0.len();
    EdgeTile {
        bonds: (0..tiles.iter().map(|(tile, _)| tile.bonds.len()).sum()).collect(),
        first: directed(&|tile| tile.first.shallow_clone()) + shifts.repeat([2]),
        scalars: directed(&|tile| tile.scalars.shallow_clone()),
        envelope: directed(&|tile| tile.envelope.shallow_clone()),
        rotations: Rotations {
            natural: directed(&|tile| tile.rotations.natural.shallow_clone()),
            unnatural: directed(&|tile| tile.rotations.unnatural.shallow_clone()),
        },
        inputs: Classes((0..n_classes).map(|k| directed(&|tile| tile.inputs.0[k].shallow_clone())).collect()),
        scale: joined(&tiles.iter().map(|(tile, _)| tile.scale.shallow_clone()).collect::<Vec<_>>()),
        present: Present::default(),
        overlap: None,
        target: None,
    }
}

/// Rows one after another; a single tensor is not copied.
fn joined(parts: &[Tensor]) -> Tensor {
    match parts {
        [one] => one.shallow_clone(),
        _ => Tensor::cat(parts, 0),
    }
}
