//! Collinear spin: both spins by one model.

use nalgebra::Rotation3;

use super::file::Model;
use super::linear::{FitSettings, fit};
use super::predict::Predictor;
use super::target::Target;
use super::training::Training;
use super::{Sample, Slots, synthetic};
use crate::parsers::{Calculation, Operator, SpinOperator};
use crate::symmetry::rotate::rotated;

pub(crate) fn exchanged(run: &Calculation) -> Calculation {
    let exchanged = |operator: &Option<SpinOperator>| match operator {
        Some(SpinOperator::Collinear([up, down])) => Some(SpinOperator::Collinear([down.clone(), up.clone()])),
        other => other.clone(),
    };
    Calculation { hamiltonian0: exchanged(&run.hamiltonian0), hamiltonian: exchanged(&run.hamiltonian), ..run.clone() }
}

pub(crate) fn spins(operator: &SpinOperator) -> &[Operator<f64>; 2] {
    let SpinOperator::Collinear(spins) = operator else { panic!("nspin {}", operator.nspin()) };
    spins
}

/// Exchanging the spins of a run exchanges those of the prediction, to the bit, and both differ.
pub(crate) fn check_exchange(predictor: &Predictor, run: &Calculation) {
    let predicted = |run: &Calculation| predictor.predict(run).unwrap().hamiltonian;
    let (here, there) = (predicted(run), predicted(&exchanged(run)));
    let ([up, down], [other_up, other_down]) = (spins(&here), spins(&there));
    assert_eq!((up, down), (other_down, other_up));
    let delta = |h: &SpinOperator, spin: usize| {
        let (h, h0) = (&spins(h)[spin], &spins(run.hamiltonian0.as_ref().unwrap())[spin]);
        h.values().iter().zip(h0.values()).map(|(h, h0)| h - h0).collect::<Vec<f64>>()
    };
    let difference = largest(delta(&here, 0).iter().zip(delta(&here, 1)).map(|(up, down)| up - down));
    assert!(difference > 1e-4, "the spins' changes differ by {difference} only");
}

pub(crate) fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |worst, x| worst.max(x.abs()))
}

fn fitted(runs: &[Calculation]) -> Predictor {
    let slots = Slots::of_runs(runs.iter().map(|run| &run.basis)).unwrap();
    let samples: Vec<Sample> =
        runs.iter().flat_map(|run| Sample::of_run(run, &slots, Target::default()).unwrap()).collect();
    let settings = FitSettings { lambdas: vec![1e-6], bond_gaussians: 3, sum_gaussians: 2, ..FitSettings::default() };
    let (stage, report) = fit(&samples, &[], &slots, &settings).unwrap();
    Predictor::linear(Model::linear(slots.clone(), Training::of(runs, &slots).unwrap(), stage, report))
}

fn collinear(seed: usize) -> Calculation {
    synthetic::collinear(synthetic::structure(seed))
}

/// Mean |H − H_SCF| over that of H⁽⁰⁾.
fn ratio(run: &Calculation, predicted: &SpinOperator) -> f64 {
    let errors = super::evaluate::evaluate(run, predicted).unwrap().total;
    errors.mae / errors.mae_h0.unwrap()
}

#[test]
fn the_linear_stage_learns_both_spins() {
    let predictor = fitted(&[1, 2, 3, 4, 5, 6].map(collinear));
    let run = collinear(9);
    check_exchange(&predictor, &run);
    let predicted = predictor.predict(&run).unwrap().hamiltonian;
    assert!(ratio(&run, &predicted) < 0.2, "{}", ratio(&run, &predicted));
    let mut blind = Sample::of_run(&run, &predictor.model().slots, Target::default()).unwrap().remove(0);
    let stage = predictor.model().linear.as_ref().unwrap();
    let seen = stage.predict(&blind, &predictor.model().slots).unwrap();
    blind.exchange = None;
    assert_ne!(seen, stage.predict(&blind, &predictor.model().slots).unwrap(), "the exchange field is not seen");
}

#[test]
fn both_spins_turn_with_the_run() {
    let predictor = fitted(&[1, 2, 3].map(collinear));
    let run = collinear(7);
    let turn = -*Rotation3::from_euler_angles(0.3, -1.2, 2.5).matrix();
    let there = predictor.predict(&rotated(&run, &turn)).unwrap().hamiltonian;
    let here = predictor.predict(&run).unwrap().hamiltonian;
    let carrier = Calculation { hamiltonian: Some(here), ..run };
    let wanted = rotated(&carrier, &turn).hamiltonian.unwrap();
    for (found, wanted) in spins(&there).iter().zip(spins(&wanted)) {
        let error = largest(found.values().iter().zip(wanted.values()).map(|(a, b)| a - b));
        assert!(error < 1e-12 * largest(wanted.values().iter().copied()), "{error}");
    }
}

#[test]
fn a_model_without_spin_refuses_a_run_with_spin() {
    let predictor = fitted(&[1, 2].map(|seed| synthetic::run(synthetic::structure(seed))));
    let message = predictor.predict(&collinear(3)).err().unwrap().to_string();
    assert_eq!(message, "the run has collinear spin (nspin 2), but none of those that the model was fitted to");
}

#[test]
fn a_model_with_spin_predicts_runs_without() {
    let predictor = fitted(&[1, 2, 3].map(collinear));
    let run = synthetic::run(synthetic::structure(7));
    assert_eq!(predictor.predict(&run).unwrap().hamiltonian.nspin(), 1);
}
