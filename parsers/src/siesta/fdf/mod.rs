//! fdf: SIESTA's input. The first assignment of a label counts; case, `-`, `_` and `.` in labels do not.

pub mod grammar;

use std::path::{Path, PathBuf};

use grammar::{COMMENT_MARKS, Meaning, Statement};

use crate::error::{Context, Error, Result};
use crate::input;
use crate::input::lines::{Line, Lines};

/// The input with all the files that it includes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fdf {
    entries: Vec<Entry>,
}

/// A label and what it stands for.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    label: String,
    file: PathBuf,
    content: Content,
}

#[derive(Debug, Clone, PartialEq)]
enum Content {
    Values(Line),
    Block(Vec<Line>),
}

/// An input that includes itself would never end.
const MOST_NESTED: usize = 20;

/// A label as SIESTA compares it: lower case, without `-`, `_` and `.`.
pub fn plain(label: &str) -> String {
    label.chars().filter(|c| !matches!(c, '-' | '_' | '.')).map(|c| c.to_ascii_lowercase()).collect()
}

impl Fdf {
    /// Reads an input and the files that it names, and that these name: SIESTA, which runs in the folder of the input, looks for
    /// all of them there.
    ///
    /// # Errors
    /// `Io`; `Syntax` with the place; `Inconsistent` where files include each other without end.
    pub fn read(path: &Path) -> Result<Fdf> {
        let bytes = input::open(path)?;
        Fdf::of_text(&String::from_utf8_lossy(&bytes), path)
    }

    /// As [`Fdf::read`], where the file at `path` would hold `text`.
    ///
    /// # Errors
    /// As there.
    pub fn of_text(text: &str, path: &Path) -> Result<Fdf> {
        let home = path.parent().unwrap_or(Path::new(""));
        Ok(Fdf { entries: entries_of(text, path, home, MOST_NESTED)? })
    }

    /// Values of a label; a block has none.
    pub fn line(&self, label: &str) -> Option<&Line> {
        self.find(label).and_then(|entry| match &entry.content {
            Content::Values(line) => Some(line),
            Content::Block(_) => None,
        })
    }

    /// First value of a label.
    pub fn value(&self, label: &str) -> Option<&str> {
        self.line(label).map(Line::first)
    }

    /// Is a switch on? A label without value is.
    pub fn is_on(&self, label: &str) -> bool {
        let value = self.value(label).map(str::to_ascii_lowercase);
        matches!(value.as_deref(), Some("" | "t" | "true" | ".true." | "y" | "yes"))
    }

    /// First value of a label as a number.
    ///
    /// # Errors
    /// `Syntax` with file and line.
    pub fn number(&self, label: &str) -> Result<Option<f64>> {
        let number = |line: &Line| fortran_number(line, 0, &format!("the number of {label}"));
        self.line(label).map(number).transpose().in_file(self.file(label))
    }

    /// A quantity with its unit.
    ///
    /// # Errors
    /// `Syntax` with file and line.
    pub fn quantity(&self, label: &str) -> Result<Option<(f64, &str)>> {
        let number = self.number(label)?;
        let unit = self.line(label).and_then(|line| line.words().nth(1)).unwrap_or_default();
        Ok(number.map(|number| (number, unit)))
    }

    /// Lines of a block, without comments and empty ones.
    pub fn block(&self, label: &str) -> Option<&[Line]> {
        self.find(label).and_then(|entry| match &entry.content {
            Content::Values(_) => None,
            Content::Block(rows) => Some(&rows[..]),
        })
    }

    /// The file that states a label, for messages.
    pub fn file(&self, label: &str) -> &Path {
        self.find(label).map_or(Path::new(""), |entry| &entry.file)
    }

    /// Does a part of it stand in another file than `path`?
    pub fn has_other_files(&self, path: &Path) -> bool {
        self.entries.iter().any(|entry| entry.file != path)
    }

    /// All entries as one input, without comments. Labels are as SIESTA compares them.
    pub fn to_text(&self) -> String {
        let text = |Entry { label, content, .. }: &Entry| match content {
            Content::Values(line) => format!("{label} {}\n", line.text),
            Content::Block(rows) => {
                let rows: String = rows.iter().map(|row| format!("{}\n", row.text)).collect();
                format!("%block {label}\n{rows}%endblock {label}\n")
            }
        };
        self.entries.iter().map(text).collect()
    }

    fn find(&self, label: &str) -> Option<&Entry> {
        let label = plain(label);
        self.entries.iter().find(|entry| entry.label == label)
    }
}

/// A number as Fortran reads it: the exponent may be marked by `d`.
///
/// # Errors
/// `Syntax` with the line.
pub fn fortran_number(line: &Line, index: usize, what: &str) -> Result<f64> {
    let word = line.words().nth(index).unwrap_or_default().replace(['d', 'D'], "e");
    word.parse().ok().filter(|x: &f64| x.is_finite()).ok_or_else(|| line.expected(what))
}

/// Those of the file at `path` and of the files that it names, relative to `home`.
fn entries(path: &Path, home: &Path, depth: usize) -> Result<Vec<Entry>> {
    if depth == 0 {
        let message = format!("more than {MOST_NESTED} files include each other");
        return Err(Error::inconsistent(message).in_file(path));
    }
    let bytes = input::open(path)?;
    entries_of(&String::from_utf8_lossy(&bytes), path, home, depth)
}

fn entries_of(text: &str, path: &Path, home: &Path, depth: usize) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    for statement in grammar::statements(text).in_file(path)? {
        found.extend(meant(statement, path, home, depth)?);
    }
    Ok(found)
}

