//! Linear maps that respect the symmetry of a bond.

use tch::Tensor;

use super::{plus_product, product};
use crate::model::network::config::Mixing;
use crate::model::network::features::Classes;
use crate::model::network::weights::{Start, WeightId, WeightTable, Weights};

/// The most general linear map between features in the frame of a bond that commutes with turns about the bond and, with
/// [`Mixing::Parity`], also with mirrors through it, hence with all of O(3).
///
/// With x = cos + i sin of one |m| > 0 a map that commutes with turns is y = (A + iB) x with real matrices A and B, since all
/// components of a class turn alike. A mirror takes x to its conjugate, so it commutes with A alone; of the two m = 0 classes it turns
/// the unnatural one round, so maps between them are of the kind of B. [`Mixing::Free`] has both kinds (eSCN: Passaro, Zitnick 2023).
#[derive(Debug)]
pub struct So2Linear {
    even: PerClass,
    odd: Option<PerClass>,
}

impl So2Linear {
    /// Inputs (lists of class widths) are added up, as if they were concatenated. Weights start normal, with deviation
    /// `gain`/√(total width), so that outputs have the size of the inputs times `gain`.
    pub fn new(
        table: &mut WeightTable,
        name: &str,
        inputs: &[&[i64]],
        outputs: &[i64],
        mixing: Mixing,
        gain: f64,
    ) -> Self {
        match mixing {
            Mixing::Parity => So2Linear { even: PerClass::new(table, name, inputs, outputs, gain), odd: None },
            Mixing::Free => {
                let gain = gain * std::f64::consts::FRAC_1_SQRT_2;
                let mut crossed = outputs.to_vec();
                crossed.swap(0, 1);
                So2Linear {
                    even: PerClass::new(table, name, inputs, outputs, gain),
                    odd: Some(PerClass::new(table, &format!("{name}.odd"), inputs, &crossed, gain)),
                }
            }
        }
    }

    /// An absent input counts as zero; at least one must be there.
    pub fn forward(&self, w: &Weights, inputs: &[Option<&Classes>]) -> Classes {
        let even = self.even.forward(w, inputs);
        match &self.odd {
            None => even,
            Some(odd) => even.plus(&odd.forward(w, inputs).crossed()),
        }
    }
}

/// One real matrix per class, the same for cosine- and sine-like components.
#[derive(Debug)]
struct PerClass {
    /// By input, then class; `None` where a width is zero.
    weights: Vec<Vec<Option<WeightId>>>,
    outputs: Vec<i64>,
}

impl PerClass {
    fn new(table: &mut WeightTable, name: &str, inputs: &[&[i64]], outputs: &[i64], gain: f64) -> Self {
        let total = |class: usize| inputs.iter().map(|widths| widths[class]).sum::<i64>().max(1) as f64;
        let mut weight = |input: usize, class: usize| {
            let shape = [inputs[input][class], outputs[class]];
            let start = Start::Normal(gain / total(class).sqrt());
            (shape[0] * shape[1] > 0).then(|| table.add(format!("{name}.{input}.{class}"), &shape, start))
        };
        let weights =
            (0..inputs.len()).map(|input| (0..outputs.len()).map(|class| weight(input, class)).collect()).collect();
        PerClass { weights, outputs: outputs.to_vec() }
    }

    fn forward(&self, w: &Weights, inputs: &[Option<&Classes>]) -> Classes {
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
            sum = Some(sum.map_or_else(|| product(&rows, weight), |sum| plus_product(&sum, &rows, weight)));
        }
    }
    if let Some(width) = shape.last_mut() {
        *width = output;
    }
    sum.map_or_else(|| Tensor::zeros(&shape, (w.kind(), device)), |sum| sum.reshape(shape.as_slice()))
}
