//! Eigenvalues that ABACUS printed: `BANDS_1.dat`, `band.txt`, `bands1.txt` (one line per k), `istate.info` (3.8),
//! `eig_occ.txt` (3.11) and the block STATE ENERGY of the log. All in eV, as printed.

use crate::error::{Error, Location, Result};

/// One table of eigenvalues.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigenvalues {
    /// k point of each row, as far as the file states it.
    pub kpoints: Vec<KPoint>,
    /// `energies[spin][k][band]`, eV.
    pub energies: Vec<Vec<Vec<f64>>>,
    /// Half a unit of the last printed digit, eV.
    pub precision: f64,
}

/// A k point as a file states it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum KPoint {
    /// Not at all (band files hold only the length of the path).
    Unknown,
    /// Units of the reciprocal lattice vectors.
    Reduced([f64; 3]),
    /// Units of 2π over the lattice constant.
    Cartesian([f64; 3]),
}

/// Digits of the energies, to know how precise they are.
#[derive(Default)]
struct Digits {
    decimals: Vec<usize>,
    significant: usize,
    largest: f64,
}

impl Eigenvalues {
    /// `BANDS_1.dat`, `band.txt`, `bands1.txt`: index, length of the path, energies. One file per spin.
    ///
    /// # Errors
    /// `Syntax`; `Inconsistent` where rows or files differ in length.
    pub fn parse_bands(file: &[u8]) -> Result<Eigenvalues> {
        let text = String::from_utf8_lossy(file);
        let mut table = Table::new(&text);
        for line in text.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#')) {
            table.new_point(1, KPoint::Unknown);
            line.split_whitespace().skip(2).try_for_each(|word| table.push(0, word))?;
        }
        table.checked()
    }

    /// `istate.info` of 3.8: blocks `BAND … Kpoint = 1 (0 0 0)` with rows of band, energy, occupation, for nspin 2 energy and
    /// occupation of spin down as well.
    ///
    /// # Errors
    /// As [`Eigenvalues::parse_bands`].
    pub fn parse_istate(file: &[u8]) -> Result<Eigenvalues> {
        let text = String::from_utf8_lossy(file);
        let mut table = Table::new(&text);
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            if words[0] == "BAND" {
                let n_spins = if line.contains("Spin down") { 2 } else { 1 };
                table.new_point(n_spins, last_vector(line).map_or(KPoint::Unknown, KPoint::Reduced));
                continue;
            }
            for (spin, word) in words.iter().skip(1).step_by(2).enumerate() {
                table.push(spin, word)?;
            }
        }
        table.checked()
    }

    /// `eig_occ.txt` of 3.11: blocks ` spin=1 k-point=1/36 Cartesian=0 0 0 (…)` with rows of band, energy, occupation. Of
    /// several ionic steps the last one is read.
    ///
    /// # Errors
    /// As [`Eigenvalues::parse_bands`].
    pub fn parse_eig_occ(file: &[u8]) -> Result<Eigenvalues> {
        let text = String::from_utf8_lossy(file);
        let last_step = text.rfind("# ionic step").map_or(&text[..], |at| &text[at..]);
        let mut table = Table::new(&text);
        let mut spin = 0;
        for line in last_step.lines().skip(1) {
            if let Some((head, after)) = line.split_once("Cartesian=") {
                spin = usize::from(head.contains("spin=2"));
                table.new_point_of(spin, vector(after).map_or(KPoint::Unknown, KPoint::Cartesian));
            } else if let Some(word) = row_energy(line) {
                table.push(spin, word)?;
            }
        }
        table.checked()
    }

    /// The block ` STATE ENERGY(eV) AND OCCUPATIONS` of a 3.8 log: six significant digits.
    ///
    /// # Errors
    /// As [`Eigenvalues::parse_bands`]; `Syntax` where there is no such block.
    pub fn parse_log(file: &[u8]) -> Result<Eigenvalues> {
        let text = String::from_utf8_lossy(file);
        let block = text.rfind("STATE ENERGY(eV) AND OCCUPATIONS").map(|at| &text[at..]);
        let block = block.ok_or_else(|| Error::syntax("a block STATE ENERGY(eV) AND OCCUPATIONS", "none"))?;
        let mut table = Table::new(&text);
        let mut spin = 0;
        for line in block.lines().skip(1) {
            if let Some((_, after)) = line.split_once("kpoint (Cartesian) =") {
                table.new_point_of(spin, vector(after).map_or(KPoint::Unknown, KPoint::Cartesian));
            } else if line.starts_with("SPIN DOWN") {
                spin = 1;
            } else if let Some(word) = row_energy(line) {
                table.push(spin, word)?;
            } else if !line.trim().is_empty() && !line.starts_with("SPIN UP") {
                break;
            }
        }
        table.checked()
    }

    /// Joins the files of spin up and down.
    ///
    /// # Errors
    /// `Inconsistent` where they differ in shape.
    pub fn with_spin_down(mut self, down: Eigenvalues) -> Result<Eigenvalues> {
        self.energies.extend(down.energies);
        self.precision = self.precision.max(down.precision);
        check_shape(&self.energies)?;
        Ok(self)
    }
}

/// Rows that are being read.
struct Table<'a> {
    text: &'a str,
    digits: Digits,
    kpoints: Vec<KPoint>,
    spins: Vec<Vec<Vec<f64>>>,
}

impl<'a> Table<'a> {
    fn new(text: &'a str) -> Self {
        Table { text, digits: Digits::default(), kpoints: Vec::new(), spins: Vec::new() }
    }

