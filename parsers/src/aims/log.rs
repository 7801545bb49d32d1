//! `aims.out`: Fermi level, electrons, version.

use memchr::memmem;

use super::EV_PER_HARTREE;

/// What the log says, where it says it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Log {
    /// As printed, e.g. `240920.1`.
    pub version: Option<String>,
    /// Electrons of the cell, those of the cores included.
    pub n_electrons: Option<f64>,
    /// Fermi level of the converged run, hartree.
    pub fermi_level: Option<f64>,
}

impl Log {
    /// Reads the file; what it does not say is `None`.
    pub fn parse(file: &[u8]) -> Log {
        let is_converged = memmem::find(file, b"Self-consistency cycle converged").is_some();
        let version = memmem::find(file, b"FHI-aims version").and_then(|start| value(&file[start..]));
        // Every iteration prints one: the last counts.
        let fermi_level = memmem::rfind(file, b"| Chemical potential (Fermi level)");
        let ev = fermi_level.filter(|_| is_converged).and_then(|start| value(&file[start..])?.parse::<f64>().ok());
        Log {
            version: version.map(str::to_owned),
            n_electrons: n_electrons(file),
            fermi_level: ev.filter(|ev| ev.is_finite()).map(|ev| ev / EV_PER_HARTREE),
        }
    }
}

/// `The structure contains        2 atoms,  and a total of         28.000 electrons.`
fn n_electrons(file: &[u8]) -> Option<f64> {
    const BEFORE: &[u8] = b"and a total of";
    let start = memmem::find(file, BEFORE)?;
    first_line(&file[start + BEFORE.len()..])?.split_whitespace().next()?.parse().ok()
}

/// First word after the colon of the line.
fn value(line: &[u8]) -> Option<&str> {
    first_line(line)?.split_once(':')?.1.split_whitespace().next()
}

fn first_line(text: &[u8]) -> Option<&str> {
    let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
    std::str::from_utf8(&text[..end]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "          FHI-aims version      : 240920.1\n  The structure contains        2 atoms,  and a total of         \
        28.000 electrons.\n  | Chemical potential (Fermi level):    -3.62136837 eV\n  | Chemical potential (Fermi level):    \
        -5.44227690 eV\n  Self-consistency cycle converged.\n";

    #[test]
    fn the_last_fermi_level_counts() {
        let log = Log::parse(TEXT.as_bytes());
        assert_eq!((log.version.as_deref(), log.n_electrons), (Some("240920.1"), Some(28.0)));
        assert_eq!(log.fermi_level, Some(-5.4422769 / EV_PER_HARTREE));
        let older = TEXT.replace("level):    -5.44227690 eV", "level) in eV      :  -.53575976E+01");
        assert_eq!(Log::parse(older.as_bytes()).fermi_level, Some(-5.3575976 / EV_PER_HARTREE));
    }

    #[test]
    fn a_run_that_did_not_converge_has_none() {
        let text = TEXT.replace("converged", "not converged yet");
        assert_eq!(Log::parse(text.as_bytes()).fermi_level, None);
        assert_eq!(Log::parse(b"something else"), Log::default());
        assert_eq!(Log::parse(b"FHI-aims version"), Log::default());
    }
}
