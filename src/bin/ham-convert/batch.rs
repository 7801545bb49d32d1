//! All runs of a tree into a tree of the same shape.

use std::any::Any;
use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use hzero_parsers::companion::Companion;
use hzero_parsers::convert::{Report, Request, convert};
use hzero_parsers::error::Context;
use hzero_parsers::{Error, Result, output};
use indicatif::{ProgressBar, ProgressStyle};

use crate::arguments::Args;
use crate::journal::{self, Journal};
use crate::report::{Failure, Summary};
use crate::{Outcome, print, threads};

/// What became of one run.
enum Became {
    Converted(Report),
    Skipped(Report),
    Failed(Failure),
}

/// What all jobs share.
struct Batch<'a> {
    args: &'a Args,
    source: &'a Path,
    target: &'a Path,
    journal: Journal,
    bar: ProgressBar,
}

/// Converts the runs, which lie below `source`, and reports.
///
/// # Errors
/// `Io` of the target's folder itself; `Unsupported` where it holds something else than such a batch. What goes wrong with a
/// single run is in the report.
pub fn run(args: &Args, source: &Path, target: &Path, runs: Vec<PathBuf>) -> Result<Outcome> {
    let fingerprint = args.fingerprint(target)?;
    let runs: Vec<PathBuf> = runs.into_iter().filter(|run| !is_within(run, target)).collect();
    if runs.is_empty() {
        return Err(Error::unsupported("all runs of the source lie within the target").in_file(target));
    }
    prepare(target, args.force)?;
    let journal = Journal::open(target, fingerprint, args.force)?;
    let batch = Batch { args, source, target, journal, bar: progress(runs.len()) };
    batch.remove_stages(&runs)?;
    let became = threads::map(args.n_jobs(), &runs, |run| batch.one(run));
    batch.bar.finish_and_clear();
    let summary = summary(became);
    batch.remove_empty(&summary.failed);
    report(&summary, args.json)
}

/// The folder is new, empty, of an earlier batch, or the user insists.
fn prepare(target: &Path, force: bool) -> Result<()> {
    fs::create_dir_all(target).map_err(Error::from).in_file(target)?;
    let is_empty = fs::read_dir(target).map_err(Error::from).in_file(target)?.next().is_none();
    if is_empty || force || target.join(journal::FILE_NAME).is_file() {
        return Ok(());
    }
    Err(Error::unsupported("the folder is not empty; --force writes into it all the same").in_file(target))
}

/// A target within the source's tree is none of the runs.
fn is_within(run: &Path, target: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    real(run).zip(real(target)).is_some_and(|(run, target)| run.starts_with(target))
}

fn progress(runs: usize) -> ProgressBar {
    let bar = ProgressBar::new(runs as u64);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {per_sec}, {eta} left");
    style.into_iter().for_each(|style| bar.set_style(style));
    bar
}

fn summary(became: Vec<Became>) -> Summary {
    let mut summary = Summary::new();
    for became in became {
        match became {
            Became::Converted(run) => summary.converted.push(run),
            Became::Skipped(run) => summary.skipped.push(run),
            Became::Failed(failure) => summary.failed.push(failure),
        }
    }
    summary
}

fn report(summary: &Summary, json: bool) -> Result<Outcome> {
    print((if json { summary.json()? } else { summary.of_batch() }).as_bytes())?;
    summary.failures().for_each(|line| eprintln!("ham-convert: {line}"));
    Ok(if summary.failed.is_empty() { Outcome::Done } else { Outcome::Failed })
}

impl Batch<'_> {
    fn one(&self, run: &Path) -> Became {
        let target = self.target_of(run);
        let became = match self.journal.done(run, &target) {
            Some(done) => Became::Skipped(done.clone()),
            None => self.convert(run, &target),
        };
        self.bar.inc(1);
        became
    }

    /// The same place below the target.
    fn target_of(&self, run: &Path) -> PathBuf {
        self.target.join(run.strip_prefix(self.source).unwrap_or(run))
    }

    /// A panic is a defect of this program; it shall cost one run and not the batch.
    fn convert(&self, run: &Path, target: &Path) -> Became {
        let error = match catch_unwind(AssertUnwindSafe(|| self.try_convert(run, target))) {
            Ok(Ok(report)) => return Became::Converted(report),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => format!("internal error: {}", message(&*panic)),
        };
        Became::Failed(Failure { source: run.to_owned(), error })
    }

    fn try_convert(&self, run: &Path, target: &Path) -> Result<Report> {
        // Before it is read: what changes meanwhile is converted again.
        let read = journal::files_of(run);
        let report = self.whole(&self.args.request(run, target)?)?;
        self.journal.add(&report, read)?;
        Ok(report)
    }

    /// All of the run's folder or nothing, also where its format is single files. What an earlier conversion wrote there goes.
    fn whole(&self, request: &Request) -> Result<Report> {
        let Request { target, .. } = request;
        let mut own = Companion::files_of(target)?;
        own.extend(self.journal.written(target));
        let mut report = None;
        output::write_folder(target, Some(&own), |stage| {
            let done = convert(&Request { target: stage.to_owned(), ..request.clone() })?;
            let in_target = |file: &PathBuf| target.join(file.strip_prefix(stage).unwrap_or(file));
            let done = Report { target: target.clone(), files: done.files.iter().map(in_target).collect(), ..done };
            self.journal.begin(&done)?;
            report = Some(done);
            Ok(())
        })?;
        report.ok_or_else(|| Error::inconsistent("nothing was written"))
    }

    /// Folders above runs all of which failed.
    fn remove_empty(&self, failed: &[Failure]) {
        for target in failed.iter().map(|failure| self.target_of(&failure.source)) {
            let above = target.ancestors().skip(1).take_while(|folder| *folder != self.target);
            // Up to the first that is not empty, and so cannot be removed.
            above.take_while(|folder| fs::remove_dir(folder).is_ok()).for_each(drop);
        }
    }

    /// What a killed batch left half-written lies beside the targets.
    fn remove_stages(&self, runs: &[PathBuf]) -> Result<()> {
        let targets = runs.iter().map(|run| self.target_of(run));
        let folders: BTreeSet<PathBuf> = targets.filter_map(|target| target.parent().map(Path::to_owned)).collect();
        folders.iter().filter(|folder| folder.is_dir()).try_for_each(|folder| output::remove_stages(folder))
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic")
}
