//! `report.json`, and the same in a few lines for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Choices;
use crate::cli::eval::{DensityRow, HamiltonianRow};
use crate::cli::restart;
use crate::model::domains::Facts;
use crate::model::phases::{Phase, Phases};
use crate::model::predict::Trust;
use crate::parsers::check::Property;
use crate::parsers::output::write_file;
use crate::symmetry::predicted::Imposed;

/// Name of the report in its folder.
pub const FILE_NAME: &str = "report.json";

/// What `hzero predict` did. `files`, `fermi_level_ev`, `checks`, `timings_s` and `device` are a contract with users' scripts.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub schema_version: u32,
    pub run: PathBuf,
    pub out: PathBuf,
    pub model: PathBuf,
    /// What was asked for.
    pub choices: Choices,
    pub device: String,
    /// With `--domains`: what the process of each needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domains: Option<Vec<Facts>>,
    pub n_atoms: usize,
    pub n_orbitals: usize,
    pub n_blocks: usize,
    pub nspin: usize,
    /// Names in `out`.
    pub files: Vec<String>,
    /// How the code goes on, in its own words.
    pub next_step: Option<String>,
    /// With `--restart`: what `restart.json` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart: Option<restart::Report>,
    /// Of the predicted H, absolute, in the code's own eV.
    pub fermi_level_ev: Option<f64>,
    /// What was imposed on the predicted H.
    pub symmetrized: Vec<Symmetrized>,
    pub checks: Vec<Check>,
    pub trust: Trust,
    /// Against the run's own converged H or DM, where it has one.
    pub errors: Option<Errors>,
    /// What would have taken too long, and how it is had.
    pub skipped: Vec<String>,
    /// Seconds on the clock by phase.
    pub timings_s: BTreeMap<&'static str, f64>,
    /// The same in order, with CPU time and memory.
    pub phases: Phases,
}

/// Errors of what was predicted.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Errors {
    Hamiltonian(Box<HamiltonianRow>),
    DensityMatrix(DensityRow),
}

impl Errors {
    fn lines(&self) -> Vec<(&'static str, String)> {
        match self {
            Errors::Hamiltonian(row) => row.lines(),
            Errors::DensityMatrix(row) => row.lines(),
        }
    }
}

/// A symmetry, and the largest element that it took away.
#[derive(Debug, Clone, Serialize)]
pub struct Symmetrized {
    symmetry: String,
    removed_mev: f64,
}

impl Symmetrized {
    /// With the code's own constant, eV per hartree.
    pub fn new(imposed: Imposed, ev_per_hartree: f64) -> Self {
        Symmetrized { symmetry: imposed.symmetry, removed_mev: 1000.0 * ev_per_hartree * imposed.removed }
    }
}

/// A property of the predicted H and its S.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    #[serde(flatten)]
    property: Property,
    holds: bool,
}

impl From<Property> for Check {
    fn from(property: Property) -> Self {
        Check { holds: property.holds(), property }
    }
}

impl Report {
    /// Did every check hold?
    pub fn is_sound(&self) -> bool {
        self.checks.iter().all(|check| check.holds)
    }

    /// Writes `report.json` into `folder`.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        Ok(write_file(&folder.join(FILE_NAME), |out| out.write_all(text.as_bytes()))?)
    }

    /// A few lines.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |what: &str, value: String| {
            let _ = writeln!(text, "{what:<16} {value}");
        };
        line("run", self.run.display().to_string());
        let size = format!("{} atoms, {} orbitals, {} blocks", self.n_atoms, self.n_orbitals, self.n_blocks);
        line("size", format!("{size}, nspin {}", self.nspin));
        for (k, facts) in self.domains.iter().flatten().enumerate() {
            line("domain", format!("{}: {facts}", k + 1));
        }
        if let Some(level) = self.fermi_level_ev {
            line("Fermi level", format!("{level:.4} eV (predicted)"));
        }
        for Symmetrized { symmetry, removed_mev } in &self.symmetrized {
            line("symmetrized", format!("{symmetry}: at most {removed_mev:.1e} meV removed"));
        }
        if let Some(errors) = &self.errors {
            errors.lines().into_iter().for_each(|(what, value)| line(what, value));
        }
        for check in self.checks.iter().filter(|check| !check.holds) {
            let Property { name, value, bound } = &check.property;
            line("check FAILED", format!("{name}: {value:.2e}, {bound}"));
        }
        self.trust.warnings.iter().for_each(|warning| line("warning", warning.clone()));
        self.skipped.iter().for_each(|skipped| line("skipped", skipped.clone()));
        let seconds = |phase: &Phase| format!("{} {:.2}", phase.name.replace('_', " "), phase.seconds);
        line("seconds", self.phases.iter().map(seconds).collect::<Vec<_>>().join(", "));
        if let Some(most) = self.phases.iter().filter_map(|phase| phase.peak_memory_mb).reduce(f64::max) {
            line("memory", format!("{most:.0} MB at most"));
        }
        line("wrote", format!("{}/", self.out.display()));
        self.files.chunks(6).for_each(|files| line("", files.join("  ")));
        self.next_step.iter().for_each(|step| line("next", step.clone()));
        self.restart.iter().flat_map(restart::Report::routes_text).for_each(|(what, value)| line(what, value));
        text
    }
}
