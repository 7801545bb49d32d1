//! What a model was fitted to, as its file says it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::graph::overlaps;
use super::slots::Slots;
use crate::parsers::{Calculation, Operator, Result};

/// What a model was fitted to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Codes that wrote the runs, with commas between them; which species are of which, the species say.
    pub code: String,
    /// Number of runs.
    pub n_runs: usize,
    /// Least and most atoms of a run.
    pub n_atoms: [usize; 2],
    /// The structures, so that anyone can tell whether one was learned from; empty in older files.
    #[serde(default)]
    pub structures: Vec<TrainingStructure>,
    /// Shortest bond of every pair of species that has one; empty in older files.
    #[serde(default)]
    pub shortest_bonds: Vec<ShortestBond>,
}

/// The shortest bond between two species.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ShortestBond {
    /// Indices into [`Slots::species`], ascending.
    pub species: [usize; 2],
    /// Bohr.
    pub distance: f64,
}

/// A structure that a model was fitted to, in bohr, rounded to [`ROUNDING`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingStructure {
    /// The last two names of the run's folder.
    pub run: String,
    /// Lattice vectors as rows.
    pub lattice: [[f64; 3]; 3],
    /// Cartesian positions.
    pub positions: Vec<[f64; 3]>,
    /// Species of each atom, an index into [`Slots::species`].
    pub species: Vec<usize>,
}

/// Coordinates in a model file are multiples of 1/[`ROUNDING`] bohr.
pub const ROUNDING: f64 = 1e6;

impl Training {
    /// Describes the runs of a fit.
    ///
    /// # Errors
    /// As [`Slots::seats`], where a run has other species or shells than the slots.
    pub fn of(runs: &[Calculation], slots: &Slots) -> Result<Self> {
        let n_atoms = || runs.iter().map(|run| run.structure.n_atoms());
        let codes: BTreeSet<&str> = runs.iter().map(|run| run.origin.code).collect();
        Ok(Training {
            code: codes.into_iter().collect::<Vec<_>>().join(", "),
            n_runs: runs.len(),
            n_atoms: [n_atoms().min().unwrap_or(0), n_atoms().max().unwrap_or(0)],
            structures: runs.iter().map(|run| TrainingStructure::of(run, slots)).collect::<Result<_>>()?,
            shortest_bonds: shortest_bonds(runs, slots)?,
        })
    }
}

/// Over all runs that have S, in the order of species.
fn shortest_bonds(runs: &[Calculation], slots: &Slots) -> Result<Vec<ShortestBond>> {
    let mut shortest = BTreeMap::new();
    for run in runs {
        let seats = slots.seats(&run.basis)?;
        let species = |atom: u32| seats[run.basis.species_index(atom as usize)].species;
        let blocks = run.overlap.iter().flat_map(Operator::blocks);
        for (pair, _) in blocks.filter(|(pair, block)| !pair.is_onsite() && overlaps(block)) {
            let [a, b] = [species(pair.i), species(pair.j)];
            let least = shortest.entry([a.min(b), a.max(b)]).or_insert(f64::INFINITY);
            *least = run.structure.displacement(pair).norm().min(*least);
        }
    }
    Ok(shortest.into_iter().map(|(species, distance)| ShortestBond { species, distance }).collect())
}

impl TrainingStructure {
    /// Takes down the structure of a run.
    ///
    /// # Errors
    /// As [`Slots::seats`].
    pub fn of(run: &Calculation, slots: &Slots) -> Result<Self> {
        let seats = slots.seats(run)?;
        let structure = &run.structure;
        let row = |k: usize| [0, 1, 2].map(|axis| rounded(structure.lattice[(k, axis)]));
        Ok(TrainingStructure {
            run: label(&run.origin.files),
            lattice: [0, 1, 2].map(row),
            positions: structure.positions.iter().map(|p| [0, 1, 2].map(|axis| rounded(p[axis]))).collect(),
            species: structure.species.iter().map(|&species| seats[species].species).collect(),
        })
    }
}

fn rounded(coordinate: f64) -> f64 {
    (coordinate * ROUNDING).round() / ROUNDING
}

/// The last two names of the folder that holds all files of a run: enough to find it again, and no path of a machine.
fn label(files: &[PathBuf]) -> String {
    let Some(first) = files.first() else { return String::new() };
    let holds_all = |folder: &&Path| files.iter().all(|file| file.starts_with(folder));
    let folder = first.ancestors().skip(1).find(holds_all).unwrap_or(Path::new(""));
    let names: Vec<_> = folder.iter().map(|name| name.to_string_lossy()).filter(|name| name != "/").collect();
    names[names.len().saturating_sub(2)..].join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::synthetic;

    #[test]
    fn structures_are_taken_down_in_the_order_of_atoms() {
        let run = synthetic::run(synthetic::structure(1));
        let slots = Slots::of_runs([&run]).unwrap();
        let training = Training::of(std::slice::from_ref(&run), &slots).unwrap();
        let [structure] = training.structures.as_slice() else { panic!("one structure per run") };
        assert_eq!((training.n_runs, structure.positions.len()), (1, run.structure.n_atoms()));
        for (atom, position) in run.structure.positions.iter().enumerate() {
            assert!((0..3).all(|axis| (structure.positions[atom][axis] - position[axis]).abs() <= 0.5001 / ROUNDING));
            let label = &run.basis.species()[run.structure.species[atom]].label;
            assert_eq!(&slots.species()[structure.species[atom]].label, label);
        }
        assert!((structure.lattice[0][1] - run.structure.lattice[(0, 1)]).abs() <= 0.5001 / ROUNDING);
    }

    #[test]
    fn the_shortest_bond_of_every_pair_of_species() {
        let runs = [1, 2].map(|seed| synthetic::run(synthetic::structure(seed)));
        let slots = Slots::of_runs([&runs[0].basis]).unwrap();
        let found = Training::of(&runs, &slots).unwrap().shortest_bonds;
        let distances = |species: [usize; 2]| {
            runs.iter().flat_map(move |run| {
                let of =
                    |pair: &crate::parsers::Pair| [pair.i, pair.j].map(|atom| run.structure.species[atom as usize]);
                let pairs = run.overlap.as_ref().unwrap().pairs().as_slice().iter();
                let pairs = pairs.filter(move |pair| !pair.is_onsite() && of(pair) == species);
                pairs.map(|pair| run.structure.displacement(pair).norm())
            })
        };
        assert_eq!(found.iter().map(|bond| bond.species).collect::<Vec<_>>(), [[0, 0], [0, 1], [1, 1]]);
        for ShortestBond { species, distance } in found {
            assert_eq!(distance, distances(species).fold(f64::INFINITY, f64::min));
        }
    }

    #[test]
    fn a_run_is_called_by_the_folder_of_all_its_files() {
        let of = |paths: &[&str]| label(&paths.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(of(&["/data/cells/003/HR.csr", "/data/cells/003/STRU"]), "cells/003");
        assert_eq!(of(&["/data/graphene/scf/OUT.ABACUS/HR.csr", "/data/graphene/h0/STRU"]), "data/graphene");
        assert_eq!(of(&["STRU"]), "");
        assert_eq!(of(&[]), "");
    }
}
