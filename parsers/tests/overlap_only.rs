//! Runs that left S alone: they are read, and a Hamiltonian for them is written with no other file as template.

use std::path::{Path, PathBuf};

use hzero_parsers::abacus::csr::Version;
use hzero_parsers::predicted::Prediction;
use hzero_parsers::siesta::Tshs;
use hzero_parsers::{Calculation, ReadOptions, read};

mod runs;

fn fixture(name: &str) -> PathBuf {
    runs::project().join("fixtures").join(name)
}

fn read_path(path: &Path) -> Calculation {
    read(path, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// The converged calculation of a fixture without its H and DM.
fn abacus_overlap(name: &str) -> tempfile::TempDir {
    let folder = runs::copy(&fixture(name).join("scf"));
    let mut matrices = Vec::new();
    let is_matrix =
        |file: &str| file.contains(".csr") && !file.to_lowercase().contains("sr-") && !file.starts_with("srs1");
    runs::walk(folder.path(), &is_matrix, &mut matrices);
    assert!(!matrices.is_empty(), "{name}: no matrix to take away");
    matrices.iter().for_each(|file| std::fs::remove_file(file).unwrap());
    folder
}

/// S of a Siesta run with H as `.onlyS` has it, with the texts that tell its shells.
fn siesta_overlap() -> tempfile::TempDir {
    let (folder, scf) = (tempfile::tempdir().unwrap(), fixture("siesta/h2o/scf"));
    let mut tshs = Tshs::parse(&std::fs::read(scf.join("h2o.TSHS")).unwrap()).unwrap();
    tshs.logicals[2] = 1;
    tshs.hamiltonian.clear();
    tshs.write(&mut std::fs::File::create(folder.path().join("h2o.onlyS")).unwrap()).unwrap();
    for text in ["h2o.ORB_INDX", "h2o.fdf", "H.ion.xml", "O.ion.xml"] {
        std::fs::copy(scf.join(text), folder.path().join(text)).unwrap();
    }
    folder
}

/// Writes the H of `whole` for a run that has S alone, and compares what is read back.
fn h_goes_out_and_comes_in(alone: &Path, whole: &Calculation, version: Option<Version>) {
    let run = read_path(alone);
    assert!(run.hamiltonian.is_none() && run.hamiltonian0.is_none() && run.density_matrix.is_none());
    assert_eq!((&run.overlap, run.nspin()), (&whole.overlap, whole.nspin()));
    let out = tempfile::tempdir().unwrap();
    let h = whole.hamiltonian.as_ref().unwrap();
    let source = ReadOptions::default();
    let prediction = Prediction { abacus_version: version, source: Some((alone, &source)), ..Prediction::new(&run, h) };
    prediction.write(out.path()).unwrap();
    let back = read_path(out.path());
    assert_eq!(back.overlap, whole.overlap);
    assert_eq!(back.hamiltonian.as_ref(), Some(h));
}

#[test]
fn abacus() {
    for name in ["graphene", "O2_box", "si2", "o2_spin2", "o2_nc"] {
        let (whole, alone) =
            (read_path(&fixture("abacus").join(name).join("scf")), abacus_overlap(&format!("abacus/{name}")));
        for version in [None, Some(Version::Old), Some(Version::New)] {
            h_goes_out_and_comes_in(alone.path(), &whole, version);
        }
    }
}

/// Of `calculation get_s`, as ABACUS left it.
#[test]
fn abacus_get_s() {
    let run = read_path(&fixture("abacus/si2/get_s"));
    let whole = read_path(&fixture("abacus/si2"));
    assert!(run.hamiltonian.is_none() && run.hamiltonian0.is_none());
    let (s, of_scf) = (run.overlap.unwrap(), whole.overlap.unwrap());
    let difference = s.blocks().flat_map(|(pair, block)| {
        let other = of_scf.get(pair).unwrap_or_default().iter().chain(std::iter::repeat(&0.0));
        block.iter().zip(other).map(|(a, b)| (a - b).abs())
    });
    assert!(difference.fold(0.0, f64::max) < 1e-8);
}

#[test]
fn siesta() {
    let (whole, alone) = (read_path(&fixture("siesta/h2o/scf")), siesta_overlap());
    h_goes_out_and_comes_in(alone.path(), &whole, None);
    h_goes_out_and_comes_in(&alone.path().join("h2o.onlyS"), &whole, None);
    std::fs::remove_file(alone.path().join("h2o.ORB_INDX")).unwrap();
    let message = read(alone.path(), &ReadOptions::default()).map(drop).unwrap_err().to_string();
    assert!(
        message.contains("h2o.onlyS: holds no shells: .ORB_INDX, or .ion.xml and .XV, must lie beside it"),
        "{message}"
    );
}
