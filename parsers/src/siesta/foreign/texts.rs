//! The texts beside the matrices: input, structure, orbitals.

use std::fmt::Write;

use crate::basis::{Basis, Shell, Species, l_letter};
use crate::calculation::{Calculation, Of, Smearing};
use crate::code::Code;
use crate::foreign::{LABEL, comment};
use crate::siesta::hsx::KMesh;
use crate::units::RYDBERG_IN_HARTREE;

/// What SIESTA calls atoms of no element.
const SYNTHETIC: i32 = 201;

/// `.fdf`: species, structure, spin, temperature and mesh. That of H⁽⁰⁾ has `HSetupOnly`.
pub fn fdf(run: &Calculation, nspin: usize, of: Option<Of>) -> String {
    let mut lines = vec![
        comment(run, Code::Siesta),
        format!("SystemLabel {LABEL}"),
        format!("NumberOfAtoms {}", run.structure.n_atoms()),
        format!("NumberOfSpecies {}", run.basis.species().len()),
    ];
    lines.extend(block("ChemicalSpeciesLabel", species(&run.basis)));
    lines.extend(structure(run));
    lines.push(format!("Spin {}", spin(nspin)));
    lines.extend(run.smearing.map(smearing).into_iter().flatten());
    let KMesh { cell, displacement } = KMesh::of(run);
    let row =
        |row: usize| format!("{} {} {} {}", cell[3 * row], cell[3 * row + 1], cell[3 * row + 2], displacement[row]);
    lines.extend(block("kgrid_Monkhorst_Pack", (0..3).map(row)));
    if let Some(moment) = run.fixed_moment.filter(|_| nspin == 2) {
        lines.extend(["Spin.Fix T".to_owned(), format!("Spin.Total {moment}")]);
    }
    lines.extend((of == Some(Of::H0)).then(|| "HSetupOnly T".to_owned()));
    lines.join("\n") + "\n"
}

fn species(basis: &Basis) -> impl Iterator<Item = String> {
    let row = |(index, species): (usize, &Species)| format!("{} {} {}", index + 1, number(species), species.label);
    basis.species().iter().enumerate().map(row)
}

fn number(species: &Species) -> i32 {
    species.z.map_or(SYNTHETIC, i32::from)
}

fn structure(run: &Calculation) -> Vec<String> {
    let lattice = run.structure.lattice;
    let atoms = run.structure.positions.iter().zip(&run.structure.species);
    let atom = |(position, species): (&nalgebra::Vector3<f64>, &usize)| {
        format!("{:?} {:?} {:?} {}", position.x, position.y, position.z, species + 1)
    };
    let mut lines = vec!["LatticeConstant 1.0 Bohr".to_owned(), "AtomicCoordinatesFormat Bohr".to_owned()];
    lines.extend(block(
        "LatticeVectors",
        lattice.row_iter().map(|row| format!("{:?} {:?} {:?}", row[0], row[1], row[2])),
    ));
    lines.extend(block("AtomicCoordinatesAndAtomicSpecies", atoms.map(atom)));
    lines
}

fn spin(nspin: usize) -> &'static str {
    match nspin {
        1 => "non-polarized",
        2 => "polarized",
        4 => "non-collinear",
        _ => "spin-orbit",
    }
}

/// Gaussian smearing is Methfessel–Paxton's of order 0.
fn smearing(smearing: Smearing) -> Vec<String> {
    let function = match smearing {
        Smearing::Fixed | Smearing::FermiDirac(_) => "OccupationFunction FD".to_owned(),
        Smearing::Gaussian(_) => "OccupationFunction MP\nOccupationMPOrder 0".to_owned(),
        Smearing::MethfesselPaxton { order, .. } => format!("OccupationFunction MP\nOccupationMPOrder {order}"),
        Smearing::Cold(_) => "OccupationFunction Cold".to_owned(),
    };
    let width = Some(smearing.width()).filter(|width| *width > 0.0);
    let temperature = width.map(|width| format!("ElectronicTemperature {:?} Ry", width / RYDBERG_IN_HARTREE));
    [function].into_iter().chain(temperature).collect()
}

/// `.XV`, with all digits; the atoms rest.
pub fn xv(run: &Calculation) -> String {
    let mut text = String::new();
    // writing into a String cannot fail
    for row in run.structure.lattice.row_iter() {
        let _ = writeln!(text, "{:?} {:?} {:?} 0.0 0.0 0.0", row[0], row[1], row[2]);
    }
    let _ = writeln!(text, "{}", run.structure.n_atoms());
    for (position, &species) in run.structure.positions.iter().zip(&run.structure.species) {
        let [x, y, z] = <[f64; 3]>::from(*position);
        let element = number(&run.basis.species()[species]);
        let _ = writeln!(text, "{} {element} {x:?} {y:?} {z:?} 0.0 0.0 0.0", species + 1);
    }
    text
}

/// `.ORB_INDX` of the home cell, which tells the shells of a TSHS. A cutoff that is not known is 0.
pub fn orb_indx(basis: &Basis) -> String {
    let n = basis.n_orbitals();
    let mut text =
        format!("{n} {n} = orbitals in unit cell and supercell.\n\nio ia is spec iao n l m z p sym rc isc iuo\n");
    let mut orbital = 0;
    for atom in 0..basis.n_atoms() {
        let species = basis.species_of(atom);
        let head = format!("{} {} {}", atom + 1, basis.species_index(atom) + 1, species.label);
        for (place, (Shell { l, zeta, n }, m)) in orbitals(species).enumerate() {
            orbital += 1;
            let (n, letter, cutoff) = (n.unwrap_or(l + 1), l_letter(l), species.cutoff.unwrap_or(0.0));
            let shell = format!("{n} {l} {m} {zeta} F {letter}{m} {cutoff:?}");
            text += &format!("{orbital} {head} {} {shell} 0 0 0 {orbital}\n", place + 1);
        }
    }
    text
}

/// Every orbital of an atom, with its m.
fn orbitals(species: &Species) -> impl Iterator<Item = (Shell, i16)> {
    species.shells.iter().flat_map(|&shell| {
        let l = i16::from(shell.l);
        (-l..=l).map(move |m| (shell, m))
    })
}

fn block(label: &str, rows: impl Iterator<Item = String>) -> Vec<String> {
    [format!("%block {label}")].into_iter().chain(rows).chain([format!("%endblock {label}")]).collect()
}
