//! Time reversal, T = iσ_y K, of operators between real orbitals.

use super::impose::{Number, distance};
use crate::parsers::{Operator, SpinOperator};

/// T O T⁻¹ = σ_y conj(O) σ_y: uu → conj(dd), ud → −conj(du), du → −conj(ud), dd → conj(uu). Collinear spins change places; an
/// operator without spin is real and stays.
pub fn time_reversed(operator: &SpinOperator) -> SpinOperator {
    match operator {
        SpinOperator::Unpolarized(o) => SpinOperator::Unpolarized(o.clone()),
        SpinOperator::Collinear([up, down]) => SpinOperator::Collinear([down.clone(), up.clone()]),
        SpinOperator::Spinor([uu, ud, du, dd]) => {
            SpinOperator::Spinor([conjugate(dd, 1.0), conjugate(du, -1.0), conjugate(ud, -1.0), conjugate(uu, 1.0)])
        }
    }
}

/// How far an operator is from its image under time reversal, in its largest element, hartree: the exchange field of a magnet,
/// and the noise of a code's grid otherwise.
pub fn time_reversal_violation(operator: &SpinOperator) -> f64 {
    distance(operator, &time_reversed(operator))
}

fn conjugate<T: Number>(operator: &Operator<T>, sign: f64) -> Operator<T> {
    let mut image = operator.clone();
    image.values_mut().iter_mut().for_each(|value| *value = value.conjugate().scale(sign));
    image
}
