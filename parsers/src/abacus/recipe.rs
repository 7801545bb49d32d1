//! The step-zero run: the INPUT by which stock ABACUS writes H⁽⁰⁾.
//!
//! One iteration from superposed atomic densities writes the H that was diagonalised, which is H⁽⁰⁾. In 3.8 nspin 2 the
//! spin-up file is rebuilt after the loop from the mixed density, so that mixing must do nothing (`mixing_beta 0`).

use std::path::Path;

use super::edit::{self, Setting};
use super::input_file::InputFile;
use crate::code::Code;
use crate::error::{Context, Result};
use crate::input;
use crate::recipe::{Recipe, release};

/// Which file names and traps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// Up to 3.8.
    V3_8,
    /// 3.11.
    V3_11,
}

const RELEASES: [(&str, Release); 2] = [("3.8", Release::V3_8), ("3.11", Release::V3_11)];

/// Keys that a step-zero run needs; the last one only with spin.
const KEYS: [Setting; 9] = [
    ("calculation", "scf", "one self-consistent step"),
    ("init_chg", "atomic", "from superposed atomic densities"),
    ("gamma_only", "0", "gamma_only writes no H(R)"),
    ("symmetry", "0", "no reduction of k points or densities"),
    ("scf_nmax", "1", "H(R) of the first iteration is H0"),
    ("mixing_beta", "0", "the density stays atomic"),
    ("out_mat_hs2", "1", "write H(R) and S(R)"),
    ("out_chg", "-1", "no charge files"),
    ("mixing_beta_mag", "0", "the magnetisation stays atomic"),
];
/// Would start from something else than atoms, or write what nobody reads.
const DROPPED: [&str; 6] = ["init_wfc", "read_file_dir", "out_mat_hs", "out_dm1", "out_dmr", "restart_load"];
const WHY_DROPPED: &str = "left out of the step-zero run";

/// Reads INPUT, and changes it into that of the step-zero run.
///
/// # Errors
/// As [`crate::recipe::step_zero`].
pub fn step_zero(path: &Path, version: Option<&str>) -> Result<Recipe> {
    let release = release(Code::Abacus, &RELEASES, version)?;
    let path = if path.is_dir() { path.join("INPUT") } else { path.to_owned() };
    let input = InputFile::parse(&input::open(&path)?).in_file(&path)?;
    Ok(changed(&input, release))
}

/// Changes `input`, line by line, into the INPUT of the step-zero run.
fn changed(input: &InputFile, release: Release) -> Recipe {
    let text = edit::edited(input, settings(input.nspin()), &DROPPED, WHY_DROPPED);
    Recipe { input: text, warnings: warnings(input, release) }
}

/// What [`step_zero`] made `input` from, where it did: the INPUT of the self-consistent run. Keys that a hand-written
/// step-zero INPUT has for its own sake go as well.
///
/// # Errors
/// `Syntax` as [`InputFile::parse`].
pub fn undone(input: &InputFile) -> Result<InputFile> {
    let restored = InputFile::parse(edit::restored(input, &KEYS, WHY_DROPPED).as_bytes())?;
    if !restored.is_step_zero() {
        return Ok(restored);
    }
    let frozen = |key: &&str| match *key {
        "scf_nmax" => true,
        "scf_thr" => restored.number(key).is_some_and(|threshold| threshold >= 1.0),
        mixing => restored.number(mixing) == Some(0.0),
    };
    let dropped: Vec<&str> =
        ["scf_nmax", "scf_thr", "mixing_beta", "mixing_beta_mag"].into_iter().filter(frozen).collect();
    InputFile::parse(edit::edited(&restored, &[], &dropped, "of the step-zero run").as_bytes())
}

/// Those of magnetic runs are the others and one more.
fn settings(nspin: usize) -> &'static [Setting<'static>] {
    if nspin == 1 { &KEYS[..KEYS.len() - 1] } else { &KEYS }
}

fn warnings(input: &InputFile, release: Release) -> Vec<String> {
    let nspin = input.nspin();
    let mut warnings = vec!["KPT may be `Gamma` with 1 1 1: H0 does not depend on the k mesh".to_owned()];
    if nspin == 2 && release == Release::V3_11 {
        warnings.push(
            "3.11 writes H files without a single element for nspin 2 (a bug of that version): take 3.8".to_owned(),
        );
    }
    if nspin != 1 {
        warnings.push(
            "start moments that are all zero in STRU become 1 on every atom; for a non-magnetic start give one species 1.1e-5"
                .to_owned(),
        );
    }
    if input.get("basis_type") != Some("lcao") {
        warnings.push("H(R) needs basis_type lcao; plane waves (the default) have none".to_owned());
    }
    if input.is_on("gamma_only") {
        warnings.push("your run has gamma_only 1, which writes no H(R): run it with gamma_only 0 as well".to_owned());
    }
    if ["relax", "cell-relax", "md"].contains(&input.calculation()) {
        warnings.push("atoms move in your run: give the step-zero run the STRU of the step that you want".to_owned());
    }
    if input.get("out_app_flag").is_some_and(|flag| flag != "1") {
        warnings.push("out_app_flag 0 adds the step to the names of the files (hrs1g1_nao.csr)".to_owned());
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "INPUT_PARAMETERS\n# iron\ncalculation scf\nnspin 2\nscf_nmax 100\necutwfc 80\ninit_wfc file\n";

    #[test]
    fn only_what_must_changes() {
        let input = InputFile::parse(USER.as_bytes()).unwrap();
        let recipe = changed(&input, Release::V3_8);
        let new = InputFile::parse(recipe.input.as_bytes()).unwrap();
        for (key, value, _) in KEYS {
            assert_eq!(new.get(key), Some(value), "{key}");
        }
        assert_eq!(new.get("ecutwfc"), Some("80"));
        assert_eq!(new.get("init_wfc"), None);
        assert!(new.is_step_zero());
        assert!(
            recipe
                .input
                .starts_with("INPUT_PARAMETERS\n# iron\ncalculation scf\nnspin 2\nscf_nmax           1  # was 100: ")
        );
    }

    #[test]
    fn the_self_consistent_input_comes_back() {
        let parse = |text: &str| InputFile::parse(text.as_bytes()).unwrap();
        let recipe = changed(&parse(USER), Release::V3_8);
        let again = undone(&parse(&recipe.input)).unwrap();
        let entries = |input: &InputFile| input.lines().iter().filter_map(|l| l.entry.clone()).collect::<Vec<_>>();
        assert_eq!(entries(&again), entries(&parse(USER)));
        let by_hand = undone(&parse("INPUT_PARAMETERS\nscf_nmax 1\nmixing_beta 0\nmixing_beta_mag 1.6\n")).unwrap();
        assert_eq!(entries(&by_hand), [("mixing_beta_mag".to_owned(), "1.6".to_owned())]);
    }

    #[test]
    fn traps_are_named() {
        let input = InputFile::parse(USER.as_bytes()).unwrap();
        let mentions = |release, word: &str| changed(&input, release).warnings.iter().any(|w| w.contains(word));
        assert!(mentions(Release::V3_11, "without a single element"));
        assert!(!mentions(Release::V3_8, "without a single element"));
        assert!(mentions(Release::V3_8, "1.1e-5"));
        assert!(mentions(Release::V3_8, "basis_type lcao"));
    }
}
