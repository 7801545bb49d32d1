//! Numbers of a sparse problem: real where every Bloch phase is ±1, else complex.

use std::ops::{Add, AddAssign, Mul, Sub, SubAssign};

use faer::traits::ComplexField;

use crate::parsers::c64;

/// Real or complex double.
pub trait Scalar:
    ComplexField<Real = f64>
    + Copy
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

    /// `value`, whose imaginary part is 0 (to rounding) where numbers are real.
    fn of(value: c64) -> Self;

    /// The complex conjugate.
    fn conjugate(self) -> Self;

    /// The real part.
    fn re(self) -> f64;

    /// The same as a complex number.
    fn complex(self) -> c64;
}

impl Scalar for f64 {
    const ZERO: f64 = 0.0;

    fn of(value: c64) -> f64 {
        value.re
    }

    fn conjugate(self) -> f64 {
        self
    }

    fn re(self) -> f64 {
        self
    }

    fn complex(self) -> c64 {
        self.into()
    }
}

impl Scalar for c64 {
    const ZERO: c64 = c64::ZERO;

    fn of(value: c64) -> c64 {
        value
    }

    fn conjugate(self) -> c64 {
        self.conj()
    }

    fn re(self) -> f64 {
        self.re
    }

    fn complex(self) -> c64 {
        self
    }
}
