//! `hzero dataset generate`: inputs of new structures, in the words of each code.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hzero::dataset::cells::shortest_distance;
use hzero::parsers::Code;
use hzero::parsers::template::Template;
use serde_json::Value;
use tempfile::TempDir;

fn fixture(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    assert!(path.exists(), "{} is part of the repository", path.display());
    path
}

fn generate(template: &Path, out: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hzero"));
    command.args(["dataset", "generate", "--seed", "7", "--out"]).arg(out).arg(template).args(more);
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Generates from a template, and reads the new inputs as templates again.
fn generated(code: Code, template: &Path, more: &[&str]) -> (TempDir, PathBuf, Vec<Template>) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("set");
    let name = code.name().to_lowercase();
    let output = generate(template, &out, &[&["--code", &name], more].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&std::fs::read(out.join("generated.json")).unwrap()).unwrap();
    let folders = report["structures"].as_array().unwrap().iter().map(|one| out.join(one["folder"].as_str().unwrap()));
    let templates = folders.map(|run| Template::read(code, &run).unwrap()).collect();
    (folder, out, templates)
}

const CODES: [(Code, &str); 3] =
    [(Code::Abacus, "abacus/si2"), (Code::Siesta, "siesta/fe"), (Code::OpenMx, "openmx/silicene_f")];

#[test]
fn supercells_without_disorder_are_the_templates_crystal() {
    for (code, name) in CODES {
        let own = Template::read(code, &fixture(name)).unwrap();
        let more = [
            "--cells",
            "1x1,2x1",
            "--cells",
            "-1,1,0;-1,-1,0;0,0,1",
            "-n",
            "3",
            "--displacement",
            "0",
            "--strain",
            "0",
        ];
        let (_folder, _, templates) = generated(code, &fixture(name), &more);
        assert_eq!(templates.len(), 3);
        for (template, n_cells) in templates.iter().zip([1, 2, 2]) {
            assert_eq!(template.structure.n_atoms(), n_cells * own.structure.n_atoms(), "{name}");
            assert!((template.structure.volume() / own.structure.volume() - n_cells as f64).abs() < 1e-8, "{name}");
            let bonds = [&template.structure, &own.structure].map(shortest_distance);
            assert!((bonds[0] - bonds[1]).abs() < 1e-7, "{name}: {bonds:?}");
            assert_eq!(template.labels, own.labels);
        }
        let points = |template: &Template| template.mesh.unwrap().divisions.map(f64::from).iter().product::<f64>();
        assert_eq!(points(&templates[0]), points(&own), "{name}");
        assert!(points(&templates[1]) * 2.0 >= points(&own), "{name}");
    }
}

#[test]
fn disorder_follows_the_seed_and_respects_the_least_distance() {
    let (code, name) = CODES[0];
    let more = ["--cells", "2x1", "-n", "4", "--displacement", "0.15", "--least-distance", "0.85"];
    let [(_a, first, one), (_b, second, _)] = [(), ()].map(|()| generated(code, &fixture(name), &more));
    let bond = shortest_distance(&Template::read(code, &fixture(name)).unwrap().structure);
    assert!(one.iter().all(|template| shortest_distance(&template.structure) >= 0.85 * bond - 1e-9));
    for file in ["000/scf/STRU", "003/h0/STRU", "003/h0/INPUT", "generated.json"] {
        let [a, b] = [&first, &second].map(|out| std::fs::read_to_string(out.join(file)).unwrap());
        assert_eq!(a, b, "{file}");
    }
    let [a, b] = ["000/scf/STRU", "001/scf/STRU"].map(|file| std::fs::read_to_string(first.join(file)).unwrap());
    assert_ne!(a, b);
}

#[test]
fn both_runs_of_every_code_are_what_they_must_be() {
    for (code, name) in CODES {
        let (_folder, out, _) = generated(code, &fixture(name), &["--cells", "1x1", "-n", "1"]);
        let file = |part: &str| {
            let name = match code {
                Code::Abacus => "INPUT",
                Code::Siesta => "fe.fdf",
                Code::OpenMx => "si_f.dat",
            };
            std::fs::read_to_string(out.join("000").join(part).join(name)).unwrap()
        };
        let (scf, h0) = (file("scf"), file("h0"));
        let (key, only_h0) = match code {
            Code::Abacus => ("out_mat_hs2", "scf_nmax           1 "),
            Code::Siesta => ("SaveHS T", "HSetupOnly"),
            Code::OpenMx => ("HS.fileout", "scf.maxIter               1 "),
        };
        assert!(scf.contains(key) && h0.contains(key), "{name}: {scf}");
        assert!(h0.contains(only_h0) && !scf.contains(only_h0), "{name}: {h0}");
        let step_zero = Template::read(code, &out.join("000/h0")).unwrap_err().to_string();
        assert!(step_zero.contains("step-zero run"), "{step_zero}");
    }
}

#[test]
fn what_belongs_to_an_atom_stays_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let fdf = std::fs::read_to_string(fixture("siesta/fe").join("scf/fe.fdf")).unwrap();
    let path = folder.path().join("fe.fdf");
    std::fs::write(&path, fdf + "%block DM.InitSpin\n1 -2.5\n%endblock\n").unwrap();
    std::fs::write(folder.path().join("Fe.psml"), "others' data").unwrap();
    let (_folder, out, _) = generated(Code::Siesta, &path, &["--cells", "2x1", "-n", "1"]);
    let new = std::fs::read_to_string(out.join("000/scf/fe.fdf")).unwrap();
    assert!(new.contains("%block DM.InitSpin\n1 -2.5\n2 -2.5\n%endblock"), "{new}");
    let link = out.join("000/h0/Fe.psml");
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink(), "referred to, not copied");
}

#[test]
fn bad_input_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |template: &Path, more: &[&str]| {
        let output = generate(template, &folder.path().join("set"), more);
        assert_eq!(output.status.code(), Some(2), "{more:?}");
        text(&output.stderr)
    };
    let si = fixture("abacus/si2");
    let near = refused(&si, &["--cells", "2x2", "-n", "1", "--displacement", "0.6", "--least-distance", "0.99"]);
    assert!(near.contains("always nearer than"), "{near}");
    assert!(refused(&si, &["--cells", "2y2", "-n", "1"]).contains("`2y2` is no cell"));
    assert!(refused(&si, &["--cells", "sqrt3", "-n", "1", "--code", "vasp"]).contains("`vasp` is none of"));
    assert!(refused(folder.path(), &["--cells", "2x1", "-n", "1"]).contains("no INPUT here"));
    assert!(refused(&si, &["--cells", "2x1", "-n", "0"]).contains("nothing to make"));
}
