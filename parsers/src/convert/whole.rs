//! A run in memory as a folder that is a run again: `h0/` and `scf/` in the format of a code, one H in a neutral format.

use std::path::{Path, PathBuf};

use super::across::{order_for, ordered, replaced, write_format, write_run};
use super::{Notes, Report, WriteOptions, Writing, losses};
use crate::abacus::csr::Version;
use crate::calculation::{Calculation, NativeLayout, Of};
use crate::cells::Moves;
use crate::code::Code;
use crate::companion::Companion;
use crate::error::{Error, Result};
use crate::format::Format;
use crate::neutral;
use crate::output::{files_below, write_folder};
use crate::predicted::not_representable;

/// The format that `run`, read from `source`, is in.
///
/// # Errors
/// `Unsupported` where hzero does not write that format.
pub fn own_format(run: &Calculation, source: &Path) -> Result<Format> {
    let format = match (&run.native, neutral::find(source)?) {
        (_, Some(neutral)) => Some(neutral),
        (Some(NativeLayout::Abacus(layout)), None) => {
            let layouts = layout.any_hamiltonian().iter().chain(&layout.overlap);
            let version = layouts.map(|layout| layout.header.version()).next();
            Some(if version == Some(Version::Old) { Format::AbacusOld } else { Format::AbacusNew })
        }
        (Some(NativeLayout::Siesta(_)), None) => Some(Format::SiestaHsx),
        (Some(NativeLayout::OpenMx(_)), None) => Some(Format::OpenMxScfout),
        (None, None) => match Code::ALL.into_iter().find(|code| code.name() == run.origin.code) {
            Some(Code::Abacus) => Some(Format::AbacusNew),
            Some(Code::Siesta) => Some(Format::SiestaHsx),
            Some(Code::OpenMx) => Some(Format::OpenMxScfout),
            None => None,
        },
    };
    format.filter(|format| format.capabilities().writes).ok_or_else(|| {
        let own = format.map_or(run.origin.code.to_owned(), |format| format.to_string());
        Error::unsupported(format!("hzero does not write {own}; name a format with --to")).in_file(source)
    })
}

/// Writes `run`, which came from `source` and was changed since, into the folder `target`. For the format of a code it gets
/// `h0/` and `scf/`, each with S, so that all that the run has is found again; for a neutral one, which holds one H, the converged H
/// unless there is none. What else files must hold and the run lacks is 0, and told.
///
/// # Errors
/// `Io`; `NotRepresentable` where the format needs what the run lacks; `Unsupported` where `target` is taken, and
/// [`WriteOptions::force`] is not set or it holds what hzero did not write.
pub fn write_whole(mut run: Calculation, source: &Path, target: &Path, to: Format, force: bool) -> Result<Report> {
    let notes = Notes::default();
    let options = WriteOptions { fill_zero: true, force, double: true, ..WriteOptions::default() };
    run.native = None;
    let from = run.origin.code.to_owned();
    let files = match to.capabilities().code {
        Some(code) => Parts { target, to, options: &options, notes: &notes }.write(placed(run, code)?)?,
        None => write_run(run, target, to, &options, &notes)?,
    };
    let (source, target) = (source.to_owned(), target.to_owned());
    Ok(Report { source, target, from, to, files, notes: notes.into_sorted() })
}

/// ABACUS would move atoms into the cell on reading.
fn placed(run: Calculation, code: Code) -> Result<Calculation> {
    if code == Code::Abacus { Moves::into_cell(&run.structure).apply(run) } else { Ok(run) }
}

/// What is being written, in the format of a code.
struct Parts<'a> {
    target: &'a Path,
    to: Format,
    options: &'a WriteOptions,
    notes: &'a Notes,
}

impl Parts<'_> {
    fn write(&self, run: Calculation) -> Result<Vec<PathBuf>> {
        if !self.to.capabilities().hamiltonian && run.hamiltonian.is_some() {
            return Err(not_representable(&self.to.to_string(), "it has no place for H"));
        }
        let order = order_for(self.to, &run);
        let ordered = ordered(&run, &order)?;
        let kinds = kinds(&run);
        losses::note_whole(&run, &self.to.capabilities(), self.notes);
        let companion = |of| Companion::new(self.to.capabilities().name, &run, of, &order);
        let mut written = Vec::new();
        write_folder(self.target, replaced(self.target, self.options.force)?.as_ref(), |stage| {
            for &of in &kinds {
                let folder = stage.join(if of == Some(Of::H0) { "h0" } else { "scf" });
                std::fs::create_dir(&folder)?;
                let hamiltonian = of.and_then(|of| Some((of, ordered.operator(of)?)));
                let job = Writing { run: &ordered, hamiltonian, options: self.options, notes: self.notes };
                write_format(self.to, &folder, &job)?;
                companion(of).listing(&folder)?.write(&folder)?;
            }
            companion(kinds.last().copied().flatten()).listing(stage)?.write(stage)?;
            written = files_below(stage)?;
            written.iter_mut().for_each(|file| {
                *file = self.target.join(file.strip_prefix(stage).unwrap_or(file));
            });
            Ok(())
        })?;
        Ok(written)
    }
}

/// The Hamiltonians of the run, the converged one last; S alone where there is none.
fn kinds(run: &Calculation) -> Vec<Option<Of>> {
    let kinds: Vec<_> = [Of::H0, Of::Scf].into_iter().filter(|&of| run.operator(of).is_some()).map(Some).collect();
    if kinds.is_empty() { vec![None] } else { kinds }
}
