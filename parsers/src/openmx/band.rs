//! `.Band`: eigenvalues on the paths of `Band.kpath`, as `Band_DFT_kpath.c` writes them.

use crate::error::Result;
use crate::input::Text;

/// The file. Energies in hartree, not shifted.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// Chemical potential, hartree.
    pub chem_p: f64,
    /// Reduced k points, path after path.
    pub kpoints: Vec<[f64; 3]>,
    /// `energies[spin][k][band]`, hartree; two spins for SpinP 1.
    pub energies: Vec<Vec<Vec<f64>>>,
}

impl Band {
    /// Half a unit of the last printed digit, hartree.
    pub const PRECISION: f64 = 0.5e-15;

    /// Reads the file.
    ///
    /// # Errors
    /// `Syntax` with line and column.
    pub fn parse(file: &[u8]) -> Result<Band> {
        let mut text = Text::new(file);
        text.unsigned()?;
        // non-collinear files say 0 here
        let n_spins = match text.unsigned()? {
            0 => 1,
            1 => 2,
            _ => return Err(text.expected("SpinP of 0 or 1 before the chemical potential")),
        };
        let chem_p = text.f64()?;
        vector(&mut text).and(vector(&mut text)).and(vector(&mut text))?;
        let n_points = n_points(&mut text)?;
        let mut band = Band { chem_p, kpoints: Vec::new(), energies: vec![Vec::new(); n_spins] };
        for _ in 0..n_points {
            for spin in 0..n_spins {
                let n = text.unsigned()?;
                let k = vector(&mut text)?;
                if spin == 0 {
                    band.kpoints.push(k);
                }
                band.energies[spin].push((0..n).map(|_| text.f64()).collect::<Result<_>>()?);
            }
        }
        text.end("the end of the file after the last path")?;
        Ok(band)
    }
}

/// Sum over the paths; each line: points, both ends, both names.
fn n_points(text: &mut Text) -> Result<u64> {
    let n_paths = text.unsigned()?;
    let mut sum = 0_u64;
    for _ in 0..n_paths {
        sum = sum.saturating_add(text.unsigned()?);
        vector(text)?;
        vector(text)?;
        text.token();
        text.token();
    }
    Ok(sum)
}

fn vector(text: &mut Text) -> Result<[f64; 3]> {
    Ok([text.f64()?, text.f64()?, text.f64()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = " 2  1  -0.15\n-1 1 1 1 -1 1 1 1 -1 \n1\n2 0 0 0  0.5 0 0  G X\n2 0 0 0\n-1.5 2.5\n\
        2 0 0 0\n-1.25 2.25\n2 0.5 0 0\n-1 2\n2 0.5 0 0\n-1 3\n";

    #[test]
    fn spins_and_points_are_kept_apart() {
        let band = Band::parse(FILE.as_bytes()).unwrap();
        assert_eq!(band.kpoints, [[0.0; 3], [0.5, 0.0, 0.0]]);
        assert_eq!(band.energies, [[[-1.5, 2.5], [-1.0, 2.0]], [[-1.25, 2.25], [-1.0, 3.0]]]);
        assert_eq!(band.chem_p, -0.15);
    }

    #[test]
    fn what_is_cut_or_too_long_is_refused() {
        assert!(Band::parse(&FILE.as_bytes()[..FILE.len() - 5]).is_err());
        assert!(Band::parse(format!("{FILE}7").as_bytes()).is_err());
        let huge = FILE.replace("2 0.5 0 0\n-1 3", "99999999999999999 0.5 0 0\n-1 3");
        assert!(Band::parse(huge.as_bytes()).is_err());
    }
}
