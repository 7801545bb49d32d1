//! An error of H(k) between converged states, besides that of H(R) (NextHAM, arXiv:2509.19877).
//!
//! With D = H_predicted − H, the states U of H(k) c = ε S(k) c below the top of a window around the Fermi level (P), and random
//! combinations of those above it (Q), all normalised to U†SU = 1,
//!
//! ```text
//! D(k) = Σ_R exp(2πi k·R) D(R),   X_PP = U_P† D(k) U_P,   X_PQ = U_P† D(k) U_Q
//! L = Σ|X_PP| / n_P² + ¾ Σ|X_PQ| / (n_P n_Q),   |x| = |Re x| + |Im x|
//! ```
//!
//! The diagonal of X_PP is the first-order error of the energies; X_PQ admixes what S hardly sees, from which ghost states come where
//! S is ill-conditioned. H⁽⁰⁾, the base and the mean must be in both Hamiltonians before projecting, and they are: D is their
//! difference, in which all three cancel exactly, so that D(k) follows from the error of the network's output alone. A shift μS of the
//! reference (`training.gauge`) becomes the unit matrix μ·1 in X_PP and nothing in X_PQ.

mod blocks;
mod states;
#[cfg(test)]
mod tests;

use faer::{Mat, MatRef};
use tch::{Kind, Tensor};

use self::blocks::{Blocks, Places};
use self::states::PROBE_SETS;
use super::batch::{Batch, Preparation};
use super::config::KSpaceConfig;
use super::network::Output;
use super::random::Random;
use crate::model::Sample;
use crate::parsers::c64;

pub use states::{KStates, Sampling, states};

/// Weight of X_PQ relative to X_PP (NextHAM's).
const PROBE_WEIGHT: f64 = 0.75;
/// Stream of random numbers.
const POINTS: u64 = 1 << 32;

/// The error of H(k) for all training structures.
#[derive(Debug)]
pub struct KSpace {
    config: KSpaceConfig,
    seed: u64,
    /// First step.
    from: usize,
    /// Mean |target| over all structures, hartree: the error is relative to it, as that of H(R) is.
    reference: f64,
    blocks: Blocks,
    structures: Vec<Structure>,
}

/// What the error of H(k) of one structure is.
#[derive(Debug)]
pub struct KLoss {
    /// L over the mean |target|, with its weight: a scalar that gradients flow through.
    pub loss: Tensor,
    /// Mean absolute first-order error of the window's energies, after their mean error (a rigid shift) is removed; hartree.
    pub band_mae: f64,
}

#[derive(Debug)]
struct Structure {
    places: Places,
    /// For each canonical bond its row among those of all tiles.
    order: Tensor,
    /// What the network should say: rows of all tiles, and of the atoms.
    target: [Tensor; 2],
    /// How many numbers that are.
    numbers: f64,
    points: Vec<Point>,
}

/// States at one k point as complex tensors over the slots, one for each spin.
#[derive(Debug)]
struct Point {
    k: [f64; 3],
    /// `[orbitals, n_P]`.
    window: Vec<Tensor>,
    /// `[orbitals, sets · n_Q]`.
    probes: Vec<Tensor>,
}

/// A training structure: as it was read, as tensors, and its converged states.
pub type Reference<'a> = (&'a Sample, &'a Batch, &'a [KStates]);

impl KSpace {
    /// Puts the states of all training structures onto the network's device; `training` is (seed, steps). A structure without
    /// states or target has no such error.
    pub fn new<'a>(
        config: &KSpaceConfig,
        (seed, steps): (u64, usize),
        preparation: &Preparation,
        structures: impl IntoIterator<Item = Reference<'a>>,
    ) -> Self {
        let structures = structures.into_iter().map(|reference| Structure::new(preparation, reference));
        let structures: Vec<Structure> = structures.collect();
        KSpace {
            config: config.clone(),
            seed,
            from: (config.from * steps as f64).ceil() as usize,
            reference: mean_target(&structures),
            blocks: Blocks::new(preparation),
            structures,
        }
    }

    /// The error of a structure at one of its k points, drawn by seed and step. The reference is H + μS with μ = `shift`, a scalar in
    /// hartree. `None` before the step at which it starts.
    pub fn loss(&self, structure: usize, step: usize, output: &Output, shift: &Tensor) -> Option<KLoss> {
        let structure = self.structures.get(structure).filter(|s| step >= self.from && !s.points.is_empty())?;
        let n = structure.points.len();
        let point = &structure.points[Random::new(self.seed, POINTS + step as u64).permutation(n)[0]];
        let [window, probes] = point.projections(&structure.difference(&self.blocks, output, point.k), step / n);
        let window = &window - complex_unit(window.size()[0], shift);
        let mut loss = mean_size(&window);
        if probes.numel() > 0 {
            loss += mean_size(&probes) * PROBE_WEIGHT;
        }
        Some(KLoss { loss: loss * (self.config.weight / self.reference), band_mae: band_mae(&window) })
    }
}

