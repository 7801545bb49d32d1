//! What is finished of a run, beside its output: a line about the run, then one for each k point. By it an interrupted run goes on.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hzero::parsers::error::Context;
use hzero::parsers::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::solver::Solved;

/// Of the journal's lines.
const SCHEMA_VERSION: u32 = 1;
/// A machine that crashes may lose what was finished within this time.
const SYNC_AFTER: Duration = Duration::from_secs(1);

/// First line: whose energies these are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    schema_version: u32,
    /// Hash of orbitals, S and the Hamiltonians.
    run: String,
    /// All options that change energies.
    options: String,
}

impl Header {
    /// Of a run with this fingerprint, and options that change energies.
    pub fn new(run: String, options: String) -> Self {
        Header { schema_version: SCHEMA_VERSION, run, options }
    }
}

/// What is to be found at one k point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Hash of the Hamiltonian.
    pub hamiltonian: String,
    /// Reduced coordinates.
    pub k: [f64; 3],
    /// So many states nearest to an energy, hartree; else all.
    pub window: Option<(f64, usize)>,
}

impl Task {
    /// Numbers are the same if all their bits are.
    fn key(&self) -> Key {
        (self.hamiltonian.clone(), self.k.map(f64::to_bits), self.window.map(|(centre, n)| (centre.to_bits(), n)))
    }
}

type Key = (String, [u64; 3], Option<(u64, usize)>);

/// Any other line.
#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    task: Task,
    spins: Solved,
}

/// Locked as long as it lives, so that no second run works on the same output.
pub struct Journal {
    path: PathBuf,
    file: File,
    synced: Instant,
    finished: HashMap<Key, Solved>,
    kept: usize,
    added: usize,
}

impl Journal {
    /// Reads the journal of `output`, if there is one, and opens it for what follows. Half a line that a killed run left is passed
    /// over.
    ///
    /// # Errors
    /// `Io`; `Inconsistent` where it belongs to another run or other options, or another process works on it.
    pub fn open(output: &Path, header: &Header) -> Result<Journal> {
        let path = journal_of(output);
        Journal::open_file(path.clone(), header).in_file(&path)
    }

    fn open_file(path: PathBuf, header: &Header) -> Result<Journal> {
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        let mut file = File::options().create(true).append(true).open(&path)?;
        lock(&file)?;
        let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
        let (whole, rest) = text.rsplit_once('\n').map_or(("", text.as_str()), |(whole, rest)| (whole, rest));
        let mut lines = whole.lines();
        match lines.next() {
            Some(first) => require_same(first, header)?,
            None => {
                file.set_len(0)?;
                write_line(&mut file, header)?;
            }
        }
        if !whole.is_empty() && !rest.is_empty() {
            file.write_all(b"\n")?;
        }
        let lines = lines.filter_map(|line| serde_json::from_str::<Line>(line).ok());
        let finished: HashMap<_, _> = lines.map(|line| (line.task.key(), line.spins)).collect();
        let kept = finished.len();
        Ok(Journal { path, file, synced: Instant::now(), finished, kept, added: 0 })
    }

    /// Number of k points that earlier runs finished.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// Number of k points that this run finished.
    pub fn added(&self) -> usize {
        self.added
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was found, where it is finished.
    pub fn find(&self, task: &Task) -> Option<&Solved> {
        self.finished.get(&task.key())
    }

    /// Adds what is finished; from then on it cannot be lost but by a crash of the machine.
    ///
    /// # Errors
    /// `Io`.
    pub fn add(&mut self, task: Task, spins: Solved) -> Result<()> {
        let line = Line { task, spins };
        write_line(&mut self.file, &line).in_file(&self.path)?;
        if self.synced.elapsed() > SYNC_AFTER {
            self.file.sync_data().map_err(Error::from).in_file(&self.path)?;
            self.synced = Instant::now();
        }
        self.finished.insert(line.task.key(), line.spins);
        self.added += 1;
        Ok(())
    }

    /// The output is written: the journal goes.
    ///
    /// # Errors
    /// `Io`.
    pub fn remove(self) -> Result<()> {
        fs::remove_file(&self.path).map_err(Error::from).in_file(&self.path)
    }
}

/// `bands.json` has `bands.json.journal`.
pub fn journal_of(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".journal");
    name.into()
}

