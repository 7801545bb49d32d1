//! A structure as tensors: everything that does not depend on the weights, computed once in double precision.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use super::config::{Input, ModelConfig};
use super::features::{Classes, Hidden, HiddenTables, Rotations};
use super::interface::Interface;
use super::network::Output;
use super::statistics::{Statistics, gaussians};
use crate::model::target::Quantity;
use crate::model::{Channels, Edge, Sample, Slots};
use crate::parsers::Result;
use crate::symmetry::WignerTables;

/// Keeps inputs finite whose spread vanishes (hartree).
const INPUT_FLOOR: f64 = 4e-8;
/// Brings S, which is at most one, to the size of the other inputs.
const OVERLAP_FACTOR: f64 = 3.0;

/// Rows of the mean that are made together.
const MEAN_AT_ONCE: usize = 4096;

/// What turns structures into tensors for one network.
#[derive(Debug)]
pub struct Preparation {
    /// Shape of the network.
    pub config: ModelConfig,
    /// Columns in and out.
    pub interface: Interface,
    /// Of H⁽⁰⁾.
    pub input: Statistics,
    /// Of ΔH minus the base.
    pub output: Statistics,
    /// Of the exchange field, where that is seen.
    pub exchange: Option<Statistics>,
    /// Slots of the model.
    pub slots: Slots,
    /// Constant tensors on the network's device.
    pub tables: HiddenTables,
    /// Number format of the network.
    pub kind: Kind,
    /// Where the network runs.
    pub device: Device,
    wigner: WignerTables,
}

/// One structure.
#[derive(Debug)]
pub struct Batch {
    /// The atoms.
    pub nodes: Nodes,
    /// Bonds within the envelope.
    pub near: Vec<EdgeTile>,
    /// Bonds beyond it, whose ΔH follows from their H⁽⁰⁾ and the features of both atoms.
    pub far: Vec<EdgeTile>,
}

/// The atoms of a structure.
#[derive(Debug)]
pub struct Nodes {
    /// One-hot, `[N, species]`.
    pub species: Tensor,
    /// On-site H⁽⁰⁾ divided by its spread, natural channels: by L, `[N, 2L+1, channels]`.
    pub natural: Vec<Tensor>,
    /// The same for unnatural channels.
    pub unnatural: Vec<Tensor>,
    /// Spread of the outputs, `[N, node columns]`.
    pub scale: Tensor,
    /// S in the same columns, where there is a target.
    pub overlap: Option<Tensor>,
    /// Numbers of the outputs that the species have a place for.
    pub present: Present,
    /// What the network should say, hartree.
    pub target: Option<Tensor>,
}

/// Some of the bonds, both directions of each: the second half of all rows are the first half reversed.
#[derive(Debug)]
pub struct EdgeTile {
    /// Bonds of the sample (canonical directions) that are in this tile.
    pub bonds: Vec<usize>,
    /// Atom i of every directed bond.
    pub first: Tensor,
    /// Gaussians of the distance, and both species one-hot: `[E, radial + 2 species]`.
    pub scalars: Tensor,
    /// (1 + cos πr/r_c)/2 within the envelope, zero beyond: `[E]`.
    pub envelope: Tensor,
    /// Of the hidden features.
    pub rotations: Rotations,
    /// H⁽⁰⁾ of the pair minus its mean over its spread, and S. No class in a tile that only layers see.
    pub inputs: Classes,
    /// Spread of the outputs, `[bonds, pair columns]`; no row in a tile that only layers see.
    pub scale: Tensor,
    /// S in the same columns, where there is a target.
    pub overlap: Option<Tensor>,
    /// Numbers of the outputs that the species have a place for.
    pub present: Present,
    /// What the network should say, hartree.
    pub target: Option<Tensor>,
}

/// How many numbers of some rows the species have a place for. The others are zero in outputs and targets alike, whatever the
/// weights, and must not make errors look small.
#[derive(Debug, Clone, Copy, Default)]
pub struct Present {
    /// Output columns.
    pub numbers: f64,
    /// Channels.
    pub channels: f64,
}

