//! What OpenMX goes on from: its own restart files where H and DM are its own, and two inputs that keep what they are given.

use std::path::{Path, PathBuf};

use hzero_parsers::input::{self, ByteOrder};
use hzero_parsers::openmx::rst::Rst;
use hzero_parsers::openmx::scfout::{Set, Version};
use hzero_parsers::openmx::{Dat, Scfout};
use hzero_parsers::predicted::Prediction;
use hzero_parsers::restart::{Continuation, Restart};
use hzero_parsers::{Calculation, ReadOptions, SpinOperator, read};

mod runs;

/// Folders with an scfout: fixtures, and the larger ones where they are present.
fn runs_of_openmx() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let is_scfout = |name: &str| name.contains(".scfout");
    runs::walk(&fixture(""), &is_scfout, &mut found);
    assert!(found.len() >= 8, "only {found:?}");
    if let Some(larger) = runs::larger_runs() {
        runs::walk(&larger.join("openmx"), &is_scfout, &mut found);
    }
    found
}

fn fixture(name: &str) -> PathBuf {
    runs::project().join("fixtures/openmx").join(name)
}

fn restart(run: &Calculation, h: &SpinOperator, dm: SpinOperator, folder: &Path) -> hzero_parsers::Result<Restart> {
    Continuation { prediction: Prediction::new(run, h), density: &runs::density(dm, -0.125), states: None }
        .write(folder, Path::new("out"))
}

/// The DM of a file, by its own sets.
fn own_dm(scfout: &Scfout, run: &Calculation) -> SpinOperator {
    hzero_parsers::openmx::matrix::Blocks::new(scfout, &run.basis).unwrap().density_matrix(scfout).unwrap()
}

fn is_dm(set: &Set) -> bool {
    matches!(set, Set::DensityMatrix(_) | Set::ImDensityMatrix(_))
}

/// H, DM and total spin of a file go into a copy of it whose DM was wiped out, and are what they were to the bit.
#[test]
fn a_file_comes_out_as_it_was() {
    for path in runs_of_openmx() {
        let options = ReadOptions { hamiltonian: Some(path.clone()), ..ReadOptions::default() };
        let run = read(&path, &options).unwrap_or_else(|error| panic!("{error}"));
        let (own, folder) = (Scfout::read(&path).unwrap(), tempfile::tempdir().unwrap());
        let restart = restart(&run, run.hamiltonian.as_ref().unwrap(), own_dm(&own, &run), folder.path()).unwrap();
        let written = Scfout::read(&restart.files[0]).unwrap();
        for set in own.sets() {
            let same = own.values(set) == written.values(set);
            // 3.8 has no place for the imaginary parts of uu and dd, and our own tests compare H[3] up to a difference
            assert!(same, "{}: {set:?}", path.display());
        }
        assert!(own.sets().filter(is_dm).count() > 0);
        assert_eq!(written.tail.chem_p, -0.125);
        let (ours, theirs) = (written.tail.total_spin, own.tail.total_spin);
        assert!((ours - theirs).abs() < 2e-6, "{}: total spin {ours}, {theirs}", path.display());
    }
}

/// The DM of the given density, not that of H⁽⁰⁾, is in the scfout and in the restart files of 3.9.
#[test]
fn another_dm_is_in_every_file() {
    for name in ["h2o", "fe_spin", "h2o_nc"] {
        let run = read(&fixture(name), &ReadOptions::default()).unwrap();
        let (folder, dm) = (tempfile::tempdir().unwrap(), run.density_matrix.clone().unwrap());
        let restart = restart(&run, run.hamiltonian.as_ref().unwrap(), dm, folder.path()).unwrap();
        let scfout = Scfout::read(&restart.files[0]).unwrap();
        let converged = Scfout::read(&run.origin.files[0]).unwrap();
        assert_eq!(scfout.version, Version::V3_9);
        for set in scfout.sets().filter(is_dm) {
            assert_eq!(scfout.values(set), converged.values(set), "{name}: {set:?}");
        }
        for atom in 0..scfout.n_atoms() {
            let end = format!(".rst{}", atom + 1);
            let rst = restart.files.iter().find(|path| path.to_string_lossy().ends_with(&end)).unwrap();
            let rst = Rst::parse(&std::fs::read(rst).unwrap(), ByteOrder::Little).unwrap();
            for (spin, dm) in rst.dm.iter().enumerate() {
                assert_eq!(dm[..], converged.values(Set::DensityMatrix(spin)).unwrap()[converged.elements_of(atom)]);
            }
            assert_eq!(rst.dm.len(), converged.spin.n_sets());
        }
    }
}

