//! Which file of a folder is what: by place and name, and H⁽⁰⁾ by its input text too.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::dat::Dat;
use super::scfout::Scfout;
use crate::error::{Error, Result};
use crate::folder::{self, entries, existing, folder_of, plain_name};

/// The calculations of one run.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// The step-zero calculation.
    pub h0: Option<Part>,
    /// The converged one.
    pub scf: Option<Part>,
}

/// One calculation: its `.scfout`, and what lies beside it.
#[derive(Debug, Clone)]
pub struct Part {
    /// The `.scfout`.
    pub path: PathBuf,
    /// Its head and tail, read; the matrices stay in the file.
    pub scfout: Arc<Scfout>,
    /// The input text at its end.
    pub dat: Dat,
    /// `.out`.
    pub out: Option<PathBuf>,
    /// `.Band`.
    pub band: Option<PathBuf>,
    /// `.crst_check` in the restart folder.
    pub crst_check: Option<PathBuf>,
}

const H0_PREFIX: &str = "h0-";

/// Does a file of this name belong to OpenMX alone?
pub fn is_own(name: &str) -> bool {
    name.ends_with(".scfout")
}

impl Run {
    /// Finds the calculations of the run at `path`: a folder with `h0/` and `scf/` (and `bands/` with `<name>_h0.Band`,
    /// `<name>_scf.Band`); one calculation's folder, where `h0-<name>.scfout` may lie beside `<name>.scfout`; or one of its files.
    ///
    /// # Errors
    /// `Io`; those of [`Scfout::read`]; `Inconsistent` where several files could be the same.
    pub fn discover(path: &Path) -> Result<Run> {
        if path.is_file() {
            return Run::of_file(path);
        }
        let (h0, scf) = (path.join("h0"), path.join("scf"));
        if !h0.is_dir() && !scf.is_dir() {
            return Run::of_folder(path);
        }
        let mut run = Run { h0: only_part(&h0)?, scf: only_part(&scf)? };
        run.take_bands(&path.join("bands"))?;
        Ok(run)
    }

    /// The calculations that exist, the converged one first.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        [&self.scf, &self.h0].into_iter().flatten()
    }

    fn of_file(path: &Path) -> Result<Run> {
        if is_own(&plain_name(path)) { Ok(Run::of_part(Part::read(path)?)) } else { Run::of_folder(folder_of(path)) }
    }

    /// Where a file is named `h0-`, the other one is the converged one.
    fn of_folder(folder: &Path) -> Result<Run> {
        let (h0, others): (Vec<_>, Vec<_>) = scfouts(folder)?.into_iter().partition(|path| is_named_h0(path));
        let read = |paths| only(paths)?.map(|path| Part::read(&path)).transpose();
        match (read(h0)?, read(others)?) {
            (None, Some(part)) => Ok(Run::of_part(part)),
            (h0, scf) => Ok(Run { h0, scf }),
        }
    }

    /// Do the input texts agree with the places?
    ///
    /// # Errors
    /// `Inconsistent` where H⁽⁰⁾ is not of a step-zero run, or the converged H beside it is.
    pub fn check_inputs(&self) -> Result<()> {
        if let Some(part) = self.h0.as_ref().filter(|part| !part.dat.is_step_zero()) {
            return Err(Error::inconsistent(NOT_STEP_ZERO).in_file(&part.path));
        }
        let is_h0 = |part: &&Part| self.h0.is_some() && part.dat.is_step_zero() && !part.is_ours();
        match self.scf.as_ref().filter(is_h0) {
            Some(part) => Err(Error::inconsistent(NOT_CONVERGED).in_file(&part.path)),
            None => Ok(()),
        }
    }

    fn of_part(part: Part) -> Run {
        if part.is_step_zero() {
            Run { h0: Some(part), ..Run::default() }
        } else {
            Run { scf: Some(part), ..Run::default() }
        }
    }

    /// `.Band` files of a folder of their own: `<name>_h0.Band` belongs to H⁽⁰⁾, any other to the converged H.
    fn take_bands(&mut self, folder: &Path) -> Result<()> {
        let is_h0 = |path: &PathBuf| plain_name(path).ends_with("_h0.Band");
        let (h0, scf): (Vec<_>, Vec<_>) = files(folder, ".Band")?.into_iter().partition(is_h0);
        for (part, bands) in [(&mut self.h0, h0), (&mut self.scf, scf)] {
            if let (Some(part), Some(band)) = (part.as_mut().filter(|part| part.band.is_none()), only(bands)?) {
                part.band = Some(band);
            }
        }
        Ok(())
    }
}

