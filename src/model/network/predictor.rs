//! ΔH of a structure from a trained network.

use tch::{Device, Tensor};

use super::batch::Preparation;
use super::config::{Base, ModelConfig};
use super::network::Network;
use super::padding::padded;
use super::stored;
use crate::model::file::Model;
use crate::model::linear::Prediction;
use crate::model::{Channels, Sample, Slots};
use crate::parsers::{Error, Result};

/// Bonds that are worked on together, about 40 MB of features: a whole number of [`super::padding::ROWS`].
const TILE: usize = 2048;

/// A trained network on its device. One per thread: libtorch's tensors are not shared.
#[derive(Debug)]
pub struct Predictor {
    preparation: Preparation,
    network: Network,
    weights: Tensor,
}

impl Predictor {
    /// The network of a model.
    ///
    /// # Errors
    /// `Unsupported` where the model has no network; `Syntax` where its tensors do not fit its configuration.
    pub fn load(model: &Model, device: Device) -> Result<Self> {
        let stored = stored::load(model, device)?;
        if model.linear.is_none() && stored.preparation.config.base.needs_linear() {
            return Err(Error::unsupported("the model's network corrects a linear stage, but the model has none"));
        }
        Ok(Predictor { network: stored.network, preparation: stored.preparation, weights: stored.weights })
    }

    /// Shape of the network.
    pub fn config(&self) -> &ModelConfig {
        &self.preparation.config
    }

    /// Slots of the model.
    pub fn slots(&self) -> &Slots {
        &self.preparation.slots
    }

    /// ΔH in hartree: base (out of what the model's linear stage predicts), mean and network, summed in double precision. Memory
    /// beyond rows in and out stays bounded, however large the structure is.
    ///
    /// # Errors
    /// `Unsupported` where the network needs H⁽⁰⁾ and the sample has none.
    pub fn predict(&self, sample: &Sample, linear: Option<&Prediction>) -> Result<Channels> {
        predict(&self.preparation, &self.network, &self.weights, sample, linear)
    }
}

/// What the network corrects, hartree.
pub(super) fn base(base: Base, sample: &Sample, linear: Option<&Prediction>) -> Channels {
    let part = linear.and_then(|prediction| match base {
        Base::Linear => Some(&prediction.delta),
        Base::Potential => prediction.potential.as_ref(),
        Base::None | Base::Shift | Base::H0 => None,
    });
    part.cloned().unwrap_or_else(|| Channels::zeros(&sample.graph, sample.width()))
}

/// As [`Predictor::predict`], with the weights of the moment. Where there is an exchange field, the prediction is averaged with that
/// of the time-reversed run, so it obeys time reversal exactly: the spinless part is even in the field, the field odd.
pub(super) fn predict(
    preparation: &Preparation,
    network: &Network,
    weights: &Tensor,
    sample: &Sample,
    linear: Option<&Prediction>,
) -> Result<Channels> {
    let mut delta = predict_once(preparation, network, weights, sample, linear)?;
    if preparation.slots.is_magnetic() {
        let reversed = sample.time_reversed(&preparation.slots);
        let image = predict_once(preparation, network, weights, &reversed, linear)?;
        delta.average(&image.time_reversed(preparation.slots.algebra()));
    }
    Ok(delta)
}

fn predict_once(
    preparation: &Preparation,
    network: &Network,
    weights: &Tensor,
    sample: &Sample,
    linear: Option<&Prediction>,
) -> Result<Channels> {
    let mut delta = base(preparation.config.base, sample, linear);
    preparation.add_mean(sample, &mut delta);
    let batch = padded(preparation.batch(sample, None, TILE)?);
    tch::no_grad(|| {
        let output = network.forward(&network.table.split(weights), preparation, &batch);
        preparation.add(&batch, &output, &mut delta);
    });
    Ok(delta)
}
