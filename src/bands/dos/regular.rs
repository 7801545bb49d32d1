//! Regular meshes as a whole: which computed k point stands at each node.

use std::collections::BTreeMap;

use crate::bands::bravais::Bravais;
use crate::bands::mesh::{KMesh, key};
use crate::parsers::KGrid;

/// A regular mesh whose nodes know their neighbours.
#[derive(Debug, Clone, PartialEq)]
pub struct RegularMesh {
    /// Nodes in each direction.
    pub divisions: [usize; 3],
    /// The points at which states are computed, with weights that sum to 1.
    pub computed: KMesh,
    /// The computed point that stands for each node, the last direction fastest.
    of_node: Vec<usize>,
    /// The first node that each computed point stands for.
    node_of: Vec<usize>,
}

impl RegularMesh {
    /// All nodes of `grid`; with `time_reversal`, one of k and −k stands for both (ε(k) = ε(−k)).
    pub fn new(grid: &KGrid, time_reversal: bool) -> Self {
        let computed = KMesh::new(grid, time_reversal);
        let nudged = |k: [f64; 3]| std::array::from_fn(|axis| k[axis] - grid.nudge[axis]);
        let places: BTreeMap<_, _> =
            computed.points.iter().enumerate().map(|(place, &k)| (key(nudged(k)), place)).collect();
        let mut node_of = vec![usize::MAX; computed.points.len()];
        let stands_for = |(node, k): (usize, [f64; 3])| {
            let place = places.get(&key(k)).or_else(|| places.get(&key(k.map(|x| -x)))).copied().unwrap_or(0);
            node_of[place] = node_of[place].min(node);
            place
        };
        let of_node = grid.points().into_iter().enumerate().map(stands_for).collect();
        RegularMesh { divisions: grid.divisions.map(|n| n.max(1) as usize), computed, of_node, node_of }
    }

    /// Directions with several nodes.
    pub fn axes(&self) -> Vec<usize> {
        (0..3).filter(|&axis| self.divisions[axis] > 1).collect()
    }

    /// Signs of the directions along which the diagonal of a cube of the mesh is shortest: the error of linear interpolation
    /// grows with the square of the edges.
    pub fn shortest_diagonal(&self, lattice: &Bravais) -> [i64; 3] {
        let length = |signs: [i64; 3]| {
            let step = |axis: usize| if self.divisions[axis] > 1 { 1.0 / self.divisions[axis] as f64 } else { 0.0 };
            lattice.length(std::array::from_fn(|axis| signs[axis] as f64 * step(axis)))
        };
        let all = [[1, 1, 1], [-1, 1, 1], [1, -1, 1], [1, 1, -1]];
        let shorter = |best, one| if length(one) < (1.0 - 1e-6) * length(best) { one } else { best };
        all.into_iter().reduce(shorter).unwrap_or([1; 3])
    }

    /// The computed point at the node `offset` away from computed point `k`.
    pub fn neighbour(&self, k: usize, offset: [i64; 3]) -> usize {
        let [_, ny, nz] = self.divisions;
        let node = self.node_of[k];
        let place = [node / (ny * nz), node / nz % ny, node % nz];
        let [x, y, z] = std::array::from_fn(|axis| {
            let n = self.divisions[axis] as i64;
            (place[axis] as i64 + offset[axis]).rem_euclid(n) as usize
        });
        self.of_node[(x * ny + y) * nz + z]
    }
}
