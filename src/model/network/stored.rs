//! The network's part of a model file, and checkpoints: model files that also hold the state of the optimizer.

use safetensors::tensor::Dtype;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::adam::Adam;
use super::batch::Preparation;
use super::config::{KSpaceConfig, ModelConfig, Precision, TrainingConfig};
use super::network::Network;
use super::schedule::Course;
use super::statistics::Statistics;
use crate::model::file::{Model, NetworkTensors, RawTensor};
use crate::parsers::{Error, Result};

/// What the header of a model file says about its network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkHeader {
    /// Shape.
    pub model: ModelConfig,
    /// How it was trained.
    pub training: TrainingConfig,
    /// The error in reciprocal space.
    #[serde(default)]
    pub k_space: KSpaceConfig,
    /// Steps done.
    pub step: usize,
    /// Seconds that they took.
    pub seconds: f64,
    /// CPU seconds that they took; `None` where the system does not tell.
    #[serde(default)]
    pub cpu_seconds: Option<f64>,
    /// State of the schedule, with the best evaluation.
    #[serde(default)]
    pub course: Course,
    /// Ranges in bohr of the statistics of inputs and outputs.
    pub ranges: [[f64; 2]; 2],
}

/// A network out of a model file.
pub struct Stored {
    /// What the header says.
    pub header: NetworkHeader,
    /// Statistics and tables.
    pub preparation: Preparation,
    /// The network.
    pub network: Network,
    /// Its weights.
    pub weights: Tensor,
}

/// State of training besides the weights that a model holds.
pub struct OptimizerState {
    /// The weights that are trained (a model holds their running mean).
    pub weights: Tensor,
    /// Moments.
    pub adam: Adam,
    /// The weights of the best evaluation.
    pub best: Option<Tensor>,
}

const BEST: &str = "training.best_weights";
const WEIGHTS: &str = "training.weights";
const FIRST: &str = "training.first_moment";
const SECOND: &str = "training.second_moment";

/// Puts a network into a model.
pub fn store(
    model: &mut Model,
    header: &NetworkHeader,
    preparation: &Preparation,
    network: &Network,
    weights: &Tensor,
) {
    let mut tensors = NetworkTensors::new();
    for (name, shape, first) in network.table.named() {
        let piece = weights.detach().narrow(0, first, shape.iter().product());
        tensors.insert(format!("weights.{name}"), raw(&piece.view(shape)));
    }
    let exchange = preparation.exchange.iter().map(|statistics| ("exchange", statistics));
    for (name, statistics) in
        [("input", &preparation.input), ("output", &preparation.output)].into_iter().chain(exchange)
    {
        for (part, tensor) in statistics.named() {
            tensors.insert(format!("{name}.{part}"), raw(tensor));
        }
    }
    model.header.network = serde_json::to_value(header).ok();
    model.network = Some(tensors);
}

/// Adds the state of the optimizer: the model becomes a checkpoint.
pub fn store_optimizer(model: &mut Model, weights: &Tensor, adam: &Adam, best: Option<&Tensor>) {
    let state = [(WEIGHTS, weights), (FIRST, &adam.first), (SECOND, &adam.second)];
    let state = state.into_iter().chain(best.map(|best| (BEST, best)));
    if let Some(tensors) = &mut model.network {
        tensors.extend(state.map(|(name, tensor)| (name.to_owned(), raw(&tensor.detach()))));
    }
}

/// A header, also of a file that is older than one of its fields whose default is not what networks did before.
fn completed(header: &serde_json::Value) -> serde_json::Value {
    let mut header = header.clone();
    if let Some(model) = header.get_mut("model").and_then(serde_json::Value::as_object_mut) {
        model.entry("gate_bound").or_insert_with(|| 0.0.into());
    }
    header
}

