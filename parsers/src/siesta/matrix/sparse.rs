//! Dense blocks → sparse rows, on the pattern of the files.

use rayon::prelude::*;

use super::blocks::{Blocks, Element};
use super::{Places, wrong_number};
use crate::error::{ErrorKind, Result};
use crate::operator::{Operator, SpinOperator, c64};
use crate::units::RYDBERG_IN_HARTREE;

/// H in rydberg, with `nspin` components, on the pattern of `places`; blocks that `h` lacks are 0. nspin 4 has no place for
/// imaginary parts of uu and dd and keeps the mean of ud and du*, as SIESTA does.
///
/// # Errors
/// `NotRepresentable` where `nspin` does not fit the spin of `h`.
pub fn components_of_hamiltonian(h: &SpinOperator, nspin: usize, places: &Places) -> Result<Vec<Vec<f64>>> {
    const TWICE: f64 = 1.0 / RYDBERG_IN_HARTREE;
    match (h, nspin) {
        (SpinOperator::Unpolarized(h), 1) => Ok(gather([h], places, |[h]| [h * TWICE])),
        (SpinOperator::Collinear([up, down]), 2) => Ok(gather([up, down], places, |h| h.map(|h| h * TWICE))),
        (SpinOperator::Spinor([uu, ud, du, dd]), 4) => {
            Ok(gather([uu, ud, du, dd], places, |[uu, ud, du, dd]: [c64; 4]| {
                [uu.re * TWICE, dd.re * TWICE, ud.re + du.re, du.im - ud.im]
            }))
        }
        (SpinOperator::Spinor([uu, ud, du, dd]), 8) => {
            Ok(gather([uu, ud, du, dd], places, |[uu, ud, du, dd]: [c64; 4]| {
                [uu.re, dd.re, du.re, du.im, -uu.im, -dd.im, ud.re, -ud.im].map(|h| h * TWICE)
            }))
        }
        _ => Err(does_not_fit(h, nspin)),
    }
}

/// DM with `nspin` components on the pattern of `places`; see [`components_of_hamiltonian`].
///
/// # Errors
/// As there.
pub fn components_of_density_matrix(dm: &SpinOperator, nspin: usize, places: &Places) -> Result<Vec<Vec<f64>>> {
    match (dm, nspin) {
        (SpinOperator::Unpolarized(dm), 1) => Ok(gather([dm], places, |dm| dm)),
        (SpinOperator::Collinear([up, down]), 2) => Ok(gather([up, down], places, |dm| dm)),
        (SpinOperator::Spinor([uu, ud, du, dd]), 4) => {
            Ok(gather([uu, ud, du, dd], places, |[uu, ud, du, dd]: [c64; 4]| {
                [uu.re, dd.re, 0.5 * (ud.re + du.re), 0.5 * (du.im - ud.im)]
            }))
        }
        (SpinOperator::Spinor([uu, ud, du, dd]), 8) => {
            Ok(gather([uu, ud, du, dd], places, |[uu, ud, du, dd]: [c64; 4]| {
                [uu.re, dd.re, ud.re, -ud.im, uu.im, dd.im, du.re, du.im]
            }))
        }
        _ => Err(does_not_fit(dm, nspin)),
    }
}

/// S on the pattern of `places`; blocks that `s` lacks are 0.
pub fn components_of_overlap(s: &Operator<f64>, places: &Places) -> Vec<f64> {
    gather([s], places, |s| s).swap_remove(0)
}

/// Sets the elements that the pattern lacks to 0.
pub fn restrict<T: Copy + Default + Send + Sync>(operator: &mut Operator<T>, places: &Places) {
    let blocks = Blocks::on(operator.pairs(), places);
    let mut rest = operator.values_mut();
    let mut tasks = Vec::new();
    for atom in 0..places.basis.n_atoms() {
        let values = blocks.values_of(atom);
        tasks.push((atom, values.start, rest.split_off_mut(..values.len()).unwrap_or_default()));
    }
    tasks.into_par_iter().for_each(|(atom, start, values)| {
        let mut kept = vec![T::default(); values.len()];
        blocks.visit(atom, |Element { place, .. }| kept[place - start] = values[place - start]);
        values.copy_from_slice(&kept);
    });
}

/// Out of the operators (all on the same blocks) into components: `convert` takes one element of each.
fn gather<T, const IN: usize, const OUT: usize>(
    operators: [&Operator<T>; IN],
    places: &Places,
    convert: impl Fn([T; IN]) -> [f64; OUT] + Sync,
) -> Vec<Vec<f64>>
where
    T: Copy + Send + Sync + std::ops::Mul<f64, Output = T>,
{
    let blocks = Blocks::on(operators[0].pairs(), places);
    let mut components: [Vec<f64>; OUT] = std::array::from_fn(|_| vec![0.0; places.sparsity.n_elements()]);
    let mut rests = components.each_mut().map(Vec::as_mut_slice);
    let mut tasks = Vec::new();
    for atom in 0..places.basis.n_atoms() {
        let rows = places.basis.orbitals_of(atom);
        let row_starts = places.sparsity.row_starts();
        let (start, n) = (row_starts[rows.start], row_starts[rows.end] - row_starts[rows.start]);
        tasks.push((atom, start, rests.each_mut().map(|rest| rest.split_off_mut(..n).unwrap_or_default())));
    }
    tasks.into_par_iter().for_each(|(atom, start, mut out)| {
        blocks.visit(atom, |Element { element, place, sign }| {
            let values = convert(operators.map(|operator| operator.values()[place] * sign));
            out.iter_mut().zip(values).for_each(|(out, value)| out[element - start] = value);
        });
    });
    components.into()
}

fn does_not_fit(operator: &SpinOperator, nspin: usize) -> crate::Error {
    if ![1, 2, 4, 8].contains(&nspin) {
        return wrong_number(nspin);
    }
    let what = format!("an operator of nspin {} in a file of {nspin} spin components", operator.nspin());
    ErrorKind::NotRepresentable { format: "SIESTA".into(), what }.into()
}
