//! hzero: from the zeroth-step Hamiltonian of a DFT run to the converged one, without SCF.
//!
//! ```text
//! cli ──> model ──> symmetry ──> parsers (re-exported: structure, basis, operators, files)
//!  └────> bands ─────────────────┘
//! ```
//!
//! # Invariants
//! - Hartree and bohr inside. Electronvolt and ångström appear where people read: [`cli`], and the text, JSON, figures and
//!   comparisons of [`bands`], with the code's own constants ([`parsers::Origin`]); names that hold them end in `_ev`, `_mev`.
//! - No tensor of libtorch outside `model::network` (feature `torch`): everything else builds and runs without it.
//! - [`bands`] and [`symmetry`] know nothing of models; [`model`] knows nothing of bands beyond energies that it is given,
//!   but for [`model::certify`], which diagonalizes what it certifies.
//! - No file is opened outside [`parsers`], but for model files, configurations, libtorch's version, and what [`cli`] is told
//!   to read or write.

pub use hzero_parsers as parsers;

pub mod bands;
pub mod cli;
pub mod dataset;
pub mod density;
pub mod model;
pub mod random;
pub mod symmetry;
