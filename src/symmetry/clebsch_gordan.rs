//! Clebsch–Gordan coefficients of real spherical harmonics.

use num_complex::Complex64;

/// One coefficient that is not zero. `m1`, `m2`, `m` count from 0 (= −l).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term {
    /// m₁ + l₁.
    pub m1: usize,
    /// m₂ + l₂.
    pub m2: usize,
    /// M + L.
    pub m: usize,
    /// C^{LM}_{l₁m₁,l₂m₂}.
    pub value: f64,
}

/// The coupling l₁ ⊗ l₂ → L in the real basis, `h_L[M] = Σ C^{LM}_{l₁m₁,l₂m₂} h[m₁,m₂]`, with orthonormal rows, so that the
/// inverse is the transpose.
///
/// Natural couplings (l₁+l₂+L even) are the usual ones. Unnatural ones are purely imaginary in the real basis; i is taken out.
#[derive(Debug, Clone, PartialEq)]
pub struct Coupling {
    /// Its non-zero coefficients.
    pub terms: Vec<Term>,
}

impl Coupling {
    /// Coefficients for |l₁−l₂| ≤ L ≤ l₁+l₂, from Racah's formula and the unitary map between complex and real harmonics.
    pub fn new(l1: usize, l2: usize, l: usize) -> Self {
        let natural = (l1 + l2 + l).is_multiple_of(2);
        let mut terms = Vec::new();
        for (m1, m2) in grid(l1, l2) {
            for m in -(l as i64)..=l as i64 {
                let value = real_coefficient([l1, l2, l], [m1, m2, m]);
                let value = if natural { value.re } else { value.im };
                if value.abs() > 1e-13 {
                    let place = |m: i64, l: usize| (m + l as i64) as usize;
                    terms.push(Term { m1: place(m1, l1), m2: place(m2, l2), m: place(m, l), value });
                }
            }
        }
        Coupling { terms }
    }
}

fn grid(l1: usize, l2: usize) -> impl Iterator<Item = (i64, i64)> {
    let (l1, l2) = (l1 as i64, l2 as i64);
    (-l1..=l1).flat_map(move |m1| (-l2..=l2).map(move |m2| (m1, m2)))
}

/// Σ U_L[m,M] ⟨l₁M₁ l₂M₂|LM⟩ U₁*[m₁,M₁] U₂*[m₂,M₂] over the complex orders ±m₁, ±m₂.
fn real_coefficient([l1, l2, l]: [usize; 3], [m1, m2, m]: [i64; 3]) -> Complex64 {
    let mut sum = Complex64::default();
    for (n1, u1) in complex_parts(m1) {
        for (n2, u2) in complex_parts(m2) {
            for (n, u) in complex_parts(m) {
                if n1 + n2 == n {
                    sum += u * u1.conj() * u2.conj() * complex_coefficient([l1, l2, l], [n1, n2, n]);
                }
            }
        }
    }
    sum
}

/// The real harmonic of order m as a sum of complex ones (which carry the Condon–Shortley phase): (order, factor).
fn complex_parts(m: i64) -> Vec<(i64, Complex64)> {
    let h = std::f64::consts::FRAC_1_SQRT_2;
    let odd = sign(m);
    match m {
        0 => vec![(0, Complex64::new(1.0, 0.0))],
        1.. => vec![(m, Complex64::new(odd * h, 0.0)), (-m, Complex64::new(h, 0.0))],
        _ => vec![(-m, Complex64::new(0.0, -odd * h)), (m, Complex64::new(0.0, h))],
    }
}

fn sign(m: i64) -> f64 {
    if m % 2 == 0 { 1.0 } else { -1.0 }
}

