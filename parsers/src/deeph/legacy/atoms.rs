//! Lattice, positions, elements and orbitals: text files of the legacy layout. Vectors are columns.

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};

use nalgebra::{Matrix3, Vector3};

use crate::basis::{Basis, Species};
use crate::calculation::Calculation;
use crate::deeph::layout::require;
use crate::elements;
use crate::error::{Context, Error, Result};
use crate::input::{self, lines::Line, lines::Lines};
use crate::output::write_file;
use crate::predicted::not_representable;
use crate::structure::Structure;

/// Lattice vectors, ångström.
const LATTICE: &str = "lat.dat";
/// Reciprocal vectors with 2π, 1/ångström.
const RECIPROCAL: &str = "rlat.dat";
/// Positions, ångström.
const POSITIONS: &str = "site_positions.dat";
/// Atomic number of each atom.
const ELEMENTS: &str = "element.dat";
/// The l of each radial function of each atom, a line for each.
const ORBITALS: &str = "orbital_types.dat";

/// Reads the atoms of a folder; `files` gets the names of what was read. Atoms of one element with the same orbitals are one
/// species; further species of an element are numbered.
///
/// # Errors
/// `Syntax` with the file and line, `Inconsistent` where files count atoms differently.
pub fn read(folder: &Path, angstrom_per_bohr: f64, files: &mut Vec<PathBuf>) -> Result<(Structure, Basis)> {
    let mut rows = |name: &str| {
        let file = require(folder, name)?;
        let rows = table(&input::open(&file)?).in_file(&file)?;
        files.push(file);
        Ok::<_, Error>(rows)
    };
    let lattice = columns(&rows(LATTICE)?).in_file(folder.join(LATTICE))?;
    let positions = columns(&rows(POSITIONS)?).in_file(folder.join(POSITIONS))?;
    let (elements, orbitals) = (rows(ELEMENTS)?.concat(), rows(ORBITALS)?);
    let counts = [lattice.len(), positions.len(), elements.len(), orbitals.len()];
    let [3, n, m, k] = counts else {
        return Err(Error::syntax("three lattice vectors", counts[0].to_string()).in_file(folder.join(LATTICE)));
    };
    if n != m || n != k {
        return Err(Error::inconsistent(format!("{n} positions, {m} elements, {k} lists of orbitals")).in_file(folder));
    }
    let (species, species_of) = species(&elements, &orbitals).in_file(folder)?;
    let structure = Structure {
        lattice: Matrix3::from_columns(&lattice).transpose() / angstrom_per_bohr,
        positions: positions.iter().map(|position| position / angstrom_per_bohr).collect(),
        species: species_of,
    };
    let basis = Basis::new(species, &structure.species)?;
    Ok((structure, basis))
}

/// The numbers of each line.
fn table(text: &[u8]) -> Result<Vec<Vec<f64>>> {
    let number = |word: &str| word.parse::<f64>().ok().filter(|number| number.is_finite());
    let row = |line: Line| line.words().map(number).collect::<Option<_>>().ok_or_else(|| line.expected("numbers"));
    Lines::new(text, &["#"]).map(row).collect()
}

/// Three lines of as many numbers: a vector in each column.
fn columns(rows: &[Vec<f64>]) -> Result<Vec<Vector3<f64>>> {
    match rows {
        [x, y, z] if x.len() == y.len() && y.len() == z.len() => {
            Ok((0..x.len()).map(|column| Vector3::new(x[column], y[column], z[column])).collect())
        }
        _ => {
            let lengths: Vec<usize> = rows.iter().map(Vec::len).take(4).collect();
            Err(Error::syntax("three lines of equal length", format!("lines of {lengths:?} numbers")))
        }
    }
}

fn species(elements: &[f64], orbitals: &[Vec<f64>]) -> Result<(Vec<Species>, Vec<usize>)> {
    let mut kinds: Vec<(u8, Vec<u8>)> = Vec::new();
    let mut species_of = Vec::with_capacity(elements.len());
    for (&element, shells) in elements.iter().zip(orbitals) {
        let kind = (whole(element)?, shells.iter().copied().map(whole).collect::<Result<Vec<u8>>>()?);
        species_of.push(kinds.iter().position(|known| *known == kind).unwrap_or(kinds.len()));
        if species_of.last() == Some(&kinds.len()) {
            kinds.push(kind);
        }
    }
    let named = |(n, (z, shells)): (usize, &(u8, Vec<u8>))| {
        let symbol = elements::symbol(*z).ok_or_else(|| Error::syntax("the number of an element", z.to_string()))?;
        let before = kinds[..n].iter().filter(|known| known.0 == *z).count();
        let label = if before == 0 { symbol.to_owned() } else { format!("{symbol}{}", before + 1) };
        crate::deeph::species_of(&label, shells)
    };
    Ok((kinds.iter().enumerate().map(named).collect::<Result<_>>()?, species_of))
}

fn whole(number: f64) -> Result<u8> {
    let is_whole = number.fract() == 0.0 && (0.0..=255.0).contains(&number);
    if is_whole { Ok(number as u8) } else { Err(Error::syntax("a small whole number", number.to_string())) }
}

/// Writes the atoms of a run.
///
/// # Errors
/// `NotRepresentable` where one is no element; `Io`.
pub fn write(folder: &Path, run: &Calculation, format: &str) -> Result<()> {
    let (structure, basis) = (&run.structure, &run.basis);
    let angstrom = run.origin.angstrom_per_bohr;
    let reciprocal =
        structure.reciprocal().ok_or_else(|| Error::inconsistent("lattice vectors that lie in a plane"))?;
    let mut elements = Vec::with_capacity(basis.n_atoms());
    for atom in 0..basis.n_atoms() {
        let species = basis.species_of(atom);
        let nameless = || not_representable(format, &format!("species {} is no element", species.label));
        elements.push(species.z.ok_or_else(nameless)?.to_string());
    }
    let orbitals = |atom| {
        let shells = basis.species_of(atom).shells.iter().map(|shell| shell.l.to_string());
        shells.collect::<Vec<_>>().join("  ")
    };
    let positions: Vec<Vector3<f64>> = structure.positions.iter().map(|position| position * angstrom).collect();
    let rows = |matrix: Matrix3<f64>| matrix.row_iter().map(|row| row.transpose()).collect::<Vec<_>>();
    write_lines(folder, LATTICE, in_columns(&rows(structure.lattice * angstrom)))?;
    write_lines(folder, RECIPROCAL, in_columns(&rows(reciprocal * (TAU / angstrom))))?;
    write_lines(folder, POSITIONS, in_columns(&positions))?;
    write_lines(folder, ELEMENTS, elements)?;
    write_lines(folder, ORBITALS, (0..basis.n_atoms()).map(orbitals).collect())
}

/// Three lines; numbers are read as the same ones.
fn in_columns(vectors: &[Vector3<f64>]) -> Vec<String> {
    let line = |axis: usize| vectors.iter().map(|vector| format!("{:?}", vector[axis])).collect::<Vec<_>>().join(" ");
    (0..3).map(line).collect()
}

fn write_lines(folder: &Path, name: &str, lines: Vec<String>) -> Result<()> {
    write_file(&folder.join(name), |out| lines.iter().try_for_each(|line| writeln!(out, "{line}")))
}
