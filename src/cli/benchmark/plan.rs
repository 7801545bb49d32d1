//! The plan of a benchmark: data sets, variants of a configuration, and how long each may train.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::{Spanned, Table, Value};

use super::case::{H0, LINEAR};
use crate::model::network::TrainConfig;

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// How long every case trains, unless its variant says otherwise.
    #[serde(default)]
    pub budget: Budget,
    /// Fields of the training configuration of all cases.
    #[serde(default)]
    pub common: Table,
    /// Another file, relative to this one, whose `[[sets]]` come first.
    #[serde(default)]
    include: Option<PathBuf>,
    /// Data.
    #[serde(default)]
    pub sets: Vec<Set>,
    /// What is compared.
    pub variants: Vec<Variant>,
}

/// How long a case trains.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// Steps; with `seconds`, the most.
    pub steps: Option<usize>,
    /// Seconds of training: CPU seconds, or seconds on the clock on a GPU. A trial tells how many steps fit.
    pub seconds: Option<f64>,
    /// Steps of that trial (default 40).
    pub trial_steps: Option<usize>,
    /// A case for each (default `[0]`).
    pub seeds: Option<Vec<u64>>,
}

impl Budget {
    /// What this one does not say, `general` does. Steps and seconds replace each other.
    fn over(&self, general: &Budget) -> Budget {
        let limits = if self.steps.is_some() || self.seconds.is_some() { self } else { general };
        Budget {
            steps: limits.steps,
            seconds: limits.seconds,
            trial_steps: self.trial_steps.or(general.trial_steps),
            seeds: self.seeds.clone().or_else(|| general.seeds.clone()),
        }
    }

    /// The seeds.
    pub fn seeds(&self) -> Vec<u64> {
        self.seeds.clone().unwrap_or_else(|| vec![0])
    }
}

/// Runs to train on and to test on: patterns relative to the plan, as in a training configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// Name of its folder and tables.
    pub name: String,
    /// Runs to learn from.
    pub train: Vec<String>,
    /// Runs that choose the weights.
    #[serde(default)]
    pub validate: Vec<String>,
    /// Runs that the patterns match but nothing may use.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Runs to test on, by groups.
    tests: BTreeMap<String, Spanned<Vec<String>>>,
    /// Fields of the training configuration on this set.
    #[serde(default)]
    pub config: Table,
    /// The folder that patterns are relative to: that of the set's file.
    #[serde(skip)]
    pub root: PathBuf,
}

/// A file of sets for several plans.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sets {
    sets: Vec<Set>,
}

impl Set {
    /// The groups of tests in the order of the file.
    pub fn tests(&self) -> Vec<(&str, &[String])> {
        let mut groups: Vec<_> = self.tests.iter().collect();
        groups.sort_by_key(|(_, patterns)| patterns.span().start);
        groups.into_iter().map(|(name, patterns)| (name.as_str(), patterns.get_ref().as_slice())).collect()
    }
}

/// One configuration of many, on all sets or some.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// Name of its folders and rows.
    pub name: String,
    /// Only on these sets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sets: Option<Vec<String>>,
    /// Trains on so many runs of the set, spread evenly over the sorted list; 0 (default): on all.
    #[serde(default)]
    pub runs: usize,
    /// `"network"` (default) or `"linear"`.
    #[serde(default)]
    pub stage: Stage,
    /// `SET/VARIANT`, whose model training starts from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// How long it trains.
    #[serde(default)]
    pub budget: Budget,
    /// One variant for each value of a field: a curve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    each: Option<Each>,
    /// Fields of the training configuration.
    #[serde(flatten)]
    pub config: Table,
    /// The curve that it is a point of.
    #[serde(skip)]
    pub point: Option<Point>,
}

/// What is trained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// A network, by `hzero train`.
    #[default]
    Network,
    /// The linear stage alone, by `hzero fit`.
    Linear,
}

/// A field of a variant, by dots (`model.l_max`, `runs`), and its values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Each {
    field: String,
    values: Vec<Value>,
}

/// A variant as a point of a curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// Name of the curve.
    pub curve: String,
    /// The field that varies along it.
    pub field: String,
    /// Its value here.
    pub x: f64,
}

