//! A cell in pieces: domains of atoms whose rows of H are predicted apart, one process for each.
//!
//! A model of finite range says of a block (i, j) the same, to the last bit, whatever lies out of its range. So the atoms are
//! [divided](partition) into domains, and each domain is [cut out](Scissors) with the halo that its rows depend on: a run of its own,
//! whose atoms keep the order of the whole, so that every sum is added in the same order. What has no range, the linear stage's
//! potential, is computed beforehand and given to all.

mod cut;
mod exchange;
mod gather;
mod part;
mod partition;
mod potential;

pub use cut::{Cut, Reach, Scissors};
pub use exchange::{Answer, Facts};
pub use part::Part;
pub use partition::partition;
