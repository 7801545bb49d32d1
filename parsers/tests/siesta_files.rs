//! SIESTA's binary files: bytes → struct → bytes is the identity, and so is the way through dense blocks.

use std::path::{Path, PathBuf};

use hzero_parsers::siesta::{Hsx, matrix};
use hzero_parsers::{Structure, input};
use nalgebra::{Matrix3, Vector3};

/// Fixtures and, where it is present, the folder of larger runs.
fn files(fits: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let shared = std::env::var_os("HZERO_SHARED").map_or(project.join("../shared"), PathBuf::from);
    let mut found = Vec::new();
    for folder in [project.join("fixtures/siesta"), shared.join("dft/siesta")] {
        walk(&folder, &fits, &mut found);
    }
    assert!(!found.is_empty(), "no file fits");
    found
}

fn walk(folder: &Path, fits: &impl Fn(&str) -> bool, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, fits, found);
        } else if path.file_name().and_then(|name| name.to_str()).is_some_and(fits) {
            found.push(path);
        }
    }
}

/// That of the file, else that of the `.XV` beside it.
fn structure(hsx: &Hsx, path: &Path) -> Structure {
    hsx.structure().unwrap_or_else(|| {
        let text = std::fs::read_to_string(path.with_extension("XV")).unwrap();
        let lines: Vec<Vec<f64>> =
            text.lines().map(|line| line.split_whitespace().map(|x| x.parse().unwrap()).collect()).collect();
        Structure {
            lattice: Matrix3::from_fn(|row, column| lines[row][column]),
            positions: lines[4..].iter().map(|line| Vector3::new(line[2], line[3], line[4])).collect(),
            species: lines[4..].iter().map(|line| line[0] as usize - 1).collect(),
        }
    })
}

fn assert_same(written: &[u8], path: &Path) {
    assert!(written == &input::open(path).unwrap()[..], "{} changed", path.display());
}

#[test]
fn hsx_files_are_written_as_they_were_read() {
    for path in files(|name| name.ends_with(".HSX")) {
        let hsx =
            Hsx::parse(&input::open(&path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut written = Vec::new();
        hsx.write(&mut written).unwrap();
        assert_same(&written, &path);
    }
}

/// Units, order, sign, spin and the order of columns all have to be undone for the bytes to come back.
#[test]
fn dense_blocks_become_the_same_hsx() {
    for path in files(|name| name.ends_with(".HSX")) {
        let mut hsx = Hsx::parse(&input::open(&path).unwrap()).unwrap();
        let structure = structure(&hsx, &path);
        let (basis, supercell) = (hsx.basis().unwrap(), hsx.supercell(&structure).unwrap());
        let sparsity = hsx.sparsity.clone();
        let places = matrix::Places::new(&sparsity, &supercell, &basis).unwrap();
        let h = matrix::hamiltonian(&hsx.hamiltonian, &places).unwrap();
        let s = matrix::overlap(&hsx.overlap, &places).unwrap();
        matrix::refuse_folded(&s, &supercell, &structure).unwrap();
        let nspin = hsx.hamiltonian.len();
        hsx.hamiltonian = matrix::components_of_hamiltonian(&h, nspin, &places).unwrap();
        hsx.overlap = matrix::components_of_overlap(&s, &places);
        let mut written = Vec::new();
        hsx.write(&mut written).unwrap();
        assert_same(&written, &path);
    }
}
