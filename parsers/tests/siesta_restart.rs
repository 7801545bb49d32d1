//! What SIESTA goes on from: its own bytes where H and DM are SIESTA's own, and inputs that no line of the user's undoes.

use std::path::{Path, PathBuf};

use hzero_parsers::predicted::Prediction;
use hzero_parsers::restart::{Continuation, Restart};
use hzero_parsers::siesta::fdf::Fdf;
use hzero_parsers::siesta::{Dm, HIn};
use hzero_parsers::{Calculation, Density, Operator, Pair, Pairs, ReadOptions, SpinOperator, input, read};

mod runs;

/// Converged runs with a DM: fixtures, and the larger ones where they are present.
fn systems() -> Vec<PathBuf> {
    let mut found = Vec::new();
    runs::walk(&runs::project().join("fixtures/siesta"), &is_dm, &mut found);
    assert!(found.len() >= 5, "only {found:?}");
    if let Some(larger) = runs::larger_runs() {
        runs::walk(&larger.join("siesta"), &is_dm, &mut found);
    }
    let mut folders: Vec<PathBuf> = found.iter().map(|dm| dm.parent().unwrap().to_owned()).collect();
    folders.retain(|folder| folder.ends_with("scf"));
    folders
}

fn is_dm(name: &str) -> bool {
    name.contains(".DM")
}

fn fixture(name: &str) -> PathBuf {
    runs::project().join("fixtures/siesta").join(name)
}

/// The density that SIESTA itself left behind.
fn own_density(run: &Calculation) -> Density {
    runs::density(run.density_matrix.clone().unwrap(), -0.125)
}

fn restart(run: &Calculation, source: &Path, density: &Density, folder: &Path) -> hzero_parsers::Result<Restart> {
    let options = ReadOptions::default();
    let prediction =
        Prediction { source: Some((source, &options)), ..Prediction::new(run, run.hamiltonian.as_ref().unwrap()) };
    Continuation { prediction, density, states: None }.write(folder, Path::new("out"))
}

