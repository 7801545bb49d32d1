//! INPUT, STRU and KPT of another structure.

use std::path::{Path, PathBuf};

use super::constants;
use super::edit::{self, Setting};
use super::input_file::InputFile as Parameters;
use super::kpt::Kpt;
use super::stru::{Atom, Coordinates, Group, Stru};
use crate::calculation::KGrid;
use crate::error::{Context, Error, Result};
use crate::folder::{existing, folder_of};
use crate::input;
use crate::template::{InputFile, Parts, Variant, absolute, folder_of_run};

/// The three files of a run.
#[derive(Debug, Clone)]
pub struct Input {
    input: Parameters,
    stru: Stru,
    mesh: Option<KGrid>,
    /// Index of the group of each atom, and its place there.
    atoms: Vec<(usize, usize)>,
    /// Folders that INPUT names relative to itself, as they are called from anywhere.
    folders: Vec<(&'static str, String)>,
}

/// Keys of a run whose H and S are to be learned from.
const KEYS: [Setting; 4] = [
    ("calculation", "scf", "one geometry"),
    ("gamma_only", "0", "gamma_only writes no H(R)"),
    ("symmetry", "0", "atoms are displaced"),
    ("out_mat_hs2", "1", "write H(R) and S(R)"),
];
/// Belong to the cell of the template.
const DROPPED: [&str; 6] = ["nbands", "latname", "out_band", "out_chg", "out_dm1", "out_mul"];
const WHY_DROPPED: &str = "left out: it belongs to the cell of the template, or writes what is not needed";
const WHY_FOLDER: &str = "the same folder, wherever the run lies";
/// Count for the whole cell.
const OF_THE_CELL: [&str; 4] = ["nelec", "nelec_delta", "nupdown", "ocp_set"];

/// Reads the input of the converged run.
///
/// # Errors
/// As [`crate::template::Template::read`].
pub(crate) fn read(path: &Path) -> Result<(Parts, Input)> {
    let home = if path.is_dir() { folder_of_run(path) } else { folder_of(path).to_owned() };
    let input_path = existing(&home, "INPUT").ok_or_else(|| Error::unsupported("no INPUT here").in_file(&home))?;
    let input = Parameters::parse(&input::open(&input_path)?).in_file(&input_path)?;
    if input.is_step_zero() {
        return Err(
            Error::unsupported("is the input of a step-zero run: name that of the converged run").in_file(&input_path)
        );
    }
    let file = |key: &str, name: &str| -> PathBuf { home.join(input.get(key).unwrap_or(name)) };
    let stru_path = file("stru_file", "STRU");
    let stru = Stru::parse(&input::open(&stru_path)?).in_file(&stru_path)?;
    let structure = stru.structure(input.get("latname"), constants::ANGSTROM_PER_BOHR_IN_STRU).in_file(&stru_path)?;
    let mesh = mesh(&input, &file("kpoint_file", "KPT"))?;
    let groups = stru.groups.iter().enumerate();
    let atoms = groups.flat_map(|(g, group)| (0..group.atoms.len()).map(move |atom| (g, atom))).collect();
    let folders = folders(&input, &home);
    let warnings = warnings(&input, &folders);
    let labels = stru.species.iter().map(|species| species.label.clone()).collect();
    Ok((Parts { structure, labels, mesh, beside: Vec::new(), warnings }, Input { input, stru, mesh, atoms, folders }))
}

fn mesh(input: &Parameters, path: &Path) -> Result<Option<KGrid>> {
    if input.get("kspacing").is_some() {
        return Ok(None);
    }
    let kpt = Kpt::parse(&input::open(path)?).in_file(path)?;
    let mesh = kpt.grid();
    if mesh.is_none() {
        return Err(Error::unsupported("a list of k points fits one cell only: give a mesh").in_file(path));
    }
    Ok(mesh)
}

fn folders(input: &Parameters, home: &Path) -> Vec<(&'static str, String)> {
    let found = |key: &'static str| {
        let folder = absolute(Path::new(input.get(key)?), home)?;
        Some((key, folder.to_string_lossy().into_owned()))
    };
    ["pseudo_dir", "orbital_dir"].into_iter().filter_map(found).collect()
}

fn warnings(input: &Parameters, folders: &[(&str, String)]) -> Vec<String> {
    let lost = |key: &&str| input.get(key).is_some() && !folders.iter().any(|(found, _)| found == key);
    let lost = ["pseudo_dir", "orbital_dir"].into_iter().filter(lost);
    let lost = lost.map(|key| {
        format!("{key} {} is no folder here: correct it in the new inputs", input.get(key).unwrap_or_default())
    });
    let whole = OF_THE_CELL.into_iter().filter(|key| input.get(key).is_some());
    lost.chain(whole.map(|key| format!("{key} counts for the whole cell: correct it where the new cell is larger")))
        .collect()
}

impl Input {
    /// INPUT, STRU, KPT.
    pub(crate) fn files(&self, variant: &Variant) -> Vec<InputFile> {
        let folders = self.folders.iter().map(|(key, folder)| (*key, folder.as_str(), WHY_FOLDER));
        let settings: Vec<Setting> = KEYS.into_iter().chain(folders).collect();
        let text = edit::edited(&self.input, &settings, &DROPPED, WHY_DROPPED);
        let file = |name: &str, text: String| InputFile { name: name.to_owned(), text };
        let mut files = vec![file("INPUT", text), file(self.name("stru_file", "STRU"), self.stru(variant).write())];
        if let (Some(mesh), Some(divisions)) = (self.mesh, variant.divisions) {
            files.push(file(self.name("kpoint_file", "KPT"), kpt(&KGrid { divisions, ..mesh })));
        }
        files
    }

    fn name<'a>(&'a self, key: &str, default: &'a str) -> &'a str {
        self.input.get(key).unwrap_or(default)
    }

    /// Atoms keep their groups and what follows their positions.
    fn stru(&self, variant: &Variant) -> Stru {
        let structure = variant.structure;
        let inverse = structure.lattice.try_inverse().unwrap_or_default();
        let mut groups: Vec<Group> =
            self.stru.groups.iter().map(|g| Group { atoms: Vec::new(), ..g.clone() }).collect();
        for (position, &origin) in structure.positions.iter().zip(variant.origin) {
            let (group, place) = self.atoms[origin];
            let rest = self.stru.groups[group].atoms[place].rest.clone();
            groups[group].atoms.push(Atom { position: inverse.tr_mul(position), rest });
        }
        Stru {
            vectors: Some(structure.lattice / self.stru.lattice_constant),
            parameters: Vec::new(),
            coordinates: Coordinates::Direct,
            groups,
            ..self.stru.clone()
        }
    }
}

/// A shift of `MP` counts half a division.
fn kpt(mesh: &KGrid) -> String {
    let (word, unit) = if mesh.gamma_centred { ("Gamma", 1.0) } else { ("MP", 2.0) };
    let [a, b, c] = mesh.divisions;
    let [x, y, z] = mesh.shift.map(|shift| shift * unit);
    format!("K_POINTS\n0\n{word}\n{a} {b} {c} {x} {y} {z}\n")
}
