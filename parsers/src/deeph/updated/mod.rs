//! The updated layout: `POSCAR`, `info.json`, and one file of few large data sets for each matrix. Orbitals are in our own order.

mod info;
mod matrix;

use std::path::Path;

use self::info::Info;
use super::blocks::Orbitals;
use super::layout::{Layout, require};
use super::reading::{Constants, Head, folder};
use super::species_of;
use crate::basis::Basis;
use crate::calculation::Calculation;
use crate::convert::Writing;
use crate::error::{Context, Error, Result};
use crate::input;
use crate::output::write_file;
use crate::poscar::Poscar;
use crate::read::ReadOptions;
use crate::structure::Structure;

const POSCAR: &str = "POSCAR";
const INFO: &str = "info.json";

const LAYOUT: Layout = Layout {
    format: "deeph",
    overlap: "overlap.h5",
    hamiltonian: "hamiltonian.h5",
    predicted: "hamiltonian_pred.h5",
    density_matrix: &["density_matrix.h5"],
    orbitals: |basis| Ok(Orbitals::canonical(basis)),
    read: matrix::read,
    write: matrix::write,
};

/// Reads a folder, or the folder of one of its files. `hamiltonian_pred.h5` is read where `hamiltonian.h5` is absent, or where
/// it is named.
///
/// # Errors
/// All kinds, with the file's name.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Calculation> {
    let place = folder(path);
    let constants = Constants::of(place)?;
    let files = vec![require(place, POSCAR)?, require(place, INFO)?];
    let poscar = Poscar::parse(&input::open(&files[0])?).in_file(&files[0])?;
    let info = Info::parse(&input::open(&files[1])?).in_file(&files[1])?;
    let atoms = atoms(&poscar, &info, constants.angstrom_per_bohr).in_file(&files[1])?;
    let head = Head {
        spins: if info.spinful { 2 } else { 1 },
        is_orthogonal: info.orthogonal_basis,
        fermi_level_ev: info.fermi_energy_ev,
        n_electrons: info.occupation,
        files,
    };
    LAYOUT.read(path, options, atoms, head, &constants)
}

/// Atoms and their orbitals, checked against each other.
fn atoms(poscar: &Poscar, info: &Info, angstrom_per_bohr: f64) -> Result<(Structure, Basis)> {
    let mut names: Vec<&String> = Vec::new();
    let number = |name| {
        names.iter().position(|known| *known == name).unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        })
    };
    let species: Vec<usize> = poscar.elements.iter().map(number).collect();
    let shells = |name: &&String| {
        let shells = info.elements_orbital_map.get(*name);
        let shells = shells.ok_or_else(|| Error::syntax(format!("the orbitals of {name}"), "none"))?;
        species_of(name, shells)
    };
    let basis = Basis::new(names.iter().map(shells).collect::<Result<_>>()?, &species)?;
    let (atoms, orbitals) = (basis.n_atoms(), basis.n_orbitals());
    if (atoms, orbitals) != (info.atoms_quantity, info.orbits_quantity) {
        let message = format!(
            "POSCAR has {atoms} atoms with {orbitals} orbitals, but this file says {} and {}",
            info.atoms_quantity, info.orbits_quantity
        );
        return Err(Error::inconsistent(message));
    }
    let structure = Structure {
        lattice: poscar.lattice / angstrom_per_bohr,
        positions: poscar.positions.iter().map(|position| position / angstrom_per_bohr).collect(),
        species,
    };
    Ok((structure, basis))
}

/// Writes a folder. H and S get one list of blocks, with zeros where one of them has none, as DeepH-dock demands; collinear
/// matrices become block-diagonal spinors.
///
/// # Errors
/// `NotRepresentable` where species of one element have different shells, or there is nothing to write; `Io`.
pub fn write(target: &Path, job: &Writing) -> Result<()> {
    let run = job.run;
    let elements_orbital_map = info::orbital_map(run.basis.species(), LAYOUT.format)?;
    let matrices = LAYOUT.write(target, job)?;
    let info = Info {
        atoms_quantity: run.structure.n_atoms(),
        orbits_quantity: run.basis.n_orbitals(),
        orthogonal_basis: matrices.is_orthogonal,
        spinful: matrices.spins == 2,
        fermi_energy_ev: matrices.fermi_level_ev,
        elements_orbital_map,
        occupation: run.n_electrons,
    };
    write_file(&target.join(INFO), |out| Ok(serde_json::to_writer(out, &info)?))?;
    let angstrom = run.origin.angstrom_per_bohr;
    let poscar = Poscar {
        lattice: run.structure.lattice * angstrom,
        elements: info::symbols(&run.basis, LAYOUT.format)?,
        positions: run.structure.positions.iter().map(|position| position * angstrom).collect(),
    };
    write_file(&target.join(POSCAR), |out| out.write_all(poscar.text().as_bytes()))
}
