//! Did the self-consistent loop of a run converge? What its own log says, else the `info.json` of a training set.

use std::path::Path;

use serde_json::Value;

use crate::code::Code;
use crate::error::{Context, Error, Result};
use crate::folder::existing;
use crate::input;
use crate::read::ReadOptions;
use crate::{abacus, openmx, siesta};

/// What is known of the loop that made the converged H.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Convergence {
    /// The code says so.
    Converged,
    /// The code says that it did not, or was stopped before: in words.
    NotConverged(String),
    /// Neither a log nor an `info.json` tells.
    Unknown,
}

/// Convergence of the run at `path`; that of its H⁽⁰⁾ does not matter.
///
/// # Errors
/// `Io`, and those of the logs.
pub fn of(path: &Path, options: &ReadOptions) -> Result<Convergence> {
    let told = match Code::of(path, options)? {
        Code::Abacus => abacus::convergence::of(path, options),
        Code::OpenMx => openmx::convergence::of(path, options),
        Code::Siesta => siesta::convergence::of(path, options),
    }?;
    if told == Convergence::Unknown { of_info(path) } else { Ok(told) }
}

/// `"converged": true` in the run's `info.json`.
fn of_info(path: &Path) -> Result<Convergence> {
    let Some(file) = existing(path, "info.json") else { return Ok(Convergence::Unknown) };
    let info: Value = serde_json::from_slice(&input::open(&file)?)
        .map_err(|e| Error::syntax("JSON", format!("`{e}`")))
        .in_file(&file)?;
    Ok(match info.get("converged").and_then(Value::as_bool) {
        Some(true) => Convergence::Converged,
        Some(false) => Convergence::NotConverged("info.json says that it did not converge".into()),
        None => Convergence::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_set_may_tell() {
        let folder = tempfile::tempdir().unwrap();
        let told = |text: &str| {
            std::fs::write(folder.path().join("info.json"), text).unwrap();
            of(folder.path(), &ReadOptions::default())
        };
        assert_eq!(told("{\"converged\": true}").unwrap(), Convergence::Converged);
        assert!(matches!(told("{\"converged\": false}").unwrap(), Convergence::NotConverged(_)));
        assert_eq!(told("{}").unwrap(), Convergence::Unknown);
        assert!(told("{").unwrap_err().to_string().contains("info.json: expected JSON"));
    }
}
