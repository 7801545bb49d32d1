//! Sums over waves and atoms in a time that grows with the cell, not with its square: transformations of points that lie anywhere.
//!
//! Every atom is spread by a window onto the points of a regular mesh around it, the mesh is transformed, and the transform of the
//! window divided out; and back the same way. With the window "exponential of semicircle" on a mesh of twice the waves, 14 points
//! give 12 digits and more (Barnett, Magland, af Klinteberg, SIAM J. Sci. Comput. 41, C479 (2019), arXiv:1808.06736).

use std::sync::Arc;

use nalgebra::Vector3;
use rayon::prelude::*;
use rustfft::{Fft, FftDirection, FftPlanner};

use crate::parsers::{Structure, c64};

/// Points of the window along each axis.
const WIDTH: usize = 14;
/// Shape of the window for a mesh of twice the waves.
const BETA: f64 = 2.3 * WIDTH as f64;
/// Lines of the mesh that are transformed together.
const LINES: usize = 64;

/// A wave G = Σ_a k_a b_a.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wave {
    /// k, in units of the reciprocal lattice vectors.
    pub index: [i32; 3],
    /// G, 1/bohr.
    pub g: Vector3<f64>,
}

/// A mesh over the cell, and where the atoms lie on it.
pub struct Mesh {
    n: [usize; 3],
    windows: Vec<Window>,
    /// Transform of the window by axis and |k|.
    transforms: [Vec<f64>; 3],
    /// By direction, then axis.
    plans: [[Arc<dyn Fft<f64>>; 3]; 2],
}

/// What a point at an atom is on the mesh: the product of three weights.
struct Window {
    places: [[usize; WIDTH]; 3],
    weights: [[f64; WIDTH]; 3],
}

impl Mesh {
    /// For waves with |k_a| up to `largest`; `None` where the lattice vectors are linearly dependent.
    pub fn new(structure: &Structure, largest: [usize; 3]) -> Option<Self> {
        let n = largest.map(|k| size(2 * (2 * k + 1)));
        let window = |position| structure.to_reduced(position).map(|reduced| Window::new(&reduced, n));
        let mut planner = FftPlanner::new();
        let mut plans = |direction| n.map(|n| planner.plan_fft(n, direction));
        Some(Mesh {
            n,
            windows: structure.positions.iter().map(window).collect::<Option<_>>()?,
            transforms: [0, 1, 2].map(|axis| (0..=largest[axis]).map(|k| transform(k, n[axis])).collect()),
            plans: [plans(FftDirection::Forward), plans(FftDirection::Inverse)],
        })
    }

    /// Σ_j x_j e^(−iG·r_j) for every wave; one x per atom.
    pub fn density(&self, x: &[f64], waves: &[Wave]) -> Vec<c64> {
        let mut mesh = vec![c64::default(); self.n.iter().product()];
        for (window, &x) in self.windows.iter().zip(x).filter(|(_, x)| **x != 0.0) {
            self.lines(window, |line, weight| {
                let points = window.places[2].iter().zip(&window.weights[2]);
                points.for_each(|(&place, w)| mesh[line + place] += x * weight * w);
            });
        }
        self.transform(&mut mesh, FftDirection::Forward);
        waves.iter().map(|wave| mesh[self.place(wave.index)] / self.window_at(wave.index)).collect()
    }

    /// Σ_G (v_G e^(iG·r) + its conjugate) at every atom.
    pub fn at_atoms(&self, v: &[c64], waves: &[Wave]) -> Vec<f64> {
        let mut mesh = vec![c64::default(); self.n.iter().product()];
        for (wave, v) in waves.iter().zip(v) {
            let v = v / self.window_at(wave.index);
            mesh[self.place(wave.index)] += v;
            mesh[self.place(wave.index.map(|k| -k))] += v.conj();
        }
        self.transform(&mut mesh, FftDirection::Inverse);
        let at = |window: &Window| {
            let mut sum = 0.0;
            self.lines(window, |line, weight| {
                let points = window.places[2].iter().zip(&window.weights[2]);
                sum += weight * points.map(|(&place, w)| mesh[line + place].re * w).sum::<f64>();
            });
            sum
        };
        self.windows.par_iter().map(at).collect()
    }

    /// Where each line of a window along the last axis starts on the mesh, and the product of its first two weights.
    fn lines(&self, window: &Window, mut line: impl FnMut(usize, f64)) {
        for (&a, wa) in window.places[0].iter().zip(&window.weights[0]) {
            for (&b, wb) in window.places[1].iter().zip(&window.weights[1]) {
                line((a * self.n[1] + b) * self.n[2], wa * wb);
            }
        }
    }

    /// Transforms the lines of the last axis, which then becomes the first: three times, so that all are as they were.
    fn transform(&self, mesh: &mut Vec<c64>, direction: FftDirection) {
        let plans = &self.plans[usize::from(direction == FftDirection::Inverse)];
        for axis in [2, 1, 0] {
            let n = self.n[axis];
            mesh.par_chunks_mut(n * LINES).for_each(|lines| plans[axis].process(lines));
            let mut turned = vec![c64::default(); mesh.len()];
            turned.par_chunks_mut(mesh.len() / n).enumerate().for_each(|(k, row)| {
                row.iter_mut().zip(mesh[k..].iter().step_by(n)).for_each(|(to, from)| *to = *from);
            });
            *mesh = turned;
        }
    }

