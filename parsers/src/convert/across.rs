//! From one code, or one neutral format, to another: the source becomes a run, the run becomes files.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Notes, Report, Request, WriteOptions, Writing, check_source, losses, require_read};
use crate::calculation::{Calculation, Of};
use crate::code::Code;
use crate::companion::{self, Companion};
use crate::error::{Context, Error, Result};
use crate::folder::entries;
use crate::format::{Capabilities, Format};
use crate::output::{write_file_of, write_folder};
use crate::predicted::not_representable;
use crate::read::read;
use crate::reorder::Reordering;
use crate::shift::shifted;
use crate::{abacus, neutral, openmx, siesta};

/// Converts through the run. `from` is the neutral format of the source, if it is one.
///
/// # Errors
/// As [`super::convert`].
pub fn convert(request: &Request, from: Option<Format>) -> Result<Report> {
    require_promised(request, from)?;
    let run = read(&request.source, &request.options)?;
    require_read(request.from, &run).in_file(&request.source)?;
    let notes = Notes::default();
    let code = run.origin.code;
    let files = write(request, run, &notes).in_file(&request.source)?;
    Ok(Report {
        source: request.source.clone(),
        target: request.target.clone(),
        from: from.map_or(code.to_owned(), |format| format.to_string()),
        to: request.to,
        files,
        notes: notes.into_sorted(),
    })
}

/// What lies at the source must be of the format that was promised.
fn require_promised(request: &Request, found: Option<Format>) -> Result<()> {
    match (request.from, found) {
        (None, _) => Ok(()),
        (Some(promised), Some(found)) if promised == found => Ok(()),
        (promised, None) if request.source.is_file() => check_source(promised, &request.source),
        (Some(promised), None) if promised.capabilities().code.is_some() => Ok(()),
        (Some(promised), found) => {
            let found = found.map_or("something else".into(), |format| format.to_string());
            Err(Error::syntax(format!("a folder of format {promised}"), found).in_file(&request.source))
        }
    }
}

fn write(request: &Request, run: Calculation, notes: &Notes) -> Result<Vec<PathBuf>> {
    let to = request.to.capabilities();
    let of = chosen(&run, request.of, &to)?;
    let mut run = match (request.write.shift, of) {
        (Some(shift), Some(of)) => shifted(run, of, shift)?,
        (Some(_), None) => return Err(not_representable(to.name, "it gets no H whose energies could be shifted")),
        (None, _) => run,
    };
    run.native = None;
    let target = Target { path: &request.target, to: request.to, options: &request.write };
    if request.is_file_target() { target.write_file(run, of, notes) } else { target.write_folder(run, of, notes) }
}

/// Writes a run without native layout as a folder: the converged H, unless there is none.
///
/// # Errors
/// As [`super::convert`].
pub(super) fn write_run(
    run: Calculation,
    path: &Path,
    to: Format,
    options: &WriteOptions,
    notes: &Notes,
) -> Result<Vec<PathBuf>> {
    let of = chosen(&run, None, &to.capabilities())?;
    Target { path, to, options }.write_folder(run, of, notes)
}

/// Where a run goes.
struct Target<'a> {
    path: &'a Path,
    to: Format,
    options: &'a WriteOptions,
}

impl Target<'_> {
    fn write_file(&self, run: Calculation, of: Option<Of>, notes: &Notes) -> Result<Vec<PathBuf>> {
        losses::note(&run, of, &self.to.capabilities(), true, notes);
        let ordered = ordered(&run, &order_for(self.to, &run))?;
        write_file_of(self.path, self.options.force, |stage| {
            write_format(self.to, stage, &self.job(&ordered, of, notes))?;
            main_file(stage, self.to)
        })?;
        Ok(vec![self.path.to_owned()])
    }

    /// Not told: what else lies in the folder.
    fn write_folder(&self, run: Calculation, of: Option<Of>, notes: &Notes) -> Result<Vec<PathBuf>> {
        let to = self.to.capabilities();
        losses::note(&run, of, &to, false, notes);
        let reordering = order_for(self.to, &run);
        let ordered = ordered(&run, &reordering)?;
        let mut written = Vec::new();
        write_folder(self.path, replaced(self.path, self.options.force)?.as_ref(), |stage| {
            write_format(self.to, stage, &self.job(&ordered, of, notes))?;
            Companion::new(to.name, &run, of, &reordering).listing(stage)?.write(stage)?;
            written = entries(stage)?;
            Ok(())
        })?;
        Ok(written.iter().filter_map(|file| file.file_name()).map(|name| self.path.join(name)).collect())
    }

    fn job<'a>(&'a self, run: &'a Calculation, of: Option<Of>, notes: &'a Notes) -> Writing<'a> {
        let hamiltonian = of.and_then(|of| Some((of, run.operator(of)?)));
        Writing { run, hamiltonian, options: self.options, notes }
    }
}

/// In the order of the target, without a copy where nothing moves.
pub(super) fn ordered<'a>(run: &'a Calculation, order: &Reordering) -> Result<Cow<'a, Calculation>> {
    Ok(if order.is_none() { Cow::Borrowed(run) } else { Cow::Owned(order.apply(run.clone())?) })
}

/// The files of an earlier conversion, which may go where the user insists.
pub(super) fn replaced(target: &Path, force: bool) -> Result<Option<BTreeSet<PathBuf>>> {
    if !force {
        return Ok(None);
    }
    let files = Companion::files_of(target)?;
    if files.is_empty() && target.is_dir() && !entries(target)?.is_empty() {
        let message = format!("the folder is not empty and has no {}: it will not be replaced", companion::FILE_NAME);
        return Err(Error::unsupported(message).in_file(target));
    }
    Ok(Some(files))
}

pub(super) fn write_format(to: Format, folder: &Path, job: &Writing) -> Result<()> {
    match to.capabilities().code {
        Some(Code::Siesta) => siesta::foreign::write(folder, to, job),
        Some(Code::Abacus) => abacus::foreign::write(folder, to, job),
        Some(Code::OpenMx) => openmx::foreign::write(folder, to, job),
        None => neutral::write(to, folder, job),
    }
}

/// The H that was asked for; `None` where the format has no place for one, or a run of S alone.
fn chosen(run: &Calculation, of: Option<Of>, to: &Capabilities) -> Result<Option<Of>> {
    if !to.hamiltonian {
        return Ok(None);
    }
    match of {
        Some(of) if run.operator(of).is_none() => Err(not_representable(to.name, "the run does not have this H")),
        Some(of) => Ok(Some(of)),
        None => Ok([Of::Scf, Of::H0].into_iter().find(|&of| run.operator(of).is_some())),
    }
}

/// Atoms and shells as the format wants them.
pub(super) fn order_for(to: Format, run: &Calculation) -> Reordering {
    let order = Reordering::none(run);
    match to {
        Format::AbacusOld | Format::AbacusNew => order.atoms_by_species(run).shells_by_l(run),
        Format::OpenMxScfout | Format::Dftio => order.shells_by_l(run),
        Format::Deeph => order.atoms_by_element(run),
        _ => order,
    }
}

/// The file of a folder that is in the format itself.
fn main_file(folder: &Path, format: Format) -> Result<PathBuf> {
    let mut files = entries(folder)?.into_iter().filter(|file| Format::of_file_name(file) == Some(format));
    match (files.next(), files.next()) {
        (Some(file), None) => Ok(file),
        (None, _) => Err(Error::inconsistent(format!("no file of {format} was written"))),
        (Some(_), Some(_)) => {
            Err(not_representable(&format.to_string(), "this run needs several files: name a folder as target"))
        }
    }
}
