//! Learned invariants of equivariant features, and their gradient as new features (TraceGrad, arXiv:2405.05722).

use tch::{Kind, Tensor};

use super::{Linear, PairState};
use crate::model::network::config::{Gradient, ModelConfig};
use crate::model::network::features::{HiddenTables, NodeFeatures};
use crate::model::network::weights::{Start, WeightId, WeightTable, Weights};

/// Keeps the normalization finite where all numbers of a row are equal.
const EPSILON: f64 = 1e-5;
/// Size of the added gradient relative to the features with [`Gradient::Scaled`] (NextHAM).
const SHARE: f64 = 0.2;
/// Keeps that ratio finite where the gradient vanishes.
const SMALL: f64 = 1e-12;

/// The invariants of one layer: of its bonds, and of its atoms.
#[derive(Debug)]
pub struct InvariantBranch {
    bonds: InvariantUnit,
    atoms: InvariantUnit,
}

impl InvariantBranch {
    /// `widths`: of the hidden classes.
    pub fn new(
        table: &mut WeightTable,
        name: &str,
        config: &ModelConfig,
        tables: &HiddenTables,
        widths: &[i64],
    ) -> Self {
        InvariantBranch {
            bonds: InvariantUnit::new(table, &format!("{name}.bonds"), widths, config),
            atoms: InvariantUnit::new(table, &format!("{name}.atoms"), &tables.hidden.degree_channels(), config),
        }
    }

    /// z of bonds, whose features get its gradient: `[E, width]`.
    pub fn bonds(&self, w: &Weights, state: &mut PairState) -> Tensor {
        self.bonds.update(w, &mut state.frame.0)
    }

    /// z of atoms, whose features get its gradient: `[N, width]`.
    pub fn atoms(&self, w: &Weights, tables: &HiddenTables, atoms: &mut NodeFeatures) -> Tensor {
        let mut degrees = tables.hidden.degrees(atoms);
        let z = self.atoms.update(w, &mut degrees);
        *atoms = tables.hidden.joined(&degrees, atoms);
        z
    }
}

/// Quadratic invariants q_k = Σ_p ⟨P_pk f_p, Q_pk f_p⟩ of features f = (f_1, f_2, …), and z = MLP(q).
///
/// A part f_p is `[rows, components, channels]` (or `[rows, channels]`), where every transformation acts on the components alone and
/// orthogonally: one degree of an atom's features, or one class of a bond's features in its frame. So q and z do not change, and the
/// gradient v = ∂(Σ z)/∂f is a feature as f is. It is written with ordinary operations,
///
/// v_p = g (Q_p f_p) P_pᵀ + g (P_p f_p) Q_pᵀ,  g = J_MLP(q)ᵀ 1,
///
/// a mixing of channels that depends on the invariants; training then differentiates once, not twice.
#[derive(Debug)]
pub struct InvariantUnit {
    /// P and Q of every part; `None` where it has no channels.
    projections: Vec<Option<[WeightId; 2]>>,
    first: NormedLayer,
    second: NormedLayer,
    gradient: Gradient,
}

/// A feature part in both projections, `[rows, components, K]`.
struct Projected([Tensor; 2]);

impl InvariantUnit {
    /// `channels` of every part.
    pub fn new(table: &mut WeightTable, name: &str, channels: &[i64], config: &ModelConfig) -> Self {
        let (k, width) = (config.invariants as i64, config.width as i64);
        let mut projection = |side: &str, part: usize, channels: i64| {
            table.add(format!("{name}.{side}{part}"), &[channels, k], Start::Normal(1.0 / (channels as f64).sqrt()))
        };
        let mut pair = |(part, &channels): (usize, &i64)| {
            (channels > 0).then(|| ["left", "right"].map(|side| projection(side, part, channels)))
        };
        InvariantUnit {
            projections: channels.iter().enumerate().map(&mut pair).collect(),
            first: NormedLayer::new(table, &format!("{name}.0"), k, width),
            second: NormedLayer::new(table, &format!("{name}.1"), width, width),
            gradient: config.gradient,
        }
    }

    /// Adds the gradient to the features, as the configuration says, and gives z of the features before: `[rows, width]`.
    pub fn update(&self, w: &Weights, features: &mut [Tensor]) -> Tensor {
        if self.gradient == Gradient::None {
            return self.invariants(w, features, false).0;
        }
        let (z, gradient) = self.invariants(w, features, true);
        let factor = match self.gradient {
            Gradient::Scaled => Some(ratio(features, &gradient) * SHARE),
            _ => None,
        };
        for (feature, gradient) in features.iter_mut().zip(gradient) {
            let added = match &factor {
                Some(factor) => gradient * by_row(factor, feature),
                None => gradient,
            };
            *feature = &*feature + added;
        }
        z
    }

