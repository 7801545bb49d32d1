//! Every pair of formats, there and back: a run becomes files of format A, these become files of B, and those files of A again.
//! Nothing may differ in the end but what B has no place for, and its digits.

mod pairs;
mod runs;

use std::fmt;
use std::path::{Path, PathBuf};

use hzero_parsers::convert::{Request, WriteOptions, convert};
use hzero_parsers::format::Format;
use hzero_parsers::{Calculation, Code, ReadOptions, read};
use pairs::{Allowed, Exactness};
use rayon::prelude::*;

/// Of every code: without spin, collinear, non-collinear, with spin–orbit coupling, with several species, with f shells.
const SOURCES: [&str; 12] = [
    "siesta/fe2_nc",
    "siesta/feas_so",
    "siesta/fe",
    "siesta/h2o",
    "openmx/gaas_soc",
    "openmx/silicene_f",
    "openmx/fe_spin",
    "openmx/h2o",
    "abacus/graphene",
    "abacus/si2_soc_sz",
    "abacus/o2_nc",
    "abacus/O2_box",
];
/// Divisions of the mesh of Wannier90's files.
const MESH: [u32; 3] = [3, 3, 3];

/// A way to write a format, and what it keeps.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Row {
    format: Format,
    /// By `--double`.
    double: bool,
    matrices: Exactness,
    /// H and DM of spinors.
    spinors: Exactness,
    /// Or only in part.
    keeps_spinor_dm: bool,
}

/// How a format is written; a new format fails here until it is in this table.
fn rows(format: Format) -> Vec<Row> {
    let exact =
        Row { format, double: false, matrices: Exactness::Bits, spinors: Exactness::Bits, keeps_spinor_dm: true };
    match format {
        // DM without its imaginary parts.
        Format::AbacusOld | Format::AbacusNew => vec![Row { keeps_spinor_dm: false, ..exact }],
        Format::SiestaHsx | Format::SiestaTshs | Format::SiestaDm | Format::SiestaHin | Format::SiestaNc => vec![exact],
        // Of the components ud and du, only one of (i, j, R) and (j, i, −R). SIESTA's H is Hermitian to 1e-9.
        Format::OpenMxScfout => vec![Row { spinors: Exactness::Within(1e-8), ..exact }],
        Format::Deeph | Format::DeephLegacy => vec![exact],
        Format::Dftio => {
            let single = Exactness::Within(1.2e-7);
            vec![Row { matrices: single, spinors: single, ..exact }, Row { double: true, ..exact }]
        }
        Format::WannierHr | Format::WannierTb => {
            let orthogonal = Exactness::OnMesh(1e-9);
            vec![Row { matrices: orthogonal, spinors: orthogonal, ..exact }]
        }
        Format::Aims | Format::Nextham => Vec::new(),
        other => panic!("{other} has no row in this table"),
    }
}

fn all_rows() -> Vec<Row> {
    let is_built = |format: Format| cfg!(feature = "hdf5") || !format.capabilities().files.contains("feature hdf5");
    let of_format = |&format: &Format| {
        let rows = rows(format);
        assert_eq!(rows.is_empty(), !format.capabilities().writes, "{format}");
        if is_built(format) { rows } else { Vec::new() }
    };
    Format::ALL.iter().flat_map(of_format).collect()
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.format, if self.double { "-double" } else { "" })
    }
}

impl Row {
    /// Converts into the folder `target`, and reads it.
    fn write(&self, source: &Path, target: &Path) -> Result<Calculation, String> {
        std::fs::create_dir_all(target).unwrap();
        let write = WriteOptions { fill_zero: true, double: self.double, mesh: Some(MESH), ..WriteOptions::default() };
        let done = convert(&Request { write, ..Request::new(source, target, self.format) });
        done.and_then(|_| read(target, &ReadOptions::default())).map_err(|error| error.to_string())
    }

    /// What the format has a place for; one H, the converged one where there are two.
    fn left_of(&self, mut run: Calculation) -> Calculation {
        let holds = self.format.capabilities();
        run.hamiltonian0 = run.hamiltonian0.filter(|_| run.hamiltonian.is_none() && holds.hamiltonian);
        run.hamiltonian = run.hamiltonian.filter(|_| holds.hamiltonian);
        run.density_matrix = run.density_matrix.filter(|_| holds.density_matrix);
        run
    }
}

/// One run in all formats.
struct Table<'a> {
    code: Code,
    rows: &'a [Row],
    folder: tempfile::TempDir,
}

/// Of one pair: how exactly it came back, or why not.
type Cell = Result<Exactness, String>;

