//! Lines of hand-written input files: comments are set aside, empty lines skipped, places kept.

use std::str::FromStr;

use crate::error::{Error, Location, Result};
use crate::input::text::quoted;

/// A line that says something.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    place: Location,
    /// The words, joined by the file's own blanks, without comment.
    pub text: String,
    /// What follows the mark of a comment.
    pub comment: String,
}

/// The lines of a file, one after the other.
#[derive(Debug, Clone)]
pub struct Lines {
    lines: Vec<Line>,
    next: usize,
    end: Location,
}

impl Lines {
    /// Splits a file; `comment_marks` start a comment. Bytes that are not UTF-8 become the replacement character.
    pub fn new(file: &[u8], comment_marks: &[&str]) -> Self {
        Lines::of_section(file, Location { byte: 0, line: Some(1), column: None, record: None }, comment_marks)
    }

    /// Splits a piece of a file that starts at `place`.
    pub fn of_section(section: &[u8], place: Location, comment_marks: &[&str]) -> Self {
        let mut lines = Vec::new();
        let (mut byte, mut number) = (place.byte, place.line.unwrap_or(1));
        let at = |byte, number| Location { byte, line: Some(number), column: None, record: None };
        let mut end = at(byte, number);
        for raw in section.split_inclusive(|&b| b == b'\n') {
            let line = Line::new(&String::from_utf8_lossy(raw), at(byte, number), comment_marks);
            if !line.text.is_empty() {
                lines.push(line);
            }
            byte += raw.len() as u64;
            end = at(byte, number);
            number += 1;
        }
        Lines { lines, next: 0, end }
    }

    /// Next line, not consumed.
    pub fn peek(&self) -> Option<&Line> {
        self.lines.get(self.next)
    }

    /// Next line; `what` says what should stand there.
    ///
    /// # Errors
    /// `Syntax` at the end of the file.
    pub fn expect(&mut self, what: &str) -> Result<Line> {
        self.next().ok_or_else(|| Error::syntax(what, "the end of the file").at(self.end))
    }

    /// Number of lines that are left: the limit of every count in the file.
    pub fn remaining(&self) -> usize {
        self.lines.len() - self.next
    }
}

impl Iterator for Lines {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let line = self.peek().cloned()?;
        self.next += 1;
        Some(line)
    }
}

fn split_comment<'a>(line: &'a str, marks: &[&str]) -> (&'a str, &'a str) {
    let start = marks.iter().filter_map(|mark| line.find(mark)).min();
    match start {
        Some(start) => {
            let is_mark = |c| marks.iter().any(|mark| mark.starts_with(c));
            (line[..start].trim_end(), line[start..].trim_start_matches(is_mark).trim())
        }
        None => (line, ""),
    }
}

impl Line {
    /// A line at `place`, without the blanks around it.
    pub fn new(text: &str, place: Location, comment_marks: &[&str]) -> Self {
        let (text, comment) = split_comment(text.trim(), comment_marks);
        Line { place, text: text.to_owned(), comment: comment.to_owned() }
    }

    /// Words between blanks.
    pub fn words(&self) -> std::str::SplitWhitespace<'_> {
        self.text.split_whitespace()
    }

    /// First word.
    pub fn first(&self) -> &str {
        self.words().next().unwrap_or_default()
    }

    /// Word `index`, from 0, as a number.
    ///
    /// # Errors
    /// `Syntax` with the place; infinite numbers and NaN are refused.
    pub fn number(&self, index: usize, what: &str) -> Result<f64> {
        self.parse::<f64>(index, what).and_then(|x| if x.is_finite() { Ok(x) } else { Err(self.expected(what)) })
    }

    /// Three numbers from word `index` on.
    ///
    /// # Errors
    /// As [`Line::number`].
    pub fn vector(&self, index: usize, what: &str) -> Result<[f64; 3]> {
        Ok([self.number(index, what)?, self.number(index + 1, what)?, self.number(index + 2, what)?])
    }

    /// Word `index` as whatever is asked for.
    ///
    /// # Errors
    /// `Syntax` with the place.
    pub fn parse<T: FromStr>(&self, index: usize, what: &str) -> Result<T> {
        self.words().nth(index).and_then(|word| word.parse().ok()).ok_or_else(|| self.expected(what))
    }

    /// Number of items that follow, at most `limit`.
    ///
    /// # Errors
    /// `Syntax`; `Limit` where the file is too short for the count.
    pub fn count(&self, what: &str, limit: usize) -> Result<usize> {
        let count: u64 = self.parse(0, what)?;
        match usize::try_from(count) {
            Ok(count) if count <= limit => Ok(count),
            _ => Err(Error::limit(what, count, limit as u64).at(self.place)),
        }
    }

    /// Error: something else was expected on this line.
    pub fn expected(&self, what: &str) -> Error {
        Error::syntax(what, quoted(self.text.as_bytes())).at(self.place)
    }
}
