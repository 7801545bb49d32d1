//! `hzero train` through the binary.

use std::path::Path;
use std::process::{Command, Output};

fn train(folder: &Path, config: &str) -> Output {
    std::fs::write(folder.join("config.toml"), config).unwrap();
    let arguments = ["train", "config.toml", "--device", "cpu"];
    Command::new(env!("CARGO_BIN_EXE_hzero")).args(arguments).current_dir(folder).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[cfg(feature = "torch")]
#[test]
fn trains_on_run_folders_and_leaves_model_log_and_curve() {
    let folder = tempfile::tempdir().unwrap();
    let runs = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/abacus");
    let config = format!(
        "[data]\ntrain = [\"{runs}/graphene_sqrt?\"]\nvalidate = [\"{runs}/graphene\"]\n\
         [model]\nbase = \"h0\"\nchannels = 4\nunnatural_channels = 2\nwidth = 8\n\
         [training]\nsteps = 4\nthreads = 1\n[output]\nmodel = \"m.safetensors\"\nevaluate_every = 2\n"
    );
    let output = train(folder.path(), &config);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let log = std::fs::read_to_string(folder.path().join("m.log.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[0].get("validation_ratio").is_none());
    assert!(lines[3]["validation_ratio"].as_f64().unwrap() > 0.0);
    assert!(std::fs::read_to_string(folder.path().join("m.svg")).unwrap().contains("validation"));
    let model = hzero::model::file::Model::read(&folder.path().join("m.safetensors")).unwrap();
    assert!(model.network.is_some() && !folder.path().join("m.checkpoint.safetensors").exists());
}

#[cfg(feature = "torch")]
#[test]
fn mistakes_in_the_configuration_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (config, wanted) in [
        ("[data]\ntrain = [\"nowhere/*\"]\n", "nowhere/*: no run is there"),
        ("[data]\ntrain = [\"a\"]\n[model]\nlayer = 3\n", "unknown field `layer`"),
        ("[data]\ntrain = [\"[\"]\n", "pattern `[`"),
    ] {
        let output = train(folder.path(), config);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(wanted), "{}", stderr(&output));
    }
}

#[cfg(feature = "torch")]
#[test]
fn a_preset_is_shown_as_the_configuration_that_it_is() {
    use hzero::model::network::{Preset, TrainConfig};

    let show = |name: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_hzero")).args(["config", "show", name]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    for (name, preset) in ["slem", "tracegrad", "nextham", "harmose"].into_iter().zip(Preset::ALL) {
        let shown = show(name);
        let config: TrainConfig = toml::from_str(&shown).unwrap();
        assert_eq!(config, TrainConfig::of_preset(preset).unwrap(), "{shown}");
        assert!(shown.contains("# default "), "{shown}");
    }
    assert_eq!(toml::from_str::<TrainConfig>(&show("default")).unwrap(), TrainConfig::default());
}

#[cfg(not(feature = "torch"))]
#[test]
fn a_build_without_the_network_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let output = train(folder.path(), "[data]\ntrain = []\n");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("built without the network"), "{}", stderr(&output));
}
