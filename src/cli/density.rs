//! `hzero density`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use super::Outcome;
use super::run_args::RunFiles;
use super::spectrum_args::{OfArg, SpectrumArgs};
use crate::bands::fermi::smearing;
use crate::bands::mesh::KMesh;
use crate::bands::structure::own_source;
use crate::density::compare::{Comparison, with_native};
use crate::density::population::{Mulliken, Population};
use crate::density::{self, Options};
use crate::parsers::density::Density;
use crate::parsers::{Calculation, Of, read};

/// Fill a Hamiltonian with electrons: Fermi level, band energy, gap, Mulliken charges and moments, or the error of DM(R)
///
/// Several runs give a table with one line for each.
#[derive(clap::Args)]
pub struct Args {
    /// Folders of runs, or any file or folder that hzero reads
    #[arg(required = true)]
    runs: Vec<PathBuf>,
    /// Which Hamiltonian [default: the converged one, else H0]
    #[arg(long, conflicts_with = "compare")]
    of: Option<OfArg>,
    /// Compare DM(R) and Fermi level of the converged H with the code's own
    #[arg(long)]
    compare: Option<Reference>,
    #[command(flatten)]
    spectrum: SpectrumArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    files: RunFiles,
}

/// What to compare with.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Reference {
    /// The density matrix that the code left behind
    Native,
}

/// Everything that is printed of one run.
#[derive(Serialize)]
struct Report {
    run: String,
    code: &'static str,
    of: String,
    nspin: usize,
    orbitals: usize,
    k_points: usize,
    /// Does the run state them (else 4 in each periodic direction are taken)?
    k_points_are_stated: bool,
    /// Hartree.
    smearing: String,
    electrons: f64,
    fermi_level_ev: f64,
    spin_fermi_levels_ev: Option<[f64; 2]>,
    band_energy_ev: f64,
    entropy_energy_ev: f64,
    /// Null for a metal.
    gap_ev: Option<f64>,
    valence_band_maximum_ev: Option<f64>,
    conduction_band_minimum_ev: Option<f64>,
    total: Population,
    atoms: Vec<Atom>,
    comparison: Option<Comparison>,
    /// Null where the level is arbitrary.
    fermi_level_error_ev: Option<f64>,
}

#[derive(Serialize)]
struct Atom {
    species: String,
    #[serde(flatten)]
    whole: Population,
    shells: Vec<NamedShell>,
    orbitals: Vec<Population>,
}

#[derive(Serialize)]
struct NamedShell {
    shell: String,
    #[serde(flatten)]
    whole: Population,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let reports: Vec<_> = args.runs.iter().map(|path| (path, report(path, &args))).collect();
    if let [(_, Err(_))] = reports.as_slice() {
        return reports
            .into_iter()
            .map(|(_, report)| report)
            .collect::<anyhow::Result<Vec<_>>>()
            .map(|_| Outcome::Done);
    }
    let text = match reports.as_slice() {
        _ if args.json => json(&reports)?,
        [(_, Ok(report))] => report.text(),
        several => table(several),
    };
    super::print(&text)?;
    let failed = reports.iter().any(|(_, report)| report.is_err());
    Ok(if failed { Outcome::Failed } else { Outcome::Done })
}

fn report(path: &Path, args: &Args) -> anyhow::Result<Report> {
    let run = read(path, &args.files.options())?;
    let options = Options { spectrum: args.spectrum.options(), ..Options::default() };
    let located = || path.display().to_string();
    let (_, source) = own_source(&run, args.of.map(Of::from)).with_context(located)?;
    let (density, comparison) = match args.compare {
        Some(Reference::Native) => {
            let (density, comparison) = with_native(&run, &options).with_context(located)?;
            (density, Some(comparison))
        }
        None => (density::of(&run, source.hamiltonian, &options).with_context(located)?, None),
    };
    let mesh = KMesh::of_run(&run, source.hamiltonian);
    let report = Report::new(located(), &run, source.name, mesh.points.len(), &density)?;
    let level_error = comparison.as_ref().and_then(|comparison| comparison.fermi_level_error);
    let fermi_level_error_ev = level_error.map(|error| error * run.origin.ev_per_hartree);
    Ok(Report { comparison, fermi_level_error_ev, ..report })
}

