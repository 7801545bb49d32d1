//! Constants compiled into OpenMX (`openmx_common.h` of 3.8 and 3.9).

/// One hartree in eV (`eV2Hartree`).
pub const EV_PER_HARTREE: f64 = 27.2113845;
/// One bohr in ångström (`BohrR`).
pub const ANGSTROM_PER_BOHR: f64 = 0.529177249;
/// Boltzmann's constant in eV/K (`kB`).
pub const BOLTZMANN_EV: f64 = 0.000_086_172_513_24;
/// Every mesh point of a direction with several divisions is moved by so many of these (`Shift_K_Point`, `Band_DFT_Col.c`).
pub const K_SHIFT: [f64; 3] = [1e-6, -1e-6, 2e-6];
