//! What predicts ΔH = H − H⁽⁰⁾: a closed-form linear stage, then a network.
//!
//! A run becomes a [`Sample`]: atoms, bonds with their frames, and S, H⁽⁰⁾ and ΔH as coupled channels over the model's
//! [`Slots`]. Both stages predict channels; [`Sample::operator`] and [`apply`] turn them back into H.

pub mod band_error;
pub mod certify;
pub mod density_error;
pub mod domains;
pub mod equivariance;
pub mod evaluate;
pub mod exchange_field;
pub mod file;
pub mod graph;
pub mod linear;
#[cfg(feature = "torch")]
pub mod network;
pub mod phases;
pub mod predict;
pub mod sample;
pub mod slots;
#[cfg(test)]
pub(crate) mod spin_tests;
#[cfg(test)]
pub(crate) mod synthetic;
pub mod target;
pub mod training;
mod whole;

pub use graph::{Edge, Graph};
pub use sample::{Channels, Sample};
pub use slots::{ModelSpecies, Slot, Slots};
pub use target::{Target, apply, delta, gauge_shift};
