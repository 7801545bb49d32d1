//! STRU: species, orbital files, cell and atoms, as the file states them (`docs/advanced/input_files/stru.md` of ABACUS;
//! reading routine: `UnitCell::read_atom_species`, `read_atom_positions`).

mod lattice;
mod write;

use nalgebra::{Matrix3, Vector3};

use super::COMMENT_MARKS;
use crate::cells::cell_of;
use crate::error::{Context, Error, Result};
use crate::input::lines::{Line, Lines};
use crate::structure::Structure;

/// The sections of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Stru {
    /// `ATOMIC_SPECIES`.
    pub species: Vec<SpeciesLine>,
    /// `NUMERICAL_ORBITAL`: one file per species, in their order; empty for plane waves.
    pub orbitals: Vec<String>,
    /// `LATTICE_CONSTANT` in bohr.
    pub lattice_constant: f64,
    /// `LATTICE_VECTORS` as rows, in units of the lattice constant.
    pub vectors: Option<Matrix3<f64>>,
    /// `LATTICE_PARAMETERS`, for a `latname` in INPUT.
    pub parameters: Vec<f64>,
    /// How positions are given.
    pub coordinates: Coordinates,
    /// `ATOMIC_POSITIONS`: one group per species that has atoms, in the order of the species.
    pub groups: Vec<Group>,
    /// Sections that hzero does not need (`NUMERICAL_DESCRIPTOR`, `PAW_FILES`, …): title and lines.
    pub other: Vec<(String, Vec<String>)>,
}

/// One line of `ATOMIC_SPECIES`.
#[derive(Debug, Clone, PartialEq)]
pub struct SpeciesLine {
    /// Label, e.g. `Fe`, `Fe1`, `C_empty`.
    pub label: String,
    /// Mass in atomic mass units, and what follows: pseudopotential and its type.
    pub rest: Vec<String>,
}

/// The words that ABACUS knows after `ATOMIC_POSITIONS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coordinates {
    /// Fractions of the lattice vectors.
    Direct,
    /// Units of the lattice constant.
    Cartesian,
    /// Bohr.
    CartesianAu,
    /// Ångström, from the origin, or from the centre of the cell along the flagged lattice vectors.
    CartesianAngstrom([bool; 3]),
}

/// Atoms of one species.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Label of the species.
    pub label: String,
    /// Start moment of each atom, in Bohr magnetons.
    pub moment: f64,
    /// The atoms.
    pub atoms: Vec<Atom>,
}

/// One atom.
#[derive(Debug, Clone, PartialEq)]
pub struct Atom {
    /// Position in the file's own coordinates.
    pub position: Vector3<f64>,
    /// What follows: freedom to move, `mag`, `v`, `angle1`, …, as written.
    pub rest: String,
}

/// Section titles; none can be a label of a species.
const TITLES: [&str; 10] = [
    "ATOMIC_SPECIES",
    "NUMERICAL_ORBITAL",
    "NUMERICAL_DESCRIPTOR",
    "ABFS_ORBITAL",
    "ABFS_JLES_ORBITAL",
    "PAW_FILES",
    "LATTICE_CONSTANT",
    "LATTICE_VECTORS",
    "LATTICE_PARAMETERS",
    "ATOMIC_POSITIONS",
];

impl Stru {
    /// Reads the file. Sections may stand in any order; comments are dropped.
    ///
    /// # Errors
    /// `Syntax` and `Limit` with the line; `Inconsistent` where the labels of the sections differ.
    pub fn parse(file: &[u8]) -> Result<Stru> {
        let mut stru = Stru {
            species: Vec::new(),
            orbitals: Vec::new(),
            lattice_constant: DEFAULT_LATTICE_CONSTANT,
            vectors: None,
            parameters: Vec::new(),
            coordinates: Coordinates::Direct,
            groups: Vec::new(),
            other: Vec::new(),
        };
        let mut lines = Lines::new(file, COMMENT_MARKS);
        while let Some(title) = lines.next() {
            if !is_title(&title) {
                return Err(title.expected("the title of a section, such as ATOMIC_SPECIES"));
            }
            stru.section(&title, &mut lines).while_reading(|| format!("section {}", title.first()))?;
        }
        stru.check()?;
        Ok(stru)
    }

