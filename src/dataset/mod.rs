//! Tools for training sets: which runs are sound ([`mod@check`]), what a set covers ([`mod@stats`], [`coverage`], [`mod@spread`]), how to
//! divide it ([`mod@split`]), new structures with their inputs ([`mod@generate`]: [`cells`], [`perturb`]), and which of them to compute
//! next ([`mod@next`]).

pub mod cells;
pub mod check;
pub mod coverage;
pub mod fingerprint;
pub mod generate;
pub mod lattice;
pub mod member;
pub mod next;
pub mod perturb;
pub mod shape;
pub mod split;
pub mod spread;
pub mod stats;

pub use member::{Change, Member};
