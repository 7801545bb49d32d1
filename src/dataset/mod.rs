//! Tools for training sets: which runs are sound ([`check`]), what a set covers ([`coverage`], [`spread`]), and how to divide it
//! ([`split`]).

pub mod check;
pub mod coverage;
pub mod fingerprint;
pub mod lattice;
pub mod member;
pub mod shape;
pub mod split;
pub mod spread;
pub mod stats;

pub use member::{Change, Member};
