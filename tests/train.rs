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
    for line in &lines {
        assert!(line["loss_real"].as_f64().unwrap() > 0.0 && line["learning_rate"].as_f64().unwrap() > 0.0);
        let number = |name: &str| line[name].as_f64().unwrap();
        assert!(number("cpu_seconds") > 0.0 && number("peak_memory_mb") > 50.0 && number("n_parameters") > 1000.0);
        assert_eq!((&line["mu_mev"], &line["skipped"]), (&0.0.into(), &0.into()));
    }
    let curve = std::fs::read_to_string(folder.path().join("m.svg")).unwrap();
    assert!(["validation", "loss, channels", "learning rate"].iter().all(|text| curve.contains(text)));
    let said = String::from_utf8(output.stdout).unwrap();
    let best = lines.iter().filter_map(|line| line["validation_mae_aligned"].as_f64()).fold(f64::INFINITY, f64::min);
    let wanted = format!("trained for 4 steps; best validation error {best:.4} meV (aligned) at step ");
    assert!(said.contains(&wanted), "{said}");
    let model = hzero::model::file::Model::read(&folder.path().join("m.safetensors")).unwrap();
    assert!(model.network.is_some() && !folder.path().join("m.checkpoint.safetensors").exists());
}

/// Largest memory in MB that `hzero train` took for one step of several structures.
#[cfg(all(feature = "torch", target_os = "linux"))]
fn peak(training: &str) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let runs = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/abacus");
    let config = format!(
        "[data]\ntrain = [\"{runs}/graphene_sqrt?\"]\nvalidation_fraction = 0.0\n[linear]\nenabled = false\n\
         [model]\nbase = \"h0\"\nlayers = 3\n[training]\nsteps = 1\nthreads = 1\n{training}\n"
    );
    std::fs::write(folder.path().join("config.toml"), config).unwrap();
    let mut hzero = Command::new(env!("CARGO_BIN_EXE_hzero"));
    let mut child = hzero.args(["train", "config.toml", "--device", "cpu"]).current_dir(folder.path()).spawn().unwrap();
    let mut kilobytes = 0.0;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
        kilobytes = peak.unwrap_or(kilobytes);
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert!(child.wait().unwrap().success());
    kilobytes / 1024.0
}

#[cfg(all(feature = "torch", target_os = "linux"))]
#[test]
fn recomputing_layers_or_more_passes_take_less_memory() {
    let [small, plain, recomputed, passes] =
        ["batch = 1", "batch = 8", "batch = 8\nrecompute = true", "batch = 8\npasses = 8"].map(peak);
    println!("MB: one structure {small:.0}, eight {plain:.0}, recomputed {recomputed:.0}, in eight passes {passes:.0}");
    assert!(recomputed - small < 0.7 * (plain - small));
    assert!(passes - small < 0.3 * (plain - small));
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
