//! Moments μ_m = tr T_m(B), all of them or of groups of orbitals, from start vectors.

use faer::{Mat, MatRef, Par};
use rayon::prelude::*;

use super::bounds;
use super::kernel::moments_for;
use super::problem::{Problem, Recursion, Scale, real_products};
use crate::bands::mesh::KMesh;
use crate::bands::sparse::factor::Analysis;
use crate::bands::sparse::matrix::{SparseBloch, SparseOverlap};
use crate::bands::sparse::ordering::nested_dissection;
use crate::bands::sparse::scalar::Scalar;
use crate::bands::structure::overlap;
use crate::parsers::{Calculation, Error, SpinOperator, c64};
use crate::random::Random;

/// Start vectors that go together through the recursion.
const AT_ONCE: usize = 16;

/// So many resolve 0.02 meV of a spectrum that is 100 eV wide.
const MOST_MOMENTS: usize = 10_000_000;

/// Moments of all start vectors, groups and k points that are kept: 8 GB.
const MOST_NUMBERS: f64 = 1e9;

/// How moments are computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// How many.
    pub resolution: Resolution,
    /// From which vectors.
    pub starts: Starts,
    /// Of the random vectors: the same numbers give the same vectors, whatever the number of threads.
    pub seed: u64,
}

/// Number of moments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resolution {
    /// So many.
    Moments(usize),
    /// So many that Jackson's kernel has at most this standard deviation, hartree.
    Sigma(f64),
}

/// Start vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Starts {
    /// So many vectors of random phases: an estimate with an error.
    Random(usize),
    /// Every unit vector: exact, for small cells, or few orbitals.
    All,
}

/// Which traces are wanted.
#[derive(Debug, Clone, Copy)]
pub enum Of<'a> {
    /// Over everything.
    Total,
    /// Over groups of orbitals, Mulliken: Σ_{μ in group} Re (T_m(B))_μμ.
    Groups {
        /// The group of each orbital of the basis; of others nothing is computed.
        of_orbital: &'a [Option<usize>],
        /// Number of groups.
        n: usize,
    },
}

/// Moments of one spin channel at one k.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// Spin channel.
    pub channel: usize,
    /// Of the k point; all weights of a channel sum to 1.
    pub weight: f64,
    /// What −1 … 1 stands for.
    pub scale: Scale,
    /// `[group][sample][moment]`; a single group for [`Of::Total`], a single exact sample for [`Starts::All`].
    pub groups: Vec<Vec<Vec<f64>>>,
}

/// Moments of `hamiltonian` with the run's overlap at every point of `mesh`, channels of a point one after another.
///
/// # Errors
/// `Inconsistent` where the run has no overlap, S(k) is not positive definite at some k, or there would be too many moments.
pub fn of_mesh(
    run: &Calculation,
    hamiltonian: &SpinOperator,
    mesh: &KMesh,
    of: Of<'_>,
    options: &Options,
) -> Result<Vec<Moments>, Error> {
    let bloch = SparseBloch::new(hamiltonian, overlap(run)?, &run.basis);
    let overlap = SparseOverlap::new(overlap(run)?, &run.basis, hamiltonian.nspin() == 4);
    let order = nested_dissection(&run.structure, overlap.pattern());
    let analysis = Analysis::new(overlap.pattern().symbolic(), &order)?;
    let (bloch, overlap, analysis) = (&bloch, &overlap, &analysis);
    let n_parts = mesh.points.len() * bloch.n_channels();
    let mut all = Vec::new();
    for (index, (&k, &weight)) in mesh.points.iter().zip(&mesh.weights).enumerate() {
        let at = AtK { bloch, overlap, analysis, k, weight, n_parts, stream: (index as u64) << 40, of, options };
        all.extend(if bloch.is_real_at(k) { at.moments::<f64>()? } else { at.moments::<c64>()? });
    }
    Ok(all)
}

struct AtK<'a> {
    bloch: &'a SparseBloch<'a>,
    overlap: &'a SparseOverlap<'a>,
    analysis: &'a Analysis,
    k: [f64; 3],
    weight: f64,
    /// k points and channels of all of the mesh.
    n_parts: usize,
    /// First stream of random numbers.
    stream: u64,
    of: Of<'a>,
    options: &'a Options,
}

