use super::*;
use crate::model::linear::{FitSettings, fit};
use crate::model::{Sample, synthetic};

fn model() -> Model {
    let run = synthetic::run(synthetic::structure(1));
    let slots = Slots::of_runs([&run]).unwrap();
    let settings = FitSettings { bond_gaussians: 2, sum_gaussians: 1, ..FitSettings::default() };
    let (stage, report) = fit(&[Sample::new(&run, &slots).unwrap()], &[], &slots, &settings).unwrap();
    let training = Training::of(&[run], &slots).unwrap();
    Model::linear(slots, training, stage, report)
}

#[test]
fn what_was_written_is_read() {
    let mut model = model();
    let tensor = f32_tensor(vec![2], &[1.0, -2.5]);
    model.header.network = Some(serde_json::json!({"layers": 2}));
    model.network = Some(BTreeMap::from([("embed.weight".to_owned(), tensor)]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    model.write(&path).unwrap();
    let back = Model::read(&path).unwrap();
    assert_eq!((&back.header, &back.slots, &back.network), (&model.header, &model.slots, &model.network));
    let sample = Sample::new(&synthetic::run(synthetic::structure(2)), &model.slots).unwrap();
    let [found, wanted] = [&back, &model].map(|m| m.linear.as_ref().unwrap().predict(&sample, &m.slots).unwrap());
    assert_eq!(found, wanted);
}

#[test]
fn broken_files_are_refused() {
    let bytes = model().to_bytes().unwrap();
    for length in [0, 7, 100, bytes.len() - 1] {
        assert!(parse(&bytes[..length]).is_err());
    }
    let place = bytes.windows(16).position(|w| w == b"\\\"schema_version").unwrap();
    let mut newer = bytes.clone();
    let digit = newer[place..].iter().position(|b| *b == b'1').unwrap();
    newer[place + digit] = b'9';
    assert_eq!(parse(&newer).unwrap_err().to_string(), "model files of schema 9; this hzero reads schema 1");
}

#[test]
fn species_of_older_models_are_of_the_code_of_training() {
    let mut header = serde_json::to_value(model().header).unwrap();
    let code = |species: &mut serde_json::Value| species.as_object_mut().and_then(|s| s.remove("code"));
    assert!(header["species"].as_array_mut().unwrap().iter_mut().all(|species| code(species).is_some()));
    let header = serde_json::from_value::<Header>(header).unwrap().with_codes();
    assert!(header.species.iter().all(|species| species.code == "unknown") && header == model().header);
}

#[test]
fn another_cutoff_is_refused() {
    let model = model();
    let mut run = synthetic::run(synthetic::structure(1));
    assert!(model.check_compatible(&run).is_ok());
    let mut species = run.basis.species().to_vec();
    species[1].cutoff = Some(9.0);
    run.basis = crate::parsers::Basis::new(species, &run.structure.species).unwrap();
    let message = model.check_compatible(&run).unwrap_err().to_string();
    assert_eq!(message, "orbitals of B end at 9 bohr, but the model was fitted to 3.25 bohr");
}

#[test]
fn species_that_never_touched_in_training_are_refused() {
    let mut model = model();
    let run = synthetic::run(synthetic::structure(1));
    model.linear.as_mut().unwrap().config.profiles.retain(|profile| profile.species != [0, 1]);
    let message = model.check_compatible(&run).unwrap_err().to_string();
    assert_eq!(message, "orbitals of A and B overlap, which they never did in training");
}

#[test]
fn headers_without_training_structures_are_read() {
    let mut header = serde_json::to_value(model().header).unwrap();
    let training = header["training"].as_object_mut().unwrap();
    assert!(training.remove("structures").is_some_and(|s| !s.as_array().unwrap().is_empty()));
    let header: Header = serde_json::from_value(header).unwrap();
    assert!(header.training.structures.is_empty());
}
