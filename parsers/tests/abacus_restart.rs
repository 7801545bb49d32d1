//! What ABACUS goes on from: the files, and an INPUT for each way.

mod runs;

use std::path::{Path, PathBuf};

use hzero_parsers::abacus::csr::Version;
use hzero_parsers::abacus::matrix::density_matrix;
use hzero_parsers::abacus::{Csr, InputFile};
use hzero_parsers::density::Density;
use hzero_parsers::predicted::Prediction;
use hzero_parsers::restart::{Continuation, Restart};
use hzero_parsers::states::{Eigenstates, States};
use hzero_parsers::{Calculation, Error, ReadOptions, SpinOperator, c64, input, read};

fn options() -> ReadOptions {
    ReadOptions::default()
}

/// The density that goes with a density matrix; nothing of ABACUS needs the rest.
fn density(matrix: SpinOperator, electrons: f64) -> Density {
    Density { electrons, ..runs::density(matrix, 0.0) }
}

fn restart(
    run: (&Path, &Calculation),
    version: Version,
    density: &Density,
    states: Option<&dyn Eigenstates>,
    folder: &Path,
) -> Result<Restart, Error> {
    let (path, run) = run;
    let options = options();
    let hamiltonian = run.hamiltonian.as_ref().unwrap();
    let prediction = Prediction {
        source: Some((path, &options)),
        abacus_version: Some(version),
        ..Prediction::new(run, hamiltonian)
    };
    Continuation { prediction, density, states }.write(folder, folder)
}

/// Runs with density matrices: fixtures, and the larger ones where they are.
fn runs_with_dm() -> Vec<(PathBuf, Calculation)> {
    let fixtures = runs::project().join("fixtures/abacus");
    let mut paths = ["si2_soc_sz", "o2_spin2", "o2_nc"].map(|name| fixtures.join(name)).to_vec();
    if let Some(larger) = runs::larger_runs() {
        let names = ["si2", "gaas_soc", "si2_soc_sz", "fe_spin2", "o2_spin2"];
        paths.extend(names.map(|name| larger.join("abacus311").join(name)));
    }
    let found = paths.into_iter().filter_map(|path| {
        let run = read(&path, &options()).unwrap_or_else(|error| panic!("{error}"));
        run.density_matrix.is_some().then_some((path, run))
    });
    found.collect()
}

#[test]
fn density_matrices_come_out_byte_by_byte() {
    let runs = runs_with_dm();
    assert!(!runs.is_empty());
    for (path, run) in &runs {
        let folder = tempfile::tempdir().unwrap();
        let density = density(run.density_matrix.clone().unwrap(), run.n_electrons.unwrap());
        restart((path, run), Version::New, &density, None, folder.path()).unwrap();
        let spins = if density.matrix.nspin() == 2 { 2 } else { 1 };
        for spin in 1..=spins {
            let name = format!("dmrs{spin}_nao.csr");
            let original = run.origin.files.iter().find(|file| file.to_string_lossy().contains(&name)).unwrap();
            let written = folder.path().join(&name);
            let same = std::fs::read(&written).unwrap() == *input::open(original).unwrap();
            assert!(same || has_same_numbers(&written, original, run), "{}", original.display());
        }
    }
}

/// nspin 4: small moments are differences of larger numbers, so their ninth digit may change.
#[test]
fn a_converged_run_alone_is_enough() {
    let path = runs::project().join("fixtures/abacus/si2_soc_sz/scf");
    let run = read(&path, &options()).unwrap();
    assert!(run.hamiltonian0.is_none());
    let out = tempfile::tempdir().unwrap();
    restart((&path, &run), Version::New, &some_density(&run), None, out.path()).unwrap();
    let [original, written] = [path.as_path(), out.path()].map(|folder| {
        let file = folder.join("hrs1_nao.csr");
        input::open(&file).unwrap().to_vec()
    });
    assert!(written == original, "H came out otherwise");
}

fn has_same_numbers(written: &Path, original: &Path, run: &Calculation) -> bool {
    let read = |path| density_matrix(&[Csr::read(path, None).unwrap()], &run.basis).unwrap();
    let (SpinOperator::Spinor(a), SpinOperator::Spinor(b)) = (read(written), read(original)) else { return false };
    a.iter().zip(&b).all(|(a, b)| {
        let close = a.values().iter().zip(b.values()).all(|(a, b)| (a - b).norm() < 1e-15);
        a.pairs() == b.pairs() && close
    })
}

fn fixture(name: &str) -> (PathBuf, Calculation) {
    let path = runs::project().join("fixtures/abacus").join(name);
    let run = read(&path, &options()).unwrap_or_else(|error| panic!("{error}"));
    (path, run)
}

/// Any density will do where H is what matters: that of the overlap.
fn some_density(run: &Calculation) -> Density {
    density(run.hamiltonian.clone().unwrap(), run.n_electrons.unwrap_or(8.0))
}

