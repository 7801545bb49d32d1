//! Random numbers that are the same in every run.

use crate::parsers::c64;

/// A generator (xorshift).
pub struct Noise(u64);

impl Default for Noise {
    fn default() -> Self {
        Noise(0x9e37_79b9_7f4a_7c15)
    }
}

impl Noise {
    /// The next number of the unit square around 0.
    pub fn complex(&mut self) -> c64 {
        c64::new(self.uniform(), self.uniform())
    }

    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}
