//! `hzero dataset next`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use rayon::prelude::*;

use crate::cli::Outcome;
use crate::cli::run_args::RunFiles;
use crate::dataset::next::{Choice, Information, next};
use crate::model::file::Model;
use crate::model::linear::{FitSettings, LinearStage, fit};
use crate::model::target::Target;
use crate::model::{Sample, Slots};
use crate::parsers::{Calculation, ReadOptions, read};

/// Propose the structures that are worth computing next: those least like what a model was trained on
///
/// Candidates need H0 and S only. The next one is always that with the largest leverage relative to training and all chosen before.
/// The model's file keeps a coarse picture of its training; with the runs themselves (--known) it is a finer one.
#[derive(clap::Args)]
pub struct Args {
    /// Folders of runs with H0 and S
    #[arg(required = true, value_name = "CANDIDATE")]
    candidates: Vec<PathBuf>,
    /// The model that is to become better
    #[arg(long, short, value_name = "FILE", required_unless_present = "known")]
    model: Option<PathBuf>,
    /// The runs that it was trained on (with H), or will be
    #[arg(long, value_name = "RUN", num_args = 1..)]
    known: Vec<PathBuf>,
    /// How many to propose
    #[arg(long, short = 'n', default_value_t = 5)]
    count: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    files: RunFiles,
}

/// Projections of a leverage that is estimated from the known runs themselves.
const DIRECTIONS: usize = 256;
/// Fewer functions than a model for predictions has: only how structures differ is asked.
const GAUSSIANS: usize = 3;

pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let options = args.files.options();
    let (stage, slots) = stage(&args, &options)?;
    let information = |path: &PathBuf| {
        let samples = samples(&read(path, &options)?, path, &slots)?;
        Information::of(&stage, &samples, &slots).with_context(|| path.display().to_string())
    };
    let candidates: Vec<Information> = args.candidates.par_iter().map(information).collect::<Result<_, _>>()?;
    let choices = next(&candidates, args.count)?;
    crate::cli::print(&if args.json { json_text(&args, &choices)? } else { table(&args, &choices) })?;
    Ok(Outcome::Done)
}

/// The linear stage of the known runs, else the model's own.
fn stage(args: &Args, options: &ReadOptions) -> anyhow::Result<(LinearStage, Slots)> {
    let model = args.model.as_deref().map(Model::read).transpose()?;
    if !args.known.is_empty() {
        return fitted(args, options, model);
    }
    let model = model.context("neither a model nor known runs")?;
    let stage = model
        .linear
        .context("the model has no linear stage, which measures leverage: name its training runs (--known)")?;
    Ok((stage, model.slots))
}

fn fitted(args: &Args, options: &ReadOptions, model: Option<Model>) -> anyhow::Result<(LinearStage, Slots)> {
    let runs: Vec<Calculation> = args.known.par_iter().map(|path| read(path, options)).collect::<Result<_, _>>()?;
    let slots = match model {
        Some(model) => model.slots,
        None => Slots::of_runs(&runs)?,
    };
    let known = runs.iter().zip(&args.known).map(|(run, path)| samples(run, path, &slots));
    let known = known.collect::<anyhow::Result<Vec<_>>>()?.concat();
    let settings =
        FitSettings { bond_gaussians: GAUSSIANS, directions: DIRECTIONS, potential: None, ..FitSettings::default() };
    let (stage, _) = fit(&known, &[], &slots, &settings)?;
    Ok((stage, slots))
}

fn samples(run: &Calculation, path: &Path, slots: &Slots) -> anyhow::Result<Vec<Sample>> {
    Sample::of_run(run, slots, Target::default()).with_context(|| path.display().to_string())
}

fn table(args: &Args, choices: &[Choice]) -> String {
    let mut text = String::from("leverage: of the candidate alone, with those above it known, with itself known too\n");
    text += "  no.      alone      given      after  candidate\n";
    for (k, choice) in choices.iter().enumerate() {
        let Choice { candidate, alone, when_chosen, afterwards } = *choice;
        let path = args.candidates[candidate].display();
        text += &format!("{:>5} {alone:>10.3} {when_chosen:>10.3} {afterwards:>10.3}  {path}\n", k + 1);
    }
    text
}

fn json_text(args: &Args, choices: &[Choice]) -> serde_json::Result<String> {
    let one = |choice: &Choice| {
        serde_json::json!({
            "path": args.candidates[choice.candidate],
            "leverage_alone": choice.alone,
            "leverage_given_earlier": choice.when_chosen,
            "leverage_afterwards": choice.afterwards,
        })
    };
    let report = serde_json::json!({
        "schema_version": 1,
        "n_candidates": args.candidates.len(),
        "proposed": choices.iter().map(one).collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string_pretty(&report)? + "\n")
}
