//! The numbers of one matrix file, in its own order, and their way from hartree to eV and back.

use rayon::prelude::*;

use crate::error::Result;
use crate::ev::Ev;
use crate::h5::{Data, Kind};
use crate::operator::c64;

/// So many elements show which constant made them eV.
const SHOWN: usize = 8192;

/// Block after block, as the file holds them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Entries {
    /// Spinless matrices; also what DeepH-dock writes of ABACUS' collinear ones.
    Real(Vec<f64>),
    /// Matrices with spin.
    Complex(Vec<c64>),
}

impl Entries {
    /// All numbers of `data`, of the kind that it holds.
    ///
    /// # Errors
    /// `Syntax` where they are no numbers.
    pub fn read(data: &Data) -> Result<Self> {
        match data.kind() {
            Some(Kind::Complex { .. }) => data.complexes().map(Entries::Complex),
            _ => data.reals().map(Entries::Real),
        }
    }

    /// Adds all numbers of `data`.
    ///
    /// # Errors
    /// `Syntax` where they are of another kind.
    pub fn append(&mut self, data: &Data) -> Result<()> {
        match self {
            Entries::Real(values) => values.extend(data.reals()?),
            Entries::Complex(values) => values.extend(data.complexes()?),
        }
        Ok(())
    }

    pub fn len(&self) -> usize {
        match self {
            Entries::Real(values) => values.len(),
            Entries::Complex(values) => values.len(),
        }
    }

    /// Real numbers: two for each complex one.
    pub fn n_parts(&self) -> usize {
        match self {
            Entries::Real(values) => values.len(),
            Entries::Complex(values) => 2 * values.len(),
        }
    }

    /// The constant that made them eV, where a known one did. Imaginary parts are not asked: programs add two of their terms
    /// after conversion.
    pub fn ev(&self) -> Option<Ev> {
        let real: Vec<f64> = match self {
            Entries::Real(values) => values.iter().copied().take(SHOWN).collect(),
            Entries::Complex(values) => values.iter().map(|value| value.re).take(SHOWN).collect(),
        };
        Ev::of_entries(&real)
    }

    /// See [`Ev::hint`], real part before imaginary part.
    pub fn hints(&self, ev: Ev) -> Vec<i8> {
        match self {
            Entries::Real(values) => values.par_iter().map(|&x| ev.hint(x)).collect(),
            Entries::Complex(values) => {
                let hints: Vec<[i8; 2]> = values.par_iter().map(|x| [ev.hint(x.re), ev.hint(x.im)]).collect();
                hints.into_flattened()
            }
        }
    }

    /// Hartree become eV.
    pub fn become_ev(&mut self, ev: Ev) {
        match self {
            Entries::Real(values) => values.par_iter_mut().for_each(|x| *x = ev.to_ev(*x)),
            Entries::Complex(values) => {
                values.par_iter_mut().for_each(|x| *x = c64::new(ev.to_ev(x.re), ev.to_ev(x.im)))
            }
        }
    }

    /// eV become hartree; one hint for each part.
    pub fn become_hartree(&mut self, ev: Ev, hints: &[i8]) {
        match self {
            Entries::Real(values) => {
                values.par_iter_mut().zip(hints).for_each(|(x, &hint)| *x = ev.to_hartree_hinted(*x, hint));
            }
            Entries::Complex(values) => {
                let hartree = |x: f64, hint: i8| ev.to_hartree_hinted(x, hint);
                let hints = hints.par_chunks_exact(2);
                values.par_iter_mut().zip(hints).for_each(|(x, hint)| {
                    *x = c64::new(hartree(x.re, hint[0]), hartree(x.im, hint[1]));
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_with_their_hints() {
        let ev = Ev { per_hartree: 27.211_384_5 };
        let parts: Vec<f64> = (1..2001).map(|n| (f64::from(n) * 0.37).sin() / 3.0).collect();
        let complex = parts.chunks(2).map(|two| c64::new(two[0], two[1])).collect();
        for entries in [Entries::Real(parts.clone()), Entries::Complex(complex)] {
            let hints = entries.hints(ev);
            assert_eq!(hints.len(), entries.n_parts());
            assert!(hints.iter().any(|&hint| hint != 0));
            let mut there = entries.clone();
            there.become_ev(ev);
            assert_eq!(there.ev(), Some(ev));
            there.become_hartree(ev, &hints);
            assert_eq!(there, entries);
        }
    }
}
