//! The settings of a run that its Hamiltonian depends on, so that runs of a training set can be compared.

use std::path::Path;

use crate::code::Code;
use crate::error::Result;
use crate::read::ReadOptions;
use crate::{abacus, openmx, siesta};

/// What a value is where the input does not state one.
pub const DEFAULT: &str = "default";

/// Keys of the code's input with their values, [`DEFAULT`] for absent ones.
pub type Settings = Vec<(String, String)>;

/// Settings of the two calculations of a run; empty where no input was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OfRun {
    /// Of the step-zero calculation.
    pub h0: Settings,
    /// Of the converged one.
    pub scf: Settings,
}

impl OfRun {
    /// Those of the converged calculation, else of the step-zero one.
    pub fn main(&self) -> &Settings {
        if self.scf.is_empty() { &self.h0 } else { &self.scf }
    }

    /// The first key in which H⁽⁰⁾ and H were made differently: key, value of H⁽⁰⁾, value of H.
    pub fn contradiction(&self) -> Option<(&str, &str, &str)> {
        let pairs = self.h0.iter().zip(&self.scf).filter(|((a, _), (b, _))| a == b);
        pairs.filter(|((_, a), (_, b))| !same_value(a, b)).map(|((key, a), (_, b))| (&key[..], &a[..], &b[..])).next()
    }
}

/// Reads the inputs of the run at `path`.
///
/// # Errors
/// `Io`, and those of the inputs.
pub fn of(path: &Path, options: &ReadOptions) -> Result<OfRun> {
    match Code::of(path, options)? {
        Code::Abacus => abacus::settings::of(path),
        Code::OpenMx => openmx::settings::of(path),
        Code::Siesta => siesta::settings::of(path),
    }
}

/// Are two values the same, word by word, as numbers or else as text?
pub fn same_value(a: &str, b: &str) -> bool {
    let number = |word: &str| word.replace(['d', 'D'], "e").parse::<f64>().ok();
    let same = |(a, b): (&str, &str)| match (number(a), number(b)) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-12 * a.abs().max(b.abs()),
        _ => a.eq_ignore_ascii_case(b),
    };
    a.split_whitespace().count() == b.split_whitespace().count()
        && a.split_whitespace().zip(b.split_whitespace()).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_as_what_they_are() {
        assert!(same_value("200 Ry", "200.0 ry") && same_value("1.0d-2", "0.01"));
        assert!(!same_value("200 Ry", "200") && !same_value("PBE", "LDA"));
    }

    #[test]
    fn the_first_difference_is_named() {
        let of = |cutoff: &str| vec![("nspin".to_owned(), "1".to_owned()), ("ecutwfc".to_owned(), cutoff.to_owned())];
        assert_eq!(OfRun { h0: of("60"), scf: of("60.0") }.contradiction(), None);
        assert_eq!(OfRun { h0: of("60"), scf: of("80") }.contradiction(), Some(("ecutwfc", "60", "80")));
        assert_eq!(OfRun { h0: Vec::new(), scf: of("80") }.contradiction(), None);
    }
}
