use super::*;
use crate::model::linear::{FitSettings, fit};
use crate::model::training::Training;
use crate::model::{Slots, synthetic};

#[test]
fn short_bonds_are_warned_of_without_a_linear_stage() {
    let run = synthetic::run(synthetic::structure(1));
    let slots = Slots::of_runs([&run.basis]).unwrap();
    let settings = FitSettings { bond_gaussians: 2, sum_gaussians: 1, ..FitSettings::default() };
    let (stage, report) = fit(&[Sample::new(&run, &slots).unwrap()], &[], &slots, &settings).unwrap();
    let training = Training::of(std::slice::from_ref(&run), &slots).unwrap();
    let predictor = Predictor::linear(Model { linear: None, ..Model::linear(slots, training, stage, report) });
    let trust = |run: &Calculation| predictor.predict(run).unwrap().trust;
    assert_eq!(trust(&run), Trust::default());
    let mut closer = synthetic::structure(1);
    closer.positions[1] = 0.3 * closer.positions[0] + 0.7 * closer.positions[1];
    let warned = trust(&synthetic::run(closer));
    assert!(warned.distance.is_none() && warned.bond_leverage.is_none());
    let [warning] = warned.warnings.as_slice() else { panic!("{:?}", warned.warnings) };
    assert!(warning.starts_with("A-B distance of ") && warning.contains("the shortest of training is"), "{warning}");
}

#[test]
fn a_run_of_another_code_is_warned_of() {
    let mut run = synthetic::run(synthetic::structure(1));
    let slots = Slots::of_runs([&run]).unwrap();
    let settings = FitSettings { bond_gaussians: 2, sum_gaussians: 1, ..FitSettings::default() };
    let (stage, report) = fit(&[Sample::new(&run, &slots).unwrap()], &[], &slots, &settings).unwrap();
    let training = Training::of(std::slice::from_ref(&run), &slots).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    Model::linear(slots, training, stage, report).write(&path).unwrap();
    let predictor = Predictor::load(&path, "cpu").unwrap();
    let warned = |run: &Calculation| {
        let warnings = predictor.predict(run).unwrap().trust.warnings;
        warnings.contains(&"a run of SIESTA; the model knows A, B of unknown only".to_owned())
    };
    assert!(!warned(&run));
    run.origin.code = "SIESTA";
    assert!(warned(&run));
}
