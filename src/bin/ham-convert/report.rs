//! What became of all runs: files and losses as text, or as one JSON document.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hzero_parsers::Error;
use hzero_parsers::convert::{Note, Report};
use serde::Serialize;

/// Of the JSON document.
const SCHEMA_VERSION: u32 = 1;

/// A run that was not converted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Failure {
    pub source: PathBuf,
    pub error: String,
}

/// All runs, each list in the order of the sources.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    schema_version: u32,
    pub converted: Vec<Report>,
    /// Converted by an earlier, interrupted batch.
    pub skipped: Vec<Report>,
    pub failed: Vec<Failure>,
}

impl Summary {
    pub fn new() -> Self {
        Summary { schema_version: SCHEMA_VERSION, ..Summary::default() }
    }

    /// One document.
    ///
    /// # Errors
    /// `Io` where a path is no UTF-8, which JSON demands.
    pub fn json(&self) -> Result<String, Error> {
        Ok(serde_json::to_string_pretty(self).map_err(std::io::Error::from)? + "\n")
    }

    /// Of one run: its files, then its notes, a line each.
    pub fn of_one(&self) -> String {
        let lines = |run: &Report| {
            let files = run.files.iter().map(|file| file.display().to_string());
            files.chain(run.notes.iter().map(Note::to_string)).map(|line| line + "\n").collect::<String>()
        };
        self.converted.iter().map(lines).collect()
    }

    /// Of a batch: each note once with the number of its runs, then how many runs there were.
    pub fn of_batch(&self) -> String {
        let mut runs_of: BTreeMap<&Note, usize> = BTreeMap::new();
        for note in self.converted.iter().chain(&self.skipped).flat_map(|run| &run.notes) {
            *runs_of.entry(note).or_default() += 1;
        }
        let notes = runs_of.iter().map(|(note, &n)| format!("{note} ({})\n", counted(n)));
        let [done, skipped, failed] = [self.converted.len(), self.skipped.len(), self.failed.len()];
        notes.collect::<String>() + &format!("{} converted, {skipped} done before, {failed} failed\n", counted(done))
    }

    /// One line for each failure, with the name of its run.
    pub fn failures(&self) -> impl Iterator<Item = String> {
        self.failed.iter().map(Failure::line)
    }
}

impl Failure {
    /// The error names its file, which usually lies in the run's folder and so names the run.
    fn line(&self) -> String {
        let source = self.source.display().to_string();
        if self.error.starts_with(&source) { self.error.clone() } else { format!("{source}: {}", self.error) }
    }
}

fn counted(runs: usize) -> String {
    format!("{runs} run{}", if runs == 1 { "" } else { "s" })
}
