//! The linear stage: closed-form regression of ΔH, exactly equivariant, without libtorch.
//!
//! In the frame of a bond the blocks of a pair split into classes of |m| that do not mix, so each class is a regression of its
//! own, with one weight matrix for its cosine and sine rows; for equal species it splits once more, into what is even and odd
//! under exchange of the two atoms. Features are H⁽⁰⁾ of the pair, on-site H⁽⁰⁾ of both atoms, and the sums of S and H⁽⁰⁾ over
//! the neighbours of both and a square of the former, each times a few Gaussians of the distance. On-site blocks are a regression per rank L.
//!
//! What no neighbourhood can say, the potential of distant atoms, is fitted before all this ([`potential`]).

pub mod design;
mod draws;
pub mod environment;
pub mod fit;
pub mod layout;
mod mesh;
pub mod potential;
pub mod regression;
pub mod stage;

pub use environment::Environment;
pub use fit::{FitReport, FitSettings, HeldOut, fit, fit_and_hold_out};
pub use stage::{LinearStage, Prediction};

#[cfg(test)]
mod tests;
