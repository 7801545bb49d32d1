//! Averages of an operator with its image under a symmetry.

use nalgebra::ComplexField;

use crate::parsers::{Operator, SpinOperator};

/// f64, or c64.
pub(super) trait Number: ComplexField<RealField = f64> + Copy + Default {}
impl<T: ComplexField<RealField = f64> + Copy + Default> Number for T {}

/// Replaces the blocks with `chosen` by the mean of themselves and of `image`, which has the same pairs and spin; the others keep
/// their bits. Returns the largest element taken away, hartree.
///
/// Where the symmetry is its own inverse and `image` a signed permutation of the elements, the result has it to the last bit:
/// sums of two numbers and halves do not depend on the order.
pub fn average_with(operator: &mut SpinOperator, image: &SpinOperator, chosen: &[bool]) -> f64 {
    use SpinOperator::{Collinear, Spinor, Unpolarized};
    match (operator, image) {
        (Unpolarized(o), Unpolarized(image)) => halfway(o, image, chosen),
        (Collinear(spins), Collinear(images)) => {
            largest(spins.iter_mut().zip(images).map(|(o, i)| halfway(o, i, chosen)))
        }
        (Spinor(spins), Spinor(images)) => largest(spins.iter_mut().zip(images).map(|(o, i)| halfway(o, i, chosen))),
        _ => 0.0,
    }
}

/// `sum` += factor (`a` − `b`), for operators with the same pairs and spin.
pub(super) fn add_difference(sum: &mut SpinOperator, a: &SpinOperator, b: &SpinOperator, factor: f64) {
    use SpinOperator::{Collinear, Spinor, Unpolarized};
    match (sum, a, b) {
        (Unpolarized(sum), Unpolarized(a), Unpolarized(b)) => add(sum, a, b, factor),
        (Collinear(sum), Collinear(a), Collinear(b)) => (0..2).for_each(|s| add(&mut sum[s], &a[s], &b[s], factor)),
        (Spinor(sum), Spinor(a), Spinor(b)) => (0..4).for_each(|s| add(&mut sum[s], &a[s], &b[s], factor)),
        _ => {}
    }
}

fn add<T: Number>(sum: &mut Operator<T>, a: &Operator<T>, b: &Operator<T>, factor: f64) {
    let differences = a.values().iter().zip(b.values()).map(|(a, b)| (*a - *b).scale(factor));
    sum.values_mut().iter_mut().zip(differences).for_each(|(sum, difference)| *sum += difference);
}

/// Largest element of the difference of two operators with the same pairs and spin, hartree.
pub fn distance(a: &SpinOperator, b: &SpinOperator) -> f64 {
    use SpinOperator::{Collinear, Spinor, Unpolarized};
    match (a, b) {
        (Unpolarized(a), Unpolarized(b)) => apart(a, b),
        (Collinear(a), Collinear(b)) => largest(a.iter().zip(b).map(|(a, b)| apart(a, b))),
        (Spinor(a), Spinor(b)) => largest(a.iter().zip(b).map(|(a, b)| apart(a, b))),
        _ => f64::INFINITY,
    }
}

fn halfway<T: Number>(operator: &mut Operator<T>, image: &Operator<T>, chosen: &[bool]) -> f64 {
    let mut removed = 0.0;
    for (k, _) in chosen.iter().enumerate().filter(|(_, chosen)| **chosen) {
        for (value, image) in operator.block_mut(k).iter_mut().zip(image.block(k)) {
            let mean = (*value + *image).scale(0.5);
            removed = f64::max(removed, (*value - mean).modulus());
            *value = mean;
        }
    }
    removed
}

fn apart<T: Number>(a: &Operator<T>, b: &Operator<T>) -> f64 {
    largest(a.values().iter().zip(b.values()).map(|(a, b)| (*a - *b).modulus()))
}

fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, f64::max)
}
