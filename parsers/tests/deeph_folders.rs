//! What folders of DeepH may lack or have instead, and what is wrong with broken ones: an error each, never a panic.
#![cfg(feature = "hdf5")]

use std::fs;
use std::path::{Path, PathBuf};

use hzero_parsers::convert::{Request, convert};
use hzero_parsers::format::Format;
use hzero_parsers::h5::{self, Source};
use hzero_parsers::operator::{SpinOperator, c64};
use hzero_parsers::{Calculation, Of, ReadOptions, deeph, read};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name)
}

fn run(folder: &Path) -> Calculation {
    read(folder, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// A copy of a folder.
fn copy(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in fs::read_dir(fixture(name)).unwrap().map(|entry| entry.unwrap().path()) {
        fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    folder
}

fn replace(file: &Path, old: &str, new: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(old), "{text}");
    fs::write(file, text.replacen(old, new, 1)).unwrap();
}

/// The four data sets of a matrix file.
struct Matrix {
    pairs: Vec<i64>,
    boundaries: Vec<i64>,
    shapes: Vec<i64>,
    entries: Vec<f64>,
}

impl Matrix {
    fn read(path: &Path) -> Self {
        let file = Source::open(path).unwrap();
        let integers = |name| file.data(name).unwrap().integers().unwrap();
        let entries = file.data("entries").unwrap().reals().unwrap();
        let [pairs, boundaries, shapes] = ["atom_pairs", "chunk_boundaries", "chunk_shapes"].map(integers);
        Matrix { pairs, boundaries, shapes, entries }
    }

    fn write(&self, path: &Path) {
        let n = self.pairs.len() / 5;
        h5::write(path, |file| {
            file.write("atom_pairs", &[n, 5], &self.pairs)?;
            file.write("chunk_boundaries", &[self.boundaries.len()], &self.boundaries)?;
            file.write("chunk_shapes", &[self.shapes.len() / 2, 2], &self.shapes)?;
            file.write("entries", &[self.entries.len()], &self.entries)
        })
        .unwrap();
    }
}

#[test]
fn broken_matrices_are_refused_with_what_is_wrong() {
    type Case = (fn(&mut Matrix), &'static str);
    let cases: [Case; 9] = [
        (|m| m.pairs[4] = 3, "`atom_pairs` names atoms 0 and 3 (from 0) in cell [0, 0, 0], of 3 atoms"),
        (|m| m.pairs[3] = -1, "`atom_pairs` names atoms -1 and 0 (from 0) in cell [0, 0, 0], of 3 atoms"),
        (
            |m| m.pairs[0] = 1 << 40,
            "a component of R of 1099511627776 exceeds the limit of 1000000 (while reading `atom_pairs`)",
        ),
        (
            |m| m.pairs[4] = 1,
            "block of atoms 0 and 1 (from 0) at R = [0, 0, 0]: its shape is [13, 13] instead of [13, 5]",
        ),
        (|m| *m.boundaries.last_mut().unwrap() += 9, "25 elements, but from 504 to 538 of 529 entries"),
        (|m| m.boundaries[0] = -5, "169 elements, but from -5 to 169 of 529 entries"),
        (|m| m.entries.truncate(520), "25 elements, but from 504 to 529 of 520 entries"),
        (|m| drop(m.shapes.drain(..2)), "9 pairs, but 8 shapes and 10 boundaries instead of one more"),
        (
            |m| (m.pairs[9], m.pairs[14]) = (m.pairs[14], m.pairs[14]),
            "atoms 0 and 2 (from 0) have two blocks at R = [0, 0, 0]",
        ),
    ];
    for (change, expected) in cases {
        let folder = copy("deeph/openmx_h2o");
        let path = folder.path().join("hamiltonian.h5");
        let mut matrix = Matrix::read(&path);
        change(&mut matrix);
        matrix.write(&path);
        let message = read(folder.path(), &ReadOptions::default()).expect_err(expected).to_string();
        assert!(message.contains("hamiltonian.h5: ") && message.contains(expected), "{message}\n{expected}");
    }
}

#[test]
fn numbers_of_another_kind_are_refused() {
    let folder = copy("deeph/openmx_h2o");
    let path = folder.path().join("overlap.h5");
    let matrix = Matrix::read(&path);
    let message = |write: &dyn Fn(&h5::Target) -> hzero_parsers::Result<()>| {
        h5::write(&path, write).unwrap();
        read(folder.path(), &ReadOptions::default()).unwrap_err().to_string()
    };
    let n = matrix.boundaries.len() - 1;
    let head = |file: &h5::Target| {
        file.write("atom_pairs", &[n, 5], &matrix.pairs)?;
        file.write("chunk_boundaries", &[n + 1], &matrix.boundaries)?;
        file.write("chunk_shapes", &[n, 2], &matrix.shapes)
    };
    let complex: Vec<c64> = matrix.entries.iter().map(|&x| c64::from(x)).collect();
    let found = message(&|file| head(file).and_then(|()| file.write("entries", &[complex.len()], &complex)));
    assert!(found.ends_with("expected real numbers in a matrix without spin, found complex ones"), "{found}");
    let integers = vec![1_i64; matrix.entries.len()];
    let found = message(&|file| head(file).and_then(|()| file.write("entries", &[integers.len()], &integers)));
    assert!(found.ends_with("expected real numbers in `entries`, found integers"), "{found}");
    assert!(message(&head).ends_with("expected the data set `entries`, found none"));
    let reals = vec![0.0; 5 * n];
    let found = message(&|file| file.write("atom_pairs", &[n, 5], &reals));
    assert!(found.ends_with("expected integers in `atom_pairs`, found real numbers"), "{found}");
    let found = message(&|file| file.write("atom_pairs", &[5 * n], &matrix.pairs));
    assert!(found.ends_with("expected 5 columns in `atom_pairs`, found the shape [45]"), "{found}");
}

#[test]
fn cut_files_are_refused() {
    for (name, file) in [("deeph/openmx_h2o", "hamiltonian.h5"), ("deeph-legacy/openmx_h2o", "overlaps.h5")] {
        let folder = copy(name);
        let path = folder.path().join(file);
        let bytes = fs::read(&path).unwrap();
        for length in [0, 4, 20, 100, bytes.len() / 2, bytes.len() - 1] {
            fs::write(&path, &bytes[..length]).unwrap();
            let message = read(folder.path(), &ReadOptions::default()).unwrap_err().to_string();
            assert!(message.contains(&format!("{file}: expected ")), "{length}: {message}");
        }
    }
}

#[test]
fn texts_that_do_not_fit_are_refused() {
    let cases = [
        ("deeph/openmx_h2o", "info.json", "\"spinful\"", "\"spin\"", "missing field `spinful`"),
        ("deeph/openmx_h2o", "info.json", "\"O\": [", "\"S\": [", "expected the orbitals of O, found none"),
        (
            "deeph/openmx_h2o",
            "info.json",
            ": 23",
            ": 24",
            "POSCAR has 3 atoms with 23 orbitals, but this file says 3 and 24",
        ),
        ("deeph/openmx_h2o", "POSCAR", "1 2", "1 200", "a number of H atoms of 200 exceeds the limit of"),
        ("deeph/openmx_h2o", "POSCAR", "O H", "Qq H", "expected the orbitals of Qq, found none"),
        ("deeph-legacy/openmx_h2o", "element.dat", "8\n", "", "3 positions, 2 elements, 3 lists of orbitals"),
        ("deeph-legacy/openmx_h2o", "element.dat", "8", "8.5", "expected a small whole number, found 8.5"),
        ("deeph-legacy/openmx_h2o", "element.dat", "8", "119", "expected the number of an element, found 119"),
        ("deeph-legacy/openmx_h2o", "lat.dat", "10.0", "ten", "lat.dat:1: expected numbers, found "),
        (
            "deeph-legacy/openmx_h2o",
            "orbital_types.dat",
            "2",
            "4",
            "has a shell with l = 4: the order of orbitals is known up to",
        ),
        ("deeph-legacy/openmx_h2o", "info.json", "{", "[", "expected the info.json of DeepH, found"),
    ];
    for (name, file, old, new, expected) in cases {
        let folder = copy(name);
        replace(&folder.path().join(file), old, new);
        let message = read(folder.path(), &ReadOptions::default()).expect_err(expected).to_string();
        assert!(message.contains(expected), "{message}\n{expected}");
    }
}

#[test]
fn legacy_blocks_that_do_not_fit_are_refused() {
    let folder = copy("deeph-legacy/openmx_h2o");
    let path = folder.path().join("hamiltonians.h5");
    for (name, shape, expected) in [
        ("[0, 0, 0, 1, 4]", [13, 5], "block `[0, 0, 0, 1, 4]` names other atoms (from 1) than the 3 of the folder"),
        ("[0, 0, 0, 1, 2]", [13, 13], "block `[0, 0, 0, 1, 2]` has the shape [13, 13] instead of [13, 5]"),
        ("0_0_0_0_0", [13, 13], "expected blocks named `[Rx, Ry, Rz, i, j]`, found `0_0_0_0_0`"),
    ] {
        h5::write(&path, |file| file.write(name, &shape, &vec![0.0; shape[0] * shape[1]])).unwrap();
        let message = read(folder.path(), &ReadOptions::default()).unwrap_err().to_string();
        assert!(message.ends_with(expected), "{message}");
    }
}

#[test]
fn an_orthogonal_basis_needs_no_overlap() {
    let folder = copy("deeph/openmx_h2o");
    fs::remove_file(folder.path().join("overlap.h5")).unwrap();
    assert!(run(folder.path()).overlap.is_none());
    replace(&folder.path().join("info.json"), "\"orthogonal_basis\": false", "\"orthogonal_basis\": true");
    let overlap = run(folder.path()).overlap.unwrap();
    assert_eq!((overlap.pairs().len(), overlap.values().iter().sum::<f64>()), (3, 23.0));
    assert!(overlap.values().iter().all(|&x| x == 0.0 || x == 1.0));
    for format in [Format::Deeph, Format::DeephLegacy] {
        let target = folder.path().join(format.to_string());
        convert(&Request::new(folder.path(), &target, format)).unwrap();
        let info = fs::read_to_string(target.join("info.json")).unwrap();
        assert!(info.contains("orthogonal_basis\":true") || info.contains("isorthogonal\":true"), "{info}");
    }
}

#[test]
fn h_without_s_is_refused_unless_zeros_are_wanted() {
    let folder = copy("deeph/openmx_h2o");
    fs::remove_file(folder.path().join("overlap.h5")).unwrap();
    let mut request = Request::new(folder.path(), folder.path().join("new"), Format::Deeph);
    let message = convert(&request).unwrap_err().to_string();
    assert!(
        message.ends_with("deeph cannot be written: the run has no S; --fill zero puts zeros in its place"),
        "{message}"
    );
    assert!(!request.target.exists());
    request.write.fill_zero = true;
    let report = convert(&request).unwrap();
    assert!(report.notes.iter().any(|note| note.to_string() == "filled with zeros: S, which the run lacks"));
    assert!(run(&request.target).overlap.unwrap().values().iter().all(|&x| x == 0.0));
}

#[test]
fn predictions_keep_their_name() {
    let folder = copy("deeph/openmx_h2o");
    let [own, predicted] = ["hamiltonian.h5", "hamiltonian_pred.h5"].map(|name| folder.path().join(name));
    fs::copy(&own, &predicted).unwrap();
    assert!(!run(folder.path()).origin.is_predicted);
    assert!(run(&predicted).origin.is_predicted);
    fs::remove_file(&own).unwrap();
    assert!(run(folder.path()).origin.is_predicted);
    let target = folder.path().join("new");
    convert(&Request::new(folder.path(), &target, Format::DeephLegacy)).unwrap();
    assert!(target.join("hamiltonians_pred.h5").is_file() && !target.join("hamiltonians.h5").exists());
    assert!(run(&target).origin.is_predicted);
}

#[test]
fn h0_has_no_fermi_level_and_comes_back_as_h0() {
    let folder = tempfile::tempdir().unwrap();
    let mut request = Request::new(fixture("openmx/h2o"), folder.path().join("h0"), Format::Deeph);
    request.of = Some(Of::H0);
    convert(&request).unwrap();
    let (there, back) = (run(&request.source), run(&request.target));
    assert!(back.hamiltonian0 == there.hamiltonian0 && back.hamiltonian.is_none() && back.fermi_level.is_none());
}

#[test]
fn the_legacy_layout_has_no_place_for_collinear_spin() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("o2");
    let message =
        convert(&Request::new(fixture("abacus/O2_box"), &target, Format::DeephLegacy)).unwrap_err().to_string();
    assert!(message.contains("deeph-legacy cannot be written: it has no place for collinear spin"), "{message}");
    assert!(!target.exists());
}

#[test]
fn a_density_matrix_goes_there_and_back() {
    let folder = tempfile::tempdir().unwrap();
    for (name, format, file) in [
        ("openmx/h2o_nc", Format::Deeph, "density_matrix.h5"),
        ("openmx/h2o_nc", Format::DeephLegacy, "density_matrixs.h5"),
        ("abacus/o2_spin2", Format::Deeph, "density_matrix.h5"),
    ] {
        let target = folder.path().join(format!("{}-{format}", name.replace('/', "-")));
        convert(&Request::new(fixture(name), &target, format)).unwrap();
        let (there, back) = (run(&fixture(name)), run(&target));
        assert!(target.join(file).is_file() && there.density_matrix.is_some());
        assert!(back.density_matrix == there.density_matrix, "{name} {format}");
        // the name that DeepH-dock gives it
        if format == Format::DeephLegacy {
            fs::rename(target.join(file), target.join("density_matrices.h5")).unwrap();
            assert!(run(&target).density_matrix == there.density_matrix);
        }
    }
}

/// Atoms of one element with other orbitals: the legacy layout has a line for each atom.
#[test]
fn legacy_folders_may_have_several_species_of_one_element() {
    let folder = copy("deeph-legacy/openmx_h2o");
    fs::write(folder.path().join("orbital_types.dat"), "0  0  1  1  2\n0 0 1\n0 1 0\n").unwrap();
    let run = run(folder.path());
    let labels: Vec<&str> = run.basis.species().iter().map(|species| species.label.as_str()).collect();
    assert_eq!(labels, ["O", "H", "H2"]);
    let message =
        convert(&Request::new(folder.path(), folder.path().join("new"), Format::Deeph)).unwrap_err().to_string();
    assert!(message.contains("species H and H2 are one element with different orbitals"), "{message}");
}

#[test]
fn both_layouts_of_the_peer_are_one_run() {
    let updated = run(&fixture("deeph/openmx_h2o"));
    let legacy = deeph::legacy::read(&fixture("deeph-legacy/openmx_h2o"), &ReadOptions::default()).unwrap();
    assert!(legacy.hamiltonian == updated.hamiltonian && legacy.overlap == updated.overlap);
    assert!(matches!(legacy.hamiltonian, Some(SpinOperator::Unpolarized(_))));
}
