//! ΔH of a structure from a trained network.

use tch::{Device, Tensor};

use super::batch::{EdgeTile, Preparation};
use super::config::{Base, ModelConfig};
use super::network::Network;
use super::padding::padded;
use super::stored;
use super::tiles::{Tiles, automatic_size};
use crate::model::file::Model;
use crate::model::linear::Prediction;
use crate::model::{Channels, Sample, Slots};
use crate::parsers::{Error, Result};

/// A trained network on its device. One per thread: libtorch's tensors are not shared.
#[derive(Debug)]
pub struct Predictor {
    preparation: Preparation,
    network: Network,
    weights: Tensor,
    tile: Option<usize>,
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
        Ok(Predictor { network: stored.network, preparation: stored.preparation, weights: stored.weights, tile: None })
    }

    /// Works on so many bonds at a time; `None` is [`automatic_size`].
    pub fn in_tiles(self, tile: Option<usize>) -> Self {
        Predictor { tile, ..self }
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
    /// beyond rows in and out and the states of near bonds stays bounded, however large the structure is; only a second stage
    /// (`model.refine`) holds all bonds.
    ///
    /// # Errors
    /// `Unsupported` where the network needs H⁽⁰⁾ and the sample has none.
    pub fn predict(&self, sample: &Sample, linear: Option<Prediction>) -> Result<Channels> {
        predict(&self.preparation, &self.network, &self.weights, sample, linear, self.tile)
    }
}

/// What the network corrects, hartree.
pub(super) fn base(base: Base, sample: &Sample, linear: Option<Prediction>) -> Channels {
    let part = linear.and_then(|prediction| match base {
        Base::Linear => Some(prediction.delta),
        Base::Potential => prediction.potential,
        Base::None | Base::Shift | Base::H0 => None,
    });
    part.unwrap_or_else(|| Channels::zeros(&sample.graph, sample.width()))
}

/// As [`Predictor::predict`], with the weights of the moment. Where there is an exchange field, the prediction is averaged with that
/// of the time-reversed run, so it obeys time reversal exactly: the spinless part is even in the field, the field odd.
pub(super) fn predict(
    preparation: &Preparation,
    network: &Network,
    weights: &Tensor,
    sample: &Sample,
    linear: Option<Prediction>,
    tile: Option<usize>,
) -> Result<Channels> {
    let once =
        |sample: &Sample, base: Channels| tch::no_grad(|| added(preparation, network, weights, sample, base, tile));
    let base = base(preparation.config.base, sample, linear);
    if !preparation.slots.is_magnetic() {
        return once(sample, base);
    }
    let mut delta = once(sample, base.clone())?;
    let image = once(&sample.time_reversed(&preparation.slots), base)?;
    delta.average(&image.time_reversed(preparation.slots.algebra()));
    Ok(delta)
}

/// Adds mean and network to the base.
fn added(
    preparation: &Preparation,
    network: &Network,
    weights: &Tensor,
    sample: &Sample,
    base: Channels,
    tile: Option<usize>,
) -> Result<Channels> {
    let (mut delta, w) = (base, network.table.split(weights));
    preparation.add_mean(sample, &mut delta);
    if network.refines() {
        let tile = tile.unwrap_or_else(|| automatic_size(preparation));
        let batch = padded(preparation.batch(sample, None, tile)?);
        preparation.add(&batch, &network.forward(&w, preparation, &batch), &mut delta);
    } else {
        let tiles = Tiles::new(preparation, sample, tile)?;
        let put = |tile: &EdgeTile, rows: &Tensor| preparation.add_bonds(&tile.bonds, rows, &mut delta);
        let atoms = network.stream(&w, preparation, &tiles, put);
        preparation.add_atoms(&atoms, &mut delta);
    }
    Ok(delta)
}
