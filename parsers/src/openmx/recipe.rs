//! Inputs made from the user's own: that of the step-zero run, and that of the run that takes a given H.
//!
//! In one iteration from superposed atomic densities OpenMX diagonalises, and writes, H⁽⁰⁾ (`DFT.c`), whatever the mixing.

use std::path::{Path, PathBuf};

use super::dat::Dat;
use super::files;
use super::pao::Pao;
use super::scfout::Scfout;
use crate::code::Code;
use crate::error::{Context, Error, Result};
use crate::folder::plain_name;
use crate::input;
use crate::recipe::{Recipe, release};

/// In the head of `.out`, which holds the input, too.
const OF_OUT: &[u8] = b"This calculation was performed by OpenMX";

/// The recipe is the same for all of them.
const RELEASES: [(&str, ()); 3] = [("3.9", ()), ("3.8", ()), ("3.7", ())];

/// A key, its value, and why.
pub(super) type Key = (&'static str, &'static str, &'static str);

/// Keys of every step-zero run.
pub(super) const STEP_ZERO: [Key; 6] = [
    ("scf.maxIter", "1", "H of the first iteration is H0"),
    ("HS.fileout", "on", "write H and S"),
    ("scf.restart", "off", "a restart would not begin from atoms"),
    ("orbitalOpt.Force.Skip", "on", "forces take time and change nothing"),
    ("MD.Type", "nomd", "one geometry"),
    ("MD.maxIter", "1", "one geometry"),
];

/// Keys of the run that takes H from its restart folder.
pub(super) const RESTART: [Key; 5] = [
    ("scf.restart", "on", "take H from the restart folder"),
    ("scf.maxIter", "1", "one diagonalisation"),
    ("scf.Mixing.Type", "simple", "keeps the density of H for a run that goes on; rmm-diisk and kerker lose it"),
    ("MD.Type", "nomd", "one geometry"),
    ("MD.maxIter", "1", "one geometry"),
];

/// Keys by which a run looks for its restart folder elsewhere than beside its input.
pub(super) const ELSEWHERE: [&str; 2] = ["scf.restart.filename", "System.CurrrentDirectory"];

/// Reads the user's input (or that at the end of a `.scfout`), and changes it into that of the step-zero run.
///
/// # Errors
/// As [`crate::recipe::step_zero`].
pub fn step_zero(path: &Path, version: Option<&str>) -> Result<Recipe> {
    release(Code::OpenMx, &RELEASES, version)?;
    let path = input_file(path)?;
    let dat = input_text(&path)?;
    if dat.system_name().is_none() {
        return Err(Error::unsupported("is no input of OpenMX: it has no System.Name").in_file(path));
    }
    Ok(Recipe { input: changed(&dat, &STEP_ZERO), warnings: warnings(&dat) })
}

pub(super) fn input_text(path: &Path) -> Result<Dat> {
    if files::is_own(&plain_name(path)) {
        return Ok(Scfout::read(path)?.input());
    }
    let file = input::open(path)?;
    if memchr::memmem::find(&file, OF_OUT).is_some() {
        return Err(Error::unsupported("is an output of OpenMX, not its input").in_file(path));
    }
    Ok(Dat::parse(&file))
}

/// The file itself, or the only `.dat` of a folder.
pub(super) fn input_file(path: &Path) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let entries = std::fs::read_dir(path).map_err(Error::from).in_file(path)?.flatten().map(|entry| entry.path());
    let mut inputs: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "dat")).collect();
    match (inputs.pop(), inputs.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => Err(Error::inconsistent("several .dat files; name one").in_file(path)),
        (None, _) => Err(Error::unsupported("no .dat file here; name the input").in_file(path)),
    }
}

/// The input that makes `openmx` diagonalise the H of its restart folder, once. H that was read is rebuilt from the density
/// and so lost, unless spin–orbit coupling, Hubbard U, a constraint or a Zeeman term is on (`DFT.c`): where none is, this
/// turns U on with U = 0. Total energy and forces of that run are those of the atomic density, not of H.
pub fn restart(dat: &Dat) -> String {
    let dat = without(dat, &ELSEWHERE);
    if dat.uses_imaginary_part() {
        return changed(&dat, &RESTART);
    }
    let mut text = changed(&without(&with_polarisation_off(&dat), &["scf.Hubbard.U", "Hubbard.U.values"]), &RESTART);
    text += "scf.Hubbard.U on  # added: with U = 0, so that H is kept as it was read\n";
    text + &zero_u(&dat)
}

