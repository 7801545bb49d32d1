//! The in-memory model of one run of a DFT code ([`Calculation`]), **and** the files of the codes in and out of it.
//!
//! (The model lives here, and not in `hzero`, because the readers build it and `hzero` uses the readers.)

#![doc = include_str!("conventions.md")]

pub mod abacus;
pub mod basis;
pub mod calculation;
pub mod check;
pub mod convert;
pub mod dump;
pub mod elements;
pub mod error;
pub mod format;
pub mod harmonics;
pub mod input;
pub mod operator;
pub mod output;
pub mod read;
pub mod structure;
pub mod units;

pub use basis::{Basis, Shell, Species};
pub use calculation::{Calculation, KGrid, NativeLayout, Of, Origin, PathNode, PrintedSpectrum, Smearing};
pub use error::{Error, ErrorKind, Result};
pub use operator::{Operator, Pair, Pairs, SpinOperator, c64};
pub use read::{ReadOptions, Step, read};
pub use structure::Structure;
