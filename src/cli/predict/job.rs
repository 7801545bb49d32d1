//! One run: predicted, checked, and written as a whole folder or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::bail;

use super::dense::Dense;
use super::report::{Errors, FILE_NAME, Report, Symmetrized};
use super::{Args, domains};
use crate::bands::fermi;
use crate::bands::spectrum::SpectrumOptions;
use crate::bands::structure::{self, Align, Role, Source};
use crate::cli::eval::{DensityRow, HamiltonianRow};
use crate::cli::figures::{self, Figures};
use crate::cli::result_folder::ResultFolder;
use crate::cli::{eval, restart};
use crate::density;
use crate::model::domains::Facts;
use crate::model::phases::Phases;
use crate::model::predict::{Predicted, Predictor};
use crate::model::target::{Quantity, Target};
use crate::parsers::check::check;
use crate::parsers::predicted::{PredictedDensity, Prediction};
use crate::parsers::{Calculation, Error, SpinOperator, read};

/// A run and the folder that it is predicted into.
pub struct Job {
    pub run: PathBuf,
    pub out: PathBuf,
}

/// What became of a predicted H.
struct Written {
    fermi_level: Option<f64>,
    next_step: Option<String>,
    restart: Option<restart::Report>,
}

/// What came of a prediction, besides what was predicted.
struct Results {
    /// What the process of each domain needed.
    domains: Option<Vec<Facts>>,
    written: Written,
    errors: Option<Errors>,
    notes: Notes,
}

/// What a prediction notes on its way.
#[derive(Default)]
struct Notes {
    phases: Phases,
    /// What is too large to be done, and why.
    skipped: Vec<String>,
}

impl Notes {
    /// May this be done within so many CPU minutes? If not, that is noted.
    fn allow(&mut self, what: &str, dense: Dense, minutes: f64) -> bool {
        let refused = dense.refused(minutes);
        self.skipped.extend(refused.iter().map(|why| format!("{what}: {why}")));
        refused.is_none()
    }
}

impl Job {
    /// Predicts, and puts the folder in place when everything in it is complete.
    pub fn predict(&self, predictor: &Predictor, args: &Args) -> anyhow::Result<Report> {
        let folder = ResultFolder { path: &self.out, report: FILE_NAME };
        folder.fill(|beside| {
            let mut report = self.files(beside, predictor, args).map_err(|error| self.named(error))?;
            report.files = listing(beside)?;
            report.write(beside)?;
            Ok(report)
        })
    }

    fn files(&self, folder: &Path, predictor: &Predictor, args: &Args) -> anyhow::Result<Report> {
        let mut notes = Notes::default();
        let run = notes.phases.note("read", || read(&self.run, &args.files.options()))?;
        if args.restart {
            require_density(&run, args.dense_minutes)?;
        }
        let target = predictor.model().header.target;
        let (mut predicted, domains) = self.predicted(&run, predictor, args)?;
        let seconds = predicted.phases.seconds();
        notes.phases.extend(std::mem::take(&mut predicted.phases));
        let written = self.write(folder, &run, &predicted.hamiltonian, target.quantity, args, &mut notes)?;
        let errors = errors(&run, &predicted, seconds, target, args, &mut notes)?;
        Ok(self.report(run, predicted, Results { domains, written, errors, notes }, predictor, args))
    }

    /// H or DM, and what the processes of domains needed.
    fn predicted(
        &self,
        run: &Calculation,
        predictor: &Predictor,
        args: &Args,
    ) -> anyhow::Result<(Predicted, Option<Vec<Facts>>)> {
        let (mut predicted, domains) = match args.domains {
            Some(n) => domains::predict(run, predictor, args, n).map(|(predicted, facts)| (predicted, Some(facts)))?,
            None => (predictor.predict(run)?, None),
        };
        if args.strict && !predicted.trust.warnings.is_empty() {
            bail!("{}: unlike training: {}", self.run.display(), predicted.trust.warnings.join("; "));
        }
        if args.scale_electrons {
            predicted.hamiltonian = density::with_electrons(run, &predicted.hamiltonian)?;
        }
        Ok((predicted, domains))
    }

