//! The second stage: an O(3)-exact network of SO(2) maps in the frames of the bonds, strictly local or with message passing
//! (feature `torch`).
//!
//! No tensor leaves this module.

pub mod adam;
pub mod batch;
pub mod config;
pub mod data;
pub mod device;
pub mod features;
pub mod interface;
pub mod kspace;
pub mod layers;
pub mod loss;
pub mod merge;
#[allow(clippy::module_inception)]
pub mod network;
pub mod padding;
pub mod predictor;
pub mod reach;
pub mod recompute;
pub mod schedule;
pub mod stages;
pub mod statistics;
pub mod stored;
pub mod tiles;
pub mod traces;
pub mod train;
pub mod trainer;
pub mod transfer;
pub mod weights;

pub use config::{Preset, TrainConfig};
pub use device::{DeviceChoice, doctor, init_torch, set_threads};
pub use predictor::Predictor;
pub use train::train;

pub use crate::random;

#[cfg(test)]
mod spin_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod training_tests;
