//! One error type for everything that is read or written: what went wrong, in which file, where, while reading what.

use std::fmt;
use std::path::{Path, PathBuf};

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong (kind), and where (file, place, what was being read). Printed on one line:
/// `H.csr:5:2: column index 30 is out of range 0..26 (while reading O(R) at R = [0, 0, 1])`.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    file: Option<PathBuf>,
    place: Option<Location>,
    reading: Option<String>,
}

/// A place in a file. Bytes count from 0; lines, columns and records from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// Byte offset from the start of the (decompressed) file.
    pub byte: u64,
    /// Line of a text file.
    pub line: Option<u32>,
    /// Column of a text file, in bytes.
    pub column: Option<u32>,
    /// Record of a Fortran sequential file.
    pub record: Option<u32>,
}

impl Location {
    /// Line and column of `part`, which must be a piece of `text`.
    pub(crate) fn of(part: &str, text: &str) -> Self {
        let byte = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        let before = text.get(..byte).unwrap_or_default();
        let line = 1 + before.matches('\n').count() as u32;
        let column = 1 + (before.len() - before.rfind('\n').map_or(0, |end| end + 1)) as u32;
        Location { byte: byte as u64, line: Some(line), column: Some(column), record: None }
    }
}

/// Six kinds, because six reactions differ: fix the path, fix the file, distrust the run, ask us, choose another target,
/// raise the limit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system refused.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The bytes do not follow the format.
    #[error("expected {expected}, found {found}")]
    Syntax {
        /// What the format asks for here.
        expected: String,
        /// What is there instead.
        found: String,
    },
    /// Every part is well-formed, but they contradict each other.
    #[error("{0}")]
    Inconsistent(String),
    /// A valid file that hzero cannot use.
    #[error("{0}")]
    Unsupported(String),
    /// The target format cannot hold, or lacks, something.
    #[error("{format} cannot be written: {what}")]
    NotRepresentable {
        /// The target format.
        format: String,
        /// What is missing or does not fit.
        what: String,
    },
    /// A number in a file asks for more than the file can hold.
    #[error("{what} of {asked} exceeds the limit of {limit}")]
    Limit {
        /// The quantity.
        what: String,
        /// What the file says.
        asked: u64,
        /// What is possible.
        limit: u64,
    },
}

impl Error {
    /// A file that does not follow its format.
    pub fn syntax(expected: impl Into<String>, found: impl Into<String>) -> Self {
        ErrorKind::Syntax { expected: expected.into(), found: found.into() }.into()
    }

    /// Parts that contradict each other; name both numbers.
    pub fn inconsistent(message: impl Into<String>) -> Self {
        ErrorKind::Inconsistent(message.into()).into()
    }

    /// Valid, but not usable; say why and what to do.
    pub fn unsupported(message: impl Into<String>) -> Self {
        ErrorKind::Unsupported(message.into()).into()
    }

    /// A count that cannot be true.
    pub fn limit(what: impl Into<String>, asked: u64, limit: u64) -> Self {
        ErrorKind::Limit { what: what.into(), asked, limit }.into()
    }

    /// The kind, for code that reacts to it.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The file, if known.
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// The place, if known.
    pub fn location(&self) -> Option<Location> {
        self.0.place
    }

    /// Adds the place; the first writer wins.
    pub fn at(mut self, place: Location) -> Self {
        self.0.place.get_or_insert(place);
        self
    }

    /// Adds the file; the first writer wins.
    pub fn in_file(mut self, path: impl AsRef<Path>) -> Self {
        self.0.file.get_or_insert_with(|| path.as_ref().to_path_buf());
        self
    }

    /// What stage `from` was for is at `to`: a file in the stage is named as the one that it would have become.
    pub(crate) fn moved(mut self, from: &Path, to: &Path) -> Self {
        let file = self.0.file.as_deref().and_then(|file| file.strip_prefix(from).ok());
        // joining nothing would leave a separator at the end
        let moved = file.map(|rest| if rest.as_os_str().is_empty() { to.to_owned() } else { to.join(rest) });
        if moved.is_some() {
            self.0.file = moved;
        }
        self
    }

    /// Adds what was being read; the first writer wins.
    pub fn while_reading(mut self, what: impl Into<String>) -> Self {
        self.0.reading.get_or_insert_with(|| what.into());
        self
    }
}

impl<K: Into<ErrorKind>> From<K> for Error {
    fn from(kind: K) -> Self {
        Error(Box::new(Inner { kind: kind.into(), file: None, place: None, reading: None }))
    }
}

/// Adds file and context to the error of a result.
pub trait Context {
    /// See [`Error::in_file`].
    fn in_file(self, path: impl AsRef<Path>) -> Self;
    /// See [`Error::while_reading`].
    fn while_reading(self, what: impl FnOnce() -> String) -> Self;
}

impl<T> Context for Result<T> {
    fn in_file(self, path: impl AsRef<Path>) -> Self {
        self.map_err(|e| e.in_file(path))
    }

    fn while_reading(self, what: impl FnOnce() -> String) -> Self {
        self.map_err(|e| e.while_reading(what()))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column, self.record) {
            (Some(line), Some(column), _) => write!(f, "{line}:{column}"),
            (Some(line), None, _) => write!(f, "{line}"),
            (None, _, Some(record)) => write!(f, "record {record}, byte {}", self.byte),
            _ => write!(f, "byte {}", self.byte),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, file, place, reading } = &*self.0;
        match (file, place) {
            (Some(file), Some(place)) => write!(f, "{}:{place}: ", file.display())?,
            (Some(file), None) => write!(f, "{}: ", file.display())?,
            (None, Some(place)) => write!(f, "{place}: ")?,
            (None, None) => {}
        }
        write!(f, "{kind}")?;
        match reading {
            Some(reading) => write!(f, " (while reading {reading})"),
            None => Ok(()),
        }
    }
}

/// No source: [`fmt::Display`] says all that an operating system's error says, and printers of chains would say it twice.
impl std::error::Error for Error {}
