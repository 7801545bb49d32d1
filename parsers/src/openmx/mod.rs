//! OpenMX: scfout, the restart folder, and the texts beside them.

pub mod files;
pub mod predicted;
pub mod recipe;
pub mod run;

/// What an OpenMX writer needs beyond dense blocks.
#[derive(Debug, Clone)]
pub struct Layout {}
