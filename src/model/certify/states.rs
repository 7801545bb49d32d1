//! The states of a predicted H, and what a deviation of H would do to each of them.

use faer::{Mat, MatRef, Par};
use rayon::prelude::*;

use crate::bands::bloch::BlochSum;
use crate::bands::condition::extremes;
use crate::bands::eigen::OverlapFactor;
use crate::bands::fermi::DEFAULT_SMEARING;
use crate::bands::mesh::KMesh;
use crate::bands::occupation;
use crate::model::target;
use crate::parsers::{Calculation, Error, Operator, Result, SpinOperator, c64};

/// One state of the predicted H on the run's mesh; energies in hartree.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Weight of its k point.
    pub weight: f64,
    /// ε of the predicted H.
    pub energy: f64,
    /// The band of the same number of H⁽⁰⁾.
    pub energy_h0: f64,
    /// Σ|c|² where c†Sc = 1: how much an error of H that knows nothing of S is amplified; large along the near-null space of S.
    pub amplification: f64,
    /// c†Dc of every deviation D: the first-order change of ε.
    pub changes: Vec<f64>,
}

/// All states of a run's mesh.
#[derive(Debug, Clone, PartialEq)]
pub struct Mesh {
    /// States of all spin channels and k points.
    pub states: Vec<State>,
    /// Least and largest eigenvalue of S(k) over the mesh.
    pub overlap: [f64; 2],
    /// Fermi level of the predicted H.
    pub fermi_level: f64,
}

/// First-order errors of bands after one rigid shift, hartree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Changes {
    /// Mean absolute change of the occupied states.
    pub occupied: f64,
    /// Mean absolute change of the states between the Fermi level and the end of the window.
    pub above: Option<f64>,
}

impl Mesh {
    /// Diagonalizes `hamiltonian` on the run's k mesh; `deviations` act alike on both spins.
    ///
    /// # Errors
    /// `Unsupported` where S, H⁽⁰⁾ or the number of electrons is missing; `Inconsistent` where the eigenproblem has no solution.
    pub fn new(run: &Calculation, hamiltonian: &SpinOperator, deviations: &[Operator<f64>]) -> Result<Self> {
        let overlap = target::overlap(run)?;
        let h0 = run.hamiltonian0.as_ref().ok_or_else(|| Error::unsupported("the run has no H0"))?;
        let electrons = run.n_electrons.ok_or_else(|| Error::unsupported("the number of electrons is not known"))?;
        let mesh = KMesh::of_run(run, hamiltonian);
        let solver = Solver {
            sums: [BlochSum::new(hamiltonian.pairs(), &run.basis), BlochSum::new(h0.pairs(), &run.basis)],
            overlap_sum: BlochSum::new(overlap.pairs(), &run.basis),
            hamiltonians: [hamiltonian, h0],
            overlap,
            deviations,
        };
        let at_k = mesh.points.par_iter().zip(&mesh.weights).map(|(&k, &weight)| solver.at(k, weight));
        let at_k = at_k.collect::<Result<Vec<AtK>>>()?;
        let energies = energies(&at_k);
        let filling = occupation::States {
            energies: &energies,
            weights: &mesh.weights,
            electrons_per_state: hamiltonian.electrons_per_state(),
        };
        let level = filling.fermi_level(electrons, run.smearing.unwrap_or(DEFAULT_SMEARING));
        let fermi_level =
            level.ok_or_else(|| Error::inconsistent(format!("the basis cannot hold {electrons} electrons")))?;
        let least = at_k.iter().map(|k| k.overlap[0]).fold(f64::INFINITY, f64::min);
        let largest = at_k.iter().map(|k| k.overlap[1]).fold(0.0, f64::max);
        let states = at_k.into_iter().flat_map(|k| k.channels.into_iter().flatten()).collect();
        Ok(Mesh { states, overlap: [least, largest], fermi_level })
    }