    /// z, and (if wanted) its gradient, in the shapes of the features.
    pub fn invariants(&self, w: &Weights, features: &[Tensor], gradient: bool) -> (Tensor, Vec<Tensor>) {
        let projected: Vec<Option<Projected>> = features
            .iter()
            .zip(&self.projections)
            .map(|(f, sides)| sides.map(|sides| Projected(sides.map(|side| matrix_product(f, &w[side])))))
            .collect();
        let terms = projected.iter().flatten().map(|Projected([p, q])| (p * q).sum_dim_intlist(1, false, w.kind()));
        let zero = || Tensor::zeros([features[0].size()[0], 1], (w.kind(), features[0].device()));
        let sum = terms.reduce(|sum, term| sum + term).unwrap_or_else(zero);
        let (hidden, first) = self.first.forward(w, &sum);
        let (z, second) = self.second.forward(w, &hidden);
        if !gradient {
            return (z, Vec::new());
        }
        let g = self.first.transposed(w, &first, &self.second.transposed(w, &second, &z.ones_like())).unsqueeze(1);
        let part = |(f, (projected, sides)): (&Tensor, (&Option<Projected>, &Option<[WeightId; 2]>))| {
            let (Some(Projected([p, q])), Some([left, right])) = (projected, sides) else { return f.zeros_like() };
            let v = (&g * q).matmul(&w[*left].tr()) + (&g * p).matmul(&w[*right].tr());
            v.view_as(f)
        };
        (z, features.iter().zip(projected.iter().zip(&self.projections)).map(part).collect())
    }
}

/// `[rows, components, K]`, also where the features have one component that is no dimension of its own.
fn matrix_product(f: &Tensor, matrix: &Tensor) -> Tensor {
    if f.dim() == 2 { f.mm(matrix).unsqueeze(1) } else { f.matmul(matrix) }
}

/// |f|/|v| of every row, `[rows]`, a constant for differentiation.
fn ratio(features: &[Tensor], gradient: &[Tensor]) -> Tensor {
    let norm = |parts: &[Tensor]| {
        let squares = parts.iter().map(|part| part.flatten(1, -1).square().sum_dim_intlist(1, false, part.kind()));
        squares.reduce(|sum, square| sum + square).map(|sum| sum.sqrt())
    };
    let ratio = norm(features).zip(norm(gradient)).map(|(f, v)| f / (v + SMALL));
    ratio.unwrap_or_default().detach()
}

/// `[rows]` in a shape that multiplies the rows of `like`.
fn by_row(factor: &Tensor, like: &Tensor) -> Tensor {
    let mut shape = vec![1; like.dim()];
    shape[0] = -1;
    factor.view(shape.as_slice())
}

/// Linear map, normalization of each row (with learned scale and shift), SiLU; and the transposed of its Jacobian.
#[derive(Debug)]
struct NormedLayer {
    linear: Linear,
    scale: WeightId,
    shift: WeightId,
}

/// What the transposed map needs of a forward pass.
struct Passed {
    /// After normalization, before scale and shift.
    normal: Tensor,
    deviation: Tensor,
    /// Before SiLU.
    before: Tensor,
}

impl NormedLayer {
    fn new(table: &mut WeightTable, name: &str, input: i64, output: i64) -> Self {
        NormedLayer {
            linear: Linear::new(table, name, &[input], output),
            scale: table.add(format!("{name}.scale"), &[output], Start::Constant(1.0)),
            shift: table.add(format!("{name}.shift"), &[output], Start::Constant(0.0)),
        }
    }

    fn forward(&self, w: &Weights, x: &Tensor) -> (Tensor, Passed) {
        let sums = self.linear.forward(w, &[Some(x)]);
        let centred = &sums - row_mean(&sums);
        let deviation = (row_mean(&centred.square()) + EPSILON).sqrt();
        let normal = centred / &deviation;
        let before = &normal * &w[self.scale] + &w[self.shift];
        (before.silu(), Passed { normal, deviation, before })
    }

    /// Jᵀ y: the gradient with respect to the input, given that with respect to the output.
    fn transposed(&self, w: &Weights, passed: &Passed, y: &Tensor) -> Tensor {
        let Passed { normal, deviation, before } = passed;
        let sigmoid = before.sigmoid();
        let slope = &sigmoid * ((1.0 - &sigmoid) * before + 1.0);
        let y = y * slope * &w[self.scale];
        let y = (&y - row_mean(&y) - normal * row_mean(&(&y * normal))) / deviation;
        self.linear.transposed(w, &y)
    }
}

/// Mean over the last dimension, which stays.
fn row_mean(x: &Tensor) -> Tensor {
    x.mean_dim(-1, true, None::<Kind>)
}
