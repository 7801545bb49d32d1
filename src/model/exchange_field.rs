//! The real parts of a spin operator, O = A + σ·B + i (…): the spinless A and the exchange field B of a magnet.
//!
//! Both are symmetric as operators (A_ji(−R) = A_ij(R)ᵀ, and so is each component of B), and B is an axial vector that time
//! reversal turns round. The imaginary parts are spin–orbit coupling, which H⁽⁰⁾ has already: it comes from the pseudopotentials.

use crate::parsers::{Operator, SpinOperator, c64};

/// A, B_x, B_y and B_z.
pub type Parts = [Operator<f64>; 4];

/// A and B of an operator: no B without spin, B along z for collinear spin.
pub fn parts(operator: &SpinOperator) -> Parts {
    let zero = || Operator::zeros(operator.pairs().clone());
    match operator {
        SpinOperator::Unpolarized(o) => [o.clone(), zero(), zero(), zero()],
        SpinOperator::Collinear([up, down]) => {
            let half = |sign: f64| combined(up, |k, up| (up + sign * down.values()[k]) / 2.0);
            [half(1.0), zero(), zero(), half(-1.0)]
        }
        SpinOperator::Spinor([uu, ud, du, dd]) => [
            combined(uu, |k, uu| (uu.re + dd.values()[k].re) / 2.0),
            combined(ud, |k, ud| (ud.re + du.values()[k].re) / 2.0),
            combined(ud, |k, ud| (du.values()[k].im - ud.im) / 2.0),
            combined(uu, |k, uu| (uu.re - dd.values()[k].re) / 2.0),
        ],
    }
}

/// Adds A + σ·B to an operator on the same blocks; what has no place in it (B without spin, B across for collinear spin) is left out.
pub fn add(operator: &mut SpinOperator, [a, x, y, z]: &Parts) {
    match operator {
        SpinOperator::Unpolarized(o) => add_each(o, |k| a.values()[k]),
        SpinOperator::Collinear([up, down]) => {
            add_each(up, |k| a.values()[k] + z.values()[k]);
            add_each(down, |k| a.values()[k] - z.values()[k]);
        }
        SpinOperator::Spinor([uu, ud, du, dd]) => {
            add_each(uu, |k| c64::from(a.values()[k] + z.values()[k]));
            add_each(dd, |k| c64::from(a.values()[k] - z.values()[k]));
            add_each(ud, |k| c64::new(x.values()[k], -y.values()[k]));
            add_each(du, |k| c64::new(x.values()[k], y.values()[k]));
        }
    }
}

fn combined<T: Copy>(operator: &Operator<T>, value: impl Fn(usize, T) -> f64) -> Operator<f64> {
    let mut part = Operator::zeros(operator.pairs().clone());
    let values = operator.values().iter().enumerate().map(|(k, &o)| value(k, o));
    part.values_mut().iter_mut().zip(values).for_each(|(part, value)| *part = value);
    part
}

fn add_each<T: std::ops::AddAssign>(operator: &mut Operator<T>, value: impl Fn(usize) -> T) {
    operator.values_mut().iter_mut().enumerate().for_each(|(k, o)| *o += value(k));
}
