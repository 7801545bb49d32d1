//! `NAME.win`, Wannier90's input: the lattice and the atoms, which `_hr.dat` lacks, and where functions started from.
//!
//! Keys and names of blocks in any case, `key = value`, `key : value` or `key value`; `!` and `#` start comments; lengths in Å
//! unless `bohr` stands in the first line of a block.

use std::collections::BTreeMap;
use std::io::{self, Write};

use nalgebra::{Matrix3, Vector3};

use crate::basis::Species;
use crate::error::{Error, Result};
use crate::foreign::symbol;
use crate::input::lines::{Line, Lines};
use crate::structure::Structure;
use crate::units::BOHR_IN_ANGSTROM;

/// What a conversion needs of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Win {
    /// Lattice vectors as rows, Å.
    pub lattice: Matrix3<f64>,
    /// Labels and Cartesian positions, Å.
    pub atoms: Vec<(String, Vector3<f64>)>,
    /// Are the functions spinors, up and down of each orbital one after the other? `None` where the file does not say.
    pub spinors: Option<bool>,
    /// Fermi level, eV.
    pub fermi_energy: Option<f64>,
    projections: Vec<Line>,
}

impl Win {
    /// Reads the file.
    ///
    /// # Errors
    /// `Syntax` with the line.
    pub fn parse(file: &[u8]) -> Result<Self> {
        let mut sections = Sections::split(Lines::new(file, &["!", "#"]))?;
        let lattice = lattice(
            sections
                .block("unit_cell_cart")
                .ok_or_else(|| Error::syntax("a block unit_cell_cart with the lattice", "none"))?,
        )?;
        let atoms = match (sections.block("atoms_cart"), sections.block("atoms_frac")) {
            (Some(lines), _) => atoms(lines, Matrix3::identity())?,
            (None, Some(lines)) => atoms(lines, lattice.transpose())?,
            (None, None) => Vec::new(),
        };
        let spinors = sections.value("spinors").map(|value| is_true(&value));
        let fermi_energy = sections.value("fermi_energy").and_then(|value| value.parse().ok());
        Ok(Win {
            lattice,
            atoms,
            spinors,
            fermi_energy,
            projections: sections.block("projections").unwrap_or_default(),
        })
    }

    /// Where each function started from, Å, where the projections are simple: `Si:sp3`, `Si:s;p`, `f=0.25,0.25,0.25:dxy`,
    /// `c=0,0,1.2:l=2`. `None` where one is not, or where they are not `n`.
    pub fn centres(&self, n: usize) -> Option<Vec<[f64; 3]>> {
        let per_orbital = if self.spinors == Some(true) { 2 } else { 1 };
        let mut centres = Vec::new();
        for line in &self.projections {
            let (site, functions) = line.text.split_once(':')?;
            let count = functions.split(':').next()?.split(';').map(n_functions).sum::<Option<usize>>()?;
            for position in self.sites(site.trim())? {
                let centre: [f64; 3] = position.into();
                centres.extend(std::iter::repeat_n(centre, per_orbital * count));
            }
        }
        (centres.len() == n).then_some(centres)
    }

    fn sites(&self, site: &str) -> Option<Vec<Vector3<f64>>> {
        let Some((kind, numbers)) = site.split_once('=') else {
            let atoms = self.atoms.iter().filter(|(label, _)| label.eq_ignore_ascii_case(site));
            let found: Vec<Vector3<f64>> = atoms.map(|(_, position)| *position).collect();
            return (!found.is_empty()).then_some(found);
        };
        let numbers: Vec<f64> = numbers.split(',').map(|x| x.trim().parse().ok()).collect::<Option<_>>()?;
        let [x, y, z] = numbers[..] else { return None };
        match kind.trim().to_ascii_lowercase().as_str() {
            "f" => Some(vec![self.lattice.tr_mul(&Vector3::new(x, y, z))]),
            "c" => Some(vec![Vector3::new(x, y, z)]),
            _ => None,
        }
    }
}

/// Number of functions of one angular part: `s`, `p`, `pz`, `sp3`, `l=2`, `l=1,mr=1`, …
fn n_functions(name: &str) -> Option<usize> {
    const WHOLE: [(&str, usize); 9] =
        [("s", 1), ("p", 3), ("d", 5), ("f", 7), ("sp", 2), ("sp2", 3), ("sp3", 4), ("sp3d", 5), ("sp3d2", 6)];
    let name = name.trim().to_ascii_lowercase().replace(' ', "");
    if let Some(numbers) = name.strip_prefix("l=") {
        let l: i32 = numbers.split(',').next()?.parse().ok()?;
        return match (numbers.contains("mr="), l) {
            (true, _) => Some(numbers.split("mr=").nth(1)?.split(',').count()),
            (false, 0..=3) => Some(2 * l as usize + 1),
            (false, -5..=-1) => Some(1 + l.unsigned_abs() as usize),
            _ => None,
        };
    }
    let whole = WHOLE.iter().find(|(known, _)| *known == name).map(|&(_, n)| n);
    let is_one = || name.starts_with(['p', 'd', 'f']) || name.starts_with("sp") && name.contains('-');
    whole.or_else(|| is_one().then_some(1))
}

