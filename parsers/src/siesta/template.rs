//! The fdf of another structure.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use nalgebra::{Matrix3, Vector3};

use super::constants::FROM_5;
use super::fdf::grammar::{Meaning, statements};
use super::fdf::{Fdf, fortran_number, plain};
use super::files::Folder;
use super::kpoints;
use super::species;
use crate::error::{Context, Error, Result};
use crate::folder::{entries, folder_of, plain_name};
use crate::input;
use crate::input::lines::Line;
use crate::structure::Structure;
use crate::template::{InputFile, Parts, Variant, folder_of_run};

/// The input without its structure.
#[derive(Debug, Clone)]
pub struct Input {
    name: String,
    rest: String,
    /// Index of the species of each atom, from 1, as the input counts.
    indices: Vec<usize>,
    displacement: [f64; 3],
    /// Rows of `DM.InitSpin`, by atom.
    start_spin: Option<Vec<Option<String>>>,
}

const ATOMS: &str = "AtomicCoordinatesAndAtomicSpecies";
const MESH: &str = "kgrid.MonkhorstPack";
/// Belong to the structure of the template, or to another kind of run.
const DROPPED: [&str; 22] = [
    "NumberOfAtoms",
    "LatticeConstant",
    "LatticeVectors",
    "LatticeParameters",
    "SuperCell",
    "AtomicCoordinatesFormat",
    "AtomicCoordinatesOrigin",
    "AtomicCoordinatesAndAtomicSpecies",
    "DM.InitSpin",
    "SaveHS",
    "MD.TypeOfRun",
    "MD.Steps",
    "MD.NumCGsteps",
    "MD.FinalTimeStep",
    "MD.UseSaveXV",
    "UseSaveData",
    "DM.UseSaveDM",
    "NumberOfEigenStates",
    "BandLines",
    "BandLinesScale",
    "BandPoints",
    "GeometryConstraints",
];
/// Count for the whole cell.
const OF_THE_CELL: [&str; 3] = ["NetCharge", "Spin.Total", "TotalSpin"];

/// Reads the input of the converged run.
///
/// # Errors
/// As [`crate::template::Template::read`].
pub(crate) fn read(path: &Path) -> Result<(Parts, Input)> {
    let home = if path.is_dir() { folder_of_run(path) } else { folder_of(path).to_owned() };
    let folder = Folder::find(&home);
    let path = match path.is_dir() {
        false => path.to_owned(),
        true => folder?.fdf_path.ok_or_else(|| Error::unsupported("no .fdf, or several: name one").in_file(&home))?,
    };
    let fdf = Fdf::read(&path)?;
    check(&fdf).in_file(&path)?;
    let (structure, indices) = structure(&fdf).in_file(&path)?;
    let stated = species::stated(&fdf)?;
    let label = |index: usize| stated.iter().find(|one| one.index == index).map(|one| one.label.clone());
    let labels: Vec<String> = (1..=stated.len()).map(|index| label(index).unwrap_or_default()).collect();
    let mesh = kpoints::stated_mesh(&fdf)?;
    let grid = mesh.as_ref().map(|mesh| {
        mesh.grid().ok_or_else(|| Error::unsupported("a k mesh that is not diagonal fits one cell only").in_file(&path))
    });
    let grid = grid.transpose()?;
    let (beside, warnings) = (pseudopotentials(&home, &labels)?, warnings(&fdf));
    let input = Input {
        name: plain_name(&path),
        rest: rest(&fdf, &path)?,
        start_spin: fdf.block("DM.InitSpin").map(|rows| start_spin(rows, indices.len())),
        indices,
        displacement: mesh.map_or([0.0; 3], |mesh| mesh.displacement),
    };
    let warnings = warnings.into_iter().chain(lacking(&beside, &labels)).collect();
    Ok((Parts { structure, labels, mesh: grid, beside, warnings }, input))
}

fn check(fdf: &Fdf) -> Result<()> {
    if fdf.is_on("HSetupOnly") {
        return Err(Error::unsupported("is the input of a step-zero run: name that of the converged run"));
    }
    if let Some(label) = ["Zmatrix", "SuperCell"].into_iter().find(|label| fdf.block(label).is_some()) {
        return Err(Error::unsupported(format!("the structure is stated by a block {label}: state the atoms instead")));
    }
    Ok(())
}

fn warnings(fdf: &Fdf) -> Vec<String> {
    let whole = OF_THE_CELL.into_iter().filter(|label| fdf.line(label).is_some());
    whole.map(|label| format!("{label} counts for the whole cell: correct it where the new cell is larger")).collect()
}

