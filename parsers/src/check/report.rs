//! All properties of a run, as `hzero check` and `ham-convert check` print them.

use serde_json::{Value, json};

use super::{Property, check, positive};
use crate::calculation::Calculation;
use crate::error::{Error, Result};

/// All properties of a run.
#[derive(Debug, Clone)]
pub struct Report {
    properties: Vec<Property>,
}

impl Report {
    /// Measures everything.
    ///
    /// # Errors
    /// `Unsupported` where the run has no matrix; `Inconsistent` where S(k) has no eigenvalues.
    pub fn of(run: &Calculation) -> Result<Report> {
        let mut properties = check(run);
        if let Some(s) = &run.overlap {
            properties.push(positive::smallest_eigenvalue(s, &run.basis)?);
        }
        if properties.is_empty() {
            return Err(Error::unsupported("no matrix to check"));
        }
        Ok(Report { properties })
    }

    /// Do all of them hold?
    pub fn holds(&self) -> bool {
        self.properties.iter().all(Property::holds)
    }

    /// One line each.
    pub fn lines(&self) -> String {
        self.properties.iter().map(line).collect()
    }

    /// `schema_version`, `properties` (each with `holds`), `holds`.
    pub fn json(&self) -> Value {
        let properties: Vec<Value> = self.properties.iter().map(entry).collect();
        json!({ "schema_version": 1, "properties": properties, "holds": self.holds() })
    }
}

fn line(property: &Property) -> String {
    let verdict = if property.holds() { "ok    " } else { "FAILED" };
    let (value, bound) = (format!("{:.2e}", property.value), format!("({})", property.bound));
    format!("{verdict}  {value:>9}  {bound:<14}  {}\n", property.name)
}

fn entry(property: &Property) -> Value {
    let Property { name, value, bound } = property;
    json!({ "name": name, "value": value, "bound": bound, "holds": property.holds() })
}
