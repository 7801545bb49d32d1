//! OpenMX beyond its files: Fermi levels, and the main job through the binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hzero::bands::fermi::computed_level;
use hzero::bands::spectrum::SpectrumOptions;
use hzero::parsers::openmx::{Dat, Scfout};
use hzero::parsers::{ReadOptions, read};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/openmx").join(name)
}

/// Iron (SpinP 1, 9x9x9) and strained GaAs (SpinP 3, 3x3x3).
#[test]
fn fermi_levels_are_openmx_own() {
    for (name, bound) in [("fe_spin", 1e-6), ("gaas_soc", 1e-8)] {
        let run = read(&fixture(name), &ReadOptions::default()).unwrap();
        let own = run.fermi_level.unwrap();
        let h = run.hamiltonian.as_ref().unwrap();
        let level = computed_level(&run, h, SpectrumOptions::default()).unwrap().unwrap();
        assert!((level - own).abs() < bound, "{name}: {level}, OpenMX says {own}");
    }
}

fn hzero(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hzero")).args(arguments).output().unwrap()
}

/// A model of one run gives that run's H back, as files that OpenMX takes.
#[test]
fn a_prediction_is_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (run, model, out) = (fixture("h2o").display().to_string(), path("h2o.safetensors"), path("predicted"));
    for arguments in [&["fit", &run, "--out", &model][..], &["predict", &run, "--model", &model, "--out", &out]] {
        let output = hzero(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let out = Path::new(&out);
    for file in ["h2o.scfout", "h2o.dat", "h2o_rst/h2o.rst1", "h2o_rst/h2o.rst3", "h2o_rst/h2o.crst_check"] {
        assert!(out.join(file).is_file(), "{file}");
    }
    let input = Dat::parse(&std::fs::read(out.join("h2o.dat")).unwrap());
    assert!(input.is_on("scf.restart") && input.is_on("scf.Hubbard.U"));
    let (h0, predicted) = (Scfout::read(&fixture("h2o/h0/h2o.scfout")), Scfout::read(&out.join("h2o.scfout")));
    assert_ne!(h0.unwrap().tail.chem_p, predicted.unwrap().tail.chem_p, "ChemP is that of the predicted H");
    let error = |folder: &Path| {
        let [h, of] = [read(&fixture("h2o"), &ReadOptions::default()), read(folder, &ReadOptions::default())]
            .map(|run| run.unwrap().hamiltonian.unwrap());
        let (hzero::parsers::SpinOperator::Unpolarized(a), hzero::parsers::SpinOperator::Unpolarized(b)) = (h, of)
        else {
            panic!("nspin 1")
        };
        a.values().iter().zip(b.values()).map(|(a, b)| (a - b).abs()).sum::<f64>() / a.values().len() as f64
    };
    assert!(error(out) < 1e-6, "{} hartree", error(out));
}