impl Report {
    fn new(name: String, run: &Calculation, of: String, k_points: usize, density: &Density) -> anyhow::Result<Self> {
        let ev = run.origin.ev_per_hartree;
        let mulliken = Mulliken::new(run, &density.matrix)?;
        Ok(Report {
            run: name,
            code: run.origin.code,
            of,
            nspin: density.matrix.nspin(),
            orbitals: run.basis.n_orbitals(),
            k_points,
            k_points_are_stated: KMesh::is_stated_by(run),
            smearing: format!("{:?}", smearing(run)),
            electrons: density.electrons,
            fermi_level_ev: density.fermi_level * ev,
            spin_fermi_levels_ev: density.spin_fermi_levels.map(|levels| levels.map(|level| level * ev)),
            band_energy_ev: density.band_energy * ev,
            entropy_energy_ev: density.entropy_energy * ev,
            gap_ev: density.band_edges.map(|[valence, conduction]| (conduction - valence) * ev),
            valence_band_maximum_ev: density.band_edges.map(|[valence, _]| valence * ev),
            conduction_band_minimum_ev: density.band_edges.map(|[_, conduction]| conduction * ev),
            total: mulliken.total(),
            atoms: (0..run.basis.n_atoms()).map(|atom| Atom::new(run, &mulliken, atom)).collect(),
            comparison: None,
            fermi_level_error_ev: None,
        })
    }

    fn text(&self) -> String {
        let (electrons, level) = (self.electrons, self.fermi_level_ev);
        let mut text = format!("density of {}: {electrons:.8} electrons, Fermi level {level:.6} eV", self.of);
        if let Some([up, down]) = self.spin_fermi_levels_ev {
            text += &format!(" (up {up:.6}, down {down:.6})");
        }
        let source = if self.k_points_are_stated { "of the run" } else { "(the run states none)" };
        text += &format!("\n{} k points {source}, smearing {} (hartree)", self.k_points, self.smearing);
        text += &format!("\nband energy {:.6} eV, -TS {:.6} eV, ", self.band_energy_ev, self.entropy_energy_ev);
        text += &match (self.gap_ev, self.valence_band_maximum_ev, self.conduction_band_minimum_ev) {
            (Some(gap), Some(valence), Some(conduction)) => {
                format!("gap {gap:.6} eV on the k mesh ({valence:.6} to {conduction:.6} eV)\n")
            }
            _ => "no gap\n".to_owned(),
        };
        if let Some(comparison) = &self.comparison {
            text += &comparison_text(comparison, self.fermi_level_error_ev);
        }
        text + &self.population_table()
    }

    fn population_table(&self) -> String {
        let mut text = format!("{:>6} {:<8} {:>12}{}\n", "atom", "", "electrons", self.moment_heads());
        for (index, atom) in self.atoms.iter().enumerate() {
            text += &self.population_line(&(index + 1).to_string(), &atom.species, &atom.whole);
            for shell in &atom.shells {
                text += &self.population_line("", &format!("  {}", shell.shell), &shell.whole);
            }
        }
        text + &self.population_line("", "total", &self.total)
    }

    fn moment_heads(&self) -> &'static str {
        match self.nspin {
            1 => "",
            2 => "  moment (mu_B)",
            _ => "     m_x (mu_B)     m_y (mu_B)     m_z (mu_B)",
        }
    }

    fn population_line(&self, atom: &str, name: &str, population: &Population) -> String {
        let moment = &population.moment_mu_b;
        let shown = match self.nspin {
            1 => &[],
            2 => &moment[2..],
            _ => &moment[..],
        };
        let moments: String = shown.iter().map(|m| format!(" {m:14.6}")).collect();
        format!("{atom:>6} {name:<8} {:12.6}{moments}\n", population.electrons)
    }
}

