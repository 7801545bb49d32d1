//! Fine-tuning: weights and statistics of one model as the start of another.
//!
//! Every index along an axis of a weight stands for something: a hidden channel, a species, a channel of a pair of shells. Where the
//! old model has a weight of the same name, each number goes to where all indices stand for the same; the rest starts fresh. What a
//! species lacks is zero, so new shells and species change nothing about old ones. Species are the same where label, code, shells and
//! cutoff radius are. Statistics of species and pairs of species that the old model knows are kept, since its weights count on them;
//! others are measured on the new runs.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use tch::{Device, Kind, Tensor};

use super::batch::{Preparation, to_vec};
use super::config::TrainConfig;
use super::network::Network;
use super::statistics::Statistics;
use super::stored::{self, Stored};
use crate::model::file::Model;
use crate::model::{Slot, Slots};
use crate::parsers::{Error, Result};
use crate::symmetry::Channel;

/// Where training starts.
#[derive(Debug)]
pub struct Start {
    /// All weights.
    pub weights: Tensor,
    /// How many of them are the old model's.
    pub taken: i64,
}

/// The network of a model file that training can start from.
///
/// # Errors
/// As [`Model::read`] and [`stored::load`]; `Unsupported` where its output is something else, or relative to something else, than
/// what `config` asks for, or gates have another bound.
pub fn read(path: &Path, config: &TrainConfig, device: Device) -> Result<Stored> {
    let model = Model::read(path)?;
    let old = stored::load(&model, device).map_err(|e| e.in_file(path))?;
    if (model.header.target, old.header.model.base) != (config.what(), config.model.base) {
        let (target, base) = (model.header.target.quantity, old.header.model.base);
        let message =
            format!("this model's network predicts {target:?} from base {base:?}, unlike the configuration's");
        return Err(Error::unsupported(message).in_file(path));
    }
    let bounds = [old.header.model.gate_bound, config.model.gate_bound];
    if bounds[0] != bounds[1] {
        let message = format!("its gates have the bound {}, model.gate_bound is {}", bounds[0], bounds[1]);
        return Err(Error::unsupported(message).in_file(path));
    }
    Ok(old)
}

/// Weights of `network`, which fits `preparation`: the old model's where they stand for the same, else those of `fresh`.
pub fn weights(old: &Stored, network: &Network, preparation: &Preparation, fresh: &Tensor) -> Start {
    let (old_axes, axes) = (Axes::new(&old.preparation), Axes::new(preparation));
    let (old_weights, mut weights) = (to_vec(&old.weights), to_vec(&fresh.detach()));
    let known: HashMap<&str, (&[i64], i64)> =
        old.network.table.named().map(|(name, shape, first)| (name, (shape, first))).collect();
    let mut taken = 0;
    for (name, shape, first) in network.table.named() {
        let Some(&(old_shape, old_first)) = known.get(name) else { continue };
        let Some(places) = places(name, [&old_axes, &axes], [old_shape, shape]) else { continue };
        for (place, old_place) in common(&places, shape, old_shape) {
            weights[first as usize + place] = old_weights[old_first as usize + old_place];
            taken += 1;
        }
    }
    let weights = Tensor::from_slice(&weights).to_kind(preparation.kind).to_device(preparation.device);
    Start { weights, taken }
}

/// For every axis and index of a weight the old index; `None` where an axis that stands for nothing in particular has another length.
fn places(name: &str, [old, new]: [&Axes; 2], shapes: [&[i64]; 2]) -> Option<Vec<Vec<Option<usize>>>> {
    let [old_shape, shape] = shapes;
    let axis = |axis: usize| {
        let (old_size, size) = (old_shape[axis] as usize, shape[axis] as usize);
        match (old.labels(name, axis, old_size), new.labels(name, axis, size)) {
            (Some(old), Some(new)) => Some(matched(&old, &new)),
            _ => (old_size == size).then(|| (0..size).map(Some).collect()),
        }
    };
    (old_shape.len() == shape.len()).then(|| (0..shape.len()).map(axis).collect()).flatten()
}

