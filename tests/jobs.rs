//! The job scripts, with stand-ins for the codes: they leave the fixtures' H0, and look for what they are given.

#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Leaves H0 where that is asked for; else looks for H and DM.
const SIESTA: &str = r#"#!/bin/bash
echo 'Siesta Version  : 5'
input=$(cat)
if grep -q '^HSetupOnly *T' <<< "$input"; then
    [ -f H.psml ] && cp FIXTURE/h0/h2o.0.HSX .
elif grep -q '^Read-H-from-file *T' <<< "$input" && [ -f H_IN ] && [ -f h2o.DM ] && [ -f H.psml ]; then
    echo 'SCF cycle converged after 1 iterations'
fi
"#;

/// Leaves H0 where that is asked for; else looks for H, in the second run also for the density of the first.
const OPENMX: &str = r#"#!/bin/bash
grep -q '^DATA.PATH /' "$1" || exit 1
if ! grep -qi '^scf.restart *on' "$1"; then
    cp FIXTURE/h0/h2o.scfout FIXTURE/h0/h2o.out .
elif [ "$1" = h2o.dat ] && [ -f h2o_rst/h2o.rst3 ] || [ -f h2o_rst/h2o.crst0_0_0 ]; then
    echo '<Restart>  Found restart files'
    echo "Utot.  of $1" > h2o.out
    touch h2o_rst/h2o.crst0_0_0
else
    echo '<Restart>  Could not find restart files'
fi
"#;

/// A folder with the input of the fixture, a model of it, and a stand-in for the code.
struct Job {
    home: tempfile::TempDir,
    script: PathBuf,
    variable: &'static str,
    input: &'static str,
}

impl Job {
    fn new(code: &'static str, variable: &'static str, input: &'static str, stand_in: &str) -> Job {
        let fixture = Path::new(ROOT).join("fixtures").join(code).join("h2o");
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        std::fs::copy(fixture.join("scf").join(input), at(input)).unwrap();
        std::fs::write(at("H.psml"), "").unwrap();
        std::fs::write(at("code"), stand_in.replace("FIXTURE", &fixture.display().to_string())).unwrap();
        std::fs::set_permissions(at("code"), PermissionsExt::from_mode(0o755)).unwrap();
        let mut fit = Command::new(env!("CARGO_BIN_EXE_hzero"));
        let fitted = fit.arg("fit").arg(&fixture).arg("--out").arg(at("model.safetensors")).output().unwrap();
        assert!(fitted.status.success(), "{}", String::from_utf8_lossy(&fitted.stderr));
        let script = Path::new(ROOT).join("examples/jobs").join(format!("{code}.sh"));
        Job { home, script, variable, input }
    }

    fn run(&self, route: &[&str]) -> Output {
        let mut bash = Command::new("bash");
        bash.arg(&self.script).args([self.input, "model.safetensors"]).args(route);
        bash.current_dir(self.home.path()).env_remove("SLURM_JOB_ID");
        bash.env("HZERO", env!("CARGO_BIN_EXE_hzero")).env("OPENMX_DATA", self.home.path());
        bash.env(self.variable, self.home.path().join("code")).output().unwrap()
    }

    /// What the user does before a second run.
    fn start_over(&self) {
        std::fs::remove_dir_all(self.home.path().join("h2o-hzero")).unwrap();
    }

    fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.home.path().join(path)).unwrap()
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn siesta_goes_on() {
    let job = Job::new("siesta", "SIESTA", "h2o.fdf", SIESTA);
    let output = job.run(&[]);
    assert!(output.status.success() && said(&output).contains("SCF cycle converged"), "{}", said(&output));
    assert!(job.text("h2o-hzero/run/h2o.one-shot.fdf").contains("MaxSCFIterations     1 "));
    assert!(!job.home.path().join("h2o-hzero/restart/h2o.out").exists(), "restart/ stays as it was written");
    let output = job.run(&["dm"]);
    assert!(!output.status.success() && said(&output).contains("h2o-hzero/ is there already"), "{}", said(&output));
    job.start_over();
    // the stand-in, as SIESTA, says nothing of H_IN in the route `dm`
    let output = job.run(&["dm"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("did not reach the end of its SCF"), "{}", said(&output));
}

#[test]
fn openmx_goes_on() {
    let job = Job::new("openmx", "OPENMX", "h2o.dat", OPENMX);
    let output = job.run(&[]);
    assert!(output.status.success() && said(&output).contains("Utot.  of h2o.energies.dat"), "{}", said(&output));
    assert_eq!(job.text("h2o-hzero/run/one-shot/h2o.out"), "Utot.  of h2o.dat\n");
    let forgetful = job.text("code").replace("-f h2o_rst/h2o.rst3", "-f nowhere");
    std::fs::write(job.home.path().join("code"), forgetful).unwrap();
    job.start_over();
    let output = job.run(&["scf"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("did not take the restart files: see h2o-hzero/run/h2o.dat.std"),
        "{}",
        said(&output)
    );
}
