//! The states nearest to an energy at one k, and the proof that none of them is missing.

use std::cmp::Ordering;

use faer::{Mat, Par};

use super::factor::{Analysis, Factor};
use super::krylov::{Krylov, inner, times};
use super::matrix::Hermitian;
use super::scalar::Scalar;
use crate::bands::eigen::hermitian_eigenvectors;
use crate::bands::projection::{StatesAt, Weighing};
use crate::parsers::Error;

/// States around an energy, without a gap among them.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Hartree, ascending.
    pub energies: Vec<f64>,
    /// `weights[state][group]`, where they were asked for.
    pub weights: Option<Vec<Vec<f64>>>,
    /// Number of states below the first of them.
    pub count_below: usize,
    /// The window holds all states nearer to its centre than this, hartree.
    pub radius: f64,
}

/// H and S at one k.
pub struct Pencil<'a, T> {
    /// H(k).
    pub h: Hermitian<'a, T>,
    /// S(k), positive definite.
    pub s: &'a Hermitian<'a, T>,
    /// k, reduced coordinates.
    pub k: [f64; 3],
    /// Of their pattern.
    pub analysis: &'a Analysis,
    /// What weighs the states, if they are to be weighed.
    pub weighing: Option<&'a dyn Weighing>,
    /// Threads of one problem.
    pub par: Par,
}

/// θ counts as converged when its residual is this part of it: energies are then good to its square over the distance between
/// levels, or at worst to this part of their distance from σ.
const CONVERGED: f64 = 1e-7;

/// Energies that are nearer to each other than this are not told apart by counting, hartree.
const DISTINCT: f64 = 1e-9;

/// σ may be this much nearer to a state than to the last one sought, or numbers lose too many digits.
const TOO_NEAR: f64 = 1e6;

/// Trials of σ, and of random vectors for what is missing.
const TRIALS: usize = 8;

/// Vectors of a Krylov space in which the `wanted` states nearest to σ converge, with room to spare: about six for each.
pub fn largest_space(wanted: usize) -> usize {
    10 * wanted + 200
}

/// Eigenvalues and, S-orthonormal, eigenvectors X, and S X.
struct Pairs<T> {
    energies: Vec<f64>,
    vectors: Mat<T>,
    with_overlap: Mat<T>,
}

impl<T: Scalar> Pencil<'_, T> {
    /// The `n_states` nearest to `centre` (hartree); where two are equally near, the lower one first.
    ///
    /// Shift-invert block Lanczos finds them. The numbers of negative eigenvalues of H − xS at both ends x of an interval that
    /// holds them (Sylvester's law of inertia) then say how many there must be: the search goes on until there are as many.
    ///
    /// # Errors
    /// `Inconsistent` where a number is not finite, or states stay missing.
    pub fn nearest(&self, centre: f64, n_states: usize) -> Result<Window, Error> {
        let k = self.k;
        if !self.h.is_finite() {
            return Err(Error::inconsistent(format!("H(k) at k = {k:?} has numbers that are not finite")));
        }
        let mut shift = 0.0;
        for _ in 0..TRIALS {
            match self.nearest_from(centre + shift, centre, n_states)? {
                Ok(window) => return Ok(window),
                // σ is a state: next time it stands aside.
                Err(radius) => shift += 0.0137 * radius,
            }
        }
        Err(Error::inconsistent(format!("no factor of H(k) - {centre} S(k) at k = {k:?}")))
    }

    /// Number of states below `energy`; `None` where that is one.
    ///
    /// # Errors
    /// `Unsupported` where there is not enough memory.
    pub fn count_below(&self, energy: f64) -> Result<Option<usize>, Error> {
        Ok(self.factor(energy)?.map(|factor| factor.n_negative()))
    }

    fn factor(&self, sigma: f64) -> Result<Option<Factor<'_, T>>, Error> {
        let values = self.h.values.iter().zip(&self.s.values).map(|(&h, &s)| h - s * sigma).collect();
        self.analysis.factor(&Hermitian { pattern: self.h.pattern, values }, self.par)
    }

    /// `Err(r)` where σ is too near to a state, in comparison with the radius r of the window.
    fn nearest_from(&self, sigma: f64, centre: f64, n_states: usize) -> Result<Result<Window, f64>, Error> {
        const UNKNOWN_RADIUS: f64 = 1e-4;
        let mut search = Search { pencil: self, krylov: Krylov::new(self.s, self.par), sigma, centre };
        let mut wanted = n_states + 4 + n_states / 20;
        for _ in 0..TRIALS {
            // Counting needs the memory of this factor: it is rarely needed again.
            let found = match self.factor(sigma)? {
                Some(factor) => search.converge(&factor, wanted)?,
                None => None,
            };
            let Some(pairs) = found else { return Ok(Err(UNKNOWN_RADIUS)) };
            let distances = sorted_distances(&pairs.energies, sigma);
            if distances[distances.len() - 1] > TOO_NEAR * distances[0] {
                return Ok(Err(distances[distances.len() - 1]));
            }
            match search.bounded(&pairs, n_states)? {
                Bounded::All(window) => return Ok(Ok(window)),
                Bounded::NoGap => wanted += wanted / 2,
                Bounded::Missing(n) => {
                    wanted = wanted.max(pairs.energies.len() + n);
                    search.krylov.add_random();
                }
            }
        }
        Err(Error::inconsistent(format!("not all states nearest to {centre} hartree were found at k = {:?}", self.k)))
    }
}

