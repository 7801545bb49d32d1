//! Numbers of a sparse problem: real where every Bloch phase is ±1, else complex.

use std::ops::{Add, AddAssign, Mul, Sub, SubAssign};

use faer::traits::ComplexField;

use crate::bands::eigen::Number;
use crate::parsers::c64;

/// Numbers of one row that are multiplied together: a cache line of real parts.
pub const LANES: usize = 8;

/// Real or complex double.
pub trait Scalar:
    Number
    + Default
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Mul<f64, Output = Self>
    + AddAssign
    + SubAssign
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// The same in single precision.
    type Single: ComplexField + Copy + Default;
    /// [`LANES`] numbers, real parts and imaginary parts apart.
    type Lanes: Copy + Send + Sync;

    /// `value`, whose imaginary part is 0 (to rounding) where numbers are real.
    fn of(value: c64) -> Self;

    /// Rounded.
    fn single(self) -> Self::Single;

    /// The same as a complex number.
    fn complex(self) -> c64;

    /// Packs numbers.
    fn lanes(values: [Self; LANES]) -> Self::Lanes;

    /// Unpacks numbers.
    fn unpacked(lanes: &Self::Lanes) -> [Self; LANES];

    /// `sum += factor · lanes`.
    fn multiply_add(sum: &mut Self::Lanes, factor: Self, lanes: &Self::Lanes);
}

impl Scalar for f64 {
    const ZERO: f64 = 0.0;
    const ONE: f64 = 1.0;
    type Single = f32;
    type Lanes = [f64; LANES];

    fn of(value: c64) -> f64 {
        value.re
    }

    fn single(self) -> f32 {
        self as f32
    }

    fn complex(self) -> c64 {
        self.into()
    }

    fn lanes(values: [f64; LANES]) -> [f64; LANES] {
        values
    }

    fn unpacked(lanes: &[f64; LANES]) -> [f64; LANES] {
        *lanes
    }

    #[inline(always)]
    fn multiply_add(sum: &mut [f64; LANES], factor: f64, lanes: &[f64; LANES]) {
        for lane in 0..LANES {
            sum[lane] += factor * lanes[lane];
        }
    }
}

impl Scalar for c64 {
    const ZERO: c64 = c64::ZERO;
    const ONE: c64 = c64::ONE;
    type Single = faer::c32;
    type Lanes = [[f64; LANES]; 2];

    fn of(value: c64) -> c64 {
        value
    }

    fn single(self) -> faer::c32 {
        faer::c32::new(self.re as f32, self.im as f32)
    }

    fn complex(self) -> c64 {
        self
    }

    fn lanes(values: [c64; LANES]) -> [[f64; LANES]; 2] {
        [values.map(|value| value.re), values.map(|value| value.im)]
    }

    fn unpacked([re, im]: &[[f64; LANES]; 2]) -> [c64; LANES] {
        std::array::from_fn(|lane| c64::new(re[lane], im[lane]))
    }

    #[inline(always)]
    fn multiply_add([sum_re, sum_im]: &mut [[f64; LANES]; 2], factor: c64, [re, im]: &[[f64; LANES]; 2]) {
        for lane in 0..LANES {
            sum_re[lane] += factor.re * re[lane] - factor.im * im[lane];
            sum_im[lane] += factor.re * im[lane] + factor.im * re[lane];
        }
    }
}
