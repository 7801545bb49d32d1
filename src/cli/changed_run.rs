//! What `hzero tile`, `rotate` and `strain` share: a run read, changed in memory, and written as a run again.

use std::path::PathBuf;

use anyhow::Context;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;

use super::run_args::RunFiles;
use crate::parsers::convert::{self, own_format, write_whole};
use crate::parsers::format::Format;
use crate::parsers::output::{require_new, write_file};
use crate::parsers::{Calculation, Result, read};

/// Where the run comes from and goes to.
#[derive(clap::Args)]
pub struct Places {
    /// A run's folder, or any file or folder that hzero reads
    run: PathBuf,
    /// Folder to write: for a code's format with h0/ and scf/, a run for every command of hzero
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// Format to write [default: the run's own]; neutral ones hold one H, the converged one unless there is none
    #[arg(long, value_name = "FORMAT", value_parser = format())]
    to: Option<Format>,
    /// Replace what hzero wrote into DIR earlier (files that others put there stay)
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    files: RunFiles,
}

fn format() -> impl TypedValueParser<Value = Format> {
    let names =
        Format::ALL.iter().filter(|format| format.capabilities().writes).map(|format| format.capabilities().name);
    PossibleValuesParser::new(names).try_map(|name| Format::from_name(&name).ok_or("no format"))
}

/// What was done.
#[derive(Serialize)]
struct Report {
    schema_version: u32,
    #[serde(flatten)]
    run: Summary,
    #[serde(flatten)]
    written: convert::Report,
}

/// The new run in a few words.
#[derive(Serialize)]
struct Summary {
    change: String,
    atoms: usize,
    orbitals: usize,
    holds: Vec<&'static str>,
    k_points: Option<String>,
}

impl Places {
    /// The run, and the format to write.
    ///
    /// # Errors
    /// Those of [`read`] and [`own_format`].
    pub fn read(&self) -> Result<(Calculation, Format)> {
        let run = read(&self.run, &self.files.options())?;
        let to = self.to.map_or_else(|| own_format(&run, &self.run), Ok)?;
        Ok((run, to))
    }

    /// Writes the changed run and says so; `change` tells in words what was done.
    pub fn write(&self, changed: Calculation, to: Format, change: String) -> anyhow::Result<()> {
        let run = Summary::new(&changed, change);
        let written = write_whole(changed, &self.run, &self.out, to, self.force)?;
        let report = Report { schema_version: 1, run, written };
        super::print(&if self.json { serde_json::to_string_pretty(&report)? + "\n" } else { report.text() })?;
        Ok(())
    }

    /// Writes one text into the folder.
    pub fn write_text(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let file = self.out.join(name);
        require_new(&file, self.force)?;
        std::fs::create_dir_all(&self.out).with_context(|| self.out.display().to_string())?;
        write_file(&file, |out| out.write_all(text.as_bytes()))?;
        super::print(&format!("wrote {}\n", file.display()))?;
        Ok(())
    }
}

impl Summary {
    fn new(run: &Calculation, change: String) -> Self {
        let operators = [
            ("S", run.overlap.is_some()),
            ("H0", run.hamiltonian0.is_some()),
            ("H", run.hamiltonian.is_some()),
            ("DM", run.density_matrix.is_some()),
        ];
        let mesh = run.k_grid.map(|grid| grid.divisions.map(|n| n.to_string()).join(" x "));
        let list = run.k_list.as_ref().map(|list| format!("{} in a list", list.len()));
        Summary {
            change,
            atoms: run.structure.n_atoms(),
            orbitals: run.basis.n_orbitals(),
            holds: operators.iter().filter(|(_, is_there)| *is_there).map(|(name, _)| *name).collect(),
            k_points: mesh.or(list),
        }
    }
}

impl Report {
    fn text(&self) -> String {
        let Report { run, written, .. } = self;
        let mut text = String::new();
        let mut line = |what: &str, value: String| text += &format!("{what:<10} {value}\n");
        line("run", format!("{} ({})", written.source.display(), written.from));
        line("change", run.change.clone());
        line("atoms", format!("{} with {} orbitals", run.atoms, run.orbitals));
        line("holds", run.holds.join(", "));
        line("k points", run.k_points.clone().unwrap_or_else(|| "not stated".to_owned()));
        written.notes.iter().for_each(|note| line("note", note.to_string()));
        line("wrote", format!("{} ({})", written.target.display(), written.to));
        text
    }
}
