//! The two directions of a bond.

use tch::Tensor;

use crate::model::network::interface::Interface;
use crate::symmetry::Signed;

/// Hermiticity on rows of pair columns: what block (i, j) is, block (j, i) is after a signed permutation.
#[derive(Debug)]
pub struct PairExchange {
    index: Vec<i64>,
    sign: Vec<f64>,
}

impl PairExchange {
    /// The permutation of the outputs of a model.
    pub fn new(interface: &Interface) -> Self {
        let split = |&Signed { index, sign }: &Signed| (index as i64, sign);
        let (index, sign) = interface.exchange.iter().map(split).unzip();
        PairExchange { index, sign }
    }

    /// (v_ij + T v_ji)/2 of rows of which the second half are the first half's bonds reversed: `[E, columns]` to `[E/2, columns]`.
    pub fn averaged(&self, rows: &Tensor) -> Tensor {
        let bonds = rows.size()[0] / 2;
        (rows.narrow(0, 0, bonds) + self.reversed(&rows.narrow(0, bonds, bonds))) * 0.5
    }

    /// Rows of one direction, then those of the other: `[bonds, columns]` to `[2 bonds, columns]`.
    pub fn both_directions(&self, rows: &Tensor) -> Tensor {
        Tensor::cat(&[rows.shallow_clone(), self.reversed(rows)], 0)
    }

    fn reversed(&self, rows: &Tensor) -> Tensor {
        let index = Tensor::from_slice(&self.index).to_device(rows.device());
        let sign = Tensor::from_slice(&self.sign).to_kind(rows.kind()).to_device(rows.device());
        rows.index_select(1, &index) * sign
    }
}