    /// Place of a wave on the transformed mesh.
    fn place(&self, index: [i32; 3]) -> usize {
        let [a, b, c] = [0, 1, 2].map(|axis| index[axis].rem_euclid(self.n[axis] as i32) as usize);
        (a * self.n[1] + b) * self.n[2] + c
    }

    /// Transform of the window at a wave.
    fn window_at(&self, index: [i32; 3]) -> f64 {
        (0..3).map(|axis| self.transforms[axis][index[axis].unsigned_abs() as usize]).product()
    }
}

impl Window {
    fn new(reduced: &Vector3<f64>, n: [usize; 3]) -> Self {
        let at = [0, 1, 2].map(|axis| reduced[axis] * n[axis] as f64);
        let first = at.map(|x| (x - 0.5 * WIDTH as f64).ceil());
        let point = |axis: usize, k: usize| first[axis] + k as f64;
        let place = |axis: usize, k: usize| (point(axis, k) as i64).rem_euclid(n[axis] as i64) as usize;
        Window {
            places: [0, 1, 2].map(|axis| std::array::from_fn(|k| place(axis, k))),
            weights: [0, 1, 2].map(|axis| std::array::from_fn(|k| window(point(axis, k) - at[axis]))),
        }
    }
}

/// exp(β(√(1 − (2x/w)²) − 1)) at x mesh points from the middle.
fn window(x: f64) -> f64 {
    let z = 2.0 * x / WIDTH as f64;
    (BETA * ((1.0 - z * z).max(0.0).sqrt() - 1.0)).exp()
}

/// ∫ window(x) cos(2πkx/n) dx. The window is as good as smooth, so the trapezoidal rule converges at once.
fn transform(k: usize, n: usize) -> f64 {
    const STEPS: usize = 16;
    let phase = std::f64::consts::TAU * k as f64 / n as f64;
    let value = |step: usize| {
        let x = step as f64 / STEPS as f64;
        let both = if step == 0 { 1.0 } else { 2.0 };
        both * window(x) * (phase * x).cos()
    };
    (0..=WIDTH / 2 * STEPS).map(value).sum::<f64>() / STEPS as f64
}

/// The least number of points from `least` on, and from that of two windows, whose prime factors are 2, 3 and 5.
fn size(least: usize) -> usize {
    let least = least.max(2 * WIDTH);
    (least..2 * least).find(|&n| has_small_factors(n)).unwrap_or(least)
}

fn has_small_factors(n: usize) -> bool {
    let without = |mut n: usize, factor: usize| {
        while n.is_multiple_of(factor) {
            n /= factor;
        }
        n
    };
    [2, 3, 5].into_iter().fold(n, without) == 1
}

#[cfg(test)]
mod tests {
    use nalgebra::Matrix3;

    use super::*;
    use crate::random::Random;

    /// 11 atoms in a skew cell, some beyond its faces.
    fn structure() -> Structure {
        let mut random = Random::new(3, 9);
        let mut anywhere = || Vector3::from_fn(|_, _| 40.0 * (random.uniform() - 0.4));
        Structure {
            lattice: Matrix3::new(11.0, 0.3, -1.0, -4.0, 9.0, 0.5, 0.2, 1.0, 23.0),
            positions: (0..11).map(|_| anywhere()).collect(),
            species: vec![0; 11],
        }
    }

    fn waves(structure: &Structure, [na, nb, nc]: [i32; 3]) -> Vec<Wave> {
        let reciprocal = structure.reciprocal().unwrap() * std::f64::consts::TAU;
        let indices = (0..=na).flat_map(|a| (-nb..=nb).flat_map(move |b| (-nc..=nc).map(move |c| [a, b, c])));
        let wave = |index: [i32; 3]| Wave { index, g: reciprocal.tr_mul(&Vector3::from(index.map(f64::from))) };
        indices.filter(|index| *index > [0, 0, 0]).map(wave).collect()
    }

    #[test]
    fn transformations_are_the_sums() {
        let structure = structure();
        let waves = waves(&structure, [2, 3, 9]);
        let mesh = Mesh::new(&structure, [2, 3, 9]).unwrap();
        let x: Vec<f64> = (0..11).map(|k| (k as f64 * 1.7).sin()).collect();
        let found = mesh.density(&x, &waves);
        for (found, wave) in found.iter().zip(&waves) {
            let terms = structure.positions.iter().zip(&x).map(|(r, x)| c64::cis(-wave.g.dot(r)) * x);
            let error = (found - terms.sum::<c64>()).norm();
            assert!(error < 1e-11, "{wave:?}: {error:e}");
        }
        let v: Vec<c64> = found.iter().map(|x| x / 100.0).collect();
        for (found, r) in mesh.at_atoms(&v, &waves).into_iter().zip(&structure.positions) {
            let wanted: f64 = waves.iter().zip(&v).map(|(wave, v)| 2.0 * (v * c64::cis(wave.g.dot(r))).re).sum();
            assert!((found - wanted).abs() < 1e-11, "{found} {wanted}");
        }
    }

    #[test]
    fn sizes_that_transform_fast() {
        assert_eq!([1, 29, 31, 121, 128].map(size), [30, 30, 32, 125, 128]);
    }
}
