//! Converged states around the Fermi level, between which errors of H(k) are measured.

use faer::Mat;
use rayon::prelude::*;

use crate::bands::eigen::States;
use crate::bands::fermi::level_of;
use crate::bands::mesh::periodic_directions;
use crate::bands::spectrum::{EigenProblem, SpectrumOptions};
use crate::model::network::config::KSpaceConfig;
use crate::model::network::random::Random;
use crate::parsers::{Calculation, Error, Of, Result, c64};

/// Combinations of orbitals whose eigenvalue of S(k) is smaller are left out: eight printed digits of S say nothing about them.
const NULL_SPACE: f64 = 1e-7;
/// Stream of random numbers.
const STATES: u64 = 1 << 33;
/// Steps take turns with as many sets of probes.
pub(super) const PROBE_SETS: usize = 4;

/// Converged states of one spin channel at one k point. Rows are the orbitals of the run; for spinors those with spin up, then
/// those with spin down.
#[derive(Debug, Clone)]
pub struct KStates {
    /// Reduced coordinates.
    pub k: [f64; 3],
    /// All states up to the top of the window, as columns with c†Sc = 1.
    pub window: Mat<c64>,
    /// Random combinations of the states above it, normalised alike: four sets, none where there are no such states.
    pub probes: Mat<c64>,
}

/// Which states are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Sampling<'a> {
    /// How many k points, which window.
    pub config: &'a KSpaceConfig,
    /// Decides the k points and probes.
    pub seed: u64,
}

impl Sampling<'_> {
    /// No states.
    pub fn none() -> Self {
        const OFF: &KSpaceConfig = &KSpaceConfig { weight: 0.0, points: 0, window_ev: 0.0, probes: 0, from: 0.0 };
        Sampling { config: OFF, seed: 0 }
    }

    /// States of training run `index`, `[spin channel][point]`; no points where the error of H(k) has no weight.
    ///
    /// # Errors
    /// As [`states`].
    pub fn states(&self, run: &Calculation, index: usize) -> Result<Vec<Vec<KStates>>> {
        if self.config.weight == 0.0 {
            let channels = run.hamiltonian.as_ref().map_or(1, |h| h.n_channels());
            return Ok((0..channels).map(|_| Vec::new()).collect());
        }
        states(run, self.config, &mut Random::new(self.seed, STATES + index as u64))
    }
}

/// States of the converged H of a run at random k points, `[spin channel][point]`. Where the window ends is asked of every k point
/// anew: the same band may be below it at one and above it at another.
///
/// # Errors
/// `Unsupported` where S, H, or both Fermi level and number of electrons are unknown; `Inconsistent` where S(k) or H(k) is not finite.
pub fn states(run: &Calculation, config: &KSpaceConfig, random: &mut Random) -> Result<Vec<Vec<KStates>>> {
    let missing = |what: &str| Error::unsupported(format!("[k_space] needs {what}, which the run does not have"));
    let overlap = run.overlap.as_ref().ok_or_else(|| missing("S"))?;
    let hamiltonian = run.hamiltonian.as_ref().ok_or_else(|| missing("a converged H"))?;
    let options = SpectrumOptions { null_space: Some(NULL_SPACE) };
    let level = level_of(run, Of::Scf, options)?.ok_or_else(|| missing("a Fermi level or a number of electrons"))?;
    let top = level + config.window_ev / run.origin.ev_per_hartree;
    let points = k_points(run, config.points.max(1), random);
    let problem = EigenProblem::new(hamiltonian, overlap, &run.basis, points.len(), options);
    let solved = points.par_iter().map(|&k| problem.states(k)).collect::<Result<Vec<_>>>()?;
    let mut channels: Vec<Vec<KStates>> = (0..hamiltonian.n_channels()).map(|_| Vec::new()).collect();
    for (k, spins) in points.into_iter().zip(solved) {
        let split = spins.iter().map(|states| KStates::new(k, states, top, config.probes, random));
        channels.iter_mut().zip(split).for_each(|(channel, states)| channel.push(states));
    }
    Ok(channels)
}

/// Uniform in the Brillouin zone; 0 in directions that are not periodic.
fn k_points(run: &Calculation, n: usize, random: &mut Random) -> Vec<[f64; 3]> {
    let periodic = periodic_directions(run);
    (0..n).map(|_| periodic.map(|periodic| if periodic { random.uniform() } else { 0.0 })).collect()
}

impl KStates {
    fn new(k: [f64; 3], states: &States, top: f64, n_probes: usize, random: &mut Random) -> Self {
        let (n, all) = (states.energies.len(), states.vectors.as_ref());
        // A window of at least one state: a k point of a metal may have none.
        let inside = states.energies.partition_point(|&energy| energy <= top).clamp(1, n);
        let above = all.subcols(inside, n - inside);
        let mixture = combinations(n - inside, PROBE_SETS * n_probes, random);
        KStates { k, window: all.subcols(0, inside).to_owned(), probes: above * mixture }
    }
}

/// Columns of random numbers with norm one; none out of nothing.
fn combinations(rows: usize, columns: usize, random: &mut Random) -> Mat<c64> {
    let mut mixture = Mat::zeros(rows, if rows == 0 { 0 } else { columns });
    for column in 0..mixture.ncols() {
        let drawn: Vec<f64> = (0..rows).map(|_| random.normal()).collect();
        let norm = drawn.iter().map(|x| x * x).sum::<f64>().sqrt();
        drawn.iter().enumerate().for_each(|(row, x)| mixture[(row, column)] = (x / norm).into());
    }
    mixture
}
