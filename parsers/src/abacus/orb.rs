//! Headers of numerical orbital files (`Fe_gga_6au_100Ry_4s2p2d1f.orb`): cutoff and number of zetas per l. Reading routine of
//! ABACUS: `Numerical_Orbital_Lm`/`read_orb_file`.

use super::COMMENT_MARKS;
use crate::basis::{Shell, l_letter, parse_shells};
use crate::error::{Error, Result};
use crate::input::lines::Lines;

/// What the first dozen lines say.
#[derive(Debug, Clone, PartialEq)]
pub struct OrbHeader {
    /// Element.
    pub element: String,
    /// Cutoff radius in bohr.
    pub cutoff: f64,
    /// Number of zetas for l = 0, 1, ….
    pub zetas: Vec<u8>,
}

/// More lines than any header has.
const HEADER_LINES: usize = 40;

impl OrbHeader {
    /// Reads the header; the radial functions behind it are not looked at.
    ///
    /// # Errors
    /// `Syntax` with the line.
    pub fn parse(file: &[u8]) -> Result<OrbHeader> {
        let (mut element, mut cutoff, mut zetas) = (None, None, Vec::new());
        for line in Lines::new(first_lines(file), COMMENT_MARKS) {
            let last = line.words().count().saturating_sub(1);
            if line.text.starts_with("Element") {
                element = line.words().nth(1).map(str::to_owned);
            } else if line.text.starts_with("Radius Cutoff") {
                cutoff = Some(line.number(last, "the cutoff radius")?);
            } else if line.text.starts_with("Number of ") && line.text.contains("orbital") {
                let letter = l_letter(zetas.len() as u8).to_ascii_uppercase();
                if !line.text.starts_with(&format!("Number of {letter}orbital")) {
                    return Err(line.expected(&format!("the number of {letter} orbitals")));
                }
                zetas.push(line.parse(last, "a number of orbitals")?);
            } else if line.text.starts_with("SUMMARY") {
                break;
            }
        }
        match (element, cutoff) {
            (Some(element), Some(cutoff)) if !zetas.is_empty() => Ok(OrbHeader { element, cutoff, zetas }),
            _ => Err(Error::syntax("Element, Radius Cutoff and the numbers of orbitals", "a file without them")),
        }
    }

    /// Shells in ABACUS' order: l, then zeta.
    pub fn shells(&self) -> Vec<Shell> {
        shells(&self.zetas)
    }
}

/// Shells of `zetas[l]` radial functions each, l by l.
pub fn shells(zetas: &[u8]) -> Vec<Shell> {
    let of = |(l, &n): (usize, &u8)| (1..=n).map(move |zeta| Shell { l: l as u8, zeta, n: None });
    zetas.iter().enumerate().flat_map(of).collect()
}

/// Shells out of a file's name: the last part of `C_gga_8au_100Ry_2s2p1d.orb`.
pub fn shells_of_name(name: &str) -> Option<Vec<Shell>> {
    let stem = name.rsplit('/').next()?.split(".orb").next()?;
    parse_shells(stem.rsplit('_').next()?)
}

fn first_lines(file: &[u8]) -> &[u8] {
    let end = file.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(HEADER_LINES).map_or(file.len(), |(i, _)| i);
    &file[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "\
---------------------------------------------------------------------------
Element                     Fe
Energy Cutoff(Ry)           100
Radius Cutoff(a.u.)         6
Lmax                        3
Number of Sorbital-->       4
Number of Porbital-->       2
Number of Dorbital-->       2
Number of Forbital-->       1
---------------------------------------------------------------------------
SUMMARY  END
";

    #[test]
    fn header_of_iron() {
        let header = OrbHeader::parse(HEADER.as_bytes()).unwrap();
        assert_eq!(header, OrbHeader { element: "Fe".into(), cutoff: 6.0, zetas: vec![4, 2, 2, 1] });
        assert_eq!(header.shells(), parse_shells("4s2p2d1f").unwrap());
        assert_eq!(header.shells(), shells_of_name("../PP_ORB/Fe_gga_6au_100Ry_4s2p2d1f.orb").unwrap());
        assert_eq!(shells_of_name("Ga_dojo_6au.orb"), None);
    }

    #[test]
    fn a_gap_in_l_is_refused() {
        let broken = HEADER.replace("Number of Porbital-->       2\n", "");
        let error = OrbHeader::parse(broken.as_bytes()).unwrap_err().to_string();
        assert_eq!(error, "7: expected the number of P orbitals, found `Number of Dorbital-->       2`");
    }
}
