//! The cases of a plan: set × variant × seed, with the runs and the whole configuration of each.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use toml::Table;

use super::plan::{Budget, Plan, Point, Set, Stage, Variant, merge};
use crate::model::network::TrainConfig;
use crate::model::network::config::DataConfig;
use crate::model::network::data::{Folders, expand};

/// Row of H⁽⁰⁾ itself.
pub const H0: &str = "H0";
/// Row of the linear stage that every set has.
pub const LINEAR: &str = "linear stage";
/// The model of a case, in its folder.
pub const MODEL: &str = "model.safetensors";
/// Steps between evaluations that follow from the budget.
pub const UNDECIDED: usize = 0;

/// What is done in a case.
#[derive(Debug, Clone)]
pub enum Work {
    /// Nothing: H⁽⁰⁾ is what there is without a prediction.
    H0,
    /// The linear stage is fitted, with so many Gaussians.
    Linear(usize),
    /// A network is trained.
    Network(Box<TrainConfig>),
}

/// One row of the tables, or one of several seeds of a row.
#[derive(Debug, Clone)]
pub struct Case {
    /// Name of the set.
    pub set: String,
    /// Name of the variant, [`H0`] or [`LINEAR`].
    pub variant: String,
    /// Of a network.
    pub seed: Option<u64>,
    /// Its folder below that of all results.
    pub folder: PathBuf,
    /// What is done.
    pub work: Work,
    /// How long it trains.
    pub budget: Budget,
    /// Runs to learn from.
    pub train: Vec<PathBuf>,
    /// Runs that choose the weights.
    pub validate: Vec<PathBuf>,
    /// Runs to test on, by groups.
    pub tests: Vec<(String, Vec<PathBuf>)>,
    /// Where it lies on a curve.
    pub point: Option<Point>,
    /// `SET/VARIANT`, whose model training starts from.
    pub start: Option<String>,
    /// Its place in the plan, and so among the rows.
    pub place: usize,
}

impl Case {
    /// `SET/VARIANT`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.set, self.variant)
    }

    /// Is it one of those that a person asked for, by set, variant or both?
    fn is_named(&self, only: &[String]) -> bool {
        only.is_empty() || only.iter().any(|name| *name == self.set || *name == self.variant || *name == self.name())
    }

    /// Folder of the model that training starts from, below that of all results.
    pub fn start_folder(&self) -> Option<PathBuf> {
        let (set, variant) = self.start.as_ref()?.split_once('/')?;
        Some(folder(set, variant, self.seed, self.budget.seeds().len()))
    }
}

/// All cases of a plan; a case comes after the one that it starts from.
pub fn cases(plan: &Plan) -> anyhow::Result<Vec<Case>> {
    let mut cases = Vec::new();
    for set in &plan.sets {
        let of_set = set_cases(plan, set).with_context(|| format!("set {}", set.name))?;
        cases.extend(of_set);
    }
    cases.iter_mut().enumerate().for_each(|(place, case)| case.place = place);
    ordered(cases)
}

/// Which cases a person asked for, with those that they start from, and the rows of their sets that stand in every table.
pub fn wanted(cases: &[Case], only: &[String]) -> Vec<bool> {
    let mut wanted: Vec<bool> = cases.iter().map(|case| case.is_named(only)).collect();
    // A case comes after the one that it starts from.
    for k in (0..cases.len()).rev().filter(|&k| cases[k].start.is_some()) {
        let start = cases[k].start_folder();
        if let Some(first) = cases.iter().position(|case| Some(&case.folder) == start.as_ref()).filter(|_| wanted[k]) {
            wanted[first] = true;
        }
    }
    let of_every_table = |case: &Case| [H0, LINEAR].contains(&case.variant.as_str());
    let is_shown = |set: &str| cases.iter().zip(&wanted).any(|(case, wanted)| *wanted && case.set == set);
    cases.iter().zip(&wanted).map(|(case, &wanted)| wanted || of_every_table(case) && is_shown(&case.set)).collect()
}

fn set_cases(plan: &Plan, set: &Set) -> anyhow::Result<Vec<Case>> {
    let runs = Runs::find(set)?;
    let mut cases = vec![runs.case(set, H0, Work::H0), runs.case(set, LINEAR, Work::Linear(gaussians(plan, set)?))];
    let wanted = |variant: &&Variant| variant.sets.as_ref().is_none_or(|sets| sets.contains(&set.name));
    for variant in plan.variants.iter().filter(wanted) {
        let of_variant = || -> anyhow::Result<Vec<Case>> {
            let config = configuration(plan, set, variant)?;
            let train = spread(&runs.train, variant.runs)?;
            let seeds = if variant.stage == Stage::Network { variant.budget.seeds() } else { vec![0] };
            Ok(seeds.iter().map(|&seed| variant_case(&runs, set, variant, &train, &config, seed)).collect())
        };
        cases.extend(of_variant().with_context(|| format!("variant {}", variant.name))?);
    }
    Ok(cases)
}

