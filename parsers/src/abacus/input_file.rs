//! INPUT: keys and values, with the lines kept so that a changed file still looks like the user's own.

use crate::calculation::Smearing;
use crate::error::{Error, Location, Result};
use crate::input::text::quoted;
use crate::units::RYDBERG_IN_HARTREE;

/// The file, line by line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InputFile {
    lines: Vec<InputLine>,
}

/// One line: as written, and its key and value if it has some.
#[derive(Debug, Clone, PartialEq)]
pub struct InputLine {
    /// As written, without line end.
    pub text: String,
    /// Key and value (the first word after the key, or all of them where a key takes several).
    pub entry: Option<(String, String)>,
}

/// Where ABACUS' own smearing width applies: key absent.
const DEFAULT_SIGMA_RY: f64 = 0.015;

/// `smearing_sigma_temp`: ½ k_B T in Ry (`read_input_item_elec_stru.cpp`).
const SIGMA_RY_PER_KELVIN: f64 = 3.166815e-6;

impl InputFile {
    /// Reads the file.
    ///
    /// # Errors
    /// `Syntax` where the first line that says something is not `INPUT_PARAMETERS`.
    pub fn parse(file: &[u8]) -> Result<InputFile> {
        let text = String::from_utf8_lossy(file);
        let lines: Vec<InputLine> = text.lines().map(input_line).collect();
        let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !is_comment(line));
        match first {
            Some(line) if line.starts_with("INPUT_PARAMETERS") => Ok(InputFile { lines }),
            Some(line) => {
                let error = Error::syntax("INPUT_PARAMETERS", quoted(line.as_bytes()));
                Err(error.at(Location::of(line, &text)))
            }
            None => Err(Error::syntax("INPUT_PARAMETERS", "the end of the file")),
        }
    }

    /// All lines.
    pub fn lines(&self) -> &[InputLine] {
        &self.lines
    }

    /// Value of a key; the last one counts, as in ABACUS.
    pub fn get(&self, key: &str) -> Option<&str> {
        let entries = self.lines.iter().filter_map(|line| line.entry.as_ref());
        entries.rev().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    /// Value of a key as a number.
    pub fn number(&self, key: &str) -> Option<f64> {
        self.get(key)?.split_whitespace().next()?.parse().ok()
    }

    /// Is a switch on? `1`, `true`, `T` and the like.
    pub fn is_on(&self, key: &str) -> bool {
        let value = self.get(key).unwrap_or_default().to_ascii_lowercase();
        matches!(value.split_whitespace().next(), Some("1" | "t" | "true" | ".true." | "y" | "yes"))
    }

    /// `nspin`, 1 where absent; `noncolin` or `lspinorb` mean 4.
    pub fn nspin(&self) -> usize {
        let stated = self.number("nspin").map_or(1, |n| n as usize);
        if self.is_on("noncolin") || self.is_on("lspinorb") { 4 } else { stated }
    }

    /// `calculation`, `scf` where absent.
    pub fn calculation(&self) -> &str {
        self.get("calculation").unwrap_or("scf")
    }

    /// `suffix`: outputs lie in `OUT.<suffix>`.
    pub fn suffix(&self) -> &str {
        self.get("suffix").unwrap_or("ABACUS")
    }

    /// Is this the step-zero run: one iteration from superposed atomic densities, or none (`get_hs` of NextHAM's branch)?
    pub fn is_step_zero(&self) -> bool {
        let from_atoms = matches!(self.get("init_chg"), None | Some("atomic")) && self.get("init_wfc") != Some("file");
        let is_one_step = self.calculation() == "scf" && self.number("scf_nmax") == Some(1.0);
        from_atoms && (is_one_step || self.calculation() == "get_hs")
    }

    /// `smearing_method` and `smearing_sigma` (Ry in the file, hartree here). `None` for methods that hzero does not know.
    pub fn smearing(&self) -> Option<Smearing> {
        let of_temperature = self.number("smearing_sigma_temp").map(|kelvin| kelvin * SIGMA_RY_PER_KELVIN);
        let sigma = of_temperature.or(self.number("smearing_sigma")).unwrap_or(DEFAULT_SIGMA_RY) * RYDBERG_IN_HARTREE;
        let methfessel_paxton = |order| Smearing::MethfesselPaxton { width: sigma, order };
        match self.get("smearing_method").unwrap_or("gauss") {
            "fixed" => Some(Smearing::Fixed),
            "gauss" | "gaussian" => Some(Smearing::Gaussian(sigma)),
            "fd" | "fermi-dirac" => Some(Smearing::FermiDirac(sigma)),
            "mp" | "methfessel-paxton" => Some(methfessel_paxton(1)),
            "mp2" => Some(methfessel_paxton(2)),
            "mp3" => Some(methfessel_paxton(3)),
            "mv" | "cold" | "marzari-vanderbilt" => Some(Smearing::Cold(sigma)),
            _ => None,
        }
    }

    /// `nupdown`, whose mere presence gives nspin 2 two Fermi levels (`read_input_item_elec_stru.cpp`).
    pub fn fixed_moment(&self) -> Option<f64> {
        self.number("nupdown").filter(|_| self.nspin() == 2)
    }
}

fn is_comment(line: &str) -> bool {
    line.starts_with(['#', '/', '!'])
}

fn input_line(text: &str) -> InputLine {
    let line = text.trim();
    let entry = (!line.is_empty() && !is_comment(line) && !line.starts_with("INPUT_PARAMETERS"))
        .then(|| key_and_value(line))
        .flatten();
    InputLine { text: text.trim_end().to_owned(), entry }
}

fn key_and_value(line: &str) -> Option<(String, String)> {
    let stated = line.split(['#', '!']).next()?.split("//").next()?;
    let mut words = stated.split_whitespace();
    let key = words.next()?.to_ascii_lowercase();
    Some((key, words.collect::<Vec<_>>().join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_comments_and_defaults() {
        let text = b"# mine\nINPUT_PARAMETERS\nNSPIN 2 # two\nout_chg 1 14\n/ nspin 4\nsmearing_method fd\n";
        let input = InputFile::parse(text).unwrap();
        assert_eq!(input.nspin(), 2);
        assert_eq!(input.get("out_chg"), Some("1 14"));
        assert_eq!(input.suffix(), "ABACUS");
        assert_eq!(input.smearing(), Some(Smearing::FermiDirac(0.0075)));
        assert_eq!(input.fixed_moment(), None);
        assert!(!input.is_step_zero());
        let of = |text: &str| InputFile::parse(format!("INPUT_PARAMETERS\n{text}").as_bytes()).unwrap();
        let second = of("nspin 2\nnupdown 0\nsmearing_method mp2\nsmearing_sigma_temp 1000\n");
        assert_eq!(second.smearing(), Some(Smearing::MethfesselPaxton { width: 0.5 * 3.166815e-3, order: 2 }));
        assert_eq!((second.fixed_moment(), of("nupdown 2\n").fixed_moment()), (Some(0.0), None));
        assert!(InputFile::parse(b"STEP: 0\n").is_err());
    }
}