/// What a statement adds.
fn meant(statement: Statement, path: &Path, home: &Path, depth: usize) -> Result<Vec<Entry>> {
    let entry = |label: &str, content| vec![Entry { label: plain(label), file: path.to_owned(), content }];
    match statement.meaning {
        Meaning::Assignment(label, values) => Ok(entry(&label, Content::Values(values))),
        Meaning::Block(label, rows) => Ok(entry(&label, Content::Block(rows))),
        Meaning::BlockIn(label, file) => block_in(&plain(&label), &home.join(file), home, depth),
        Meaning::Include(file) => entries(&home.join(file), home, depth - 1),
        Meaning::Redirect(labels, file) => {
            let labels: Vec<String> = labels.iter().map(|label| plain(label)).collect();
            let mut found = entries(&home.join(file), home, depth - 1)?;
            found.retain(|entry| labels.contains(&entry.label));
            Ok(found)
        }
    }
}

/// The block of that name in a file, else the file as a whole.
fn block_in(label: &str, file: &Path, home: &Path, depth: usize) -> Result<Vec<Entry>> {
    let named = entries(file, home, depth - 1).map(|found| found.into_iter().find(|entry| entry.label == label));
    if let Ok(Some(block)) = named {
        return Ok(vec![block]);
    }
    let rows = Lines::new(&input::open(file)?, COMMENT_MARKS).collect();
    Ok(vec![Entry { label: label.to_owned(), file: file.to_owned(), content: Content::Block(rows) }])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Fdf> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.fdf");
        std::fs::write(&path, text).unwrap();
        std::fs::write(folder.path().join("cell"), "1 0 0\n0 1 0 # b\n0 0 1\n").unwrap();
        std::fs::write(folder.path().join("more.fdf"), "Mesh.Cutoff 300 Ry\nspin polarized\n").unwrap();
        std::fs::write(folder.path().join("self.fdf"), "%include self.fdf\n").unwrap();
        std::fs::create_dir(folder.path().join("common")).unwrap();
        std::fs::write(folder.path().join("common/all.fdf"), "%include more.fdf\n").unwrap();
        Fdf::read(&path)
    }

    fn error(text: &str) -> String {
        let message = read(text).unwrap_err().to_string();
        message.split_once(".fdf:").map_or(message.clone(), |(_, rest)| rest.to_owned())
    }

    #[test]
    fn labels_values_and_switches() {
        let fdf =
            read("# mine\nSave-HS\nspin_polarized .false. ; no\nSystemName \"two words\"\nmesh-cutoff=2.5d2 Ry\n")
                .unwrap();
        assert!(fdf.is_on("SaveHS") && !fdf.is_on("SpinPolarized") && !fdf.is_on("absent"));
        assert_eq!(fdf.line("system.name").unwrap().text, "two words");
        assert_eq!(fdf.quantity("MeshCutoff").unwrap(), Some((250.0, "Ry")));
        assert_eq!(fdf.value("savehs"), Some(""));
    }

    #[test]
    fn the_first_of_two_counts() {
        let fdf = read("MeshCutoff 100 Ry\n%include more.fdf\nSpin none\n").unwrap();
        assert_eq!(fdf.number("MeshCutoff").unwrap(), Some(100.0));
        assert_eq!(fdf.value("Spin"), Some("polarized"));
    }

    #[test]
    fn names_are_relative_to_the_first_file() {
        assert_eq!(read("%include common/all.fdf\n").unwrap().value("Spin"), Some("polarized"));
        assert!(read("%include common/more.fdf\n").unwrap_err().to_string().contains("common/more.fdf"));
    }

    #[test]
    fn blocks_here_and_elsewhere() {
        let fdf = read("%block BandLines # path\n1 0 0 0 G ! first\n\n 20 0.5 0 0\n%endblock BandLines\nA 1").unwrap();
        let rows: Vec<&str> = fdf.block("band_lines").unwrap().iter().map(|row| row.text.as_str()).collect();
        assert_eq!(rows, ["1 0 0 0 G", "20 0.5 0 0"]);
        assert_eq!(fdf.value("a"), Some("1"));
        let fdf = read("%block LatticeVectors < cell\nSpin MeshCutoff < more.fdf\n").unwrap();
        assert_eq!(fdf.block("LatticeVectors").unwrap().len(), 3);
        assert_eq!((fdf.value("spin"), fdf.number("MeshCutoff").unwrap()), (Some("polarized"), Some(300.0)));
        let whole = "%block latticevectors\n1 0 0\n0 1 0\n0 0 1\n%endblock latticevectors\n\
            meshcutoff 300 Ry\nspin polarized\n";
        assert_eq!(fdf.to_text(), whole);
    }

    #[test]
    fn mistakes_are_located() {
        assert_eq!(error("A 1\n%block X\n1 2\n"), "4:1: expected %endblock, found the end of the file");
        assert_eq!(
            error("A 1\n %include\n"),
            "2:10: expected the name of a file after %include, found the end of the line"
        );
        assert_eq!(
            error("%endblock X\n"),
            "1:1: expected a label with its values, %block or %include, found `%endblock X`"
        );
        assert!(error("%include self.fdf\n").contains("more than 20 files include each other"));
        let fdf = read("\nMeshCutoff much\n").unwrap();
        assert!(
            fdf.number("MeshCutoff")
                .unwrap_err()
                .to_string()
                .ends_with("run.fdf:2: expected the number of MeshCutoff, found `much`")
        );
    }
}