fn variant_case(runs: &Runs, set: &Set, variant: &Variant, train: &[PathBuf], config: &TrainConfig, seed: u64) -> Case {
    let work = match variant.stage {
        Stage::Network => Work::Network(Box::new(config.clone())),
        Stage::Linear => Work::Linear(config.linear.gaussians),
    };
    let is_curve_of_runs = |point: &Point| point.field == "runs";
    let mut case = Case {
        budget: variant.budget.clone(),
        train: train.to_vec(),
        point: variant.point.clone(),
        start: variant.start.clone(),
        ..runs.case(set, &variant.name, work)
    };
    if let Some(point) = case.point.as_mut().filter(|point| is_curve_of_runs(point)) {
        point.x = train.len() as f64;
    }
    if variant.stage == Stage::Network {
        case.seed = Some(seed);
        case.folder = folder(&set.name, &variant.name, case.seed, variant.budget.seeds().len());
    }
    let start = case.start_folder().map(|folder| Path::new("../..").join(folder).join(MODEL));
    if let Work::Network(config) = &mut case.work {
        config.training.seed = seed;
        config.data = data(train, &runs.validate);
        config.training.start = start;
    }
    case
}

/// `SET/VARIANT`, and the seed where there are several.
fn folder(set: &str, variant: &str, seed: Option<u64>, n_seeds: usize) -> PathBuf {
    let suffix = seed.filter(|_| n_seeds > 1).map_or(String::new(), |seed| format!("-seed{seed}"));
    Path::new(set).join(format!("{variant}{suffix}"))
}

/// Lists of folders as the configuration of a case has them: no patterns, so that nothing else is found later.
fn data(train: &[PathBuf], validate: &[PathBuf]) -> DataConfig {
    let listed = |paths: &[PathBuf]| paths.iter().map(|path| glob::Pattern::escape(&path.to_string_lossy())).collect();
    DataConfig { train: listed(train), validate: listed(validate), exclude: Vec::new(), validation_fraction: 0.0 }
}

/// Fields of preset, plan, set and variant: the later ones win.
fn configuration(plan: &Plan, set: &Set, variant: &Variant) -> anyhow::Result<TrainConfig> {
    let mut table = set_fields(plan, set);
    merge(&mut table, &variant.config);
    let mut config = parsed(&table)?;
    config.check()?;
    if table.get("output").and_then(|output| output.get("evaluate_every")).is_none() {
        config.output.evaluate_every = UNDECIDED;
    }
    Ok(config)
}

fn gaussians(plan: &Plan, set: &Set) -> anyhow::Result<usize> {
    Ok(parsed(&set_fields(plan, set))?.linear.gaussians)
}

/// Fields that all variants have on a set.
fn set_fields(plan: &Plan, set: &Set) -> Table {
    let mut table = plan.common.clone();
    merge(&mut table, &set.config);
    table
}

fn parsed(table: &Table) -> anyhow::Result<TrainConfig> {
    Ok(TrainConfig::parse(&toml::to_string(table)?)?)
}

/// The runs of a set.
struct Runs {
    train: Vec<PathBuf>,
    validate: Vec<PathBuf>,
    tests: Vec<(String, Vec<PathBuf>)>,
}

impl Runs {
    fn find(set: &Set) -> anyhow::Result<Self> {
        let Set { train, validate, exclude, .. } = set.clone();
        let patterns = DataConfig { train, validate, exclude, ..DataConfig::default() };
        let found = Folders::find(&patterns, &set.root, 0)?;
        let tests = set.tests().into_iter().map(|(name, patterns)| {
            let runs = expand(patterns, &set.root).with_context(|| format!("test group {name}"))?;
            ensure!(!runs.is_empty(), "test group {name} is empty");
            Ok((name.to_owned(), absolute(&runs)?))
        });
        let tests = tests.collect::<anyhow::Result<Vec<_>>>()?;
        let runs = Runs { train: absolute(&found.train)?, validate: absolute(&found.validate)?, tests };
        runs.check()?;
        Ok(runs)
    }

    /// No run is tested that a model has seen, under whatever name.
    fn check(&self) -> anyhow::Result<()> {
        let places = |paths: &[PathBuf]| paths.iter().filter_map(|path| path.canonicalize().ok()).collect();
        let (train, validate): (BTreeSet<PathBuf>, BTreeSet<PathBuf>) = (places(&self.train), places(&self.validate));
        for (name, runs) in &self.tests {
            for run in runs {
                let place = run.canonicalize().with_context(|| run.display().to_string())?;
                let is_seen = |kind: &str| format!("test group {name} has {}, which is also {kind}", run.display());
                ensure!(!train.contains(&place), "{}: exclude it", is_seen("trained on"));
                ensure!(!validate.contains(&place), "{}", is_seen("among the runs that choose the weights (validate)"));
            }
        }
        Ok(())
    }

