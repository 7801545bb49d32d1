//! Rows of the regressions: features and targets of bonds and atoms.

use super::environment::{Environment, Gaussians};
use super::layout::{BondLayout, BondSource, Combination, Input, OnsiteLayout};
use crate::model::sample::{Channels, Sample};
use crate::symmetry::{PairAlgebra, WignerD};

/// A row-major matrix that grows row by row.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// Numbers per row.
    pub width: usize,
    /// All rows.
    pub values: Vec<f64>,
}

impl Rows {
    fn with_width(width: usize) -> Self {
        Rows { width, values: Vec::new() }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// No row?
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// What a design needs of a sample.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The sample.
    pub sample: &'a Sample,
    /// Its H⁽⁰⁾.
    pub h0: &'a Channels,
    /// Its neighbour sums.
    pub environment: &'a Environment,
    /// The algebra of the slots.
    pub algebra: &'a PairAlgebra,
}

/// Features of some bonds of one layout, one matrix per sector; rows are bond after bond, cosine then sine. Row r is multiplied by
/// `weight(bond)`.
pub fn bond_features(
    source: Source,
    layout: &BondLayout,
    edges: &[usize],
    radial: &Gaussians,
    weight: impl Fn(f64) -> f64,
) -> Vec<Rows> {
    let mut designs: Vec<Rows> =
        layout.sectors.iter().map(|sector| Rows::with_width(sector.inputs.len() * radial.n)).collect();
    let mut raw = vec![0.0; layout.inputs.len()];
    for &index in edges {
        let edge = &source.sample.graph.edges[index];
        let d = source.algebra.wigner().matrices(&edge.frame);
        let weight = weight(edge.distance);
        let gaussians: Vec<f64> = radial.values(edge.distance).map(|g| g * weight).collect();
        for row in 0..layout.n_rows() {
            let value = |input: &Input| bond_input(source, index, input, row, &d);
            raw.iter_mut().zip(&layout.inputs).for_each(|(raw, input)| *raw = value(input));
            for (sector, design) in layout.sectors.iter().zip(&mut designs) {
                let features = sector.inputs.iter().map(|combination| combine(combination, &raw));
                design.values.extend(features.flat_map(|x| gaussians.iter().map(move |g| g * x)));
            }
        }
    }
    designs
}

fn bond_input(source: Source, index: usize, input: &Input, row: usize, d: &WignerD) -> f64 {
    let edge = &source.sample.graph.edges[index];
    let component = input.component[row];
    let turned =
        |atom: usize, tensor: usize| source.algebra.frame_value(component, source.environment.source(atom, tensor), d);
    match input.source {
        BondSource::One => 1.0,
        BondSource::Pair => source.h0.edge(index)[component],
        BondSource::Exchange => source.sample.exchange.as_ref().map_or(0.0, |field| field.edge(index)[component]),
        BondSource::First(tensor) => turned(edge.i, tensor),
        BondSource::Second(tensor) => turned(edge.j, tensor),
    }
}

fn combine(combination: &Combination, values: &[f64]) -> f64 {
    combination.iter().map(|&(k, factor)| factor * values[k]).sum()
}

/// Targets that belong to [`bond_features`].
pub fn bond_targets(
    sample: &Sample,
    delta: &Channels,
    layout: &BondLayout,
    edges: &[usize],
    weight: impl Fn(f64) -> f64,
) -> Vec<Rows> {
    let mut targets: Vec<Rows> = layout.sectors.iter().map(|sector| Rows::with_width(sector.outputs.len())).collect();
    for &index in edges {
        let weight = weight(sample.graph.edges[index].distance);
        for row in 0..layout.n_rows() {
            let raw: Vec<f64> = layout.outputs.iter().map(|c| weight * delta.edge(index)[c[row]]).collect();
            for (sector, target) in layout.sectors.iter().zip(&mut targets) {
                target.values.extend(sector.outputs.iter().map(|combination| combine(combination, &raw)));
            }
        }
    }
    targets
}

/// Adds predicted rows of one sector to the frame components of their bonds, `[bonds, width]`.
pub fn scatter_bonds(layout: &BondLayout, sector: usize, rows: &Rows, width: usize, bonds: &mut [f64]) {
    let outputs = &layout.sectors[sector].outputs;
    for (k, values) in rows.values.chunks_exact(rows.width.max(1)).enumerate() {
        let (bond, row) = (k / layout.n_rows(), k % layout.n_rows());
        for (combination, value) in outputs.iter().zip(values) {
            for &(output, factor) in combination {
                bonds[bond * width + layout.outputs[output][row]] += factor * value;
            }
        }
    }
}

/// Features of the atoms of one species for one rank L; rows are atom after atom, M = −L … L.
pub fn onsite_features(source: Source, layout: &OnsiteLayout, atoms: &[usize]) -> Rows {
    let mut design = Rows::with_width(layout.n_inputs());
    for (&atom, m) in atoms.iter().flat_map(|atom| (0..2 * layout.l + 1).map(move |m| (atom, m))) {
        let value = |&(tensor, channel): &(usize, usize)| {
            source.environment.source(atom, tensor)[source.algebra.channels()[channel].offset + m]
        };
        design.values.extend(layout.inputs.iter().map(value));
        if layout.l == 0 {
            design.values.push(1.0);
        }
    }
    design
}

/// Targets that belong to [`onsite_features`].
pub fn onsite_targets(delta: &Channels, algebra: &PairAlgebra, layout: &OnsiteLayout, atoms: &[usize]) -> Rows {
    let mut targets = Rows::with_width(layout.outputs.len());
    for (&atom, m) in atoms.iter().flat_map(|atom| (0..2 * layout.l + 1).map(move |m| (atom, m))) {
        let row = delta.node(atom);
        targets.values.extend(layout.outputs.iter().map(|&c| row[algebra.channels()[c].offset + m]));
    }
    targets
}

/// Writes predicted rows into the channels of their atoms, transposed shell pairs included.
pub fn scatter_onsite(
    algebra: &PairAlgebra,
    layout: &OnsiteLayout,
    atoms: &[usize],
    rows: &Rows,
    delta: &mut Channels,
) {
    let size = 2 * layout.l + 1;
    for (k, values) in rows.values.chunks_exact(rows.width.max(1)).enumerate() {
        let start = atoms[k / size] * delta.width;
        for (&channel, &value) in layout.outputs.iter().zip(values) {
            let place = algebra.channels()[channel].offset + k % size;
            delta.nodes[start + place] = value;
            delta.nodes[start + algebra.transpose()[place].index] = value;
        }
    }
}
