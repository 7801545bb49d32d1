//! The fitted stage as a whole: symmetry, order of atoms, laws that it can learn.

use nalgebra::{Matrix3, Rotation3};

use super::stage::LinearStage;
use super::{FitSettings, fit};
use crate::model::{Sample, Slots, synthetic};
use crate::parsers::{Calculation, Operator, Pair, Structure};
use crate::symmetry::rotate::rotated;

fn slots() -> Slots {
    Slots::of_runs([&synthetic::run(synthetic::structure(0))]).unwrap()
}

fn sample(seed: usize) -> Sample {
    Sample::new(&synthetic::run(synthetic::structure(seed)), &slots()).unwrap()
}

fn settings(lambda: f64) -> FitSettings {
    FitSettings { lambdas: vec![lambda], bond_gaussians: 3, sum_gaussians: 2, ..FitSettings::default() }
}

fn fitted() -> LinearStage {
    fit(&[sample(1), sample(2), sample(3)], &[], &slots(), &settings(1e-6)).unwrap().0
}

fn predict(stage: &LinearStage, run: &Calculation) -> Operator<f64> {
    let sample = Sample::new(run, &slots()).unwrap();
    sample.operator(&stage.predict(&sample, &slots()).unwrap().delta, &slots()).unwrap()
}

fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |worst, x| worst.max(x.abs()))
}

#[test]
fn prediction_turns_with_the_run() {
    let (stage, run) = (fitted(), synthetic::run(synthetic::structure(7)));
    let turn = *Rotation3::from_euler_angles(0.3, -1.2, 2.5).matrix();
    let here = predict(&stage, &run);
    for r in [turn, -Matrix3::identity(), -turn] {
        let turned = predict(&stage, &rotated(&run, &r));
        let mut carrier = run.clone();
        carrier.overlap = Some(here.clone());
        let wanted = rotated(&carrier, &r).overlap.unwrap();
        let error = largest(turned.values().iter().zip(wanted.values()).map(|(a, b)| a - b));
        let size = largest(wanted.values().iter().copied());
        assert!(error < 1e-12 * size, "{error} of {size} for {r}");
    }
}

#[test]
fn prediction_follows_a_renumbering_of_atoms() {
    let stage = fitted();
    let order = [3, 0, 4, 2, 1];
    let Structure { lattice, positions, species } = synthetic::structure(8);
    let moved = Structure {
        lattice,
        positions: order.iter().map(|&k| positions[k]).collect(),
        species: order.iter().map(|&k| species[k]).collect(),
    };
    let here = predict(&stage, &synthetic::run(Structure { lattice, positions, species }));
    let there = predict(&stage, &synthetic::run(moved));
    for (pair, block) in there.blocks() {
        let [i, j] = [pair.i, pair.j].map(|atom| order[atom as usize] as u32);
        let wanted = here.get(&Pair { i, j, r: pair.r }).unwrap();
        assert!(largest(block.iter().zip(wanted).map(|(a, b)| a - b)) < 1e-12);
    }
}

#[test]
fn a_linear_law_is_recovered() {
    let mut samples: Vec<Sample> = (10..20).map(sample).collect();
    let local = FitSettings { potential: None, ..settings(1e-4) };
    let law = fit(&samples[..9], &[], &slots(), &local).unwrap().0;
    for sample in &mut samples {
        sample.target = Some(law.predict(sample, &slots()).unwrap().delta);
    }
    let (training, test) = samples.split_at(9);
    let exact = FitSettings { potential: None, ..settings(1e-13) };
    let (stage, report) = fit(training, &[], &slots(), &exact).unwrap();
    assert!(report.regressions.iter().all(|r| r.residual < 1e-6), "{report:?}");
    let (found, wanted) = (stage.predict(&test[0], &slots()).unwrap().delta, test[0].target.as_ref().unwrap());
    let size = largest(wanted.edges.iter().copied());
    let error = largest(found.edges.iter().zip(&wanted.edges).map(|(a, b)| a - b));
    assert!(error < 1e-5 * size, "bonds: {error} of {size}");
    let error = largest(found.nodes.iter().zip(&wanted.nodes).map(|(a, b)| a - b));
    assert!(error < 1e-5 * size, "on-site: {error} of {size}");
}

#[test]
fn leverage_warns_of_bonds_unlike_training() {
    let stage = fitted();
    let most = |sample: &Sample| largest(stage.predict(sample, &slots()).unwrap().bond_leverage.into_iter());
    let mut compressed = synthetic::structure(2);
    compressed.positions[1] = compressed.positions[0] * 0.6 + compressed.positions[1] * 0.4;
    let compressed = Sample::new(&synthetic::run(compressed), &slots()).unwrap();
    assert!(most(&sample(2)) < 1.5 && most(&compressed) > 10.0, "{} {}", most(&sample(2)), most(&compressed));
}
