//! `ham-convert.jsonl` in a batch's target: a line for each run that was converted. By it an interrupted batch goes on.

use std::collections::HashMap;
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
}

/// Locked as long as it lives, so that no second batch works on the same target.
pub struct Journal {
    file: Mutex<File>,
    choices: String,
    done: HashMap<PathBuf, Report>,
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
        if afresh {
            file.set_len(0)?;
        }
        let text = String::from_utf8_lossy(&fs::read(path)?).into_owned();
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
        let done =
            lines.filter(|line| line.choices == choices).map(|line| (line.run.source.clone(), line.run)).collect();
        Ok(Journal { file: Mutex::new(file), choices, done })
    }

    /// The earlier conversion of `source` into `target`, if all of it is still there and later than all of the source.
    pub fn done(&self, source: &Path, target: &Path) -> Option<&Report> {
        let run = self.done.get(source).filter(|run| run.target == target)?;
        let written = run.files.iter().map(|file| changed(file)).collect::<Option<Vec<_>>>()?;
        let earliest = written.into_iter().min()?;
        (latest_below(source)? <= earliest).then_some(run)
    }

    /// Adds a run.
    ///
    /// # Errors
    /// `Io`.
    pub fn add(&self, run: &Report) -> Result<()> {
        let line = Line { run: run.clone(), choices: self.choices.clone() };
        let text = serde_json::to_string(&line).map_err(std::io::Error::from)? + "\n";
        let mut file = self.file.lock().map_err(|_| Error::inconsistent("another job of this batch has failed"))?;
        Ok(file.write_all(text.as_bytes())?)
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

/// When the file, or the latest file below the folder, was changed. Links to folders are not followed.
fn latest_below(path: &Path) -> Option<SystemTime> {
    if !path.is_dir() {
        return changed(path);
    }
    let of_entry = |entry: fs::DirEntry| {
        let is_folder = entry.file_type().ok()?.is_dir();
        if is_folder { latest_below(&entry.path()) } else { changed(&entry.path()) }
    };
    fs::read_dir(path).ok()?.flatten().filter_map(of_entry).max()
}
