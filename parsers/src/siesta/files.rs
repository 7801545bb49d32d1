//! Which file of a folder is what: by place and name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::fdf::Fdf;
use super::log::Log;
use crate::error::{Context, Error, Result};
use crate::folder::{self, entries, folder_of, plain_name};
use crate::input;

/// The calculations of one run.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// The step-zero calculation.
    pub h0: Option<Folder>,
    /// The converged one.
    pub scf: Option<Folder>,
    /// Bands of both, where they lie apart.
    pub bands: Option<Folder>,
}

/// The files of one calculation, `<label>.*`.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    /// The folder itself.
    pub home: PathBuf,
    /// `SystemLabel`, by which SIESTA names its files.
    pub label: String,
    /// The input, read; empty where there is none.
    pub fdf: Fdf,
    /// The input.
    pub fdf_path: Option<PathBuf>,
    /// `.HSX`, else `.nc`: H and S of this calculation.
    pub hsx: Option<PathBuf>,
    /// `.0.HSX`: H⁽⁰⁾ and S (`HSetupOnly` of SIESTA 5).
    pub hsx0: Option<PathBuf>,
    /// `.TSHS`: H and S once more, always in double precision.
    pub tshs: Option<PathBuf>,
    /// `.onlyS`: S alone (`TS.S.Save`, `TS.onlyS`), in the format of a TSHS.
    pub only_s: Option<PathBuf>,
    /// `H_DMGEN`: the H that the last density matrix came from, without S.
    pub h_dmgen: Option<PathBuf>,
    /// `H_IN`, `H_DMGEN` or `H_MIXED` where the user names it: this H counts, with S and all else of the other files.
    pub h_alone: Option<PathBuf>,
    /// `.DM`, else `.TSDE`.
    pub density_matrix: Option<PathBuf>,
    /// `.XV`.
    pub xv: Option<PathBuf>,
    /// `.STRUCT_OUT`.
    pub struct_out: Option<PathBuf>,
    /// `.ORB_INDX`.
    pub orb_indx: Option<PathBuf>,
    /// `<species>.ion.xml`.
    pub ions: Vec<PathBuf>,
    /// `.EIG`.
    pub eig: Option<PathBuf>,
    /// `.KP`.
    pub kp: Option<PathBuf>,
    /// `.bands` of this calculation.
    pub bands: Option<PathBuf>,
    /// `.h0.bands`: those of H⁽⁰⁾, put beside them.
    pub bands0: Option<PathBuf>,
    /// Standard output: `<label>.out`, else the only `*.out` of SIESTA.
    pub log: Option<PathBuf>,
}

/// Ends of names that only SIESTA uses.
const OWN: [&str; 11] =
    [".HSX", ".TSHS", ".onlyS", ".TSDE", ".DM", ".nc", ".fdf", ".XV", ".EIG", ".ORB_INDX", ".ion.xml"];
/// Names of files with H alone.
const H_ALONE: [&str; 3] = ["H_IN", "H_DMGEN", "H_MIXED"];
/// Ends of names from which the label is taken, the first ones first.
const LABELLED: [&str; 10] = [".HSX", ".TSHS", ".onlyS", ".DM", ".TSDE", ".XV", ".EIG", ".bands", ".fdf", ".nc"];
/// What may stand between the label and these ends.
const VARIANTS: [&str; 3] = [".0", ".h0", ".h0only"];
/// Tolerances of `SCF.H.Tolerance` from which on the first iteration counts as converged.
const NO_TOLERANCE: f64 = 1e3;

/// Does a file of this name belong to SIESTA alone?
pub fn is_own(name: &str) -> bool {
    OWN.iter().any(|end| name.ends_with(end)) || H_ALONE.contains(&name)
}

