//! O(3) algebra in the real-harmonics basis: Clebsch–Gordan, Wigner D, blocks and bond frames; and the symmetries of operators:
//! Hermiticity, time reversal, space groups. No files, no torch.

pub mod clebsch_gordan;
pub mod crystal;
pub mod frame;
pub mod hermitian;
pub mod impose;
pub mod pair_algebra;
mod pair_channels;
pub mod predicted;
pub mod rotate;
pub mod time_reversal;
pub mod wigner;

pub use clebsch_gordan::Coupling;
pub use frame::bond_frame;
pub use pair_algebra::{Channel, FrameClass, PairAlgebra, Signed};
pub use wigner::{WignerD, WignerTables};
