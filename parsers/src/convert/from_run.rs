//! One file out of a run of the same code, on the run's own pattern.

use std::path::PathBuf;

use super::{Notes, Request, check_source, losses, require_read};
use crate::calculation::{Calculation, NativeLayout, Of};
use crate::error::{Context, Error, Result};
use crate::openmx::predicted::file_stem;
use crate::operator::SpinOperator;
use crate::output::{require_new, write_file};
use crate::predicted::not_representable;
use crate::read::read;
use crate::siesta;

/// Reads the run, and writes the one file of SIESTA.
///
/// # Errors
/// As [`super::convert`].
pub fn siesta(request: &Request, notes: &Notes) -> Result<Vec<PathBuf>> {
    let run = source(request)?;
    let write = || {
        let h = hamiltonian(&run, request)?;
        let target = target(request, &siesta::convert::file_name(&run, request.to))?;
        siesta::convert::write(&target, request.to, &run, h)?;
        note_losses(&run, h.map(|(of, _)| of), request, notes);
        Ok(vec![target])
    };
    write().in_file(&request.source)
}

/// Writes the scfout of a run anew: what OpenMX leaves uninitialised becomes zero.
///
/// # Errors
/// As [`super::convert`].
pub fn openmx(request: &Request, notes: &Notes) -> Result<Vec<PathBuf>> {
    let run = source(request)?;
    let write = || {
        let found = hamiltonian(&run, request)?.zip(run.native.as_ref());
        let Some(((of, _), NativeLayout::OpenMx(layout))) = found else { return Err(missing_h(request)) };
        let scfout = if of == Of::Scf { &layout.hamiltonian } else { &layout.hamiltonian0 };
        let scfout = scfout.as_ref().ok_or_else(|| missing_h(request))?;
        let target = target(request, &format!("{}.scfout", file_stem(&scfout.input())))?;
        write_file(&target, |out| scfout.write(out))?;
        note_losses(&run, Some(of), request, notes);
        Ok(vec![target])
    };
    write().in_file(&request.source)
}

fn note_losses(run: &Calculation, of: Option<Of>, request: &Request, notes: &Notes) {
    let to = losses::held(request.to.capabilities(), &request.source);
    losses::note(run, of, &to, true, notes);
}

fn source(request: &Request) -> Result<Calculation> {
    if request.source.is_file() {
        check_source(request.from, &request.source)?;
    }
    let run = read(&request.source, &request.options)?;
    require_read(request.from, &run).in_file(&request.source)?;
    Ok(run)
}

/// The H that was asked for; `None` where the format has no place for one.
fn hamiltonian<'a>(run: &'a Calculation, request: &Request) -> Result<Option<(Of, &'a SpinOperator)>> {
    if !request.to.capabilities().hamiltonian {
        return Ok(None);
    }
    let present = |of: Of| Some((of, run.operator(of)?));
    let found = match request.of {
        Some(of) => present(of),
        None => present(Of::Scf).or_else(|| present(Of::H0)),
    };
    found.ok_or_else(|| missing_h(request)).map(Some)
}

fn missing_h(request: &Request) -> Error {
    not_representable(&request.to.to_string(), "the run does not have this H")
}

/// A folder is where the file goes, under the code's own name. A file that is there already is not replaced unless the user
/// insists.
fn target(request: &Request, name: &str) -> Result<PathBuf> {
    let path = if request.is_file_target() { request.target.clone() } else { request.target.join(name) };
    require_new(&path, request.write.force)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Error::from).in_file(folder)?;
    }
    Ok(path)
}