/// The file taken apart; names in lower case.
struct Sections {
    values: BTreeMap<String, String>,
    blocks: BTreeMap<String, Vec<Line>>,
}

impl Sections {
    fn split(mut lines: Lines) -> Result<Self> {
        let mut sections = Sections { values: BTreeMap::new(), blocks: BTreeMap::new() };
        while let Some(line) = lines.next() {
            let text = line.text.to_ascii_lowercase();
            if line.first().eq_ignore_ascii_case("begin") {
                let name = text.split_whitespace().nth(1).unwrap_or_default().to_owned();
                let block = block(&mut lines, &name)?;
                sections.blocks.insert(name, block);
            } else if let Some((key, value)) = text.split_once(['=', ':', ' ', '\t']) {
                let value = value.trim_start_matches(['=', ':', ' ', '\t']);
                sections.values.insert(key.to_owned(), value.trim_end().to_owned());
            }
        }
        Ok(sections)
    }

    fn block(&mut self, name: &str) -> Option<Vec<Line>> {
        self.blocks.remove(name)
    }

    fn value(&mut self, key: &str) -> Option<String> {
        self.values.remove(key)
    }
}

/// The lines up to `end NAME`.
fn block(lines: &mut Lines, name: &str) -> Result<Vec<Line>> {
    let mut block = Vec::new();
    loop {
        let line = lines.expect(&format!("`end {name}`"))?;
        if line.first().eq_ignore_ascii_case("end") {
            return Ok(block);
        }
        block.push(line);
    }
}

/// As Wannier90 reads Fortran's logicals: `true`, `.true.`, `T`.
fn is_true(value: &str) -> bool {
    value.trim_start_matches('.').starts_with('t')
}

/// Å of one unit in the block, and its lines without the one that names the unit.
fn in_units(lines: Vec<Line>) -> (f64, Vec<Line>) {
    let named = lines.first().filter(|line| line.words().count() == 1).map(|line| line.first().to_ascii_lowercase());
    let unit = if named.as_deref() == Some("bohr") { BOHR_IN_ANGSTROM } else { 1.0 };
    (unit, lines.into_iter().skip(usize::from(named.is_some())).collect())
}

fn lattice(lines: Vec<Line>) -> Result<Matrix3<f64>> {
    let (unit, lines) = in_units(lines);
    let [a, b, c] = &lines[..] else {
        return Err(Error::syntax("three lattice vectors in unit_cell_cart", format!("{} lines", lines.len())));
    };
    let what = "a lattice vector";
    let rows = [a.vector(0, what)?, b.vector(0, what)?, c.vector(0, what)?];
    Ok(Matrix3::from_fn(|row, column| rows[row][column] * unit))
}

/// `axes` leads from the numbers of the block to Cartesian ones.
fn atoms(lines: Vec<Line>, axes: Matrix3<f64>) -> Result<Vec<(String, Vector3<f64>)>> {
    let (unit, lines) = in_units(lines);
    let atom = |line: &Line| Ok((line.first().to_owned(), axes * Vector3::from(line.vector(1, "a position")?) * unit));
    lines.iter().map(atom).collect()
}

/// What stands in the files beside H, one set per spin channel.
pub struct Described<'a> {
    /// Lattice and atoms, bohr.
    pub structure: &'a Structure,
    /// Species of each atom.
    pub species: Vec<&'a Species>,
    /// Two functions per orbital?
    pub spinors: bool,
    /// eV.
    pub fermi_energy: Option<f64>,
    /// The source's own.
    pub angstrom_per_bohr: f64,
}

