//! The in-memory model of one run of a DFT code ([`Calculation`]), **and** the files of the codes in and out of it.
//!
//! (The model lives here, and not in `hzero`, because the readers build it and `hzero` uses the readers.)

//!
//! # Invariants
//! - A parser takes bytes and returns a struct with the code's own names, units and order. Files are opened by [`input::open`]
//!   alone (HDF5: by libhdf5), on behalf of [`read()`] and [`convert`], so every file may be compressed and none is read whole into memory.
//! - The code's units, and its order and signs of orbitals, end in its own module (`abacus`, `openmx`, `siesta`): beyond it everything is in
//!   hartree, bohr and the order below.
//! - A count from a file is compared with the size of the file before anything is allocated; a broken file is an [`Error`] with
//!   the file, the place and both numbers, never a panic.
//! - Writers write beside the target and rename ([`output`]): a file is there as a whole or not at all.
//! - Nothing here knows models, bands or libtorch.

#![doc = include_str!("conventions.md")]

pub mod abacus;
pub mod aims;
pub mod basis;
pub mod bloch;
pub mod calculation;
pub mod cells;
pub mod check;
pub mod code;
pub mod companion;
pub mod complete;
pub mod convergence;
pub mod convert;
#[cfg(feature = "hdf5")]
pub mod deeph;
pub mod density;
#[cfg(feature = "hdf5")]
pub mod dftio;
pub mod dump;
pub mod eigen;
pub mod elements;
pub mod error;
pub mod ev;
mod folder;
mod foreign;
pub mod format;
#[cfg(feature = "hdf5")]
pub mod h5;
pub mod harmonics;
#[cfg(feature = "hdf5")]
pub mod hints;
pub mod input;
mod memory;
#[cfg(feature = "hdf5")]
pub mod netcdf;
pub mod neutral;
pub mod nextham;
pub mod openmx;
pub mod operator;
pub mod out_of_scope;
pub mod output;
pub mod poscar;
pub mod predicted;
pub mod read;
pub mod recipe;
pub mod reorder;
pub mod restart;
pub mod runs;
mod same_run;
pub mod settings;
pub mod shift;
pub mod siesta;
pub mod states;
pub mod structure;
pub mod sublattice;
pub mod template;
pub mod tile;
pub mod units;
pub mod wannier;

pub use basis::{Basis, Shell, Species};
pub use calculation::{Calculation, KGrid, NativeLayout, Of, Origin, PathNode, PrintedSpectrum, Smearing};
pub use code::Code;
pub use density::Density;
pub use error::{Error, ErrorKind, Result};
pub use operator::{Operator, Pair, Pairs, SpinOperator, c64};
pub use read::{ReadOptions, Step, read};
pub use structure::Structure;
pub use sublattice::{IntegerMatrix, Sublattice};
pub use tile::{supercell, tile};
