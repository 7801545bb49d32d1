//! Printed eigenvalues of one calculation, with their k points as exact as KPT makes them.

use std::path::{Path, PathBuf};

use nalgebra::Matrix3;

use super::constants::EV_PER_HARTREE;
use super::eigenvalues::{Eigenvalues, KPoint};
use super::files::Folder;
use super::kpt::{Kpt, reduce};
use super::log::{Log, parse_kpoints};
use crate::calculation::{KGrid, Of, PrintedSpectrum};
use crate::error::{Context, Error, Result};
use crate::folder::existing;
use crate::input;

/// Files of spin up and down.
const BANDS: [(&str, &str); 3] = [("BANDS_1.dat", "BANDS_2.dat"), ("band.txt", ""), ("bands1.txt", "bands2.txt")];
/// A printed k point is at most so far from the mesh point that it stands for: three decimals at worst.
const SNAP: f64 = 1e-3;

/// The most precise table of eigenvalues that the calculation printed. `vectors`: lattice vectors as rows in units of the
/// lattice constant.
///
/// # Errors
/// Those of the files; `Inconsistent` where their numbers of k points differ.
pub fn read(folder: &Folder, of: Of, vectors: &Matrix3<f64>) -> Result<Option<PrintedSpectrum>> {
    let mut tables = tables(folder)?;
    tables.sort_by(|(_, a), (_, b)| a.precision.total_cmp(&b.precision));
    for (file, table) in tables {
        if let Some(kpoints) = kpoints(folder, &table, vectors)? {
            return Ok(Some(spectrum(of, kpoints, table, file)));
        }
    }
    Ok(None)
}

fn spectrum(of: Of, kpoints: Vec<[f64; 3]>, table: Eigenvalues, file: PathBuf) -> PrintedSpectrum {
    let mut energies = table.energies;
    for row in energies.iter_mut().flatten() {
        row.iter_mut().for_each(|energy| *energy /= EV_PER_HARTREE);
        row.sort_by(f64::total_cmp);
    }
    PrintedSpectrum { of, kpoints, energies, precision: table.precision / EV_PER_HARTREE, file }
}

fn tables(folder: &Folder) -> Result<Vec<(PathBuf, Eigenvalues)>> {
    let mut tables = Vec::new();
    for (up, down) in BANDS {
        let Some(file) = existing(&folder.out, up) else { continue };
        let mut table = parse(&file, Eigenvalues::parse_bands)?;
        if let Some(down) = existing(&folder.out, down).filter(|_| folder.input.as_ref().is_none_or(|i| i.nspin() == 2))
        {
            table = table.with_spin_down(parse(&down, Eigenvalues::parse_bands)?).in_file(&down)?;
        }
        tables.push((file, table));
    }
    let kinds: [(&str, Parser); 2] =
        [("istate.info", Eigenvalues::parse_istate), ("eig_occ.txt", Eigenvalues::parse_eig_occ)];
    for (name, parser) in kinds {
        if let Some(file) = existing(&folder.out, name) {
            tables.push((file.clone(), parse(&file, parser)?));
        }
    }
    if let (true, Some(log)) = (tables.is_empty(), &folder.log) {
        // A log without the block is no mistake.
        tables.extend(parse(log, Eigenvalues::parse_log).ok().map(|table| (log.clone(), table)));
    }
    Ok(tables)
}

type Parser = fn(&[u8]) -> Result<Eigenvalues>;

fn parse<T>(path: &Path, parse: impl Fn(&[u8]) -> Result<T>) -> Result<T> {
    parse(&input::open(path)?).in_file(path)
}

/// k points of a table: those of KPT (list or path), else those that the run printed with most digits, moved onto the mesh of
/// KPT. `None` where no file states them.
fn kpoints(folder: &Folder, table: &Eigenvalues, vectors: &Matrix3<f64>) -> Result<Option<Vec<[f64; 3]>>> {
    let kpt = folder.kpt.as_deref().map(|path| parse(path, Kpt::parse)).transpose()?;
    let n = table.kpoints.len();
    if let Some(points) = kpt.as_ref().and_then(|kpt| kpt.points(vectors)).filter(|points| points.len() == n) {
        return Ok(Some(points));
    }
    let printed = printed_kpoints(folder, n)?.or_else(|| own_kpoints(table, vectors));
    let grid = kpt.as_ref().and_then(Kpt::grid);
    match (printed, grid, &folder.kpt) {
        (Some(points), Some(grid), Some(file)) => {
            points.into_iter().map(|k| snap(k, &grid)).collect::<Result<_>>().in_file(file).map(Some)
        }
        (printed, ..) => Ok(printed),
    }
}

/// `n` points with eight decimals: log, else `KPT.info`, `kpoints`.
fn printed_kpoints(folder: &Folder, n: usize) -> Result<Option<Vec<[f64; 3]>>> {
    let log = folder.log.as_deref().map(|path| parse(path, Log::parse)).transpose()?;
    if let Some(log) = log.filter(|log| log.kpoints.len() == n) {
        return Ok(Some(log.kpoints));
    }
    for name in ["KPT.info", "kpoints"] {
        let Some(file) = existing(&folder.out, name) else { continue };
        let points = parse(&file, parse_kpoints)?;
        // An nscf run replaces `kpoints` of the run that it reads from.
        if points.len() == n {
            return Ok(Some(points));
        }
    }
    Ok(None)
}

fn own_kpoints(table: &Eigenvalues, vectors: &Matrix3<f64>) -> Option<Vec<[f64; 3]>> {
    let point = |k: &KPoint| match *k {
        KPoint::Unknown => None,
        KPoint::Reduced(k) => Some(k),
        KPoint::Cartesian(k) => Some(reduce(k, true, vectors)),
    };
    table.kpoints.iter().map(point).collect()
}

/// The mesh point that a printed k stands for.
fn snap(k: [f64; 3], grid: &KGrid) -> Result<[f64; 3]> {
    let snapped = grid.nearest(k);
    if (0..3).any(|a| (snapped[a] - k[a]).abs() > SNAP) {
        let message = format!("the run's k point {k:?} is not on the mesh {:?}", grid.divisions);
        return Err(Error::inconsistent(message));
    }
    Ok(snapped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_points_move_onto_the_mesh() {
        let gamma = KGrid { divisions: [6, 6, 1], shift: [0.0; 3], gamma_centred: true, nudge: [0.0; 3] };
        assert_eq!(snap([0.166667, -0.33333333, 0.0], &gamma).unwrap(), [1.0 / 6.0, -2.0 / 6.0, 0.0]);
        assert!(snap([0.17, 0.0, 0.0], &gamma).is_err());
        let mp = KGrid { gamma_centred: false, divisions: [4, 4, 1], shift: [0.0; 3], nudge: [0.0; 3] };
        assert_eq!(snap([0.125, -0.375, 0.0], &mp).unwrap(), [0.125, -0.375, 0.0]);
    }
}
