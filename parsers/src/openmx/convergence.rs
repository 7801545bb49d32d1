//! OpenMX prints no verdict: it stops where |ΔUele| of two iterations falls below `scf.criterion` (`DFT.c`), or after `scf.maxIter`
//! iterations, and `.out` lists Uele of all of them.

use std::path::Path;

use super::dat::Dat;
use super::files::Run;
use crate::convergence::Convergence;
use crate::error::Result;
use crate::input;
use crate::read::ReadOptions;

/// `scf.criterion` where the input states none, hartree.
const DEFAULT_CRITERION: f64 = 1e-6;
/// Energies are printed with twelve decimals.
const ROUNDING: f64 = 2e-12;

/// What the list of iterations in `.out` says.
///
/// # Errors
/// Those of [`Run::discover`].
pub fn of(path: &Path, options: &ReadOptions) -> Result<Convergence> {
    let Some(scf) = Run::discover(path)?.scf else { return Ok(Convergence::Unknown) };
    let Some(file) = options.log.clone().or(scf.out) else { return Ok(Convergence::Unknown) };
    Ok(judged(&String::from_utf8_lossy(&input::open(&file)?), &scf.dat))
}

fn judged(out: &str, dat: &Dat) -> Convergence {
    let criterion = dat.get("scf.criterion").and_then(|word| word.parse().ok()).unwrap_or(DEFAULT_CRITERION);
    let energies: Vec<f64> = out.lines().filter_map(energy).collect();
    let [.., last, end] = energies[..] else {
        return Convergence::NotConverged("its .out lists no two iterations".into());
    };
    let change = (end - last).abs();
    if change <= criterion + ROUNDING {
        return Convergence::Converged;
    }
    let message = format!(
        "the last of the iterations in .out changes Uele by {change:.1e} hartree, scf.criterion is {criterion:.1e}"
    );
    Convergence::NotConverged(message)
}

/// `SCF=  21  NormRD=  0.000000000102  Uele= -3.792143272844`.
fn energy(line: &str) -> Option<f64> {
    if !line.contains("SCF=") || !line.contains("NormRD=") {
        return None;
    }
    line.split_once("Uele=")?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_change_decides() {
        let history = |last: &str| {
            format!(
                "   SCF=   1  NormRD=  1.0  Uele= -3.2\n   SCF=   2  NormRD=  0.1  Uele= -3.7921432\n   SCF=   3  NormRD=  0.1  Uele= {last}\n"
            )
        };
        let dat = Dat::parse(b"scf.criterion 1.0e-7\n");
        assert_eq!(judged(&history("-3.79214327"), &dat), Convergence::Converged);
        assert_eq!(
            judged(&history("-3.7931432"), &dat),
            Convergence::NotConverged(
                "the last of the iterations in .out changes Uele by 1.0e-3 hartree, scf.criterion is 1.0e-7".into()
            )
        );
        assert!(matches!(judged("", &dat), Convergence::NotConverged(_)));
    }
}
