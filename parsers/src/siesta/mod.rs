//! SIESTA: HSX and its relatives, fdf, and the texts beside them.

pub mod files;
pub mod predicted;
pub mod recipe;
pub mod run;

/// What a SIESTA writer needs beyond dense blocks.
#[derive(Debug, Clone)]
pub struct Layout {}
