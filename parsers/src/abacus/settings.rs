//! Settings of INPUT and STRU that H depends on.

use std::path::Path;

use super::files::{Folder, Run};
use super::stru::Stru;
use crate::error::{Context, Result};
use crate::folder::plain_name;
use crate::input;
use crate::settings::{DEFAULT, OfRun, Settings};

/// Keys of INPUT.
const KEYS: [&str; 9] = [
    "basis_type",
    "ecutwfc",
    "nspin",
    "noncolin",
    "lspinorb",
    "dft_functional",
    "smearing_method",
    "smearing_sigma",
    "soc_lambda",
];

/// Those of both calculations.
///
/// # Errors
/// Those of [`Run::discover`] and [`Stru::parse`].
pub fn of(path: &Path) -> Result<OfRun> {
    let run = Run::discover(path)?;
    let of = |folder: &Option<Folder>| folder.as_ref().map(settings).transpose();
    Ok(OfRun { h0: of(&run.h0)?.unwrap_or_default(), scf: of(&run.scf)?.unwrap_or_default() })
}

fn settings(folder: &Folder) -> Result<Settings> {
    let Some(input) = &folder.input else { return Ok(Settings::new()) };
    let stated = |key: &&str| ((*key).to_owned(), input.get(key).unwrap_or(DEFAULT).to_owned());
    let mut settings: Settings = KEYS.iter().map(stated).collect();
    if let Some(path) = &folder.stru {
        let stru = Stru::parse(&input::open(path)?).in_file(path)?;
        settings.extend(files(&stru));
    }
    Ok(settings)
}

/// Names of pseudopotentials and orbitals, without folders.
fn files(stru: &Stru) -> Settings {
    let name = |file: &str| plain_name(Path::new(file));
    let potential = |rest: &[String]| rest.get(1).map_or(DEFAULT.to_owned(), |file| name(file));
    let potentials = stru.species.iter().map(|s| (format!("pseudopotential of {}", s.label), potential(&s.rest)));
    let orbitals =
        stru.species.iter().zip(&stru.orbitals).map(|(s, file)| (format!("orbitals of {}", s.label), name(file)));
    potentials.chain(orbitals).collect()
}
