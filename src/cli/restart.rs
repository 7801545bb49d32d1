//! `hzero restart`, and `restart.json`, which `hzero predict --restart` writes too.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::Serialize;

use super::Outcome;
use super::predict::LayoutChoice;
use super::result_folder::ResultFolder;
use super::run_args::RunFiles;
use crate::bands::fermi::smearing;
use crate::bands::mesh::{KMesh, periodic_directions};
use crate::density::{self, wavefunctions::WaveFunctions};
use crate::parsers::output::write_file;
use crate::parsers::predicted::Prediction;
use crate::parsers::restart::{Continuation, Restart, Route};
use crate::parsers::{Calculation, Density, Of, read};

/// Name of the report in its folder.
pub const FILE_NAME: &str = "restart.json";

/// Write what the run's own code needs to go on from a Hamiltonian: H, density matrix, inputs
///
/// From the run's converged H, or from the one that --hamiltonian names (of the same structure and basis). The lines for
/// the code's input are printed, and lie in DIR/restart.json with everything else; inputs that have them are ready in DIR.
#[derive(clap::Args)]
pub struct Args {
    /// Folder of a run
    run: PathBuf,
    /// Folder to write
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// Layout of ABACUS' matrices: `new` is that of 3.9.0.25 and later; default: the run's own
    #[arg(long, value_enum)]
    layout: Option<LayoutChoice>,
    /// Print restart.json
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    files: RunFiles,
}

/// Where the H came from that the code goes on from. Readers of the folder take `converged` alone for converged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The run's own.
    Converged,
    /// A model.
    Predicted,
    /// A file that the user named.
    Given,
}

/// A density on k points that nobody asked for is none to go on from.
pub fn require_mesh(run: &Calculation) -> anyhow::Result<()> {
    let is_molecule = periodic_directions(run) == [false; 3];
    ensure!(
        is_molecule || KMesh::is_stated_by(run),
        "the run states no mesh of k points; name the file that does with --kpt"
    );
    Ok(())
}

/// How the code goes on. `files`, `input_lines`, `electrons` and `fermi_level_ev` are a contract with users' scripts.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    schema_version: u32,
    code: &'static str,
    run: PathBuf,
    hamiltonian: Origin,
    /// Names in the folder.
    files: Vec<PathBuf>,
    /// Of the first route.
    input_lines: Vec<String>,
    electrons: f64,
    /// Absolute, in the code's own eV, as the band energy.
    fermi_level_ev: f64,
    band_energy_ev: f64,
    /// Points of the mesh that the density was summed over.
    k_points: usize,
    /// Widths in hartree.
    smearing: String,
    /// Does the run say so, or is it hzero's own choice?
    smearing_is_stated: bool,
    /// The recommended one first.
    routes: Vec<Route>,
}

pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let options = args.files.options();
    let run = read(&args.run, &options)?;
    let located = || args.run.display().to_string();
    let missing = "the run has no converged H; name one with --hamiltonian, or use `hzero predict --restart`";
    let origin = match (&args.files.hamiltonian, run.origin.is_predicted) {
        (Some(_), _) => Origin::Given,
        (None, true) => Origin::Predicted,
        (None, false) => Origin::Converged,
    };
    let hamiltonian = run.operator(Of::Scf).context(missing).with_context(located)?;
    require_mesh(&run).with_context(located)?;
    let density = density::of(&run, hamiltonian, &density::Options::default()).with_context(located)?;
    let prediction = Prediction {
        source: Some((&args.run, &options)),
        fermi_level: Some(density.fermi_level),
        abacus_version: args.layout.map(Into::into),
        ..Prediction::new(&run, hamiltonian)
    };
    let folder = ResultFolder { path: &args.out, report: FILE_NAME };
    let report = folder.fill(|beside| Report::write(beside, &args.out, origin, &prediction, &density))?;
    let text = if args.json { serde_json::to_string_pretty(&report)? + "\n" } else { report.text(&args.out) };
    super::print(&text)?;
    Ok(Outcome::Done)
}

impl Report {
    /// Writes all files and `restart.json` into `folder`, which the user will find as `shown`.
    pub fn write(
        folder: &Path,
        shown: &Path,
        origin: Origin,
        prediction: &Prediction,
        density: &Density,
    ) -> anyhow::Result<Self> {
        let (run, hamiltonian) = (prediction.run, prediction.hamiltonian);
        let states = WaveFunctions::new(run, hamiltonian, density, &density::Options::default())?;
        let written = Continuation { prediction: *prediction, density, states: Some(&states) }.write(folder, shown)?;
        let report = Report { hamiltonian: origin, ..Report::new(written, folder, prediction, density) };
        let text = serde_json::to_string_pretty(&report)? + "\n";
        write_file(&folder.join(FILE_NAME), |out| out.write_all(text.as_bytes()))?;
        Ok(report)
    }

    fn new(written: Restart, folder: &Path, prediction: &Prediction, density: &Density) -> Self {
        let run = prediction.run;
        let named = |path: PathBuf| path.strip_prefix(folder).map(Path::to_owned).unwrap_or(path);
        let mut files: Vec<PathBuf> = written.files.into_iter().map(named).collect();
        files.sort();
        let ev = run.origin.ev_per_hartree;
        Report {
            schema_version: 1,
            code: run.origin.code,
            run: prediction.source.map(|(run, _)| run.to_owned()).unwrap_or_default(),
            hamiltonian: Origin::Predicted,
            files,
            input_lines: written.routes.first().map(|route| route.input_lines.clone()).unwrap_or_default(),
            electrons: density.electrons,
            fermi_level_ev: density.fermi_level * ev,
            band_energy_ev: density.band_energy * ev,
            k_points: KMesh::of_run(run, prediction.hamiltonian).points.len(),
            smearing: format!("{:?}", smearing(run)),
            smearing_is_stated: run.smearing.is_some(),
            routes: written.routes,
        }
    }

    fn text(&self, out: &Path) -> String {
        let mut text = String::new();
        let mut line = |what: &str, value: String| {
            let _ = writeln!(text, "{what:<16} {value}");
        };
        line("run", format!("{} ({})", self.run.display(), self.code));
        line("electrons", format!("{:.6}", self.electrons));
        line("Fermi level", format!("{:.4} eV", self.fermi_level_ev));
        line("band energy", format!("{:.6} eV", self.band_energy_ev));
        line("k points", format!("{}, smearing {} (hartree)", self.k_points, self.smearing));
        line("wrote", format!("{}/", out.display()));
        let names: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
        names.chunks(6).for_each(|names| line("", names.join("  ")));
        self.routes_text().into_iter().for_each(|(what, value)| line(what, value));
        text
    }

    /// How the code goes on, for people: the recommended way in full, the names of the others.
    pub fn routes_text(&self) -> Vec<(&'static str, String)> {
        let Some((first, others)) = self.routes.split_first() else { return Vec::new() };
        let mut lines = Vec::new();
        if !self.smearing_is_stated {
            lines.push(("note", format!("the run states no smearing: {} (hartree) was taken", self.smearing)));
        }
        lines.push(("next", format!("{}, {}: {}", self.code, first.name, first.purpose)));
        lines.extend(first.input_lines.iter().map(|line| ("", format!("    {line}"))));
        lines.extend(first.cautions.iter().map(|caution| ("note", caution.clone())));
        lines.extend(others.iter().map(|route| ("or", format!("{}: {}", route.name, route.purpose))));
        lines.push(("", format!("(lines, files and notes of each way: {FILE_NAME})")));
        lines
    }
}