    /// A block of all spins begins.
    fn new_point(&mut self, n_spins: usize, k: KPoint) {
        self.kpoints.push(k);
        self.spins.resize_with(self.spins.len().max(n_spins), Vec::new);
        self.spins.iter_mut().for_each(|rows| rows.push(Vec::new()));
    }

    /// A block of one spin begins; k points are those of the first spin.
    fn new_point_of(&mut self, spin: usize, k: KPoint) {
        self.spins.resize_with(self.spins.len().max(spin + 1), Vec::new);
        self.spins[spin].push(Vec::new());
        if spin == 0 {
            self.kpoints.push(k);
        }
    }

    /// Adds the energy `word`, a piece of the text.
    fn push(&mut self, spin: usize, word: &str) -> Result<()> {
        let place = |error: Error| error.at(Location::of(word, self.text));
        let energy = self.digits.energy(word).map_err(place)?;
        let row = self.spins.get_mut(spin).and_then(|rows| rows.last_mut());
        let row = row.ok_or_else(|| place(Error::syntax("the heading of a k point", "an energy without one")))?;
        row.push(energy);
        Ok(())
    }

    fn checked(self) -> Result<Eigenvalues> {
        check_shape(&self.spins)?;
        if self.spins[0].len() != self.kpoints.len() {
            let (rows, points) = (self.spins[0].len(), self.kpoints.len());
            return Err(Error::inconsistent(format!("{rows} rows of energies for {points} k points")));
        }
        Ok(Eigenvalues { kpoints: self.kpoints, energies: self.spins, precision: self.digits.precision() })
    }
}

/// All k points and spins must have the same number of bands, above zero.
fn check_shape(spins: &[Vec<Vec<f64>>]) -> Result<()> {
    let n_k = spins.first().map_or(0, Vec::len);
    let n_bands = spins.first().and_then(|rows| rows.first()).map_or(0, Vec::len);
    if n_bands == 0 {
        return Err(Error::syntax("energies", "none"));
    }
    for rows in spins {
        if rows.len() != n_k {
            return Err(Error::inconsistent(format!("{n_k} k points of spin up, {} of spin down", rows.len())));
        }
        if let Some(k) = rows.iter().position(|row| row.len() != n_bands) {
            let message = format!("k point {} has {} bands, but the first has {n_bands}", k + 1, rows[k].len());
            return Err(Error::inconsistent(message));
        }
    }
    Ok(())
}

/// The energy of a row `band energy occupation`.
fn row_energy(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let (band, energy, occupation) = (words.next()?, words.next()?, words.next()?);
    let is_row = band.parse::<u32>().is_ok() && occupation.parse::<f64>().is_ok() && words.next().is_none();
    is_row.then_some(energy)
}

/// Three numbers at the start of `text`.
fn vector(text: &str) -> Option<[f64; 3]> {
    let numbers: Vec<f64> = text.split_whitespace().take(3).map_while(|word| word.parse().ok()).collect();
    numbers.try_into().ok()
}

/// `… (0.166667 0 0)`.
fn last_vector(line: &str) -> Option<[f64; 3]> {
    vector(line.rsplit_once('(')?.1.trim_end().trim_end_matches(')'))
}

impl Digits {
    fn energy(&mut self, word: &str) -> Result<f64> {
        let value: f64 = word.parse().ok().filter(|x: &f64| x.is_finite()).ok_or_else(|| {
            let shown: String = word.chars().take(40).collect();
            Error::syntax("an energy", format!("`{shown}`"))
        })?;
        let mantissa = word.split(['e', 'E']).next().unwrap_or(word);
        let decimals = mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let digits = mantissa.trim_start_matches(['-', '+', '0', '.']).bytes().filter(u8::is_ascii_digit).count();
        if !self.decimals.contains(&decimals) {
            self.decimals.push(decimals);
        }
        self.significant = self.significant.max(digits);
        self.largest = self.largest.max(value.abs());
        Ok(value)
    }

    /// A fixed number of decimals, else of significant digits (where zeros at the end are not printed).
    fn precision(&self) -> f64 {
        let last_digit = match self.decimals[..] {
            [decimals] => -(decimals as i32),
            _ => self.largest.max(1e-10).log10().floor() as i32 + 1 - self.significant as i32,
        };
        0.5 * 10.0_f64.powi(last_digit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_tell_the_precision() {
        let precision = |text: &str| Eigenvalues::parse_bands(text.as_bytes()).unwrap().precision;
        assert_eq!(precision("1 0.0 -1.25000000 3.00000000\n"), 0.5e-8);
        assert_eq!(precision("1 0.0 -50.3893 57.793 107.169\n"), 0.5e-3);
    }

    #[test]
    fn both_spins_of_istate() {
        let text = "BAND Spin up Energy(ev) Occupation Spin down Energy(ev) Occupation Kpoint = 1 (0.5 0 0)\n 1 -2.5 1 -2.25 0\n 2 3 0 4 0\n";
        let found = Eigenvalues::parse_istate(text.as_bytes()).unwrap();
        assert_eq!(found.kpoints, [KPoint::Reduced([0.5, 0.0, 0.0])]);
        assert_eq!(found.energies, [vec![vec![-2.5, 3.0]], vec![vec![-2.25, 4.0]]]);
    }

    #[test]
    fn ragged_rows_are_refused() {
        let error = Eigenvalues::parse_bands(b"1 0 1.0 2.0\n2 0.1 1.0\n").unwrap_err().to_string();
        assert_eq!(error, "k point 2 has 1 bands, but the first has 2");
        let error = Eigenvalues::parse_bands(b"1 0 1.0 2.0\n2 0.1 1.0 x\n").unwrap_err().to_string();
        assert_eq!(error, "2:11: expected an energy, found `x`");
    }
}