/// The network of a model, on a device.
///
/// # Errors
/// `Unsupported` where there is none; `Syntax` where tensors do not fit the header.
pub fn load(model: &Model, device: Device) -> Result<Stored> {
    let (Some(header), Some(tensors)) = (&model.header.network, &model.network) else {
        return Err(Error::unsupported("the model has no network"));
    };
    let header: NetworkHeader = serde_json::from_value(completed(header))
        .map_err(|e| Error::syntax("a description of the network", e.to_string()))?;
    let kind = kind(header.training.precision);
    let [input, output] = header.ranges;
    let statistics = [statistics(tensors, "input", input, model)?, statistics(tensors, "output", output, model)?];
    // All statistics are measured on the same bonds.
    let exchange =
        header.model.uses_exchange().then(|| self::statistics(tensors, "exchange", input, model)).transpose()?;
    let preparation = Preparation::new(&header.model, &model.slots, statistics, kind, device)
        .of_quantity(model.header.target.quantity)
        .with_exchange(exchange);
    let network = Network::new(&preparation);
    let weights = network
        .table
        .named()
        .map(|(name, shape, _)| Ok(tensor(tensors, &format!("weights.{name}"), shape)?.flatten(0, -1).to_kind(kind)));
    let weights = Tensor::cat(&weights.collect::<Result<Vec<_>>>()?, 0).to_device(device);
    Ok(Stored { header, preparation, network, weights })
}

/// The state of the optimizer of a checkpoint.
///
/// # Errors
/// `Syntax` where the model is no checkpoint.
pub fn load_optimizer(model: &Model, stored: &Stored) -> Result<OptimizerState> {
    let tensors = model.network.as_ref().ok_or_else(|| Error::unsupported("the model has no network"))?;
    let read = |name: &str| {
        let flat = tensor(tensors, name, &[stored.network.table.n_parameters()])?;
        Ok::<Tensor, Error>(flat.to_kind(stored.preparation.kind).to_device(stored.preparation.device))
    };
    let best = tensors.contains_key(BEST).then(|| read(BEST)).transpose()?;
    Ok(OptimizerState { weights: read(WEIGHTS)?, adam: Adam { first: read(FIRST)?, second: read(SECOND)? }, best })
}

/// Number format of libtorch.
pub fn kind(precision: Precision) -> Kind {
    match precision {
        Precision::F32 => Kind::Float,
        Precision::F64 => Kind::Double,
    }
}

fn statistics(tensors: &NetworkTensors, name: &str, range: [f64; 2], model: &Model) -> Result<Statistics> {
    let [a, b, c, d] = Statistics::shapes(&model.slots);
    let read = |(part, shape): (&str, Vec<i64>)| tensor(tensors, &format!("{name}.{part}"), &shape);
    Ok(Statistics { range, mean: read(a)?, spread: read(b)?, node_mean: read(c)?, node_spread: read(d)? })
}

fn raw(tensor: &Tensor) -> RawTensor {
    let tensor = tensor.to_device(Device::Cpu).contiguous();
    let (dtype, size) = match tensor.kind() {
        Kind::Double => (Dtype::F64, 8),
        _ => (Dtype::F32, 4),
    };
    let mut bytes = vec![0; tensor.numel() * size];
    tensor.copy_data_u8(&mut bytes, tensor.numel());
    RawTensor { dtype, shape: tensor.size().iter().map(|&k| k as usize).collect(), bytes }
}

fn tensor(tensors: &NetworkTensors, name: &str, shape: &[i64]) -> Result<Tensor> {
    let wanted = || format!("tensor {name} of shape {shape:?}");
    let raw = tensors.get(name).ok_or_else(|| Error::syntax(wanted(), "nothing"))?;
    let kind = match raw.dtype {
        Dtype::F32 => Kind::Float,
        Dtype::F64 => Kind::Double,
        other => return Err(Error::syntax(wanted(), format!("numbers of type {other:?}"))),
    };
    let found: Vec<i64> = raw.shape.iter().map(|&k| k as i64).collect();
    if found != shape {
        return Err(Error::syntax(wanted(), format!("shape {found:?}")));
    }
    Ok(Tensor::from_data_size(&raw.bytes, shape, kind))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::completed;

    #[test]
    fn gates_of_old_files_have_no_bound() {
        assert_eq!(completed(&json!({"model": {"layers": 2}}))["model"], json!({"layers": 2, "gate_bound": 0.0}));
        assert_eq!(completed(&json!({"model": {"gate_bound": 4.0}}))["model"], json!({"gate_bound": 4.0}));
    }
}
