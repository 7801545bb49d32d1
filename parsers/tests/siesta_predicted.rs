//! The files of a predicted H: SIESTA's own bytes where the prediction is SIESTA's own H.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hzero_parsers::predicted::Prediction;
use hzero_parsers::siesta::{Dm, HIn, Hsx, Layout, Tshs, matrix};
use hzero_parsers::{Calculation, NativeLayout, Origin, Pair, ReadOptions, SpinOperator, input, read};

/// Systems of a folder with HSX and TSHS of the converged run (SIESTA 5).
fn systems() -> Vec<PathBuf> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let shared = std::env::var_os("HZERO_SHARED").map_or(project.join("../shared"), PathBuf::from);
    let mut found = Vec::new();
    for folder in [project.join("fixtures/siesta"), shared.join("dft/siesta")] {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        found.extend(
            entries.map(|entry| entry.unwrap().path()).filter(|path| !path.ends_with("si_v41") && is_complete(path)),
        );
    }
    assert!(found.len() >= 3, "only {} systems", found.len());
    found
}

fn is_complete(system: &Path) -> bool {
    file(system, "HSX").is_file() && file(system, "TSHS").is_file() && hsx(system).head.number() == 2
}

fn file(system: &Path, suffix: &str) -> PathBuf {
    system.join("scf").join(format!("{}.{suffix}", label(system)))
}

fn label(system: &Path) -> String {
    system.file_name().unwrap().to_string_lossy().into_owned()
}

fn hsx(system: &Path) -> Hsx {
    Hsx::parse(&input::open(&file(system, "HSX")).unwrap()).unwrap()
}

/// A run that knows nothing but S and the layout of `hsx`.
fn run(label: &str, hsx: &Hsx) -> (Calculation, SpinOperator) {
    let structure = hsx.structure().unwrap();
    let (basis, supercell) = (hsx.basis().unwrap(), hsx.supercell(&structure).unwrap());
    let places = matrix::Places::new(&hsx.sparsity, &supercell, &basis).unwrap();
    let hamiltonian = matrix::hamiltonian(&hsx.hamiltonian, &places).unwrap();
    let overlap = matrix::overlap(&hsx.overlap, &places).unwrap();
    let run = Calculation {
        overlap: Some(overlap),
        n_electrons: Some(hsx.head.n_electrons),
        native: Some(NativeLayout::Siesta(Layout::new(label, hsx, supercell))),
        ..Calculation::new(structure, basis, Origin { code: "SIESTA", ..Origin::default() })
    };
    (run, hamiltonian)
}

/// ⟨φ|H|φ⟩ of the first orbital, spin up.
fn first_norm(h: &mut SpinOperator) -> &mut f64 {
    let onsite = h.pairs().find(&Pair::onsite(0)).unwrap();
    match h {
        SpinOperator::Unpolarized(h) => &mut h.block_mut(onsite)[0],
        SpinOperator::Collinear([up, _]) => &mut up.block_mut(onsite)[0],
        SpinOperator::Spinor([uu, ..]) => &mut uu.block_mut(onsite)[0].re,
    }
}

/// The layout is that of a file with another H and no Fermi level, so that nothing can be copied.
#[test]
fn hsx_tshs_and_h_in_are_those_of_siesta() {
    for system in systems() {
        let label = label(&system);
        let converged = hsx(&system);
        let mut h0 = converged.clone();
        h0.hamiltonian.iter_mut().flatten().for_each(|h| *h = 0.5);
        h0.head = Arc::new(h0.head.with_fermi_level(f64::MAX));
        let (run, _) = run(&label, &h0);
        let (_, hamiltonian) = self::run(&label, &converged);
        let folder = tempfile::tempdir().unwrap();
        let prediction = Prediction {
            fermi_level: converged.head.fermi_level().map(|level| level / 2.0),
            ..Prediction::new(&run, &hamiltonian)
        };
        let files = prediction.write(folder.path()).unwrap();
        assert_eq!(files.len(), 3);
        for suffix in ["HSX", "TSHS"] {
            let written = std::fs::read(folder.path().join(format!("{label}.{suffix}"))).unwrap();
            assert!(written == input::open(&file(&system, suffix)).unwrap()[..], "{label}.{suffix} differs");
        }
        let h_in = HIn::parse(&std::fs::read(folder.path().join("H_IN")).unwrap()).unwrap();
        assert!(h_in.hamiltonian == converged.hamiltonian && h_in.sparsity == converged.sparsity);
        assert!(prediction.next_step(folder.path(), folder.path()).unwrap().contains("Read-H-from-file T"));
    }
}

