//! `running_*.log` of ABACUS 3.x: what its lines say, in the words of 3.8 and of 3.11.

use super::constants::EV_PER_HARTREE;
use crate::error::{Error, Result};
use crate::units::RYDBERG_IN_HARTREE;

/// Facts of one run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Log {
    /// `3.8.1`, `3.11.0-beta.1`.
    pub version: Option<String>,
    /// Label and number of zetas for l = 0, 1, … of each species.
    pub species: Vec<(String, Vec<u8>)>,
    /// 1, 2 or 4.
    pub nspin: Option<usize>,
    /// Valence electrons in the cell.
    pub n_electrons: Option<f64>,
    /// Dimension of the matrices (twice the orbitals for nspin 4).
    pub n_local: Option<usize>,
    /// Fermi level of the last iteration, hartree.
    pub fermi_level: Option<f64>,
    /// Did the last self-consistent loop converge? `None` where the log does not say (nscf, a run that was killed).
    pub converged: Option<bool>,
    /// Number of ionic steps that were begun.
    pub n_ionic_steps: usize,
    /// Did the relaxation converge, so that the atoms stayed where the last H is?
    pub is_relaxed: bool,
    /// k points of the run, reduced coordinates, 8 decimals.
    pub kpoints: Vec<[f64; 3]>,
}

impl Log {
    /// Reads the lines that hzero knows and passes over all others.
    ///
    /// # Errors
    /// `Syntax` where the file is no log of ABACUS.
    pub fn parse(file: &[u8]) -> Result<Log> {
        let text = String::from_utf8_lossy(file);
        let mut log = Log::default();
        let mut fermi_ev = None;
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            log.entry(line);
            log.progress(line);
            fermi_ev = line.trim().strip_prefix("EFERMI =").and_then(first_number).or(fermi_ev);
            if line.contains("K-POINTS DIRECT COORDINATES") && log.kpoints.is_empty() {
                log.kpoints = k_table(&mut lines);
            }
        }
        if log.version.is_none() && log.n_local.is_none() {
            return Err(Error::syntax("a running log of ABACUS (a line `ABACUS v…`)", "a file without it"));
        }
        log.fermi_level = log.fermi_level.or_else(|| fermi_ev.map(|ev| ev / EV_PER_HARTREE));
        Ok(log)
    }

    /// Lines `name = value`, and the version.
    fn entry(&mut self, line: &str) {
        if let Some(version) = line.trim().strip_prefix("ABACUS v") {
            self.version.get_or_insert_with(|| version.trim().to_owned());
        }
        let Some((name, value)) = line.split_once('=') else { return };
        let name = name.trim().trim_end_matches(':').trim_end();
        if let Some((l, count)) = zeta(line) {
            if let Some((_, zetas)) = self.species.last_mut().filter(|(_, zetas)| zetas.len() == l) {
                zetas.push(count);
            }
        } else if name.eq_ignore_ascii_case("atom label") {
            self.species.push((value.trim().to_owned(), Vec::new()));
        } else if name == "nspin" {
            self.nspin = value.trim().parse().ok();
        } else if name.ends_with("number of electrons") {
            self.n_electrons = first_number(value);
        } else if name.ends_with("NLOCAL") || name.ends_with("(NLOCAL)") {
            self.n_local = value.trim().parse().ok();
        }
    }

    /// Iterations, convergence and Fermi level: the last word counts.
    fn progress(&mut self, line: &str) {
        let trimmed = line.trim();
        if let Some(values) = trimmed.strip_prefix("E_Fermi ") {
            self.fermi_level = first_number(values).map(|ry| ry * RYDBERG_IN_HARTREE).or(self.fermi_level);
        } else if trimmed.contains("charge density convergence is achieved") || trimmed == "#SCF IS CONVERGED#" {
            self.converged = Some(true);
        } else if trimmed.contains("convergence has not been achieved") || trimmed.contains("SCF IS NOT CONVERGED") {
            self.converged = Some(false);
        } else if trimmed.starts_with("Relaxation is converged") {
            self.is_relaxed = true;
        } else if let Some(step) = ionic_step(trimmed) {
            self.n_ionic_steps = self.n_ionic_steps.max(step);
        }
    }
}

/// `L=0, number of zeta = 4`.
fn zeta(line: &str) -> Option<(usize, u8)> {
    let (l, count) = line.trim().strip_prefix("L=")?.split_once(", number of zeta =")?;
    Some((l.trim().parse().ok()?, count.trim().parse().ok()?))
}

/// `LCAO ALGORITHM ---- ION=   1  ELEC=   1---` (3.8), `--> #ION MOVE#   1  #ELEC ITER#   1` (3.11).
fn ionic_step(line: &str) -> Option<usize> {
    let after = line.split_once("ION=").or_else(|| line.split_once("#ION MOVE#"))?.1;
    after.split_whitespace().next()?.parse().ok()
}

fn first_number(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok().filter(|x: &f64| x.is_finite())
}

/// Rows `index x y z weight`, after one line of titles; also the content of `KPT.info` and `kpoints`.
fn k_table<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Vec<[f64; 3]> {
    lines.skip(1).map_while(k_row).collect()
}

fn k_row(line: &str) -> Option<[f64; 3]> {
    let numbers: Vec<f64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
    match numbers[..] {
        [_, x, y, z, _weight] => Some([x, y, z]),
        _ => None,
    }
}

/// `KPT.info` (3.9 and later) or `kpoints`: the run's k points, reduced coordinates, 8 decimals.
///
/// # Errors
/// `Syntax` where there is no table.
pub fn parse_kpoints(file: &[u8]) -> Result<Vec<[f64; 3]>> {
    let text = String::from_utf8_lossy(file);
    let mut lines = text.lines().skip_while(|line| !line.contains("K-POINTS DIRECT COORDINATES")).skip(1);
    let points = k_table(&mut lines);
    if points.is_empty() {
        Err(Error::syntax("a table K-POINTS DIRECT COORDINATES", "a file without it"))
    } else {
        Ok(points)
    }
}