fn written(source: &Path) -> (tempfile::TempDir, Restart) {
    let folder = tempfile::tempdir().unwrap();
    let run = read(source, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"));
    let restart = restart(&run, source, &own_density(&run), folder.path()).unwrap();
    (folder, restart)
}

/// A `.DM` of SIESTA's own pattern comes out byte by byte; one that SIESTA wrote on another pattern is compared as a matrix.
#[test]
fn the_density_matrix_is_siestas_own() {
    let mut n_bytes = 0;
    for source in systems() {
        let run = read(&source, &ReadOptions::default()).unwrap();
        let (folder, restart) = written(&source);
        let again = read(folder.path(), &ReadOptions::default()).unwrap();
        assert_eq!(again.density_matrix, run.density_matrix, "{}", source.display());
        assert_eq!(again.hamiltonian, run.hamiltonian);
        let ours = restart.files.iter().find(|path| path.extension().is_some_and(|end| end == "DM")).unwrap();
        let name = ours.file_name().unwrap().to_string_lossy();
        let theirs = ["", ".zst", ".gz"].map(|end| source.join(format!("{name}{end}")));
        let theirs = input::open(theirs.iter().find(|path| path.is_file()).unwrap()).unwrap();
        let same = std::fs::read(ours).unwrap() == theirs[..];
        let ours = Dm::parse(&std::fs::read(ours).unwrap()).unwrap();
        assert!(same || ours.sparsity != Dm::parse(&theirs).unwrap().sparsity, "{}", source.display());
        n_bytes += usize::from(same);
    }
    assert!(n_bytes >= 4, "only {n_bytes} files are SIESTA's own bytes");
}

/// Every file that a route names exists, and every line of it wins over the user's.
#[test]
fn routes_are_ready_to_run() {
    for name in ["h2o", "fe", "fe_v41", "feas_so"] {
        let (folder, restart) = written(&fixture(name).join("scf"));
        let names: Vec<&str> = restart.routes.iter().map(|route| route.name).collect();
        assert_eq!(names, ["one-shot", "dm", "scf-start", "bands", "tbtrans"]);
        for route in &restart.routes {
            for file in &route.files {
                assert!(restart.files.contains(&folder.path().join(file)), "{name}: {file}");
            }
            let Some(ready) = route.files.iter().find(|file| file.ends_with(".fdf")) else { continue };
            let fdf = Fdf::read(&folder.path().join(ready)).unwrap();
            for line in &route.input_lines {
                let (label, value) = line.split_once(' ').unwrap();
                assert_eq!(fdf.line(label).unwrap().text, value, "{ready}");
            }
            assert!(fdf.block("ChemicalSpeciesLabel").is_some() && fdf.value("SystemLabel").is_some(), "{ready}");
        }
    }
}

/// The lines, to the letter, and the Fermi level in Ry.
#[test]
fn lines_of_the_routes() {
    let (folder, restart) = written(&fixture("h2o/scf"));
    let lines = |name: &str| &restart.routes.iter().find(|route| route.name == name).unwrap().input_lines;
    assert_eq!(
        lines("one-shot")[..],
        [
            "Read-H-from-file T",
            "SCF.Mix Hamiltonian",
            "MaxSCFIterations 1",
            "SCF.DM.Converge F",
            "SCF.H.Tolerance 1.0e9 eV",
            "DM.UseSaveDM T"
        ]
    );
    assert_eq!(lines("dm")[..], ["DM.UseSaveDM T"]);
    assert_eq!(lines("scf-start")[..], ["Read-H-from-file T", "SCF.Mix Hamiltonian", "DM.UseSaveDM T"]);
    assert!(lines("bands").contains(&"Manual-Fermi-Level -0.2500000000 Ry".to_owned()), "{:?}", lines("bands"));
    let page = std::fs::read_to_string(runs::project().join("docs/siesta.md")).unwrap();
    for line in restart.routes.iter().flat_map(|route| &route.input_lines) {
        let named = line.split(" -0.25").next().unwrap().replace("h2o", "NAME");
        assert!(page.contains(&named), "docs/siesta.md lacks `{named}`");
    }
    let h_in = HIn::parse(&std::fs::read(folder.path().join("H_IN")).unwrap()).unwrap();
    assert_eq!(h_in.hamiltonian.len(), 1);
}

/// A copy of a run whose input is another.
fn with_input(text: &str) -> (tempfile::TempDir, PathBuf) {
    let copy = runs::copy(&fixture("h2o/scf"));
    let path = copy.path().join("h2o.fdf");
    let old = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}{old}")).unwrap();
    (copy, path)
}

fn ready(source: &Path, route: &str) -> Fdf {
    let (folder, _) = written(source);
    Fdf::read(&folder.path().join(format!("h2o.{route}.fdf"))).unwrap()
}

#[test]
fn what_the_user_says_does_not_win() {
    let user = "readhfromfile F\nscf_mix density\nmax-scf-iterations 200\nMaxSCFIterations 200\nscf.dm.converge T\n\
        DM.RequireEnergyConvergence T\nMonitorForcesInSCF T\nMinSCFIterations 3\nMD.Steps 20\nMD.TypeOfRun Verlet\n\
        DM.UseSaveDM F\n";
    let (copy, _) = with_input(user);
    let one_shot = ready(copy.path(), "one-shot");
    for (label, value) in [
        ("Read-H-from-file", "T"),
        ("SCF.Mix", "Hamiltonian"),
        ("MaxSCFIterations", "1"),
        ("MinSCFIterations", "0"),
        ("SCF.DM.Converge", "F"),
        ("SCF.FreeE.Converge", "F"),
        ("SCF.MonitorForces", "F"),
        ("MD.Steps", "0"),
        ("MD.UseSaveXV", "T"),
    ] {
        assert_eq!(one_shot.value(label), Some(value), "{label}");
    }
    let dm = ready(copy.path(), "dm");
    assert!(dm.is_on("DM.UseSaveDM") && !dm.is_on("Read-H-from-file"));
    assert_eq!((dm.value("MD.Steps"), dm.number("MaxSCFIterations").unwrap()), (Some("20"), Some(200.0)));
}

