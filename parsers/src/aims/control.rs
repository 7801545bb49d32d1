//! `control.in`: what the run says of occupations, k points and nuclei.

use super::EV_PER_HARTREE;
use crate::calculation::{KGrid, Smearing};
use crate::error::Result;
use crate::input::lines::{Line, Lines};

/// The keywords that a [`crate::Calculation`] has a place for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Control {
    /// `occupation_type`, hartree.
    pub smearing: Option<Smearing>,
    /// `k_grid`, `k_offset`.
    pub k_grid: Option<KGrid>,
    /// `fixed_spin_moment`: electrons up less electrons down.
    pub fixed_moment: Option<f64>,
    /// `charge` of the cell, |e|.
    pub charge: f64,
    /// Label and `nucleus` (its charge) of each species.
    pub nuclei: Vec<(String, f64)>,
}

impl Control {
    /// Reads the file; keywords that mean nothing here are passed over.
    ///
    /// # Errors
    /// `Syntax` with the line.
    pub fn parse(file: &[u8]) -> Result<Control> {
        let mut control = Control::default();
        let mut offset = [0.0; 3];
        for line in Lines::new(file, &["#"]) {
            match line.first() {
                "occupation_type" => control.smearing = smearing(&line)?,
                "k_grid" => control.k_grid = Some(k_grid(&line)?),
                "k_offset" => offset = line.vector(1, "k_offset")?,
                "fixed_spin_moment" => control.fixed_moment = Some(line.number(1, "fixed_spin_moment")?),
                "charge" => control.charge = line.number(1, "charge")?,
                "species" => control.nuclei.push((line.parse(1, "the label of a species")?, 0.0)),
                "nucleus" => {
                    let charge = line.number(1, "the charge of a nucleus")?;
                    control.nuclei.last_mut().ok_or_else(|| line.expected("`species` before `nucleus`"))?.1 = charge;
                }
                _ => {}
            }
        }
        // FHI-aims adds the offset to n/N, as it stands.
        if let Some(grid) = &mut control.k_grid {
            grid.shift = std::array::from_fn(|a| offset[a] * f64::from(grid.divisions[a]));
        }
        Ok(control)
    }

    /// Charge of the nucleus of this species.
    pub fn nucleus(&self, label: &str) -> Option<f64> {
        self.nuclei.iter().find(|(known, charge)| known == label && *charge > 0.0).map(|&(_, charge)| charge)
    }
}

/// Kinds that hzero has no formula for are `None`.
fn smearing(line: &Line) -> Result<Option<Smearing>> {
    let width = || line.number(2, "the width of the smearing, eV").map(|width| width / EV_PER_HARTREE);
    Ok(Some(match line.words().nth(1).unwrap_or_default() {
        "gaussian" => Smearing::Gaussian(width()?),
        "fermi" => Smearing::FermiDirac(width()?),
        "cold" => Smearing::Cold(width()?),
        "methfessel-paxton" => {
            Smearing::MethfesselPaxton { width: width()?, order: line.parse(3, "the order of methfessel-paxton")? }
        }
        "integer" => Smearing::Fixed,
        _ => return Ok(None),
    }))
}

fn k_grid(line: &Line) -> Result<KGrid> {
    let n = |a| line.parse(a, "three numbers of k points");
    Ok(KGrid { divisions: [n(1)?, n(2)?, n(3)?], shift: [0.0; 3], gamma_centred: true, nudge: [0.0; 3] })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "xc pbe\n# k_grid 1 1 1\n k_grid 4 4 2\nk_offset 0.125 0 0.25\noccupation_type gaussian 0.01\ncharge -1\n\
        species  Si_up\n  nucleus 14\n  species O\nnucleus 8.\n";

    #[test]
    fn keywords_are_found() {
        let control = Control::parse(TEXT.as_bytes()).unwrap();
        assert_eq!(control.smearing, Some(Smearing::Gaussian(0.01 / EV_PER_HARTREE)));
        assert_eq!(control.k_grid.map(|grid| (grid.divisions, grid.shift)), Some(([4, 4, 2], [0.5, 0.0, 0.5])));
        assert_eq!(
            (control.nucleus("Si_up"), control.nucleus("O"), control.nucleus("Si")),
            (Some(14.0), Some(8.0), None)
        );
        assert_eq!(control.charge, -1.0);
    }

    #[test]
    fn mistakes_are_located() {
        let cases = [
            ("k_grid 4 4 2", "k_grid 4 -4 2", "3: expected three numbers of k points"),
            ("gaussian 0.01", "gaussian", "5: expected the width of the smearing, eV"),
            ("xc pbe", "nucleus 7", "1: expected `species` before `nucleus`"),
        ];
        for (from, to, expected) in cases {
            let message = Control::parse(TEXT.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}\ninstead of\n{expected}");
        }
    }
}
