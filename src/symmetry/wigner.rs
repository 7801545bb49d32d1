//! Wigner matrices of real spherical harmonics, from the 3×3 matrix without angles.

use nalgebra::Matrix3;

use super::clebsch_gordan::{Coupling, Term};

/// What the recursion needs for all l up to `l_max`.
#[derive(Debug, Clone, PartialEq)]
pub struct WignerTables {
    /// For l = 2, 3, ….
    steps: Vec<Step>,
    l_max: usize,
}

/// D^l from D¹ and D^{l−1}: with the coupling C of 1 ⊗ (l−1) → l, C (D¹ ⊗ D^{l−1}) = D^l C, and any R with C R = 1 gives D^l. Cᵀ is
/// one; another has fewer entries, since a product with z has one order only.
#[derive(Debug, Clone, PartialEq)]
struct Step {
    l: usize,
    coupling: Coupling,
    /// R for |m| < l: a single product, z and order m.
    inner: Vec<f64>,
    /// R for m = ±l: as in Cᵀ.
    outer: Vec<Term>,
}

/// D⁰ … D^{l_max} of one O(3) matrix, real and orthogonal: `Y_l(R x) = D^l(R) Y_l(x)`, orders m = −l … l.
///
/// For an improper R, D^l contains (−1)^l, as polar tensors do.
#[derive(Debug, Clone, PartialEq)]
pub struct WignerD {
    values: Vec<f64>,
}

impl WignerTables {
    /// Tables up to `l_max`.
    pub fn new(l_max: usize) -> Self {
        WignerTables { steps: (2..=l_max).map(Step::new).collect(), l_max }
    }

    /// D⁰ … D^{l_max} of a matrix.
    pub fn matrices(&self, rotation: &Matrix3<f64>) -> WignerD {
        let mut values = vec![0.0; start(self.l_max + 1)];
        values[0] = 1.0;
        if self.l_max > 0 {
            vector_matrix(rotation, &mut values[1..10]);
        }
        for step in &self.steps {
            let (lower, upper) = values.split_at_mut(start(step.l));
            step.raise(&lower[1..10], &lower[start(step.l - 1)..], &mut upper[..(2 * step.l + 1).pow(2)]);
        }
        WignerD { values }
    }
}

impl Step {
    fn new(l: usize) -> Self {
        let coupling = Coupling::new(1, l - 1, l);
        let with_z = |m: usize| move |term: &&Term| term.m1 == Z && term.m2 + 1 == m && term.m == m;
        let inner = (1..2 * l).filter_map(|m| coupling.terms.iter().find(with_z(m))).map(|term| 1.0 / term.value);
        let is_outer = |term: &&Term| term.m == 0 || term.m == 2 * l;
        Step { inner: inner.collect(), outer: coupling.terms.iter().filter(is_outer).copied().collect(), coupling, l }
    }

    fn raise(&self, d1: &[f64], lower: &[f64], upper: &mut [f64]) {
        let (n, n_lower) = (2 * self.l + 1, 2 * self.l - 1);
        for term in &self.coupling.terms {
            let (lower, upper) = (&lower[term.m2 * n_lower..][..n_lower], &mut upper[term.m * n..][..n]);
            let d1 = &d1[term.m1 * 3..][..3];
            let factor = term.value * d1[Z];
            upper[1..].iter_mut().zip(lower).for_each(|(value, lower)| *value += factor * lower);
            for column in &self.outer {
                upper[column.m] += term.value * column.value * d1[column.m1] * lower[column.m2];
            }
        }
        for row in upper.chunks_exact_mut(n) {
            row[1..].iter_mut().zip(&self.inner).for_each(|(value, factor)| *value *= factor);
        }
    }
}

impl WignerD {
    /// D^l, row-major, 2l+1 by 2l+1.
    pub fn block(&self, l: usize) -> &[f64] {
        &self.values[start(l)..start(l + 1)]
    }
}

/// Where D^l starts: Σ_{k<l} (2k+1)².
fn start(l: usize) -> usize {
    (4 * l * l * l - l) / 3
}