/// The identity above would also hold for a writer that copies: one number of H must change one number of each file.
#[test]
fn a_changed_element_is_the_only_change() {
    for system in systems() {
        let converged = hsx(&system);
        let (run, mut hamiltonian) = run("x", &converged);
        *first_norm(&mut hamiltonian) += 0.25;
        let folder = tempfile::tempdir().unwrap();
        Prediction::new(&run, &hamiltonian).write(folder.path()).unwrap();
        let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        let written = [
            Hsx::parse(&read("x.HSX")).unwrap().hamiltonian,
            Tshs::parse(&read("x.TSHS")).unwrap().hamiltonian,
            HIn::parse(&read("H_IN")).unwrap().hamiltonian,
        ];
        for hamiltonian in written {
            let pairs = hamiltonian.iter().flatten().zip(converged.hamiltonian.iter().flatten());
            let changes: Vec<f64> = pairs.map(|(new, old)| new - old).filter(|change| *change != 0.0).collect();
            assert!(matches!(changes[..], [change] if (change - 0.5).abs() < 1e-12), "{changes:?}");
        }
    }
}

/// SIESTA's own `H_DMGEN` is `H_IN` but for the name.
#[test]
fn h_in_is_h_dmgen() {
    let system = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/siesta/feas_so");
    let (run, hamiltonian) = run("feas_so", &hsx(&system));
    let folder = tempfile::tempdir().unwrap();
    Prediction::new(&run, &hamiltonian).write(folder.path()).unwrap();
    let h_in = std::fs::read(folder.path().join("H_IN")).unwrap();
    assert!(h_in == std::fs::read(system.join("scf/H_DMGEN")).unwrap());
    assert!(Dm::parse(&h_in).is_ok());
}

/// Blocks that the pattern lacks, and elements that it lacks inside a block, are set to 0.
#[test]
fn an_operator_is_confined_to_the_pattern() {
    let system = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/siesta/feas_so");
    let hsx = hsx(&system);
    let (run, hamiltonian) = run("feas_so", &hsx);
    let Some(NativeLayout::Siesta(layout)) = &run.native else { panic!("no layout") };
    let SpinOperator::Spinor([mut uu, ..]) = hamiltonian else { panic!("no spinor") };
    let before = uu.clone();
    layout.restrict(&run.basis, &mut uu).unwrap();
    assert_eq!(uu, before);
    uu.values_mut().iter_mut().for_each(|value| *value = 1.0.into());
    layout.restrict(&run.basis, &mut uu).unwrap();
    let kept: f64 = uu.values().iter().map(|value| value.re).sum();
    assert_eq!(kept as usize, hsx.sparsity.n_elements());
    assert!(kept < uu.values().len() as f64);
}

/// What its input includes would be missing in the new folder.
#[test]
fn an_input_in_several_files_becomes_one() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/siesta/h2o/scf");
    let folder = tempfile::tempdir().unwrap();
    let run_folder = folder.path().join("run");
    std::fs::create_dir(&run_folder).unwrap();
    std::fs::copy(source.join("h2o.HSX"), run_folder.join("h2o.HSX")).unwrap();
    std::fs::copy(source.join("h2o.fdf"), folder.path().join("common.fdf")).unwrap();
    std::fs::write(run_folder.join("h2o.fdf"), "OccupationFunction MP\n%include ../common.fdf\n").unwrap();
    let options = ReadOptions::default();
    let run = read(&run_folder, &options).unwrap();
    let target = folder.path().join("predicted/deeper");
    std::fs::create_dir_all(&target).unwrap();
    let prediction = Prediction {
        source: Some((&run_folder, &options)),
        ..Prediction::new(&run, run.hamiltonian.as_ref().unwrap())
    };
    prediction.write(&target).unwrap();
    let again = read(&target, &options).unwrap();
    assert_eq!((again.smearing, again.basis.species()[0].z), (run.smearing, Some(8)));
}

/// Also version 0 of HSX, whose structure lies apart and whose double precision is that of TSHS.
#[test]
fn a_prediction_is_a_run() {
    for system in ["h2o", "fe", "fe_v41", "fe2_nc", "feas_so"] {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/siesta").join(system);
        let options = ReadOptions::default();
        let run = read(&source, &options).unwrap();
        let hamiltonian = run.hamiltonian.as_ref().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let prediction = Prediction {
            source: Some((&source, &options)),
            fermi_level: Some(-0.125),
            ..Prediction::new(&run, hamiltonian)
        };
        prediction.write(folder.path()).unwrap();
        let again = read(folder.path(), &options).unwrap();
        assert_eq!(again.hamiltonian.as_ref(), Some(hamiltonian), "{system}");
        assert_eq!(
            (&again.overlap, &again.structure, again.basis.n_orbitals()),
            (&run.overlap, &run.structure, run.basis.n_orbitals())
        );
        assert_eq!(again.fermi_level, Some(-0.125), "{system}");
    }
}