fn parsed(folder: &Path, name: &str) -> InputFile {
    InputFile::parse(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

/// Every route names files that are there, and its INPUT says what its lines say.
#[test]
fn inputs_are_ready_to_run() {
    for (name, expected) in [
        ("si2_soc_sz", ["hr", "dm", "energy", "bands"].as_slice()),
        ("o2_spin2", &["dm", "energy", "bands"]),
        ("graphene_sqrt3", &["hr", "dm", "energy", "bands"]),
        ("graphene", &["hr", "dm", "energy", "bands"]),
    ] {
        let ((path, run), folder) = (fixture(name), tempfile::tempdir().unwrap());
        let restart = restart((&path, &run), Version::New, &some_density(&run), None, folder.path()).unwrap();
        assert_eq!(restart.routes.iter().map(|route| route.name).collect::<Vec<_>>(), expected, "{name}");
        for (index, route) in restart.routes.iter().enumerate() {
            let file = if index == 0 { "INPUT".to_owned() } else { format!("INPUT.{}", route.name) };
            let input = parsed(folder.path(), &file);
            assert_eq!(input.get("read_file_dir"), Some("."), "{name} {file}");
            assert!(input.get("symmetry").is_some_and(|value| value == "0") && !input.is_on("gamma_only"));
            assert!(!input.is_step_zero(), "{name} {file}");
            for line in route.input_lines.iter().filter(|line| !line.contains('/')) {
                let (key, value) = line.split_once(' ').unwrap();
                assert_eq!(input.get(key).and_then(|own| own.split(' ').next()), Some(value.trim()), "{name} {file}");
            }
            assert_eq!(input.get("out_dm1"), None, "3.11 stops at keys of 3.8");
            let has_path = run.k_path.is_some();
            assert!(route.name != "bands" || !has_path || route.files.iter().any(|needed| needed == "KPT.bands"));
            for needed in &route.files {
                assert!(folder.path().join(needed).exists(), "{name} {file}: {needed}");
            }
            let says_so = route.cautions.iter().any(|caution| caution.contains("KPT.bands yourself"));
            assert_eq!(says_so, route.name == "bands" && !has_path, "{name} {file}");
        }
    }
}

#[test]
fn nspin_2_never_starts_from_hr() {
    let ((path, run), folder) = (fixture("O2_box"), tempfile::tempdir().unwrap());
    let restart = restart((&path, &run), Version::New, &some_density(&run), None, folder.path()).unwrap();
    let lines = || restart.routes.iter().flat_map(|route| &route.input_lines);
    assert!(lines().any(|line| line.starts_with("init_chg") && line.ends_with(" dm")));
    assert!(!lines().any(|line| line.ends_with(" hr")));
}

/// What ABACUS would take without a word, or hang on.
#[test]
fn incomplete_matrices_are_refused() {
    let (path, run) = fixture("si2_soc_sz");
    let message = |run: &Calculation, density: &Density| {
        let folder = tempfile::tempdir().unwrap();
        restart((&path, run), Version::New, density, None, folder.path()).unwrap_err().to_string()
    };
    let changed = |change: &dyn Fn(&mut c64)| {
        let mut run = run.clone();
        if let Some(SpinOperator::Spinor(spin)) = &mut run.hamiltonian {
            spin.iter_mut().flat_map(|one| one.values_mut()).for_each(change);
        }
        run
    };
    let good = some_density(&run);
    assert!(message(&changed(&|x| *x = c64::ZERO), &good).contains("H has no element but zeros"));
    assert!(message(&changed(&|x| *x = c64::new(f64::NAN, 0.0)), &good).contains("no finite number"));
    assert!(message(&changed(&|x| *x += c64::i()), &good).contains("H is not Hermitian"));
    let bad = some_density(&changed(&|x| *x = c64::ZERO));
    assert!(message(&run, &bad).contains("DM has no element but zeros"));
    let folder = tempfile::tempdir().unwrap();
    let error = restart((&path, &run), Version::Old, &good, None, folder.path()).unwrap_err();
    assert!(error.to_string().contains("starts from wave functions only"));
}

/// A file written up to R = 0 alone: one half of the blocks without their partners.
#[test]
fn half_of_the_lattice_vectors_is_refused() {
    use std::sync::Arc;
    let (path, mut run) = fixture("graphene");
    let Some(SpinOperator::Unpolarized(whole)) = &run.hamiltonian else { panic!("graphene has no spin") };
    let half = whole.pairs().as_slice().iter().copied().filter(|pair| pair.r <= [0; 3]).collect();
    let pairs = Arc::new(hzero_parsers::Pairs::new(half, &run.basis).unwrap());
    let values = pairs.as_slice().iter().flat_map(|pair| whole.get(pair).unwrap().to_vec()).collect();
    run.hamiltonian = Some(SpinOperator::Unpolarized(hzero_parsers::Operator::new(pairs, values).unwrap()));
    let folder = tempfile::tempdir().unwrap();
    let error = restart((&path, &run), Version::New, &some_density(&run), None, folder.path()).unwrap_err();
    assert!(error.to_string().contains("but not its partner"), "{error}");
}

/// State n at k point p of a spin channel: every orbital has its own number.
#[derive(Debug)]
struct Numbered {
    kpoints: Vec<[f64; 3]>,
    weights: Vec<f64>,
    n_spins: usize,
    n_functions: usize,
}

impl Eigenstates for Numbered {
    fn kpoints(&self) -> &[[f64; 3]] {
        &self.kpoints
    }

    fn weights(&self) -> &[f64] {
        &self.weights
    }

    fn at(&self, index: usize) -> Result<Vec<States>, Error> {
        let states = |spin: usize| {
            let number = |place: usize| c64::new((1 + place % self.n_functions) as f64, (10 * spin + index) as f64);
            States {
                energies: (0..self.n_functions).map(|n| n as f64).collect(),
                occupations: (0..self.n_functions).map(|n| if n < 2 { 1.0 } else { 0.0 }).collect(),
                coefficients: (0..self.n_functions * self.n_functions).map(number).collect(),
            }
        };
        Ok((0..self.n_spins).map(states).collect())
    }
}

fn numbered(n_spins: usize, n_functions: usize) -> Numbered {
    Numbered { kpoints: vec![[0.0; 3], [0.5, 0.0, 0.25]], weights: vec![0.25, 0.75], n_spins, n_functions }
}

#[test]
fn wave_functions_have_the_layout_of_3_8() {
    let ((path, run), folder) = (fixture("graphene"), tempfile::tempdir().unwrap());
    let (states, n) = (numbered(1, 26), run.basis.n_orbitals());
    assert_eq!(n, 26);
    let restart = restart((&path, &run), Version::Old, &some_density(&run), Some(&states), folder.path()).unwrap();
    assert_eq!(restart.routes.iter().map(|route| route.name).collect::<Vec<_>>(), ["wfc", "energy"]);
    assert_eq!(restart.routes[0].files, ["WFC_NAO_K1.txt", "WFC_NAO_K2.txt", "KPT.wfc"]);
    let text = std::fs::read_to_string(folder.path().join("WFC_NAO_K2.txt")).unwrap();
    // NBANDS of the run is 20; C 2s2p1d begins s s p p d: p is z, -x, -y out of y, z, x
    let expected = "2 (index of k points)\n0.5 0 0.25\n20 (number of bands)\n26 (number of orbitals)\n\
                    1 (band)\n0e0 (Ry)\n1.5e0 (Occupations)\n\
                    1e0 1e0 2e0 1e0 4e0 1e0 -5e0 -1e0 -3e0 -1e0 \n7e0 1e0 -8e0 -1e0 -6e0 -1e0 11e0 1e0";
    let expected = expected.replace("11e0", "1.1e1");
    assert!(text.starts_with(&expected), "{}", &text[..400]);
    assert!(text.contains("\n3 (band)\n4e0 (Ry)\n0e0 (Occupations)\n"));
    assert_eq!(text.lines().filter(|line| line.ends_with("(band)")).count(), 20);
    let list = std::fs::read_to_string(folder.path().join("KPT.wfc")).unwrap();
    assert_eq!(list, "K_POINTS\n2\nDirect\n0 0 0 0.25\n0.5 0 0.25 0.75\n");
    let input = parsed(folder.path(), "INPUT");
    let stated = ["init_wfc", "init_chg", "symmetry", "kpoint_file", "scf_nmax"].map(|key| input.get(key).unwrap());
    assert_eq!(stated, ["file", "atomic", "-1", "KPT.wfc", "100"]);
    assert!(!parsed(folder.path(), "INPUT.energy").is_step_zero());
}

#[test]
fn spin_down_counts_on_and_spinors_are_interleaved() {
    let ((path, run), folder) = (fixture("O2_box"), tempfile::tempdir().unwrap());
    restart((&path, &run), Version::Old, &some_density(&run), Some(&numbered(2, 26)), folder.path()).unwrap();
    let text = std::fs::read_to_string(folder.path().join("WFC_NAO_K4.txt")).unwrap();
    assert!(text.starts_with("4 (index of k points)\n0.5 0 0.25\n"));
    assert!(text.contains("(Occupations)\n1e0 1.1e1 2e0 1.1e1 "));
    let (path, run) = fixture("si2_soc_sz");
    restart((&path, &run), Version::Old, &some_density(&run), Some(&numbered(1, 16)), folder.path()).unwrap();
    let text = std::fs::read_to_string(folder.path().join("WFC_NAO_K1.txt")).unwrap();
    // up and down of s, then of z, -x, -y out of y, z, x; 8 orbitals
    assert!(text.contains("2.5e-1 (Occupations)\n1e0 0e0 9e0 0e0 3e0 0e0 1.1e1 0e0 -4e0"), "{}", &text[..300]);
}