impl Table<'_> {
    fn folder_of(&self, way: &[Row]) -> PathBuf {
        let names: Vec<String> = way.iter().map(Row::to_string).collect();
        self.folder.path().join(names.join("_"))
    }

    /// The cells of row A: into A itself, and from there through all B.
    fn fill(&self, source: &Path, run: &Calculation, a: Row) -> Vec<Cell> {
        let in_a = match a.write(source, &self.folder_of(&[a])) {
            Ok(in_a) => in_a,
            Err(message) => return vec![Err(message)],
        };
        let into = self.judge(&a.left_of(run.clone()), &in_a, &[a]);
        let through = self.rows.iter().map(|&b| {
            b.write(&self.folder_of(&[a]), &self.folder_of(&[a, b]))?;
            let back = a.write(&self.folder_of(&[a, b]), &self.folder_of(&[a, b, a]))?;
            self.judge(&a.left_of(b.left_of(in_a.clone())), &back, &[b, a])
        });
        std::iter::once(into).chain(through).collect()
    }

    fn judge(&self, expected: &Calculation, found: &Calculation, way: &[Row]) -> Cell {
        let loosest = |of: fn(&Row) -> Exactness| way.iter().map(of).fold(Exactness::Bits, Exactness::then);
        let allowed = Allowed {
            matrices: loosest(|row| row.matrices),
            spinors: loosest(|row| row.spinors),
            spinor_dm: way.iter().all(|row| row.keeps_spinor_dm),
            // A file of SIESTA alone says less than its run did.
            facts: self.code != Code::Siesta || !is_siesta(way),
        };
        pairs::compare(expected, found, &allowed)
    }
}

fn is_siesta(way: &[Row]) -> bool {
    way.iter().all(|row| row.format.capabilities().code == Some(Code::Siesta))
}

/// What cannot be: a target that needs H, or DM, of a run that has none; a kind of spin that a format has no place for; a file of
/// SIESTA that cannot be read alone.
fn is_refused_rightly(message: &str, way: &[Row], code: Code, nspin: usize) -> bool {
    let needs = ["does not have this H", "the run has no H", "the run has no DM"];
    let alone = ["holds no shells: .ORB_INDX, or", "no matrix: looked for"];
    let without_h = way.iter().any(|row| row.format == Format::SiestaDm);
    let without_spin = way.iter().any(|row| !row.format.capabilities().nspin.contains(&nspin));
    let says = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    without_h && says(&needs)
        || without_spin && says(&["it has no place for"])
        || code == Code::Siesta && is_siesta(way) && says(&alone)
}

#[test]
fn every_pair_there_and_back() {
    let rows = all_rows();
    let results: Vec<Line> = SOURCES.par_iter().flat_map(|run| of_source(run, &rows)).collect();
    let failures: Vec<String> = results.iter().flat_map(|line| line.failures(&rows)).collect();
    print(&rows, &results);
    let came_back = |row: &Row| results.iter().filter(|line| line.a == *row && line.cells[0].is_ok()).count();
    rows.iter().for_each(|row| assert!(came_back(row) >= SOURCES.len() / 2, "{row}"));
    assert!(failures.is_empty(), "{} of the pairs:\n{}", failures.len(), failures.join("\n"));
}

/// Of one run the row A.
struct Line {
    run: &'static str,
    nspin: usize,
    a: Row,
    /// The first is A alone, the others those through all B; nothing else where there is no way into A.
    cells: Vec<Cell>,
}

impl Line {
    fn failures(&self, rows: &[Row]) -> Vec<String> {
        let way = |n: usize| -> Vec<Row> { std::iter::once(self.a).chain(n.checked_sub(1).map(|b| rows[b])).collect() };
        let failed = self.cells.iter().enumerate().filter_map(|(n, cell)| Some((way(n), cell.as_ref().err()?)));
        let wrongly = failed.filter(|(way, message)| !is_refused_rightly(message, way, code_of(self.run), self.nspin));
        let names = |way: &[Row]| way.iter().map(Row::to_string).collect::<Vec<_>>().join(" -> ");
        wrongly.map(|(way, message)| format!("{} -> {}: {message}", self.run, names(&way))).collect()
    }
}

fn of_source(run: &'static str, rows: &[Row]) -> Vec<Line> {
    let source = runs::project().join("fixtures").join(run);
    let table = Table { code: code_of(run), rows, folder: tempfile::tempdir().unwrap() };
    let calculation = read(&source, &ReadOptions::default()).unwrap();
    let nspin = calculation.nspin().unwrap();
    rows.iter().map(|&a| Line { run, nspin, a, cells: table.fill(&source, &calculation, a) }).collect()
}

fn code_of(name: &str) -> Code {
    let is_own = |code: &&Code| name.split('/').next() == Some(&code.name().to_lowercase());
    **Code::ALL.iter().find(is_own).as_ref().unwrap()
}

/// One line per A, one column per B: the least exact of all runs, and how many of them came back.
fn print(rows: &[Row], results: &[Line]) {
    println!(
        "{:14} {:>14} {}",
        "A",
        "into A",
        rows.iter().map(|row| format!("{:>14}", row.to_string())).collect::<String>()
    );
    for a in rows {
        let of_a: Vec<&Vec<Cell>> = results.iter().filter(|line| line.a == *a).map(|line| &line.cells).collect();
        let column = |n: usize| {
            let exact: Vec<Exactness> = of_a.iter().filter_map(|cells| cells.get(n)?.clone().ok()).collect();
            let least = exact.iter().copied().fold(Exactness::Bits, Exactness::then);
            format!("{:>14}", format!("{least} {}/{}", exact.len(), of_a.len()))
        };
        println!("{:14} {}", a.to_string(), (0..=rows.len()).map(column).collect::<String>());
    }
}