impl Preparation {
    /// Puts statistics and tables together.
    pub fn new(
        config: &ModelConfig,
        slots: &Slots,
        [input, output]: [Statistics; 2],
        kind: Kind,
        device: Device,
    ) -> Self {
        let hidden = config.hidden();
        Preparation {
            interface: Interface::new(slots, hidden.l_max, Quantity::Hamiltonian),
            tables: HiddenTables::new(hidden, kind, device),
            wigner: WignerTables::new(hidden.l_max as usize),
            config: config.clone(),
            slots: slots.clone(),
            input,
            output,
            exchange: None,
            kind,
            device,
        }
    }

    /// With the outputs of a model that predicts another quantity than H.
    pub fn of_quantity(mut self, quantity: Quantity) -> Self {
        self.interface = Interface::new(&self.slots, self.config.hidden().l_max, quantity);
        self
    }

    /// With the statistics of the exchange field, for networks that see it.
    pub fn with_exchange(self, exchange: Option<Statistics>) -> Self {
        Preparation { exchange, ..self }
    }

    /// A structure in tiles of at most `tile` bonds; `residual` is what is learned minus the base's part that statistics do not know.
    ///
    /// # Errors
    /// `Unsupported` where H⁽⁰⁾ is an input and the sample has none.
    pub fn batch(&self, sample: &Sample, residual: Option<&Channels>, tile: usize) -> Result<Batch> {
        let seen = self.seen(sample)?;
        let [near, far] = self.near_and_far(sample);
        let tiles = |bonds: Vec<usize>| -> Vec<EdgeTile> {
            bonds.chunks(tile.max(1)).map(|bonds| self.tile(sample, Some(&seen), residual, bonds)).collect()
        };
        Ok(Batch { nodes: self.nodes(sample, &seen, residual), near: tiles(near), far: tiles(far) })
    }

    /// Bonds within the envelope, and those beyond it.
    pub(super) fn near_and_far(&self, sample: &Sample) -> [Vec<usize>; 2] {
        let is_near = |&bond: &usize| sample.graph.edges[bond].distance < self.config.envelope;
        let (near, far) = (0..sample.graph.n_canonical()).partition(is_near);
        [near, far]
    }

    /// Adds the network's output to the channels of its sample.
    pub fn add(&self, batch: &Batch, output: &Output, channels: &mut Channels) {
        for (tile, rows) in batch.near.iter().chain(&batch.far).zip(&output.pairs) {
            self.add_bonds(&tile.bonds, rows, channels);
        }
        self.add_atoms(&output.nodes, channels);
    }

    /// Adds what the network says of some bonds; both directions of a bond get the same block.
    pub(super) fn add_bonds(&self, bonds: &[usize], rows: &Tensor, channels: &mut Channels) {
        let width = channels.width;
        let half = channels.edges.len() / width / 2;
        let (columns, exchange) = (&self.interface.pair_columns, &self.interface.exchange);
        for (&bond, row) in bonds.iter().zip(to_vec(rows).chunks(columns.len())) {
            for (k, &column) in columns.iter().enumerate() {
                channels.edges[bond * width + column] += row[k];
                channels.edges[(bond + half) * width + column] += exchange[k].sign * row[exchange[k].index];
            }
        }
    }

    /// Adds what it says of the atoms.
    pub(super) fn add_atoms(&self, rows: &Tensor, channels: &mut Channels) {
        let columns = self.interface.node_columns();
        for (row, values) in channels.nodes.chunks_mut(channels.width).zip(to_vec(rows).chunks(columns.len())) {
            columns.iter().zip(values).for_each(|(&column, value)| row[column] += value);
        }
    }

    /// Adds the mean of ΔH minus the base, to which the network's output is relative.
    pub fn add_mean(&self, sample: &Sample, channels: &mut Channels) {
        let n_edges = sample.graph.edges.len();
        for start in (0..n_edges).step_by(MEAN_AT_ONCE) {
            let edges: Vec<usize> = (start..n_edges.min(start + MEAN_AT_ONCE)).collect();
            let geometry = Geometry::new(sample, &edges, &self.slots);
            let mean = to_vec(&self.output.mean_at(&geometry.distance, &geometry.kind));
            channels.edges[start * channels.width..].iter_mut().zip(mean).for_each(|(value, mean)| *value += mean);
        }
        let nodes = to_vec(&self.output.node_mean.index_select(0, &species_index(sample)));
        channels.nodes.iter_mut().zip(nodes).for_each(|(value, mean)| *value += mean);
    }

