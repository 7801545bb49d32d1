//! `hzero benchmark` through the binary, with networks of a few steps.

#![cfg(feature = "torch")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

use serde_json::Value;
use tempfile::TempDir;

const RUNS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/abacus");

/// A plan in a folder of its own.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        Bench(tempfile::tempdir().unwrap())
    }

    fn out(&self) -> PathBuf {
        self.0.path().join("out")
    }

    fn command(&self, plan: &str, more: &[&str]) -> Command {
        fs::write(self.0.path().join("plan.toml"), plan).unwrap();
        let mut hzero = Command::new(env!("CARGO_BIN_EXE_hzero"));
        hzero.args(["benchmark", "plan.toml", "--out", "out", "--device", "cpu"]).args(more);
        hzero.current_dir(self.0.path());
        hzero
    }

    fn run(&self, plan: &str, more: &[&str]) -> Output {
        self.command(plan, more).output().unwrap()
    }

    /// Runs it to a good end; what it said.
    fn done(&self, plan: &str, more: &[&str]) -> String {
        let output = self.run(plan, more);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stderr(&output)
    }

    fn cases(&self) -> Vec<Value> {
        let results = fs::read_to_string(self.out().join("results.json")).unwrap();
        let results: Value = serde_json::from_str(&results).unwrap();
        results["cases"].as_array().unwrap().clone()
    }

    fn changed(&self, file: &str) -> SystemTime {
        fs::metadata(self.out().join(file)).unwrap().modified().unwrap()
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Learns from one fixture and is tested on the other.
fn plan(variants: &str) -> String {
    format!(
        "[budget]\nsteps = 3\n[common]\nmodel = {{ channels = 2, unnatural_channels = 1, width = 4, l_max = 2, layers = 1 }}\n\
         training.threads = 1\n[[sets]]\nname = \"carbon\"\ntrain = [\"{RUNS}/graphene_sqrt3\"]\n[sets.tests]\n\
         \"other cells\" = [\"{RUNS}/graphene\"]\n{variants}"
    )
}

const VARIANTS: &str = "[[variants]]\nname = \"over H0\"\nmodel.base = \"h0\"\nbudget.seeds = [0, 1]\n\
                        [[variants]]\nname = \"tuned\"\nmodel.base = \"h0\"\nstart = \"carbon/wide-4\"\n\
                        [[variants]]\nname = \"wide\"\nmodel.base = \"h0\"\neach = { field = \"model.channels\", values = [4, 6] }\n";

#[test]
fn every_case_has_its_row_and_is_done_once() {
    let bench = Bench::new();
    let said = bench.done(&plan(VARIANTS), &[]);
    assert_eq!(said.lines().count(), 7, "{said}");
    assert!(said.contains("[7/7] carbon/"), "{said}");
    let cases = bench.cases();
    let names: Vec<&str> = cases.iter().map(|case| case["folder"].as_str().unwrap()).collect();
    let wanted = ["H0", "linear stage", "over H0-seed0", "over H0-seed1", "tuned", "wide-4", "wide-6"];
    assert_eq!(names, wanted.map(|name| format!("carbon/{name}")));
    for case in &cases {
        let run = &case["groups"][0]["runs"][0];
        assert!(case["error"].is_null() && run["bands_occupied_mae_mev"].as_f64().unwrap() > 0.0, "{case}");
        let training = &case["training"];
        assert_eq!(training.is_null(), case["variant"] == "H0");
        if case["seed"].is_number() {
            assert_eq!((&training["steps"], &training["course"].as_array().unwrap().len()), (&3.into(), &0));
            assert!(training["cpu_seconds"].as_f64().unwrap() > 0.0 && run["equivariance_mae_mev"].is_number());
        }
    }
    let ratio = |k: usize| cases[k]["groups"][0]["runs"][0]["mae_h_aligned_mev"].as_f64().unwrap();
    assert!(ratio(1) < ratio(0), "the linear stage is better than H0");
    let tables = fs::read_to_string(bench.out().join("results.md")).unwrap();
    assert!(
        tables.contains("## carbon: other cells") && tables.contains("### carbon: wide by model.channels"),
        "{tables}"
    );
    for row in ["| H0 |", "| linear stage |", "| over H0 |", "| tuned |", "| wide-6 |"] {
        assert_eq!(tables.matches(row).count(), 1, "{row}: {tables}");
    }
    let figure = fs::read_to_string(bench.out().join("results.svg")).unwrap();
    assert!(figure.contains("linear stage") && figure.contains("wide-4"));

    let trained = bench.changed("carbon/tuned/model.safetensors");
    assert_eq!(bench.done(&plan(VARIANTS), &[]), "", "nothing is left to do");
    assert_eq!(bench.changed("carbon/tuned/model.safetensors"), trained);
    // A model that another one starts from is trained anew, and so is that one.
    let wider = VARIANTS.replace("name = \"wide\"", "name = \"wide\"\nmodel.width = 5");
    let said = bench.done(&plan(&wider), &["--only", "tuned"]);
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(bench.changed("carbon/tuned/model.safetensors") > trained);
    assert_eq!(bench.cases().len(), 6, "wide-6 is of another configuration now");
    configurations_run_by_hand(&bench.out().join("carbon/tuned"));
}

/// The configuration of a case is whole: it holds all that training needs, and goes on in its own folder.
fn configurations_run_by_hand(folder: &Path) {
    let config = fs::read_to_string(folder.join("config.toml")).unwrap();
    for field in ["steps = 3", "seed = 0", "start = \"../../carbon/wide-4/model.safetensors\"", "envelope = 10.4"] {
        assert!(config.contains(field), "{field}: {config}");
    }
    let mut hzero = Command::new(env!("CARGO_BIN_EXE_hzero"));
    let output = hzero.args(["train", "config.toml", "--device", "cpu"]).current_dir(folder).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn a_budget_in_seconds_becomes_steps_and_a_failure_spoils_its_row_only() {
    let bench = Bench::new();
    let variants = "[[variants]]\nname = \"timed\"\nmodel.base = \"h0\"\nbudget = { seconds = 0.5, trial_steps = 6, steps = 60 }\n\
                    [[variants]]\nname = \"waits\"\ntraining.schedule = \"plateau\"\n";
    let output = bench.run(&plan(variants), &[]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let cases = bench.cases();
    let steps = cases[2]["training"]["steps"].as_u64().unwrap();
    assert!((1..=60).contains(&steps), "{steps}");
    assert!(cases[3]["error"].as_str().unwrap().contains("need validation runs"), "{}", cases[3]);
    let tables = fs::read_to_string(bench.out().join("results.md")).unwrap();
    assert!(tables.contains("| waits | failed") && tables.contains("- carbon/waits: training.patience"), "{tables}");
    // The trial is not repeated, so that the number of steps stays, and with it the model.
    let trained = bench.changed("carbon/timed/model.safetensors");
    let said = stderr(&bench.run(&plan(variants), &[]));
    assert!(said.starts_with("[1/1] carbon/waits: failed"), "{said}");
    assert_eq!(bench.changed("carbon/timed/model.safetensors"), trained);
}

#[test]
fn training_goes_on_where_it_was_ended() {
    let bench = Bench::new();
    let variants = "[[variants]]\nname = \"v\"\nmodel.base = \"h0\"\noutput.checkpoint_every = 2\n";
    let many = plan(variants).replace("steps = 3", "steps = 100000");
    let mut benchmark = bench.command(&many, &[]).spawn().unwrap();
    let checkpoint = bench.out().join("carbon/v/model.checkpoint.safetensors");
    wait_for(|| checkpoint.exists());
    // The training process alone is ended, as by a lack of memory.
    end_children_of(benchmark.id());
    assert_eq!(benchmark.wait().unwrap().code(), Some(1));
    let failed = &bench.cases()[2];
    assert!(failed["error"].as_str().unwrap().contains("SIGKILL"), "{failed}");
    let first = bench.changed("carbon/v/model.checkpoint.safetensors");
    let mut benchmark = bench.command(&many, &[]).spawn().unwrap();
    wait_for(|| bench.changed("carbon/v/model.checkpoint.safetensors") > first);
    end_children_of(benchmark.id());
    benchmark.wait().unwrap();
    let said = fs::read_to_string(bench.out().join("carbon/v/train.err")).unwrap();
    assert!(said.contains("going on from the checkpoint at step"), "{said}");
}

fn wait_for(happened: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !happened() {
        assert!(start.elapsed().as_secs() < 300, "it does not happen");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

fn end_children_of(process: u32) {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap();
    assert!(!children.trim().is_empty(), "nothing is running");
    for child in children.split_whitespace() {
        assert!(Command::new("kill").args(["-9", child]).status().unwrap().success());
    }
}

#[test]
fn a_run_is_not_tested_that_a_model_has_seen() {
    let bench = Bench::new();
    let seen = format!("other = [\"{RUNS}/../abacus/graphene_sqrt?\"]\n[[variants]]\nname = \"v\"\n");
    let output = bench.run(&plan(&seen), &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("test group other has") && said.contains("graphene_sqrt3, which is also trained on"),
        "{said}"
    );
    let output = bench.run(&plan("[[variants]]\nname = \"v\"\n").replace("/graphene\"", "/nowhere\""), &[]);
    let said = stderr(&output);
    assert!(said.contains("test group other cells") && said.contains("nowhere: no run is there"), "{said}");
    let output = bench.run(&plan("[[variants]]\nname = \"v\"\nmodel.layer = 2\n"), &[]);
    assert!(stderr(&output).contains("plan.toml: variants, v: unknown field `layer`"), "{}", stderr(&output));
    assert!(!bench.out().exists(), "nothing is begun");
    let output = bench.run(&plan("[[variants]]\nname = \"v\"\n"), &["--only", "w"]);
    assert!(stderr(&output).contains("no case is called w"), "{}", stderr(&output));
}