    /// Number of atoms.
    pub fn n_atoms(&self) -> usize {
        self.groups.iter().map(|group| group.atoms.len()).sum()
    }

    /// Lattice vectors as rows, bohr; `latname` is the key of INPUT.
    ///
    /// # Errors
    /// `Inconsistent` where neither vectors nor a known `latname` with its parameters are there, or the volume is zero.
    pub fn lattice(&self, latname: Option<&str>) -> Result<Matrix3<f64>> {
        let vectors = match (latname, &self.vectors) {
            (None | Some("none"), Some(vectors)) => *vectors,
            (None | Some("none"), None) => {
                return Err(Error::inconsistent("there is no section LATTICE_VECTORS, and INPUT sets no latname"));
            }
            (Some(name), _) => lattice::vectors(name, &self.parameters)?,
        };
        let lattice = vectors * self.lattice_constant;
        if lattice.determinant().abs() > 0.0 { Ok(lattice) } else { Err(Error::inconsistent("the cell has no volume")) }
    }

    /// Cell and atoms; species are counted as in `ATOMIC_SPECIES`. `angstrom_per_bohr` is the code's own constant.
    ///
    /// Atoms outside of the cell are moved into it, as ABACUS does on reading: the R of its matrices counts from there.
    ///
    /// # Errors
    /// As [`Stru::lattice`].
    pub fn structure(&self, latname: Option<&str>, angstrom_per_bohr: f64) -> Result<Structure> {
        let lattice = self.lattice(latname)?;
        let (mut positions, mut species) = (Vec::new(), Vec::new());
        for group in &self.groups {
            let index = self.species.iter().position(|s| s.label == group.label).unwrap_or_default();
            for atom in &group.atoms {
                let position = self.cartesian(&atom.position, &lattice, angstrom_per_bohr);
                positions.push(into_cell(position, &lattice));
                species.push(index);
            }
        }
        Ok(Structure { lattice, positions, species })
    }

    /// Position in bohr.
    fn cartesian(&self, x: &Vector3<f64>, lattice: &Matrix3<f64>, angstrom_per_bohr: f64) -> Vector3<f64> {
        match self.coordinates {
            Coordinates::Direct => lattice.tr_mul(x),
            Coordinates::Cartesian => x * self.lattice_constant,
            Coordinates::CartesianAu => *x,
            Coordinates::CartesianAngstrom(centred) => {
                let centre = Vector3::from(centred.map(|yes| if yes { 0.5 } else { 0.0 }));
                x / angstrom_per_bohr + lattice.tr_mul(&centre)
            }
        }
    }

    fn section(&mut self, title: &Line, lines: &mut Lines) -> Result<()> {
        match title.first() {
            "ATOMIC_SPECIES" => self.species = body(lines).iter().map(species_line).collect(),
            "NUMERICAL_ORBITAL" => self.orbitals = body(lines).iter().map(|line| line.first().to_owned()).collect(),
            "LATTICE_CONSTANT" => {
                self.lattice_constant =
                    lines.expect("the lattice constant")?.number(0, "the lattice constant in bohr")?;
            }
            "LATTICE_VECTORS" => self.vectors = Some(three_rows(lines)?),
            "LATTICE_PARAMETERS" => self.parameters = numbers(lines)?,
            "ATOMIC_POSITIONS" => self.positions(lines)?,
            other => {
                let text = body(lines).into_iter().map(|line| line.text).collect();
                self.other.push((other.to_owned(), text));
            }
        }
        Ok(())
    }