/// The input without these keys and blocks: of a key that is there twice OpenMX reads the first.
pub(super) fn without(dat: &Dat, keys: &[&str]) -> Dat {
    let blocks = keys.iter().filter_map(|key| dat.block(key).ok().flatten()).flatten();
    let inside: Vec<u32> = blocks.map(|(number, _)| number).collect();
    let stays = |number: u32, line: &str| {
        let key = line.split_whitespace().next().unwrap_or_default().trim_matches(['<', '>']);
        !inside.contains(&number) && !keys.iter().any(|k| k.eq_ignore_ascii_case(key))
    };
    let lines = (1..).zip(dat.lines()).filter(|(number, line)| stays(*number, line)).map(|(_, line)| line.as_str());
    Dat::parse(lines.collect::<Vec<_>>().join("\n").as_bytes())
}

/// With Hubbard U every line of an atom must end with a flag, after position and populations (and, for SpinP 3, four angles
/// and a constraint): `Input_std.c`.
fn with_polarisation_off(dat: &Dat) -> Dat {
    let n_words = if dat.is_any("scf.SpinPolarization", &["nc"]) { 12 } else { 7 };
    let atoms = dat.block("Atoms.SpeciesAndCoordinates").ok().flatten().unwrap_or_default();
    let mut lines = dat.lines().to_vec();
    for (number, line) in atoms {
        let is_number = |(place, word): &(usize, &str)| *place < 2 || word.parse::<f64>().is_ok();
        let words = line.split_whitespace().enumerate().take_while(is_number).map(|(_, word)| word);
        let words = words.chain(std::iter::repeat("0")).take(n_words);
        lines[number as usize - 1] = format!("  {}  off", words.collect::<Vec<_>>().join(" "));
    }
    Dat::parse(lines.join("\n").as_bytes())
}

/// `<Hubbard.U.values` with zeros for every shell; nothing where the species cannot be read.
pub(super) fn zero_u(dat: &Dat) -> String {
    let values = |pao: &Pao| {
        let shells = pao.shells(false).into_iter();
        shells.map(|shell| format!(" {}{} 0.0", shell.zeta, crate::basis::l_letter(shell.l))).collect::<String>()
    };
    let lines = dat.species().unwrap_or_default();
    let lines: String = lines.iter().map(|line| format!("  {}{}\n", line.label, values(&line.pao))).collect();
    format!("<Hubbard.U.values\n{lines}Hubbard.U.values>\n")
}

/// The input with other values of `keys`, which carry a comment; absent ones are added.
pub(super) fn changed(dat: &Dat, keys: &[Key]) -> String {
    let line = |line: &String| {
        let mut words = line.split_whitespace();
        let (key, value) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        match keys.iter().find(|(k, ..)| k.eq_ignore_ascii_case(key)) {
            Some((_, wanted, _)) if wanted.eq_ignore_ascii_case(value) => line.clone(),
            Some((_, wanted, reason)) => format!("{key:<25} {wanted}  # was {value}: {reason}"),
            None => line.clone(),
        }
    };
    let added = keys.iter().filter(|(key, ..)| dat.get(key).is_none());
    let added = added.map(|(key, value, reason)| format!("{key:<25} {value}  # added: {reason}"));
    dat.lines().iter().map(line).chain(added).map(|line| line + "\n").collect()
}