/// What `hzero h0-recipe` put before the user's own lines goes, and so does what a user wrote to the same end.
#[test]
fn an_input_of_a_step_zero_run_is_one_of_an_scf_again() {
    let (copy, path) = with_input("");
    for version in ["5", "4.1"] {
        let own = std::fs::read_to_string(fixture("h2o/scf/h2o.fdf")).unwrap();
        std::fs::write(&path, &own).unwrap();
        let recipe = hzero_parsers::recipe::step_zero(hzero_parsers::Code::Siesta, &path, Some(version)).unwrap();
        std::fs::write(&path, recipe.input).unwrap();
        let (folder, restart) = written_as_converged(copy.path());
        let text = std::fs::read_to_string(folder.path().join("h2o.dm.fdf")).unwrap();
        assert!(text.ends_with(&own) && !text.contains("Step-zero"), "{text}");
        assert_eq!(restart.routes[1].input_lines, ["DM.UseSaveDM T"]);
    }
    let (copy, _) = with_input("HSetupOnly T\nMaxSCFIterations 1\nSCF.DM.Tolerance 1.0e9\nSCF.H.Tolerance 1.0e9 eV\n");
    let (folder, _) = written_as_converged(copy.path());
    let fdf = Fdf::read(&folder.path().join("h2o.dm.fdf")).unwrap();
    assert!(!fdf.is_on("HSetupOnly"));
    assert_eq!((fdf.value("MaxSCFIterations"), fdf.value("SCF.DM.Tolerance")), (Some("1000"), Some("1.0e-4")));
    assert_eq!(fdf.value("SCF.H.Tolerance"), Some("1.0e-3"));
}

/// The fixture's converged H and DM, with the input of the folder.
fn written_as_converged(source: &Path) -> (tempfile::TempDir, Restart) {
    let folder = tempfile::tempdir().unwrap();
    let run = read(&fixture("h2o/scf"), &ReadOptions::default()).unwrap();
    let restart = restart(&run, source, &own_density(&run), folder.path()).unwrap();
    (folder, restart)
}

/// `operator` without its last pair of blocks, or with the half that comes first.
fn without(operator: &Operator<f64>, run: &Calculation, leaves_out: impl Fn(&Pair) -> bool) -> SpinOperator {
    let pairs = operator.pairs().as_slice().iter().copied().filter(|pair| !leaves_out(pair)).collect();
    let pairs = std::sync::Arc::new(Pairs::new(pairs, &run.basis).unwrap());
    let values = pairs.as_slice().iter().flat_map(|pair| operator.get(pair).unwrap()).copied().collect();
    SpinOperator::Unpolarized(Operator::new(pairs, values).unwrap())
}

#[test]
fn a_matrix_that_is_not_whole_is_refused() {
    let source = fixture("mos2");
    let run = read(&source, &ReadOptions::default()).unwrap();
    let Some(SpinOperator::Unpolarized(h)) = &run.hamiltonian else { panic!("no H without spin") };
    let farthest = |pair: &Pair| pair.i == 0 && pair.j == 1 || pair.i == 1 && pair.j == 0;
    let half = |pair: &Pair| pair.r < [0; 3];
    for (broken, words) in
        [(without(h, &run, farthest), "lacks (1, 2,"), (without(h, &run, half), "but not its partner")]
    {
        let folder = tempfile::tempdir().unwrap();
        let whole = run.hamiltonian.as_ref().unwrap();
        for (name, h, dm) in [("H", &broken, whole), ("DM", whole, &broken)] {
            let continuation = Continuation {
                prediction: Prediction::new(&run, h),
                density: &runs::density(dm.clone(), 0.0),
                states: None,
            };
            let message = continuation.write(folder.path(), folder.path()).unwrap_err().to_string();
            assert!(message.starts_with(&format!("{name} has")) && message.contains(words), "{message}");
        }
        assert!(Prediction::new(&run, &broken).write(folder.path()).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no file of a run that failed");
    }
}
