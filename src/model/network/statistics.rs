//! Mean and spread of the channels of an operator over the training runs, in double precision: what brings inputs and outputs of
//! very different size (−140 eV to 1e-5 eV) to numbers near one.

use std::ops::Range;

use tch::{Device, Kind, Tensor};

use crate::model::{Channels, Sample, Slots};
use crate::symmetry::PairAlgebra;

/// Radial functions of the mean.
const N_MEAN: i64 = 16;
/// Points of the tables of the spread.
const N_TABLE: i64 = 80;
/// Width in bohr of the window over which the spread is measured.
const WINDOW: f64 = 0.38;
/// Keeps weights finite where an operator vanishes, hartree.
const SMALL: f64 = 4e-6;
/// Below this (hartree) an on-site channel counts as zero: print precision of the codes.
const ZERO: f64 = 4e-9;

/// Statistics of one operator. All tensors are f64 on the CPU; pairs of species are numbered `row · n_species + column`.
#[derive(Debug)]
pub struct Statistics {
    /// First and last distance of the radial functions, in bohr.
    pub range: [f64; 2],
    /// Coefficients of the mean of the natural m = 0 channels (all others have mean zero by symmetry): `[pairs of species, N_MEAN, n₀]`.
    pub mean: Tensor,
    /// Root mean square deviation by distance, one for each (channel, |m|): `[pairs of species, N_TABLE, width]`.
    pub spread: Tensor,
    /// On-site mean of the L = 0 channels, zero for others: `[species, width]`.
    pub node_mean: Tensor,
    /// On-site root mean square deviation, one for each channel: `[species, width]`.
    pub node_spread: Tensor,
}

/// Rows of one pair of species, over all runs.
struct PairRows {
    distance: Tensor,
    values: Tensor,
}

impl Statistics {
    /// Measures `operators`, one for each sample.
    pub fn measure(samples: &[&Sample], operators: &[&Channels], slots: &Slots) -> Self {
        Statistics::within(distance_range(samples), true, samples, operators, slots)
    }

    /// The same with zero for the mean.
    pub fn about_zero(samples: &[&Sample], operators: &[&Channels], slots: &Slots) -> Self {
        Statistics::within(distance_range(samples), false, samples, operators, slots)
    }

    /// With tables over the given range of distances, about the mean or about zero.
    pub fn within(range: [f64; 2], mean: bool, samples: &[&Sample], operators: &[&Channels], slots: &Slots) -> Self {
        let n_species = slots.species().len();
        let n0 = slots.algebra().natural0().len() as i64;
        let width = slots.algebra().width() as i64;
        let (mut means, mut spreads) = (Vec::new(), Vec::new());
        for kind in 0..n_species * n_species {
            let (kind_mean, spread) = match pair_rows(samples, operators, kind, n_species, width) {
                Some(rows) => rows.statistics(mean, range, slots.algebra()),
                None => (double(&[N_MEAN, n0]), double(&[N_TABLE, width])),
            };
            means.push(kind_mean);
            spreads.push(spread);
        }
        let (node_mean, node_spread) = node_statistics(mean, samples, operators, slots);
        Statistics { range, mean: Tensor::stack(&means, 0), spread: Tensor::stack(&spreads, 0), node_mean, node_spread }
    }

    /// Mean of every channel, `[E, width]`, at `distance [E]` for pairs of species `kind [E]`.
    pub fn mean_at(&self, distance: &Tensor, kind: &Tensor) -> Tensor {
        let radial = gaussians(distance, self.range, N_MEAN).unsqueeze(1);
        let n0 = self.mean.size()[2];
        // Whole vector registers: see `layers::product`.
        let mean = self.mean.constant_pad_nd([0, (-n0).rem_euclid(4)]);
        let natural0 = radial.bmm(&mean.index_select(0, kind)).squeeze_dim(1).narrow(1, 0, n0);
        let rest = self.spread.size()[2] - n0;
        natural0.constant_pad_nd([0, rest])
    }

    /// Spread of every channel, `[E, width]`, interpolated linearly.
    pub fn spread_at(&self, distance: &Tensor, kind: &Tensor) -> Tensor {
        interpolated(&self.spread, distance, self.range, Some(kind))
    }
}

