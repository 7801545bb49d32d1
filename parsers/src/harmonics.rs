//! Order and sign of the real harmonics of each code, as one signed permutation per l.
//!
//! Canonical order inside hzero: m = −l … l, real harmonics without Condon–Shortley phase (l = 1: y, z, x).

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abacus_p_is_z_minus_x_minus_y() {
        // canonical y, z, x out of the file's z, -x, -y
        assert_eq!(abacus(1), ShellOrder { index: vec![2, 0, 1], sign: vec![-1.0, 1.0, -1.0] });
    }
}
