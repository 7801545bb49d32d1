//! Spectra of large cells: H(k) and S(k) as sparse matrices, and the states nearest to an energy.

pub mod cholesky;
pub mod factor;
mod krylov;
pub mod level;
pub mod matrix;
pub mod memory;
pub mod nearest;
mod noise;
pub mod ordering;
mod overlap;
pub mod pattern;
pub mod problem;
mod product;
pub mod scalar;
pub mod symbolic;
