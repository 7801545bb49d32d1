//! The file of a predicted DM: where it is the run's own DM, the run's own file.

use std::path::{Path, PathBuf};

use hzero_parsers::openmx::Scfout;
use hzero_parsers::predicted::PredictedDensity;
use hzero_parsers::{Calculation, ReadOptions, SpinOperator, read};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name)
}

fn run(path: &Path) -> Calculation {
    read(path, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn written(run: &Calculation, source: &Path) -> tempfile::TempDir {
    let (folder, options) = (tempfile::tempdir().unwrap(), ReadOptions::default());
    let matrix = run.density_matrix.as_ref().unwrap();
    PredictedDensity { run, source: Some((source, &options)), matrix }.write(folder.path()).unwrap();
    folder
}

#[test]
fn siesta_gets_its_own_file() {
    for (system, file) in [("h2o", "h2o.DM"), ("fe", "fe.DM"), ("feas_so", "feas_so.DM")] {
        let own = fixture("siesta").join(system).join("scf");
        let folder = written(&run(&own), &own);
        let [written, own] = [folder.path(), &own].map(|folder| std::fs::read(folder.join(file)).unwrap());
        assert!(written == own, "{system}");
    }
}

/// All of the file that is not DM stays as it was read (garbage zeroed, see `scfout_files.rs`).
#[test]
fn openmx_gets_dm_in_its_own_file() {
    for system in ["h2o", "h2o_nc"] {
        let own = fixture("openmx").join(system).join("scf");
        let (mut run, name) = (run(&own), format!("{system}.scfout"));
        let mut as_read = Vec::new();
        Scfout::read(&own.join(&name)).unwrap().write(&mut as_read).unwrap();
        let folder = written(&run, &own);
        assert!(std::fs::read(folder.path().join(&name)).unwrap() == as_read, "{system}");
        run.density_matrix = run.density_matrix.map(doubled);
        let folder = written(&run, &own);
        let back = self::run(&folder.path().join(&name));
        assert!(back.density_matrix == run.density_matrix && back.hamiltonian == run.hamiltonian, "{system}");
    }
}

fn doubled(dm: SpinOperator) -> SpinOperator {
    match dm {
        SpinOperator::Unpolarized(mut dm) => {
            dm.values_mut().iter_mut().for_each(|value| *value *= 2.0);
            SpinOperator::Unpolarized(dm)
        }
        SpinOperator::Spinor(mut dm) => {
            dm.iter_mut().flat_map(|one| one.values_mut()).for_each(|value| *value *= 2.0);
            SpinOperator::Spinor(dm)
        }
        SpinOperator::Collinear(_) => panic!("not among these"),
    }
}

/// The folder is a run with S and DM.
#[test]
fn abacus_gets_dm_with_s() {
    for system in ["O2_box", "o2_spin2"] {
        let own = fixture("abacus").join(system).join("scf");
        let whole = run(&own);
        let folder = written(&whole, &own);
        let back = run(folder.path());
        assert_eq!((&back.density_matrix, &back.overlap), (&whole.density_matrix, &whole.overlap), "{system}");
        assert!(back.hamiltonian.is_none());
    }
}

#[test]
fn half_a_matrix_is_refused() {
    let run = run(&fixture("siesta/h2o/scf"));
    let folder = tempfile::tempdir().unwrap();
    let Some(SpinOperator::Unpolarized(mut broken)) = run.density_matrix.clone() else { panic!("nspin 1") };
    broken.values_mut()[1] += 1.0;
    let matrix = SpinOperator::Unpolarized(broken);
    let error = PredictedDensity { run: &run, source: None, matrix: &matrix }.write(folder.path()).unwrap_err();
    assert!(error.to_string().contains("DM is not Hermitian"), "{error}");
}