    /// Mean absolute first-order change by deviation number `k`, after its mean over the occupied states is taken away; `window` in
    /// hartree above the Fermi level.
    pub fn changes(&self, k: usize, window: f64) -> Changes {
        let occupied = |state: &&State| state.energy <= self.fermi_level;
        let above = |state: &&State| !occupied(state) && state.energy <= self.fermi_level + window;
        let shift = mean(self.states.iter().filter(occupied).map(|s| (s.changes[k], s.weight))).unwrap_or(0.0);
        let size = |state: &State| ((state.changes[k] - shift).abs(), state.weight);
        Changes {
            occupied: mean(self.states.iter().filter(occupied).map(size)).unwrap_or(0.0),
            above: mean(self.states.iter().filter(above).map(size)),
        }
    }

    /// States up to `window` above the Fermi level.
    pub fn up_to(&self, window: f64) -> impl Iterator<Item = &State> {
        self.states.iter().filter(move |state| state.energy <= self.fermi_level + window)
    }
}

/// Weighted mean; `None` of nothing.
pub fn mean(values: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (sum, weight) = values.fold((0.0, 0.0), |(sum, all), (x, w)| (sum + x * w, all + w));
    (weight > 0.0).then(|| sum / weight)
}

/// What is the same at all k points.
struct Solver<'a> {
    sums: [BlochSum<'a>; 2],
    overlap_sum: BlochSum<'a>,
    hamiltonians: [&'a SpinOperator; 2],
    overlap: &'a Operator<f64>,
    deviations: &'a [Operator<f64>],
}

struct AtK {
    channels: Vec<Vec<State>>,
    overlap: [f64; 2],
}

impl Solver<'_> {
    fn at(&self, k: [f64; 3], weight: f64) -> Result<AtK> {
        let spinor = matches!(self.hamiltonians[0], SpinOperator::Spinor(_));
        let s = self.overlap_sum.overlap_at(self.overlap, spinor, k);
        let factor = OverlapFactor::new(s.as_ref(), k, None, Par::Seq)?;
        let [h, h0] = [0, 1].map(|which| self.sums[which].channels_at(self.hamiltonians[which], k));
        let deviations: Vec<Mat<c64>> =
            self.deviations.iter().map(|d| self.overlap_sum.overlap_at(d, spinor, k)).collect();
        let channel = |(h, h0): (&Mat<c64>, &Mat<c64>)| {
            let (states, energies_h0) = (factor.states(h.as_ref())?, factor.energies(h0.as_ref())?);
            let changes: Vec<Vec<f64>> = deviations.iter().map(|d| expectations(d, states.vectors.as_ref())).collect();
            let state = |(n, (&energy, &energy_h0)): (usize, (&f64, &f64))| State {
                weight,
                energy,
                energy_h0,
                amplification: states.vectors.col(n).iter().map(|c| c.norm_sqr()).sum(),
                changes: changes.iter().map(|change| change[n]).collect(),
            };
            Ok(states.energies.iter().zip(&energies_h0).enumerate().map(state).collect())
        };
        let channels = h.iter().zip(&h0).map(channel).collect::<Result<_>>()?;
        Ok(AtK { channels, overlap: extremes(s.as_ref(), k)? })
    }
}

/// c†Dc of every column.
fn expectations(d: &Mat<c64>, c: MatRef<'_, c64>) -> Vec<f64> {
    let product = d * c;
    let of = |n: usize| c.col(n).iter().zip(product.col(n).iter()).map(|(a, b)| (a.conj() * b).re).sum();
    (0..c.ncols()).map(of).collect()
}

/// `[spin][k][band]`.
fn energies(at_k: &[AtK]) -> Vec<Vec<Vec<f64>>> {
    let n_channels = at_k.first().map_or(0, |k| k.channels.len());
    let of = |spin: usize| at_k.iter().map(|k| k.channels[spin].iter().map(|state| state.energy).collect()).collect();
    (0..n_channels).map(of).collect()
}
