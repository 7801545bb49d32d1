//! The input file (`*.dat`), which every `.scfout` carries at its end: `key value …` lines and `<block … block>`. Keys know
//! no case, the first line with a key counts, and what follows the values on a line is ignored (`Inputtools.c`).

use nom::bytes::complete::take_till1;
use nom::character::complete::{space0, u32};
use nom::combinator::verify;
use nom::multi::count;
use nom::number::complete::double;
use nom::sequence::preceded;
use nom::{IResult, Parser};

use super::pao::Pao;
use crate::error::{Error, Location, Result};
use crate::input::text::quoted;

const ATOMS: &str = "Atoms.SpeciesAndCoordinates";
/// More points of one path than any run has.
const MAX_PATH_POINTS: u32 = 100_000;

/// The file, line by line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dat {
    lines: Vec<String>,
}

/// One line of `Definition.of.Atomic.Species`.
#[derive(Debug, Clone, PartialEq)]
pub struct SpeciesLine {
    /// The user's label.
    pub label: String,
    /// Basis, e.g. `Si7.0-s2p2d1`.
    pub pao: Pao,
    /// Pseudopotential, e.g. `Si_PBE19`.
    pub vps: String,
}

/// One line of `Band.kpath`: a straight path of `points` points, both ends included.
#[derive(Debug, Clone, PartialEq)]
pub struct PathLine {
    /// Number of points.
    pub points: u32,
    /// Both ends, reduced coordinates (of `Band.kpath.UnitCell`, where that is given).
    pub ends: [[f64; 3]; 2],
    /// Their names.
    pub names: [String; 2],
}

impl Dat {
    /// Splits a file into lines. Bytes that are not UTF-8 become the replacement character.
    pub fn parse(file: &[u8]) -> Dat {
        Dat { lines: String::from_utf8_lossy(file).lines().map(str::to_owned).collect() }
    }

