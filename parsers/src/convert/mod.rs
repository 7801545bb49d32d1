//! Files of one format into files of another: between formats of one code file by file, elsewhere through the run.

mod across;
mod csr;
mod from_run;
mod losses;
mod report;
mod whole;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub use report::{Fate, Note, Notes, Report};
pub use whole::{own_format, write_whole};

use crate::calculation::{Calculation, Of};
use crate::code::Code;
use crate::companion::Companion;
use crate::error::{Context, Error, Result};
use crate::format::Format;
use crate::operator::SpinOperator;
use crate::predicted::not_representable;
use crate::read::ReadOptions;
use crate::shift::Shift;
use crate::{neutral, out_of_scope};

/// What the user says.
#[derive(Debug, Clone)]
pub struct Request {
    /// File or folder to read.
    pub source: PathBuf,
    /// File or folder to write.
    pub target: PathBuf,
    /// Format of the source; found by content unless given.
    pub from: Option<Format>,
    /// Format of the target.
    pub to: Format,
    /// What is said by hand of the source.
    pub options: ReadOptions,
    /// Which H of a run; the converged one unless given, H⁽⁰⁾ where there is no other. ABACUS converts all.
    pub of: Option<Of>,
    /// How to write.
    pub write: WriteOptions,
}

impl Request {
    /// With everything found, and nothing special.
    pub fn new(source: impl Into<PathBuf>, target: impl Into<PathBuf>, to: Format) -> Self {
        let (source, target) = (source.into(), target.into());
        Request {
            source,
            target,
            from: None,
            to,
            options: ReadOptions::default(),
            of: None,
            write: WriteOptions::default(),
        }
    }

    /// A file where the format is one of files, and the name of the target tells it; else a folder.
    fn is_file_target(&self) -> bool {
        !self.to.capabilities().is_folder
            && !self.target.is_dir()
            && Format::of_file_name(&self.target) == Some(self.to)
    }
}

/// How to write.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct WriteOptions {
    /// Write zeros where the target demands data that the source lacks.
    pub fill_zero: bool,
    /// Double precision in formats that are single otherwise (dftio).
    pub double: bool,
    /// k mesh of the orthogonalisation for Wannier90; found from the reach of H unless given.
    pub mesh: Option<[u32; 3]>,
    /// Replace a file that is there, or what an earlier conversion wrote into a folder: other files in it stay.
    pub force: bool,
    /// Move the zero of energy.
    pub shift: Option<Shift>,
}

/// What a writer gets.
#[derive(Debug, Clone, Copy)]
pub struct Writing<'a> {
    /// The run, atoms and shells in the order that the format wants.
    pub run: &'a Calculation,
    /// The H to write, where the format holds one, in the same order.
    pub hamiltonian: Option<(Of, &'a SpinOperator)>,
    /// How.
    pub options: &'a WriteOptions,
    /// For what does not go through as it is.
    pub notes: &'a Notes,
}

/// Converts. A folder appears whole or not at all.
///
/// # Errors
/// All kinds; `NotRepresentable` where the target needs what the source lacks.
pub fn convert(request: &Request) -> Result<Report> {
    let to = request.to.capabilities();
    if !to.writes {
        return Err(not_representable(to.name, "hzero only reads it"));
    }
    let neutral = neutral::find(&request.source)?;
    let from = match neutral {
        Some(_) => None,
        None => {
            out_of_scope::refuse(&request.source)?;
            Some(Code::of(&request.source, &request.options)?)
        }
    };
    require_code(request.from, from).in_file(&request.source)?;
    // Of a run that came through a conversion, the files of its code do not say all.
    let stays = from.filter(|_| from == to.code && request.write.shift.is_none());
    let is_codes_own = stays.is_some() && Companion::of(&request.source, neutral, from)?.is_none();
    let Some(code) = stays.filter(|_| is_codes_own) else { return across::convert(request, neutral) };
    let notes = Notes::default();
    let files = match code {
        Code::Abacus => csr::convert(request)?,
        Code::Siesta => from_run::siesta(request, &notes)?,
        Code::OpenMx => from_run::openmx(request, &notes)?,
    };
    Ok(Report {
        source: request.source.clone(),
        target: request.target.clone(),
        from: code.name().to_owned(),
        to: request.to,
        files,
        notes: notes.into_sorted(),
    })
}

/// Files of a code must be of the code whose format was promised.
fn require_code(promised: Option<Format>, found: Option<Code>) -> Result<()> {
    match promised.zip(found) {
        Some((promised, found)) if promised.capabilities().code != Some(found) => {
            Err(Error::syntax(format!("a run of format {promised}"), format!("files of {}", found.name())))
        }
        _ => Ok(()),
    }
}

/// Of a run in a folder, a file of the promised format must be among those that were read.
fn require_read(promised: Option<Format>, run: &Calculation) -> Result<()> {
    let Some(promised) = promised.filter(|promised| promised.capabilities().code.is_some()) else { return Ok(()) };
    let mut found = BTreeSet::new();
    for file in run.origin.files.iter().filter(|file| file.is_file()) {
        found.extend(Format::guess_file(file)?.map(|format| format.capabilities().name));
    }
    if found.contains(promised.capabilities().name) {
        return Ok(());
    }
    let found: Vec<&str> = found.into_iter().collect();
    Err(Error::syntax(format!("a run of format {promised}"), format!("files of {}", found.join(", "))))
}

/// A file must be of the format that was promised.
fn check_source(promised: Option<Format>, file: &Path) -> Result<()> {
    let Some(promised) = promised else { return Ok(()) };
    match Format::guess_file(file)? {
        Some(found) if found == promised => Ok(()),
        found => {
            let found = found.map_or("something else".into(), |format| format.to_string());
            Err(Error::syntax(format!("a file of format {promised}"), found).in_file(file))
        }
    }
}