    /// What was predicted in the code's own files, and the bands of H.
    fn write(
        &self,
        folder: &Path,
        run: &Calculation,
        predicted: &SpinOperator,
        quantity: Quantity,
        args: &Args,
        notes: &mut Notes,
    ) -> anyhow::Result<Written> {
        let options = args.files.options();
        let source = Some((self.run.as_path(), &options));
        if quantity == Quantity::DensityMatrix {
            return self.write_density(folder, PredictedDensity { run, source, matrix: predicted }, notes);
        }
        let abacus_version = args.layout.map(Into::into);
        let prediction = Prediction { source, abacus_version, ..Prediction::new(run, predicted) };
        let written = match args.restart {
            true => self.write_restart(folder, prediction, notes)?,
            false => self.write_hamiltonian(folder, prediction, args, notes)?,
        };
        if !args.no_bands {
            draw_bands(&self.run, folder, run, predicted, args, notes)?;
        }
        Ok(written)
    }

    /// Checks what was predicted, and puts everything together.
    fn report(
        &self,
        mut run: Calculation,
        predicted: Predicted,
        results: Results,
        predictor: &Predictor,
        args: &Args,
    ) -> Report {
        let Results { domains, written, errors, mut notes } = results;
        let Predicted { hamiltonian, symmetrized, trust, .. } = predicted;
        let (n_blocks, nspin) = (hamiltonian.pairs().len(), hamiltonian.nspin());
        let is_density = predictor.model().header.target.quantity == Quantity::DensityMatrix;
        *(if is_density { &mut run.density_matrix } else { &mut run.hamiltonian }) = Some(hamiltonian);
        let checks = notes.phases.note("check", || check(&run));
        let ev = run.origin.ev_per_hartree;
        Report {
            schema_version: 1,
            run: self.run.clone(),
            out: self.out.clone(),
            model: args.model.clone(),
            choices: args.choices(),
            device: predictor.device().to_owned(),
            domains,
            n_atoms: run.structure.n_atoms(),
            n_orbitals: run.basis.n_orbitals(),
            n_blocks,
            nspin,
            files: Vec::new(),
            next_step: written.next_step,
            restart: written.restart,
            fermi_level_ev: written.fermi_level.map(|level| level * ev),
            symmetrized: symmetrized.into_iter().map(|imposed| Symmetrized::new(imposed, ev)).collect(),
            checks: checks.into_iter().map(Into::into).collect(),
            trust,
            errors,
            skipped: notes.skipped,
            timings_s: notes.phases.by_name(),
            phases: notes.phases,
        }
    }

    /// H and S, with the Fermi level where it can be told.
    fn write_hamiltonian(
        &self,
        folder: &Path,
        prediction: Prediction,
        args: &Args,
        notes: &mut Notes,
    ) -> anyhow::Result<Written> {
        let (run, h) = (prediction.run, prediction.hamiltonian);
        let is_known = run.n_electrons.is_some() && run.overlap.is_some();
        let fermi_level = match is_known && notes.allow(LEVEL, Dense::of(run, &[h], 0), args.dense_minutes) {
            true => notes.phases.note("fermi_level", || fermi::computed_level(run, h, SpectrumOptions::default()))?,
            false => None,
        };
        let prediction = Prediction { fermi_level, ..prediction };
        notes.phases.note("write", || prediction.write(folder))?;
        Ok(Written { fermi_level, next_step: prediction.next_step(folder, &self.out), restart: None })
    }

    /// DM of a model that predicts it.
    fn write_density(&self, folder: &Path, density: PredictedDensity, notes: &mut Notes) -> anyhow::Result<Written> {
        notes.phases.note("write", || density.write(folder))?;
        Ok(Written { fermi_level: None, next_step: Some(density.next_step(&self.out)), restart: None })
    }

