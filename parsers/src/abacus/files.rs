//! Which file of a folder is what: by place, name and, for a file given alone, content.

use std::path::{Path, PathBuf};

use super::input_file::InputFile;
use crate::error::{Context, Error, Result};
use crate::folder::{self, existing, folder_of, plain_name};
use crate::input;

/// The calculations of one run.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// The step-zero calculation.
    pub h0: Option<Folder>,
    /// The converged one.
    pub scf: Option<Folder>,
    /// Bands of the converged one (nscf).
    pub bands: Option<Folder>,
}

/// The files of one calculation.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    /// Where INPUT, STRU and KPT lie.
    pub home: PathBuf,
    /// Where the output lies: `OUT.<suffix>`, or `home` itself.
    pub out: PathBuf,
    /// INPUT, read.
    pub input: Option<InputFile>,
    /// INPUT.
    pub input_path: Option<PathBuf>,
    /// STRU.
    pub stru: Option<PathBuf>,
    /// KPT.
    pub kpt: Option<PathBuf>,
    /// `running_*.log`.
    pub log: Option<PathBuf>,
    /// `info.json`.
    pub info: Option<PathBuf>,
    /// H of this calculation, one file per spin.
    pub hamiltonian: Vec<PathBuf>,
    /// H⁽⁰⁾ beside it: `h0-*`.
    pub hamiltonian0: Vec<PathBuf>,
    /// S.
    pub overlap: Option<PathBuf>,
    /// DM, one file per spin.
    pub density_matrix: Vec<PathBuf>,
}

/// Names of H, spin up (or the only file).
const HAMILTONIAN: [&str; 3] = ["hrs1_nao.csr", "data-HR-sparse_SPIN0.csr", "HR.csr"];
const OVERLAP: [&str; 4] = ["srs1_nao.csr", "sr_nao.csr", "data-SR-sparse_SPIN0.csr", "SR.csr"];
const DENSITY_MATRIX: [&str; 2] = ["dmrs1_nao.csr", "data-DMR-sparse_SPIN0.csr"];
/// What marks spin up in a name, and spin down in the other.
const SPIN_MARKS: [(&str, &str); 3] = [("SPIN0", "SPIN1"), ("hrs1", "hrs2"), ("dmrs1", "dmrs2")];
const H0_PREFIX: &str = "h0-";
const CALCULATIONS: [&str; 6] = ["scf", "nscf", "relax", "cell-relax", "md", "get_S"];

impl Run {
    /// Finds the calculations of the run at `path`: a folder with `h0/`, `scf/`, `bands/`; one calculation's folder; its
    /// `OUT.*`; a flat folder; or one file.
    ///
    /// # Errors
    /// `Io`, or `Inconsistent` where several files could be the same matrix.
    pub fn discover(path: &Path) -> Result<Run> {
        if path.is_file() {
            return Run::of_file(path);
        }
        std::fs::read_dir(path).map_err(Error::from).in_file(path)?;
        let part = |names: &[&str]| {
            let folder = names.iter().map(|name| path.join(name)).find(|folder| folder.is_dir());
            folder.map(|folder| Folder::find(&folder)).transpose()
        };
        // The second names are those of NextHAM's data sets.
        let run =
            Run { h0: part(&["h0", "abacus_geths"])?, scf: part(&["scf", "abacus_scf"])?, bands: part(&["bands"])? };
        if run.h0.is_some() || run.scf.is_some() { Ok(run) } else { Ok(Run::of_folder(Folder::find(path)?)) }
    }

    /// The calculations that exist, the converged one first.
    pub fn folders(&self) -> impl Iterator<Item = &Folder> {
        [&self.scf, &self.h0, &self.bands].into_iter().flatten()
    }

    fn of_folder(folder: Folder) -> Run {
        if folder.is_step_zero() {
            Run { h0: Some(folder), ..Run::default() }
        } else {
            Run { scf: Some(folder), ..Run::default() }
        }
    }

    /// A matrix alone, with what lies around it.
    fn of_file(path: &Path) -> Result<Run> {
        let mut folder = Folder::find(folder_of(path))?;
        let name = file_name(path);
        if ["INPUT", "STRU", "KPT"].contains(&name.as_str()) || name.starts_with("running_") {
            return Ok(Run::of_folder(folder));
        }
        let label = matrix_label(path)?;
        (folder.hamiltonian, folder.hamiltonian0) = (Vec::new(), Vec::new());
        match label {
            Label::Overlap => folder.overlap = Some(path.to_owned()),
            Label::DensityMatrix => folder.density_matrix = with_other_spin(path),
            Label::Hamiltonian if name.starts_with(H0_PREFIX) => folder.hamiltonian0 = with_other_spin(path),
            Label::Hamiltonian => folder.hamiltonian = with_other_spin(path),
        }
        Ok(Run::of_folder(folder))
    }
}