    /// The operators of `config.inputs`, in order.
    pub(super) fn seen<'a>(&'a self, sample: &'a Sample) -> Result<Vec<Seen<'a>>> {
        let seen = |input: &Input| {
            let (operator, statistics) = match input {
                Input::H0 => (Some(sample.require_h0()?), Some(&self.input)),
                Input::S => (Some(&sample.overlap), None),
                Input::Exchange => (sample.exchange.as_ref(), self.exchange.as_ref()),
            };
            let none = || Channels::zeros(&sample.graph, sample.width());
            Ok(Seen { operator: operator.map_or_else(|| Cow::Owned(none()), Cow::Borrowed), statistics })
        };
        self.config.inputs.iter().map(seen).collect()
    }

    pub(super) fn nodes(&self, sample: &Sample, seen: &[Seen], residual: Option<&Channels>) -> Nodes {
        let species = species_index(sample);
        let scaled: Vec<Tensor> = seen.iter().filter_map(|seen| seen.scaled_onsite(&species)).collect();
        let degrees = |columns: &[Vec<usize>]| -> Vec<Tensor> {
            let degree = |(l, columns): (usize, &Vec<usize>)| {
                let shape = [sample.graph.n_nodes(), 2 * l + 1, columns.len() / (2 * l + 1)].map(|k| k as i64);
                let channels = |rows: &Tensor| self.to_device(&rows.index_select(1, &index(columns))).view(shape);
                Tensor::cat(&scaled.iter().map(channels).collect::<Vec<_>>(), 2)
            };
            if scaled.is_empty() { Vec::new() } else { columns.iter().enumerate().map(degree).collect() }
        };
        let columns = index(&self.interface.node_columns());
        let outputs = |rows: &Tensor| self.to_device(&rows.index_select(1, &columns));
        let node_mean = self.output.node_mean.index_select(0, &species);
        Nodes {
            species: self.to_device(&species.one_hot(self.interface.n_species as i64)),
            natural: degrees(&self.interface.natural_columns),
            unnatural: degrees(&self.interface.unnatural_columns),
            scale: outputs(&self.output.node_spread.index_select(0, &species)),
            present: self.present(&self.interface.node_channels(&self.slots), sample.species.iter().map(|&s| (s, s))),
            overlap: residual.map(|_| outputs(&rows_of(&sample.overlap.nodes, sample.overlap.width))),
            target: residual.map(|r| outputs(&(rows_of(&r.nodes, r.width) - &node_mean))),
        }
    }

    /// Some bonds; without `seen` only what layers need of them.
    pub(super) fn tile(
        &self,
        sample: &Sample,
        seen: Option<&[Seen]>,
        residual: Option<&Channels>,
        bonds: &[usize],
    ) -> EdgeTile {
        let half = sample.graph.n_canonical();
        let directed: Vec<usize> = bonds.iter().copied().chain(bonds.iter().map(|bond| bond + half)).collect();
        let geometry = Geometry::new(sample, &directed, &self.slots);
        let columns = index(&self.interface.pair_columns);
        let n = bonds.len() as i64;
        let outputs = |rows: &Tensor| self.to_device(&rows.narrow(0, 0, n).index_select(1, &columns));
        let mean = || self.output.mean_at(&geometry.distance, &geometry.kind);
        let spread = || self.output.spread_at(&geometry.distance, &geometry.kind);
        let none = || Tensor::zeros([0], (self.kind, self.device));
        EdgeTile {
            first: index(&geometry.first).to_device(self.device),
            scalars: self.to_device(&self.scalars(&geometry)),
            envelope: self.to_device(&self.envelope(&geometry.distance)),
            rotations: self.rotations(sample, &directed),
            inputs: seen.map_or_else(|| Classes(Vec::new()), |seen| self.inputs(seen, &directed, &geometry)),
            scale: seen.map_or_else(none, |_| outputs(&spread())),
            present: self.present(
                &self.interface.pair_channels,
                geometry.rows.iter().copied().zip(geometry.columns.iter().copied()).take(bonds.len()),
            ),
            overlap: residual.map(|_| outputs(&selected(&sample.overlap.edges, sample.overlap.width, &directed))),
            target: residual.map(|r| outputs(&(selected(&r.edges, r.width, &directed) - mean()))),
            bonds: bonds.to_vec(),
        }
    }

