//! What a conversion did: files, and what became of that which the target has no place for.

use std::fmt;
use std::path::PathBuf;
use std::sync::Mutex;

use crate::format::Format;

/// What was done.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Report {
    /// What was read.
    pub source: PathBuf,
    /// What was written: a file or folder.
    pub target: PathBuf,
    /// Format or code of the source.
    pub from: String,
    /// Format of the target.
    pub to: Format,
    /// Files that were written.
    pub files: Vec<PathBuf>,
    /// What the target does not hold as the source did.
    pub notes: Vec<Note>,
}

/// What became of one thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Note {
    /// Its fate.
    pub fate: Fate,
    /// The thing, and why.
    pub text: String,
}

/// What becomes of what the target's own files have no place for, or need and do not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// Not in the target.
    Lost,
    /// The target demands it and the source lacks it: zeros.
    Filled,
    /// In the target, but not as it was.
    Changed,
    /// Beside the target's own files, in `hzero.json`.
    Kept,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fate = match self.fate {
            Fate::Lost => "lost",
            Fate::Filled => "filled with zeros",
            Fate::Changed => "changed",
            Fate::Kept => "kept in hzero.json",
        };
        write!(f, "{fate}: {}", self.text)
    }
}

/// The notes of one conversion while it runs; may be written from several threads.
#[derive(Debug, Default)]
pub struct Notes(Mutex<Vec<Note>>);

impl Notes {
    /// One more.
    pub fn add(&self, fate: Fate, text: impl Into<String>) {
        self.0.lock().unwrap_or_else(|broken| broken.into_inner()).push(Note { fate, text: text.into() });
    }

    /// All of them, what was lost first.
    pub fn into_sorted(self) -> Vec<Note> {
        let mut notes = self.0.into_inner().unwrap_or_else(|broken| broken.into_inner());
        notes.sort();
        notes.dedup();
        notes
    }
}
