//! New structures for a training set: a template's crystal in varied supercells, strained and displaced, as inputs of both runs.

use std::fs;
use std::path::{Path, PathBuf};

use super::cells::{Cell, mesh, shortest_distance, supercell, vacuum, vacuum_of};
use super::perturb::{Disorder, perturbed};
use crate::parsers::error::Context;
use crate::parsers::output::write_file;
use crate::parsers::recipe::step_zero;
use crate::parsers::template::{InputFile, Template, Variant};
use crate::parsers::{Code, Error, Result, Structure};
use crate::random::Random;

/// What is made.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Cells, taken in turns.
    pub cells: Vec<Cell>,
    /// Standard deviations of displacements, bohr, taken in turns once all cells had one.
    pub displacements: Vec<f64>,
    /// Standard deviation of the components of strains.
    pub strain: f64,
    /// Number of structures.
    pub count: usize,
    /// Decides every number.
    pub seed: u64,
    /// Least distance of two atoms over the template's shortest bond.
    pub least_distance: f64,
}

/// One structure.
#[derive(Debug, Clone)]
pub struct Generated {
    /// Lattice and atoms.
    pub structure: Structure,
    /// Atom of the template that each is an image of.
    pub origin: Vec<usize>,
    /// Lattice vectors as multiples of the template's.
    pub matrix: [[i32; 3]; 3],
    /// Standard deviation of the displacements, bohr.
    pub displacement: f64,
    /// Divisions of the k mesh, where the template has one.
    pub divisions: Option<[u32; 3]>,
    /// Shortest distance of two atoms, bohr.
    pub shortest: f64,
}

/// The stream of random numbers of the first structure.
const PURPOSE: u64 = 1000;

/// Draws all structures of a plan.
///
/// # Errors
/// Those of [`Cell::sublattice`] and [`perturbed`].
pub fn generate(template: &Template, plan: &Plan) -> Result<Vec<Generated>> {
    if plan.cells.is_empty() || plan.displacements.is_empty() {
        return Err(Error::unsupported("no cell, or no displacement"));
    }
    let bond = shortest_distance(&template.structure);
    (0..plan.count).map(|k| one(template, plan, k, plan.least_distance * bond)).collect()
}

fn one(template: &Template, plan: &Plan, k: usize, least_distance: f64) -> Result<Generated> {
    let (n_cells, n_displacements) = (plan.cells.len(), plan.displacements.len());
    let displacement = plan.displacements[k / n_cells % n_displacements];
    let cells = plan.cells[k % n_cells].sublattice(&template.structure.lattice)?;
    let crystal = supercell(&template.structure, &cells);
    let matrix = *cells.matrix();
    let empty = vacuum(&template.structure);
    let disorder = Disorder { displacement, strain: plan.strain, least_distance };
    let mut random = Random::new(plan.seed, PURPOSE + k as u64);
    let structure = perturbed(&crystal.structure, vacuum_of(&matrix, empty), &disorder, &mut random)?;
    let new = &crystal.structure.lattice;
    let divisions = template
        .mesh
        .map(|grid| mesh(grid.divisions, &template.structure.lattice, new, empty, vacuum_of(&matrix, empty)));
    let shortest = shortest_distance(&structure);
    Ok(Generated { structure, origin: crystal.origin, matrix, displacement, divisions, shortest })
}

/// Writes the inputs of one structure: `scf/` for the converged run, `h0/` for the step-zero run. Returns the warnings of the
/// step-zero recipe.
///
/// # Errors
/// `Io`; those of [`step_zero`].
pub fn write(
    template: &Template,
    code: Code,
    one: &Generated,
    folder: &Path,
    version: Option<&str>,
) -> Result<Vec<String>> {
    let variant = Variant { structure: &one.structure, origin: &one.origin, divisions: one.divisions };
    let files = template.files(&variant);
    let (scf, h0) = (folder.join("scf"), folder.join("h0"));
    write_files(&files, &scf)?;
    let Some((main, others)) = files.split_first() else { return Ok(Vec::new()) };
    let recipe = step_zero(code, &scf.join(&main.name), version)?;
    write_files(others, &h0)?;
    write_files(&[InputFile { name: main.name.clone(), text: recipe.input }], &h0)?;
    for folder in [&scf, &h0] {
        template.beside.iter().try_for_each(|file| link(file, folder))?;
    }
    Ok(recipe.warnings)
}

fn write_files(files: &[InputFile], folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(Error::from).in_file(folder)?;
    files.iter().try_for_each(|file| write_file(&folder.join(&file.name), |out| out.write_all(file.text.as_bytes())))
}

/// Others' data are referred to, never copied.
fn link(file: &Path, folder: &Path) -> Result<()> {
    let target = fs::canonicalize(file).map_err(Error::from).in_file(file)?;
    let name: PathBuf = folder.join(file.file_name().unwrap_or_default());
    symlink(&target, &name).map_err(Error::from).in_file(&name)
}

#[cfg(unix)]
fn symlink(target: &Path, name: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, name)
}

#[cfg(not(unix))]
fn symlink(_target: &Path, _name: &Path) -> std::io::Result<()> {
    Ok(())
}
