//! Fits a linear model to runs and predicts another: `cargo run --release --example predict -- OUT RUN... UNSEEN`.

use std::error::Error;
use std::path::{Path, PathBuf};

use hzero::model::file::Model;
use hzero::model::linear::{FitSettings, fit};
use hzero::model::predict::{Predictor, Trust};
use hzero::model::training::Training;
use hzero::model::{Sample, Slots};
use hzero::parsers::predicted::Prediction;
use hzero::parsers::{ReadOptions, Result, read};

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let folders: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    let [out, runs @ .., unseen] = folders.as_slice() else { return Err("usage: predict OUT RUN... UNSEEN".into()) };
    let model = out.join("model.safetensors");
    fit_runs(runs, &model)?;
    let trust = predict_run(unseen, &model, out)?;
    trust.warnings.iter().for_each(|warning| println!("warning: {warning}"));
    Ok(())
}

/// What `hzero fit` does.
pub fn fit_runs(folders: &[PathBuf], model: &Path) -> Result<()> {
    let runs = folders.iter().map(|folder| read(folder, &ReadOptions::default())).collect::<Result<Vec<_>>>()?;
    // Slots: the orbitals of all runs together. Samples: S, H0 and H - H0 in the frames of the bonds.
    let slots = Slots::of_runs(&runs)?;
    let samples = runs.iter().map(|run| Sample::new(run, &slots)).collect::<Result<Vec<_>>>()?;
    let (stage, report) = fit(&samples, &[], &slots, &FitSettings::default())?;
    let training = Training::of(&runs, &slots)?;
    Model::linear(slots, training, stage, report).write(model)
}

/// What `hzero predict` does, without bands and report: H and S as the run's own code writes them.
pub fn predict_run(folder: &Path, model: &Path, out: &Path) -> Result<Trust> {
    let run = read(folder, &ReadOptions::default())?;
    let predictor = Predictor::load(model, "cpu")?;
    let prediction = predictor.predict(&run)?;
    Prediction::new(&run, &prediction.hamiltonian).write(out)?;
    Ok(prediction.trust)
}
