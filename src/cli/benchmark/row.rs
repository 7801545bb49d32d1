//! Rows of the tables: a variant on a group of tests, with all of its seeds.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::case::H0;
use super::record::{Record, Training};

/// A variant on a group of tests.
pub struct Row<'a> {
    /// One for every seed.
    pub records: Vec<&'a Record>,
    /// Name of the group.
    pub group: &'a str,
    /// Mean |H⁽⁰⁾ − H| of every run of the group.
    h0: BTreeMap<&'a str, f64>,
}

/// The rows of a set on a group of tests, in the order of the plan; `records` are those of all sets.
pub fn rows<'a>(records: &'a [Record], set: &str, group: &'a str) -> Vec<Row<'a>> {
    let of_set = || records.iter().filter(|record| record.set == set);
    let of_h0 = of_set().filter(|record| record.variant == H0).flat_map(|record| record.group(group));
    let h0: BTreeMap<&str, f64> = of_h0.filter_map(|run| Some((name(run)?, run.get("mae_h_mev")?.as_f64()?))).collect();
    let mut rows: Vec<Row> = Vec::new();
    for record in of_set() {
        match rows.iter_mut().find(|row| row.name() == record.variant) {
            Some(row) => row.records.push(record),
            None => rows.push(Row { records: vec![record], group, h0: h0.clone() }),
        }
    }
    rows
}

fn name(run: &Map<String, Value>) -> Option<&str> {
    run.get("run")?.as_str()
}

impl Row<'_> {
    /// Name of the variant.
    pub fn name(&self) -> &str {
        self.records.first().map_or("", |record| &record.variant)
    }

    /// Why it failed, if it did.
    pub fn error(&self) -> Option<&str> {
        self.records.iter().find_map(|record| record.error.as_deref())
    }

    /// A number of all runs of all seeds.
    pub fn numbers(&self, field: &str) -> Vec<f64> {
        self.records.iter().flat_map(|record| record.numbers(self.group, field)).collect()
    }

    /// Aligned error of H over that of H⁽⁰⁾, percent, of all runs of all seeds.
    pub fn ratios(&self) -> Vec<f64> {
        let ratio =
            |run: &Map<String, Value>| Some(100.0 * run.get("mae_h_aligned_mev")?.as_f64()? / self.h0.get(name(run)?)?);
        self.records.iter().flat_map(|record| record.group(self.group)).filter_map(ratio).collect()
    }

    /// A number of the training of every seed.
    pub fn training(&self, value: impl Fn(&Training) -> Option<f64>) -> Vec<f64> {
        self.records.iter().filter_map(|record| value(record.training.as_ref()?)).collect()
    }
}

/// Mean; `None` of nothing.
pub fn mean(numbers: &[f64]) -> Option<f64> {
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}

/// The number of the largest size, with its sign.
pub fn worst(numbers: &[f64]) -> Option<f64> {
    numbers.iter().copied().reduce(|a, b| if b.abs() > a.abs() { b } else { a })
}