const NOT_STEP_ZERO: &str = "lies where H0 does, but its input text is not that of a step-zero run (scf.maxIter 1, no \
     scf.restart, atoms at rest); name it by --h0 if its H is H0 all the same";
const NOT_CONVERGED: &str = "lies where the converged H does, but its input text is that of a step-zero run (scf.maxIter 1); \
     name it by --hamiltonian if its H is another";

impl Part {
    /// Opens a `.scfout` and finds what lies beside it.
    ///
    /// # Errors
    /// Those of [`Scfout::read`].
    pub fn read(path: &Path) -> Result<Part> {
        let scfout = Scfout::read(path)?;
        let dat = scfout.input();
        let folder = folder_of(path);
        let name = plain_name(path);
        let own = name.trim_end_matches(".scfout");
        let stem = own.trim_start_matches(H0_PREFIX);
        // the files of a converged run belong to it alone, also where H⁽⁰⁾ lies beside it
        let has_neighbour = own != stem && existing(folder, &format!("{stem}.scfout")).is_some();
        let of_run = |end: &str| existing(folder, &format!("{stem}{end}")).or_else(|| lone(folder, end));
        let beside = |end: &str| {
            let found = existing(folder, &format!("{own}{end}"));
            if has_neighbour { found } else { found.or_else(|| of_run(end)) }
        };
        let crst_check = existing(&folder.join(format!("{stem}_rst")), &format!("{stem}.crst_check"));
        Ok(Part {
            path: path.to_owned(),
            dat,
            out: beside(".out"),
            band: beside(".Band"),
            crst_check,
            scfout: Arc::new(scfout),
        })
    }

    /// Did `hzero predict` write it? Its `report.json` tells.
    pub fn is_prediction(&self) -> bool {
        folder::is_prediction(folder_of(&self.path))
    }

    /// Does its DM belong to its H? In a prediction it is that of H⁽⁰⁾, unless it was written for a restart.
    pub fn has_own_density(&self) -> bool {
        !self.is_prediction() || folder::is_restart(folder_of(&self.path))
    }

    /// Did hzero write it, so that its H is not H⁽⁰⁾ whatever its input says?
    fn is_ours(&self) -> bool {
        folder::is_ours(folder_of(&self.path))
    }

    /// Is its H the step-zero one? By the names of folder and file, or the input text; a prediction never is.
    fn is_step_zero(&self) -> bool {
        let named_h0 = folder::is_named_h0(folder_of(&self.path));
        !self.is_ours() && (named_h0 || is_named_h0(&self.path) || self.dat.is_step_zero())
    }
}

fn only_part(folder: &Path) -> Result<Option<Part>> {
    only(scfouts(folder)?)?.map(|path| Part::read(&path)).transpose()
}

fn scfouts(folder: &Path) -> Result<Vec<PathBuf>> {
    files(folder, ".scfout")
}

fn is_named_h0(path: &Path) -> bool {
    plain_name(path).starts_with(H0_PREFIX)
}

/// At most one file may be what is looked for.
fn only(paths: Vec<PathBuf>) -> Result<Option<PathBuf>> {
    match &paths[..] {
        [] => Ok(None),
        [path] => Ok(Some(path.clone())),
        [a, b, ..] => {
            let message = format!("there is also {}; name one file instead", b.display());
            Err(Error::inconsistent(message).in_file(a))
        }
    }
}

/// The only file of a folder with this end, if there is exactly one, and none is named as that of H⁽⁰⁾.
fn lone(folder: &Path, end: &str) -> Option<PathBuf> {
    only(files(folder, end).ok()?).ok()?.filter(|path| !is_named_h0(path))
}

/// Files of a folder by the end of their names (plain or compressed), sorted; none where there is no folder.
fn files(folder: &Path, end: &str) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = entries(folder)?;
    found.retain(|path| plain_name(path).ends_with(end) && path.is_file());
    Ok(found)
}
