//! Printed eigenvalues of one calculation, k points of the mesh as exact as OpenMX makes them, and the band path.

use super::band::Band;
use super::constants::{ANGSTROM_PER_BOHR, K_SHIFT};
use super::dat::{Dat, PathLine};
use super::files::Part;
use super::out::Out;
use super::scfout::Spin;
use crate::calculation::{KGrid, Of, PathNode, PrintedSpectrum};
use crate::error::{Context, Error, Result};
use crate::input;
use crate::structure::Structure;

/// A printed k point has five decimals.
const SNAP: f64 = 1e-4;

/// The tables that the calculation printed: that on its path, and that on its mesh.
///
/// # Errors
/// Those of the files.
pub fn read(part: &Part, of: Of) -> Result<Vec<PrintedSpectrum>> {
    let mut spectra = Vec::new();
    if let Some(file) = &part.band {
        let band = Band::parse(&input::open(file)?).in_file(file)?;
        spectra.push(PrintedSpectrum {
            of,
            kpoints: band.kpoints,
            energies: sorted(band.energies),
            precision: Band::PRECISION,
            file: file.clone(),
        });
    }
    if let Some(file) = &part.out {
        let out = Out::parse(&input::open(file)?).in_file(file)?;
        let spectrum = on_mesh(part, out).in_file(file)?;
        spectra.extend(spectrum.map(|(kpoints, energies)| PrintedSpectrum {
            of,
            kpoints,
            energies,
            precision: Out::PRECISION,
            file: file.clone(),
        }));
    }
    Ok(spectra)
}

/// `kpoints` and `energies` of a [`PrintedSpectrum`].
type Table = (Vec<[f64; 3]>, Vec<Vec<Vec<f64>>>);

fn on_mesh(part: &Part, out: Out) -> Result<Option<Table>> {
    let mut columns = out.columns;
    let wanted = match part.scfout.spin {
        Spin::Unpolarized | Spin::NonCollinear => 1,
        Spin::Collinear => 2,
    };
    if columns.len() < wanted {
        return Ok(None);
    }
    columns.truncate(wanted);
    let grid = part.dat.k_grid()?;
    if !part.dat.has_special_points() {
        check_points(out.kpoints.len(), grid)?;
    }
    check_bands(&columns)?;
    let kpoints = if out.kpoints.len() == 1 && out.kpoints[0] == [0.0; 3] {
        out.kpoints
    } else {
        out.kpoints.into_iter().map(|k| snapped(k, grid)).collect::<Result<_>>()?
    };
    Ok(Some((kpoints, sorted(columns))))
}

/// OpenMX lists all points of the mesh, or one of k and −k.
fn check_points(found: usize, grid: [u32; 3]) -> Result<()> {
    let all = grid.iter().fold(1_usize, |product, &n| product.saturating_mul(n as usize));
    if found >= all.div_ceil(2) {
        return Ok(());
    }
    let wanted = all.div_ceil(2);
    let message =
        format!("eigenvalues at {found} k points, but the mesh {grid:?} of the input text has {wanted} or more");
    Err(Error::inconsistent(message))
}

/// A file that was cut has fewer states at its last k point.
fn check_bands(columns: &[Vec<Vec<f64>>]) -> Result<()> {
    let mut sizes: Vec<usize> = columns.iter().flatten().map(Vec::len).collect();
    sizes.sort_unstable();
    match (sizes.first(), sizes.last()) {
        (Some(least), Some(most)) if least < most => {
            let message = format!("{least} eigenvalues at one k point, {most} at another: is the file whole?");
            Err(Error::inconsistent(message))
        }
        _ => Ok(()),
    }
}

/// The mesh point that a printed k stands for: k = −½ + (2i + 1)/(2n) + [`K_SHIFT`], 0 for n = 1 (`Band_DFT_Col.c`).
fn snapped(k: [f64; 3], grid: [u32; 3]) -> Result<[f64; 3]> {
    let mut exact = [0.0; 3];
    for axis in (0..3).filter(|&axis| grid[axis] > 1) {
        let n = f64::from(grid[axis]);
        let i = ((k[axis] + 0.5) * n - 0.5).round();
        exact[axis] = -0.5 + (2.0 * i + 1.0) / (2.0 * n) + K_SHIFT[axis];
    }
    if (0..3).any(|axis| (exact[axis] - k[axis]).abs() > SNAP) {
        return Err(Error::inconsistent(format!("the k point {k:?} is not on the mesh {grid:?} of the input text")));
    }
    Ok(exact)
}

fn sorted(mut energies: Vec<Vec<Vec<f64>>>) -> Vec<Vec<Vec<f64>>> {
    energies.iter_mut().flatten().for_each(|bands| bands.sort_by(f64::total_cmp));
    energies
}