struct Search<'a, T> {
    pencil: &'a Pencil<'a, T>,
    krylov: Krylov<'a, T>,
    sigma: f64,
    centre: f64,
}

enum Bounded {
    All(Window),
    /// No two neighbouring distances differ enough for an end of the interval in between (or counting says so).
    NoGap,
    Missing(usize),
}

impl<T: Scalar> Search<'_, T> {
    /// Goes on until the `wanted` states nearest to σ have converged, and improves them in the original problem. `None` where
    /// a number is not finite.
    ///
    /// # Errors
    /// `Inconsistent` where they do not converge in a space of [`largest_space`].
    fn converge(&mut self, factor: &Factor<'_, T>, wanted: usize) -> Result<Option<Pairs<T>>, Error> {
        let largest = self.krylov.size() + largest_space(wanted);
        let wanted = wanted.min(self.pencil.s.pattern.ncols());
        while self.krylov.size() < largest {
            if self.krylov.step(factor).is_none() {
                return Ok(None);
            }
            if self.krylov.size() < wanted + wanted / 4 && !self.krylov.is_complete() {
                continue;
            }
            let Some(ritz) = self.krylov.ritz() else { return Ok(None) };
            let is_converged = |i: &usize| ritz.residuals[*i] <= CONVERGED * ritz.values[*i].abs();
            let converged = (0..ritz.values.len()).take_while(is_converged).count();
            if converged >= wanted || self.krylov.is_complete() {
                return Ok(self.improved(self.krylov.vectors(&ritz, converged.max(wanted))));
            }
        }
        let (sigma, k) = (self.sigma, self.pencil.k);
        Err(Error::inconsistent(format!(
            "the {wanted} states nearest to {sigma} hartree at k = {k:?} did not converge in {largest} vectors"
        )))
    }

    /// Rayleigh and Ritz with H and S themselves.
    fn improved(&self, [x, sx]: [Mat<T>; 2]) -> Option<Pairs<T>> {
        let par = self.pencil.par;
        let hx = self.pencil.h.times(x.as_ref());
        let (_, rotation) = hermitian_eigenvectors(inner(x.as_ref(), hx.as_ref(), par).as_ref(), par)?;
        let [x, hx, sx] = [x, hx, sx].map(|columns| times(columns.as_ref(), rotation.as_ref(), par));
        let quotient = |j: usize| {
            let [h, s] =
                [&hx, &sx].map(|o| inner(x.as_ref().subcols(j, 1), o.as_ref().subcols(j, 1), Par::Seq)[(0, 0)].re());
            h / s
        };
        Some(Pairs { energies: (0..x.ncols()).map(quotient).collect(), vectors: x, with_overlap: sx })
    }

    /// The window of the `n_states` nearest to the centre among `pairs`, which hold all that are as near to σ as the farthest.
    fn bounded(&self, pairs: &Pairs<T>, n_states: usize) -> Result<Bounded, Error> {
        let n = pairs.vectors.nrows();
        let distances = sorted_distances(&pairs.energies, self.centre);
        if self.krylov.is_complete() && pairs.energies.len() == n {
            return Ok(Bounded::All(self.window(pairs, 0, n_states, f64::INFINITY)));
        }
        let reach =
            sorted_distances(&pairs.energies, self.sigma).last().map_or(0.0, |d| d - (self.centre - self.sigma).abs());
        let gap = |i: &usize| distances[*i].min(reach) - distances[*i - 1];
        let ends = (n_states..distances.len()).filter(|i| gap(i) > DISTINCT).max_by(|a, b| gap(a).total_cmp(&gap(b)));
        let Some(end) = ends else { return Ok(Bounded::NoGap) };
        let radius = 0.5 * (distances[end - 1] + distances[end].min(reach));
        let Some(below) = self.pencil.count_below(self.centre - radius)? else { return Ok(Bounded::NoGap) };
        let Some(inside) = self.pencil.count_below(self.centre + radius)? else { return Ok(Bounded::NoGap) };
        Ok(match inside.saturating_sub(below).cmp(&end) {
            Ordering::Equal => Bounded::All(self.window(pairs, below, n_states, radius)),
            Ordering::Greater => Bounded::Missing(inside - below - end),
            Ordering::Less => Bounded::NoGap,
        })
    }

    /// `below` states lie below the first of those that are nearer to the centre than `radius`.
    fn window(&self, pairs: &Pairs<T>, below: usize, n_states: usize, radius: f64) -> Window {
        let energy = |&i: &usize| pairs.energies[i];
        let is_inside = |i: &usize| (energy(i) - self.centre).abs() < radius;
        let mut inside: Vec<usize> = (0..pairs.energies.len()).filter(is_inside).collect();
        inside.sort_by(|a, b| energy(a).total_cmp(&energy(b)));
        let energies: Vec<f64> = inside.iter().map(energy).collect();
        let weights = self.pencil.weighing.map(|weighing| {
            let column = |of: &Mat<T>| Mat::from_fn(of.nrows(), inside.len(), |row, i| of[(row, inside[i])].complex());
            let [c, s_c] = [&pairs.vectors, &pairs.with_overlap].map(column);
            let (vectors, with_overlap) = (c.as_ref(), s_c.as_ref());
            weighing.weigh(StatesAt { k: self.pencil.k, energies: &energies, vectors, with_overlap })
        });
        Window { energies, weights, count_below: below, radius }.narrowed(self.centre, n_states)
    }
}

impl Window {
    /// All states there are.
    pub fn whole(energies: Vec<f64>, weights: Option<Vec<Vec<f64>>>) -> Self {
        Window { energies, weights, count_below: 0, radius: f64::INFINITY }
    }

    /// The `n_states` nearest to `centre`.
    pub fn narrowed(mut self, centre: f64, n_states: usize) -> Self {
        let (mut first, mut end) = (0, self.energies.len());
        while end - first > n_states {
            let (low, high) = (centre - self.energies[first], self.energies[end - 1] - centre);
            if low > high {
                first += 1;
            } else {
                end -= 1;
            }
            self.radius = self.radius.min(low.max(high));
        }
        self.count_below += first;
        self.energies = self.energies[first..end].to_vec();
        self.weights = self.weights.map(|weights| weights[first..end].to_vec());
        self
    }
}

fn sorted_distances(energies: &[f64], from: f64) -> Vec<f64> {
    let mut distances: Vec<f64> = energies.iter().map(|e| (e - from).abs()).collect();
    distances.sort_by(f64::total_cmp);
    distances
}