fn lacking(beside: &[PathBuf], labels: &[String]) -> Vec<String> {
    let has = |label: &&String| beside.iter().any(|path| plain_name(path).starts_with(&format!("{label}.")));
    let lacking = labels.iter().filter(|label| !has(label));
    let say = |label: &String| {
        format!(
            "no {label}.psml or {label}.psf beside the input: name their folder in SIESTA_PS_PATH, or put them into each run"
        )
    };
    lacking.map(say).collect()
}

/// `<label>.psml`, `<label>.psf`, `<label>.vps` beside the input.
fn pseudopotentials(home: &Path, labels: &[String]) -> Result<Vec<PathBuf>> {
    let is_one = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        labels.iter().any(|label| ["psml", "psf", "vps"].iter().any(|end| name == format!("{label}.{end}")))
    };
    Ok(entries(home)?.into_iter().filter(is_one).collect())
}

/// All that does not belong to the structure: the user's lines, or, where these name other files, what all of them say.
fn rest(fdf: &Fdf, path: &Path) -> Result<String> {
    let bytes = input::open(path)?;
    let text = if fdf.has_other_files(path) { fdf.to_text() } else { String::from_utf8_lossy(&bytes).into_owned() };
    let dropped: Vec<String> = DROPPED.iter().map(|label| plain(label)).collect();
    let mut rest = String::new();
    for statement in statements(&text).in_file(path)? {
        let label = match &statement.meaning {
            Meaning::Assignment(label, _) | Meaning::Block(label, _) | Meaning::BlockIn(label, _) => plain(label),
            Meaning::Include(_) | Meaning::Redirect(..) => String::new(),
        };
        if !dropped.contains(&label) {
            rest.push_str(statement.text.trim_end());
            rest.push('\n');
        }
    }
    Ok(rest)
}

fn start_spin(rows: &[Line], n_atoms: usize) -> Vec<Option<String>> {
    let mut spins = vec![None; n_atoms];
    for row in rows {
        let mut words = row.words();
        let atom = words.next().and_then(|word| word.parse::<usize>().ok()).unwrap_or(0);
        if let Some(spin) = atom.checked_sub(1).and_then(|atom| spins.get_mut(atom)) {
            *spin = Some(words.collect::<Vec<_>>().join(" "));
        }
    }
    spins
}

/// Lattice, atoms and the index of each atom's species.
fn structure(fdf: &Fdf) -> Result<(Structure, Vec<usize>)> {
    let constant =
        length(fdf, "LatticeConstant")?.ok_or_else(|| Error::unsupported("the input lacks LatticeConstant"))?;
    let lattice = lattice(fdf)? * constant;
    let rows = fdf.block(ATOMS).ok_or_else(|| Error::unsupported(format!("the input lacks the block {ATOMS}")))?;
    let format = fdf.value("AtomicCoordinatesFormat").unwrap_or("Bohr").to_ascii_lowercase();
    let place = |x: Vector3<f64>| match format.as_str() {
        "bohr" | "notscaledcartesianbohr" => Ok(x),
        "ang" | "notscaledcartesianang" => Ok(x / FROM_5.angstrom_per_bohr),
        "latticeconstant" | "scaledcartesian" => Ok(x * constant),
        "fractional" | "scaledbylatticevectors" => Ok(lattice.tr_mul(&x)),
        other => Err(Error::unsupported(format!("AtomicCoordinatesFormat {other} is not known"))),
    };
    let origin = match fdf.block("AtomicCoordinatesOrigin") {
        Some([row, ..]) => vector(row)?,
        _ => Vector3::zeros(),
    };
    let mut positions = Vec::with_capacity(rows.len());
    let mut indices: Vec<usize> = Vec::with_capacity(rows.len());
    for row in rows {
        positions.push(place(vector(row)? + origin)?);
        indices.push(row.parse(3, "the index of a species")?);
    }
    if indices.contains(&0) {
        return Err(Error::inconsistent("species are counted from 1"));
    }
    let species = indices.iter().map(|index| index - 1).collect();
    Ok((Structure { lattice, positions, species }, indices))
}

fn vector(row: &Line) -> Result<Vector3<f64>> {
    let number = |k| fortran_number(row, k, "three coordinates");
    Ok(Vector3::new(number(0)?, number(1)?, number(2)?))
}

