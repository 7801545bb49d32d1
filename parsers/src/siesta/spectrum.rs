//! Eigenvalues that a calculation printed, with their k points as exact as the mesh or the input makes them.

use std::path::Path;

use nalgebra::Matrix3;

use super::constants::Constants;
use super::eigenvalues::{Bands, Eigenvalues, Places, parse_kp};
use super::fdf::Fdf;
use super::files::Folder;
use super::kpoints;
use crate::calculation::{KGrid, Of, PrintedSpectrum, path_points};
use crate::error::{Context, Error, Result};
use crate::input;

/// `.KP` has six digits: a reduced coordinate is at most so far from the mesh point that it stands for.
const SNAP: f64 = 2e-5;
/// Denominator of the coordinates of most meshes, for points whose mesh is not known.
const DENOMINATOR: f64 = 720.0;

/// What k points and energies of a calculation mean.
#[derive(Clone, Copy)]
pub struct Meaning<'a> {
    /// Lattice vectors as rows, bohr.
    pub lattice: &'a Matrix3<f64>,
    /// The mesh, where it is known.
    pub grid: Option<KGrid>,
    /// eV and ångström of the version.
    pub constants: &'a Constants,
}

impl Meaning<'_> {
    /// `.EIG` with `.KP`, and `.bands` (whose k points the input lists).
    ///
    /// # Errors
    /// Those of the files; `Inconsistent` where their numbers of k points differ.
    pub fn of_folder(&self, folder: &Folder, of: Of) -> Result<Vec<PrintedSpectrum>> {
        let mesh = folder.eig.as_deref().map(|eig| self.of_mesh(eig, folder.kp.as_deref(), of)).transpose()?.flatten();
        let bands = folder.bands.as_deref().map(|bands| self.of_bands(bands, &folder.fdf, of)).transpose()?.flatten();
        Ok([mesh, bands].into_iter().flatten().collect())
    }

    /// `None` where no `.KP` lists the k points.
    fn of_mesh(&self, eig: &Path, kp: Option<&Path>, of: Of) -> Result<Option<PrintedSpectrum>> {
        let Some(kp) = kp else { return Ok(None) };
        let table = parse(eig, Eigenvalues::parse_eig)?;
        let points = parse(kp, parse_kp)?;
        let found = table.energies.first().map_or(0, Vec::len);
        if points.len() != found {
            let message = format!("{found} k points, but {} has {}", kp.display(), points.len());
            return Err(Error::inconsistent(message).in_file(eig));
        }
        let kpoints = points.iter().map(|point| self.snapped(kpoints::reduced(point.k, self.lattice))).collect();
        Ok(Some(self.spectrum(table, kpoints, of, eig)))
    }

    /// `None` where the input's path is not that of the file.
    pub fn of_bands(&self, file: &Path, fdf: &Fdf, of: Of) -> Result<Option<PrintedSpectrum>> {
        let bands = parse(file, Bands::parse)?;
        let found = bands.eigenvalues.energies.first().map_or(0, Vec::len);
        let stated = match &bands.places {
            Places::Path { .. } => kpoints::path(fdf, self.lattice, self.constants)?.map(|nodes| path_points(&nodes)),
            Places::Points(points) => match kpoints::points(fdf, self.lattice, self.constants)? {
                None => Some(points.iter().map(|&k| kpoints::reduced(k, self.lattice)).collect()),
                stated => stated,
            },
        };
        let kpoints = stated.filter(|points| points.len() == found);
        Ok(kpoints.map(|kpoints| self.spectrum(bands.eigenvalues, kpoints, of, file)))
    }

    fn spectrum(&self, table: Eigenvalues, kpoints: Vec<[f64; 3]>, of: Of, file: &Path) -> PrintedSpectrum {
        let mut energies = table.energies;
        for row in energies.iter_mut().flatten() {
            row.iter_mut().for_each(|energy| *energy /= self.constants.ev_per_hartree);
            row.sort_by(f64::total_cmp);
        }
        let precision = table.precision / self.constants.ev_per_hartree;
        PrintedSpectrum { of, kpoints, energies, precision, file: file.to_owned() }
    }

    /// The point that six printed digits stand for: of the mesh, or of its mirror image (SIESTA keeps one of k and −k).
    fn snapped(&self, k: [f64; 3]) -> [f64; 3] {
        let mirrored = |k: [f64; 3]| k.map(|x| -x);
        let of_mesh = self.grid.map(|grid| [grid.nearest(k), mirrored(grid.nearest(mirrored(k)))]);
        let rational = k.map(|x| (x * DENOMINATOR).round() / DENOMINATOR);
        let candidates = of_mesh.into_iter().flatten().chain([rational]);
        candidates.into_iter().find(|point| (0..3).all(|a| (point[a] - k[a]).abs() < SNAP)).unwrap_or(k)
    }
}

fn parse<T>(path: &Path, parse: impl Fn(&[u8]) -> Result<T>) -> Result<T> {
    parse(&input::open(path)?).in_file(path)
}

#[cfg(test)]
mod tests {
    use super::super::constants::FROM_5;
    use super::*;

    #[test]
    fn six_digits_become_exact() {
        let lattice = Matrix3::identity();
        let grid = Some(KGrid { divisions: [7, 3, 1], shift: [0.25, 0.0, 0.0], gamma_centred: true, nudge: [0.0; 3] });
        let meaning = Meaning { lattice: &lattice, grid, constants: &FROM_5 };
        assert_eq!(meaning.snapped([0.178571, 0.333333, 0.0]), [1.25 / 7.0, 1.0 / 3.0, 0.0]);
        assert_eq!(meaning.snapped([-0.178571, 0.333333, 0.0]), [-1.25 / 7.0, 1.0 / 3.0, 0.0]);
        assert_eq!(meaning.snapped([0.166667, 0.0, 0.0]), [1.0 / 6.0, 0.0, 0.0]);
        assert_eq!(meaning.snapped([0.1234567, 0.0, 0.0]), [0.1234567, 0.0, 0.0]);
    }
}
