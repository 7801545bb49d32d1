//! Inputs of the runs by which OpenMX goes on.

use crate::openmx::predicted::template;
use crate::openmx::recipe::{ELSEWHERE, Key, RESTART, STEP_ZERO, changed, without, zero_u};
use crate::openmx::{Dat, Layout};

/// An ordinary restart.
const SCF: [Key; 1] = [("scf.restart", "on", "go on from the density of H")];
/// What is left of a step-zero input that was made by hand.
const NO_STEP_ZERO: [Key; 2] = [
    ("scf.maxIter", "100", "the step-zero run had one iteration"),
    ("orbitalOpt.Force.Skip", "off", "the step-zero run had no forces"),
];
/// A restart that stops after one diagonalisation.
const ENERGIES: [Key; 5] = [
    ("scf.restart", "on", "go on from the density of H"),
    ("scf.maxIter", "1", "one diagonalisation"),
    ("orbitalOpt.Force.Skip", "off", "forces"),
    ("MD.Type", "nomd", "one geometry"),
    ("MD.maxIter", "1", "one geometry"),
];

/// The user's own input: that of the converged run, else (and where atoms moved in that, which started elsewhere) that of the
/// step-zero run, without what recipes did to them.
pub(super) fn own(layout: &Layout) -> Dat {
    let converged = layout.hamiltonian.as_ref().map(|scfout| scfout.input());
    let converged = converged.filter(|dat| !dat.is_step_zero() && !dat.moves_atoms());
    let own = converged.or_else(|| template(layout).map(|scfout| scfout.input())).unwrap_or_default();
    without(&undone(&own), &ELSEWHERE)
}

/// An SCF from the restart folder.
pub(super) fn scf(own: &Dat) -> String {
    changed(own, &SCF)
}

/// Energy and forces from the restart folder.
pub(super) fn energies(own: &Dat) -> String {
    changed(own, &ENERGIES)
}

/// What must stand in the input of the run that takes H.
pub(super) fn one_shot_lines(dat: &Dat) -> Vec<String> {
    let mut lines: Vec<String> = RESTART.iter().map(|(key, value, _)| format!("{key} {value}")).collect();
    if !dat.uses_imaginary_part() {
        lines.push("scf.Hubbard.U on".to_owned());
        lines.extend(zero_u(dat).lines().map(str::to_owned));
    }
    lines
}

/// Takes back what the recipe of the step-zero run changed and added, which its comments tell; and of an input that was made
/// by hand what would stop the SCF.
fn undone(dat: &Dat) -> Dat {
    let was_given_h = dat.lines().iter().any(|line| line.starts_with("scf.Hubbard.U") && line.contains("  # added: "));
    let dat = if was_given_h { without(dat, &["scf.Hubbard.U", "Hubbard.U.values"]) } else { dat.clone() };
    let lines: Vec<String> = dat.lines().iter().filter_map(|line| undone_line(line)).collect();
    let own = Dat::parse(lines.join("\n").as_bytes());
    let is_stated = |(key, value, _): &&Key| match *key {
        "scf.maxIter" => own.get(key) == Some("1"),
        _ => own.get(key).is_some_and(|stated| !stated.eq_ignore_ascii_case(value)),
    };
    let keys: Vec<Key> = NO_STEP_ZERO.iter().filter(is_stated).copied().collect();
    Dat::parse(changed(&own, &keys).as_bytes())
}

/// `None` for a line that the recipe added.
fn undone_line(line: &str) -> Option<String> {
    let is_ours = |reason: &str| STEP_ZERO.iter().chain(&RESTART).any(|(_, _, own)| *own == reason);
    let Some((setting, comment)) = line.split_once("  # ") else { return Some(line.to_owned()) };
    if comment.strip_prefix("added: ").is_some_and(is_ours) {
        return None;
    }
    let was = comment.strip_prefix("was ").and_then(|was| was.rsplit_once(": ")).filter(|(_, reason)| is_ours(reason));
    let key = setting.split_whitespace().next().unwrap_or_default();
    Some(was.map_or_else(|| line.to_owned(), |(value, _)| format!("{key:<25} {value}")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::openmx::Scfout;

    #[test]
    fn the_recipe_is_taken_back() {
        let user = "System.Name fe\nscf.maxiter 60\nscf.Mixing.Type rmm-diisk\nMD.Type opt  # mine\n";
        let recipe = changed(&Dat::parse(user.as_bytes()), &STEP_ZERO);
        let own = undone(&Dat::parse(recipe.as_bytes()));
        assert_eq!(
            (own.get("scf.maxIter"), own.get("MD.Type"), own.get("scf.restart")),
            (Some("60"), Some("opt"), None)
        );
        assert_eq!((own.get("orbitalOpt.Force.Skip"), own.lines().len()), (None, 4));
        let second = Dat::parse(scf(&own).as_bytes());
        assert!(second.is_on("scf.restart") && second.get("scf.Mixing.Type") == Some("rmm-diisk"));
        let energies = Dat::parse(energies(&own).as_bytes());
        assert_eq!((energies.get("scf.maxIter"), energies.get("MD.Type")), (Some("1"), Some("nomd")));
    }

    /// The input of a relaxation holds the positions that it started from.
    #[test]
    fn a_relaxation_is_not_started_again() {
        let scfout = |text: &str| {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/openmx/h2o/scf/h2o.scfout");
            let mut scfout = Scfout::read(&path).unwrap();
            scfout.tail.input_text = text.lines().map(|line| format!("{line}\n").into_bytes()).collect();
            Some(Arc::new(scfout))
        };
        let converged = |more: &str| scfout(&format!("System.Name converged\nscf.maxIter 40\n{more}"));
        let layout =
            |hamiltonian| Layout { hamiltonian, hamiltonian0: scfout("System.Name h0\nscf.maxIter 1\n"), grid: None };
        assert_eq!(own(&layout(converged(""))).system_name(), Some("converged"));
        assert_eq!(own(&layout(converged("MD.Type opt\nMD.maxIter 9\n"))).system_name(), Some("h0"));
    }

    #[test]
    fn an_input_by_hand_does_not_stop_the_scf() {
        let own = undone(&Dat::parse(b"scf.maxIter 1\norbitalOpt.Force.Skip on\n"));
        assert_eq!((own.get("scf.maxIter"), own.get("orbitalOpt.Force.Skip")), (Some("100"), Some("off")));
    }
}
