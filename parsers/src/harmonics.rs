//! Order and sign of the real harmonics of each code, as one signed permutation per l.
//!
//! Canonical order inside hzero: m = −l … l, real harmonics without Condon–Shortley phase (l = 1: y, z, x).

use nalgebra::Vector3;
use num_complex::Complex;

/// For one shell: canonical orbital `c` is `sign[c]` times the code's orbital `index[c]`.
#[derive(Debug, Clone, PartialEq)]
pub struct ShellOrder {
    /// Position in the code's shell of canonical orbital c.
    pub index: Vec<usize>,
    /// +1 or −1.
    pub sign: Vec<f64>,
}

/// ABACUS: m = 0, +1, −1, +2, −2, …, each (−1)^m times the canonical function. Checked for l = 1, 2, 3 on real S(R)
/// (source: `ORB_atomic_lm`/`Ylm` of ABACUS 3.8 and 3.11).
pub fn abacus(l: u8) -> ShellOrder {
    let l = l as i32;
    let position = |m: i32| if m > 0 { 2 * m - 1 } else { -2 * m };
    ShellOrder {
        index: (-l..=l).map(|m| position(m) as usize).collect(),
        sign: (-l..=l).map(|m| if m % 2 == 0 { 1.0 } else { -1.0 }).collect(),
    }
}

/// SIESTA: m = −l … l with the Condon–Shortley phase of P_lm: each is (−1)^m times the canonical function. Checked for
/// l = 1, 2 on real S(R); l = 3 from the source (`Src/spher_harm.f`).
pub fn siesta(l: u8) -> ShellOrder {
    let l = i32::from(l);
    ShellOrder {
        index: (0..=2 * l as usize).collect(),
        sign: (-l..=l).map(|m| if m % 2 == 0 { 1.0 } else { -1.0 }).collect(),
    }
}

/// FHI-aims: m = −l … l; the sign of odd positive m alone is turned. Checked for l = 1, 2, 3 on real S(R).
pub fn aims(l: u8) -> ShellOrder {
    let l = i32::from(l);
    ShellOrder {
        index: (0..=2 * l as usize).collect(),
        sign: (-l..=l).map(|m| if m > 0 && m % 2 == 1 { -1.0 } else { 1.0 }).collect(),
    }
}

/// OpenMX: p x, y, z; d 3z²−r², x²−y², xy, xz, yz; f m = 0, +1, −1, +2, −2, +3, −3; signs are ours (`AngularF.c`). `None`
/// beyond f. Checked on real S(R) up to l = 3.
pub fn openmx(l: u8) -> Option<ShellOrder> {
    const ORDERS: [&[usize]; 4] = [&[0], &[1, 2, 0], &[2, 4, 0, 3, 1], &[6, 4, 2, 0, 1, 3, 5]];
    let index = ORDERS.get(usize::from(l))?.to_vec();
    Some(ShellOrder { sign: vec![1.0; index.len()], index })
}

/// Real harmonics of one l in canonical order, in a direction of length 1, normalised to Σ_m Y_lm² = 1. With
/// Π_l^m = P_l^m(z)/sin^m θ: Y_lm = √(c (l−|m|)!/(l+|m|)!) Π_l^|m|(z) · Re or Im (x + iy)^|m|, c = 1 for m = 0, else 2.
pub fn real(l: u8, direction: &Vector3<f64>) -> Vec<f64> {
    let l = usize::from(l);
    let mut harmonics = vec![0.0; 2 * l + 1];
    let mut power = Complex::new(1.0, 0.0);
    let mut norm = 1.0;
    for m in 0..=l {
        if m > 0 {
            power *= Complex::new(direction.x, direction.y);
            norm /= ((l + m) * (l + 1 - m)) as f64;
        }
        let size = legendre(l, m, direction.z) * f64::sqrt(if m == 0 { 1.0 } else { 2.0 * norm });
        harmonics[l - m] = size * power.im;
        harmonics[l + m] = size * power.re;
    }
    harmonics
}

/// Π_l^m(z) = P_l^m(z)/sin^m θ without Condon–Shortley phase, upwards from Π_m^m = (2m − 1)!!.
fn legendre(l: usize, m: usize, z: f64) -> f64 {
    let (mut below, mut value) = (0.0, (1..=m).map(|k| (2 * k - 1) as f64).product());
    for k in m + 1..=l {
        let next = ((2 * k - 1) as f64 * z * value - (k + m - 1) as f64 * below) / (k - m) as f64;
        (below, value) = (value, next);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_harmonics_are_the_textbook_polynomials() {
        let d = Vector3::new(0.36, -0.48, 0.8);
        let (x, y, z) = (d.x, d.y, d.z);
        let root = f64::sqrt;
        let expected: [Vec<f64>; 4] = [
            vec![1.0],
            vec![y, z, x],
            [x * y, y * z, (3.0 * z * z - 1.0) / root(12.0), x * z, (x * x - y * y) / 2.0]
                .map(|p| root(3.0) * p)
                .to_vec(),
            vec![
                root(5.0 / 8.0) * y * (3.0 * x * x - y * y),
                root(15.0) * x * y * z,
                root(3.0 / 8.0) * y * (5.0 * z * z - 1.0),
                z * (5.0 * z * z - 3.0) / 2.0,
                root(3.0 / 8.0) * x * (5.0 * z * z - 1.0),
                root(15.0) / 2.0 * z * (x * x - y * y),
                root(5.0 / 8.0) * x * (x * x - 3.0 * y * y),
            ],
        ];
        for (l, expected) in expected.iter().enumerate() {
            for (a, b) in real(l as u8, &d).iter().zip(expected) {
                assert!((a - b).abs() < 1e-14, "l = {l}: {a} {b}");
            }
        }
    }

    #[test]
    fn siesta_p_is_minus_y_z_minus_x() {
        assert_eq!(siesta(1), ShellOrder { index: vec![0, 1, 2], sign: vec![-1.0, 1.0, -1.0] });
    }

    #[test]
    fn aims_p_is_y_z_minus_x() {
        assert_eq!(aims(1), ShellOrder { index: vec![0, 1, 2], sign: vec![1.0, 1.0, -1.0] });
        assert_eq!(aims(2).sign, [1.0, 1.0, 1.0, -1.0, 1.0]);
    }

    #[test]
    fn openmx_p_is_x_y_z() {
        assert_eq!(openmx(1).unwrap().index, [1, 2, 0]);
        assert_eq!(openmx(4), None);
    }

    #[test]
    fn abacus_p_is_z_minus_x_minus_y() {
        // canonical y, z, x out of the file's z, -x, -y
        assert_eq!(abacus(1), ShellOrder { index: vec![2, 0, 1], sign: vec![-1.0, 1.0, -1.0] });
    }
}