/// The mesh of the SCF loop: k = −½ + (2i + 1)/(2n), moved by [`K_SHIFT`] where n > 1.
///
/// # Errors
/// Those of [`Dat::k_grid`].
pub fn k_grid(dat: &Dat) -> Result<KGrid> {
    let divisions = dat.k_grid()?;
    let nudge = std::array::from_fn(|axis| if divisions[axis] > 1 { K_SHIFT[axis] } else { 0.0 });
    Ok(KGrid { divisions, shift: [0.0; 3], gamma_centred: false, nudge })
}

/// `Band.kpath` as corners, in reduced coordinates of `structure`.
///
/// # Errors
/// Those of [`Dat::k_path`].
pub fn k_path(dat: &Dat, structure: &Structure) -> Result<Option<Vec<PathNode>>> {
    let mut lines = dat.k_path()?;
    if let Some(cell) = path_cell(dat)? {
        let reduced = |k: [f64; 3]| reduced_in(&structure.lattice, &cell, k);
        for line in &mut lines {
            line.ends = [reduced(line.ends[0])?, reduced(line.ends[1])?];
        }
    }
    Ok((!lines.is_empty()).then(|| corners(&lines)))
}

/// Lattice vectors as rows, bohr, that `Band.kpath` refers to.
fn path_cell(dat: &Dat) -> Result<Option<nalgebra::Matrix3<f64>>> {
    let unit = if dat.is_any("Atoms.UnitVectors.Unit", &["au"]) { 1.0 } else { ANGSTROM_PER_BOHR };
    let cell = dat.k_path_cell()?;
    Ok(cell.map(|rows| nalgebra::Matrix3::from_fn(|row, column| rows[row][column] / unit)))
}

/// k of one cell in the coordinates of another.
fn reduced_in(lattice: &nalgebra::Matrix3<f64>, of: &nalgebra::Matrix3<f64>, k: [f64; 3]) -> Result<[f64; 3]> {
    let inverse = of.try_inverse().ok_or_else(|| Error::inconsistent("Band.kpath.UnitCell has no volume"))?;
    Ok((lattice * inverse * nalgebra::Vector3::from(k)).into())
}

/// Paths that meet share a corner; the others jump.
fn corners(lines: &[PathLine]) -> Vec<PathNode> {
    let node = |k, points, label: &String| PathNode { k, points, label: Some(label.clone()) };
    let mut corners = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        corners.push(node(line.ends[0], (line.points as usize).max(2) - 1, &line.names[0]));
        if lines.get(n + 1).is_none_or(|next| next.ends[0] != line.ends[1]) {
            corners.push(node(line.ends[1], 1, &line.names[1]));
        }
    }
    corners
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_points_move_onto_the_shifted_mesh() {
        assert_eq!(snapped([-0.375, -0.37500, 0.0], [4, 4, 1]).unwrap(), [-0.375 + 1e-6, -0.375 - 1e-6, 0.0]);
        assert!(snapped([0.2, 0.0, 0.0], [4, 1, 1]).is_err());
        assert!(snapped([0.0, 0.0, 0.1], [1, 1, 1]).is_err());
    }

    #[test]
    fn tables_that_are_cut_are_refused() {
        assert!(
            check_points(63, [5; 3]).is_ok() && check_points(32, [4; 3]).is_ok() && check_points(64, [4; 3]).is_ok()
        );
        let message = check_points(62, [5; 3]).unwrap_err().to_string();
        assert_eq!(message, "eigenvalues at 62 k points, but the mesh [5, 5, 5] of the input text has 63 or more");
        assert!(check_bands(&[vec![vec![0.0; 7]; 3], vec![vec![0.0; 7]; 3]]).is_ok());
        let message = check_bands(&[vec![vec![0.0; 7], vec![0.0; 5]]]).unwrap_err().to_string();
        assert_eq!(message, "5 eigenvalues at one k point, 7 at another: is the file whole?");
    }

    #[test]
    fn paths_that_meet_share_a_corner() {
        let line = |from, to, a: &str, b: &str| PathLine { points: 9, ends: [from, to], names: [a.into(), b.into()] };
        let (g, x, l) = ([0.0; 3], [0.5, 0.0, 0.5], [0.5; 3]);
        let path = corners(&[line(l, g, "L", "G"), line(g, x, "G", "X"), line(l, x, "L", "X")]);
        let points: Vec<(&str, usize)> =
            path.iter().map(|node| (node.label.as_deref().unwrap(), node.points)).collect();
        assert_eq!(points, [("L", 8), ("G", 8), ("X", 1), ("L", 8), ("X", 1)]);
    }

    /// The conventional axes of an fcc crystal: its X is (1, 0, 0) there, (0, ½, ½) in the primitive cell.
    #[test]
    fn k_of_another_cell_becomes_ours() {
        let primitive = nalgebra::Matrix3::new(0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0);
        let conventional = nalgebra::Matrix3::identity() * 2.0;
        assert_eq!(reduced_in(&primitive, &conventional, [1.0, 0.0, 0.0]).unwrap(), [0.0, 0.5, 0.5]);
    }
}