/// Some file systems of clusters have no locks: then nobody watches.
fn lock(file: &File) -> Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(Error::inconsistent("another hzero-mpi is at work on this output")),
        Err(TryLockError::Error(_)) | Ok(()) => Ok(()),
    }
}

fn require_same(first: &str, header: &Header) -> Result<()> {
    let found: Header =
        serde_json::from_str(first).map_err(|error| Error::syntax("a journal of hzero-mpi", error.to_string()))?;
    let differs = |what: &str, found: &str, here: &str| {
        let hint = "remove the journal, or choose another output";
        Err(Error::inconsistent(format!("the journal belongs to {what} ({found}, here {here}): {hint}")))
    };
    match () {
        () if found.schema_version != header.schema_version => differs(
            "another version of hzero-mpi",
            &found.schema_version.to_string(),
            &header.schema_version.to_string(),
        ),
        () if found.run != header.run => differs("another run", &found.run, &header.run),
        () if found.options != header.options => differs("other options", &found.options, &header.options),
        () => Ok(()),
    }
}

/// In one piece, so that a killed run leaves at most its last line incomplete.
fn write_line(file: &mut File, line: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string(line).map_err(std::io::Error::from)? + "\n";
    Ok(file.write_all(text.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::solver::States;

    fn header(options: &str) -> Header {
        Header::new("abc".into(), options.into())
    }

    fn solved(energy: f64) -> Solved {
        vec![States { energies: vec![energy], count_below: 3, radius: None }]
    }

    #[test]
    fn half_a_line_is_passed_over_and_whole_ones_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out.json");
        let task = |k: f64, window| Task { hamiltonian: "h".into(), k: [k, 0.0, 0.0], window };
        let mut journal = Journal::open(&output, &header("")).unwrap();
        journal.add(task(0.1, None), solved(0.1 + 0.2)).unwrap();
        drop(journal);
        let mut file = File::options().append(true).open(journal_of(&output)).unwrap();
        file.write_all(br#"{"hamiltonian":"h","k":[0.33"#).unwrap();
        let mut journal = Journal::open(&output, &header("")).unwrap();
        journal.add(task(1.0 / 3.0, Some((-0.1, 5))), solved(2.0)).unwrap();
        drop(journal);
        let journal = Journal::open(&output, &header("")).unwrap();
        assert_eq!(journal.kept(), 2);
        assert_eq!(journal.find(&task(0.1, None)), Some(&solved(0.1 + 0.2)));
        assert_eq!(journal.find(&task(1.0 / 3.0, Some((-0.1, 5)))), Some(&solved(2.0)));
        assert_eq!(journal.find(&task(1.0 / 3.0, Some((-0.1, 6)))), None);
        assert_eq!(journal.find(&task(1.0 / 3.0, None)), None);
        journal.remove().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_journal_of_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out.json");
        let open = |header: &Header| Journal::open(&output, header).err().map(|error| error.to_string());
        assert!(open(&header("null space 1e-8")).is_none());
        let error = open(&header("none")).unwrap();
        assert!(
            error.contains("out.json.journal: the journal belongs to other options (null space 1e-8, here none)"),
            "{error}"
        );
        let error = open(&Header::new("def".into(), "null space 1e-8".into())).unwrap();
        assert!(error.contains("another run (abc, here def)"), "{error}");
        fs::write(journal_of(&output), "notes\n").unwrap();
        assert!(open(&header("none")).unwrap().contains("expected a journal of hzero-mpi"));
    }

    #[test]
    fn two_runs_do_not_share_an_output() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out.json");
        let _first = Journal::open(&output, &header("")).unwrap();
        let error = Journal::open(&output, &header("")).err().unwrap().to_string();
        assert!(error.ends_with("another hzero-mpi is at work on this output"), "{error}");
    }
}