/// The place of z among the orders of l = 1.
const Z: usize = 1;

/// D¹ in the order y, z, x.
fn vector_matrix(rotation: &Matrix3<f64>, d1: &mut [f64]) {
    let axes = [1, 2, 0];
    for (row, &a) in axes.iter().enumerate() {
        for (column, &b) in axes.iter().enumerate() {
            d1[row * 3 + column] = rotation[(a, b)];
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use nalgebra::{Rotation3, Vector3};

    use super::*;

    pub(crate) fn rotation(a: f64, b: f64, c: f64) -> Matrix3<f64> {
        *Rotation3::from_euler_angles(a, b, c).matrix()
    }

    /// Real harmonics of a unit vector from associated Legendre functions, up to a factor per l.
    fn harmonics(l: usize, x: &Vector3<f64>) -> Vec<f64> {
        let (l, phi) = (l as i64, x.y.atan2(x.x));
        (-l..=l)
            .map(|m| {
                let norm = (1..=2 * m.abs()).map(|k| (l - m.abs() + k) as f64).product::<f64>();
                let angle = m.abs() as f64 * phi;
                let azimuth = if m < 0 { angle.sin() } else { angle.cos() };
                let factor = if m == 0 { 1.0 } else { 2.0 };
                (factor / norm).sqrt() * legendre(l, m.abs(), x.z) * azimuth
            })
            .collect()
    }

    /// P_l^m without the Condon–Shortley phase.
    fn legendre(l: i64, m: i64, z: f64) -> f64 {
        let start = (1..=m).map(|k| (2 * k - 1) as f64).product::<f64>() * (1.0 - z * z).powf(m as f64 / 2.0);
        let (mut before, mut here) = (0.0, start);
        for k in m + 1..=l {
            let next = ((2 * k - 1) as f64 * z * here - (k + m - 1) as f64 * before) / (k - m) as f64;
            (before, here) = (here, next);
        }
        here
    }

    fn product(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
        (0..n * n).map(|k| (0..n).map(|q| a[k / n * n + q] * b[q * n + k % n]).sum()).collect()
    }

    #[test]
    fn harmonics_rotate_with_d() {
        let tables = WignerTables::new(8);
        let x = Vector3::new(0.3, -0.7, 0.45).normalize();
        for r in [rotation(0.4, 1.1, -2.0), -rotation(-1.4, 0.2, 0.5)] {
            let d = tables.matrices(&r);
            for l in 0..=8 {
                let (before, after) = (harmonics(l, &x), harmonics(l, &(r * x)));
                for (row, wanted) in d.block(l).chunks(2 * l + 1).zip(&after) {
                    let found: f64 = row.iter().zip(&before).map(|(d, y)| d * y).sum();
                    assert!((found - wanted).abs() < 1e-13, "l = {l}: {found} against {wanted}");
                }
            }
        }
    }

    #[test]
    fn product_of_rotations_is_product_of_matrices() {
        let tables = WignerTables::new(8);
        let (a, b) = (rotation(0.3, -0.8, 2.2), rotation(1.7, 0.6, -0.4));
        let (da, db, dab) = (tables.matrices(&a), tables.matrices(&b), tables.matrices(&(a * b)));
        for l in 0..=8 {
            let found = product(da.block(l), db.block(l), 2 * l + 1);
            assert!(found.iter().zip(dab.block(l)).all(|(x, y)| (x - y).abs() < 1e-13));
        }
    }

    #[test]
    fn matrices_are_orthogonal() {
        let d = WignerTables::new(8).matrices(&rotation(-0.9, 0.1, 1.3));
        for l in 0..=8 {
            let n = 2 * l + 1;
            let transposed: Vec<f64> = (0..n * n).map(|k| d.block(l)[k % n * n + k / n]).collect();
            for (k, value) in product(d.block(l), &transposed, n).iter().enumerate() {
                let unit = if k / n == k % n { 1.0 } else { 0.0 };
                assert!((value - unit).abs() < 1e-14 * n as f64, "l = {l}: {value}");
            }
        }
    }
}