    /// All lines, without line ends.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// First word after a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values_of(key)?.1.split_whitespace().next()
    }

    /// Is a switch on?
    pub fn is_on(&self, key: &str) -> bool {
        const ON: [&str; 5] = ["on", "yes", "true", ".true.", "ok"];
        self.get(key).is_some_and(|value| ON.iter().any(|on| value.eq_ignore_ascii_case(on)))
    }

    /// Is the value of `key` one of `values`?
    pub fn is_any(&self, key: &str, values: &[&str]) -> bool {
        self.get(key).is_some_and(|value| values.iter().any(|v| value.eq_ignore_ascii_case(v)))
    }

    /// `System.Name`, the stem of all output files.
    pub fn system_name(&self) -> Option<&str> {
        self.get("System.Name")
    }

    /// Does it stop after one iteration from superposed atoms, so that its H is H⁽⁰⁾? With `scf.restart` H comes from
    /// elsewhere, and from the second geometry on it begins with the density of the one before.
    pub fn is_step_zero(&self) -> bool {
        let restarts = self.is_on("scf.restart") || self.is_any("scf.restart", &["c2n"]);
        self.get("scf.maxIter") == Some("1") && !restarts && !self.has_several_geometries()
    }

    /// Do its files belong to another geometry than the one that it states?
    pub fn has_several_geometries(&self) -> bool {
        self.moves_atoms() && self.get("MD.maxIter").is_some_and(|steps| steps != "1")
    }

    /// Is it a relaxation or molecular dynamics?
    pub fn moves_atoms(&self) -> bool {
        self.get("MD.Type").is_some_and(|kind| !kind.eq_ignore_ascii_case("nomd"))
    }

    /// Spin–orbit coupling, Hubbard U, a constraint or a Zeeman term: only then does OpenMX use `iHks`
    /// (`Hamiltonian_Band_NC.c`).
    pub fn uses_imaginary_part(&self) -> bool {
        const SWITCHES: [&str; 4] =
            ["scf.SpinOrbit.Coupling", "scf.Hubbard.U", "scf.NC.Zeeman.Spin", "scf.NC.Zeeman.Orbital"];
        let constrained = self.get("scf.Constraint.NC.Spin").is_some_and(|value| !value.eq_ignore_ascii_case("off"));
        constrained || SWITCHES.iter().any(|key| self.is_on(key))
    }

    /// Are the orbitals contracted ones (`orbitalOpt.Method`)?
    pub fn optimises_orbitals(&self) -> bool {
        self.get("orbitalOpt.Method").is_some_and(|method| !method.eq_ignore_ascii_case("off"))
    }

    /// `scf.Kgrid`, 4 4 4 where absent; one point for solvers that know Γ only.
    ///
    /// # Errors
    /// `Syntax` with the line.
    pub fn k_grid(&self) -> Result<[u32; 3]> {
        let default = [4, 4, 4];
        if !self.is_any("scf.EigenvalueSolver", &["band", "negf"]) {
            return Ok([1, 1, 1]);
        }
        let Some((number, values)) = self.values_of("scf.Kgrid") else { return Ok(default) };
        divisions(values).ok_or_else(|| expected("three numbers of k points", number, values))
    }

    /// Is the mesh reduced to special points (`scf.Generation.Kpoint MP`)?
    pub fn has_special_points(&self) -> bool {
        self.is_any("scf.Generation.Kpoint", &["mp"])
    }

    /// `scf.Ngrid`: divisions of the real-space grid, where they are not left to `scf.energycutoff`.
    pub fn grid(&self) -> Option<[u32; 3]> {
        divisions(self.values_of("scf.Ngrid")?.1)
    }

    /// Species with their bases.
    ///
    /// # Errors
    /// `Syntax` with the line; `Unsupported` where there are none.
    pub fn species(&self) -> Result<Vec<SpeciesLine>> {
        const KEY: &str = "Definition.of.Atomic.Species";
        let species = |&(number, line): &(u32, &str)| {
            let found = parsed((word, word, word), line).and_then(|(label, pao, vps)| {
                Some(SpeciesLine { label: label.to_owned(), pao: Pao::parse(pao)?, vps: vps.to_owned() })
            });
            found.ok_or_else(|| expected("a species with its basis (Si Si7.0-s2p2d1 Si_PBE19)", number, line))
        };
        self.block(KEY)?.ok_or_else(|| lacks(KEY))?.iter().map(species).collect()
    }

    /// Species label of every atom.
    ///
    /// # Errors
    /// As [`Dat::species`].
    pub fn atoms(&self) -> Result<Vec<&str>> {
        let block = self.block(ATOMS)?.ok_or_else(|| lacks(ATOMS))?;
        let label = |(number, line)| {
            parsed((word, word), line).map(|(_, label)| label).ok_or_else(|| expected("an atom", number, line))
        };
        block.into_iter().map(label).collect()
    }

    /// Electrons, up and down, that each atom starts with; `None` where an atom lacks them.
    ///
    /// # Errors
    /// As [`Dat::species`].
    pub fn start_charges(&self) -> Result<Option<Vec<f64>>> {
        let block = self.block(ATOMS)?.ok_or_else(|| lacks(ATOMS))?;
        let charge = |(_, line): (u32, &str)| {
            let (_, _, _, up, down) = parsed((word, word, vector, number, number), line)?;
            Some(up + down)
        };
        Ok(block.into_iter().map(charge).collect())
    }

    /// `Band.kpath`; empty where there is none.
    ///
    /// # Errors
    /// `Syntax` with the line.
    pub fn k_path(&self) -> Result<Vec<PathLine>> {
        let Some(block) = self.block("Band.kpath")? else { return Ok(Vec::new()) };
        let path = |&(number, line): &(u32, &str)| {
            let points = verify(preceded(space0, u32), |points| (1..=MAX_PATH_POINTS).contains(points));
            let found = parsed((points, vector, vector, word, word), line);
            let (points, from, to, start, end) =
                found.ok_or_else(|| expected("points, two k vectors and their names", number, line))?;
            Ok(PathLine { points, ends: [from, to], names: [start.to_owned(), end.to_owned()] })
        };
        block.iter().map(path).collect()
    }

    /// `Band.kpath.UnitCell`: lattice vectors as rows, in the unit of `Atoms.UnitVectors.Unit`.
    ///
    /// # Errors
    /// `Syntax` with the line.
    pub fn k_path_cell(&self) -> Result<Option<[[f64; 3]; 3]>> {
        let Some(block) = self.block("Band.kpath.UnitCell")? else { return Ok(None) };
        let row =
            |&(number, line): &(u32, &str)| parsed(vector, line).ok_or_else(|| expected("a vector", number, line));
        let rows = block.iter().map(row).collect::<Result<Vec<_>>>()?;
        let n = rows.len();
        let cell = rows.try_into().map_err(|_| Error::syntax("three vectors", n.to_string()));
        cell.map(Some).map_err(|error| error.while_reading("Band.kpath.UnitCell"))
    }

    /// What follows a key, with the number of its line.
    fn values_of(&self, key: &str) -> Option<(u32, &str)> {
        self.numbered().find_map(|(number, line)| Some((number, after_word(line, key)?)))
    }

    /// The lines between `<key` and `key>` that are not empty, with their numbers.
    pub(super) fn block(&self, key: &str) -> Result<Option<Vec<(u32, &str)>>> {
        let mut lines = self.numbered().skip_while(|(_, line)| after_word(line, &format!("<{key}")).is_none());
        let Some((start, _)) = lines.next() else { return Ok(None) };
        let mut block = Vec::new();
        for (number, line) in lines {
            if after_word(line, &format!("{key}>")).is_some() {
                return Ok(Some(block));
            }
            if !line.trim().is_empty() {
                block.push((number, line));
            }
        }
        Err(Error::syntax(format!("`{key}>`"), "the end of the input").at(place(start)))
    }

    fn numbered(&self) -> impl Iterator<Item = (u32, &str)> {
        (1..).zip(self.lines.iter().map(String::as_str))
    }
}

/// The rest of a line whose first word is `wanted`.
fn after_word<'a>(line: &'a str, wanted: &str) -> Option<&'a str> {
    let (rest, first) = word(line).ok()?;
    first.eq_ignore_ascii_case(wanted).then_some(rest)
}

