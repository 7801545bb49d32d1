//! Shells of each species: by hand, else `.orb` header, else log, else the `.orb` name.

use std::path::Path;

use super::files::Folder;
use super::log::Log;
use super::orb::{self, OrbHeader};
use super::stru::Stru;
use crate::basis::{Shell, Species};
use crate::elements::atomic_number;
use crate::error::{Context, Error, Result};
use crate::folder::existing;
use crate::input;
use crate::read::ReadOptions;

/// Species with their shells, and in words where the shells came from.
pub struct Found {
    /// In the order of `ATOMIC_SPECIES`.
    pub species: Vec<Species>,
    /// One sentence part per species: `C: 2s2p1d (name of C_gga_8au_100Ry_2s2p1d.orb)`.
    pub sources: Vec<String>,
}

/// Finds the shells of all species of `stru`.
///
/// # Errors
/// `Unsupported` where a species' shells are nowhere; `Inconsistent` where `--basis` names an unknown label.
pub fn find(stru: &Stru, folders: &[&Folder], logs: &[Log], options: &ReadOptions) -> Result<Found> {
    for (label, _) in &options.basis {
        if !stru.species.iter().any(|s| s.label == *label) {
            let known: Vec<&str> = stru.species.iter().map(|s| s.label.as_str()).collect();
            let message = format!("a basis was given for `{label}`, but the species are {}", known.join(", "));
            return Err(Error::inconsistent(message));
        }
    }
    let (mut species, mut sources) = (Vec::new(), Vec::new());
    for (index, line) in stru.species.iter().enumerate() {
        let file = stru.orbitals.get(index).map(String::as_str);
        let header = file.map_or(Ok(None), |file| header(file, folders))?;
        let (shells, source) = shells(&line.label, file, header.as_ref(), logs, options)?;
        let kind = Species {
            label: line.label.clone(),
            z: atomic_number(&line.label),
            cutoff: header.map(|h| h.cutoff).or_else(|| file.and_then(cutoff_of_name)),
            shells,
        };
        sources.push(format!("{}: {} ({source})", kind.label, kind.shells_text()));
        species.push(kind);
    }
    Ok(Found { species, sources })
}

fn shells(
    label: &str,
    file: Option<&str>,
    header: Option<&OrbHeader>,
    logs: &[Log],
    options: &ReadOptions,
) -> Result<(Vec<Shell>, String)> {
    let by_hand = options.basis.iter().rev().find(|(l, _)| l == label).map(|(_, shells)| shells.clone());
    let file_name = file.unwrap_or("no file");
    let of_log = || logs.iter().flat_map(|log| &log.species).find(|(l, zetas)| l == label && !zetas.is_empty());
    by_hand
        .map(|shells| (shells, "given by hand".to_owned()))
        .or_else(|| header.map(|h| (h.shells(), format!("header of {file_name}"))))
        .or_else(|| of_log().map(|(_, zetas)| (orb::shells(zetas), "log".to_owned())))
        .or_else(|| Some((orb::shells_of_name(file?)?, format!("name of {file_name}"))))
        .ok_or_else(|| {
            let looked = format!("header of {file_name}, log, name of {file_name}");
            Error::unsupported(format!("the shells of {label} are not known ({looked}); give them as {label}=2s2p1d"))
        })
}

/// The `.orb` file, if it is where INPUT says (`orbital_dir`) or beside STRU.
fn header(file: &str, folders: &[&Folder]) -> Result<Option<OrbHeader>> {
    let dirs = folders.iter().flat_map(|folder| {
        let stated = folder.input.as_ref().and_then(|input| input.get("orbital_dir"));
        [stated.map(|dir| folder.home.join(dir)), Some(folder.home.clone())].into_iter().flatten()
    });
    let found = dirs.filter_map(|dir| existing(&dir, file)).next();
    found.map(|path| read_header(&path)).transpose()
}

fn read_header(path: &Path) -> Result<OrbHeader> {
    OrbHeader::parse(&input::open(path)?).in_file(path)
}

/// `C_gga_8au_100Ry_2s2p1d.orb`: 8 bohr.
fn cutoff_of_name(name: &str) -> Option<f64> {
    name.split('_').find_map(|part| part.strip_suffix("au").or_else(|| part.strip_suffix("au.orb"))?.parse().ok())
}
