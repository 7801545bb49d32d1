//! [`Stru`] → text.

use std::fmt::Write;

use super::{Coordinates, Stru};

impl Stru {
    /// The file: all sections, without comments. Numbers have as many digits as it takes to read them back unchanged.
    pub fn write(&self) -> String {
        let mut out = String::new();
        let species = self.species.iter().map(|s| format!("{} {}", s.label, s.rest.join(" ")));
        section(&mut out, "ATOMIC_SPECIES", species);
        section(&mut out, "NUMERICAL_ORBITAL", self.orbitals.iter().cloned());
        for (title, lines) in &self.other {
            section(&mut out, title, lines.iter().cloned());
        }
        section(&mut out, "LATTICE_CONSTANT", [self.lattice_constant.to_string()].into_iter());
        let rows =
            self.vectors.iter().flat_map(|v| (0..3).map(|i| format!("{} {} {}", v[(i, 0)], v[(i, 1)], v[(i, 2)])));
        section(&mut out, "LATTICE_VECTORS", rows);
        section(&mut out, "LATTICE_PARAMETERS", self.parameters.iter().map(f64::to_string));
        section(&mut out, "ATOMIC_POSITIONS", [self.coordinates.word().to_owned()].into_iter());
        self.groups.iter().for_each(|group| group.write(&mut out));
        out
    }
}

impl super::Group {
    fn write(&self, out: &mut String) {
        // Writing into a String cannot fail.
        let _ = write!(out, "{}\n{}\n{}\n", self.label, self.moment, self.atoms.len());
        for atom in &self.atoms {
            let [x, y, z] = atom.position.into();
            let line = format!("{x} {y} {z} {}", atom.rest);
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out.push('\n');
    }
}

impl Coordinates {
    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Coordinates::Direct => "Direct",
            Coordinates::Cartesian => "Cartesian",
            Coordinates::CartesianAu => "Cartesian_au",
            Coordinates::CartesianAngstrom([true, true, true]) => "Cartesian_angstrom_center_xyz",
            Coordinates::CartesianAngstrom([true, true, _]) => "Cartesian_angstrom_center_xy",
            Coordinates::CartesianAngstrom([true, _, true]) => "Cartesian_angstrom_center_xz",
            Coordinates::CartesianAngstrom([_, true, true]) => "Cartesian_angstrom_center_yz",
            Coordinates::CartesianAngstrom(_) => "Cartesian_angstrom",
        }
    }
}

/// Title and lines; nothing where there are no lines.
fn section(out: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return;
    }
    out.push_str(title);
    for line in lines {
        out.push('\n');
        out.push_str(line.trim_end());
    }
    out.push_str("\n\n");
}