impl Described<'_> {
    /// Number of functions.
    pub fn n_functions(&self) -> usize {
        self.species.iter().map(|species| species.n_orbitals()).sum::<usize>() * self.per_orbital()
    }

    fn per_orbital(&self) -> usize {
        if self.spinors { 2 } else { 1 }
    }

    /// Lattice vector `row`, Å.
    pub fn lattice_vector(&self, row: usize) -> [f64; 3] {
        [0, 1, 2].map(|column| self.structure.lattice[(row, column)] * self.angstrom_per_bohr)
    }

    /// Position of atom `atom`, Å.
    fn position(&self, atom: usize) -> [f64; 3] {
        (self.structure.positions[atom] * self.angstrom_per_bohr).into()
    }

    /// Position of the atom of each function, Å.
    pub fn centres(&self) -> Vec<[f64; 3]> {
        let n = |species: &Species| species.n_orbitals() * self.per_orbital();
        let of_atom = |(atom, species): (usize, &&Species)| std::iter::repeat_n(self.position(atom), n(species));
        self.species.iter().enumerate().flat_map(of_atom).collect()
    }

    /// The element, or the label where it names none.
    fn symbol(&self, atom: usize) -> &str {
        let species = self.species[atom];
        symbol(species).unwrap_or(&species.label)
    }

    /// A `.win` without projections.
    pub fn write_win(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "! lattice and atoms of the H(R) beside this file, written by hzero")?;
        writeln!(out, "num_wann = {}\nspinors = {}", self.n_functions(), self.spinors)?;
        if let Some(level) = self.fermi_energy {
            writeln!(out, "fermi_energy = {level:?}")?;
        }
        writeln!(out, "\nbegin unit_cell_cart\nAng")?;
        for row in 0..3 {
            writeln!(out, "{}", spaced(self.lattice_vector(row)))?;
        }
        writeln!(out, "end unit_cell_cart\n\nbegin atoms_cart\nAng")?;
        for atom in 0..self.structure.n_atoms() {
            writeln!(out, "{:<3}{}", self.symbol(atom), spaced(self.position(atom)))?;
        }
        writeln!(out, "end atoms_cart")
    }

    /// `_centres.xyz`: functions, called `X`, then atoms.
    pub fn write_centres(&self, out: &mut dyn Write) -> io::Result<()> {
        let centres = self.centres();
        writeln!(out, "{}\nfunctions on their atoms, written by hzero", centres.len() + self.structure.n_atoms())?;
        for centre in centres {
            writeln!(out, "X  {}", spaced(centre))?;
        }
        (0..self.structure.n_atoms())
            .try_for_each(|atom| writeln!(out, "{:<3}{}", self.symbol(atom), spaced(self.position(atom))))
    }
}

/// Three numbers in columns, none rounded.
pub fn spaced([x, y, z]: [f64; 3]) -> String {
    format!("{x:>24?}{y:>24?}{z:>24?}")
}

/// The centres in a `_centres.xyz`, Å.
///
/// # Errors
/// `Syntax` and `Limit` with the line.
pub fn parse_centres(file: &[u8]) -> Result<Vec<[f64; 3]>> {
    let mut lines = Lines::new(file, &[]);
    let limit = lines.remaining();
    let n = lines.expect("a number of centres and atoms")?.count("a number of centres and atoms", limit)?;
    lines.expect("a comment")?;
    let mut centres = Vec::new();
    for _ in 0..n {
        let line = lines.expect("a centre or an atom")?;
        if line.first() == "X" {
            centres.push(line.vector(1, "a centre")?);
        }
    }
    Ok(centres)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIN: &str = "num_wann : 10 ! sp3 and s\nSpinors = .true.\nfermi_energy 6.25\nbegin projections\nSi:sp3\n\
                       f=0.5,0.5,0.5:s\nend projections\nBegin Unit_Cell_Cart\nbohr\n0 5 5\n5 0 5\n5 5 0\nEnd unit_cell_cart\n\
                       begin atoms_frac\nSi 0.25 0.25 0.25\nend atoms_frac\n";

    #[test]
    fn what_is_needed_is_found() {
        let win = Win::parse(WIN.as_bytes()).unwrap();
        assert!(win.spinors == Some(true) && win.fermi_energy == Some(6.25));
        assert!((win.lattice[(0, 1)] - 5.0 * BOHR_IN_ANGSTROM).abs() < 1e-15);
        let (label, position) = &win.atoms[0];
        assert!(label == "Si" && (position.x - 2.5 * BOHR_IN_ANGSTROM).abs() < 1e-15);
        let centres = win.centres(10).unwrap();
        assert!((centres[7][1] - 2.5 * BOHR_IN_ANGSTROM).abs() < 1e-15);
        assert!((centres[8][1] - 5.0 * BOHR_IN_ANGSTROM).abs() < 1e-15);
        assert_eq!(win.centres(8), None);
    }

    #[test]
    fn projections_are_counted_where_they_are_simple() {
        for (name, n) in [("s", 1), ("l=2", 5), ("l=-3", 4), ("dxy", 1), ("sp3-2", 1), ("l=1,mr=1,3", 2), ("sp3d2", 6)]
        {
            assert_eq!(n_functions(name), Some(n), "{name}");
        }
        assert_eq!(n_functions("random"), None);
    }

    #[test]
    fn what_is_missing_is_named() {
        let message = |from, to| Win::parse(WIN.replace(from, to).as_bytes()).unwrap_err().to_string();
        assert_eq!(message("0 5 5\n", ""), "expected three lattice vectors in unit_cell_cart, found 2 lines");
        assert_eq!(message("0 5 5", "0 5 x"), "10: expected a lattice vector, found `0 5 x`");
        assert_eq!(message("end atoms_frac\n", ""), "15: expected `end atoms_frac`, found the end of the file");
    }

    #[test]
    fn centres_are_the_x() {
        let file = b"3\n Wannier centres\nX 0.0 0.1 0.2\nX 1 1 1\nSi 0 0 0\n";
        assert_eq!(parse_centres(file).unwrap(), [[0.0, 0.1, 0.2], [1.0; 3]]);
        let message = parse_centres(b"9\n a\nX 0 0 0\n").unwrap_err().to_string();
        assert_eq!(message, "1: a number of centres and atoms of 9 exceeds the limit of 3");
    }
}