/// For each label of `new` its place in `old`.
fn matched(old: &[String], new: &[String]) -> Vec<Option<usize>> {
    let places: HashMap<&String, usize> = old.iter().enumerate().map(|(place, label)| (label, place)).collect();
    new.iter().map(|label| places.get(label).copied()).collect()
}

/// (row-major index, old row-major index) of all numbers that both have.
fn common(places: &[Vec<Option<usize>>], shape: &[i64], old_shape: &[i64]) -> Vec<(usize, usize)> {
    let mut all = vec![(0, 0)];
    for ((places, &size), &old_size) in places.iter().zip(shape).zip(old_shape) {
        let (size, old_size) = (size as usize, old_size as usize);
        let next = |(place, old): (usize, usize)| {
            let along = places.iter().enumerate();
            along.filter_map(move |(k, index)| index.map(|index| (place * size + k, old * old_size + index)))
        };
        all = all.into_iter().flat_map(next).collect();
    }
    all
}

/// What indices of weights stand for in one model.
struct Axes {
    species: Vec<String>,
    /// Gaussians of the distance, then both species.
    scalars: Vec<String>,
    /// By class.
    inputs: Vec<Vec<String>>,
    /// By class.
    outputs: Vec<Vec<String>>,
    /// By l.
    natural: Vec<Vec<String>>,
    /// By l.
    unnatural: Vec<Vec<String>>,
    /// Irreps of on-site outputs.
    onsite: Vec<String>,
    /// Pairs of shells.
    shells: Vec<String>,
}

impl Axes {
    fn new(preparation: &Preparation) -> Self {
        let Preparation { config, interface, slots, .. } = preparation;
        let species = species_labels(slots);
        let each = |role: &str| species.iter().map(|label| format!("{role} {label}")).collect::<Vec<_>>();
        let lengths = (0..config.radial_functions).map(|k| format!("length {k}"));
        let classes = class_labels(slots, interface.pair_inputs.len());
        let input = |class: &Vec<String>| {
            config.inputs.iter().flat_map(|input| class.iter().map(move |label| format!("{input:?} {label}"))).collect()
        };
        let widths = interface.pair_outputs.iter();
        let output = |(class, &width): (&Vec<String>, &i64)| if width == 0 { Vec::new() } else { class.clone() };
        let by_degree = |columns: &[Vec<usize>]| {
            columns.iter().enumerate().map(|(l, c)| degree_labels(slots, l, c)).collect::<Vec<_>>()
        };
        let (natural, unnatural) = (by_degree(&interface.natural_columns), by_degree(&interface.unnatural_columns));
        let more: &[Vec<String>] = if interface.unnatural_outputs { &unnatural[1..] } else { &[] };
        Axes {
            scalars: lengths.chain(each("row")).chain(each("column")).collect(),
            inputs: classes.iter().map(input).collect(),
            outputs: classes.iter().zip(widths).map(output).collect(),
            onsite: [natural.concat(), more.concat()].concat(),
            shells: slots
                .shells()
                .iter()
                .flat_map(|&a| slots.shells().iter().map(move |&b| shell_pair(a, b)))
                .collect(),
            species,
            natural,
            unnatural,
        }
    }

    /// What the indices along an axis of the weight `name` stand for; `None` where that depends on no species and no shells.
    fn labels(&self, name: &str, axis: usize, size: usize) -> Option<Vec<String>> {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        // The l or the class; h0 of l = 3 ends in 03.
        let number: usize = name[stem.len()..].parse().unwrap_or(0);
        let labels = self
            .of_atoms(stem, number, axis)
            .or_else(|| self.of_inputs(stem, number, axis))
            .or_else(|| self.of_outputs(stem, number, axis));
        labels.filter(|labels| labels.len() == size)
    }