impl Run {
    /// Finds the calculations of the run at `path`: a folder with `h0/`, `scf/`, `bands/`; one calculation's folder, where
    /// `.0.HSX` is H⁽⁰⁾; or one file.
    ///
    /// # Errors
    /// `Io`, or `Inconsistent` where several files could be the same matrix; those of the input.
    pub fn discover(path: &Path) -> Result<Run> {
        if path.is_file() {
            return Run::of_file(path);
        }
        std::fs::read_dir(path).map_err(Error::from).in_file(path)?;
        let part = |name: &str| {
            let folder = path.join(name);
            if folder.is_dir() { Folder::find(&folder).map(Some) } else { Ok(None) }
        };
        let (h0, scf, bands) = (part("h0")?, part("scf")?, part("bands")?);
        match (h0, scf) {
            (None, None) => Ok(Run::of_folder(Folder::find(path)?)),
            (None, Some(scf)) => Ok(Run { bands, ..Run::of_folder(scf) }),
            (h0, scf) => Ok(Run { h0, scf: scf.map(|scf| Folder { hsx0: None, ..scf }), bands }),
        }
    }

    /// The calculations that exist, the converged one first.
    pub fn folders(&self) -> impl Iterator<Item = &Folder> {
        [&self.scf, &self.h0, &self.bands].into_iter().flatten()
    }

    /// A flat folder holds one calculation, or H⁽⁰⁾ as `.0.HSX` beside the converged H.
    fn of_folder(mut folder: Folder) -> Run {
        if (folder.is_step_zero() && !folder.holds_both())
            || (folder.hsx0.is_some() && folder.hsx.is_none() && folder.tshs.is_none())
        {
            return Run { h0: Some(folder), ..Run::default() };
        }
        let (hsx0, bands0) = (folder.hsx0.take(), folder.bands0.take());
        let h0 =
            hsx0.is_some().then(|| folder.clone().without_results()).map(|h0| Folder { hsx0, bands: bands0, ..h0 });
        Run { h0, scf: Some(folder), bands: None }
    }

    /// A matrix alone, with the texts around it (H alone also with the S beside it); any other file stands for its folder.
    fn of_file(path: &Path) -> Result<Run> {
        let home = folder_of(path);
        let (name, file) = (plain_name(path), Some(path.to_owned()));
        let label = LABELLED.iter().find_map(|end| label_of(&name, end));
        let mut folder = Folder::labelled(home, label)?;
        if name.ends_with(".0.HSX") {
            let h0 = Folder { hsx0: file, ..folder.without_results() };
            return Ok(Run { h0: Some(h0), ..Run::default() });
        } else if [".HSX", ".nc"].iter().any(|end| name.ends_with(end)) {
            (folder.hsx, folder.hsx0) = (file, None);
        } else if name.ends_with(".TSHS") {
            (folder.tshs, folder.hsx, folder.hsx0) = (file, None, None);
        } else if name.ends_with(".onlyS") {
            folder = Folder { only_s: file, ..folder.without_results() };
        } else if H_ALONE.contains(&name.as_str()) {
            let has_other = folder.hsx.is_some() || folder.tshs.is_some();
            (folder.h_alone, folder.hsx0) = (file, folder.hsx0.filter(|_| !has_other));
            let (h0, scf) = if folder.is_step_zero() { (Some(folder), None) } else { (None, Some(folder)) };
            return Ok(Run { h0, scf, bands: None });
        }
        Ok(Run::of_folder(folder))
    }
}

impl Folder {
    /// Finds the files of one calculation.
    ///
    /// # Errors
    /// As [`Run::discover`].
    pub fn find(home: &Path) -> Result<Folder> {
        Folder::labelled(home, None)
    }

    fn labelled(home: &Path, label: Option<String>) -> Result<Folder> {
        let names = names(home)?;
        let label = match label {
            Some(label) => label,
            None => label_in(&names).in_file(home)?,
        };
        let named = |end: &str| names.get(&format!("{label}{end}")).cloned();
        let fdf_path = named(".fdf").or_else(|| only(&names, |name, _| name.ends_with(".fdf")));
        let ions = names.iter().filter(|(name, _)| name.ends_with(".ion.xml"));
        Ok(Folder {
            fdf: fdf_path.as_deref().map(Fdf::read).transpose()?.unwrap_or_default(),
            fdf_path,
            hsx: named(".HSX").or_else(|| named(".nc")),
            hsx0: named(".0.HSX"),
            tshs: named(".TSHS"),
            only_s: named(".onlyS"),
            h_dmgen: names.get("H_DMGEN").cloned(),
            h_alone: None,
            density_matrix: named(".DM").or_else(|| named(".TSDE")),
            xv: named(".XV"),
            struct_out: named(".STRUCT_OUT"),
            orb_indx: named(".ORB_INDX"),
            ions: ions.map(|(_, path)| path.clone()).collect(),
            eig: named(".EIG"),
            kp: named(".KP"),
            bands: named(".bands"),
            bands0: named(".h0.bands"),
            log: named(".out").or_else(|| only(&names, |name, path| name.ends_with(".out") && is_log(path))),
            home: home.to_owned(),
            label,
        })
    }

