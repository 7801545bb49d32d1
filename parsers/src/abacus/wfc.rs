//! `WFC_NAO_K1.txt` …: wave functions as text, which `init_wfc file` starts from (`read_wfc_nao.cpp`, `write_wfc_nao.cpp` of
//! 3.8). The files are numbered as the k points are; nspin 2 counts on with spin down.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::matrix::FileOrder;
use crate::basis::Basis;
use crate::error::Result;
use crate::operator::c64;
use crate::output::write_file;
use crate::states::{Eigenstates, States};
use crate::units::RYDBERG_IN_HARTREE;

/// Complex coefficients on one line.
const PER_LINE: usize = 5;

/// One file: the states of one spin channel at one k point.
pub struct WaveFunctions<'a> {
    /// From 1; the only thing about k that ABACUS checks.
    pub index: usize,
    /// k, reduced coordinates (ABACUS itself writes Cartesian ones, and reads over them).
    pub k: [f64; 3],
    /// Electrons in one filled state of this k point: its weight, twice that without spin.
    pub filling: f64,
    /// The states.
    pub states: &'a States,
    /// How many of them, the lowest ones, are written.
    pub n_bands: usize,
}

/// Name of file `index`, from 1.
pub fn file_name(index: usize) -> String {
    format!("WFC_NAO_K{index}.txt")
}

impl WaveFunctions<'_> {
    /// Writes the file: energies in rydberg, occupations with the weight of k, coefficients in ABACUS' order and sign.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, basis: &Basis, out: &mut dyn Write) -> io::Result<()> {
        let n_bands = self.n_bands.min(self.states.energies.len());
        let [x, y, z] = self.k;
        writeln!(out, "{} (index of k points)\n{x} {y} {z}\n{n_bands} (number of bands)", self.index)?;
        let order = FileOrder::new(basis, spins(self.states, basis));
        writeln!(out, "{} (number of orbitals)", self.states.state(0).len())?;
        for band in 0..n_bands {
            let energy = self.states.energies[band] / RYDBERG_IN_HARTREE;
            let occupation = self.states.occupations[band] * self.filling;
            writeln!(out, "{} (band)\n{energy:e} (Ry)\n{occupation:e} (Occupations)", band + 1)?;
            write_coefficients(&order.arranged(self.states.state(band)), out)?;
        }
        Ok(())
    }
}

/// 2 for spinors.
fn spins(states: &States, basis: &Basis) -> usize {
    if states.state(0).len() > basis.n_orbitals() { 2 } else { 1 }
}

fn write_coefficients(coefficients: &[c64], out: &mut dyn Write) -> io::Result<()> {
    for line in coefficients.chunks(PER_LINE) {
        line.iter().try_for_each(|c| write!(out, "{:e} {:e} ", c.re, c.im))?;
        writeln!(out)?;
    }
    Ok(())
}

/// Writes the files of all k points and spins into `folder`, `n_bands` states each; `electrons_per_state` is 2 without spin,
/// else 1.
///
/// # Errors
/// `Io`; those of [`Eigenstates::at`].
pub fn write_all(
    folder: &Path,
    eigenstates: &dyn Eigenstates,
    basis: &Basis,
    electrons_per_state: f64,
    n_bands: usize,
) -> Result<Vec<PathBuf>> {
    let n_k = eigenstates.kpoints().len();
    let of_k = |point: usize| -> Result<Vec<(usize, PathBuf)>> {
        let channels = eigenstates.at(point)?;
        let write = |(spin, states): (usize, &States)| {
            let filling = eigenstates.weights()[point] * electrons_per_state;
            let index = spin * n_k + point + 1;
            let file = WaveFunctions { index, k: eigenstates.kpoints()[point], filling, states, n_bands };
            let path = folder.join(file_name(index));
            write_file(&path, |out| file.write(basis, out))?;
            Ok((index, path))
        };
        channels.iter().enumerate().map(write).collect()
    };
    let mut files: Vec<_> = (0..n_k).into_par_iter().map(of_k).collect::<Result<Vec<_>>>()?.concat();
    files.sort_unstable();
    Ok(files.into_iter().map(|(_, path)| path).collect())
}