/// The input text in the scfout is that of the step-zero run, and yet its H is not H⁽⁰⁾.
#[test]
fn what_was_written_is_a_run() {
    for name in ["h2o", "fe_spin", "gaas_soc"] {
        let run = read(&fixture(name), &ReadOptions::default()).unwrap();
        let (folder, dm) = (tempfile::tempdir().unwrap(), run.density_matrix.clone().unwrap());
        restart(&run, run.hamiltonian.as_ref().unwrap(), dm, folder.path()).unwrap();
        std::fs::write(folder.path().join("restart.json"), "{}").unwrap();
        let again = read(folder.path(), &ReadOptions::default()).unwrap();
        assert_eq!((again.density_matrix, again.hamiltonian0), (run.density_matrix, None), "{name}");
        assert!(again.hamiltonian.is_some() && !again.origin.is_predicted && again.fermi_level == Some(-0.125));
    }
}

#[test]
fn routes_are_ready_to_run() {
    for name in ["h2o", "fe_spin", "h2o_nc", "h2o_v38"] {
        let run = read(&fixture(name), &ReadOptions::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let h = run.hamiltonian.as_ref().unwrap();
        let restart = restart(&run, h, run.density_matrix.clone().unwrap(), folder.path()).unwrap();
        let names: Vec<&str> = restart.routes.iter().map(|route| route.name).collect();
        assert_eq!(names, ["one-shot", "scf", "energies", "tools"]);
        for file in restart.routes.iter().flat_map(|route| &route.files) {
            assert!(folder.path().join(file).exists(), "{name}: {file}");
        }
        let dat = |way: usize| Dat::parse(&std::fs::read(folder.path().join(&restart.routes[way].files[0])).unwrap());
        let (one_shot, scf, energies) = (dat(0), dat(1), dat(2));
        assert!([&one_shot, &scf, &energies].iter().all(|dat| dat.is_on("scf.restart")));
        let needs_u = !scf.is_on("scf.SpinOrbit.Coupling");
        assert_eq!((one_shot.is_on("scf.Hubbard.U"), scf.is_on("scf.Hubbard.U")), (needs_u, false), "{name}");
        assert_eq!(one_shot.get("scf.Mixing.Type"), Some("simple"));
        assert_eq!((one_shot.get("scf.maxIter"), energies.get("scf.maxIter")), (Some("1"), Some("1")));
        assert_ne!(scf.get("scf.maxIter"), Some("1"), "{name}");
        assert_eq!(scf.get("scf.Mixing.Type"), run_input(&run).get("scf.Mixing.Type"));
        let page = std::fs::read_to_string(runs::project().join("docs/openmx.md")).unwrap();
        for line in restart.routes[0].input_lines.iter().filter(|line| line.starts_with("scf.")) {
            assert!(page.contains(line), "docs/openmx.md lacks `{line}`");
            let (key, value) = line.split_once(' ').unwrap();
            assert_eq!(one_shot.get(key), Some(value), "{name}");
        }
        assert!(restart.routes[1].cautions.iter().any(|caution| caution.contains("<Restart>  Found restart files")));
    }
}

fn run_input(run: &Calculation) -> Dat {
    Scfout::parse(input::open(&run.origin.files[0]).unwrap()).unwrap().input()
}

#[test]
fn a_matrix_that_is_not_the_files_is_refused() {
    let of = |name: &str| read(&fixture(name), &ReadOptions::default()).unwrap();
    let (h2o, h2o_nc, silicene) = (of("h2o"), of("h2o_nc"), of("silicene_f"));
    let folder = tempfile::tempdir().unwrap();
    let message = |dm: &Calculation| {
        let dm = dm.hamiltonian.clone().unwrap();
        restart(&h2o, h2o.hamiltonian.as_ref().unwrap(), dm, folder.path()).unwrap_err().to_string()
    };
    assert!(message(&h2o_nc).ends_with("DM has nspin 4, the file SpinP 0"), "{}", message(&h2o_nc));
    assert!(message(&silicene).contains("other atoms or orbitals"), "{}", message(&silicene));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no file of a run that failed");
}
