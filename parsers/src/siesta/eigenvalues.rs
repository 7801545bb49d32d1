//! Eigenvalues that SIESTA printed, and their k points: `.EIG` (`Src/ioeig.f`), `.KP` (`Src/iokp.f`), `.bands`
//! (`Src/bands.F`). Energies in eV with SIESTA's own zero, k in 1/bohr (Cartesian, with 2π), as printed.

use crate::error::{Error, Result};
use crate::input::Text;

/// Eigenvalues at many k points.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigenvalues {
    /// Fermi level, eV.
    pub fermi_level: f64,
    /// `energies[spin][k][band]`, eV. Two spins only where H is diagonal in spin.
    pub energies: Vec<Vec<Vec<f64>>>,
    /// Half a unit of the last printed digit, eV.
    pub precision: f64,
}

/// `.bands`.
#[derive(Debug, Clone, PartialEq)]
pub struct Bands {
    /// The eigenvalues.
    pub eigenvalues: Eigenvalues,
    /// Where they were computed.
    pub places: Places,
}

/// Where the eigenvalues of `.bands` were computed.
#[derive(Debug, Clone, PartialEq)]
pub enum Places {
    /// `BandLines`: length of the path up to each k point, 1/bohr; the k points themselves only the input knows.
    Path {
        /// One per k point.
        lengths: Vec<f64>,
        /// Corners: length of the path, label.
        labels: Vec<(f64, String)>,
    },
    /// `BandPoints`: Cartesian k points, 1/bohr.
    Points(Vec<[f64; 3]>),
}

/// One row of `.KP`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KPoint {
    /// Cartesian, 1/bohr with 2π, six digits.
    pub k: [f64; 3],
    /// Weight; the weights sum to 1.
    pub weight: f64,
}

/// Numbers of bands, of spins that are printed one after the other, and of k points.
struct Counts {
    bands: usize,
    spins: usize,
    kpoints: usize,
}

impl Eigenvalues {
    /// `.EIG`: Fermi level; numbers of bands, spin components and k points; per k point its index and the energies of up, then
    /// down. With 4 and 8 components (non-collinear, spin-orbit) the bands are those of both spins together.
    ///
    /// # Errors
    /// `Syntax` and `Limit` with line and column.
    pub fn parse_eig(file: &[u8]) -> Result<Eigenvalues> {
        let mut text = Text::new(file);
        let fermi_level = text.f64()?;
        let counts = counts(&mut text)?;
        let mut table = Table::new(&counts);
        for index in 1..=counts.kpoints {
            text.literal(&index.to_string())?;
            table.row(&mut text, &counts)?;
        }
        text.end("the end of the file after the last energy")?;
        Ok(table.eigenvalues(fermi_level))
    }
}

impl Bands {
    /// `.bands`: Fermi level; range of the path (absent for `BandPoints`); range of energies; numbers of bands, spins and k
    /// points; per k point the length of the path or the point itself, and energies; number of labels, their places and names.
    ///
    /// # Errors
    /// `Syntax` and `Limit` with line and column.
    pub fn parse(file: &[u8]) -> Result<Bands> {
        let mut text = Text::new(file);
        let fermi_level = text.f64()?;
        let _range_of_path_or_energies = (text.f64()?, text.f64()?);
        let is_path = !next_line_is_counts(&text);
        if is_path {
            let _range_of_energies = (text.f64()?, text.f64()?);
        }
        let counts = counts(&mut text)?;
        let mut table = Table::new(&counts);
        let (mut lengths, mut points) = (Vec::new(), Vec::new());
        for _ in 0..counts.kpoints {
            if is_path {
                lengths.push(text.f64()?);
            } else {
                points.push([text.f64()?, text.f64()?, text.f64()?]);
            }
            table.row(&mut text, &counts)?;
        }
        let places =
            if is_path { Places::Path { lengths, labels: labels(&mut text)? } } else { Places::Points(points) };
        text.end("the end of the file")?;
        Ok(Bands { eigenvalues: table.eigenvalues(fermi_level), places })
    }
}

/// `.KP`: number of k points; per point index, k, weight.
///
/// # Errors
/// `Syntax` and `Limit` with line and column.
pub fn parse_kp(file: &[u8]) -> Result<Vec<KPoint>> {
    let mut text = Text::new(file);
    let count = count(&mut text, "number of k points", 1)?;
    let row = |index: usize| {
        text.literal(&(index + 1).to_string())?;
        Ok(KPoint { k: [text.f64()?, text.f64()?, text.f64()?], weight: text.f64()? })
    };
    (0..count).map(row).collect()
}

/// Three integers, where a range of energies would be two numbers.
fn next_line_is_counts(text: &Text) -> bool {
    let mut line = text.clone();
    line.skip_space();
    line.line().is_some_and(|line| line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count() == 3)
}