impl Atom {
    fn new(run: &Calculation, mulliken: &Mulliken<'_>, atom: usize) -> Self {
        let species = run.basis.species_of(atom);
        let named = |(shell, whole): (&crate::parsers::Shell, Population)| {
            let letter = crate::parsers::basis::l_letter(shell.l);
            let n = shell.n.map(|n| n.to_string()).unwrap_or_default();
            NamedShell { shell: format!("{n}{letter}{}", shell.zeta), whole }
        };
        Atom {
            species: species.label.clone(),
            whole: mulliken.atom(atom),
            shells: species.shells.iter().zip(mulliken.shells_of(atom)).map(named).collect(),
            orbitals: mulliken.orbitals_of(atom).to_vec(),
        }
    }
}

fn comparison_text(comparison: &Comparison, level_error_ev: Option<f64>) -> String {
    let place = &comparison.place;
    let ([i, j], [mu, nu], [x, y, z]) = (place.atoms, place.orbitals, place.cell);
    let spin = if place.spin.is_empty() { String::new() } else { format!("{}, ", place.spin) };
    let level = level_error_ev.map_or("arbitrary".to_owned(), |error| format!("off by {error:.1e} eV"));
    format!(
        "against the code's own: max |DM error| {:.1e} ({spin}orbital {mu} of atom {i}, {nu} of atom {j} in cell {x} {y} {z}; \
         largest element {:.3}), electrons {:.8}, Fermi level {level}\n",
        comparison.max_error, comparison.largest_element, comparison.native_electrons,
    )
}

/// Run and report, or why there is none.
type Named<'a> = (&'a PathBuf, anyhow::Result<Report>);

fn json(reports: &[Named<'_>]) -> anyhow::Result<String> {
    let entry = |(path, report): &Named<'_>| match report {
        Ok(report) => serde_json::to_value(report),
        Err(error) => Ok(serde_json::json!({ "run": path, "error": format!("{error:#}") })),
    };
    let runs = reports.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    Ok(serde_json::to_string_pretty(&serde_json::json!({ "schema_version": 1, "runs": runs }))? + "\n")
}

fn table(reports: &[Named<'_>]) -> String {
    let compares = reports.iter().any(|(_, report)| report.as_ref().is_ok_and(|report| report.comparison.is_some()));
    let mut text = format!(
        "{:<8} {:>5} {:>8} {:>14} {:>12} {:>10}",
        "code", "nspin", "orbitals", "electrons", "E_F (eV)", "gap (eV)"
    );
    text += if compares { "  max|DM error|  E_F error (eV)  run\n" } else { "  run\n" };
    for (path, report) in reports {
        text += &match report {
            Ok(report) => row(report, compares),
            Err(error) => format!("{}: {error:#}\n", path.display()),
        };
    }
    text
}

fn row(report: &Report, compares: bool) -> String {
    let Report { code, nspin, orbitals, electrons, fermi_level_ev, run, .. } = report;
    let gap = report.gap_ev.map_or("-".to_owned(), |gap| format!("{gap:.4}"));
    let error = match &report.comparison {
        Some(comparison) => {
            let level = report.fermi_level_error_ev.map_or("-".to_owned(), |error| format!("{:.1e}", error.abs()));
            format!("  {:>13}  {level:>14}", format!("{:.1e}", comparison.max_error))
        }
        None if compares => format!("  {:>13}  {:>14}", "-", "-"),
        None => String::new(),
    };
    format!("{code:<8} {nspin:>5} {orbitals:>8} {electrons:>14.8} {fermi_level_ev:>12.6} {gap:>10}{error}  {run}\n")
}
