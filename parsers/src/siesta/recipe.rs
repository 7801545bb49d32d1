//! The step-zero run: the fdf by which stock SIESTA writes H⁽⁰⁾.
//!
//! SIESTA builds H of the superposed atomic densities before its loop. Version 5 stops there on demand (`HSetupOnly`) and writes
//! `.0.HSX` in double precision; 4.1 would write single precision, so that it gets one iteration that counts as converged, after
//! which `.TSHS` holds the H that was diagonalised. `MaxSCFIterations 1` alone is wrong: 4.1 then writes the H of the next step,
//! and 5 none at all.

use std::path::{Path, PathBuf};

use super::fdf::Fdf;
use super::files::Folder;
use super::kpoints;
use crate::code::Code;
use crate::error::{Context, Error, Result};
use crate::input;
use crate::recipe::{Recipe, release};

/// Which way leads to H⁽⁰⁾ in double precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Release {
    V5,
    V4_1,
}

const RELEASES: [(&str, Release); 2] = [("5", Release::V5), ("4.1", Release::V4_1)];

/// Label, value, reason.
type Key = (&'static str, &'static str, &'static str);

const KEYS_5: [Key; 3] = [
    ("HSetupOnly", "T", "build H of the superposed atomic densities, and stop"),
    ("SaveHS", "T", "write it with S, as NAME.0.HSX"),
    ("DM.UseSaveDM", "F", "from atoms, not from a density matrix"),
];
const KEYS_4_1: [Key; 7] = [
    ("MaxSCFIterations", "1", "H of the first iteration is H0"),
    ("SCF.DM.Tolerance", "1.0e9", "it counts as converged: only then is this H written"),
    ("SCF.H.Tolerance", "1.0e9 eV", "as above"),
    ("SaveHS", "T", "write H and S with the basis, as NAME.HSX"),
    ("TS.HS.Save", "T", "and in double precision, as NAME.TSHS"),
    ("DM.UseSaveDM", "F", "from atoms, not from a density matrix"),
    ("MD.Steps", "0", "atoms stay"),
];
/// Set by some users; would keep the first iteration of 4.1 from converging, or start from another H.
const KEYS_IF_STATED: [Key; 5] = [
    ("SCF.FreeE.Converge", "F", "the first iteration converges"),
    ("SCF.EDM.Converge", "F", "the first iteration converges"),
    ("SCF.Harris.Converge", "F", "the first iteration converges"),
    ("SCF.MonitorForces", "F", "the first iteration converges"),
    ("Read-H-from-file", "F", "H is built from the atomic densities"),
];
/// First line of every input that this module makes.
pub(super) const TITLE: &str =
    "# Step-zero run. Of several entries of a label SIESTA takes the first: these come before yours.\n";

/// Reads the input, and puts the keys of the step-zero run before it.
///
/// # Errors
/// As [`crate::recipe::step_zero`].
pub fn step_zero(path: &Path, version: Option<&str>) -> Result<Recipe> {
    let release = release(Code::Siesta, &RELEASES, version)?;
    let path = input_in(path)?;
    let fdf = Fdf::read(&path)?;
    let text = String::from_utf8_lossy(&input::open(&path)?).into_owned();
    let always: &[Key] = if release == Release::V5 { &KEYS_5 } else { &KEYS_4_1 };
    let stated = KEYS_IF_STATED.iter().filter(|(label, ..)| fdf.line(label).is_some());
    let keys = always.iter().chain(stated).map(|&(label, value, reason)| line(label, value, reason, &fdf));
    let keys: String = keys.collect();
    let warnings = warnings(&fdf, &path).in_file(&path)?;
    Ok(Recipe { input: format!("{TITLE}{keys}\n{text}"), warnings })
}

fn input_in(path: &Path) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    Folder::find(path)?.fdf_path.ok_or_else(|| Error::unsupported("no .fdf, or several: name one").in_file(path))
}

/// An entry that will stand before those of `fdf`.
pub(super) fn line(label: &str, value: &str, reason: &str, fdf: &Fdf) -> String {
    let stated = fdf.line(label).map(|line| line.text.as_str());
    let was = stated.filter(|stated| *stated != value).map(|stated| format!("was {stated}: ")).unwrap_or_default();
    format!("{label:<20} {value:<9} # {was}{reason}\n")
}