/// In units of the lattice constant.
fn lattice(fdf: &Fdf) -> Result<Matrix3<f64>> {
    if let Some(rows) = fdf.block("LatticeVectors") {
        let rows = rows.iter().map(vector).collect::<Result<Vec<_>>>()?;
        let [a, b, c] = rows[..] else {
            return Err(Error::inconsistent(format!("LatticeVectors has {} rows instead of 3", rows.len())));
        };
        return Ok(Matrix3::from_rows(&[a, b, c].map(|row| row.transpose())));
    }
    let Some([row, ..]) = fdf.block("LatticeParameters") else { return Ok(Matrix3::identity()) };
    let number = |k| fortran_number(row, k, "a lattice parameter");
    let (a, b, c) = (number(0)?, number(1)?, number(2)?);
    let [alpha, beta, gamma] = [number(3)?, number(4)?, number(5)?].map(f64::to_radians);
    // as SIESTA's redcel: the first vector along x, the second in the plane of x and y
    let x = (alpha.cos() - beta.cos() * gamma.cos()) / gamma.sin();
    let z = (1.0 - beta.cos().powi(2) - x * x).max(0.0).sqrt();
    Ok(Matrix3::new(a, 0.0, 0.0, b * gamma.cos(), b * gamma.sin(), 0.0, c * beta.cos(), c * x, c * z))
}

fn length(fdf: &Fdf, label: &str) -> Result<Option<f64>> {
    let Some((length, unit)) = fdf.quantity(label)? else { return Ok(None) };
    match unit.to_ascii_lowercase().as_str() {
        "" | "bohr" => Ok(Some(length)),
        "ang" => Ok(Some(length / FROM_5.angstrom_per_bohr)),
        "nm" => Ok(Some(10.0 * length / FROM_5.angstrom_per_bohr)),
        _ => Err(Error::unsupported(format!("unit `{unit}` of {label}: use Bohr, Ang or nm"))),
    }
}

impl Input {
    /// NAME.fdf.
    pub(crate) fn files(&self, variant: &Variant, labels: &[String]) -> Vec<InputFile> {
        let structure = variant.structure;
        let mut text = self.rest.clone();
        if let Some(divisions) = variant.divisions {
            text = without_mesh(&text);
            text.push_str(&mesh(divisions, self.displacement));
        }
        // Writing into a String cannot fail.
        let _ = writeln!(text, "SaveHS T\nNumberOfAtoms {}\nLatticeConstant 1.0 Bohr", structure.n_atoms());
        let rows =
            structure.lattice.row_iter().map(|row| format!("{:16.10} {:16.10} {:16.10}", row[0], row[1], row[2]));
        text.push_str(&block("LatticeVectors", rows));
        let atom = |(position, &origin): (&Vector3<f64>, &usize)| {
            let index = self.indices[origin];
            let label = labels.get(index - 1).map_or("", String::as_str);
            format!("{:16.10} {:16.10} {:16.10} {index}  # {label}", position.x, position.y, position.z)
        };
        text.push_str("AtomicCoordinatesFormat Bohr\n");
        text.push_str(&block(ATOMS, structure.positions.iter().zip(variant.origin).map(atom)));
        if let Some(spins) = &self.start_spin {
            let spin = |(k, &origin): (usize, &usize)| spins[origin].as_ref().map(|spin| format!("{} {spin}", k + 1));
            text.push_str(&block("DM.InitSpin", variant.origin.iter().enumerate().filter_map(spin)));
        }
        vec![InputFile { name: self.name.clone(), text }]
    }
}

fn block(label: &str, rows: impl Iterator<Item = String>) -> String {
    let rows: String = rows.map(|row| row + "\n").collect();
    format!("%block {label}\n{rows}%endblock {label}\n")
}

fn mesh([a, b, c]: [u32; 3], [x, y, z]: [f64; 3]) -> String {
    let rows = [format!("{a} 0 0 {x:?}"), format!("0 {b} 0 {y:?}"), format!("0 0 {c} {z:?}")];
    block(MESH, rows.into_iter())
}

/// The text without its k mesh, which was read before.
fn without_mesh(text: &str) -> String {
    let is_mesh = |meaning: &Meaning| matches!(meaning, Meaning::Assignment(label, _) | Meaning::Block(label, _) | Meaning::BlockIn(label, _) if plain(label) == plain(MESH));
    let kept = statements(text).unwrap_or_default().into_iter().filter(|statement| !is_mesh(&statement.meaning));
    kept.map(|statement| format!("{}\n", statement.text.trim_end())).collect()
}
