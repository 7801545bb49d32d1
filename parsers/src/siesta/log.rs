//! SIESTA's standard output (`RUN.out`): what its lines say, in the words of 4.1 and of 5.

use super::constants::{Constants, FROM_5, UP_TO_4};
use crate::error::{Error, Result};

/// Facts of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// `4.1.5`, `5.2.0`, or what the build calls itself.
    pub version: String,
    /// Its constants.
    pub constants: Constants,
    /// Valence electrons in the cell.
    pub n_electrons: Option<f64>,
    /// Number of spin components: 1, 2, 4 or 8.
    pub nspin: Option<usize>,
    /// Electronic temperature, K.
    pub temperature: Option<f64>,
    /// Fermi level of the last step, eV.
    pub fermi_level: Option<f64>,
    /// Did the last self-consistent loop converge? `None` where there was none.
    pub converged: Option<bool>,
    /// Number of self-consistent loops that ended: steps of a relaxation or MD.
    pub n_loops: usize,
}

impl Log {
    /// Reads the lines that hzero knows and passes over all others.
    ///
    /// # Errors
    /// `Syntax` where the file is no output of SIESTA.
    pub fn parse(file: &[u8]) -> Result<Log> {
        let text = String::from_utf8_lossy(file);
        let (version, constants) = text.lines().find_map(version).ok_or_else(|| {
            Error::syntax("an output of SIESTA (a line `Siesta Version :` or `Version :`)", "a file without it")
        })?;
        let mut log = Log {
            version,
            constants,
            n_electrons: None,
            nspin: None,
            temperature: None,
            fermi_level: None,
            converged: None,
            n_loops: 0,
        };
        text.lines().for_each(|line| log.line(line.trim()));
        Ok(log)
    }

    /// The last word counts.
    fn line(&mut self, line: &str) {
        let after = |title: &str| line.strip_prefix(title).map(|rest| rest.trim_start_matches([' ', '=', ':']));
        if let Some(number) = after("Total number of electrons:") {
            self.n_electrons = first(number);
        } else if let Some(number) = after("redata: Number of spin components") {
            self.nspin = first(number);
        } else if let Some(number) = after("redata: Electronic Temperature") {
            self.temperature = first(number);
        } else if let Some(number) = after("siesta:         Fermi") {
            self.fermi_level = first(number);
        } else if line.starts_with("SCF cycle converged") {
            (self.converged, self.n_loops) = (Some(true), self.n_loops + 1);
        } else if line.starts_with("SCF_NOT_CONV") || line.starts_with("SCF cycle not converged") {
            (self.converged, self.n_loops) = (Some(false), self.n_loops + 1);
        }
    }
}

/// `Siesta Version  : 4.1.5` up to 4, `Version         : 5.0.1` from 5 on.
fn version(line: &str) -> Option<(String, Constants)> {
    let (title, version) = line.split_once(':')?;
    let constants = match title.trim() {
        "Siesta Version" => UP_TO_4,
        "Version" => FROM_5,
        _ => return None,
    };
    Some((version.trim().to_owned(), constants))
}

fn first<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions() {
        let old = "Siesta Version  : v4.1.5\nredata: Number of spin components                   = 2\n\
            redata: Electronic Temperature                      =   299.9978 K\nTotal number of electrons:     8.000000\n\
            SCF cycle converged after 31 iterations\nsiesta:         Fermi =      -5.614124\n";
        let log = Log::parse(old.as_bytes()).unwrap();
        assert_eq!((log.version.as_str(), log.constants), ("v4.1.5", UP_TO_4));
        assert_eq!((log.n_electrons, log.nspin, log.temperature), (Some(8.0), Some(2), Some(299.9978)));
        assert_eq!((log.fermi_level, log.converged, log.n_loops), (Some(-5.614124), Some(true), 1));
        let new = Log::parse(b"Executable      : siesta\nVersion         : 5.2.0\n").unwrap();
        assert_eq!((new.version.as_str(), new.constants, new.converged), ("5.2.0", FROM_5, None));
        assert!(Log::parse(b"Version: 5\nof this\n").is_ok() && Log::parse(b"ABACUS v3.8\n").is_err());
    }
}
