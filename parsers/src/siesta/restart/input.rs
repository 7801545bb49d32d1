//! The lines of the fdf by which SIESTA goes on, and the user's own input with them.

use std::path::Path;

use crate::error::Result;
use crate::input;
use crate::siesta::fdf::Fdf;
use crate::siesta::recipe::{TITLE, atoms_move, line};

/// Label, value, reason.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    label: &'static str,
    value: String,
    reason: &'static str,
}

impl Entry {
    fn new(label: &'static str, value: impl Into<String>, reason: &'static str) -> Self {
        Entry { label, value: value.into(), reason }
    }

    /// As it stands in an fdf.
    pub fn text(&self) -> String {
        format!("{} {}", self.label, self.value)
    }
}

type Key = (&'static str, &'static str, &'static str);

/// H comes from `H_IN`.
const READ_H: [Key; 2] = [
    ("Read-H-from-file", "T", "diagonalise the H of H_IN"),
    ("SCF.Mix", "Hamiltonian", "only then does the SCF take H_IN"),
];
const READ_DM: Key = ("DM.UseSaveDM", "T", "read the DM of this H");
const ONE_SHOT: [Key; 3] = [
    ("MaxSCFIterations", "1", "one diagonalisation"),
    ("SCF.DM.Converge", "F", "it counts as converged: only then are files written"),
    ("SCF.H.Tolerance", "1.0e9 eV", "as above; dHmax in the output is max|H[DM_out] - H_IN|"),
];
const BANDS: [Key; 3] = [
    ("MaxSCFIterations", "0", "no SCF"),
    ("SCF.MustConverge", "F", "as above"),
    ("Compute-Forces", "F", "there is no density to compute them from"),
];
/// Conditions for convergence that are off unless they are stated, under their names of today and of old.
const CONDITIONS: [(&str, &[&str]); 4] = [
    ("SCF.FreeE.Converge", &["DM.RequireEnergyConvergence"]),
    ("SCF.Harris.Converge", &["DM.RequireHarrisConvergence"]),
    ("SCF.EDM.Converge", &[]),
    ("SCF.MonitorForces", &["MonitorForcesInSCF"]),
];
/// Switches of a step-zero run.
const STEP_ZERO: [&str; 2] = ["HSetupOnly", "Harris.Functional"];
/// Numbers that only a step-zero run has: label, from which value on, SIESTA's default.
const STEP_ZERO_TOLERANCES: [(&str, f64, &str); 3] =
    [("SCF.DM.Tolerance", 1.0, "1.0e-4"), ("DM.Tolerance", 1.0, "1.0e-4"), ("SCF.H.Tolerance", 1e3, "1.0e-3 eV")];

/// One diagonalisation of `H_IN`.
pub(super) fn one_shot(fdf: &Fdf) -> Result<Vec<Entry>> {
    let mut entries = of(READ_H.into_iter().chain(ONE_SHOT).chain([READ_DM]));
    entries.extend(conditions(fdf));
    entries.extend(stated(fdf, "SCF.H.Converge", "T", "else nothing has to converge"));
    entries.extend(stated(fdf, "MinSCFIterations", "0", "one diagonalisation"));
    entries.extend(switches(fdf));
    entries.extend(at_rest(fdf)?);
    Ok(entries)
}

/// A normal SCF from a density matrix.
pub(super) fn dm(fdf: &Fdf) -> Result<Vec<Entry>> {
    let mut entries = of([READ_DM]);
    entries.extend(stated(fdf, "Read-H-from-file", "F", "H is built from the DM"));
    entries.extend(self_consistent(fdf)?);
    Ok(entries)
}

/// A normal SCF from a Hamiltonian.
pub(super) fn scf_start(fdf: &Fdf) -> Result<Vec<Entry>> {
    let mut entries = of(READ_H.into_iter().chain([READ_DM]));
    entries.extend(self_consistent(fdf)?);
    Ok(entries)
}

/// No SCF; `fermi_level` in Ry.
pub(super) fn bands(fdf: &Fdf, fermi_level: f64) -> Result<Vec<Entry>> {
    let mut entries = of(READ_H.into_iter().chain(BANDS));
    entries.push(Entry::new("Manual-Fermi-Level", format!("{fermi_level:.10} Ry"), "that of H; else it is 0"));
    entries.extend(switches(fdf));
    entries.extend(at_rest(fdf)?);
    Ok(entries)
}

/// The user's own input, without what the recipe for H⁽⁰⁾ put before it.
pub(super) struct Own {
    text: String,
    /// What it says.
    pub fdf: Fdf,
}

impl Own {
    /// Reads it.
    ///
    /// # Errors
    /// Those of [`Fdf::read`].
    pub fn read(path: &Path) -> Result<Own> {
        let text = String::from_utf8_lossy(&input::open(path)?).into_owned();
        let own = text.strip_prefix(TITLE).and_then(|recipe| recipe.split_once("\n\n"));
        let text = own.map_or(text.as_str(), |(_, own)| own).to_owned();
        Ok(Own { fdf: Fdf::of_text(&text, path)?, text })
    }

    /// The input with `entries` before it, for files named after `label`.
    pub fn with(&self, entries: &[Entry], route: &str, label: &str) -> String {
        let own_label = self.fdf.value("SystemLabel").unwrap_or("siesta");
        let renamed = (own_label != label).then(|| Entry::new("SystemLabel", label, "the name of the files here"));
        let all = entries.iter().chain(&renamed);
        let lines: String = all.map(|entry| line(entry.label, &entry.value, entry.reason, &self.fdf)).collect();
        format!("# Route {route} of a restart. {FIRST_COUNTS}\n{lines}\n{}", self.text)
    }
}

const FIRST_COUNTS: &str = "Of several entries of a label SIESTA takes the first: these come before yours.";

fn of(keys: impl IntoIterator<Item = Key>) -> Vec<Entry> {
    keys.into_iter().map(|(label, value, reason)| Entry::new(label, value, reason)).collect()
}

/// An entry against one that the user has.
fn stated(fdf: &Fdf, label: &'static str, value: &str, reason: &'static str) -> Option<Entry> {
    fdf.line(label).map(|_| Entry::new(label, value, reason))
}

/// What would keep the first iteration from converging.
fn conditions(fdf: &Fdf) -> impl Iterator<Item = Entry> {
    let is_stated = |(label, old): &(&str, &[&str])| old.iter().chain([label]).any(|name| fdf.line(name).is_some());
    CONDITIONS.into_iter().filter(is_stated).map(|(label, _)| Entry::new(label, "F", "the first iteration converges"))
}

/// Turns the switches of a step-zero run off.
fn switches(fdf: &Fdf) -> impl Iterator<Item = Entry> {
    let is_on = |label: &&str| fdf.is_on(label);
    STEP_ZERO.into_iter().filter(is_on).map(|label| Entry::new(label, "F", "that was for the step-zero run"))
}

/// Undoes what a hand-made step-zero input says of the SCF; where atoms move, they start from where H belongs.
fn self_consistent(fdf: &Fdf) -> Result<Vec<Entry>> {
    const REASON: &str = "that was for the step-zero run; SIESTA's default";
    let mut entries: Vec<Entry> = switches(fdf).collect();
    if fdf.number("MaxSCFIterations")?.is_some_and(|n| n <= 1.0) {
        entries.push(Entry::new("MaxSCFIterations", "1000", REASON));
    }
    for (label, from, default) in STEP_ZERO_TOLERANCES {
        if fdf.number(label)?.is_some_and(|tolerance| tolerance >= from) {
            entries.push(Entry::new(label, default, REASON));
        }
    }
    if atoms_move(fdf)? {
        entries.push(Entry::new("MD.UseSaveXV", "T", "the structure that H belongs to"));
    }
    Ok(entries)
}

/// H belongs to one geometry: the last one, which is in the `.XV`.
fn at_rest(fdf: &Fdf) -> Result<Vec<Entry>> {
    if !atoms_move(fdf)? {
        return Ok(Vec::new());
    }
    Ok(vec![
        Entry::new("MD.TypeOfRun", "CG", "atoms stay"),
        Entry::new("MD.Steps", "0", "as above"),
        Entry::new("MD.UseSaveXV", "T", "the structure that H belongs to"),
    ])
}
