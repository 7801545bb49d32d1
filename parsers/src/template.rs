//! The user's own input as a template: the same calculation of another structure.

use std::path::{Path, PathBuf};

use crate::calculation::KGrid;
use crate::code::Code;
use crate::error::Result;
use crate::structure::Structure;
use crate::{abacus, openmx, siesta};

/// An input of a self-consistent run, with the structure that it states.
#[derive(Debug, Clone)]
pub struct Template {
    /// Lattice and atoms.
    pub structure: Structure,
    /// Labels of the species.
    pub labels: Vec<String>,
    /// k mesh; `None` where the code finds one by itself from a density of points.
    pub mesh: Option<KGrid>,
    /// Files beside the input that the code looks for in the folder of the run (pseudopotentials of SIESTA).
    pub beside: Vec<PathBuf>,
    /// What the user should know: one sentence each.
    pub warnings: Vec<String>,
    input: Input,
}

/// The input in the words of its code.
#[derive(Debug, Clone)]
enum Input {
    Abacus(Box<abacus::template::Input>),
    OpenMx(openmx::template::Input),
    Siesta(siesta::template::Input),
}

/// Another structure for a template.
#[derive(Debug, Clone, Copy)]
pub struct Variant<'a> {
    /// Lattice and atoms, with the species of the template.
    pub structure: &'a Structure,
    /// For each atom the one of the template that it takes everything but the position from.
    pub origin: &'a [usize],
    /// Divisions of its k mesh; `None` leaves the template's words.
    pub divisions: Option<[u32; 3]>,
}

/// A text file of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Its name.
    pub name: String,
    /// Its content.
    pub text: String,
}

impl Template {
    /// Reads the input at `path`: that of the converged run in a run's folder, a folder of inputs, or the input file.
    ///
    /// # Errors
    /// `Io`, `Syntax`; `Unsupported` where the input is that of a step-zero run, or states its structure in a way that cannot be
    /// changed.
    pub fn read(code: Code, path: &Path) -> Result<Template> {
        match code {
            Code::Abacus => {
                abacus::template::read(path).map(|(parts, input)| parts.with(Input::Abacus(Box::new(input))))
            }
            Code::OpenMx => openmx::template::read(path).map(|(parts, input)| parts.with(Input::OpenMx(input))),
            Code::Siesta => siesta::template::read(path).map(|(parts, input)| parts.with(Input::Siesta(input))),
        }
    }

    /// The input files of the self-consistent run of another structure; it writes H and S.
    pub fn files(&self, variant: &Variant) -> Vec<InputFile> {
        match &self.input {
            Input::Abacus(input) => input.files(variant),
            Input::OpenMx(input) => input.files(variant),
            Input::Siesta(input) => input.files(variant, &self.labels),
        }
    }
}

/// What every code's template has.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub structure: Structure,
    pub labels: Vec<String>,
    pub mesh: Option<KGrid>,
    pub beside: Vec<PathBuf>,
    pub warnings: Vec<String>,
}

impl Parts {
    fn with(self, input: Input) -> Template {
        let Parts { structure, labels, mesh, beside, warnings } = self;
        Template { structure, labels, mesh, beside, warnings, input }
    }
}

/// The folder that the input of the converged run lies in: `scf/` of a run's folder, else the folder itself.
pub(crate) fn folder_of_run(path: &Path) -> PathBuf {
    let scf = path.join("scf");
    if scf.is_dir() { scf } else { path.to_owned() }
}

/// A folder that an input names relative to itself, as it is called from anywhere; `None` where there is none.
pub(crate) fn absolute(folder: &Path, home: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(home.join(folder)).ok()
}
