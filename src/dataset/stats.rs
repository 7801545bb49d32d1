//! Figures of a training set.

use super::coverage::{self, Neighbour, Shell, never_free};
use super::lattice::{lengths_and_angles, lengths_within};
use super::member::Member;
use super::shape::classes;
use super::spread::{Spread, spread};
use crate::parsers::Structure;

/// Figures of a set. Energies in hartree, lengths in bohr.
#[derive(Debug, Clone)]
pub struct Stats {
    /// Class of each run, an index into [`Stats::shapes`].
    pub class_of: Vec<usize>,
    /// Shapes of cells, small ones first.
    pub shapes: Vec<ShapeStats>,
    /// Neighbours of all runs by distance; tied are those that are tied alike in every shape.
    pub shells: Vec<Shell>,
    /// Distances at which no neighbours move independently in any shape.
    pub never_free: Vec<[f64; 2]>,
    /// The rigid shift μ of ΔH; `None` where no run has ΔH.
    pub gauge: Option<Gauge>,
}

/// One shape of cell.
#[derive(Debug, Clone)]
pub struct ShapeStats {
    /// Number of runs.
    pub n_runs: usize,
    /// `C8`.
    pub formula: String,
    /// Lengths of the reduced cell of its first run, ascending.
    pub lengths: [f64; 3],
    /// Its angles in degrees.
    pub angles: [f64; 3],
    /// Displacements and strains relative to the mean of the shape.
    pub spread: Option<Spread>,
    /// Neighbours by distance.
    pub shells: Vec<Shell>,
}

/// Statistics of μ.
#[derive(Debug, Clone)]
pub struct Gauge {
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub deviation: f64,
    /// What it goes with.
    pub trends: Vec<Trend>,
}

/// A linear dependence.
#[derive(Debug, Clone)]
pub struct Trend {
    /// On what.
    pub against: &'static str,
    /// Hartree per bohr to [`Trend::power`].
    pub slope: f64,
    /// Dimension of what it depends on.
    pub power: i32,
    /// Pearson's correlation.
    pub correlation: f64,
}

/// All figures of a set.
pub fn stats(members: &[Member]) -> Stats {
    let class_of = classes(&members.iter().map(|member| &member.shape).collect::<Vec<_>>());
    let neighbours: Vec<Vec<Neighbour>> = members.iter().map(coverage::neighbours).collect();
    let n_classes = class_of.iter().max().map_or(0, |last| last + 1);
    let shape = |class: usize| {
        let runs: Vec<usize> = (0..members.len()).filter(|&k| class_of[k] == class).collect();
        shape_stats(&runs, members, &neighbours)
    };
    let founders = (0..n_classes).filter_map(|class| class_of.iter().position(|&c| c == class));
    let lattices: Vec<Vec<f64>> = founders.map(|k| lattice_lengths(&members[k])).collect();
    let total = coverage::shells(neighbours.iter().flatten(), &lattices);
    Stats {
        shapes: (0..n_classes).map(shape).collect(),
        never_free: never_free(&total),
        shells: total,
        gauge: gauge(members),
        class_of,
    }
}

/// Lengths of all lattice vectors between two neighbours of one atom.
fn lattice_lengths(member: &Member) -> Vec<f64> {
    let reach = member.bonds.iter().map(|(_, distance)| *distance).fold(0.0, f64::max);
    lengths_within(&member.structure.lattice, 2.0 * reach)
}

fn shape_stats(runs: &[usize], members: &[Member], neighbours: &[Vec<Neighbour>]) -> ShapeStats {
    let first = &members[runs[0]];
    let structures: Vec<&Structure> = runs.iter().map(|&k| &members[k].structure).collect();
    let (lengths, angles) = lengths_and_angles(&first.structure.lattice);
    ShapeStats {
        n_runs: runs.len(),
        formula: first.shape.formula(),
        lengths,
        angles,
        spread: spread(&structures),
        shells: coverage::shells(runs.iter().flat_map(|&k| &neighbours[k]), &[]),
    }
}

fn gauge(members: &[Member]) -> Option<Gauge> {
    let known: Vec<(&Member, f64)> = members.iter().filter_map(|m| Some((m, m.change?.gauge))).collect();
    let shifts: Vec<f64> = known.iter().map(|(_, gauge)| *gauge).collect();
    let (mean, deviation) = moments(&shifts)?;
    let extents: Vec<Extent> = known.iter().map(|(member, _)| Extent::of(member)).collect();
    let of = |value: fn(&Extent) -> Option<f64>| extents.iter().map(value).collect::<Option<Vec<_>>>();
    let trend = |against, power, values: Option<Vec<f64>>| {
        let (slope, correlation) = regression(&values?, &shifts)?;
        Some(Trend { against, slope, power, correlation })
    };
    let trends = [
        trend("volume per atom", 3, of(|extent| extent.vacuum.is_none().then_some(extent.volume))),
        trend("area per atom", 2, of(|extent| Some(extent.volume / extent.vacuum?))),
        trend("height of the cell", 1, of(|extent| extent.vacuum)),
    ];
    Some(Gauge { mean, deviation, trends: trends.into_iter().flatten().collect() })
}

/// Size of a cell.
struct Extent {
    /// Volume per atom.
    volume: f64,
    /// Height along the only direction in which no orbitals overlap; `None` for crystals, chains and molecules.
    vacuum: Option<f64>,
}

impl Extent {
    fn of(member: &Member) -> Extent {
        let connected = |axis: &usize| member.bonds.iter().any(|(pair, _)| pair.r[*axis] != 0);
        let empty: Vec<usize> = (0..3).filter(|axis| !connected(axis)).collect();
        let height = |axis: usize| member.structure.reciprocal().map(|b| 1.0 / b.row(axis).norm());
        let vacuum = if let [axis] = empty[..] { height(axis) } else { None };
        Extent { volume: member.structure.volume() / member.structure.n_atoms().max(1) as f64, vacuum }
    }
}

/// Mean and standard deviation.
fn moments(values: &[f64]) -> Option<(f64, f64)> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    (!values.is_empty()).then_some((mean, variance.sqrt()))
}

/// Slope of y against x, and Pearson's correlation; `None` where x or y is constant.
fn regression(x: &[f64], y: &[f64]) -> Option<(f64, f64)> {
    let ((mean_x, width_x), (mean_y, width_y)) = (moments(x)?, moments(y)?);
    let covariance = x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>() / x.len() as f64;
    let varies = width_x > 1e-4 * mean_x.abs() && width_y > 0.0;
    varies.then(|| (covariance / width_x.powi(2), covariance / (width_x * width_y)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found() {
        let (slope, correlation) = regression(&[1.0, 2.0, 3.0], &[5.0, 3.0, 1.0]).unwrap();
        assert!((slope + 2.0).abs() < 1e-12 && (correlation + 1.0).abs() < 1e-12);
        assert_eq!(regression(&[1.0, 1.0], &[5.0, 3.0]), None);
    }
}