    /// Of the output columns with these `channels`, in rows of these pairs of species.
    fn present(&self, channels: &[usize], pairs: impl Iterator<Item = (usize, usize)>) -> Present {
        let mut rows = BTreeMap::<(usize, usize), f64>::new();
        pairs.for_each(|pair| *rows.entry(pair).or_default() += 1.0);
        let mut present = Present::default();
        for ((row, column), n) in rows {
            let has = |channel: &&usize| self.slots.has(row, column, &self.slots.algebra().channels()[**channel]);
            present.numbers += n * channels.iter().filter(has).count() as f64;
            present.channels += n * channels.iter().filter(has).collect::<BTreeSet<_>>().len() as f64;
        }
        present
    }

    fn scalars(&self, geometry: &Geometry) -> Tensor {
        let n_species = self.interface.n_species as i64;
        let radial = gaussians(&geometry.distance, self.input.range, self.config.radial_functions as i64);
        let species = [&geometry.rows, &geometry.columns].map(|s| index(s).one_hot(n_species).to_kind(Kind::Double));
        let [rows, columns] = species;
        Tensor::cat(&[radial, rows, columns], 1)
    }

    fn envelope(&self, distance: &Tensor) -> Tensor {
        let phase = (distance * (std::f64::consts::PI / self.config.envelope)).clamp_max(std::f64::consts::PI);
        (phase.cos() + 1.0) * 0.5
    }

    fn inputs(&self, seen: &[Seen], directed: &[usize], geometry: &Geometry) -> Classes {
        let operators: Vec<Tensor> =
            seen.iter().map(|seen| self.to_device(&seen.scaled_pairs(directed, geometry))).collect();
        self.classes(&operators, directed.len() as i64)
    }

    /// Rows in frame order, side by side, cut into classes.
    fn classes(&self, operators: &[Tensor], rows: i64) -> Classes {
        let mut first = 0;
        let mut classes = Vec::new();
        for (class, &width) in self.interface.pair_inputs.iter().enumerate() {
            let components = if class < 2 { 1 } else { 2 };
            let shape = if class < 2 { vec![rows, width] } else { vec![rows, 2, width] };
            let empty: Vec<i64> = [&shape[..shape.len() - 1], &[0]].concat();
            let mut parts = vec![Tensor::zeros(&empty, (self.kind, self.device))];
            parts.extend(operators.iter().map(|o| o.narrow(1, first, components * width).reshape(shape.as_slice())));
            classes.push(Tensor::cat(&parts, -1));
            first += components * width;
        }
        Classes(classes)
    }

    fn rotations(&self, sample: &Sample, directed: &[usize]) -> Rotations {
        let hidden = &self.tables.hidden;
        let [natural_rows, unnatural_rows] = hidden.frame_rows();
        let (n, u) = (natural_rows.len(), unnatural_rows.len());
        let wigner = &self.wigner;
        let full = directed.par_iter().map(|&k| {
            let full = dense(wigner, hidden, &sample.graph.edges[k]);
            [frame_ordered(&full, &natural_rows, 0..n, n), frame_ordered(&full, &unnatural_rows, 1..u + 1, n)]
        });
        let (natural, unnatural): (Vec<_>, Vec<_>) = full.map(|[natural, unnatural]| (natural, unnatural)).unzip();
        let tensor = |values: Vec<Vec<f64>>, n: usize| {
            let shape = [directed.len(), n, n].map(|k| k as i64);
            self.to_device(&Tensor::from_slice(&values.concat()).view(shape))
        };
        Rotations { natural: tensor(natural, n), unnatural: tensor(unnatural, u) }
    }

    fn to_device(&self, tensor: &Tensor) -> Tensor {
        tensor.to_kind(self.kind).to_device(self.device)
    }
}

/// An operator as the network sees it: S itself, else the deviation from the mean over the spread.
pub(super) struct Seen<'a> {
    operator: Cow<'a, Channels>,
    statistics: Option<&'a Statistics>,
}

