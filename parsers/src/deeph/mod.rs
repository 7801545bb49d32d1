//! Folders of DeepH: [`updated`] is what DeepH-dock and DeepH-pack 2 read and write, [`legacy`] what DeepH-pack 0, DeepH-E3 and
//! xDeepH read.
//!
//! Both hold, for each structure in a folder of its own, H(R) in eV with the zero of the code that it came from, S(R) without
//! spin, and perhaps DM(R): dense row-major blocks of (R, i, j), both (R, i, j) and (−R, j, i). With spin a block is
//! `[[uu, ud], [du, dd]]`, spin outside the orbitals of an atom. Lengths are in ångström.
//!
//! DM is written as it is here: its trace with S is the number of electrons.

pub(crate) mod blocks;
pub(crate) mod entries;
mod layout;
pub mod legacy;
mod reading;
pub mod updated;
mod writing;

use crate::basis::{Shell, Species};
use crate::elements::atomic_number;
use crate::error::{Error, Result};

pub use updated::{read, write};

/// An element by its symbol, and the l of its radial functions in order.
fn species_of(label: &str, shells: &[u8]) -> Result<Species> {
    let z = atomic_number(label).ok_or_else(|| Error::syntax("the symbol of an element", format!("`{label}`")))?;
    let zeta = |n: usize| shells[..=n].iter().filter(|&&l| l == shells[n]).count();
    let shell = |n: usize| Shell { l: shells[n], zeta: u8::try_from(zeta(n)).unwrap_or(u8::MAX), n: None };
    Ok(Species { label: label.to_owned(), z: Some(z), shells: (0..shells.len()).map(shell).collect(), cutoff: None })
}