    fn of_atoms(&self, stem: &str, l: usize, axis: usize) -> Option<Vec<String>> {
        match (stem, axis) {
            ("atom.species", 0) => Some(self.species.clone()),
            ("atom.natural" | "refine.atom" | "onsite.h", 0)
            | ("onsite.h" | "onsite.features" | "refine.answer.atom", 1) => self.natural.get(l).cloned(),
            ("atom.unnatural" | "onsite.unnatural_h", 0) | ("onsite.unnatural_h" | "onsite.unnatural_features", 1) => {
                self.unnatural.get(l).cloned()
            }
            ("onsite.gate.weight", 1) | ("onsite.gate.bias", 0) => Some(self.onsite.clone()),
            ("onsite.shift.weight", 1) | ("onsite.shift.bias", 0) => self.natural.first().cloned(),
            _ => None,
        }
    }

    fn of_inputs(&self, stem: &str, number: usize, axis: usize) -> Option<Vec<String>> {
        let unit = stem.replace(".odd.", ".");
        match (unit.as_str(), number, axis) {
            ("pair.latent.0.weight", 0, 0) => Some(self.scalars.clone()),
            ("pair.features.map.0." | "readout.0.map.3." | "readout.1.map.1.", class, 0) => {
                self.inputs.get(class).cloned()
            }
            ("pair.features.invariants.0.weight", 1, 0)
            | ("readout.0.invariants.0.weight", 4, 0)
            | ("readout.1.invariants.0.weight", 2, 0) => self.inputs.first().cloned(),
            _ => None,
        }
    }

    fn of_outputs(&self, stem: &str, number: usize, axis: usize) -> Option<Vec<String>> {
        let unit = stem.replace(".odd.", ".");
        // Free mixing takes natural m = 0 to unnatural m = 0 and back.
        let written = if unit == stem { number } else { [1, 0].get(number).copied().unwrap_or(number) };
        match (unit.as_str(), axis) {
            ("refine.pair.0.", 0) => self.outputs.get(number).cloned(),
            ("readout.1.map.0." | "readout.1.map.1." | "refine.answer.pair.0.", 1) => {
                self.outputs.get(written).cloned()
            }
            ("readout.1.gate.weight", 1) | ("readout.1.gate.bias", 0) => Some(self.gates()),
            ("readout.1.shift.weight", 1) | ("readout.1.shift.bias", 0) => self.outputs.first().cloned(),
            ("traces.pairs.weight" | "traces.nodes.weight", 1) | ("traces.pairs.bias" | "traces.nodes.bias", 0) => {
                Some(self.shells.clone())
            }
            _ => None,
        }
    }

    /// One for each class and channel.
    fn gates(&self) -> Vec<String> {
        let class = |(m, labels): (usize, &Vec<String>)| labels.iter().map(|l| format!("{m} {l}")).collect::<Vec<_>>();
        self.outputs.iter().enumerate().flat_map(class).collect()
    }
}

fn species_labels(slots: &Slots) -> Vec<String> {
    slots.species().iter().map(|species| format!("{species:?}")).collect()
}

fn shell_pair(a: Slot, b: Slot) -> String {
    format!("{}.{} {}.{}", a.l, a.zeta, b.l, b.zeta)
}

fn channel_label(slots: &Slots, channel: usize) -> String {
    let channel = &slots.algebra().channels()[channel];
    let shells = slots.shells();
    let Channel { a, b, l, orbital, magnetic, .. } = *channel;
    format!("{} {l} {orbital} {magnetic}", shell_pair(shells[a], shells[b]))
}

/// For each class of pair operators its channels.
fn class_labels(slots: &Slots, n_classes: usize) -> Vec<Vec<String>> {
    let algebra = slots.algebra();
    let ranges = [algebra.natural0(), algebra.unnatural0()].into_iter();
    let ranges = ranges.chain(algebra.classes().iter().map(|class| class.cos.clone()));
    let labels = |range: Range<usize>| range.map(|k| channel_label(slots, algebra.frame_channel()[k])).collect();
    let mut classes: Vec<Vec<String>> = ranges.map(labels).collect();
    classes.resize(n_classes, Vec::new());
    classes
}