impl Seen<'_> {
    /// `None` for S, which is the same on all atoms of a species.
    fn scaled_onsite(&self, species: &Tensor) -> Option<Tensor> {
        let statistics = self.statistics?;
        let spread = statistics.node_spread.index_select(0, species);
        let mean = statistics.node_mean.index_select(0, species);
        let scaled = (rows_of(&self.operator.nodes, self.operator.width) - mean) / spread.clamp_min(f64::MIN_POSITIVE);
        Some(scaled.where_self(&spread.gt(0.0), &Tensor::from(0.0f64)))
    }

    fn scaled_pairs(&self, directed: &[usize], geometry: &Geometry) -> Tensor {
        let rows = selected(&self.operator.edges, self.operator.width, directed);
        let Some(statistics) = self.statistics else { return rows * OVERLAP_FACTOR };
        let mean = statistics.mean_at(&geometry.distance, &geometry.kind);
        (rows - mean) / (statistics.spread_at(&geometry.distance, &geometry.kind) + INPUT_FLOOR)
    }
}

/// D⁰ … D^{l_max} on the diagonal of one square matrix, row-major.
fn dense(wigner: &WignerTables, hidden: &Hidden, edge: &Edge) -> Vec<f64> {
    let d = wigner.matrices(&edge.frame);
    let n = hidden.natural_rows() as usize;
    let mut full = vec![0.0; n * n];
    for l in 0..=hidden.l_max as usize {
        let size = 2 * l + 1;
        for (row, values) in d.block(l).chunks(size).enumerate() {
            let start = (l * l + row) * n + l * l;
            full[start..start + size].copy_from_slice(values);
        }
    }
    full
}

/// Rows (index, sign) of `full`, an n × n matrix, in its columns `columns`; the indices count from the first of them.
fn frame_ordered(full: &[f64], rows: &[(usize, f64)], columns: Range<usize>, n: usize) -> Vec<f64> {
    let row = |&(row, sign): &(usize, f64)| {
        let start = (row + columns.start) * n;
        full[start + columns.start..start + columns.end].iter().map(move |value| sign * value)
    };
    rows.iter().flat_map(row).collect()
}

impl EdgeTile {
    /// Adds messages `[E, ..]` to the rows of the atoms i of their bonds: bond after bond, both directions of each, so that the
    /// order in which an atom hears of its bonds depends neither on tiles nor on other atoms.
    pub fn add_to_atoms(&self, sums: &mut Tensor, messages: &Tensor) {
        let bond_after_bond = |rows: &Tensor| rows.unflatten(0, [2, -1]).transpose(0, 1).flatten(0, 1);
        // In place: a copy of all atoms for every tile would take quadratic time.
        let _ = sums.index_add_(0, &bond_after_bond(&self.first), &bond_after_bond(messages));
    }
}

/// Geometry of some directed bonds.
struct Geometry {
    first: Vec<usize>,
    rows: Vec<usize>,
    columns: Vec<usize>,
    distance: Tensor,
    kind: Tensor,
}

impl Geometry {
    fn new(sample: &Sample, directed: &[usize], slots: &Slots) -> Self {
        let edges = || directed.iter().map(|&k| &sample.graph.edges[k]);
        let rows: Vec<usize> = edges().map(|edge| sample.species[edge.i]).collect();
        let columns: Vec<usize> = edges().map(|edge| sample.species[edge.j]).collect();
        let kind: Vec<usize> =
            rows.iter().zip(&columns).map(|(row, column)| row * slots.species().len() + column).collect();
        Geometry {
            first: edges().map(|edge| edge.i).collect(),
            distance: Tensor::from_slice(&edges().map(|edge| edge.distance).collect::<Vec<f64>>()),
            kind: index(&kind),
            rows,
            columns,
        }
    }
}

fn species_index(sample: &Sample) -> Tensor {
    index(&sample.species)
}

fn index(values: &[usize]) -> Tensor {
    Tensor::from_slice(&values.iter().map(|&v| v as i64).collect::<Vec<_>>())
}

fn rows_of(values: &[f64], width: usize) -> Tensor {
    Tensor::from_slice(values).view([-1, width as i64])
}

fn selected(values: &[f64], width: usize, rows: &[usize]) -> Tensor {
    let values: Vec<f64> = rows.iter().flat_map(|&row| &values[row * width..(row + 1) * width]).copied().collect();
    rows_of(&values, width)
}

/// The elements of a tensor on any device, in double precision.
pub fn to_vec(tensor: &Tensor) -> Vec<f64> {
    let tensor = tensor.to_device(Device::Cpu).to_kind(Kind::Double).contiguous();
    let mut values = vec![0.0; tensor.numel()];
    tensor.copy_data(&mut values, tensor.numel());
    values
}
