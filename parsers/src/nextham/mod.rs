//! NextHAM: the matrices that its branch of ABACUS writes (`calculation get_hs`) and that its scripts read and write.
//!
//! ```text
//! hrs1_nao.csr, srs1_nao.csr                 H⁽⁰⁾ and S as text (the old layout under the new names) or binary (`csr`)
//! hrs_block_up_*.dat, srs_block_*.dat        the same, a file per process, as text or binary (`blocks`)
//! hr_cut, hr_tot                             predicted H, text: within the model's cutoff, and completed by H⁽⁰⁾; NextHAM V1.1
//!                                            calls them predict_hr_cut and predict_hr_tot
//! STRU, INPUT                                as of ABACUS, beside them or above OUT.*
//! ```
//!
//! Units, order and signs are those of ABACUS. The padding to 27 orbitals (4s2p2d1f) is in the tensors of NextHAM alone, and
//! these, as its published data sets, are pickles of PyTorch that hzero does not read. Read are the layouts that the scripts
//! of NextHAM and NextHAM V1.1 read and write; files of that ABACUS itself were not at hand.

pub mod blocks;
pub mod csr;

use std::path::{Path, PathBuf};

use crate::abacus::{Folder, InputFile, Run, Stru, run};
use crate::basis::{Shell, parse_shells};
use crate::calculation::Calculation;
use crate::error::{Context, Result};
use crate::folder::{entries, existing, folder_of, plain_name};
use crate::format::Format;
use crate::input;
use crate::read::ReadOptions;

/// As messages and tables call it.
pub const CODE: &str = "NextHAM";
/// Predicted H, the completed ones first.
const PREDICTED: [&str; 4] = ["predict_hr_tot", "hr_tot", "predict_hr_cut", "hr_cut"];