/// Next word, blanks before it skipped.
fn word(text: &str) -> IResult<&str, &str> {
    preceded(space0, take_till1(char::is_whitespace)).parse(text)
}

/// Three numbers above zero.
fn divisions(text: &str) -> Option<[u32; 3]> {
    let division = verify(preceded(space0, u32), |&divisions| divisions > 0);
    parsed(count(division, 3), text)?.try_into().ok()
}

fn vector(text: &str) -> IResult<&str, [f64; 3]> {
    (number, number, number).map(|(x, y, z)| [x, y, z]).parse(text)
}

/// Next number, blanks before it skipped.
fn number(text: &str) -> IResult<&str, f64> {
    preceded(space0, double).parse(text)
}

fn parsed<'a, P>(mut parser: P, text: &'a str) -> Option<P::Output>
where
    P: Parser<&'a str, Error = nom::error::Error<&'a str>>,
{
    parser.parse(text).ok().map(|(_, value)| value)
}

fn expected(what: &str, number: u32, line: &str) -> Error {
    Error::syntax(what, quoted(line.trim().as_bytes())).at(place(number))
}

fn lacks(key: &str) -> Error {
    Error::unsupported(format!("the input text lacks <{key}"))
}

fn place(line: u32) -> Location {
    Location { byte: 0, line: Some(line), column: None, record: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# iron\nsystem.name fe # comment\nscf.maxiter 1\nSCF.kgrid 3 3 1\nscf.EigenvalueSolver Band\n\
        <Definition.of.Atomic.Species\n Fe Fe5.5H-s3p2d1 Fe_PBE19H\n\nDefinition.of.Atomic.Species>\n\
        <atoms.SpeciesAndCoordinates\n 1 Fe 0 0 0 9.5 6.5\n 2 Fe 1 1 1 9.5 6.5\nAtoms.SpeciesAndCoordinates>\n\
        <Band.kpath\n 9 0 0 0 0.5 -0.5 1e-1 G H\nBand.kpath>\nsystem.name second\nscf.Hubbard.U OFF\n";

    #[test]
    fn keys_and_blocks() {
        let dat = Dat::parse(TEXT.as_bytes());
        assert_eq!(dat.system_name(), Some("fe"));
        assert!(dat.is_step_zero() && !dat.uses_imaginary_part() && !dat.optimises_orbitals());
        assert_eq!(dat.k_grid().unwrap(), [3, 3, 1]);
        assert_eq!(dat.species().unwrap()[0].vps, "Fe_PBE19H");
        assert_eq!(dat.atoms().unwrap(), ["Fe", "Fe"]);
        assert_eq!(dat.start_charges().unwrap(), Some(vec![16.0; 2]));
        let path = dat.k_path().unwrap();
        assert_eq!((path.len(), path[0].points, path[0].ends[1]), (1, 9, [0.5, -0.5, 0.1]));
        assert_eq!(dat.k_path_cell().unwrap(), None);
    }

    #[test]
    fn errors_name_the_line() {
        let error = |from: &str, to: &str| {
            let dat = Dat::parse(TEXT.replace(from, to).as_bytes());
            let all = dat.species().map(drop).and(dat.k_grid().map(drop)).and(dat.k_path().map(drop));
            all.unwrap_err().to_string()
        };
        assert_eq!(error("3 3 1", "3 0 1"), "4: expected three numbers of k points, found `3 0 1`");
        assert!(error("s3p2d1", "").starts_with("7: expected a species with its basis"));
        assert!(error("Definition.of.Atomic.Species>", "").contains("6: expected `Definition.of.Atomic.Species>`"));
        assert!(error(" 9 0 0", " 9 0 x").starts_with("15: expected points, two k vectors"));
        assert!(error(" 9 0 0", " 4000000000 0 0").starts_with("15: expected points, two k vectors"));
    }

    #[test]
    fn only_the_first_geometry_from_atoms_is_step_zero() {
        let is_step_zero = |more: &str| Dat::parse(format!("{TEXT}{more}").as_bytes()).is_step_zero();
        for more in ["scf.restart off\n", "scf.restart alloff\n", "MD.maxIter 9\n", "MD.Type opt\nMD.maxIter 1\n"] {
            assert!(is_step_zero(more), "{more}");
        }
        for more in ["scf.restart on\n", "scf.restart C2N\n", "MD.Type opt\nMD.maxIter 9\n"] {
            assert!(!is_step_zero(more), "{more}");
        }
    }

    #[test]
    fn a_grid_is_three_numbers_above_zero() {
        let grid = |text: &str| Dat::parse(text.as_bytes()).grid();
        assert_eq!(grid("scf.ngrid 72 75 80"), Some([72, 75, 80]));
        assert_eq!((grid("scf.Ngrid 0 0 0"), grid("scf.energycutoff 150")), (None, None));
    }

    #[test]
    fn cluster_solvers_know_gamma_only() {
        let text = TEXT.replace("Band\n", "Cluster\n");
        assert_eq!(Dat::parse(text.as_bytes()).k_grid().unwrap(), [1, 1, 1]);
    }
}
