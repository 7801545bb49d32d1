//! The runs of a configuration: found, read, and turned into samples.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::config::DataConfig;
use super::kspace::{KStates, Sampling};
use super::random::Random;
use crate::model::density_error::with_reference;
use crate::model::target::{self, Quantity, Target};
use crate::model::training::Training;
use crate::model::whole::completing_h0;
use crate::model::{Sample, Slots, gauge_shift};
use crate::parsers::{Calculation, Error, Operator, ReadOptions, Result, SpinOperator, read};

/// Folders of one configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Folders {
    /// To learn from.
    pub train: Vec<PathBuf>,
    /// To watch.
    pub validate: Vec<PathBuf>,
}

/// Everything read.
pub struct Data {
    /// Orbitals of all training runs.
    pub slots: Slots,
    /// What is learned.
    pub target: Target,
    /// To learn from: one sample per channel of each run.
    pub train: Vec<Sample>,
    /// Converged states of each of them at some k points; empty unless the error of H(k) has a weight.
    pub states: Vec<Vec<KStates>>,
    /// To watch.
    pub validate: Vec<Reference>,
    /// For the model file.
    pub about: Training,
}

/// A run whose error is watched.
pub struct Reference {
    /// The run on the model's slots.
    pub sample: Sample,
    /// One for each operator of the sample.
    deltas: Vec<Operator<f64>>,
    overlap: Operator<f64>,
    /// Elements that the code stored in H or H⁽⁰⁾.
    stored: usize,
    /// Is a shift by μS the same physics? Of H, but not of DM or S.
    has_gauge: bool,
}

/// Errors over some runs: mean absolute values over stored elements, hartree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct WatchedError {
    /// |H_predicted − H|.
    pub mae: f64,
    /// |H_predicted − H − μS|; of other operators than H the same as `mae`.
    pub mae_aligned: f64,
    /// |H⁽⁰⁾ − H|.
    pub mae_h0: f64,
}

impl WatchedError {
    /// What decides which of two models is better: a shift of the zero of energy changes nothing that is measured.
    pub fn decisive(&self) -> f64 {
        self.mae_aligned
    }
}

impl Folders {
    /// Expands the patterns of a configuration, relative to `root`.
    ///
    /// # Errors
    /// `Unsupported` where a pattern is malformed or matches nothing.
    pub fn find(config: &DataConfig, root: &Path, seed: u64) -> Result<Self> {
        let exclude = expand(&config.exclude, root)?;
        let mut validate = expand(&config.validate, root)?;
        let mut train = expand(&config.train, root)?;
        validate.retain(|path| !exclude.contains(path));
        train.retain(|path| !exclude.contains(path) && !validate.contains(path));
        if validate.is_empty() {
            let n = (train.len() as f64 * config.validation_fraction.clamp(0.0, 0.9)).round() as usize;
            let mut order = Random::new(seed, 1).permutation(train.len());
            let (mut taken, mut kept) = (order.split_off(train.len() - n), order);
            taken.sort_unstable();
            kept.sort_unstable();
            validate = taken.iter().map(|&k| train[k].clone()).collect();
            train = kept.iter().map(|&k| train[k].clone()).collect();
        }
        if train.is_empty() {
            return Err(Error::unsupported("no run to train on"));
        }
        Ok(Folders { train, validate })
    }

    /// Reads all runs.
    ///
    /// # Errors
    /// As [`read()`] and [`Sample::new`].
    pub fn read(&self, target: Target, sampling: &Sampling) -> Result<Data> {
        Data::with_states(read_all(&self.train, target)?, read_all(&self.validate, target)?, target, sampling)
    }
}

impl Data {
    /// Puts runs onto slots of their own.
    ///
    /// # Errors
    /// As [`Slots::of_runs`] and [`Sample::new`]; `Unsupported` for a run without converged H.
    pub fn new(train: Vec<Calculation>, validate: Vec<Calculation>, target: Target) -> Result<Self> {
        Data::with_states(train, validate, target, &Sampling::none())
    }

    /// With the converged states of the training runs that `sampling` asks for.
    ///
    /// # Errors
    /// As [`Data::new`] and [`Sampling::states`].
    pub fn with_states(
        train: Vec<Calculation>,
        validate: Vec<Calculation>,
        target: Target,
        sampling: &Sampling,
    ) -> Result<Self> {
        let slots = Slots::of_runs(&train)?.with_field(target.magnetic);
        let about = Training::of(&train, &slots)?;
        let named = |run: &Calculation, error: Error| match run.origin.files.first() {
            Some(file) => error.in_file(file),
            None => error,
        };
        // One by one, so that samples take the place of runs in memory.
        let reversed = |samples: Vec<Sample>| with_reversed(samples, &slots);
        let learned = |(index, run): (usize, Calculation)| {
            let samples = samples(&run, &slots, target).map(reversed);
            samples.and_then(|samples| Ok((samples, sampling.states(&run, index)?))).map_err(|e| named(&run, e))
        };
        let references = |run: Calculation| Reference::of_run(&run, &slots, target).map_err(|e| named(&run, e));
        let learned = train.into_iter().enumerate().map(learned).collect::<Result<Vec<_>>>()?;
        let (train, states): (Vec<_>, Vec<_>) = learned.into_iter().unzip();
        Ok(Data {
            train: train.concat(),
            states: states.concat(),
            validate: validate.into_iter().map(references).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect(),
            target,
            about,
            slots,
        })
    }
}