    /// The input and what belongs to the structure alone.
    pub fn without_results(self) -> Folder {
        let Folder { home, label, fdf, fdf_path, xv, struct_out, orb_indx, ions, .. } = self;
        Folder { home, label, fdf, fdf_path, xv, struct_out, orb_indx, ions, ..Folder::default() }
    }

    /// Takes another input.
    ///
    /// # Errors
    /// Those of [`Fdf::read`].
    pub fn set_input(&mut self, path: &Path) -> Result<()> {
        (self.fdf, self.fdf_path) = (Fdf::read(path)?, Some(path.to_owned()));
        Ok(())
    }

    /// The file of its structure, for matrices that have none.
    pub fn geometry(&self) -> Option<&Path> {
        self.xv.as_deref().or(self.struct_out.as_deref())
    }

    /// The file of its H and S, else that of S alone.
    pub fn matrix(&self) -> Option<&Path> {
        [&self.hsx0, &self.hsx, &self.tshs, &self.only_s].into_iter().find_map(Option::as_deref)
    }

    /// Did `hzero predict` write it? Its `report.json` tells.
    pub fn is_prediction(&self) -> bool {
        folder::is_prediction(&self.home)
    }

    /// Did hzero write it, so that its H is not H⁽⁰⁾ whatever its input says?
    fn is_ours(&self) -> bool {
        folder::is_ours(&self.home)
    }

    /// Is its H the step-zero one? By the folder's name or its input; a prediction never is.
    fn is_step_zero(&self) -> bool {
        !self.is_ours() && (self.is_named_h0() || self.stops_at_h0())
    }

    /// `HSetupOnly` was added to the input of a converged run: it leaves `.0.HSX`, and the `.HSX` beside it is older.
    fn holds_both(&self) -> bool {
        let has_both_files = self.hsx0.is_some() && self.hsx.is_some();
        has_both_files && self.fdf.is_on("HSetupOnly") && !self.is_named_h0()
    }

    fn is_named_h0(&self) -> bool {
        folder::is_named_h0(&self.home)
    }

    /// Does SIESTA take H from `H_IN` instead of building it?
    pub fn reads_h(&self) -> bool {
        self.fdf.is_on("Read-H-from-file")
    }

    /// Does its input ask for H⁽⁰⁾: no iteration at all, one that nothing follows, or the functional of fixed atomic charges?
    pub fn stops_at_h0(&self) -> bool {
        let number = |label: &str| self.fdf.number(label).ok().flatten();
        let one_iteration = number("MaxSCFIterations") == Some(1.0);
        let converges = number("SCF.H.Tolerance").is_some_and(|tolerance| tolerance >= NO_TOLERANCE);
        let is_set = |label: &str| self.fdf.is_on(label);
        !self.reads_h() && (is_set("HSetupOnly") || is_set("Harris.Functional") || (one_iteration && converges))
    }

    /// Names that were looked for, for the message where nothing was found.
    pub fn looked_for(&self) -> String {
        let label = if self.label.is_empty() { "<label>" } else { &self.label };
        format!("{label}.HSX, {label}.nc, {label}.0.HSX, {label}.TSHS, {label}.onlyS (also with .gz or .zst)")
    }
}

/// The file that `fits`, where no other one does.
fn only(names: &BTreeMap<String, PathBuf>, fits: impl Fn(&str, &Path) -> bool) -> Option<PathBuf> {
    let mut found = names.iter().filter(|(name, path)| fits(name, path));
    let (_, path) = found.next().filter(|_| found.next().is_none())?;
    Some(path.clone())
}

/// Does SIESTA write so? (Queues leave files of such names too.)
fn is_log(path: &Path) -> bool {
    input::open(path).is_ok_and(|file| Log::parse(&file).is_ok())
}

