//! All weights of a network as one flat vector, and the named pieces of it.
//!
//! One vector makes the optimizer, clipping, averaging and checkpoints a few operations each; autograd sees one leaf and one
//! split.

use std::ops::Index;

use tch::{Kind, Tensor};

use super::random::Random;

/// How a weight starts.
#[derive(Debug, Clone, Copy)]
pub enum Start {
    /// Normal with this standard deviation.
    Normal(f64),
    /// Uniform between minus and plus this.
    Uniform(f64),
    /// This number everywhere.
    Constant(f64),
}

/// Handle of one weight tensor.
#[derive(Debug, Clone, Copy)]
pub struct WeightId(usize);

/// Name, shape and start of every weight, in the order of the flat vector.
#[derive(Debug, Default)]
pub struct WeightTable {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    name: String,
    shape: Vec<i64>,
    start: Start,
}

impl Entry {
    fn len(&self) -> i64 {
        self.shape.iter().product()
    }
}

impl WeightTable {
    /// Declares a weight.
    pub fn add(&mut self, name: impl Into<String>, shape: &[i64], start: Start) -> WeightId {
        self.entries.push(Entry { name: name.into(), shape: shape.to_vec(), start });
        WeightId(self.entries.len() - 1)
    }

    /// Number of parameters.
    pub fn n_parameters(&self) -> i64 {
        self.entries.iter().map(Entry::len).sum()
    }

    /// The flat vector at the start of training.
    pub fn initial(&self, seed: u64) -> Vec<f64> {
        let mut random = Random::new(seed, 0);
        let mut values = Vec::with_capacity(self.n_parameters() as usize);
        for entry in &self.entries {
            values.extend((0..entry.len()).map(|_| match entry.start {
                Start::Normal(deviation) => deviation * random.normal(),
                Start::Uniform(bound) => bound * (2.0 * random.uniform() - 1.0),
                Start::Constant(value) => value,
            }));
        }
        values
    }

    /// The pieces of `flat`, which must have [`Self::n_parameters`] elements; gradients flow back into it.
    pub fn split(&self, flat: &Tensor) -> Weights {
        let sizes: Vec<i64> = self.entries.iter().map(Entry::len).collect();
        let pieces = flat.split_with_sizes(&sizes, 0);
        Weights(pieces.iter().zip(&self.entries).map(|(piece, entry)| piece.view(entry.shape.as_slice())).collect())
    }

    /// (name, shape, first element) of every weight.
    pub fn named(&self) -> impl Iterator<Item = (&str, &[i64], i64)> {
        let mut first = 0;
        self.entries.iter().map(move |entry| {
            let start = first;
            first += entry.len();
            (entry.name.as_str(), entry.shape.as_slice(), start)
        })
    }
}

/// The weights as tensors.
#[derive(Debug)]
pub struct Weights(Vec<Tensor>);

impl Index<WeightId> for Weights {
    type Output = Tensor;

    fn index(&self, id: WeightId) -> &Tensor {
        &self.0[id.0]
    }
}

impl Weights {
    /// Number kind of all weights.
    pub fn kind(&self) -> Kind {
        self.0.first().map_or(Kind::Float, Tensor::kind)
    }
}
