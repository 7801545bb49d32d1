//! Spectra of large cells: H(k) and S(k) as sparse matrices, and the states nearest to an energy.

pub mod matrix;
pub mod pattern;
pub mod scalar;
