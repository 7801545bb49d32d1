//! SIESTA beyond its files: Fermi levels, and the main job through the binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hzero::bands::fermi::computed_level;
use hzero::bands::spectrum::SpectrumOptions;
use hzero::parsers::{ReadOptions, SpinOperator, read};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/siesta").join(name)
}

/// Four metals, with SIESTA's own k mesh, electrons and temperature. Iron of 4.1 has single precision in H⁽⁰⁾ only.
#[test]
fn fermi_levels_are_siestas_own() {
    for name in ["fe", "fe2_nc", "feas_so", "fe_v41"] {
        let run = read(&fixture(name), &ReadOptions::default()).unwrap();
        let own = run.fermi_level.unwrap();
        let h = run.hamiltonian.as_ref().unwrap();
        let level = computed_level(&run, h, SpectrumOptions::default()).unwrap().unwrap();
        println!("{name}: differs by {:.1e} hartree", (level - own).abs());
        assert!((level - own).abs() < 2e-11, "{name}: {level}, SIESTA says {own}");
    }
}

fn hzero(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_hzero")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// A model of one run gives that run's H back, as files that SIESTA takes and that are a run again.
#[test]
fn a_prediction_is_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (run, model, out) = (fixture("h2o").display().to_string(), path("h2o.safetensors"), path("predicted"));
    hzero(&["fit", &run, "--out", &model]);
    hzero(&["predict", &run, "--model", &model, "--out", &out]);
    let out = Path::new(&out);
    for file in ["h2o.HSX", "h2o.TSHS", "H_IN", "h2o.fdf"] {
        assert!(out.join(file).is_file(), "{file}");
    }
    let [exact, predicted] = [&fixture("h2o"), out].map(|path| read(path, &ReadOptions::default()).unwrap());
    assert!(predicted.origin.is_predicted && predicted.hamiltonian0.is_none() && predicted.fermi_level.is_some());
    let (Some(SpinOperator::Unpolarized(a)), Some(SpinOperator::Unpolarized(b))) =
        (exact.hamiltonian, predicted.hamiltonian)
    else {
        panic!("nspin 1")
    };
    let error = a.values().iter().zip(b.values()).map(|(a, b)| (a - b).abs()).sum::<f64>() / a.values().len() as f64;
    assert!(error < 1e-6, "{error} hartree");
}

#[test]
fn the_step_zero_input_names_what_it_changes() {
    let output = hzero(&["h0-recipe", "siesta", &fixture("fe/scf").display().to_string(), "--version", "4.1"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("MaxSCFIterations     1         # was 300: H of the first iteration is H0"), "{text}");
    assert!(text.ends_with(&std::fs::read_to_string(fixture("fe/scf/fe.fdf")).unwrap()));
    assert!(String::from_utf8_lossy(&output.stderr).contains("without a block DM.InitSpin"));
}
