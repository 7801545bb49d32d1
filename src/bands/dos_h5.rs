//! Densities of states in the layout of DeepH-dock's `dos.h5` (`deepx_dock/compute/eigen/fermi_dos.py`, version 0.9.11).
//!
//! | data set | shape | content |
//! |---|---|---|
//! | `energy` | energies | eV relative to `fermi_energy_before_shift` |
//! | `dos_data` | energies | states per eV and cell |
//! | `fermi_energy_before_shift` | | eV among the code's energies |
//!
//! The layout has neither spins nor groups of orbitals: each spin has a file, and three data sets more are `integrated` (states
//! below each energy), `projected` (groups, energies) and `group_names`.

use std::path::Path;

use super::dos::{Dos, DosCurve};
use crate::parsers::Result;
use crate::parsers::h5;
use crate::parsers::output::write_by_name;

/// Writes the density of states of one Hamiltonian and spin.
///
/// # Errors
/// `Io` with the file's name.
pub fn write(path: &Path, dos: &Dos, curve: &DosCurve, spin: usize) -> Result<()> {
    let n = dos.energies.len();
    write_by_name(path, |path| {
        h5::write(path, |file| {
            file.write("energy", &[n], &dos.energies_ev())?;
            file.write("dos_data", &[n], &dos.per_ev(&curve.total[spin]))?;
            file.write("fermi_energy_before_shift", &[], &[curve.zero * dos.ev_per_hartree])?;
            file.write("integrated", &[n], &curve.integrated[spin])?;
            let Some(projected) = &curve.projected else { return Ok(()) };
            let names: Vec<&str> = dos.groups.iter().map(String::as_str).collect();
            let values: Vec<f64> = projected[spin].iter().flat_map(|density| dos.per_ev(density)).collect();
            file.write_texts("group_names", &[names.len()], &names)?;
            file.write("projected", &[names.len(), n], &values)
        })
    })
}
