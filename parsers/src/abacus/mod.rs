//! ABACUS: csr matrices, STRU, orbital headers, logs, k points and bands.

/// What an ABACUS writer needs beyond dense blocks.
#[derive(Debug, Clone, Default)]
pub struct Layout {}