impl Plan {
    /// Reads a plan: variants of [`Each`] value are variants of their own afterwards, each with its whole budget.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let named = || path.display().to_string();
        let (text, root) = (fs::read_to_string(path).with_context(named)?, path.parent().unwrap_or(Path::new(".")));
        Plan::parse(&text, root).with_context(named)
    }

    fn parse(text: &str, root: &Path) -> anyhow::Result<Self> {
        let mut plan: Plan = parsed(text)?;
        plan.sets.iter_mut().for_each(|set| set.root = root.to_owned());
        if let Some(file) = &plan.include {
            plan.sets.splice(0..0, included(&root.join(file))?);
        }
        plan.variants = plan.variants.iter().map(Variant::expanded).collect::<anyhow::Result<Vec<_>>>()?.concat();
        plan.variants.iter_mut().for_each(|variant| variant.budget = variant.budget.over(&plan.budget));
        plan.check()?;
        Ok(plan)
    }

    fn check(&self) -> anyhow::Result<()> {
        check_names("sets", self.sets.iter().map(|set| set.name.as_str()))?;
        let rows = [H0, LINEAR].into_iter().chain(self.variants.iter().map(|variant| variant.name.as_str()));
        check_names("variants", rows)?;
        ensure!(!self.variants.is_empty(), "variants: there are none");
        check_fields(&self.common).context("[common]")?;
        for set in &self.sets {
            check_fields(&set.config).with_context(|| format!("sets, {}", set.name))?;
            ensure!(!set.tests.is_empty(), "sets, {}: no runs to test on ([sets.tests])", set.name);
            check_names("tests", set.tests().into_iter().map(|(name, _)| name))?;
        }
        self.variants
            .iter()
            .try_for_each(|variant| self.check_variant(variant).with_context(|| format!("variants, {}", variant.name)))
    }

    fn check_variant(&self, variant: &Variant) -> anyhow::Result<()> {
        check_fields(&variant.config)?;
        let unknown = |name: &&String| self.sets.iter().all(|set| set.name != **name);
        if let Some(name) = variant.sets.iter().flatten().find(unknown) {
            bail!("there is no set {name}");
        }
        let budget = &variant.budget;
        let trains = variant.stage == Stage::Network;
        ensure!(!trains || budget.steps.is_some() || budget.seconds.is_some(), "budget has neither steps nor seconds");
        ensure!(budget.seconds.is_none_or(|seconds| seconds > 0.0), "budget.seconds is not positive");
        ensure!(!budget.seeds().is_empty(), "budget.seeds is empty");
        ensure!(trains || variant.start.is_none(), "the linear stage starts from no model");
        Ok(())
    }
}

/// Sets of another file, relative to its folder.
fn included(path: &Path) -> anyhow::Result<Vec<Set>> {
    let named = || path.display().to_string();
    let text = fs::read_to_string(path).with_context(named)?;
    let Sets { mut sets } = parsed(&text).with_context(named)?;
    sets.iter_mut().for_each(|set| set.root = path.parent().unwrap_or(Path::new(".")).to_owned());
    Ok(sets)
}

/// The library's messages end with a line's end.
fn parsed<T: DeserializeOwned>(text: &str) -> anyhow::Result<T> {
    toml::from_str(text).map_err(|error| anyhow::anyhow!("{}", error.to_string().trim_end()))
}

impl Variant {
    /// One variant for each value.
    fn expanded(&self) -> anyhow::Result<Vec<Variant>> {
        let Some(Each { field, values }) = &self.each else { return Ok(vec![self.clone()]) };
        let one = |value: &Value| self.with(field, value).with_context(|| format!("variants, {}: each", self.name));
        values.iter().map(one).collect()
    }

    fn with(&self, field: &str, value: &Value) -> anyhow::Result<Variant> {
        let mut table = Table::try_from(Variant { each: None, ..self.clone() })?;
        set(&mut table, field, value.clone())?;
        let mut variant: Variant = table.try_into().map_err(|error| anyhow::anyhow!("{error}"))?;
        let label = match value {
            Value::String(text) => text.clone(),
            Value::Integer(0) if field == "runs" => "all".to_owned(),
            value => value.to_string(),
        };
        variant.name = format!("{}-{label}", self.name);
        let x = value.as_float().or_else(|| value.as_integer().map(|x| x as f64));
        variant.point = x.map(|x| Point { curve: self.name.clone(), field: field.to_owned(), x });
        Ok(variant)
    }
}

/// Sets a field that is named by dots.
fn set(table: &mut Table, field: &str, value: Value) -> anyhow::Result<()> {
    match field.split_once('.') {
        None => {
            table.insert(field.to_owned(), value);
            Ok(())
        }
        Some((section, field)) => {
            let fields = table.entry(section).or_insert_with(|| Value::Table(Table::new())).as_table_mut();
            set(fields.with_context(|| format!("{section} has no field {field}"))?, field, value)
        }
    }
}

