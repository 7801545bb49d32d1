//! The zero of energy: H − μS has the eigenvalues of H less μ, and a Fermi level less μ.

use std::sync::Arc;

use crate::basis::Basis;
use crate::calculation::{Calculation, Of};
use crate::error::{Error, Result};
use crate::operator::{Operator, Pairs, SpinOperator, c64};

/// By how much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shift {
    /// The Fermi level becomes 0.
    Fermi,
    /// μ = Σ H S / Σ S² over all elements, which DeepH's `standardize` takes.
    Standard,
    /// So many eV of the run's own constant.
    Ev(f64),
}

/// `run` with H − μS in the place of H⁽⁰⁾ or H, and with the Fermi level that belongs to it.
///
/// # Errors
/// `Inconsistent` where the run lacks what the shift needs: S, or a Fermi level.
pub fn shifted(mut run: Calculation, of: Of, shift: Shift) -> Result<Calculation> {
    let missing = |what: &str| Error::inconsistent(format!("the run has no {what}, by which to shift the energies"));
    let overlap = run.overlap.as_ref().ok_or_else(|| missing("overlap"))?;
    let h = run.operator(of).ok_or_else(|| missing("such H"))?;
    let mu = match shift {
        Shift::Fermi => run.fermi_level.filter(|level| level.is_finite()).ok_or_else(|| missing("Fermi level"))?,
        Shift::Standard => standard(h, overlap),
        Shift::Ev(mu) => mu / run.origin.ev_per_hartree,
    };
    let less = Less { overlap, mu, basis: &run.basis };
    let h = match h {
        SpinOperator::Spinor([uu, ud, du, dd]) => {
            let [uu, dd] = [less.of(uu)?, less.of(dd)?];
            let [ud, du] = [ud, du].map(|o| Less { mu: 0.0, ..less }.of(o));
            SpinOperator::Spinor([uu, ud?, du?, dd])
        }
        real => real.try_map(|o| less.of(o), |o| less.of(o))?,
    };
    run.native = None;
    match of {
        Of::H0 => run.hamiltonian0 = Some(h),
        Of::Scf => {
            run.hamiltonian = Some(h);
            run.fermi_level = run.fermi_level.map(|level| level - mu);
        }
    }
    Ok(run)
}

/// μ = Σ H S / Σ S², both spins' H against the same S.
fn standard(h: &SpinOperator, overlap: &Operator<f64>) -> f64 {
    let real = |h: &Operator<f64>| -> f64 {
        h.blocks().map(|(pair, block)| dot(block.iter().copied(), overlap.get(pair))).sum()
    };
    let complex = |h: &Operator<c64>| -> f64 {
        h.blocks().map(|(pair, block)| dot(block.iter().map(|x| x.re), overlap.get(pair))).sum()
    };
    let squares: f64 = overlap.values().iter().map(|s| s * s).sum();
    match h {
        SpinOperator::Unpolarized(h) => real(h) / squares,
        SpinOperator::Collinear([up, down]) => (real(up) + real(down)) / (2.0 * squares),
        SpinOperator::Spinor([uu, _, _, dd]) => (complex(uu) + complex(dd)) / (2.0 * squares),
    }
}

fn dot(h: impl Iterator<Item = f64>, s: Option<&[f64]>) -> f64 {
    s.map_or(0.0, |s| h.zip(s).map(|(h, s)| h * s).sum())
}

/// O − μS on the blocks of both.
#[derive(Clone, Copy)]
struct Less<'a> {
    overlap: &'a Operator<f64>,
    mu: f64,
    basis: &'a Basis,
}

impl Less<'_> {
    fn of<T: Copy + Default + std::ops::Sub<Output = T> + From<f64>>(
        &self,
        operator: &Operator<T>,
    ) -> Result<Operator<T>> {
        let all = operator.pairs().as_slice().iter().chain(self.overlap.pairs().as_slice());
        let pairs = Arc::new(Pairs::new(all.copied().collect(), self.basis)?);
        let mut sum = operator.on(&pairs);
        for (k, pair) in pairs.as_slice().iter().enumerate() {
            for (value, s) in sum.block_mut(k).iter_mut().zip(self.overlap.get(pair).into_iter().flatten()) {
                *value = *value - T::from(self.mu * s);
            }
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bloch::BlochSum;

    fn run(name: &str) -> Calculation {
        let folder = format!("{}/../fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
        crate::read(folder.as_ref(), &Default::default()).unwrap()
    }

    #[test]
    fn h_moves_by_mu_s_and_the_fermi_level_with_it() {
        for name in ["siesta/mos2", "siesta/fe", "openmx/gaas_soc"] {
            let run = run(name);
            let mu = run.fermi_level.unwrap();
            let moved = shifted(run.clone(), Of::Scf, Shift::Fermi).unwrap();
            assert_eq!(moved.fermi_level, Some(0.0));
            let k = [0.1, 0.2, 0.3];
            let at = |run: &Calculation| {
                let h = run.hamiltonian.as_ref().unwrap();
                BlochSum::new(h.pairs(), &run.basis).channels_at(h, k)
            };
            let s = run.overlap.as_ref().unwrap();
            let spinor = run.nspin() == Some(4);
            let s = BlochSum::new(s.pairs(), &run.basis).overlap_at(s, spinor, k);
            for (before, after) in at(&run).iter().zip(at(&moved)) {
                assert!((before - after - faer::Scale(c64::new(mu, 0.0)) * &s).norm_max() < 1e-12, "{name}");
            }
        }
    }

    #[test]
    fn the_standard_shift_leaves_no_component_along_s() {
        let run = run("openmx/gaas_soc");
        let moved = shifted(run.clone(), Of::Scf, Shift::Standard).unwrap();
        let rest = standard(moved.hamiltonian.as_ref().unwrap(), run.overlap.as_ref().unwrap());
        assert!(rest.abs() < 1e-12, "{rest}");
        assert!(moved.fermi_level.unwrap() != run.fermi_level.unwrap());
    }

    #[test]
    fn what_is_missing_is_named() {
        let run = Calculation { fermi_level: None, ..run("siesta/mos2") };
        let message = shifted(run.clone(), Of::Scf, Shift::Fermi).unwrap_err().to_string();
        assert_eq!(message, "the run has no Fermi level, by which to shift the energies");
    }
}