impl AtK<'_> {
    fn moments<T: Scalar>(&self) -> Result<Vec<Moments>, Error> {
        let s = self.overlap.at::<T>(self.k);
        let factor = self.analysis.cholesky(&s, self.k, Par::Seq)?;
        let of_channel = |channel: usize| {
            let problem = Problem { h: self.bloch.hamiltonian(channel, self.k), s: &s, factor: &factor };
            let scale = bounds::scale(&problem, self.options.seed)?;
            let groups = self.groups(&problem, scale, self.stream | (channel as u64) << 32)?;
            Ok(Moments { channel, weight: self.weight, scale, groups })
        };
        (0..self.bloch.n_channels()).map(of_channel).collect()
    }

    fn n_groups(&self) -> usize {
        if let Of::Groups { n, .. } = self.of { n } else { 1 }
    }

    /// Number of moments: of all parts, groups and start vectors they must fit into memory.
    fn n_moments(&self, scale: Scale, n_starts: usize) -> Result<usize, Error> {
        let n = match self.options.resolution {
            Resolution::Moments(n) => n.max(2),
            Resolution::Sigma(sigma) => moments_for(sigma, scale),
        };
        let n_groups = self.n_groups();
        let numbers = [n_starts, n_groups, self.n_parts].iter().fold(n as f64, |product, &n| product * n as f64);
        if n > MOST_MOMENTS || numbers > MOST_NUMBERS {
            let of = format!("{n_starts} vectors, {n_groups} groups and {} k points and spins", self.n_parts);
            let bounds = format!("{MOST_MOMENTS} moments and {MOST_NUMBERS:e} numbers are possible");
            return Err(Error::inconsistent(format!("{n} moments of {of}: at most {bounds}")));
        }
        Ok(n)
    }

    /// `[group][sample][moment]`.
    fn groups<T: Scalar>(
        &self,
        problem: &Problem<'_, T>,
        scale: Scale,
        stream: u64,
    ) -> Result<Vec<Vec<Vec<f64>>>, Error> {
        let rows = self.group_of_rows(problem.h.pattern.ncols());
        let starts = self.starts(&rows);
        let n_moments = self.n_moments(scale, starts.len())?;
        let of_block = |block: &[Start]| -> Vec<Vec<Vec<f64>>> {
            let start = self.block(block, &rows, stream);
            match self.of {
                Of::Total => trace(problem, scale, start, n_moments).into_iter().map(|one| vec![one]).collect(),
                Of::Groups { n, .. } => by_group(problem, scale, start, &rows, n, n_moments),
            }
        };
        let vectors: Vec<_> = starts.par_chunks(AT_ONCE).flat_map_iter(of_block).collect();
        let vectors = match self.options.starts {
            Starts::Random(_) => vectors,
            Starts::All => {
                let none = || vec![vec![0.0; n_moments]; self.n_groups()];
                vec![vectors.into_iter().reduce(added).unwrap_or_else(none)]
            }
        };
        let groups = transposed(vectors);
        if are_bounded(&groups) { Ok(groups) } else { Err(diverged(self.k)) }
    }

    /// The group of each row of the matrix: both components of a spinor belong to that of the orbital.
    fn group_of_rows(&self, n_rows: usize) -> Vec<Option<usize>> {
        match self.of {
            Of::Total => vec![Some(0); n_rows],
            Of::Groups { of_orbital, .. } => of_orbital.iter().cycle().take(n_rows).copied().collect(),
        }
    }

    fn starts(&self, rows: &[Option<usize>]) -> Vec<Start> {
        match self.options.starts {
            Starts::Random(n) => (0..n as u64).map(Start::Phases).collect(),
            Starts::All => (0..rows.len()).filter(|&row| rows[row].is_some()).map(Start::Unit).collect(),
        }
    }

    fn block<T: Scalar>(&self, starts: &[Start], rows: &[Option<usize>], stream: u64) -> Mat<T> {
        let mut block = Mat::zeros(rows.len(), starts.len());
        for (column, start) in starts.iter().enumerate() {
            match *start {
                Start::Unit(row) => block[(row, column)] = T::ONE,
                Start::Phases(vector) => {
                    let phases = random_phases(&mut Random::new(self.options.seed, stream | vector), rows.len(), 1);
                    let wanted = (0..rows.len()).filter(|&row| rows[row].is_some());
                    wanted.for_each(|row| block[(row, column)] = phases[(row, 0)]);
                }
            }
        }
        block
    }
}

#[derive(Debug, Clone, Copy)]
enum Start {
    Phases(u64),
    Unit(usize),
}

