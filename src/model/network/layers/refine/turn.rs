//! Features seen from other axes.

use nalgebra::{Matrix3, Vector3};
use tch::{Device, Kind, Tensor};

use crate::model::network::features::{Hidden, NodeFeatures};
use crate::model::network::random::Random;
use crate::symmetry::WignerTables;
use crate::symmetry::rotate::uniform_rotation;

/// How hidden features change when the axes are turned, or mirrored, by an O(3) matrix.
#[derive(Debug)]
pub struct Turn {
    /// D⁰ … D^{l_max} on the diagonal.
    natural: Tensor,
    /// det·D¹, …: unnatural features have the other parity.
    unnatural: Tensor,
}

impl Turn {
    /// The turn by `r`.
    pub fn new(hidden: &Hidden, r: &Matrix3<f64>, kind: Kind, device: Device) -> Self {
        let d = WignerTables::new(hidden.l_max as usize).matrices(r);
        let block = |l: i64, sign: f64| {
            let size = 2 * l + 1;
            (Tensor::from_slice(d.block(l as usize)).view([size, size]) * sign).to_kind(kind).to_device(device)
        };
        let natural: Vec<Tensor> = (0..=hidden.l_max).map(|l| block(l, 1.0)).collect();
        let unnatural: Vec<Tensor> = (1..=hidden.unnatural_l_max).map(|l| block(l, r.determinant().signum())).collect();
        let empty = || Tensor::zeros([0, 0], (kind, device));
        Turn {
            natural: Tensor::block_diag(&natural),
            unnatural: if unnatural.is_empty() { empty() } else { Tensor::block_diag(&unnatural) },
        }
    }

    /// Into the turned axes.
    pub fn there(&self, features: &NodeFeatures) -> NodeFeatures {
        NodeFeatures {
            natural: self.natural.matmul(&features.natural),
            unnatural: self.unnatural.matmul(&features.unnatural),
        }
    }

    /// Out of them.
    pub fn back(&self, features: &NodeFeatures) -> NodeFeatures {
        NodeFeatures {
            natural: self.natural.tr().matmul(&features.natural),
            unnatural: self.unnatural.tr().matmul(&features.unnatural),
        }
    }
}

/// Random axes for one training step, right- or left-handed: they depend on seed and step alone.
pub fn random_turn(seed: u64, step: usize) -> Matrix3<f64> {
    let mut random = Random::new(seed, PURPOSE + step as u64);
    let r = uniform_rotation([0; 3].map(|_| random.uniform()));
    if random.uniform() < 0.5 { r } else { -r }
}

/// Apart from the streams of weights and data.
const PURPOSE: u64 = 1 << 40;

/// The first `n` of the 24 rotations of a cube, the identity first: the first 4 and the first 12 are groups as well (half turns about
/// the axes; the tetrahedron). An average over a group is equivariant under it, and nearly so under all rotations.
pub fn fixed_turns(n: usize) -> Vec<Matrix3<f64>> {
    let orders = [[0, 1, 2], [1, 2, 0], [2, 0, 1], [1, 0, 2], [0, 2, 1], [2, 1, 0]];
    let signs = [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]];
    let turn = |order: [usize; 3], [a, b]: [f64; 2]| {
        let axis = |k: usize, sign: f64| Vector3::ith(order[k], sign).transpose();
        let r = Matrix3::from_rows(&[axis(0, a), axis(1, b), axis(2, 1.0)]);
        r * r.determinant() // of an odd dimension: the sign of −r is the other one
    };
    orders.into_iter().flat_map(|order| signs.map(|signs| turn(order, signs))).take(n).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_turns_are_groups() {
        for n in [1, 4, 12, 24] {
            let turns = fixed_turns(n);
            assert_eq!(turns.len(), n);
            assert_eq!(turns[0], Matrix3::identity());
            for (a, b) in turns.iter().flat_map(|a| turns.iter().map(move |b| (a, b))) {
                assert_eq!(turns.iter().filter(|c| **c == a * b).count(), 1);
                assert_eq!(a.determinant(), 1.0);
            }
        }
    }

    #[test]
    fn there_and_back() {
        crate::model::network::init_torch();
        let hidden = Hidden { l_max: 3, unnatural_l_max: 2, channels: 4, unnatural_channels: 2 };
        let random = |rows: i64, channels: i64| Tensor::randn([5, rows, channels], (Kind::Double, Device::Cpu));
        let natural = random(hidden.natural_rows(), 4);
        let features = NodeFeatures { natural, unnatural: random(hidden.unnatural_rows(), 2) };
        let turn = Turn::new(&hidden, &random_turn(1, 2), Kind::Double, Device::Cpu);
        let there = turn.there(&features);
        let back = turn.back(&there);
        let error = |a: &Tensor, b: &Tensor| (a - b).abs().max().double_value(&[]);
        assert!(error(&back.natural, &features.natural) < 1e-13 && error(&back.unnatural, &features.unnatural) < 1e-13);
        assert!(error(&there.natural, &features.natural) > 0.1);
        assert_ne!(random_turn(1, 2), random_turn(1, 3));
    }
}
