//! All cases one after the other, and the files that tell what came of them.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::case::Case;
use super::record::Record;
use super::row::mean;
use super::work::Bench;
use super::{figure, table};
use crate::parsers::output::write_file;

/// Tables for people.
pub const TABLES: &str = "results.md";

/// Where results go.
pub struct Results<'a> {
    /// Folder of all cases.
    pub out: &'a Path,
    /// The plan's file.
    pub plan: &'a Path,
}

/// `results.json`. Names are a contract with users' scripts.
#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    plan: String,
    machine: &'a str,
    cases: &'a [Record],
}

impl Results<'_> {
    /// Does all wanted cases, and writes the results after each. Those of other cases that are done already stand there too.
    pub fn work_on(&self, cases: &[Case], wanted: &[bool], device: &str) -> anyhow::Result<Vec<Record>> {
        let bench = |works| Bench { out: self.out, device, works };
        let mut records: Vec<Option<Record>> = cases.iter().map(|case| bench(false).record(case)).collect();
        let todo = todo(cases, wanted, &mut records);
        let start = Instant::now();
        self.write(&known(cases, &records))?;
        for (done, &k) in todo.iter().enumerate() {
            records[k] = bench(true).record(&cases[k]);
            self.write(&known(cases, &records))?;
            if let Some(record) = &records[k] {
                eprintln!("{}", line(record, done + 1, todo.len(), start.elapsed()));
            }
        }
        Ok(known(cases, &records))
    }

    fn write(&self, records: &[Record]) -> anyhow::Result<()> {
        let plan = self.plan.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let machine = machine();
        let document = Document { schema_version: 1, plan: plan.clone(), machine: &machine, cases: records };
        let files = [
            ("results.json", serde_json::to_string_pretty(&document)? + "\n"),
            (TABLES, table::document(records, &plan, &machine)),
            ("results.svg", figure::svg(records)?),
        ];
        for (name, text) in files.iter().filter(|(_, text)| !text.is_empty()) {
            write_file(&self.out.join(name), |out| out.write_all(text.as_bytes()))?;
        }
        Ok(())
    }
}

/// What is wanted and not done, and what starts from the model of such a case.
fn todo(cases: &[Case], wanted: &[bool], records: &mut [Option<Record>]) -> Vec<usize> {
    let mut todo: Vec<usize> = Vec::new();
    for k in (0..cases.len()).filter(|&k| wanted[k]) {
        let start = cases[k].start_folder();
        if records[k].is_none() || todo.iter().any(|&first| Some(&cases[first].folder) == start.as_ref()) {
            records[k] = None;
            todo.push(k);
        }
    }
    todo
}

/// What there is, in the order of the plan: H0 and the linear stage of a set before its variants.
fn known(cases: &[Case], records: &[Option<Record>]) -> Vec<Record> {
    let mut known: Vec<(usize, &Record)> =
        cases.iter().zip(records).filter_map(|(case, record)| Some((case.place, record.as_ref()?))).collect();
    known.sort_by_key(|(place, _)| *place);
    known.into_iter().map(|(_, record)| record.clone()).collect()
}

/// `[2/24] graphene/nextham: 300 steps, 31 s CPU; aligned 2.31 meV, 4.52 meV; 22 left, about 12 min`.
fn line(record: &Record, done: usize, of: usize, elapsed: Duration) -> String {
    let left = of - done;
    let seconds = elapsed.as_secs_f64() / done as f64 * left as f64;
    let rest = if left > 0 { format!("; {left} left, about {:.0} min", seconds / 60.0) } else { String::new() };
    let came = match (&record.error, &record.training) {
        (Some(error), _) => format!("failed: {error}"),
        (None, None) => errors(record),
        (None, Some(training)) => {
            let steps = training.steps.map_or(String::new(), |steps| format!("{steps} steps, "));
            format!("{steps}{:.1} s; {}", training.spent(), errors(record))
        }
    };
    format!("[{done}/{of}] {}: {came}{rest}", record.folder.display())
}

fn errors(record: &Record) -> String {
    let of_group = |name: &str| mean(&record.numbers(name, "mae_h_aligned_mev")).map(table::short);
    let groups =
        record.groups.iter().filter_map(|group| Some(format!("{} meV ({})", of_group(&group.name)?, group.name)));
    groups.collect::<Vec<_>>().join(", ")
}

/// What the figures were made with.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("hzero {}, {cores} cores of {}", env!("CARGO_PKG_VERSION"), model.unwrap_or("an unknown processor"))
}
