//! The Hermitian adjoint of an operator in real space.

use super::impose::Number;
use crate::parsers::{Basis, Operator, SpinOperator};

/// O†: `O†_ss′[iμ, jν](R) = conj(O_s′s[jν, iμ](−R))`, on the same blocks. A block whose partner (j, i, −R) is not stored stays as
/// it is.
pub fn adjoint(operator: &SpinOperator, basis: &Basis) -> SpinOperator {
    match operator {
        SpinOperator::Unpolarized(o) => SpinOperator::Unpolarized(transposed(o, o, basis)),
        SpinOperator::Collinear(spins) => SpinOperator::Collinear(spins.each_ref().map(|o| transposed(o, o, basis))),
        SpinOperator::Spinor([uu, ud, du, dd]) => SpinOperator::Spinor(
            [(uu, uu), (ud, du), (du, ud), (dd, dd)].map(|(own, partner)| transposed(own, partner, basis)),
        ),
    }
}

/// Blocks (i, j, R) of the result are those (j, i, −R) of `partner`, transposed and conjugated.
fn transposed<T: Number>(own: &Operator<T>, partner: &Operator<T>, basis: &Basis) -> Operator<T> {
    let mut adjoint = own.clone();
    let pairs = own.pairs();
    for (k, (pair, reversed)) in pairs.as_slice().iter().zip(pairs.partners()).enumerate() {
        let Some(source) = reversed.map(|reversed| partner.block(reversed)) else { continue };
        let [rows, columns] = [pair.i, pair.j].map(|atom| basis.orbitals_of(atom as usize).len());
        for (place, value) in adjoint.block_mut(k).iter_mut().enumerate() {
            *value = source[place % columns * rows + place / columns].conjugate();
        }
    }
    adjoint
}
