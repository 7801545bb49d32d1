//! Densities of states and integrals over occupied states of very large cells by kernel polynomials, without eigenvalues.
//!
//! With B = (S⁻¹ H − c)/a, whose eigenvalues are within −1 … 1, any function of the spectrum is Σ_m c_m tr T_m(B). Traces are
//! averages over vectors of random phases ([`moments`]; Weiße, Wellein, Alvermann, Fehske, Rev. Mod. Phys. 78, 275 (2006)); the
//! spread of the vectors gives the error. S is taken as it is: one sparse Cholesky factor per k point, by which every step of
//! the recursion T_(m+1) = 2 B T_m − T_(m−1) solves. Time grows as the number of moments times that of the factor's elements: n log n
//! for n orbitals of a layer, n^(4/3) and more in bulk.

mod bounds;
pub mod compute;
pub mod density;
pub mod estimate;
pub mod fill;
pub mod kernel;
pub mod moments;
pub mod problem;
#[cfg(test)]
mod tests;
