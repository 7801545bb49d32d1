//! `.out`: version, real-space grid and eigenvalues on the k mesh of the SCF loop.

use crate::error::Result;
use crate::input::Text;

/// What is read of the file. Energies in hartree, not shifted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Out {
    /// `3.9` of `OpenMX Ver. 3.9`.
    pub version: Option<String>,
    /// Divisions of the real-space grid.
    pub grid: Option<[u32; 3]>,
    /// k points as printed, five decimals; one Γ point for cluster solvers.
    pub kpoints: Vec<[f64; 3]>,
    /// `columns[column][k][band]`, hartree: up and down for SpinP 0 and 1, one column for SpinP 3.
    pub columns: Vec<Vec<Vec<f64>>>,
}

const VERSION: &[u8] = b"OpenMX Ver. ";
const GRID: &[u8] = b"Num. of grids of a-, b-, and c-axes =";
const EIGENVALUES: &[u8] = b"Eigenvalues (Hartree)";
const K_POINT: &[u8] = b"kloop=";

impl Out {
    /// Half a unit of the last printed digit, hartree.
    pub const PRECISION: f64 = 0.5e-14;

    /// Reads the file; what it lacks stays empty. Of several geometries the last one counts.
    ///
    /// # Errors
    /// `Syntax` with line and column where a table of eigenvalues is broken.
    pub fn parse(file: &[u8]) -> Result<Out> {
        let after = |label: &[u8]| memchr::memmem::find(file, label).map(|at| at + label.len());
        let mut out = Out { grid: after(GRID).and_then(|at| grid(&file[at..])), ..Out::default() };
        if let Some(at) = after(VERSION) {
            let word = file[at..].split(u8::is_ascii_whitespace).next().unwrap_or_default();
            out.version = Some(String::from_utf8_lossy(word).into_owned());
        }
        if let Some(at) = memchr::memmem::rfind(file, EIGENVALUES) {
            let mut text = Text::new(file);
            text.seek(at);
            out.eigenvalues(&mut text)?;
        }
        Ok(out)
    }

    fn eigenvalues(&mut self, text: &mut Text) -> Result<()> {
        let is_mesh = memchr::memmem::find(text.rest(), K_POINT).is_some();
        if !is_mesh {
            self.kpoints.push([0.0; 3]);
            return self.bands(text);
        }
        while let Some(at) = memchr::memmem::find(text.rest(), K_POINT) {
            text.seek(text.offset() + at);
            text.line();
            let mut k = [0.0; 3];
            for (axis, label) in ["k1=", "k2=", "k3="].iter().enumerate() {
                text.literal(label)?;
                k[axis] = text.f64()?;
            }
            self.kpoints.push(k);
            self.bands(text)?;
        }
        Ok(())
    }

    /// Lines `number energy (energy)`, numbered from 1; those before are skipped, the first other line ends the table.
    fn bands(&mut self, text: &mut Text) -> Result<()> {
        let mut n = 0;
        loop {
            let start = text.offset();
            let Some(line) = text.line() else { break };
            let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count();
            if row_number(line) == Some(n + 1) && (2..=3).contains(&words) {
                let mut row = text.section(start..start + line.len());
                row.unsigned()?;
                self.row(&mut row, words - 1, n == 0)?;
                n += 1;
            } else if n > 0 || line.starts_with(K_POINT) {
                break;
            }
        }
        if n == 0 { Err(text.expected("a table of eigenvalues")) } else { Ok(()) }
    }

    fn row(&mut self, row: &mut Text, n_columns: usize, is_first: bool) -> Result<()> {
        if self.columns.is_empty() {
            self.columns = vec![Vec::new(); n_columns];
        }
        for column in &mut self.columns {
            if is_first {
                column.push(Vec::new());
            }
            let energy = row.f64()?;
            column.last_mut().into_iter().for_each(|bands| bands.push(energy));
        }
        row.end("the end of the line")
    }
}

fn row_number(line: &[u8]) -> Option<usize> {
    let word = line.split(u8::is_ascii_whitespace).find(|word| !word.is_empty())?;
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// `24, 24, 24`.
fn grid(text: &[u8]) -> Option<[u32; 3]> {
    let line = text.split(|&byte| byte == b'\n').next()?;
    let numbers: Vec<u32> = std::str::from_utf8(line).ok()?.split(',').filter_map(|n| n.trim().parse().ok()).collect();
    numbers.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "by OpenMX Ver. 3.8.5\n Num. of grids of a-, b-, and c-axes = 24, 18, 75\n";
    const TABLE: &str =
        "Eigenvalues (Hartree) of SCF KS-eq.\n****\n  Number of States = 8.0\n  Eigenvalues\n  Up-spin  Down-spin\n";

    #[test]
    fn a_mesh() {
        let k = |n, row: &str| format!("\n   kloop={n}\n   k1=  -0.40000 k2=   0.00000 k3=  -0.20000\n\n{row}\n");
        let text = [HEAD, TABLE, &k(0, "  1  -0.5  -0.25\n  2  1 2"), &k(1, "  1  -0.75  0"), "\n\n*** 3\n"].concat();
        let out = Out::parse(text.as_bytes()).unwrap();
        assert_eq!((out.version.as_deref(), out.grid), (Some("3.8.5"), Some([24, 18, 75])));
        assert_eq!(out.kpoints, [[-0.4, 0.0, -0.2]; 2]);
        assert_eq!(out.columns, [[vec![-0.5, 1.0], vec![-0.75]], [vec![-0.25, 2.0], vec![0.0]]]);
    }

    #[test]
    fn a_molecule() {
        let text = [HEAD, TABLE, " HOMO =  1\n\n    1  -0.5\n    2  0.5\n 3 4 5 6\n"].concat();
        let out = Out::parse(text.as_bytes()).unwrap();
        assert_eq!((out.kpoints.len(), out.columns), (1, vec![vec![vec![-0.5, 0.5]]]));
        assert!(Out::parse(TABLE.as_bytes()).is_err());
        assert_eq!(Out::parse(b"").unwrap(), Out::default());
    }
}