    /// A case without seed, on all runs.
    fn case(&self, set: &Set, variant: &str, work: Work) -> Case {
        Case {
            set: set.name.clone(),
            variant: variant.to_owned(),
            seed: None,
            folder: folder(&set.name, variant, None, 1),
            work,
            budget: Budget::default(),
            train: self.train.clone(),
            validate: self.validate.clone(),
            tests: self.tests.clone(),
            point: None,
            start: None,
            place: 0,
        }
    }
}

fn absolute(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    Ok(paths.iter().map(std::path::absolute).collect::<std::io::Result<_>>()?)
}

/// `n` of the runs, evenly over the list, so that every kind of cell is among them; 0: all.
fn spread(runs: &[PathBuf], n: usize) -> anyhow::Result<Vec<PathBuf>> {
    ensure!(n <= runs.len(), "runs = {n}, but the set has {} to train on", runs.len());
    let n = if n == 0 { runs.len() } else { n };
    Ok((0..n).map(|k| runs[(2 * k + 1) * runs.len() / (2 * n)].clone()).collect())
}

/// Each case after the one that it starts from.
fn ordered(mut waiting: Vec<Case>) -> anyhow::Result<Vec<Case>> {
    let mut order: Vec<Case> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let known: BTreeSet<PathBuf> = order.iter().map(|case| case.folder.clone()).collect();
        let is_ready = |case: &Case| case.start_folder().is_none_or(|folder| known.contains(&folder));
        let (ready, rest): (Vec<Case>, Vec<Case>) = waiting.into_iter().partition(is_ready);
        if let (true, Some(case)) = (ready.is_empty(), rest.first()) {
            let start = case.start.as_deref().unwrap_or_default();
            bail!("{} starts from {start}, which no case with the same seeds makes before it", case.name());
        }
        order.extend(ready);
        waiting = rest;
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(n: usize) -> Vec<PathBuf> {
        (0..n).map(|k| PathBuf::from(k.to_string())).collect()
    }

    #[test]
    fn runs_are_spread_over_the_list() {
        let chosen = |n: usize, of: usize| -> Vec<String> {
            spread(&numbered(of), n).unwrap().iter().map(|path| path.display().to_string()).collect()
        };
        assert_eq!(chosen(2, 8), ["2", "6"]);
        assert_eq!(chosen(4, 4), ["0", "1", "2", "3"]);
        assert_eq!(chosen(0, 3), ["0", "1", "2"]);
        assert!(spread(&numbered(3), 4).is_err());
    }

    fn case(variant: &str, start: Option<&str>) -> Case {
        let runs = Runs { train: numbered(1), validate: Vec::new(), tests: Vec::new() };
        let set = toml::from_str("name = \"s\"\ntrain = []\n[tests]\na = []\n").unwrap();
        Case { start: start.map(str::to_owned), ..runs.case(&set, variant, Work::H0) }
    }

    #[test]
    fn a_case_follows_the_one_that_it_starts_from() {
        let order = ordered(vec![case("c", Some("s/b")), case("b", Some("s/a")), case("a", None)]).unwrap();
        assert_eq!(order.iter().map(|case| case.variant.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(wanted(&order, &["b".to_owned()]), [true, true, false]);
        assert_eq!(wanted(&order, &["s/c".to_owned()]), [true; 3]);
        assert_eq!(wanted(&order, &[]), [true; 3]);
        let error = ordered(vec![case("b", Some("s/x"))]).unwrap_err().to_string();
        assert!(error.starts_with("s/b starts from s/x"), "{error}");
    }

    #[test]
    fn the_plans_of_this_repository_are_sound() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/benchmark");
        let plans = ["presets", "nextham", "tracegrad", "harmose", "slem"];
        for path in plans.map(|name| folder.join(name).with_extension("toml")) {
            let plan = Plan::read(&path).unwrap();
            for (set, variant) in
                plan.sets.iter().flat_map(|set| plan.variants.iter().map(move |variant| (set, variant)))
            {
                let config = configuration(&plan, set, variant);
                assert!(config.is_ok(), "{}: {}: {config:?}", path.display(), variant.name);
            }
            let start = |variant: &Variant| variant.start.as_ref()?.split_once('/').map(|(_, name)| name.to_owned());
            let names: Vec<&String> = plan.variants.iter().map(|variant| &variant.name).collect();
            assert!(plan.variants.iter().filter_map(start).all(|name| names.contains(&&name)));
        }
    }
}
