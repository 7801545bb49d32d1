//! The symmetries that every predicted Hamiltonian gets.

use super::crystal::{POSITION_TOLERANCE, SpaceGroup};
use super::hermitian::adjoint;
use super::impose::{average_with, distance};
use super::time_reversal::{time_reversal_violation, time_reversed};
use crate::parsers::{Basis, Operator, Result, SpinOperator, Structure};

/// A symmetry, and what imposing it took away.
#[derive(Debug, Clone, PartialEq)]
pub struct Imposed {
    /// `hermitian`, `time reversal`, or the space group and how many operations of it.
    pub symmetry: String,
    /// Largest element removed, hartree.
    pub removed: f64,
}

/// H⁽⁰⁾ of a run without moments has time reversal up to this, hartree. Measured: at most 4e-7 without moments (ABACUS; 9e-16
/// SIESTA and OpenMX), at least 3e-2 with them.
const TIME_REVERSAL_NOISE: f64 = 1e-5;

/// Does H⁽⁰⁾ have spin, and no moments? ABACUS and OpenMX may start from moments that vanish in the SCF loop; such a run counts
/// as magnetic here, since H⁽⁰⁾ cannot tell.
pub fn is_nonmagnetic(h0: &SpinOperator) -> bool {
    h0.nspin() > 1 && time_reversal_violation(h0) < TIME_REVERSAL_NOISE
}

/// Makes the blocks `chosen` of a predicted `h` Hermitian, and symmetric under time reversal where `h0` [is](is_nonmagnetic),
/// both to the last bit. All other blocks keep the bits of H⁽⁰⁾, which the codes themselves leave Hermitian to 1e-9 hartree.
pub fn impose(h: &mut SpinOperator, h0: &SpinOperator, basis: &Basis, chosen: &[bool]) -> Vec<Imposed> {
    let image = adjoint(h, basis);
    let mut imposed = vec![Imposed { symmetry: "hermitian".to_owned(), removed: average_with(h, &image, chosen) }];
    if is_nonmagnetic(h0) {
        // Keeps Hermiticity to the last bit: T maps adjoint elements to adjoint elements.
        let image = time_reversed(h);
        imposed.push(Imposed { symmetry: "time reversal".to_owned(), removed: average_with(h, &image, chosen) });
    }
    imposed
}

/// The grids of the codes break the symmetry of H⁽⁰⁾ in perfect crystals by 8e-10 (ABACUS), 3e-4 (SIESTA), 2e-3 hartree (OpenMX)
/// at most; moments break it by 7e-3 at least.
const GRID_NOISE: f64 = 3e-3;