fn counts(text: &mut Text) -> Result<Counts> {
    let bands = count(text, "number of bands", 1)?;
    let components = count(text, "number of spin components", 1)?;
    let spins = if components == 2 { 2 } else { 1 };
    let kpoints = count(text, "number of k points", bands.max(1) * spins)?;
    Ok(Counts { bands, spins, kpoints })
}

/// A count of things that take `numbers` numbers each.
fn count(text: &mut Text, what: &str, numbers: usize) -> Result<usize> {
    text.skip_space();
    let place = text.place(text.offset());
    let (count, limit) = (text.unsigned()?, (text.rest().len() / (2 * numbers)) as u64);
    if count > limit { Err(Error::limit(what, count, limit).at(place)) } else { Ok(count as usize) }
}

fn labels(text: &mut Text) -> Result<Vec<(f64, String)>> {
    let count = count(text, "number of labels", 2)?;
    let label = |_| {
        let length = text.f64()?;
        let line = text.line().unwrap_or_default();
        let label = String::from_utf8_lossy(line).trim().trim_matches('\'').trim().to_owned();
        Ok((length, label))
    };
    (0..count).map(label).collect()
}

/// Energies as they come in, and the coarsest of their last digits.
struct Table {
    energies: Vec<Vec<Vec<f64>>>,
    last_digit: i32,
}

impl Table {
    fn new(counts: &Counts) -> Table {
        Table { energies: vec![Vec::new(); counts.spins], last_digit: i32::MIN }
    }

    fn row(&mut self, text: &mut Text, counts: &Counts) -> Result<()> {
        for spin in &mut self.energies {
            let mut bands = Vec::with_capacity(counts.bands);
            for _ in 0..counts.bands {
                bands.push(text.f64()?);
                self.last_digit = self.last_digit.max(last_digit(text));
            }
            spin.push(bands);
        }
        Ok(())
    }

    fn eigenvalues(self, fermi_level: f64) -> Eigenvalues {
        Eigenvalues { fermi_level, energies: self.energies, precision: 0.5 * 10_f64.powi(self.last_digit) }
    }
}

/// Power of ten of the last digit of the number that ends here.
fn last_digit(text: &Text) -> i32 {
    let number = text.last_token();
    let (mantissa, exponent) = match number.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(mark) => (&number[..mark], std::str::from_utf8(&number[mark + 1..]).unwrap_or_default()),
        None => (number, ""),
    };
    let decimals = mantissa.iter().rev().position(|&b| b == b'.').unwrap_or(0) as i32;
    exponent.parse().unwrap_or(0) - decimals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collinear_and_spinor_tables() {
        let collinear = b" -0.5E+01\n 2 2 1\n 1 -0.123E+02 0.2E+01\n 0.1E+01 0.3E+01\n";
        let table = Eigenvalues::parse_eig(collinear).unwrap();
        assert_eq!(table.energies, [[[-12.3, 2.0]], [[1.0, 3.0]]]);
        assert_eq!((table.fermi_level, table.precision), (-5.0, 0.5));
        let spinor = b"0.1\n 2 8 2\n 1 -1.25 2.00\n 2 1.00 3.00\n";
        let table = Eigenvalues::parse_eig(spinor).unwrap();
        assert_eq!(table.energies, [[[-1.25, 2.0], [1.0, 3.0]]]);
        assert!((table.precision - 0.005).abs() < 1e-12);
    }

    #[test]
    fn band_lines_and_points() {
        let lines = b"-4.5\n 0.0 1.5\n -9.0 8.0\n 1 2 2\n 0.0 -9.0 -8.5\n 1.5 -8.0\n 8.0\n 2\n 0.0 'Gamma'\n 1.5 'X'\n";
        let bands = Bands::parse(lines).unwrap();
        assert_eq!(bands.eigenvalues.energies, [[[-9.0], [-8.0]], [[-8.5], [8.0]]]);
        let labels = vec![(0.0, "Gamma".to_owned()), (1.5, "X".to_owned())];
        assert_eq!(bands.places, Places::Path { lengths: vec![0.0, 1.5], labels });
        let points = Bands::parse(b"-4.5\n -9.0 8.0\n 1 1 1\n 0.1 0.2 0.3 -9.0\n").unwrap();
        assert_eq!(points.places, Places::Points(vec![[0.1, 0.2, 0.3]]));
    }

    #[test]
    fn mistakes_are_located() {
        let error = |text: &[u8]| Eigenvalues::parse_eig(text).unwrap_err().to_string();
        assert_eq!(error(b"0.1\n 2 1 900\n 1 1.0 2.0\n"), "2:6: number of k points of 900 exceeds the limit of 3");
        assert_eq!(error(b"0.1\n 2 1 1\n 2 1.0 2.0\n"), "3:2: expected `1`, found `2 1.0 2.0`");
        assert_eq!(error(b"0.1\n 2 1 1\n 1 1.0\n"), "4:1: expected a number, found the end of the file");
        assert_eq!(parse_kp(b"1\n 1 0 0 x 1\n").unwrap_err().to_string(), "2:8: expected a number, found `x`");
    }
}
