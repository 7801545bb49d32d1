//! The files of a predicted H: where nothing was predicted, those of H⁽⁰⁾.

use std::path::{Path, PathBuf};

use hzero_parsers::abacus::Csr;
use hzero_parsers::abacus::csr::Version;
use hzero_parsers::predicted::Prediction;
use hzero_parsers::{Calculation, ReadOptions, SpinOperator, input, read};

/// All fixtures: both layouts, nspin 1, 2 and 4, plain, gzip and zstd.
const SYSTEMS: [&str; 8] =
    ["H2O_box", "O2_box", "graphene", "graphene_sqrt3", "si2", "si2_soc_sz", "o2_spin2", "o2_nc"];

fn run(name: &str) -> Calculation {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/abacus").join(name);
    read(&folder, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// The matrices that are written, H first.
fn matrices(run: &Calculation, h: &SpinOperator, version: Option<Version>, folder: &Path) -> Vec<PathBuf> {
    let prediction = Prediction { abacus_version: version, ..Prediction::new(run, h) };
    let mut files = prediction.write(folder).unwrap();
    files.retain(|file| file.extension().is_some_and(|end| end == "csr"));
    files
}

#[test]
fn an_unchanged_h0_comes_out_byte_by_byte() {
    for name in SYSTEMS {
        let (run, folder) = (run(name), tempfile::tempdir().unwrap());
        let h0 = run.hamiltonian0.as_ref().unwrap();
        let files = matrices(&run, h0, None, folder.path());
        let (overlap, spins) = files.split_last().unwrap();
        assert_eq!(spins.len(), if h0.nspin() == 2 { 2 } else { 1 }, "{name}");
        for (spin, file) in spins.iter().enumerate() {
            let original = original(&run, file);
            assert!(original.contains("h0"), "{name}: {} is {original}", file.display());
            let down = ["SPIN1", "hrs2"].iter().any(|mark| original.contains(mark));
            assert_eq!(down, spin == 1, "{name}: {} is {original}", file.display());
        }
        assert!(original(&run, overlap).to_lowercase().contains("sr"), "{name}");
    }
}

/// The file of the run with the same bytes, once decompressed.
fn original(run: &Calculation, written: &Path) -> String {
    let bytes = std::fs::read(written).unwrap();
    let same = |path: &&std::path::PathBuf| *input::open(path).unwrap() == bytes;
    let found = run.origin.files.iter().find(same);
    found.unwrap_or_else(|| panic!("{} is no file of the run", written.display())).display().to_string()
}

/// The converged H stands for a predicted one: in both versions the same numbers, and −R with every R.
#[test]
fn every_version_holds_the_same_closed_matrices() {
    for name in SYSTEMS {
        let run = run(name);
        let h = run.hamiltonian.as_ref().unwrap();
        let read_back = |version| {
            let folder = tempfile::tempdir().unwrap();
            let files = matrices(&run, h, Some(version), folder.path());
            let csrs: Vec<Csr> = files.iter().map(|file| Csr::read(file, None).unwrap()).collect();
            assert!(csrs.iter().all(|csr| csr.header.version() == version), "{name}");
            csrs
        };
        let (old, new) = (read_back(Version::Old), read_back(Version::New));
        for (old, new) in old.iter().zip(&new) {
            assert_eq!((&old.blocks, old.dimension), (&new.blocks, new.dimension), "{name}");
            let vectors = old.blocks.lattice_vectors();
            assert!(vectors.iter().all(|r| vectors.contains(&r.map(|x| -x))), "{name}: R without -R");
        }
    }
}
