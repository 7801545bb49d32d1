//! Physical constants that ABACUS has built in (`constants.h`): with them printed energies come back to the last digit.

/// 1 Ry = 13.605698 eV, in 3.8 and in 3.11 (the ratio of the two columns `Rydberg` and `eV` of their logs).
pub const EV_PER_HARTREE: f64 = 2.0 * 13.605698;
/// One bohr in ångström.
pub const ANGSTROM_PER_BOHR: f64 = 0.529177;
/// What `Cartesian_angstrom` is divided by: ABACUS multiplies with 1.8897270 instead (`ANGSTROM_AU`).
pub const ANGSTROM_PER_BOHR_IN_STRU: f64 = 1.0 / 1.8897270;