fn warnings(dat: &Dat) -> Vec<String> {
    let mut warnings = vec![
        "scf.energycutoff and the atoms' up and down numbers must be those of your converged run: H0 depends on both"
            .to_owned(),
        "run it in a folder of its own: its files have the names of your converged run's".to_owned(),
    ];
    if !dat.is_on("HS.fileout") {
        warnings.push("your run has no HS.fileout on, without which it writes no .scfout to compare with".to_owned());
    }
    if dat.moves_atoms() {
        warnings
            .push("atoms move in your run: give the step-zero run the positions of the step that you want".to_owned());
    }
    if dat.optimises_orbitals() {
        warnings
            .push("orbitalOpt.Method contracts orbitals during the run: use the contracted ones as a basis".to_owned());
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "# iron\nSystem.Name fe\nscf.maxiter 100\nscf.energycutoff 200\nscf.Kgrid 3 3 3\n\
        <Definition.of.Atomic.Species\nFe Fe5.5H-s3p1 Fe_PBE19H\nDefinition.of.Atomic.Species>\nMD.Type opt\n\
        <Atoms.SpeciesAndCoordinates\n 1 Fe 0 0 0 9.5 6.5\nAtoms.SpeciesAndCoordinates>\n";

    #[test]
    fn only_what_must_changes() {
        let recipe = changed(&Dat::parse(USER.as_bytes()), &STEP_ZERO);
        let dat = Dat::parse(recipe.as_bytes());
        for (key, value, _) in STEP_ZERO {
            assert_eq!(dat.get(key), Some(value), "{key}");
        }
        assert!(dat.is_step_zero());
        assert!(recipe.starts_with("# iron\nSystem.Name fe\nscf.maxiter               1  # was 100: H of the first"));
        assert!(recipe.contains("\nscf.energycutoff 200\nscf.Kgrid 3 3 3\n"));
    }

    #[test]
    fn traps_are_named() {
        let warnings = warnings(&Dat::parse(USER.as_bytes())).join("\n");
        for trap in ["HS.fileout", "atoms move", "a folder of its own"] {
            assert!(warnings.contains(trap), "{trap}: {warnings}");
        }
    }

    #[test]
    fn without_spin_orbit_u_keeps_h() {
        let text = restart(&Dat::parse(USER.as_bytes()));
        assert!(text.contains("<Hubbard.U.values\n  Fe 1s 0.0 2s 0.0 3s 0.0 1p 0.0\nHubbard.U.values>\n"), "{text}");
        assert!(text.contains("\n  1 Fe 0 0 0 9.5 6.5  off\n"), "{text}");
        assert!(Dat::parse(text.as_bytes()).is_on("scf.restart"));
        let mixing = restart(&Dat::parse(format!("{USER}scf.Mixing.Type rmm-diisk\n").as_bytes()));
        assert_eq!(Dat::parse(mixing.as_bytes()).get("scf.Mixing.Type"), Some("simple"), "{mixing}");
        let tilted = restart(&Dat::parse(format!("{USER}scf.SpinPolarization nc\n").as_bytes()));
        assert!(tilted.contains("\n  1 Fe 0 0 0 9.5 6.5 0 0 0 0 0  off\n"), "{tilted}");
        let flagged = USER.replace("9.5 6.5", "9.5 6.5 on") + "scf.SpinPolarization nc\n";
        assert!(restart(&Dat::parse(flagged.as_bytes())).contains("\n  1 Fe 0 0 0 9.5 6.5 0 0 0 0 0  off\n"));
        let soc = restart(&Dat::parse(format!("{USER}scf.SpinOrbit.Coupling on\n").as_bytes()));
        assert!(!soc.contains("Hubbard"), "{soc}");
    }

    /// Else OpenMX would take the user's U, which is off, and H0; or look for restart files in another folder.
    #[test]
    fn what_the_user_said_of_u_and_of_restarts_goes() {
        let user = "scf.hubbard.u off\nscf.restart.filename other\nSystem.CurrrentDirectory /scratch/\n\
            <Hubbard.U.values\n Fe 1s 0.0 1d 4.0\nHubbard.U.values>\n";
        let text = restart(&Dat::parse(format!("{user}{USER}").as_bytes()));
        assert!(Dat::parse(text.as_bytes()).is_on("scf.Hubbard.U"), "{text}");
        for gone in ["1d 4.0", "scf.restart.filename", "/scratch/"] {
            assert!(!text.contains(gone), "{gone} is in {text}");
        }
        assert_eq!(text.matches("<Hubbard.U.values").count(), 1);
    }
}
