//! The input text of another structure.

use std::path::Path;

use nalgebra::{Matrix3, Vector3};

use super::constants;
use super::dat::Dat;
use super::recipe::{Key, changed, input_file, input_text, without};
use crate::calculation::KGrid;
use crate::error::{Context, Error, Result};
use crate::folder::folder_of;
use crate::structure::Structure;
use crate::template::{InputFile, Parts, Variant, absolute, folder_of_run};

/// The input without its structure.
#[derive(Debug, Clone)]
pub struct Input {
    name: String,
    rest: Dat,
    /// Species of each atom, and what follows its position.
    atoms: Vec<(String, String)>,
}

const ATOMS: &str = "Atoms.SpeciesAndCoordinates";
const VECTORS: &str = "Atoms.UnitVectors";
/// Keys of a run whose H and S are to be learned from.
const KEYS: [Key; 4] = [
    ("HS.fileout", "on", "write H and S"),
    ("scf.restart", "off", "from atoms"),
    ("MD.Type", "nomd", "one geometry"),
    ("MD.maxIter", "1", "one geometry"),
];
/// Belong to the structure of the template.
const DROPPED: [&str; 10] = [
    "Atoms.Number",
    ATOMS,
    "Atoms.SpeciesAndCoordinates.Unit",
    VECTORS,
    "Atoms.UnitVectors.Unit",
    "scf.Ngrid",
    "Band.dispersion",
    "Band.KPath.UnitCell",
    "Band.kpath",
    "Band.Nkpath",
];

/// Reads the input of the converged run.
///
/// # Errors
/// As [`crate::template::Template::read`].
pub(crate) fn read(path: &Path) -> Result<(Parts, Input)> {
    let path = if path.is_dir() { input_file(&folder_of_run(path))? } else { path.to_owned() };
    let dat = input_text(&path)?;
    let input = of_text(&dat, folder_of(&path)).in_file(&path)?;
    let (structure, labels) = structure(&dat).in_file(&path)?;
    let divisions = dat.k_grid().in_file(&path)?;
    // OpenMX alone knows how its points are shifted
    let mesh = Some(KGrid { divisions, shift: [0.0; 3], gamma_centred: true, nudge: [0.0; 3] });
    Ok((Parts { structure, labels, mesh, beside: Vec::new(), warnings: warnings(&dat, folder_of(&path)) }, input))
}

fn of_text(dat: &Dat, home: &Path) -> Result<Input> {
    let Some(name) = dat.system_name() else {
        return Err(Error::unsupported("is no input of OpenMX: it has no System.Name"));
    };
    if dat.is_step_zero() {
        return Err(Error::unsupported("is the input of a step-zero run: name that of the converged run"));
    }
    let mut rest = Dat::parse(changed(&without(dat, &DROPPED), &KEYS).as_bytes());
    if let Some(folder) = dat.get("DATA.PATH").and_then(|folder| absolute(Path::new(folder), home)) {
        let line = format!("DATA.PATH {}\n", folder.display());
        let lines = without(&rest, &["DATA.PATH"]).lines().join("\n");
        rest = Dat::parse((line + &lines).as_bytes());
    }
    let atoms = dat.block(ATOMS)?.ok_or_else(|| Error::unsupported(format!("the input lacks <{ATOMS}")))?;
    let atom = |(_, line): (u32, &str)| {
        let mut words = line.split_whitespace().skip(1).map(str::to_owned);
        let label = words.next().unwrap_or_default();
        (label, words.skip(3).collect::<Vec<_>>().join(" "))
    };
    Ok(Input { name: name.to_owned(), rest, atoms: atoms.into_iter().map(atom).collect() })
}

