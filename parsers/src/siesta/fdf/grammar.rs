//! The grammar of fdf (`Src/fdf/fdf.F90`, `Src/fdf/parse.F90`): one statement per line, blocks over several.

use nom::branch::alt;
use nom::bytes::complete::{is_not, tag_no_case, take_while, take_while1};
use nom::character::complete::{char, line_ending, not_line_ending, one_of};
use nom::combinator::{all_consuming, consumed, cut, eof, not, opt, recognize, value};
use nom::error::{ContextError, ErrorKind, ParseError, context};
use nom::multi::{many0, many0_count, many1};
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser};

use crate::error::{Error, Location, Result};
use crate::input::lines::{Line, Lines};
use crate::input::text::quoted;

/// What starts a comment.
pub const COMMENT_MARKS: &[&str] = &["#", ";", "!"];
const COMMENTS: &str = "#;!";
const QUOTES: &str = "\"'`";

/// A statement, and the piece of text that it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement<'a> {
    /// The lines as written, with their line ends.
    pub text: &'a str,
    /// What they say.
    pub meaning: Meaning,
}

/// What a statement says. Labels are as written; [`super::plain`] makes them comparable.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning {
    /// `Label value value`: label and values.
    Assignment(String, Line),
    /// `%block Label`, its lines, `%endblock`.
    Block(String, Vec<Line>),
    /// `%block Label < file`: the block of that name in the file, or the file as a whole.
    BlockIn(String, String),
    /// `%include file`.
    Include(String),
    /// `Label Label < file`: these labels are looked for in that file.
    Redirect(Vec<String>, String),
}

/// All statements of a file.
///
/// # Errors
/// `Syntax` with line and column.
pub fn statements(text: &str) -> Result<Vec<Statement<'_>>> {
    let document = terminated(many0(|rest| statement(text, rest)), (blank_lines, spaces, opt(comment), eof));
    match all_consuming(document).parse(text) {
        Ok((_, statements)) => Ok(statements),
        Err(nom::Err::Error(failure) | nom::Err::Failure(failure)) => Err(failure.error(text)),
        Err(nom::Err::Incomplete(_)) => Err(Error::syntax("a whole file", "a part of one")),
    }
}

/// Where a rule failed, and what it wanted.
#[derive(Debug)]
struct Failure<'a> {
    rest: &'a str,
    expected: &'static str,
}

impl<'a> ParseError<&'a str> for Failure<'a> {
    fn from_error_kind(rest: &'a str, _: ErrorKind) -> Self {
        Failure { rest, expected: "a label with its values, %block or %include" }
    }

    fn append(_: &'a str, _: ErrorKind, inner: Self) -> Self {
        inner
    }
}

impl<'a> ContextError<&'a str> for Failure<'a> {
    fn add_context(_: &'a str, expected: &'static str, inner: Self) -> Self {
        Failure { expected, ..inner }
    }
}

impl Failure<'_> {
    fn error(&self, text: &str) -> Error {
        let found = match self.rest.lines().next().map(str::trim) {
            None => "the end of the file".to_owned(),
            Some("") => "the end of the line".to_owned(),
            Some(line) => quoted(line.as_bytes()),
        };
        Error::syntax(self.expected, found).at(Location::of(self.rest, text))
    }
}

type Parsed<'a, T> = IResult<&'a str, T, Failure<'a>>;

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | ',' | '=' | ':')
}

fn spaces(rest: &str) -> Parsed<'_, ()> {
    value((), take_while(is_separator)).parse(rest)
}

fn comment(rest: &str) -> Parsed<'_, ()> {
    value((), (one_of(COMMENTS), not_line_ending)).parse(rest)
}

fn blank_lines(rest: &str) -> Parsed<'_, usize> {
    many0_count((spaces, opt(comment), line_ending)).parse(rest)
}

fn end_of_line(rest: &str) -> Parsed<'_, ()> {
    value((), (spaces, opt(comment), alt((line_ending, eof)))).parse(rest)
}

/// A word: between quotes, or up to the next separator or comment.
fn word(rest: &str) -> Parsed<'_, &str> {
    let bare = take_while1(|c: char| !is_separator(c) && c != '\n' && !COMMENTS.contains(c));
    preceded(spaces, alt((quoted_word, bare))).parse(rest)
}

fn quoted_word(rest: &str) -> Parsed<'_, &str> {
    let (inside, quote) = one_of(QUOTES).parse(rest)?;
    let end = match quote {
        '"' => "\"\n",
        '\'' => "'\n",
        _ => "`\n",
    };
    terminated(is_not(end), char(quote)).parse(inside)
}

fn statement<'a>(text: &'a str, rest: &'a str) -> Parsed<'a, Statement<'a>> {
    let (rest, _) = blank_lines(rest)?;
    let any = alt((include, |rest| block(text, rest), |rest| entry(text, rest)));
    let (rest, (written, meaning)) = consumed(preceded(spaces, any)).parse(rest)?;
    Ok((rest, Statement { text: written, meaning }))
}

fn include(rest: &str) -> Parsed<'_, Meaning> {
    let file = context("the name of a file after %include", cut(word));
    let (rest, file) = delimited(tag_no_case("%include"), file, end_of_line).parse(rest)?;
    Ok((rest, Meaning::Include(file.to_owned())))
}

fn block<'a>(text: &'a str, rest: &'a str) -> Parsed<'a, Meaning> {
    let label = context("the label of a block", cut(word));
    let (rest, label) = preceded(tag_no_case("%block"), label).parse(rest)?;
    let label = label.to_owned();
    let file = delimited((spaces, char('<')), context("the name of a file after <", cut(word)), not_line_ending);
    let (rest, file) = opt(file).parse(rest)?;
    if let Some(file) = file {
        return Ok((rest, Meaning::BlockIn(label, file.to_owned())));
    }
    let (body, _) = context("the end of the line after the label of a block", cut(end_of_line)).parse(rest)?;
    let (rest, rows) =
        recognize(many0_count(preceded(not(alt((end_of_block, value((), eof)))), whole_line))).parse(body)?;
    let (rest, _) = context("%endblock", cut(end_of_block)).parse(rest)?;
    let place = Location { column: None, ..Location::of(body, text) };
    Ok((rest, Meaning::Block(label, Lines::of_section(rows.as_bytes(), place, COMMENT_MARKS).collect())))
}

fn end_of_block(rest: &str) -> Parsed<'_, ()> {
    value((), (spaces, tag_no_case("%endblock"), whole_line)).parse(rest)
}

fn whole_line(rest: &str) -> Parsed<'_, &str> {
    terminated(not_line_ending, alt((line_ending, eof))).parse(rest)
}

fn entry<'a>(text: &str, rest: &'a str) -> Parsed<'a, Meaning> {
    let place = Location { column: None, ..Location::of(rest, text) };
    not(char('%')).parse(rest)?;
    let (rest, words) = terminated(many1(word), end_of_line).parse(rest)?;
    let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    let meaning = match &words[..] {
        [labels @ .., "<", file] if !labels.is_empty() => Meaning::Redirect(owned(labels), (*file).to_owned()),
        [label, values @ ..] => Meaning::Assignment((*label).to_owned(), Line::new(&values.join(" "), place, &[])),
        [] => return Err(nom::Err::Error(Failure::from_error_kind(rest, ErrorKind::Many1))),
    };
    Ok((rest, meaning))
}
