//! `ham-convert.jsonl` in a batch's target: a line for each run before its folder takes its name, and one when it was converted.
//! By it an interrupted batch goes on, and knows its own files.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use hzero_parsers::convert::Report;
use hzero_parsers::error::Context;
use hzero_parsers::{Error, Result};
use serde::{Deserialize, Serialize};

/// In the folder that a batch writes.
pub const FILE_NAME: &str = "ham-convert.jsonl";

/// A run that was converted, and how it was asked for.
#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    run: Report,
    /// All options that change what is written, and the version of this program.
    choices: String,
    /// What the source consisted of; `None` as long as the run is not done.
    read: Option<Vec<SourceFile>>,
}

/// A file of a run as it was when it was converted. Times may be older than those before: of files that were copied with them.
#[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceFile {
    path: PathBuf,
    bytes: u64,
    changed: Option<SystemTime>,
}

/// Locked as long as it lives, so that no second batch works on the same target.
pub struct Journal {
    file: Mutex<File>,
    choices: String,
    /// By source.
    done: HashMap<PathBuf, (Report, Vec<SourceFile>)>,
    /// Files that the last batch, and interrupted ones after it, wrote, by target.
    written: HashMap<PathBuf, BTreeSet<PathBuf>>,
}

impl Journal {
    /// Reads the journal in `folder`, if there is one, and opens it for what follows. Half a line that a killed batch left
    /// is passed over, and runs that were converted with other choices count as not converted: all of them where the batch
    /// starts `afresh`.
    ///
    /// # Errors
    /// `Io`; `Inconsistent` where another batch is at work there.
    pub fn open(folder: &Path, choices: String, afresh: bool) -> Result<Journal> {
        let path = folder.join(FILE_NAME);
        Journal::open_file(&path, choices, afresh).in_file(&path)
    }

    fn open_file(path: &Path, choices: String, afresh: bool) -> Result<Journal> {
        let mut file = File::options().create(true).append(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::inconsistent("another ham-convert is at work here")),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let text = String::from_utf8_lossy(&fs::read(path)?).into_owned();
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        let lines: Vec<Line> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if afresh {
            forget_done(&mut file, &lines)?;
        }
        let mut journal = Journal { file: Mutex::new(file), choices, done: HashMap::new(), written: HashMap::new() };
        lines.into_iter().for_each(|line| journal.remember(line, afresh));
        Ok(journal)
    }

    /// The last line of a source is the one that holds.
    fn remember(&mut self, line: Line, afresh: bool) {
        let Line { run, choices, read } = line;
        let written = self.written.entry(run.target.clone()).or_default();
        if read.is_some() {
            written.clear();
        }
        written.extend(run.files.iter().cloned());
        match read.filter(|_| !afresh && choices == self.choices) {
            Some(read) => self.done.insert(run.source.clone(), (run, read)),
            None => self.done.remove(&run.source),
        };
    }

    /// Files that batches wrote into the folder `target`, relative to it.
    pub fn written(&self, target: &Path) -> impl Iterator<Item = PathBuf> {
        let files = self.written.get(target).into_iter().flatten();
        files.filter_map(move |file| file.strip_prefix(target).ok().map(Path::to_owned))
    }

    /// The earlier conversion of `source` into `target`, if all of it is still there and the source is the same.
    pub fn done(&self, source: &Path, target: &Path) -> Option<&Report> {
        let (run, read) = self.done.get(source).filter(|(run, _)| run.target == target)?;
        let is_there = run.files.iter().all(|file| file.is_file());
        (is_there && *read == files_of(source)).then_some(run)
    }

    /// Adds a run whose files are about to take their names.
    ///
    /// # Errors
    /// `Io`.
    pub fn begin(&self, run: &Report) -> Result<()> {
        self.append(Line { run: run.clone(), choices: self.choices.clone(), read: None })
    }

    /// Adds a run that is converted, and what was read.
    ///
    /// # Errors
    /// `Io`.
    pub fn add(&self, run: &Report, read: Vec<SourceFile>) -> Result<()> {
        self.append(Line { run: run.clone(), choices: self.choices.clone(), read: Some(read) })
    }

    fn append(&self, line: Line) -> Result<()> {
        let text = serde_json::to_string(&line).map_err(std::io::Error::from)? + "\n";
        let mut file = self.file.lock().map_err(|_| Error::inconsistent("another job of this batch has failed"))?;
        Ok(file.write_all(text.as_bytes())?)
    }
}

/// What was written last stays known, nothing counts as done.
fn forget_done(file: &mut File, lines: &[Line]) -> Result<()> {
    let mut text = String::new();
    let done = lines.iter().enumerate().filter(|(_, line)| line.read.is_some());
    let last: HashMap<&Path, usize> = done.map(|(index, line)| (line.run.target.as_path(), index)).collect();
    let is_past = |index: usize, line: &Line| last.get(line.run.target.as_path()).is_some_and(|&last| index < last);
    for (_, Line { run, choices, .. }) in lines.iter().enumerate().filter(|(index, line)| !is_past(*index, line)) {
        let line = Line { run: run.clone(), choices: choices.clone(), read: None };
        text += &(serde_json::to_string(&line).map_err(std::io::Error::from)? + "\n");
    }
    file.set_len(0)?;
    Ok(file.write_all(text.as_bytes())?)
}

/// The file, or all files below the folder, also in folders that links there lead to.
pub fn files_of(run: &Path) -> Vec<SourceFile> {
    let mut files =
        if run.is_dir() { files_below(run, true) } else { source_file(run.to_owned()).into_iter().collect() };
    files.sort_unstable();
    files
}

/// Links to folders that lie in linked folders are not followed: they may go in circles.
fn files_below(folder: &Path, follows: bool) -> Vec<SourceFile> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of_entry = |path: PathBuf| match (path.is_dir(), path.is_symlink()) {
        (true, false) => files_below(&path, follows),
        (true, true) if follows => files_below(&path, false),
        (true, true) => Vec::new(),
        (false, _) => source_file(path).into_iter().collect(),
    };
    entries.flat_map(|entry| of_entry(entry.path())).collect()
}

fn source_file(path: PathBuf) -> Option<SourceFile> {
    let data = fs::metadata(&path).ok()?;
    Some(SourceFile { path, bytes: data.len(), changed: data.modified().ok() })
}