/// The label that the names share: that of the most telling end. Where an end has several, the variants are left out first.
fn label_in(names: &BTreeMap<String, PathBuf>) -> Result<String> {
    for end in LABELLED {
        let labels: BTreeSet<String> = names.keys().filter_map(|name| label_of(name, end)).collect();
        match &labels.iter().collect::<Vec<_>>()[..] {
            [] => {}
            [label] => return Ok((*label).clone()),
            [a, b, ..] => {
                let message = format!("{a}{end} and {b}{end} could be the same calculation: name one of them by hand");
                return Err(Error::inconsistent(message));
            }
        }
    }
    Ok(String::new())
}

/// `si` of `si.HSX`, `si.0.HSX`, `si.h0.bands`.
fn label_of(name: &str, end: &str) -> Option<String> {
    let stem = name.strip_suffix(end).filter(|stem| !stem.ends_with(".ion"))?; // C.ion.nc is carbon's basis
    Some(VARIANTS.iter().find_map(|variant| stem.strip_suffix(variant)).unwrap_or(stem).to_owned())
}

/// The files of a folder by their names without `.gz` and `.zst`; a plain one wins.
fn names(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut paths = entries(folder)?;
    paths.retain(|path| path.is_file());
    paths.sort_by_key(|path| std::cmp::Reverse(path.as_os_str().len()));
    Ok(paths.into_iter().map(|path| (plain_name(&path), path)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(files: &[&str], at: &str) -> Result<Run> {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, if file.contains("only") { "HSetupOnly T\n" } else { "" }).unwrap();
        }
        Run::discover(&folder.path().join(at))
    }

    #[test]
    fn a_step_zero_file_beside_the_converged_one() {
        let both = run(&["h0/si.HSX", "scf/si.0.HSX", "scf/si.HSX"], "").unwrap();
        assert!(both.scf.unwrap().matrix().unwrap().ends_with("scf/si.HSX"));
        let split = run(&["scf/si.0.HSX", "scf/si.HSX", "bands/si.bands"], "").unwrap();
        assert!(split.h0.unwrap().matrix().unwrap().ends_with("scf/si.0.HSX"));
        assert!(split.scf.unwrap().hsx0.is_none() && split.bands.is_some());
    }

    #[test]
    fn folders_and_flat_ones() {
        let parts =
            run(&["h0/si.0.HSX", "h0/si.HSX", "scf/si.HSX.gz", "bands/si.bands", "bands/si.h0.bands"], "").unwrap();
        assert!(parts.h0.is_some_and(|h0| h0.hsx0.is_some() && h0.label == "si"));
        assert!(parts.scf.is_some_and(|scf| scf.hsx.is_some_and(|path| path.ends_with("si.HSX.gz"))));
        assert!(parts.bands.is_some_and(|bands| bands.bands.is_some() && bands.bands0.is_some()));
        let flat = run(&["si.0.HSX", "si.HSX", "run.fdf", "other.bands"], "").unwrap();
        let (h0, scf) = (flat.h0.unwrap(), flat.scf.unwrap());
        assert!(h0.hsx0.is_some() && h0.hsx.is_none() && scf.hsx0.is_none() && scf.hsx.is_some());
        assert!(h0.fdf_path.is_some() && scf.fdf_path.is_some() && scf.bands.is_none());
        let again = run(&["si.0.HSX", "si.HSX", "only.fdf"], "").unwrap();
        assert!(again.h0.is_some_and(|h0| h0.hsx0.is_some() && h0.hsx.is_none()));
        assert!(again.scf.is_some_and(|scf| scf.hsx0.is_none() && scf.hsx.is_some()));
        let only = run(&["si.HSX", "only.fdf"], "").unwrap();
        assert!(only.h0.is_some() && only.scf.is_none());
    }

    #[test]
    fn one_file() {
        let files = ["a.HSX", "a.0.HSX", "b.HSX", "b.XV"];
        let scf = run(&files, "b.HSX").unwrap().scf.unwrap();
        assert!(scf.label == "b" && scf.hsx.is_some() && scf.xv.is_some());
        let h0 = run(&files, "a.0.HSX").unwrap().h0.unwrap();
        assert!(h0.hsx0.is_some() && h0.hsx.is_none());
        let message = run(&files, "").unwrap_err().to_string();
        assert!(
            message.ends_with("a.HSX and b.HSX could be the same calculation: name one of them by hand"),
            "{message}"
        );
    }
}