/// Does the file, or one in the folder or its `OUT.*`, belong to NextHAM alone?
///
/// # Errors
/// `Io`.
pub fn is_own(path: &Path) -> Result<bool> {
    if !path.is_dir() {
        return Ok(is_own_file(path));
    }
    for path in entries(path)? {
        let is_output = path.is_dir() && plain_name(&path).starts_with("OUT.");
        let files = if is_output { entries(&path)? } else { vec![path] };
        if files.iter().any(|file| file.is_file() && is_own_file(file)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A file that cannot be read is not: whoever reads the run says so.
fn is_own_file(path: &Path) -> bool {
    let name = plain_name(path);
    let is_named = is_prediction(path) || blocks::quantity(&name).is_some();
    let is_binary = || input::head(path, csr::HEAD_OF_FILE).is_ok_and(|head| csr::is_binary(&head));
    is_named || (name.ends_with(".csr") && is_binary())
}

/// The names that say no more than `hr` need the head of such a file.
fn is_prediction(path: &Path) -> bool {
    let name = plain_name(path);
    let has_head = || Format::guess_file(path).is_ok_and(|format| format == Some(Format::AbacusOld));
    PREDICTED.contains(&&name[..]) && (name.starts_with("predict_") || has_head())
}

/// Reads the run in the folder `path`, or the file `path` with what lies around it.
///
/// # Errors
/// All kinds; every message names the file.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Calculation> {
    let (found, is_predicted) = if path.is_dir() { of_folder(path)? } else { of_file(path)? };
    let options = with_shells(&found, options)?;
    let mut calculation = run::read_found(found, path, &options)?;
    calculation.native = None;
    calculation.origin.code = CODE;
    calculation.origin.is_predicted = is_predicted;
    Ok(calculation)
}

/// The files of a folder, and whether its converged H is a predicted one.
fn of_folder(path: &Path) -> Result<(Run, bool)> {
    let mut folder = Folder::find(path)?;
    let places = [folder.out.clone(), folder.home.clone()];
    if folder.hamiltonian.is_empty() {
        folder.hamiltonian = first_named(&places, "hrs_block_")?.into_iter().collect();
    }
    if folder.overlap.is_none() {
        folder.overlap = first_named(&places, "srs_block_")?;
    }
    let files = PREDICTED.iter().flat_map(|name| places.iter().filter_map(move |place| existing(place, name)));
    let Some(predicted) = files.into_iter().find(|file| is_prediction(file)) else {
        return Ok((by_input(folder), false));
    };
    let scf = Folder { hamiltonian: vec![predicted], ..folder.clone() };
    // The matrix of a converged run, which its INPUT tells, makes place for the prediction.
    Ok((Run { scf: Some(scf), h0: by_input(folder).h0, bands: None }, true))
}

fn of_file(path: &Path) -> Result<(Run, bool)> {
    let mut folder = Folder::find(folder_of(path))?;
    folder.hamiltonian.clear();
    let name = plain_name(path);
    if name.starts_with("srs") {
        folder.overlap = Some(path.to_owned());
        return Ok((by_input(folder), false));
    }
    folder.hamiltonian = vec![path.to_owned()];
    match is_prediction(path) {
        true => Ok((Run { scf: Some(folder), ..Run::default() }, true)),
        false => Ok((by_input(folder), false)),
    }
}

/// Without INPUT it is H⁽⁰⁾: nothing else leaves such files.
fn by_input(folder: Folder) -> Run {
    match folder.input.as_ref().is_none_or(InputFile::is_step_zero) {
        true => Run { h0: Some(folder), ..Run::default() },
        false => Run { scf: Some(folder), ..Run::default() },
    }
}

/// The first file whose name starts so.
fn first_named(places: &[PathBuf], start: &str) -> Result<Option<PathBuf>> {
    for place in places {
        let found = entries(place)?.into_iter().find(|path| plain_name(path).starts_with(start));
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// NextHAM's scripts write STRU without names of orbital files, and know the shells by the element (`ORB_ORIGIN`).
const SHELLS: [(&str, &str); 6] = [
    ("2s1p", "H He"),
    ("4s1p", "Li Be"),
    ("2s2p1d", "B C N O F Ne Al Si P S Cl Ar As Se Br Kr I Xe"),
    ("4s2p1d", "Na Mg K Ca Rb Sr Cs Ba"),
    ("2s2p2d1f", "Ga Ge Pd In Sn Sb Te Tl Pb Bi"),
    ("4s2p2d1f", "Sc Ti V Cr Mn Fe Co Ni Cu Zn Y Zr Nb Mo Tc Ru Rh Ag Cd Hf Ta W Re Os Ir Pt Au Hg"),
];

fn shells_of(element: &str) -> Option<Vec<Shell>> {
    let (shells, _) = SHELLS.iter().find(|(_, elements)| elements.split(' ').any(|known| known == element))?;
    parse_shells(shells)
}

/// `options` with the shells of those species of which STRU and the user say nothing.
fn with_shells(found: &Run, options: &ReadOptions) -> Result<ReadOptions> {
    let mut options = options.clone();
    let stru = options.structure.clone().or_else(|| found.folders().find_map(|folder| folder.stru.clone()));
    let Some(path) = stru else { return Ok(options) };
    let stru = Stru::parse(&input::open(&path)?).in_file(&path)?;
    let unknown = stru.species.iter().filter(|_| stru.orbitals.is_empty());
    for species in unknown {
        let is_given = options.basis.iter().any(|(label, _)| *label == species.label);
        if let (false, Some(shells)) = (is_given, shells_of(&species.label)) {
            options.basis.push((species.label.clone(), shells));
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elements::SYMBOLS;

    #[test]
    fn elements_have_the_orbitals_of_the_scripts() {
        let n = |element: &str| shells_of(element).map(|shells| shells.iter().map(Shell::n_orbitals).sum::<usize>());
        let cases = [("H", 5), ("Li", 7), ("Si", 13), ("Na", 15), ("Bi", 25), ("Mo", 27)];
        for (element, expected) in cases {
            assert_eq!(n(element), Some(expected), "{element}");
        }
        let known = SYMBOLS.iter().filter(|element| n(element).is_some()).count();
        assert_eq!(known, SHELLS.iter().map(|(_, elements)| elements.split(' ').count()).sum::<usize>());
        assert_eq!((known, n("La")), (68, None));
    }
}
