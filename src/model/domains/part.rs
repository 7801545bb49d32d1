//! Which of how many domains.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Domain `index` (from 0) of `count`; people count from 1: `2/4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// From 0.
    pub index: usize,
    /// Number of domains.
    pub count: usize,
}

impl Part {
    /// All parts of a run.
    pub fn all(count: usize) -> impl Iterator<Item = Part> {
        (0..count).map(move |index| Part { index, count })
    }

    /// The domain as a run of its own, in a folder that all processes see.
    pub fn cut(self, folder: &Path) -> PathBuf {
        self.file(folder, "cut")
    }

    /// The rows that were predicted.
    pub fn rows(self, folder: &Path) -> PathBuf {
        self.file(folder, "rows")
    }

    /// What the process said.
    pub fn log(self, folder: &Path) -> PathBuf {
        self.file(folder, "log")
    }

    fn file(self, folder: &Path, extension: &str) -> PathBuf {
        folder.join(format!("domain-{}-of-{}.{extension}", self.index + 1, self.count))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(k, n)| Some((k.parse::<usize>().ok()?, n.parse().ok()?)));
        match numbers {
            Some((number, count)) if number > 0 && number <= count => Ok(Part { index: number - 1, count }),
            _ => Err(format!("`{text}` is not one of several domains, such as 2/4")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_named_as_people_count() {
        assert_eq!("2/4".parse(), Ok(Part { index: 1, count: 4 }));
        assert_eq!(Part { index: 1, count: 4 }.to_string(), "2/4");
        assert_eq!(Part { index: 0, count: 2 }.rows(Path::new("x")), Path::new("x/domain-1-of-2.rows"));
        for bad in ["0/4", "5/4", "2", "a/b", "/", "-1/2"] {
            assert!(bad.parse::<Part>().is_err(), "{bad}");
        }
    }
}