    fn positions(&mut self, lines: &mut Lines) -> Result<()> {
        let kind = lines.expect("Direct or Cartesian")?;
        self.coordinates = coordinates(kind.first())
            .ok_or_else(|| kind.expected("Direct, Cartesian, Cartesian_au or Cartesian_angstrom[_center_xy…]"))?;
        while lines.peek().is_some_and(|line| !is_title(line)) {
            let group = group(lines)?;
            self.groups.push(group);
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        if self.n_atoms() == 0 {
            return Err(Error::syntax("a section ATOMIC_POSITIONS with atoms", "none"));
        }
        for group in &self.groups {
            if !self.species.iter().any(|s| s.label == group.label) {
                let message = format!("atoms of `{}`, which ATOMIC_SPECIES does not list", group.label);
                return Err(Error::inconsistent(message));
            }
        }
        if !self.orbitals.is_empty() && self.orbitals.len() != self.species.len() {
            let (files, species) = (self.orbitals.len(), self.species.len());
            return Err(Error::inconsistent(format!("{files} orbital files for {species} species")));
        }
        Ok(())
    }
}

/// By whole lattice vectors into the cell.
fn into_cell(position: Vector3<f64>, lattice: &Matrix3<f64>) -> Vector3<f64> {
    let Some(inverse) = lattice.try_inverse() else { return position };
    let cell = cell_of(&position, &inverse);
    if cell == Vector3::zeros() { position } else { position - lattice.tr_mul(&cell) }
}

/// One ångström: what ABACUS takes where the section is absent.
const DEFAULT_LATTICE_CONSTANT: f64 = 1.889_726_125_836_928_2;

fn is_title(line: &Line) -> bool {
    TITLES.contains(&line.first())
}

/// Lines up to the next title.
fn body(lines: &mut Lines) -> Vec<Line> {
    let mut body = Vec::new();
    while lines.peek().is_some_and(|line| !is_title(line)) {
        body.extend(lines.next());
    }
    body
}

fn species_line(line: &Line) -> SpeciesLine {
    let mut words = line.words().map(str::to_owned);
    SpeciesLine { label: words.next().unwrap_or_default(), rest: words.collect() }
}

fn three_rows(lines: &mut Lines) -> Result<Matrix3<f64>> {
    let mut row = || lines.expect("three lattice vectors")?.vector(0, "a lattice vector of three numbers");
    let (a, b, c) = (row()?, row()?, row()?);
    Ok(Matrix3::from_rows(&[a, b, c].map(|v| Vector3::from(v).transpose())))
}

fn numbers(lines: &mut Lines) -> Result<Vec<f64>> {
    let mut numbers = Vec::new();
    for line in body(lines) {
        for index in 0..line.words().count() {
            numbers.push(line.number(index, "a lattice parameter")?);
        }
    }
    Ok(numbers)
}

fn coordinates(word: &str) -> Option<Coordinates> {
    Some(match word {
        "Direct" => Coordinates::Direct,
        "Cartesian" => Coordinates::Cartesian,
        "Cartesian_au" => Coordinates::CartesianAu,
        "Cartesian_angstrom" => Coordinates::CartesianAngstrom([false; 3]),
        "Cartesian_angstrom_center_xy" => Coordinates::CartesianAngstrom([true, true, false]),
        "Cartesian_angstrom_center_xz" => Coordinates::CartesianAngstrom([true, false, true]),
        "Cartesian_angstrom_center_yz" => Coordinates::CartesianAngstrom([false, true, true]),
        "Cartesian_angstrom_center_xyz" => Coordinates::CartesianAngstrom([true; 3]),
        _ => return None,
    })
}

fn group(lines: &mut Lines) -> Result<Group> {
    let label = lines.expect("the label of a species")?.first().to_owned();
    let moment = lines.expect("the start moment")?.number(0, "the start moment")?;
    let header = lines.expect("the number of atoms")?;
    let count = header.count("number of atoms", lines.remaining())?;
    let atoms = (0..count).map(|_| atom(&lines.expect("an atom")?)).collect::<Result<_>>()?;
    Ok(Group { label, moment, atoms })
}

fn atom(line: &Line) -> Result<Atom> {
    let position = Vector3::from(line.vector(0, "three coordinates of an atom")?);
    let rest: Vec<&str> = line.words().skip(3).collect();
    Ok(Atom { position, rest: rest.join(" ") })
}
