//! How exactly the files of a code keep to what must hold.

use crate::aims;
use crate::calculation::Origin;

/// Largest deviations that say nothing against a run.
pub(super) struct Bounds {
    /// Of an element from its Hermitian partner: hartree for H.
    pub hermiticity: f64,
    /// Of the norm of an orbital from 1.
    pub norm: f64,
    /// Residual of the directions of S.
    pub direction: f64,
}

/// Matrices printed with 9 digits differ from their partner by the last digit of their largest elements; orbitals are
/// normalised on a radial grid; right conventions give residuals of about 1e-8, wrong ones of about 1.
const OF_CODES: Bounds = Bounds { hermiticity: 2e-8, norm: 1e-5, direction: 1e-5 };
/// OpenMX takes the orbitals of its files as they are, normalised there to a percent or so (`Mo7.0.pao`: 0.985).
const NORM_OF_OPENMX: f64 = 0.05;
/// The last digit of 6 behind the point of electronvolts, or of single precision at 20 hartree.
const HERMITICITY_OF_FEW_DIGITS: f64 = 3e-7;
/// FHI-aims integrates S, too, on grids around the atoms: its silicon with `light` settings has norms wrong by 3e-3, and a
/// direction residual of 1.4e-3.
const GRID: f64 = 0.02;

impl Bounds {
    pub(super) fn of(origin: &Origin) -> Bounds {
        match origin.code {
            "OpenMX" | "DeepH" | "NextHAM" => Bounds { norm: NORM_OF_OPENMX, ..OF_CODES },
            "dftio" | "Wannier90" => {
                Bounds { hermiticity: HERMITICITY_OF_FEW_DIGITS, norm: NORM_OF_OPENMX, ..OF_CODES }
            }
            aims::CODE => Bounds { direction: GRID, norm: GRID, ..OF_CODES },
            _ => OF_CODES,
        }
    }
}
