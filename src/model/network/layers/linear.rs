//! Maps of scalars.

use tch::Tensor;

use crate::model::network::config::ModelConfig;
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
                sum = plus_product(&sum, input, &w[weight]);
            }
        }
        sum
    }

    /// y Wᵀ for the first input: what differentiation makes of `y`, the gradient with respect to the output.
    pub fn transposed(&self, w: &Weights, y: &Tensor) -> Tensor {
        y.matmul(&w[self.weights[0]].tr())
    }
}

/// What multiplies features: linear in invariants, and within `model.gate_bound` where there is one. Starts at one, about.
#[derive(Debug)]
pub struct Gate {
    linear: Linear,
    bound: f64,
}

impl Gate {
    /// `output` gates from the `model.width` outputs of an [`Mlp`]; weights start uniform within `spread`.
    pub fn new(table: &mut WeightTable, name: &str, config: &ModelConfig, output: i64, spread: f64) -> Self {
        let linear = Linear::with_start(table, name, &[config.width as i64], output, spread, Start::Constant(1.0));
        Gate { linear, bound: config.gate_bound }
    }

    /// `[rows, output]`.
    pub fn forward(&self, w: &Weights, invariants: &Tensor) -> Tensor {
        let gates = self.linear.forward(w, &[Some(invariants)]);
        if self.bound > 0.0 { (gates / self.bound).tanh() * self.bound } else { gates }
    }
}

/// Columns of a product: whole numbers of these leave every row of it aligned to the 16 bytes of a vector register.
const COLUMNS: i64 = 4;

/// Rows times a matrix, `[.., k] · [k, n]`. Where n is no whole number of `COLUMNS`, MKL adds up a row in an order that depends on
/// the row's place in memory; zero columns in between make every row the same to the last bit, wherever it stands.
pub fn product(rows: &Tensor, matrix: &Tensor) -> Tensor {
    let n = matrix.size()[1];
    match n % COLUMNS {
        0 => rows.matmul(matrix),
        rest => rows.matmul(&matrix.constant_pad_nd([0, COLUMNS - rest])).narrow(-1, 0, n),
    }
}

/// `sum` plus a [`product`] of rows `[rows, k]`.
pub fn plus_product(sum: &Tensor, rows: &Tensor, matrix: &Tensor) -> Tensor {
    if matrix.size()[1] % COLUMNS == 0 { sum.addmm(rows, matrix) } else { sum + product(rows, matrix) }
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