/// Puts the fields of `over` into `table`, section by section.
pub fn merge(table: &mut Table, over: &Table) {
    for (key, value) in over {
        match (table.get_mut(key), value) {
            (Some(Value::Table(section)), Value::Table(fields)) => merge(section, fields),
            (_, value) => {
                table.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Names of folders, and cells of a table.
fn check_names<'a>(section: &str, names: impl Iterator<Item = &'a str>) -> anyhow::Result<()> {
    let mut known = BTreeSet::new();
    for name in names {
        let is_plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '|', '\n']);
        ensure!(is_plain, "{section}: `{name}` can be no name of a folder and a row");
        ensure!(known.insert(name), "{section}: {name} is there twice");
    }
    ensure!(!known.is_empty(), "{section}: there are none");
    Ok(())
}

/// Fields that a training configuration has, and that the plan does not decide itself.
fn check_fields(table: &Table) -> anyhow::Result<()> {
    table.clone().try_into::<TrainConfig>().map_err(|error| anyhow::anyhow!("{}", error.to_string().trim()))?;
    let given = |section: &str, field: &str| table.get(section).and_then(|section| section.get(field)).is_some();
    let decided = [
        (table.contains_key("data"), "data: runs are given by [[sets]]"),
        (given("training", "steps"), "training.steps: give budget.steps"),
        (given("training", "seed"), "training.seed: give budget.seeds"),
        (given("training", "start"), "training.start: give start = \"SET/VARIANT\""),
        (given("output", "model"), "output.model is decided by the benchmark"),
        (given("target", "quantity"), "target.quantity: Hamiltonians are compared"),
    ];
    match decided.iter().find(|(given, _)| *given) {
        Some((_, message)) => bail!("{message}"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETS: &str = "[[sets]]\nname = \"a\"\ntrain = [\"r/*\"]\n[sets.tests]\nz = [\"t\"]\nb = [\"u\"]\n";

    fn parse(text: &str) -> anyhow::Result<Plan> {
        Plan::parse(text, Path::new(""))
    }

    fn message(text: &str) -> String {
        format!("{:#}", parse(text).unwrap_err())
    }

    #[test]
    fn groups_keep_the_order_of_the_file() {
        let plan = parse(&format!("[budget]\nsteps = 3\n{SETS}[[variants]]\nname = \"v\"\n")).unwrap();
        assert_eq!(plan.sets[0].tests().iter().map(|group| group.0).collect::<Vec<_>>(), ["z", "b"]);
        assert_eq!((plan.variants[0].budget.steps, plan.variants[0].budget.seeds()), (Some(3), vec![0]));
    }

    #[test]
    fn a_variant_for_each_value() {
        let variant = "[[variants]]\nname = \"l\"\nmodel.channels = 4\nbudget.seconds = 9.0\n\
                       each = { field = \"model.l_max\", values = [2, 3] }\n[[variants]]\nname = \"n\"\n\
                       each = { field = \"runs\", values = [4, 0] }\n";
        let plan = parse(&format!("[budget]\nsteps = 3\n{SETS}{variant}")).unwrap();
        let names: Vec<&str> = plan.variants.iter().map(|variant| variant.name.as_str()).collect();
        assert_eq!(names, ["l-2", "l-3", "n-4", "n-all"]);
        let l = &plan.variants[1];
        assert_eq!(
            (l.config["model"]["l_max"].as_integer(), l.config["model"]["channels"].as_integer()),
            (Some(3), Some(4))
        );
        assert_eq!(l.point, Some(Point { curve: "l".into(), field: "model.l_max".into(), x: 3.0 }));
        assert_eq!((l.budget.steps, l.budget.seconds), (None, Some(9.0)));
        assert_eq!((plan.variants[2].runs, plan.variants[2].budget.steps), (4, Some(3)));
    }

    #[test]
    fn mistakes_are_named() {
        let variant = |text: &str| message(&format!("[budget]\nsteps = 3\n{SETS}[[variants]]\nname = \"v\"\n{text}"));
        assert!(variant("model.layer = 2\n").starts_with("variants, v: unknown field `layer`"));
        assert!(variant("modle = 2\n").contains("unknown field `modle`"));
        assert!(variant("training.seed = 2\n").contains("budget.seeds"));
        assert!(variant("sets = [\"b\"]\n").contains("there is no set b"));
        assert!(variant("each = { field = \"model.layer\", values = [2] }\n").contains("unknown field `layer`"));
        assert!(variant("[[variants]]\nname = \"v\"\n").contains("v is there twice"));
        assert!(message(&format!("{SETS}[[variants]]\nname = \"v\"\n")).contains("neither steps nor seconds"));
        let unknown = message(&format!("{SETS}shuffle = true\n[[variants]]\nname = \"v\"\n"));
        assert!(unknown.contains("line"), "{unknown}");
        assert!(message(&format!("[budjet]\nsteps = 3\n{SETS}[[variants]]\nname = \"v\"\n")).contains("budjet"));
        assert!(
            message(&format!("{}[[variants]]\nname = \"v\"\n", SETS.replace("name = \"a\"", "name = \"a/b\"")))
                .contains("a/b")
        );
    }

    #[test]
    fn sets_of_another_file_come_first() {
        let folder = tempfile::tempdir().unwrap();
        let plan = folder.path().join("plan.toml");
        fs::write(folder.path().join("sets.toml"), SETS).unwrap();
        let own = SETS.replace("\"a\"", "\"b\"");
        let text = format!("include = \"sets.toml\"\n[budget]\nsteps = 3\n{own}[[variants]]\nname = \"v\"\n");
        fs::write(&plan, text).unwrap();
        let sets = Plan::read(&plan).unwrap().sets;
        assert_eq!(sets.iter().map(|set| set.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert!(sets.iter().all(|set| set.root == folder.path()));
        fs::write(folder.path().join("sets.toml"), "[[set]]\n").unwrap();
        let error = format!("{:#}", Plan::read(&plan).unwrap_err());
        assert!(error.contains("sets.toml") && error.contains("unknown field `set`"), "{error}");
    }
}
