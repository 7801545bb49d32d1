//! Which runs of a training set can be learned from, and what is wrong with the others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use super::member::Member;
use crate::parsers::convergence::{self, Convergence};
use crate::parsers::settings::{self, OfRun, same_value};
use crate::parsers::{Calculation, ErrorKind, ReadOptions, SpinOperator, complete, read};

/// Why a run is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A file is missing or cannot be read.
    Broken,
    /// Files contradict each other: H⁽⁰⁾ of another structure, of other settings, …
    Inconsistent,
    /// H, H⁽⁰⁾ or S is not there, or H is a prediction.
    Incomplete,
    /// A block without Hermitian partner, or one that differs from it; numbers that are none.
    Matrix,
    /// The self-consistent loop did not converge.
    Unconverged,
    /// The same structure as an earlier run.
    Duplicate,
    /// Another basis or other settings than most runs.
    Settings,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Problem {
    /// Which sort.
    pub kind: Kind,
    /// In words.
    pub message: String,
}

/// A run, examined.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// As the user named it.
    pub path: PathBuf,
    /// What is kept of it, if it could be read.
    pub member: Option<Member>,
    /// What its log says.
    pub convergence: Convergence,
    /// Why it is refused; empty for a sound run.
    pub problems: Vec<Problem>,
    settings: OfRun,
}

/// Reads and examines all runs, and compares them with each other.
pub fn check(paths: &[PathBuf], options: &ReadOptions) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = paths.par_iter().map(|path| examine(path, options)).collect();
    refuse_duplicates(&mut verdicts);
    refuse_outliers(&mut verdicts, code, bases);
    refuse_outliers(&mut verdicts, code_and_species, settings_of_inputs);
    verdicts
}

/// Reads the runs and takes them down as members of a set, without judging them.
///
/// # Errors
/// As [`read()`].
pub fn members(paths: &[PathBuf], options: &ReadOptions) -> crate::parsers::Result<Vec<Member>> {
    paths.par_iter().map(|path| Ok(Member::new(path, &read(path, options)?))).collect()
}

fn examine(path: &Path, options: &ReadOptions) -> Verdict {
    let mut verdict = Verdict {
        path: path.to_owned(),
        member: None,
        convergence: Convergence::Unknown,
        problems: Vec::new(),
        settings: OfRun::default(),
    };
    match read(path, options) {
        Ok(run) => {
            verdict.problems = problems_of_matrices(&run);
            verdict.member = Some(Member::new(path, &run));
        }
        Err(error) => verdict.refuse(kind_of(error.kind()), without_path(&error.to_string(), path)),
    }
    if verdict.member.is_some() {
        verdict.read_texts(options);
    }
    verdict
}

fn kind_of(kind: &ErrorKind) -> Kind {
    match kind {
        ErrorKind::Inconsistent(_) => Kind::Inconsistent,
        _ => Kind::Broken,
    }
}

/// A message that begins with the path of the run, which is printed anyway.
fn without_path(message: &str, path: &Path) -> String {
    let path = path.display().to_string();
    message.strip_prefix(&path).map_or(message, |rest| rest.trim_start_matches([':', '/', ' '])).to_owned()
}

impl Verdict {
    /// Can it be learned from?
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    /// Refuses a run of which nothing tells whether it converged.
    pub fn require_log(&mut self) {
        if self.member.is_some() && self.convergence == Convergence::Unknown {
            self.refuse(Kind::Unconverged, "no log tells whether it converged");
        }
    }

    fn refuse(&mut self, kind: Kind, message: impl Into<String>) {
        self.problems.push(Problem { kind, message: message.into() });
    }

    /// Logs and inputs.
    fn read_texts(&mut self, options: &ReadOptions) {
        match convergence::of(&self.path, options) {
            Ok(convergence) => self.convergence = convergence,
            Err(error) => self.refuse(Kind::Broken, error.to_string()),
        }
        if let Convergence::NotConverged(why) = &self.convergence {
            self.refuse(Kind::Unconverged, why.clone());
        }
        match settings::of(&self.path, options) {
            Ok(settings) => self.settings = settings,
            Err(error) => self.refuse(Kind::Broken, error.to_string()),
        }
        let contradiction = self.settings.contradiction();
        if let Some(message) = contradiction.map(|(key, h0, h)| format!("H0 was made with {key} {h0}, H with {h}")) {
            self.refuse(Kind::Inconsistent, message);
        }
    }
}