impl Folder {
    /// Finds the files of one calculation.
    ///
    /// # Errors
    /// As [`Run::discover`].
    pub fn find(path: &Path) -> Result<Folder> {
        let home = home(path);
        let input_path = existing(&home, "INPUT").or_else(|| existing(path, "INPUT"));
        let input = input_path.as_deref().map(read_input).transpose()?;
        let out = if home == path { output(path, input.as_ref()) } else { path.to_owned() };
        let named = |key: &str, name: &str| {
            let name = input.as_ref().and_then(|input| input.get(key)).unwrap_or(name).to_owned();
            existing(&home, &name).or_else(|| existing(&out, &name))
        };
        Ok(Folder {
            stru: named("stru_file", "STRU"),
            kpt: named("kpoint_file", "KPT"),
            log: log(&[&out, &home], input.as_ref()),
            info: existing(&home, "info.json"),
            hamiltonian: matrix(&[&out, &home], &HAMILTONIAN, "")?,
            hamiltonian0: matrix(&[&out, &home], &HAMILTONIAN, H0_PREFIX)?,
            overlap: matrix(&[&out, &home], &OVERLAP, "")?.into_iter().next(),
            density_matrix: matrix(&[&out, &home], &DENSITY_MATRIX, "")?,
            home,
            out,
            input,
            input_path,
        })
    }

    /// Did `hzero predict` write it? Its `report.json` tells.
    pub fn is_prediction(&self) -> bool {
        folder::is_prediction(&self.home)
    }

    /// Did hzero write it, so that its H is not H⁽⁰⁾ whatever its input says?
    fn is_ours(&self) -> bool {
        folder::is_ours(&self.home)
    }

    /// Is its H the step-zero one? By the folder's name or INPUT; a prediction never is.
    fn is_step_zero(&self) -> bool {
        let named_h0 = folder::is_named_h0(&self.home);
        !self.is_ours() && (named_h0 || self.input.as_ref().is_some_and(InputFile::is_step_zero))
    }

    /// Names that were looked for, for the message where nothing was found.
    pub fn looked_for() -> String {
        let names = [&HAMILTONIAN[..], &OVERLAP[..]].concat();
        format!("{} (also with .gz or .zst, and H0 as h0-*)", names.join(", "))
    }
}

/// An `OUT.*` folder belongs to the calculation above it.
fn home(path: &Path) -> PathBuf {
    let is_output = file_name(path).starts_with("OUT.");
    match path.parent() {
        Some(parent) if is_output && !path.join("STRU").exists() => {
            if parent.as_os_str().is_empty() {
                PathBuf::from(".")
            } else {
                parent.to_owned()
            }
        }
        _ => path.to_owned(),
    }
}

/// `OUT.<suffix>`, else the only `OUT.*`, else the folder itself.
fn output(home: &Path, input: Option<&InputFile>) -> PathBuf {
    let suffix = input.map_or("ABACUS", InputFile::suffix);
    let named = home.join(format!("OUT.{suffix}"));
    if named.is_dir() {
        return named;
    }
    let mut outputs =
        names(home).into_iter().filter(|n| n.starts_with("OUT.")).map(|n| home.join(n)).filter(|p| p.is_dir());
    match (outputs.next(), outputs.next()) {
        (Some(only), None) => only,
        _ => home.to_owned(),
    }
}

fn log(folders: &[&Path], input: Option<&InputFile>) -> Option<PathBuf> {
    let stated = input.map(InputFile::calculation);
    let kinds = stated.into_iter().chain(CALCULATIONS);
    let candidates = kinds.flat_map(|kind| folders.iter().map(move |folder| (folder, format!("running_{kind}.log"))));
    candidates.filter_map(|(folder, name)| existing(folder, &name)).next()
}

/// The files of one matrix, all spins, in the first folder that has any.
fn matrix(folders: &[&Path], stems: &[&str], prefix: &str) -> Result<Vec<PathBuf>> {
    for folder in folders {
        let found: Vec<PathBuf> =
            stems.iter().filter_map(|stem| existing(folder, &format!("{prefix}{stem}"))).collect();
        match &found[..] {
            [] => {}
            [file] => return Ok(with_other_spin(file)),
            [file, other, ..] => {
                let message = format!("{} could be the same matrix: name one of them by hand", other.display());
                return Err(Error::inconsistent(message).in_file(file));
            }
        }
    }
    Ok(Vec::new())
}

/// The file of spin up and, if it lies beside it, that of spin down.
pub fn with_other_spin(file: &Path) -> Vec<PathBuf> {
    let name = file_name(file);
    let other = SPIN_MARKS.iter().find(|(up, _)| name.contains(up)).map(|(up, down)| {
        existing(file.parent().unwrap_or(Path::new("")), &plain_name(Path::new(&name.replacen(up, down, 1))))
    });
    [Some(file.to_owned()), other.flatten()].into_iter().flatten().collect()
}

/// Does a file of this name belong to ABACUS alone?
pub fn is_own(name: &str) -> bool {
    ["INPUT", "STRU", "KPT"].contains(&name) || name.ends_with(".csr") || name.starts_with("running_")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn read_input(path: &Path) -> Result<InputFile> {
    InputFile::parse(&input::open(path)?).in_file(path)
}

enum Label {
    Hamiltonian,
    Overlap,
    DensityMatrix,
}

/// What a csr file says that it holds, in one of its first lines.
fn matrix_label(path: &Path) -> Result<Label> {
    let head = input::head(path, 400)?;
    let head = String::from_utf8_lossy(&head);
    let find = |label: &str| head.contains(label);
    match () {
        () if find("DM(R)") || find("density matrix") => Ok(Label::DensityMatrix),
        () if find("S(R)") => Ok(Label::Overlap),
        () if find("H(R)") => Ok(Label::Hamiltonian),
        () => Err(Error::unsupported("is no csr file of ABACUS (H(R), S(R) or DM(R) in its head)").in_file(path)),
    }
}