/// Channels of on-site columns of one degree, `[m][channel]`.
fn degree_labels(slots: &Slots, degree: usize, columns: &[usize]) -> Vec<String> {
    let channels = slots.algebra().channels();
    let channel = |&column: &usize| channels.partition_point(|channel| channel.offset <= column) - 1;
    columns[..columns.len() / (2 * degree + 1)].iter().map(|c| channel_label(slots, channel(c))).collect()
}

/// What numbers of rows stand for: frame components of pairs, and coupled numbers of atoms.
fn column_labels(slots: &Slots) -> [Vec<String>; 2] {
    let algebra = slots.algebra();
    let channels = algebra.channels().iter().enumerate();
    let coupled: Vec<String> = channels
        .flat_map(|(k, channel)| (0..2 * channel.l + 1).map(move |m| format!("{} {m}", channel_label(slots, k))))
        .collect();
    [algebra.frame().iter().map(|component| coupled[component.index].clone()).collect(), coupled]
}

/// The statistics of the new runs, `new`, which must be over the range of `old`; those of species and pairs of species that the old
/// model knows are its own, wherever it saw a number at all.
pub fn statistics(old: &Statistics, new: Statistics, [old_slots, slots]: [&Slots; 2]) -> Statistics {
    let species = matched(&species_labels(old_slots), &species_labels(slots));
    let n_old = old_slots.species().len();
    let pairs: Vec<Option<usize>> =
        species.iter().flat_map(|a| species.iter().map(move |b| Some((*a)? * n_old + (*b)?))).collect();
    let [old_labels, labels] = [old_slots, slots].map(column_labels);
    let [frame, coupled] = [0, 1].map(|k| matched(&old_labels[k], &labels[k]));
    let seen = |spread: &Tensor| spread.gt(0.0).to_kind(Kind::Double);
    let (pairs_seen, nodes_seen) = (seen(&old.spread.amax([1], false)), seen(&old.node_spread));
    let kept = |old: &Tensor, new: &Tensor, seen: &Tensor, rows: &[Option<usize>], columns: &[Option<usize>]| {
        replaced(old, new, &to_vec(seen), rows, &columns[..new.size()[new.dim() - 1] as usize])
    };
    let kept_nodes = |old: &Tensor, new: &Tensor| {
        kept(&old.unsqueeze(1), &new.unsqueeze(1), &nodes_seen, &species, &coupled).squeeze_dim(1)
    };
    Statistics {
        range: old.range,
        mean: kept(&old.mean, &new.mean, &pairs_seen, &pairs, &frame),
        spread: kept(&old.spread, &new.spread, &pairs_seen, &pairs, &frame),
        node_mean: kept_nodes(&old.node_mean, &new.node_mean),
        node_spread: kept_nodes(&old.node_spread, &new.node_spread),
    }
}

/// `new [rows, .., columns]` with the numbers of `old` where it has the row and the column and has `seen [old rows, old columns]` any.
fn replaced(old: &Tensor, new: &Tensor, seen: &[f64], rows: &[Option<usize>], columns: &[Option<usize>]) -> Tensor {
    let [middle, width] = [1, 2].map(|axis| new.size()[axis] as usize);
    let old_width = old.size()[2] as usize;
    let all_columns = seen.len() / old.size()[0].max(1) as usize;
    let (old_values, mut values) = (to_vec(old), to_vec(new));
    for (row, old_row) in rows.iter().enumerate().filter_map(|(row, old)| Some((row, (*old)?))) {
        for (column, old_column) in columns.iter().enumerate().filter_map(|(column, old)| Some((column, (*old)?))) {
            if old_column >= old_width || seen[old_row * all_columns + old_column] == 0.0 {
                continue;
            }
            for k in 0..middle {
                let from = (old_row * middle + k) * old_width + old_column;
                values[(row * middle + k) * width + column] = old_values[from];
            }
        }
    }
    Tensor::from_slice(&values).view(new.size().as_slice())
}