fn problems_of_matrices(run: &Calculation) -> Vec<Problem> {
    let overlap = run.overlap.clone().map(SpinOperator::Unpolarized);
    let operators = [("H0", &run.hamiltonian0), ("H", &run.hamiltonian), ("S", &overlap)];
    let mut problems = Vec::new();
    for (name, operator) in operators {
        match operator.as_ref().map(|operator| complete::check(name, operator, &run.basis)) {
            None => problems.push(Problem { kind: Kind::Incomplete, message: format!("there is no {name}") }),
            Some(Err(error)) => problems.push(Problem { kind: Kind::Matrix, message: error.to_string() }),
            Some(Ok(())) => {}
        }
    }
    if run.origin.is_predicted {
        problems.push(Problem { kind: Kind::Incomplete, message: "its H is a prediction, not converged".into() });
    }
    problems
}

fn refuse_duplicates(verdicts: &mut [Verdict]) {
    for later in 1..verdicts.len() {
        let (before, rest) = verdicts.split_at_mut(later);
        let Some(member) = &rest[0].member else { continue };
        let same = |other: &&Verdict| {
            let other = other.member.as_ref();
            other.is_some_and(|other| other.code == member.code && other.fingerprint.is_same(&member.fingerprint))
        };
        if let Some(first) = before.iter().find(same) {
            let message = format!("the same structure as {}", first.path.display());
            rest[0].refuse(Kind::Duplicate, message);
        }
    }
}

/// Shells and cutoff radii by species, which must be the same in all runs of a code.
fn bases(verdict: &Verdict) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for species in verdict.member.iter().flat_map(|member| &member.species) {
        all.insert(format!("shells of {}", species.label), species.shells_text());
        if let Some(cutoff) = species.cutoff {
            all.insert(format!("cutoff radius of {} in bohr", species.label), format!("{cutoff:.4}"));
        }
    }
    all
}

/// Settings of the inputs, which must be the same in all runs of a code with the same species.
fn settings_of_inputs(verdict: &Verdict) -> BTreeMap<String, String> {
    verdict.settings.main().iter().cloned().collect()
}

fn code(member: &Member) -> Vec<&str> {
    vec![member.code]
}

fn code_and_species(member: &Member) -> Vec<&str> {
    let mut labels: Vec<&str> = member.shape.composition.keys().map(String::as_str).collect();
    labels.push(member.code);
    labels
}

/// What most runs of a group have counts as right.
fn refuse_outliers(
    verdicts: &mut [Verdict],
    group: impl Fn(&Member) -> Vec<&str>,
    made_with: impl Fn(&Verdict) -> BTreeMap<String, String>,
) {
    let mut groups: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
    for (k, member) in verdicts.iter().enumerate().filter_map(|(k, verdict)| Some((k, verdict.member.as_ref()?))) {
        groups.entry(group(member).into_iter().map(str::to_owned).collect()).or_default().push(k);
    }
    for runs in groups.into_values() {
        let made: Vec<BTreeMap<String, String>> = runs.iter().map(|&k| made_with(&verdicts[k])).collect();
        let keys: BTreeSet<&String> = made.iter().flat_map(BTreeMap::keys).collect();
        for key in keys {
            let values: Vec<Option<&String>> = made.iter().map(|settings| settings.get(key)).collect();
            for (place, message) in outliers(key, &values) {
                verdicts[runs[place]].refuse(Kind::Settings, message);
            }
        }
    }
}