fn warnings(fdf: &Fdf, path: &Path) -> Result<Vec<String>> {
    let mut warnings = vec![
        "take the same build of SIESTA for both runs: orbitals depend on its version even where the input is the same"
            .to_owned(),
    ];
    if is_polarized(fdf) && fdf.block("DM.InitSpin").is_none() {
        warnings.push(
            "without a block DM.InitSpin every atom starts with its largest moment, all parallel: H0 depends on it, and both \
             runs need the same block (with 0.0 for each atom of a non-magnetic crystal)"
                .to_owned(),
        );
    }
    if kpoints::stated_mesh(fdf)?.and_then(|mesh| mesh.grid()).is_some_and(|grid| grid.divisions == [1; 3]) {
        warnings.push(
            "with k = 0 alone SIESTA adds up all images of a pair: unless this is a molecule in a large box, set ForceAuxCell T \
             in both runs"
                .to_owned(),
        );
    }
    if atoms_move(fdf)? {
        warnings
            .push("atoms move in your run: give the step-zero run the structure of the step that you want".to_owned());
    }
    if fdf.has_other_files(path) {
        warnings.push("your input names other files: keep the new one in the same folder".to_owned());
    }
    Ok(warnings)
}

fn is_polarized(fdf: &Fdf) -> bool {
    let stated = fdf.value("Spin").map(str::to_ascii_lowercase);
    let older = ["SpinPolarized", "NonCollinearSpin", "SpinOrbit"].iter().any(|label| fdf.is_on(label));
    older
        || stated
            .is_some_and(|spin| !matches!(spin.as_str(), "none" | "non-polarized" | "non-polarised" | "np" | "n-p"))
}

/// Is it a relaxation or molecular dynamics?
///
/// # Errors
/// Those of the numbers in the input.
pub(super) fn atoms_move(fdf: &Fdf) -> Result<bool> {
    for (label, at_rest) in [("MD.Steps", 0.0), ("MD.NumCGsteps", 0.0), ("MD.FinalTimeStep", 1.0)] {
        if fdf.number(label)?.is_some_and(|steps| steps > at_rest) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "SystemLabel fe # mine\nspin polarized\nMax.SCF.Iterations 300\nMaxSCFIterations 300\nSCF_FreeE_Converge\n\
        %block kgrid.MonkhorstPack\n4 0 0 0\n0 4 0 0\n0 0 4 0\n%endblock\n";

    fn recipe(text: &str, version: Option<&str>) -> (Recipe, Fdf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fe.fdf");
        std::fs::write(&path, text).unwrap();
        let recipe = step_zero(folder.path(), version).unwrap();
        std::fs::write(&path, &recipe.input).unwrap();
        (recipe, Fdf::read(&path).unwrap())
    }

    #[test]
    fn keys_come_first_and_yours_stay() {
        let (recipe, new) = recipe(USER, None);
        assert!(new.is_on("HSetupOnly") && new.is_on("SaveHS") && !new.is_on("DM.UseSaveDM"));
        assert!(recipe.input.ends_with(USER));
        let (recipe, new) = self::recipe(USER, Some("4.1"));
        assert_eq!((new.number("MaxSCFIterations").unwrap(), new.value("SCF.FreeE.Converge")), (Some(1.0), Some("F")));
        assert!(recipe.input.contains("MaxSCFIterations     1         # was 300: H of the first"), "{}", recipe.input);
    }

    #[test]
    fn traps_are_named() {
        let mentions = |text: &str, word: &str| recipe(text, None).0.warnings.iter().any(|w| w.contains(word));
        assert!(mentions(USER, "DM.InitSpin") && !mentions(USER, "ForceAuxCell") && !mentions(USER, "atoms move"));
        let block = format!("{USER}%block DM.InitSpin\n%endblock\n");
        assert!(!mentions(&block, "DM.InitSpin"));
        assert!(mentions("MD.Steps 10\n", "atoms move") && mentions("MD.Steps 10\n", "ForceAuxCell"));
        let unknown = step_zero(Path::new("x.fdf"), Some("3")).unwrap_err().to_string();
        assert!(unknown.ends_with("no recipe for SIESTA 3: there are 5, 4.1"), "{unknown}");
    }
}
