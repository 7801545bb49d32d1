//! Products of a sparse Hermitian matrix with several vectors at once.

use faer::{Mat, MatRef};
use pulp::{Arch, Simd, WithSimd};

use super::matrix::Hermitian;
use super::scalar::{LANES, Scalar};

/// `sums += A x`. (A closure would not be compiled for the processor at hand: nothing makes the compiler inline it.)
struct Accumulation<'a, 'p, T: Scalar> {
    matrix: &'a Hermitian<'p, T>,
    x: &'a [T::Lanes],
    sums: &'a mut [T::Lanes],
}

impl<T: Scalar> WithSimd for Accumulation<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.matrix.accumulate(self.x, self.sums);
    }
}

impl<T: Scalar> Hermitian<'_, T> {
    /// A X with the vectors as columns of `x`. Every stored element serves twice, as a_ij and as a_ji, for [`LANES`] vectors.
    ///
    /// # Panics
    /// Where `x` has another number of rows than A.
    pub fn times(&self, x: MatRef<'_, T>) -> Mat<T> {
        assert_eq!(x.nrows(), self.pattern.ncols());
        let mut product = Mat::zeros(x.nrows(), x.ncols());
        for first in (0..x.ncols()).step_by(LANES) {
            let width = LANES.min(x.ncols() - first);
            let packed: Vec<T::Lanes> = (0..x.nrows())
                .map(|row| {
                    T::lanes(std::array::from_fn(|lane| if lane < width { x[(row, first + lane)] } else { T::ZERO }))
                })
                .collect();
            let mut sums = vec![T::lanes([T::ZERO; LANES]); x.nrows()];
            Arch::new().dispatch(Accumulation { matrix: self, x: &packed, sums: &mut sums });
            for (row, sum) in sums.iter().enumerate() {
                let values = T::unpacked(sum);
                (0..width).for_each(|lane| product[(row, first + lane)] = values[lane]);
            }
        }
        product
    }

    /// `sums += A x`; compiled for the processor at hand as a part of [`Accumulation`].
    #[inline(always)]
    fn accumulate(&self, x: &[T::Lanes], sums: &mut [T::Lanes]) {
        let (starts, all_rows) = (self.pattern.col_ptr(), self.pattern.row_idx());
        for column in 0..x.len() {
            let (rows, values) = (&all_rows[starts[column]..starts[column + 1]], &self.values[starts[column]..]);
            let own = x[column];
            let mut sum = sums[column];
            for (&row, &value) in rows.iter().zip(values) {
                if row != column {
                    T::multiply_add(&mut sum, value.conj(), &x[row]);
                    T::multiply_add(&mut sums[row], value, &own);
                } else {
                    T::multiply_add(&mut sum, value, &own);
                }
            }
            sums[column] = sum;
        }
    }
}