/// Averages a predicted ΔH over those operations of the space group that keep H⁽⁰⁾. Only ΔH: the converged H of a code breaks the
/// symmetry by its grid as H⁽⁰⁾ does.
///
/// # Errors
/// As [`SpaceGroup::of`].
pub fn average(delta: &mut Operator<f64>, h0: &SpinOperator, structure: &Structure, basis: &Basis) -> Result<Imposed> {
    let group = SpaceGroup::of(structure, POSITION_TOLERANCE)?.keeping(h0, basis, GRID_NOISE);
    let before = SpinOperator::Unpolarized(delta.clone());
    let mean = group.average(&before, basis);
    let removed = distance(&before, &mean);
    if let SpinOperator::Unpolarized(mean) = mean {
        *delta = mean;
    }
    Ok(Imposed { symmetry: format!("{} operations of {}", group.operations.len(), group.name), removed })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::parsers::basis::parse_shells;
    use crate::parsers::{Operator, Pair, Pairs, Species, c64};
    use crate::symmetry::impose::distance;

    fn basis() -> Basis {
        let species = |label: &str, shells| Species {
            label: label.to_owned(),
            z: None,
            shells: parse_shells(shells).unwrap(),
            cutoff: None,
        };
        Basis::new(vec![species("A", "1s1p"), species("B", "1s")], &[0, 1]).unwrap()
    }

    fn pairs(basis: &Basis) -> Arc<Pairs> {
        let one_way =
            [(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (1, 1, 0)].map(|(i, j, x)| Pair { i, j, r: [x, 0, 0] });
        Arc::new(Pairs::new(one_way.iter().flat_map(|pair| [*pair, pair.reversed()]).collect(), basis).unwrap())
    }

    fn noise(pairs: &Arc<Pairs>, seed: usize) -> Operator<c64> {
        let number = |k: usize| ((seed * 7919 + k * 104_729) % 1009) as f64 / 1009.0 - 0.5;
        let values = (0..pairs.n_values()).map(|k| c64::new(number(2 * k), number(2 * k + 1))).collect();
        Operator::new(pairs.clone(), values).unwrap()
    }

    fn spinor(pairs: &Arc<Pairs>) -> SpinOperator {
        SpinOperator::Spinor([1, 2, 3, 4].map(|seed| noise(pairs, seed)))
    }

    #[test]
    fn noise_becomes_symmetric_to_the_last_bit() {
        let basis = basis();
        let pairs = pairs(&basis);
        let nonmagnetic = SpinOperator::Spinor([1, 2, 3, 4].map(|_| Operator::zeros(pairs.clone())));
        let mut h = spinor(&pairs);
        let imposed = impose(&mut h, &nonmagnetic, &basis, &vec![true; pairs.len()]);
        assert_eq!(imposed.iter().map(|i| i.symmetry.as_str()).collect::<Vec<_>>(), ["hermitian", "time reversal"]);
        assert!(imposed.iter().all(|imposed| imposed.removed > 0.1));
        assert_eq!(h, adjoint(&h, &basis));
        assert_eq!(h, time_reversed(&h));
        let again = impose(&mut h.clone(), &nonmagnetic, &basis, &vec![true; pairs.len()]);
        assert!(again.iter().all(|imposed| imposed.removed == 0.0));
    }

    #[test]
    fn a_magnet_keeps_its_field_and_unchosen_blocks_their_bits() {
        let basis = basis();
        let pairs = pairs(&basis);
        let before = spinor(&pairs);
        let mut h = before.clone();
        let chosen: Vec<bool> = pairs.as_slice().iter().map(Pair::is_onsite).collect();
        let imposed = impose(&mut h, &before, &basis, &chosen);
        assert_eq!(imposed.len(), 1);
        assert!(time_reversal_violation(&h) > 0.1);
        let (SpinOperator::Spinor([h, ..]), SpinOperator::Spinor([before, ..])) = (&h, &before) else {
            panic!("spins differ")
        };
        for (k, chosen) in chosen.iter().enumerate() {
            assert_eq!(*chosen, h.block(k) != before.block(k), "block {k}");
        }
    }

    #[test]
    fn time_reversal_twice_and_the_adjoint_twice_change_nothing() {
        let basis = basis();
        let h = spinor(&pairs(&basis));
        assert_eq!(distance(&h, &time_reversed(&time_reversed(&h))), 0.0);
        assert_eq!(distance(&h, &adjoint(&adjoint(&h, &basis), &basis)), 0.0);
    }

    #[test]
    fn spins_of_real_runs() {
        for (run, nonmagnetic) in [
            ("siesta/feas_so", false),
            ("siesta/fe2_nc", false),
            ("siesta/fe", false),
            ("openmx/gaas_soc", true),
            ("openmx/h2o_nc", false),
            ("siesta/mos2", false),
        ] {
            let folder = format!("{}/fixtures/{run}", env!("CARGO_MANIFEST_DIR"));
            let run = crate::parsers::read(folder.as_ref(), &Default::default()).unwrap();
            let h0 = run.hamiltonian0.as_ref().unwrap();
            assert_eq!(is_nonmagnetic(h0), nonmagnetic, "{folder}");
            let mut h = h0.clone();
            let imposed = impose(&mut h, h0, &run.basis, &vec![true; h0.pairs().len()]);
            assert!(imposed.iter().all(|imposed| imposed.removed < 1e-8), "{folder}: {imposed:?}");
            assert_eq!(h, adjoint(&h, &run.basis), "{folder}");
        }
    }
}
