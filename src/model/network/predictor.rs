//! ΔH of a structure from a trained network.

use tch::{Device, Tensor};

use super::batch::Preparation;
use super::config::Base;
use super::network::Network;
use super::stored;
use crate::model::file::Model;
use crate::model::linear::LinearStage;
use crate::model::{Channels, Sample, Slots};
use crate::parsers::{Error, Result};

/// Bonds that are worked on together: about 40 MB of features.
const TILE: usize = 2048;

/// A trained network on its device. One per thread: libtorch's tensors are not shared.
#[derive(Debug)]
pub struct Predictor {
    preparation: Preparation,
    network: Network,
    weights: Tensor,
    linear: Option<LinearStage>,
}

impl Predictor {
    /// The network of a model.
    ///
    /// # Errors
    /// `Unsupported` where the model has no network; `Syntax` where its tensors do not fit its configuration.
    pub fn load(model: &Model, device: Device) -> Result<Self> {
        let stored = stored::load(model, device)?;
        let linear = model.linear.clone();
        if linear.is_none() && stored.preparation.config.base != Base::None {
            return Err(Error::unsupported("the model's network corrects a linear stage, but the model has none"));
        }
        Ok(Predictor { network: stored.network, preparation: stored.preparation, weights: stored.weights, linear })
    }

    /// Slots of the model.
    pub fn slots(&self) -> &Slots {
        &self.preparation.slots
    }

    /// ΔH in hartree: base, mean and network, summed in double precision. Memory beyond rows in and out stays bounded, however
    /// large the structure is.
    pub fn predict(&self, sample: &Sample) -> Channels {
        predict(&self.preparation, &self.network, &self.weights, self.linear.as_ref(), sample)
    }
}

/// What the network corrects, hartree.
pub(super) fn base(base: Base, linear: Option<&LinearStage>, sample: &Sample, slots: &Slots) -> Channels {
    match (base, linear) {
        (Base::Linear, Some(stage)) => stage.predict(sample, slots).delta,
        (Base::Potential, Some(stage)) => stage.predict_potential(sample, slots),
        _ => Channels::zeros(&sample.graph, slots.algebra().width()),
    }
}

/// As [`Predictor::predict`], with the weights of the moment.
pub(super) fn predict(
    preparation: &Preparation,
    network: &Network,
    weights: &Tensor,
    linear: Option<&LinearStage>,
    sample: &Sample,
) -> Channels {
    let mut delta = base(preparation.config.base, linear, sample, &preparation.slots);
    preparation.add_mean(sample, &mut delta);
    tch::no_grad(|| {
        let batch = preparation.batch(sample, None, TILE);
        let output = network.forward(&network.table.split(weights), preparation, &batch);
        preparation.add(&batch, &output, &mut delta);
    });
    delta
}
