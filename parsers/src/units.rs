//! Units. Inside hzero everything is in hartree and bohr; a code's own constants stay with its run ([`crate::Origin`]).

/// One hartree in eV (CODATA 2018).
pub const HARTREE_IN_EV: f64 = 27.211_386_245_988;
/// One bohr in ångström (CODATA 2018).
pub const BOHR_IN_ANGSTROM: f64 = 0.529_177_210_903;
/// One rydberg in hartree: exact, so ABACUS and SIESTA files convert without rounding.
pub const RYDBERG_IN_HARTREE: f64 = 0.5;
