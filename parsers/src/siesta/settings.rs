//! Settings of the fdf that H depends on.

use std::path::Path;

use super::fdf::Fdf;
use super::files::{Folder, Run};
use crate::error::Result;
use crate::settings::{DEFAULT, OfRun, Settings};

/// Labels of the fdf; blocks are compared by their text.
const LABELS: [&str; 11] = [
    "MeshCutoff",
    "XC.Functional",
    "XC.Authors",
    "Spin",
    "SpinPolarized",
    "PAO.BasisSize",
    "PAO.EnergyShift",
    "PAO.SplitNorm",
    "PAO.Basis",
    "ElectronicTemperature",
    "OccupationFunction",
];

/// Those of both calculations.
///
/// # Errors
/// Those of [`Run::discover`].
pub fn of(path: &Path) -> Result<OfRun> {
    let run = Run::discover(path)?;
    let of = |folder: &Option<Folder>| match folder {
        Some(folder) if folder.fdf_path.is_some() => settings(&folder.fdf),
        _ => Settings::new(),
    };
    Ok(OfRun { h0: of(&run.h0), scf: of(&run.scf) })
}

fn settings(fdf: &Fdf) -> Settings {
    let rows = |label: &str| {
        let rows = fdf.block(label)?.iter().map(|row| row.text.trim());
        Some(rows.collect::<Vec<_>>().join(" / "))
    };
    let value = |label: &str| fdf.line(label).map(|line| line.text.trim().to_owned()).or_else(|| rows(label));
    LABELS.iter().map(|&label| (label.to_owned(), value(label).unwrap_or(DEFAULT.to_owned()))).collect()
}
