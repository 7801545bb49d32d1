//! Linear maps that respect the symmetry of a bond.

use tch::Tensor;

use crate::model::network::features::Classes;
use crate::model::network::weights::{Start, WeightId, WeightTable, Weights};

/// One real matrix per class, the same for cosine- and sine-like components: the most general linear map between features in the
/// frame of a bond that commutes with turns about the bond *and* with mirrors through it, hence with all of O(3).
///
/// A general SO(2) map also has imaginary parts and a map between the two m = 0 classes; they break inversion.
#[derive(Debug)]
pub struct So2Linear {
    /// By input, then class; `None` where a width is zero.
    weights: Vec<Vec<Option<WeightId>>>,
    outputs: Vec<i64>,
}

impl So2Linear {
    /// Inputs (lists of class widths) are added up, as if they were concatenated. Weights start normal, with deviation
    /// `gain`/√(total width).
    pub fn new(table: &mut WeightTable, name: &str, inputs: &[&[i64]], outputs: &[i64], gain: f64) -> Self {
        let total = |class: usize| inputs.iter().map(|widths| widths[class]).sum::<i64>().max(1) as f64;
        let mut weight = |input: usize, class: usize| {
            let shape = [inputs[input][class], outputs[class]];
            let start = Start::Normal(gain / total(class).sqrt());
            (shape[0] * shape[1] > 0).then(|| table.add(format!("{name}.{input}.{class}"), &shape, start))
        };
        let weights =
            (0..inputs.len()).map(|input| (0..outputs.len()).map(|class| weight(input, class)).collect()).collect();
        So2Linear { weights, outputs: outputs.to_vec() }
    }

    /// An absent input counts as zero; at least one must be there.
    pub fn forward(&self, w: &Weights, inputs: &[Option<&Classes>]) -> Classes {
        let class = |class: usize| {
            let parts = inputs
                .iter()
                .zip(&self.weights)
                .filter_map(|(x, weights)| Some((&x.as_ref()?.0[class], weights[class])));
            sum_of_products(w, parts, self.outputs[class])
        };
        Classes((0..self.outputs.len()).map(class).collect())
    }
}

/// Σ x W over the last dimension.
fn sum_of_products<'a>(
    w: &Weights,
    parts: impl Iterator<Item = (&'a Tensor, Option<WeightId>)>,
    output: i64,
) -> Tensor {
    let (mut sum, mut shape, mut device): (Option<Tensor>, Vec<i64>, _) = (None, Vec::new(), tch::Device::Cpu);
    for (x, weight) in parts {
        (shape, device) = (x.size(), x.device());
        if let Some(weight) = weight.map(|id| &w[id]) {
            let rows = x.reshape([-1, weight.size()[0]]);
            sum = Some(sum.map_or_else(|| rows.mm(weight), |sum| sum.addmm(&rows, weight)));
        }
    }
    if let Some(width) = shape.last_mut() {
        *width = output;
    }
    sum.map_or_else(|| Tensor::zeros(&shape, (w.kind(), device)), |sum| sum.view(shape.as_slice()))
}
