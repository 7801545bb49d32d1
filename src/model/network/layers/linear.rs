//! Maps of scalars.

use tch::Tensor;

use crate::model::network::weights::{Start, WeightId, WeightTable, Weights};

/// y = Σ_k x_k W_k + b over several inputs, as if they were concatenated, but without the copy.
#[derive(Debug)]
pub struct Linear {
    weights: Vec<WeightId>,
    bias: WeightId,
}

impl Linear {
    /// Inputs of the given widths; starts uniform within 1/√(total width).
    pub fn new(table: &mut WeightTable, name: &str, inputs: &[i64], output: i64) -> Self {
        let bound = 1.0 / (inputs.iter().sum::<i64>().max(1) as f64).sqrt();
        Linear::with_start(table, name, inputs, output, bound, Start::Uniform(bound))
    }

    /// Weights uniform within `bound`, biases as `bias` says.
    pub fn with_start(
        table: &mut WeightTable,
        name: &str,
        inputs: &[i64],
        output: i64,
        bound: f64,
        bias: Start,
    ) -> Self {
        let weight = |(k, &width): (usize, &i64)| {
            table.add(format!("{name}.weight{k}"), &[width, output], Start::Uniform(bound))
        };
        let weights = inputs.iter().enumerate().map(weight).collect();
        Linear { weights, bias: table.add(format!("{name}.bias"), &[output], bias) }
    }

    /// `inputs[k]` is `[rows, width k]`; an absent input counts as zero.
    pub fn forward(&self, w: &Weights, inputs: &[Option<&Tensor>]) -> Tensor {
        let mut sum = w[self.bias].shallow_clone();
        for (input, &weight) in inputs.iter().zip(&self.weights) {
            if let Some(input) = input {
                sum = sum.addmm(input, &w[weight]);
            }
        }
        sum
    }

    /// y Wᵀ for the first input: what differentiation makes of `y`, the gradient with respect to the output.
    pub fn transposed(&self, w: &Weights, y: &Tensor) -> Tensor {
        y.matmul(&w[self.weights[0]].tr())
    }
}

/// Two hidden layers of equal width with SiLU after each.
#[derive(Debug)]
pub struct Mlp {
    first: Linear,
    second: Linear,
}

impl Mlp {
    /// Inputs of the given widths.
    pub fn new(table: &mut WeightTable, name: &str, inputs: &[i64], width: i64) -> Self {
        Mlp {
            first: Linear::new(table, &format!("{name}.0"), inputs, width),
            second: Linear::new(table, &format!("{name}.1"), &[width], width),
        }
    }

    /// `[rows, width]`; an absent input counts as zero.
    pub fn forward(&self, w: &Weights, inputs: &[Option<&Tensor>]) -> Tensor {
        let hidden = self.first.forward(w, inputs).silu();
        self.second.forward(w, &[Some(&hidden)]).silu()
    }
}
