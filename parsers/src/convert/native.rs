//! One file of a code out of a run of the same code, on the run's own pattern.

use std::path::{Path, PathBuf};

use super::{Request, check_source};
use crate::calculation::{Calculation, NativeLayout, Of};
use crate::error::{Context, Error, Result};
use crate::format::Format;
use crate::operator::SpinOperator;
use crate::predicted::not_representable;
use crate::read::{ReadOptions, read};
use crate::siesta;

/// Reads the run, and writes the one file.
///
/// # Errors
/// As [`super::convert`].
pub fn convert(request: &Request, options: &ReadOptions) -> Result<Vec<PathBuf>> {
    if request.source.is_file() {
        check_source(request.from, &request.source)?;
    }
    let run = read(&request.source, options)?;
    let write = || -> Result<PathBuf> {
        match &run.native {
            Some(NativeLayout::Siesta(layout)) => {
                let target = target(&request.target, &siesta::convert::file_name(layout, request.to))?;
                siesta::convert::write(&target, request.to, &run, layout, hamiltonian(&run, request)?)?;
                Ok(target)
            }
            _ => Err(not_representable(&request.to.to_string(), "the files lack what the format needs")),
        }
    };
    Ok(vec![write().in_file(&request.source)?])
}

/// The H that was asked for; `None` where the format has no place for one.
fn hamiltonian<'a>(run: &'a Calculation, request: &Request) -> Result<Option<(Of, &'a SpinOperator)>> {
    if !request.to.capabilities().hamiltonian {
        return Ok(None);
    }
    chosen(run, request.of).ok_or_else(|| no_hamiltonian(request.to)).map(Some)
}

fn chosen(run: &Calculation, of: Option<Of>) -> Option<(Of, &SpinOperator)> {
    let present = |of: Of| Some((of, run.operator(of)?));
    match of {
        Some(of) => present(of),
        None => present(Of::Scf).or_else(|| present(Of::H0)),
    }
}

fn no_hamiltonian(format: Format) -> Error {
    not_representable(&format.to_string(), "the run does not have this H")
}

/// A folder is where the file goes, under the code's own name.
fn target(target: &Path, name: &str) -> Result<PathBuf> {
    let path = if target.is_dir() { target.join(name) } else { target.to_owned() };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Error::from).in_file(folder)?;
    }
    Ok(path)
}