/// ⟨l₁m₁ l₂m₂|LM⟩ for M = m₁ + m₂ (Racah 1942, eq. 16).
fn complex_coefficient([l1, l2, l]: [usize; 3], [m1, m2, m]: [i64; 3]) -> f64 {
    let [l1, l2, l] = [l1 as i64, l2 as i64, l as i64];
    if m.abs() > l {
        return 0.0;
    }
    let triangle =
        factorial(l + l1 - l2) * factorial(l - l1 + l2) * factorial(l1 + l2 - l) / factorial(l1 + l2 + l + 1);
    let orders = [l + m, l - m, l1 - m1, l1 + m1, l2 - m2, l2 + m2].map(factorial).iter().product::<f64>();
    let sum: f64 = (0..=l1 + l2 - l)
        .map(|k| {
            let parts = [k, l1 + l2 - l - k, l1 - m1 - k, l2 + m2 - k, l - l2 + m1 + k, l - l1 - m2 + k];
            if parts.iter().any(|&p| p < 0) { 0.0 } else { sign(k) / parts.map(factorial).iter().product::<f64>() }
        })
        .sum();
    ((2 * l + 1) as f64 * triangle).sqrt() * orders.sqrt() * sum
}

fn factorial(n: i64) -> f64 {
    (1..=n).map(|k| k as f64).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dense(l1: usize, l2: usize, l: usize) -> Vec<f64> {
        let mut values = vec![0.0; (2 * l1 + 1) * (2 * l2 + 1) * (2 * l + 1)];
        for t in Coupling::new(l1, l2, l).terms {
            values[(t.m1 * (2 * l2 + 1) + t.m2) * (2 * l + 1) + t.m] = t.value;
        }
        values
    }

    #[test]
    fn rows_of_all_l_are_orthonormal() {
        for (l1, l2) in [(0, 0), (1, 1), (1, 2), (2, 2), (3, 2), (4, 4)] {
            let n = (2 * l1 + 1) * (2 * l2 + 1);
            let mut sum = vec![0.0; n * n];
            for l in l1.abs_diff(l2)..=l1 + l2 {
                let c = dense(l1, l2, l);
                for (p, q) in (0..n).flat_map(|p| (0..n).map(move |q| (p, q))) {
                    sum[p * n + q] +=
                        (0..2 * l + 1).map(|m| c[p * (2 * l + 1) + m] * c[q * (2 * l + 1) + m]).sum::<f64>();
                }
            }
            for (k, value) in sum.iter().enumerate() {
                let unit = if k / n == k % n { 1.0 } else { 0.0 };
                assert!((value - unit).abs() < 1e-14, "{l1} {l2}: {value} at {k}");
            }
        }
    }

    #[test]
    fn exchange_gives_the_parity_sign() {
        for (l1, l2, l) in [(1, 1, 1), (1, 2, 2), (1, 2, 3), (2, 3, 4), (4, 3, 6), (4, 4, 7)] {
            let (c, t) = (dense(l1, l2, l), dense(l2, l1, l));
            let sign = sign((l1 + l2 + l) as i64);
            for (m1, m2) in (0..2 * l1 + 1).flat_map(|a| (0..2 * l2 + 1).map(move |b| (a, b))) {
                for m in 0..2 * l + 1 {
                    let there = c[(m1 * (2 * l2 + 1) + m2) * (2 * l + 1) + m];
                    let back = t[(m2 * (2 * l1 + 1) + m1) * (2 * l + 1) + m];
                    assert!((there - sign * back).abs() < 1e-14);
                }
            }
        }
    }

    #[test]
    fn two_vectors_couple_to_the_cross_product() {
        let c = dense(1, 1, 1);
        // order y, z, x: (a × b)_y = a_z b_x − a_x b_z, up to one common factor of size 1/√2
        let at = |m1: usize, m2: usize, m: usize| c[(m1 * 3 + m2) * 3 + m];
        assert!((at(1, 2, 0).abs() - 0.5f64.sqrt()).abs() < 1e-15);
        assert_eq!(at(1, 2, 0), -at(2, 1, 0));
        assert!((at(1, 2, 0) - at(2, 0, 1)).abs() < 1e-15);
    }
}