impl Structure {
    fn new(preparation: &Preparation, (sample, batch, states): Reference) -> Self {
        let tiles = || batch.near.iter().chain(&batch.far);
        let bonds: Vec<usize> = tiles().flat_map(|tile| tile.bonds.iter().copied()).collect();
        let mut order = vec![0i64; bonds.len()];
        bonds.iter().enumerate().for_each(|(row, &bond)| order[bond] = row as i64);
        let pairs: Option<Vec<&Tensor>> = tiles().map(|tile| tile.target.as_ref()).collect();
        let target =
            pairs.zip(batch.nodes.target.as_ref()).map(|(pairs, nodes)| (joined(&pairs), nodes.shallow_clone()));
        let (states, target) = match target {
            Some((pairs, nodes)) => (states, [pairs, nodes]),
            None => (&states[..0], [batch.nodes.scale.shallow_clone(), batch.nodes.scale.shallow_clone()]),
        };
        Structure {
            places: Places::new(sample, preparation),
            order: Tensor::from_slice(&order).to_device(preparation.device),
            numbers: batch.nodes.present.numbers + tiles().map(|tile| 2.0 * tile.present.numbers).sum::<f64>(),
            target,
            points: states.iter().map(|states| Point::new(states, sample, preparation)).collect(),
        }
    }

    /// D(k).
    fn difference(&self, blocks: &Blocks, output: &Output, k: [f64; 3]) -> Tensor {
        let [pairs, nodes] = &self.target;
        let bonds = (joined(&output.pairs.iter().collect::<Vec<_>>()) - pairs).index_select(0, &self.order);
        blocks.at(&bonds, &(&output.nodes - nodes), &self.places, k)
    }
}

/// Mean |number| of the targets of all structures, each bond in both directions.
fn mean_target(structures: &[Structure]) -> f64 {
    let sum = |rows: &Tensor| rows.abs().sum(Kind::Double).double_value(&[]);
    let total = |s: &Structure| 2.0 * sum(&s.target[0]) + sum(&s.target[1]);
    let count = structures.iter().map(|s| s.numbers).sum::<f64>();
    (structures.iter().map(total).sum::<f64>() / count.max(1.0)).max(f64::MIN_POSITIVE)
}

fn joined(rows: &[&Tensor]) -> Tensor {
    Tensor::cat(rows, 0)
}

/// `factor` times the unit matrix.
fn complex_unit(n: i64, factor: &Tensor) -> Tensor {
    let real = Tensor::eye(n, (factor.kind(), factor.device())) * factor;
    Tensor::complex(&real, &real.zeros_like())
}

/// Σ (|Re| + |Im|) over the number of elements.
fn mean_size(x: &Tensor) -> Tensor {
    let parts = x.view_as_real();
    parts.abs().sum(parts.kind()) / x.numel() as f64
}

fn band_mae(window: &Tensor) -> f64 {
    let errors = window.detach().diagonal(0, 0, 1).view_as_real().select(1, 0).to_kind(Kind::Double);
    (&errors - errors.mean(Kind::Double)).abs().mean(Kind::Double).double_value(&[])
}

impl Point {
    fn new(states: &KStates, sample: &Sample, preparation: &Preparation) -> Self {
        let tensors = |columns: &Mat<c64>| on_slots(columns.as_ref(), sample, preparation);
        Point { k: states.k, window: tensors(&states.window), probes: tensors(&states.probes) }
    }

    /// X_PP and X_PQ; rounds of the points take turns with the sets of probes.
    fn projections(&self, d: &Tensor, round: usize) -> [Tensor; 2] {
        let set = (round % PROBE_SETS) as i64;
        let spins = self.window.iter().zip(&self.probes).map(|(window, probes)| {
            let size = probes.size()[1] / PROBE_SETS as i64;
            let images = d.mm(window);
            [window.mh().mm(&images), images.mh().mm(&probes.narrow(1, set * size, size))]
        });
        let sum = |[a, b]: [Tensor; 2], [c, d]: [Tensor; 2]| [a + c, b + d];
        spins.reduce(sum).unwrap_or_else(|| [d.zeros_like(), d.zeros_like()])
    }
}

/// Columns over the orbitals of the run as columns over all slots of every atom, one tensor for each spin.
fn on_slots(columns: MatRef<'_, c64>, sample: &Sample, preparation: &Preparation) -> Vec<Tensor> {
    let slots = preparation.slots.algebra().n_orbitals();
    let n_atoms = sample.graph.n_nodes();
    let rows: Vec<i64> =
        (0..n_atoms).flat_map(|a| sample.orbitals(a).iter().map(move |&slot| (a * slots + slot) as i64)).collect();
    let spin = |first: usize| {
        let part = columns.subrows(first, rows.len());
        let numbers: Vec<f64> =
            part.row_iter().flat_map(|row| row.iter().flat_map(|c| [c.re, c.im]).collect::<Vec<_>>()).collect();
        let shape = [rows.len() as i64, part.ncols() as i64, 2];
        let values = Tensor::from_slice(&numbers).view(shape).to_kind(preparation.kind).view_as_complex();
        let zeros = Tensor::zeros([(n_atoms * slots) as i64, shape[1]], (values.kind(), values.device()));
        zeros.index_add(0, &Tensor::from_slice(&rows), &values).to_device(preparation.device)
    };
    (0..columns.nrows()).step_by(rows.len().max(1)).map(spin).collect()
}
