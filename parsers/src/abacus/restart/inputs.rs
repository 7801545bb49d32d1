//! INPUT and KPT of each route, out of the run's own.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::routes::{K_LIST, K_PATH, Plan, Start};
use crate::abacus::edit;
use crate::abacus::files::Run;
use crate::abacus::input_file::InputFile;
use crate::abacus::recipe;
use crate::calculation::PathNode;
use crate::error::{Context, Result};
use crate::output::write_file;
use crate::predicted::Prediction;
use crate::states::Eigenstates;

/// Would start from something else, or name files that are called otherwise here.
const DROPPED: [&str; 6] = ["init_chg", "init_wfc", "read_file_dir", "restart_load", "stru_file", "kpoint_file"];
/// Makes ABACUS write a mesh over the file of k points.
const OWN_MESH: &str = "kspacing";
/// Output keys of 3.8 that 3.11 lacks, and stops at. (It also lacks some that say what is computed: those are the user's to change.)
const OUTPUT_KEYS_OF_3_8: [&str; 10] = [
    "bands_to_print",
    "nbands_istate",
    "out_bandgap",
    "out_dm",
    "out_dm1",
    "out_dm_npz",
    "out_hr_npz",
    "out_interval",
    "out_wfc_r",
    "printe",
];
const WHY_DROPPED: &str = "left out of the run that goes on";
/// Folders that INPUT names relative to itself.
const FOLDERS: [&str; 2] = ["pseudo_dir", "orbital_dir"];

/// Where ABACUS looks without them.
const HERE: &str = ".";

/// The INPUT of the self-consistent run, with what the routes need of the run.
pub struct UserInput {
    input: InputFile,
    /// Absolute paths of [`FOLDERS`].
    folders: Vec<(&'static str, String)>,
}

/// Finds it beside the converged H, else beside H⁽⁰⁾; `None` where the run has no INPUT.
///
/// # Errors
/// Those of reading INPUT.
pub fn of_run(prediction: &Prediction) -> Result<Option<UserInput>> {
    let Some((path, _)) = prediction.source else { return Ok(None) };
    let run = Run::discover(path)?;
    let Some(folder) = run.folders().find(|folder| folder.input.is_some()) else { return Ok(None) };
    let (Some(input), Some(input_path)) = (&folder.input, &folder.input_path) else { return Ok(None) };
    let input = recipe::undone(input).in_file(input_path)?;
    let folders = FOLDERS
        .into_iter()
        .filter_map(|key| Some((key, absolute(&folder.home, input.get(key).unwrap_or(HERE))?)))
        .collect();
    Ok(Some(UserInput { input, folders }))
}

/// A relative path that leads somewhere from the run's folder, made absolute: INPUT moves, what it names does not.
fn absolute(home: &Path, value: &str) -> Option<String> {
    let path = Path::new(value);
    let found = path.is_relative().then(|| home.join(path).canonicalize().ok()).flatten()?;
    Some(found.display().to_string())
}

impl UserInput {
    /// `nbands`, where it is stated.
    pub fn n_bands(&self) -> Option<usize> {
        self.input.number("nbands").map(|n| n as usize).filter(|&n| n > 0)
    }

    /// Does it name a folder relative to a place from which that cannot be found?
    pub fn has_lost_folder(&self) -> bool {
        let is_lost = |key: &&str| {
            let is_relative = Path::new(self.input.get(key).unwrap_or(HERE)).is_relative();
            is_relative && !self.folders.iter().any(|(found, _)| found == key)
        };
        FOLDERS.iter().any(is_lost)
    }

    /// Is `gamma_only` on?
    pub fn is_gamma_only(&self) -> bool {
        self.input.is_on("gamma_only")
    }

    /// Writes `INPUT` for the first of `plans`, `INPUT.<name>` for the others.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&self, folder: &Path, plans: &[Plan]) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for (index, plan) in plans.iter().enumerate() {
            let name = if index == 0 { "INPUT".to_owned() } else { format!("INPUT.{}", plan.name) };
            let path = folder.join(name);
            write_file(&path, |out| out.write_all(self.text(plan).as_bytes()))?;
            files.push(path);
        }
        Ok(files)
    }

    fn text(&self, plan: &Plan) -> String {
        let mut settings = plan.settings(".", plan.kpt.unwrap_or_default());
        settings.extend(self.folders.iter().map(|(key, path)| (*key, path.as_str(), "INPUT has moved")));
        let mut dropped = DROPPED.to_vec();
        dropped.extend(plan.kpt.map(|_| OWN_MESH));
        if plan.start != Start::WaveFunctions {
            dropped.extend(OUTPUT_KEYS_OF_3_8);
        }
        edit::edited(&self.input, &settings, &dropped, WHY_DROPPED)
    }
}

/// The k points of the wave functions as a list, in their order.
///
/// # Errors
/// `Io`.
pub fn write_k_list(folder: &Path, states: &dyn Eigenstates) -> Result<PathBuf> {
    let path = folder.join(K_LIST);
    write_file(&path, |out| {
        writeln!(out, "K_POINTS\n{}\nDirect", states.kpoints().len())?;
        let mut points = states.kpoints().iter().zip(states.weights());
        points.try_for_each(|([x, y, z], weight)| writeln!(out, "{x} {y} {z} {weight}"))
    })?;
    Ok(path)
}

/// The path of the bands.
///
/// # Errors
/// `Io`.
pub fn write_path(folder: &Path, nodes: &[PathNode]) -> Result<PathBuf> {
    let path = folder.join(K_PATH);
    write_file(&path, |out| {
        writeln!(out, "K_POINTS\n{}\nLine", nodes.len())?;
        nodes.iter().try_for_each(|node| write_node(node, out))
    })?;
    Ok(path)
}

fn write_node(node: &PathNode, out: &mut dyn Write) -> io::Result<()> {
    let [x, y, z] = node.k;
    let label = node.label.as_ref().map_or(String::new(), |label| format!(" // {label}"));
    writeln!(out, "{x} {y} {z} {}{label}", node.points)
}