fn warnings(dat: &Dat, home: &Path) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(folder) = dat.get("DATA.PATH").filter(|folder| absolute(Path::new(folder), home).is_none()) {
        warnings.push(format!("DATA.PATH {folder} is no folder here: correct it in the new inputs"));
    }
    if dat.grid().is_some() {
        warnings.push("scf.Ngrid is left out, since it fits one cell only: scf.energycutoff decides".to_owned());
    }
    if dat.get("scf.system.charge").is_some_and(|charge| charge.parse() != Ok(0.0)) {
        warnings
            .push("scf.system.charge counts for the whole cell: correct it where the new cell is larger".to_owned());
    }
    warnings
}

/// Lattice and atoms of an input, and the labels of the species that occur.
fn structure(dat: &Dat) -> Result<(Structure, Vec<String>)> {
    let length = |key: &str| match dat.get(key) {
        Some(unit) if unit.eq_ignore_ascii_case("au") => 1.0,
        _ => 1.0 / constants::ANGSTROM_PER_BOHR,
    };
    let rows = numbers(dat, VECTORS, 0)?;
    let [a, b, c] = rows[..] else {
        return Err(Error::unsupported(format!("the input needs three vectors in <{VECTORS}, but has {}", rows.len())));
    };
    let lattice = Matrix3::from_rows(&[a, b, c].map(|row| row.transpose())) * length("Atoms.UnitVectors.Unit");
    let unit = "Atoms.SpeciesAndCoordinates.Unit";
    let is_fraction = dat.is_any(unit, &["frac"]);
    let scale = length(unit);
    let place = |x: Vector3<f64>| if is_fraction { lattice.tr_mul(&x) } else { x * scale };
    let positions = numbers(dat, ATOMS, 2)?.into_iter().map(place).collect();
    let mut labels: Vec<String> = Vec::new();
    let mut species = Vec::new();
    for label in dat.atoms()? {
        species.push(labels.iter().position(|known| known == label).unwrap_or_else(|| {
            labels.push(label.to_owned());
            labels.len() - 1
        }));
    }
    Ok((Structure { lattice, positions, species }, labels))
}

/// Three numbers of every line of a block, after `skip` words.
fn numbers(dat: &Dat, block: &str, skip: usize) -> Result<Vec<Vector3<f64>>> {
    let line = |(number, line): (u32, &str)| {
        let words = line.split_whitespace().skip(skip).take(3);
        let values: Vec<f64> = words.filter_map(|word| word.parse().ok()).collect();
        <[f64; 3]>::try_from(values).map(Vector3::from).map_err(|_| {
            Error::syntax(format!("three numbers in <{block}"), format!("`{}` in line {number}", line.trim()))
        })
    };
    dat.block(block)?.unwrap_or_default().into_iter().map(line).collect()
}

impl Input {
    /// NAME.dat.
    pub(crate) fn files(&self, variant: &Variant) -> Vec<InputFile> {
        let structure = variant.structure;
        let atom = |(k, (position, &origin)): (usize, (&Vector3<f64>, &usize))| {
            let (label, rest) = &self.atoms[origin];
            format!("{:5} {label:<4} {:16.10} {:16.10} {:16.10}  {rest}\n", k + 1, position.x, position.y, position.z)
        };
        let atoms: String = structure.positions.iter().zip(variant.origin).enumerate().map(atom).collect();
        let vectors: String = structure
            .lattice
            .row_iter()
            .map(|row| format!("  {:16.10} {:16.10} {:16.10}\n", row[0], row[1], row[2]))
            .collect();
        let n = structure.n_atoms();
        let mut rest = self.rest.clone();
        let mut mesh = String::new();
        if let Some([a, b, c]) = variant.divisions {
            rest = without(&rest, &["scf.Kgrid"]);
            mesh = format!("scf.Kgrid {a} {b} {c}\n");
        }
        let text = rest.lines().join("\n");
        let text = format!(
            "{text}\n{mesh}Atoms.Number {n}\nAtoms.SpeciesAndCoordinates.Unit AU\n<{ATOMS}\n{atoms}{ATOMS}>\n\
             Atoms.UnitVectors.Unit AU\n<{VECTORS}\n{vectors}{VECTORS}>\n"
        );
        vec![InputFile { name: format!("{}.dat", self.name), text }]
    }
}