    /// Those, density matrices, and inputs that are ready.
    fn write_restart(&self, folder: &Path, prediction: Prediction, notes: &mut Notes) -> anyhow::Result<Written> {
        let (run, h) = (prediction.run, prediction.hamiltonian);
        restart::require_mesh(run)?;
        let density = notes.phases.note("density", || density::of(run, h, &density::Options::default()))?;
        let prediction = Prediction { fermi_level: Some(density.fermi_level), ..prediction };
        let write = || restart::Report::write(folder, &self.out, restart::Origin::Predicted, &prediction, &density);
        let report = notes.phases.note("write", write)?;
        Ok(Written { fermi_level: prediction.fermi_level, next_step: None, restart: Some(report) })
    }

    /// Errors that name no file are about the run as a whole.
    fn named(&self, error: anyhow::Error) -> anyhow::Error {
        error.downcast::<Error>().map_or_else(|other| other, |error| error.in_file(&self.run).into())
    }
}

/// `--restart` needs eigenvectors on the whole k mesh.
fn require_density(run: &Calculation, minutes: f64) -> anyhow::Result<()> {
    let Some(h) = run.hamiltonian0.as_ref().or(run.hamiltonian.as_ref()) else { return Ok(()) };
    match Dense::of(run, &[h], 0).refused(minutes) {
        Some(why) => bail!("--restart needs the density matrix: {why}"),
        None => Ok(()),
    }
}

fn draw_bands(
    from: &Path,
    folder: &Path,
    run: &Calculation,
    predicted: &SpinOperator,
    args: &Args,
    notes: &mut Notes,
) -> anyhow::Result<()> {
    let has_own = run.hamiltonian0.is_some() || run.hamiltonian.is_some();
    let mut sources = if has_own { structure::own_sources(run, None)? } else { Vec::new() };
    let source = Source { name: "predicted".to_owned(), role: Role::Predicted, hamiltonian: predicted };
    sources.push(source);
    sources.sort_by_key(|source| matches!(source.role, Role::Scf));
    let path = structure::path(run, args.path.as_deref(), args.points)?;
    let hamiltonians: Vec<&SpinOperator> = sources.iter().map(|source| source.hamiltonian).collect();
    if !notes.allow(BANDS, Dense::of(run, &hamiltonians, path.points.len()), args.dense_minutes) {
        return Ok(());
    }
    notes.phases.note("bands", || {
        let structure = structure::compute(run, &sources, path, Align::Fermi, SpectrumOptions::default())?;
        let window = args.window.as_ref().map(|ends| [ends[0], ends[1]]);
        let title = figures::title(from);
        Figures { title, folder, stem: "bands", window, bands: Some(&structure), dos: None }.write().map(drop)
    })
}

/// How the Fermi level of large cells is had.
const LEVEL: &str = "Fermi level (by sparse matrices: hzero eigenvalues --nearest)";
/// How their bands are had.
const BANDS: &str = "bands (of the states around an energy: hzero bands --nearest)";

/// Errors against the converged H or its DM, where the run has it; `seconds` are those of the prediction.
fn errors(
    run: &Calculation,
    predicted: &Predicted,
    seconds: f64,
    target: Target,
    args: &Args,
    notes: &mut Notes,
) -> anyhow::Result<Option<Errors>> {
    let found = &predicted.hamiltonian;
    let bands = match &run.hamiltonian {
        Some(h) if !args.no_bands && target.quantity == Quantity::Hamiltonian => {
            notes.allow("errors of bands", Dense::of(run, &[h, found], 0), args.dense_minutes)
        }
        _ => false,
    };
    let what = eval::Wanted { bands, details: false };
    notes.phases.note("compare", || {
        Ok(match target.quantity {
            Quantity::DensityMatrix if run.density_matrix.is_some() || run.hamiltonian.is_some() => {
                Some(Errors::DensityMatrix(DensityRow::new(run, found, seconds)?))
            }
            Quantity::Hamiltonian if run.hamiltonian.is_some() => {
                Some(Errors::Hamiltonian(Box::new(HamiltonianRow::new(run, found, target.from_h0, seconds, what)?)))
            }
            _ => None,
        })
    })
}

fn listing(folder: &Path) -> anyhow::Result<Vec<String>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<anyhow::Result<Vec<_>>>()?;
    names.push(FILE_NAME.to_owned());
    names.sort_unstable();
    Ok(names)
}
