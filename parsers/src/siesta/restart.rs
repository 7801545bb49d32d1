//! What SIESTA needs to go on from a Hamiltonian: `H_IN`, the density matrix, and inputs that are ready to run.
//!
//! With `Read-H-from-file T` and `SCF.Mix Hamiltonian` SIESTA takes H from `H_IN` where it would build the first one
//! (`Src/siesta_forces.F90`), and once more before bands, PDOS and the like (`Src/siesta_analysis.F90`). A `.DM` is read in
//! every version, on any pattern.

mod input;

use std::path::{Path, PathBuf};

use super::Layout;
use super::fdf::Fdf;
use super::predicted::{self, H_IN};
use super::recipe::atoms_move;
use crate::error::{Error, Result};
use crate::output::write_file;
use crate::predicted::Prediction;
use crate::restart::{Continuation, Restart, Route};
use crate::units::RYDBERG_IN_HARTREE;

use input::{Entry, Own};

/// Writes the files of [`predicted::write`], `<label>.DM`, and where the run's own input is known `<label>.<route>.fdf` for
/// every way on.
///
/// # Errors
/// As [`Prediction::write`]; `Inconsistent` where H or DM lacks a block of SIESTA's pattern.
pub fn write(folder: &Path, shown: &Path, continuation: &Continuation, layout: &Layout) -> Result<Restart> {
    let density = continuation.density;
    let fermi_level = continuation.prediction.fermi_level.unwrap_or(density.fermi_level);
    let prediction = Prediction { fermi_level: Some(fermi_level), ..continuation.prediction };
    // Refused before anything is written.
    let dm = predicted::stored_density(prediction.run, &density.matrix, layout)?;
    let mut files = predicted::write(folder, &prediction, layout)?;
    files.push(predicted::put_density(folder, &dm, layout)?);
    let own = folder.join(format!("{}.fdf", layout.label));
    let own = if files.contains(&own) { Some(Own::read(&own)?) } else { None };
    if let Some(own) = &own {
        require_geometry(own, files.contains(&folder.join(format!("{}.XV", layout.label))), &layout.label)?;
    }
    let mut routes = Vec::new();
    for way in Way::ALL {
        let fdf = own.as_ref().map(|own| &own.fdf);
        let entries = way.entries(fdf.unwrap_or(&Fdf::default()), fermi_level / RYDBERG_IN_HARTREE)?;
        routes.push(way.route(shown, &layout.label, &entries, own.is_some()));
        files.extend(own.as_ref().map(|own| own.write(folder, way, &layout.label, &entries)).transpose()?);
    }
    routes.push(tbtrans(&layout.label));
    Ok(Restart { files, routes })
}

impl Own {
    /// Writes the input of one way on.
    fn write(&self, folder: &Path, way: Way, label: &str, entries: &[Entry]) -> Result<PathBuf> {
        let path = folder.join(way.file(label));
        let text = self.with(entries, way.name(), label);
        write_file(&path, |out| out.write_all(text.as_bytes()))?;
        Ok(path)
    }
}

/// Where atoms move, the input states the first geometry, and H belongs to that of the `.XV`.
fn require_geometry(own: &Own, has_xv: bool, label: &str) -> Result<()> {
    if has_xv || !atoms_move(&own.fdf)? {
        return Ok(());
    }
    let message = format!("atoms move in the input, and there is no {label}.XV with the geometry that H belongs to");
    Err(Error::unsupported(message))
}

/// How SIESTA itself goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    OneShot,
    Dm,
    ScfStart,
    Bands,
}

impl Way {
    /// The recommended one first.
    const ALL: [Way; 4] = [Way::OneShot, Way::Dm, Way::ScfStart, Way::Bands];

    fn name(self) -> &'static str {
        match self {
            Way::OneShot => "one-shot",
            Way::Dm => "dm",
            Way::ScfStart => "scf-start",
            Way::Bands => "bands",
        }
    }

    fn file(self, label: &str) -> String {
        format!("{label}.{}.fdf", self.name())
    }

    fn purpose(self) -> &'static str {
        match self {
            Way::OneShot => "one diagonalisation of H, then energies, forces, EIG, DM, HSX, TSHS and bands",
            Way::Dm => "an SCF to your own tolerance from the density of H; works in every version of SIESTA",
            Way::ScfStart => "an SCF to your own tolerance that diagonalises H first",
            Way::Bands => "bands, PDOS and wave functions of H without an SCF",
        }
    }

    /// The files that SIESTA reads besides its input.
    fn needs(self, label: &str) -> Vec<String> {
        let dm = format!("{label}.DM");
        match self {
            Way::OneShot | Way::ScfStart => vec![H_IN.to_owned(), dm],
            Way::Dm => vec![dm],
            Way::Bands => vec![H_IN.to_owned()],
        }
    }

    fn entries(self, fdf: &Fdf, fermi_level: f64) -> Result<Vec<Entry>> {
        match self {
            Way::OneShot => input::one_shot(fdf),
            Way::Dm => input::dm(fdf),
            Way::ScfStart => input::scf_start(fdf),
            Way::Bands => input::bands(fdf, fermi_level),
        }
    }

    fn route(self, shown: &Path, label: &str, entries: &[Entry], is_ready: bool) -> Route {
        let mut files = self.needs(label);
        let mut cautions: Vec<String> = self.cautions().iter().map(|caution| (*caution).to_owned()).collect();
        if is_ready {
            files.push(self.file(label));
            let (shown, file) = (shown.display(), self.file(label));
            cautions
                .push(format!("put the pseudopotentials into {shown}, and run there: `siesta < {file} > {label}.out`"));
        } else {
            cautions.push(
                "the lines go to the top of your fdf: of several entries of a label SIESTA takes the first".into(),
            );
        }
        let input_lines = entries.iter().map(Entry::text).collect();
        Route { name: self.name(), purpose: self.purpose().to_owned(), files, input_lines, cautions }
    }

    fn cautions(self) -> &'static [&'static str] {
        match self {
            Way::OneShot => &[
                "`scf:    1` with dHmax = max|H[DM_out] - H_IN|: how far H is from self-consistency",
                "energies and forces are those of the density of H: off in second order of its error, and in first",
            ],
            Way::Dm => &["look for `Attempting to read DM from file` and `Succeeded` in the output"],
            Way::ScfStart => &[
                "before bands, PDOS and wave functions SIESTA reads H_IN again: they are those of H_IN, not of the converged H; \
                 make them with the route `bands` of a converged run, or take the route `dm`",
                "without the DM one iteration more: the first change of DM is counted from atoms",
            ],
            Way::Bands => &[
                "no energies, forces, EIG or HSX; the Fermi level is the one given (with Spin.Fix the mean of both spins')",
                "tried with SIESTA 5; of 4.1 only runs with an iteration were tried",
            ],
        }
    }
}

/// The `.TSHS` is what TBtrans reads anyway.
fn tbtrans(label: &str) -> Route {
    Route {
        name: "tbtrans",
        purpose: "transmission through H with TBtrans".to_owned(),
        files: vec![format!("{label}.TSHS")],
        input_lines: vec![format!("TBT.HS {label}.TSHS")],
        cautions: vec!["electrodes need TSHS files of their own, of the same version of SIESTA".to_owned()],
    }
}