/// Runs with another value of a key than most.
fn outliers(key: &str, values: &[Option<&String>]) -> Vec<(usize, String)> {
    let count = |value: &str| values.iter().flatten().filter(|other| same_value(other, value)).count();
    let stated = values.iter().flatten();
    let Some((most, usual)) = stated.rev().map(|value| (count(value), value.as_str())).max_by_key(|(n, _)| *n) else {
        return Vec::new();
    };
    let n = values.iter().flatten().count();
    let differs = |(place, value): (usize, &Option<&String>)| {
        let value = value.filter(|value| !same_value(value, usual))?;
        Some((place, format!("{key} is {value}, but {usual} in {most} of {n} runs")))
    };
    values.iter().enumerate().filter_map(differs).collect()
}

/// What should be looked at although no run is refused for it: one sentence each.
pub fn warnings(verdicts: &[Verdict]) -> Vec<String> {
    let members: Vec<&Member> = verdicts.iter().filter_map(|verdict| verdict.member.as_ref()).collect();
    let unknown = verdicts.iter().filter(|v| v.member.is_some() && v.convergence == Convergence::Unknown).count();
    let mut warnings = Vec::new();
    if unknown > 0 {
        warnings.push(format!("{unknown} of {} runs have no log that tells whether they converged", members.len()));
    }
    let made_by: BTreeSet<String> = members.iter().map(|m| format!("{} {}", m.code, version(m))).collect();
    if made_by.len() > 1 {
        let names: Vec<String> = made_by.into_iter().collect();
        warnings.push(format!("made by several codes or versions: {}", names.join(", ")));
    }
    warnings.extend(mesh_warning(&members));
    warnings
}

fn version(member: &Member) -> &str {
    member.version.as_deref().unwrap_or("(version not known)")
}

/// Largest distance of neighbouring k points, 1/bohr without 2π, may differ so much before it is told.
const MESH_RATIO: f64 = 1.5;

/// Along lattice vectors longer than the reach one k point is enough, and says nothing.
fn mesh_warning(members: &[&Member]) -> Option<String> {
    let spacing = |member: &&Member| {
        let (grid, reciprocal) = (member.k_grid?, member.structure.reciprocal()?);
        let of_axis = |a: usize| reciprocal.row(a).norm() / f64::from(grid.divisions[a]);
        Some((0..3).filter(|&a| grid.divisions[a] > 1).map(of_axis).fold(0.0, f64::max))
            .filter(|spacing| *spacing > 0.0)
    };
    let spacings: Vec<f64> = members.iter().filter_map(spacing).collect();
    let (least, most) = (spacings.iter().copied().reduce(f64::min)?, spacings.iter().copied().reduce(f64::max)?);
    (most > MESH_RATIO * least)
        .then(|| format!("k meshes differ: their points are {least:.4} to {most:.4} / bohr apart (without 2 pi)"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::synthetic;
    use crate::parsers::{Operator, Pairs};

    #[test]
    fn a_block_without_partner_is_a_problem() {
        let mut run = synthetic::run(synthetic::structure(1));
        assert!(problems_of_matrices(&run).is_empty());
        let Some(SpinOperator::Unpolarized(h)) = &run.hamiltonian else { panic!("no spin") };
        let all = h.pairs().as_slice();
        let kept = Arc::new(Pairs::new(all[..all.len() - 1].to_vec(), &run.basis).unwrap());
        let values = h.values()[..kept.n_values()].to_vec();
        run.hamiltonian = Some(SpinOperator::Unpolarized(Operator::new(kept, values).unwrap()));
        let [problem] = &problems_of_matrices(&run)[..] else { panic!("one problem") };
        assert!(problem.kind == Kind::Matrix && problem.message.contains("but not its partner"), "{problem:?}");
    }

    #[test]
    fn the_majority_is_right() {
        let values: Vec<String> = ["60", "80", "60.0", "60"].map(str::to_owned).to_vec();
        let stated: Vec<Option<&String>> = values.iter().map(Some).chain([None]).collect();
        assert_eq!(outliers("ecutwfc", &stated), [(1, "ecutwfc is 80, but 60 in 3 of 4 runs".to_owned())]);
        assert!(outliers("ecutwfc", &stated[2..]).is_empty());
    }
}