/// Independent ±1, or ±1 and ±i where numbers are complex: their covariance is 1, and the estimate of a trace has no part of
/// the diagonal in its variance.
pub fn random_phases<T: Scalar>(random: &mut Random, n_rows: usize, n_columns: usize) -> Mat<T> {
    let quarters = [c64::ONE, -c64::ONE, c64::new(0.0, 1.0), c64::new(0.0, -1.0)];
    let choices = if T::IS_REAL { 2.0 } else { 4.0 };
    Mat::from_fn(n_rows, n_columns, |_, _| T::of(quarters[(choices * random.uniform()) as usize]))
}

/// `[vector][moment]` of ξ† T_m(L⁻¹ H L⁻†) ξ: two moments per step, as T_2m = 2 T_m² − 1 and T_(2m+1) = 2 T_(m+1) T_m − T_1.
fn trace<T: Scalar>(problem: &Problem<'_, T>, scale: Scale, xi: Mat<T>, n: usize) -> Vec<Vec<f64>> {
    let y = problem.factor.correlate(xi.as_ref());
    let x = problem.factor.solved(&y);
    let mut recursion = Recursion::new(problem, scale, x, y);
    let mut moments = vec![Vec::with_capacity(n + 1); xi.ncols()];
    while moments.first().is_some_and(|moments| moments.len() < n) {
        push(&mut moments, real_products(recursion.x.as_ref(), recursion.y.as_ref()), 0);
        recursion.step();
        push(&mut moments, real_products(recursion.x.as_ref(), recursion.before.as_ref()), 1);
    }
    moments.iter_mut().for_each(|moments| moments.truncate(n));
    moments
}

/// Appends 2 p − μ_`first`, but the products themselves where they are μ_0 or μ_1.
fn push(moments: &mut [Vec<f64>], products: Vec<f64>, first: usize) {
    for (moments, product) in moments.iter_mut().zip(products) {
        let moment = moments.get(first).map_or(product, |mu| 2.0 * product - mu);
        moments.push(moment);
    }
}

/// `[vector][group][moment]` of Σ_{μ in group} Re r*_μ (T_m(B) r)_μ.
fn by_group<T: Scalar>(
    problem: &Problem<'_, T>,
    scale: Scale,
    r: Mat<T>,
    rows: &[Option<usize>],
    n_groups: usize,
    n: usize,
) -> Vec<Vec<Vec<f64>>> {
    let mut recursion = Recursion::new(problem, scale, r.clone(), problem.s.times(r.as_ref()));
    let mut moments = vec![vec![Vec::with_capacity(n); n_groups]; r.ncols()];
    for m in 0..n {
        if m > 0 {
            recursion.step();
        }
        for (column, groups) in moments.iter_mut().enumerate() {
            groups.iter_mut().for_each(|group| group.push(0.0));
            add_products(groups, m, rows, r.as_ref(), recursion.x.as_ref(), column);
        }
    }
    moments
}

fn add_products<T: Scalar>(
    groups: &mut [Vec<f64>],
    m: usize,
    rows: &[Option<usize>],
    r: MatRef<'_, T>,
    x: MatRef<'_, T>,
    column: usize,
) {
    for ((group, &r), &x) in rows.iter().zip(r.col(column).iter()).zip(x.col(column).iter()) {
        if let Some(group) = *group {
            groups[group][m] += (r.conj() * x).re();
        }
    }
}

/// |μ_m| ≤ μ_0 of a positive measure; far more means that an eigenvalue is outside the bounds.
fn are_bounded(groups: &[Vec<Vec<f64>>]) -> bool {
    let largest = groups.iter().flatten().filter_map(|moments| moments.first()).fold(1.0, |a: f64, b| a.max(b.abs()));
    groups.iter().flatten().flatten().all(|mu| mu.abs() < 1e3 * largest)
}

fn diverged(k: [f64; 3]) -> Error {
    Error::inconsistent(format!("moments diverge at k = {k:?}: are all numbers in H and S finite?"))
}

fn added(mut sum: Vec<Vec<f64>>, other: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    for (sum, other) in sum.iter_mut().zip(&other) {
        sum.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
    }
    sum
}

/// From `[vector][group]` to `[group][vector]`.
fn transposed(vectors: Vec<Vec<Vec<f64>>>) -> Vec<Vec<Vec<f64>>> {
    let mut groups = vec![Vec::with_capacity(vectors.len()); vectors.first().map_or(0, Vec::len)];
    for vector in vectors {
        groups.iter_mut().zip(vector).for_each(|(group, moments)| group.push(moments));
    }
    groups
}
