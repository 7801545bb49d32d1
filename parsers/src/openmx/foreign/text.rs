//! The input text at the end of the file: species with their shells, atoms, spin, temperature and k mesh, in OpenMX' words.

use crate::basis::{Species, l_letter};
use crate::calculation::{Calculation, Of};
use crate::code::Code;
use crate::foreign::{LABEL, comment, symbol, valence_charges};

/// What the text is of.
pub struct Input<'a> {
    pub run: &'a Calculation,
    pub of: Of,
    pub nspin: usize,
    /// Are imaginary parts of uu and dd in the file?
    pub imaginary: bool,
    /// Electronic temperature.
    pub kelvin: f64,
}

impl Input<'_> {
    /// The lines, without line ends; none is longer than the 255 bytes that the file has for it.
    pub fn lines(&self) -> Vec<String> {
        let Input { run, .. } = self;
        let mut lines = vec![comment(run, Code::OpenMx), format!("System.Name {LABEL}"), "HS.fileout on".to_owned()];
        lines.extend(self.species());
        lines.extend(self.atoms());
        lines.extend(self.cell());
        lines.extend(self.settings());
        lines
    }

    fn species(&self) -> Vec<String> {
        let species = self.run.basis.species();
        let line = |species: &Species| {
            let (label, element) = (&species.label, symbol(species).unwrap_or("E"));
            format!(" {label} {element}{} {element}_none", basis_name(species))
        };
        let count = format!("Species.Number {}", species.len());
        block("Definition.of.Atomic.Species", species.iter().map(line), [count])
    }

    /// Electrons up and down of each atom are half of its valence charge.
    fn atoms(&self) -> Vec<String> {
        let Calculation { structure, basis, .. } = self.run;
        let charges = valence_charges(self.run);
        let line = |(atom, position): (usize, &nalgebra::Vector3<f64>)| {
            let half = charges[basis.species_index(atom)] / 2.0;
            let (label, [x, y, z]) = (&basis.species_of(atom).label, <[f64; 3]>::from(*position));
            format!(" {} {label} {x} {y} {z} {half} {half}", atom + 1)
        };
        let head = [format!("Atoms.Number {}", structure.n_atoms()), "Atoms.SpeciesAndCoordinates.Unit AU".to_owned()];
        block("Atoms.SpeciesAndCoordinates", structure.positions.iter().enumerate().map(line), head)
    }

    fn cell(&self) -> Vec<String> {
        let rows = self.run.structure.lattice;
        let row = |row: usize| format!(" {} {} {}", rows[(row, 0)], rows[(row, 1)], rows[(row, 2)]);
        block("Atoms.UnitVectors", (0..3).map(row), ["Atoms.UnitVectors.Unit AU".to_owned()])
    }

    fn settings(&self) -> Vec<String> {
        let spin = match self.nspin {
            4 => "NC",
            2 => "on",
            _ => "off",
        };
        let [a, b, c] = self.run.k_grid.map_or([1; 3], |grid| grid.divisions);
        let mut lines = vec![
            format!("scf.SpinPolarization {spin}"),
            format!("scf.SpinOrbit.Coupling {}", if self.imaginary { "on" } else { "off" }),
            format!("scf.ElectronicTemperature {}", self.kelvin),
            "scf.EigenvalueSolver band".to_owned(),
            format!("scf.Kgrid {a} {b} {c}"),
        ];
        if self.of == Of::H0 {
            lines.push("scf.maxIter 1".to_owned());
        }
        lines
    }
}

/// `7.0-s2p2d1`: cutoff, and the number of radial functions of each l.
fn basis_name(species: &Species) -> String {
    let largest = species.shells.iter().map(|shell| shell.l).max().unwrap_or(0);
    let count = |l: u8| species.shells.iter().filter(|shell| shell.l == l).count();
    let groups: String =
        (0..=largest).filter(|&l| count(l) > 0).map(|l| format!("{}{}", l_letter(l), count(l))).collect();
    let cutoff = species.cutoff.map(|cutoff| cutoff.to_string()).unwrap_or_default();
    format!("{cutoff}-{groups}")
}

fn block(key: &str, rows: impl Iterator<Item = String>, head: impl IntoIterator<Item = String>) -> Vec<String> {
    head.into_iter().chain([format!("<{key}")]).chain(rows).chain([format!("{key}>")]).collect()
}
