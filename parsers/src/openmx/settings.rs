//! Settings of the input text that H depends on.

use std::path::Path;

use super::dat::Dat;
use super::files::{Part, Run};
use crate::error::Result;
use crate::settings::{DEFAULT, OfRun, Settings};

const KEYS: [&str; 8] = [
    "scf.energycutoff",
    "scf.XcType",
    "scf.SpinPolarization",
    "scf.SpinOrbit.Coupling",
    "scf.ElectronicTemperature",
    "scf.Hubbard.U",
    "scf.EigenvalueSolver",
    "orbitalOpt.Method",
];

/// Those of both calculations.
///
/// # Errors
/// Those of [`Run::discover`].
pub fn of(path: &Path) -> Result<OfRun> {
    let run = Run::discover(path)?;
    let of = |part: &Option<Part>| part.as_ref().map(|part| settings(&part.dat)).unwrap_or_default();
    Ok(OfRun { h0: of(&run.h0), scf: of(&run.scf) })
}

fn settings(dat: &Dat) -> Settings {
    let mut settings: Settings =
        KEYS.iter().map(|&key| (key.to_owned(), dat.get(key).unwrap_or(DEFAULT).to_owned())).collect();
    let block = dat.block("Definition.of.Atomic.Species").ok().flatten().unwrap_or_default();
    for (_, line) in block {
        let words: Vec<&str> = line.split_whitespace().take(3).collect();
        if let [label, rest @ ..] = &words[..] {
            settings.push((format!("orbitals and pseudopotential of {label}"), rest.join(" ")));
        }
    }
    settings
}