/// The folders that patterns match, relative to `root`: sorted, each once.
///
/// # Errors
/// `Unsupported` where a pattern is malformed or matches nothing.
pub fn expand(patterns: &[String], root: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for pattern in patterns {
        let full = root.join(pattern);
        let malformed = |e: glob::PatternError| Error::unsupported(format!("pattern `{pattern}`: {e}"));
        let before = paths.len();
        for path in glob::glob(&full.to_string_lossy()).map_err(malformed)? {
            paths.push(path.map_err(|e| Error::from(std::io::Error::from(e)).in_file(&full))?);
        }
        if paths.len() == before {
            return Err(Error::unsupported("no run is there").in_file(full));
        }
    }
    paths.sort();
    paths.dedup();
    Ok(paths)
}

/// With the DM of their H where that is to learn, and they have none.
fn read_all(paths: &[PathBuf], target: Target) -> Result<Vec<Calculation>> {
    let complete = |run| if target.quantity == Quantity::DensityMatrix { with_reference(run) } else { Ok(run) };
    let read = |path: &PathBuf| complete(read(path, &ReadOptions::default())?).map_err(|error| error.in_file(path));
    paths.par_iter().map(read).collect()
}

fn samples(run: &Calculation, slots: &Slots, target: Target) -> Result<Vec<Sample>> {
    if !target.from_h0 {
        completing_h0(run, target.quantity)?;
    }
    let samples = Sample::of_run(run, slots, target)?;
    samples.iter().try_for_each(|sample| sample.require_target().map(drop))?;
    if samples.len() > 1 && samples.iter().any(|sample| sample.exchange.is_none()) {
        return Err(Error::unsupported(
            "collinear spin (nspin 2) without H0, which alone tells spin up from spin down",
        ));
    }
    Ok(samples)
}

/// With an exchange field every sample comes with its image under time reversal, so that nothing is learned that is not odd in it.
fn with_reversed(samples: Vec<Sample>, slots: &Slots) -> Vec<Sample> {
    if !slots.is_magnetic() {
        return samples;
    }
    let images: Vec<Sample> = samples.iter().map(|sample| sample.time_reversed(slots)).collect();
    [samples, images].concat()
}

impl Reference {
    /// One per channel.
    fn of_run(run: &Calculation, slots: &Slots, target: Target) -> Result<Vec<Self>> {
        let samples = samples(run, slots, target)?;
        let learned = target::learned(run, target)?.unwrap_or_default();
        let overlap = target::overlap(run)?;
        let stored = stored_elements(run);
        let references = samples.into_iter().zip(learned.chunks(slots.algebra().n_components()));
        let reference = |(sample, deltas): (Sample, &[Operator<f64>])| Reference {
            sample,
            deltas: deltas.to_vec(),
            overlap: overlap.clone(),
            stored: stored * deltas.len(),
            has_gauge: target.quantity == Quantity::Hamiltonian,
        };
        Ok(references.map(reference).collect())
    }

    /// Sums of |error|, aligned |error| and |H⁽⁰⁾ − H| over all elements, and their number. The gauge is that of the first operator:
    /// an exchange field has none.
    fn sums(&self, predicted: &[Operator<f64>]) -> [f64; 4] {
        let mut sums = [0.0, 0.0, 0.0, self.stored as f64];
        for (k, (predicted, delta)) in predicted.iter().zip(&self.deltas).enumerate() {
            let mut error = predicted.clone();
            error.values_mut().iter_mut().zip(delta.values()).for_each(|(p, d)| *p -= d);
            let shift = if k == 0 && self.has_gauge { gauge_shift(&error, &self.overlap) } else { 0.0 };
            let size = |operator: &Operator<f64>| operator.values().iter().map(|v| v.abs()).sum::<f64>();
            sums[0] += size(&error);
            sums[1] +=
                error.values().iter().zip(self.overlap.values()).map(|(e, s)| (e - shift * s).abs()).sum::<f64>();
            sums[2] += size(delta);
        }
        sums
    }
}

/// Errors of `predict` over all references.
///
/// # Errors
/// As [`Sample::operator`].
pub fn watch(
    references: &[Reference],
    slots: &Slots,
    predict: impl Fn(&Sample) -> Result<crate::model::Channels>,
) -> Result<WatchedError> {
    let mut total = [0.0; 4];
    for reference in references {
        let operators = reference.sample.operators(&predict(&reference.sample)?, slots)?;
        let sums = reference.sums(&operators);
        total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
    }
    let n = total[3].max(1.0);
    Ok(WatchedError { mae: total[0] / n, mae_aligned: total[1] / n, mae_h0: total[2] / n })
}

/// Elements where H or H⁽⁰⁾ is not zero.
fn stored_elements(run: &Calculation) -> usize {
    let (Some(SpinOperator::Unpolarized(h)), Some(SpinOperator::Unpolarized(h0))) =
        (&run.hamiltonian, &run.hamiltonian0)
    else {
        return run.overlap.as_ref().map_or(0, |s| s.values().len());
    };
    let count = |(pair, h): (&crate::parsers::Pair, &[f64])| {
        let h0 = h0.get(pair).unwrap_or_default();
        (0..h.len()).filter(|&k| h[k] != 0.0 || h0.get(k).is_some_and(|&v| v != 0.0)).count()
    };
    h.blocks().map(count).sum()
}