impl Statistics {
    /// Tensors by name.
    pub fn named(&self) -> [(&'static str, &Tensor); 4] {
        let Statistics { mean, spread, node_mean, node_spread, .. } = self;
        [("mean", mean), ("spread", spread), ("node_mean", node_mean), ("node_spread", node_spread)]
    }

    /// Names and shapes for a model with these slots.
    pub fn shapes(slots: &Slots) -> [(&'static str, Vec<i64>); 4] {
        let [n0, width] = [slots.algebra().natural0().len(), slots.algebra().width()].map(|k| k as i64);
        let species = slots.species().len() as i64;
        [
            ("mean", vec![species * species, N_MEAN, n0]),
            ("spread", vec![species * species, N_TABLE, width]),
            ("node_mean", vec![species, width]),
            ("node_spread", vec![species, width]),
        ]
    }
}

/// `exp(−((r − c_k)/w)²/2)` for `n` centres over `range`, w their distance: `[E, n]`.
pub fn gaussians(distance: &Tensor, [start, end]: [f64; 2], n: i64) -> Tensor {
    let centres = Tensor::linspace(start, end, n, (Kind::Double, Device::Cpu));
    let width = (end - start) / (n - 1).max(1) as f64;
    ((distance.unsqueeze(1) - centres) / width).square().g_mul_scalar(-0.5).exp()
}

fn double(shape: &[i64]) -> Tensor {
    Tensor::zeros(shape, (Kind::Double, Device::Cpu))
}

/// From half a bohr below the shortest bond to the longest.
fn distance_range(samples: &[&Sample]) -> [f64; 2] {
    let distances = || samples.iter().flat_map(|s| &s.graph.edges).map(|edge| edge.distance);
    let (low, high) = distances().fold((f64::MAX, 0.0f64), |(low, high), r| (low.min(r), high.max(r)));
    if high > low { [low - 0.5, high] } else { [1.0, 2.0f64.max(high)] }
}

fn pair_rows(
    samples: &[&Sample],
    operators: &[&Channels],
    kind: usize,
    n_species: usize,
    width: i64,
) -> Option<PairRows> {
    let (mut distance, mut values) = (Vec::new(), Vec::new());
    for (sample, operator) in samples.iter().zip(operators) {
        for (k, edge) in sample.graph.edges.iter().enumerate() {
            if sample.species[edge.i] * n_species + sample.species[edge.j] == kind {
                distance.push(edge.distance);
                values.extend_from_slice(operator.edge(k));
            }
        }
    }
    (!distance.is_empty()).then(|| PairRows {
        distance: Tensor::from_slice(&distance),
        values: Tensor::from_slice(&values).view([-1, width]),
    })
}

impl PairRows {
    fn statistics(&self, mean: bool, range: [f64; 2], algebra: &PairAlgebra) -> (Tensor, Tensor) {
        let n0 = algebra.natural0().len() as i64;
        let radial = gaussians(&self.distance, range, N_MEAN);
        let mean = if mean { self.mean(&radial, range, n0) } else { double(&[N_MEAN, n0]) };
        let rest = self.values.size()[1] - n0;
        let deviation = &self.values - radial.mm(&mean).constant_pad_nd([0, rest]);
        let variance = windowed(&self.distance, &deviation.square(), range);
        (mean, turn_averaged(&variance, algebra).sqrt())
    }

    /// Least squares over the Gaussians, each row divided by the typical size at its distance: else the short bonds decide all.
    fn mean(&self, radial: &Tensor, range: [f64; 2], n0: i64) -> Tensor {
        let natural0 = self.values.narrow(1, 0, n0);
        let size = windowed(&self.distance, &natural0.abs().mean_dim(1, true, Kind::Double), range) + SMALL;
        let weight = interpolated(&size, &self.distance, range, None);
        let rows = radial / &weight;
        let ridge = 1e-4 * rows.square().mean(Kind::Double).double_value(&[]) * rows.size()[0] as f64;
        let normal = rows.tr().mm(&rows) + Tensor::eye(N_MEAN, (Kind::Double, Device::Cpu)) * ridge;
        Tensor::linalg_solve(&normal, &rows.tr().mm(&(natural0 / weight)), true)
    }
}

/// Means of `values [E, k]` in Gaussian windows around `N_TABLE` distances: `[N_TABLE, k]`. A weak wide window fills the gaps
/// between shells of neighbours.
fn windowed(distance: &Tensor, values: &Tensor, [start, end]: [f64; 2]) -> Tensor {
    let centres = Tensor::linspace(start, end, N_TABLE, (Kind::Double, Device::Cpu)).unsqueeze(1);
    let squared = (centres - distance).square();
    let gaussian = |width: f64| (&squared * (-0.5 / (width * width))).exp();
    let weights = gaussian(WINDOW) + gaussian(5.0 * WINDOW) * 1e-6 + 1e-12;
    weights.mm(values) / weights.sum_dim_intlist(1, true, Kind::Double)
}

/// Rows of a table `[.., N_TABLE, k]` at `distance [E]`, interpolated linearly; `kind [E]` chooses the table where there are several.
fn interpolated(table: &Tensor, distance: &Tensor, [start, end]: [f64; 2], kind: Option<&Tensor>) -> Tensor {
    let last = (N_TABLE - 1) as f64;
    let place = ((distance - start) * (last / (end - start))).clamp(0.0, last - 1e-9);
    let below = place.floor();
    let fraction = (&place - &below).unsqueeze(-1);
    let index = below.to_kind(Kind::Int64);
    let index = kind.map_or_else(|| index.shallow_clone(), |kind| kind * N_TABLE + &index);
    let rows = table.reshape([-1, table.size()[table.dim() - 1]]);
    let (lower, upper) = (rows.index_select(0, &index), rows.index_select(0, &(index + 1)));
    &lower + (upper - &lower) * fraction
}

/// Averages the columns of cosine- and sine-like components: a turn about the bond mixes them.
fn turn_averaged(variance: &Tensor, algebra: &PairAlgebra) -> Tensor {
    let mut parts = vec![variance.narrow(1, 0, algebra.unnatural0().end as i64)];
    for class in algebra.classes() {
        let part = |range: &Range<usize>| variance.narrow(1, range.start as i64, range.len() as i64);
        let mean = (part(&class.cos) + part(&class.sin)) / 2.0;
        parts.extend([mean.shallow_clone(), mean]);
    }
    Tensor::cat(&parts, 1)
}

/// Mean and spread of the on-site channels of every species.
fn node_statistics(mean: bool, samples: &[&Sample], operators: &[&Channels], slots: &Slots) -> (Tensor, Tensor) {
    let (width, n_species) = (slots.algebra().width(), slots.species().len());
    let (mut means, mut spreads) = (vec![0.0; n_species * width], vec![0.0; n_species * width]);
    for species in 0..n_species {
        let rows: Vec<&[f64]> = node_rows(samples, operators, species).collect();
        for channel in slots.algebra().channels() {
            let columns = channel.offset..channel.offset + 2 * channel.l + 1;
            let (mean, spread) = channel_statistics(&rows, columns.clone(), mean && channel.l == 0);
            means[species * width + columns.start] = mean;
            spreads[species * width + columns.start..species * width + columns.end].fill(spread);
        }
    }
    let matrix = |values: &[f64]| Tensor::from_slice(values).view([n_species as i64, width as i64]);
    (matrix(&means), matrix(&spreads))
}

fn node_rows<'a>(
    samples: &'a [&Sample],
    operators: &'a [&Channels],
    species: usize,
) -> impl Iterator<Item = &'a [f64]> {
    samples.iter().zip(operators).flat_map(move |(sample, operator)| {
        let atoms = sample.species.iter().enumerate().filter(move |(_, s)| **s == species);
        atoms.map(|(atom, _)| operator.node(atom))
    })
}

/// Mean, and root mean square deviation from it (from zero unless `scalar`).
fn channel_statistics(rows: &[&[f64]], columns: Range<usize>, scalar: bool) -> (f64, f64) {
    let values = || rows.iter().flat_map(|row| &row[columns.clone()]);
    let n = (rows.len() * columns.len()).max(1) as f64;
    let mean = if scalar { values().sum::<f64>() / n } else { 0.0 };
    let spread = (values().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
    (mean, if spread < ZERO { 0.0 } else { spread })
}
