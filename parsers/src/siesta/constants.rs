//! The constants that SIESTA has built in: with them printed energies come back to the last digit. They changed with
//! version 5; the wrong ones cost 10⁻⁴ eV.

/// Energies in eV and lengths in ångström of one version.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constants {
    /// One hartree in eV.
    pub ev_per_hartree: f64,
    /// One bohr in ångström.
    pub angstrom_per_bohr: f64,
}

/// Up to 4.1 (`Src/units.f90`): 1 Ry = 13.60580 eV.
pub const UP_TO_4: Constants = Constants { ev_per_hartree: 2.0 * 13.60580, angstrom_per_bohr: 0.529177 };
/// From 5 on: CODATA 2018.
pub const FROM_5: Constants =
    Constants { ev_per_hartree: 2.0 * 13.605_693_122_994, angstrom_per_bohr: 1.0 / 1.889_726_124_625_77 };
