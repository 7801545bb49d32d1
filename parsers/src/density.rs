//! What diagonalizing a Hamiltonian on a k mesh leaves behind, summed over the occupied states.

use crate::basis::Basis;
use crate::calculation::NativeLayout;
use crate::error::Result;
use crate::operator::{Operator, SpinOperator, c64};

/// Density matrices of one Hamiltonian with what belongs to them. Energies in hartree, on the code's own absolute zero.
///
/// DM(R) is the density operator ρ = Σ |φ_i⟩ DM ⟨φ_j| itself, with w_k the weights of the mesh and f the occupations:
///
/// ```text
/// DM_ss'[iμ, jν](R) = Σ_k w_k Σ_n f_nk c_{s iμ n}(k) c*_{s' jν n}(k) exp(−2πi k·R)
/// ⟨O⟩ = Σ_ss' Σ_ij,R DM_ss'[ij](R) · O_ss'[ij](R)*
/// ```
///
/// Without spin it counts both spins.
#[derive(Debug, Clone)]
pub struct Density {
    /// DM(R), no unit.
    pub matrix: SpinOperator,
    /// EDM(R), hartree: every state weighted with its energy.
    pub energy_weighted: SpinOperator,
    /// Electrons in the cell, tr(DM S).
    pub electrons: f64,
    /// Fermi level; where the moment is fixed, the mean of those of up and down.
    pub fermi_level: f64,
    /// Fermi levels of up and down where the moment is fixed.
    pub spin_fermi_levels: Option<[f64; 2]>,
    /// Σ w f ε = tr(DM H).
    pub band_energy: f64,
    /// −TS of the smeared occupations, at most 0 but for Methfessel–Paxton and cold smearing.
    pub entropy_energy: f64,
    /// Highest occupied and lowest empty state on the mesh; `None` for a metal, and where the moment is fixed.
    pub band_edges: Option<[f64; 2]>,
}

impl NativeLayout {
    /// Sets to 0 what the code's files of DM(R) have no place for, so that a density can be compared with the code's own.
    ///
    /// SIESTA: elements outside its pattern; nspin 4 (of 4 components) also Im uu, Im dd, and ud becomes the mean of ud and
    /// du*. ABACUS nspin 4: the real parts of n and m alone. OpenMX 3.8 SpinP 3: Im uu and Im dd.
    ///
    /// # Errors
    /// `Inconsistent` where the basis is not that of the run.
    pub fn restrict_density(&self, basis: &Basis, density: &mut SpinOperator) -> Result<()> {
        if let NativeLayout::Siesta(layout) = self {
            match density {
                SpinOperator::Unpolarized(both) => layout.restrict(basis, both)?,
                SpinOperator::Collinear(spins) => spins.iter_mut().try_for_each(|spin| layout.restrict(basis, spin))?,
                SpinOperator::Spinor(spin) => spin.iter_mut().try_for_each(|one| layout.restrict(basis, one))?,
            }
        }
        let SpinOperator::Spinor(spin) = density else { return Ok(()) };
        match self {
            NativeLayout::Siesta(layout) if layout.head.nspin == 4 => each(spin, |[uu, ud, du, dd]| {
                let mixed = (ud + du.conj()) / 2.0;
                [uu.re.into(), mixed, mixed.conj(), dd.re.into()]
            }),
            NativeLayout::OpenMx(layout) if !layout.has_imaginary_density() => {
                each(spin, |[uu, ud, du, dd]| [uu.re.into(), ud, du, dd.re.into()]);
            }
            NativeLayout::Abacus(_) => each(spin, |[uu, ud, du, dd]| {
                let mixed = c64::new((ud + du).re, (ud - du).im) / 2.0;
                [uu.re.into(), mixed, mixed.conj(), dd.re.into()]
            }),
            _ => {}
        }
        Ok(())
    }
}

fn each([uu, ud, du, dd]: &mut [Operator<c64>; 4], kept: impl Fn([c64; 4]) -> [c64; 4]) {
    let spins = uu.values_mut().iter_mut().zip(ud.values_mut()).zip(du.values_mut()).zip(dd.values_mut());
    for (((uu, ud), du), dd) in spins {
        [*uu, *ud, *du, *dd] = kept([*uu, *ud, *du, *dd]);
    }
}
