//! Folders of FHI-aims. No run of it may be part of this repository, so a run of another code is written in its layout: its
//! conventions one by one, by code that knows nothing of the reader.

mod written;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hzero_parsers::{Calculation, Operator, Pair, ReadOptions, Smearing, check, read};
use written::{ALL, Conventions, cells_from_centre, channels, expected};

fn fixture(name: &str) -> Calculation {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name);
    read(&folder, &ReadOptions::default()).unwrap()
}

/// Every atom of `geometry.in` lies in another cell.
fn away(run: &Calculation) -> Vec<[i32; 3]> {
    (0..run.structure.n_atoms() as i32).map(|atom| [1 - atom, atom % 2, -atom]).collect()
}

fn written(run: &Calculation, conventions: Conventions) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    written::write(folder.path(), run, &away(run), conventions);
    folder
}

fn reread(folder: &Path) -> Calculation {
    read(folder, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// Are the blocks of `found` those of the run, all of them, and is whatever else is stored zero? One element of two partners
/// is stored, and OpenMX computes both.
fn is_same(found: &Operator<f64>, operator: &Operator<f64>, cells: &[[i32; 3]]) -> bool {
    let mut wanted: BTreeMap<Pair, &[f64]> = expected(operator, cells).collect();
    let same = found.blocks().all(|(pair, block)| match wanted.remove(pair) {
        Some(wanted) => wanted.iter().zip(block).all(|(a, b)| (a - b).abs() < 2e-8),
        None => block.iter().all(|&x| x == 0.0),
    });
    same && wanted.is_empty()
}

fn is_same_run(found: &Calculation, run: &Calculation) -> bool {
    let cells = cells_from_centre(&run.structure);
    let s = is_same(found.overlap.as_ref().unwrap(), run.overlap.as_ref().unwrap(), &cells);
    s && channels(found).count() == channels(run).count()
        && channels(found).zip(channels(run)).all(|(found, h)| is_same(found, h, &cells))
}

/// Whether the orbitals of S have the order, signs and directions that the structure says.
fn direction_holds(run: &Calculation) -> bool {
    let property = check::check(run).into_iter().find(|property| property.name.contains("direction"));
    property.unwrap().holds()
}

#[test]
fn a_run_is_read_whatever_the_order_of_its_listing() {
    for name in ["openmx/silicene_f", "openmx/h2o", "openmx/fe_spin"] {
        let run = fixture(name);
        for one_after_the_other in [true, false] {
            let folder = written(&run, Conventions { one_after_the_other, ..ALL });
            let found = reread(folder.path());
            assert!(is_same_run(&found, &run), "{name} {one_after_the_other}");
            assert!(direction_holds(&found), "{name}");
            for (atom, cell) in cells_from_centre(&run.structure).into_iter().enumerate() {
                let centred = run.structure.positions[atom] - run.structure.translation(cell);
                assert!((found.structure.positions[atom] - centred).amax() < 1e-9, "{name} atom {atom}");
            }
            for atom in 0..run.structure.n_atoms() {
                assert_eq!(found.basis.orbitals_of(atom), run.basis.orbitals_of(atom));
                assert_eq!(found.basis.species_of(atom).label, run.basis.species_of(atom).label);
            }
        }
    }
}

#[test]
fn every_convention_counts() {
    let run = fixture("openmx/silicene_f");
    let without = [
        Conventions { row_in_cell: false, ..ALL },
        Conventions { centred: false, ..ALL },
        Conventions { signs: false, ..ALL },
    ];
    for conventions in without {
        let found = reread(written(&run, conventions).path());
        assert!(!is_same_run(&found, &run), "{conventions:?}");
        assert!(!direction_holds(&found), "{conventions:?}");
    }
}

#[test]
fn half_of_the_elements_are_stored() {
    let run = fixture("openmx/silicene_f");
    let folder = written(&run, ALL);
    let numbers = fs::read_to_string(folder.path().join("rs_overlap.out")).unwrap().lines().count();
    let found = reread(folder.path());
    let s = found.overlap.as_ref().unwrap();
    assert!(numbers < s.values().len() * 6 / 10, "{numbers} of {}", s.values().len());
    assert!(s.pairs().partners().iter().all(Option::is_some));
}

#[test]
fn the_other_files_are_read() {
    let found = reread(written(&fixture("openmx/silicene_f"), ALL).path());
    assert_eq!((found.origin.code, found.origin.version.as_deref()), ("FHI-aims", Some("240920.1")));
    assert_eq!(found.fermi_level, Some(-5.4422769 / 27.2113845));
    assert_eq!(found.smearing, Some(Smearing::FermiDirac(0.05 / 27.2113845)));
    assert_eq!((found.n_electrons, found.k_grid.unwrap().divisions), (Some(28.0), [4, 4, 1]));
    assert_eq!(found.origin.files.len(), 7);
}

#[cfg(feature = "hdf5")]
#[test]
fn matrices_may_be_hdf5() {
    let run = fixture("openmx/fe_spin");
    let folder = written(&run, ALL);
    for (text, binary) in
        [("overlap", "overlap"), ("hamiltonian_up", "hamiltonian_up"), ("hamiltonian_dn", "hamiltonian_down")]
    {
        let path = folder.path().join(format!("rs_{text}.out"));
        let values: Vec<f64> =
            fs::read_to_string(&path).unwrap().lines().map(|line| line.trim().parse().unwrap()).collect();
        fs::remove_file(path).unwrap();
        let file = hdf5::File::create(folder.path().join(format!("rs_{binary}.h5"))).unwrap();
        file.new_dataset_builder().with_data(&values).create("sparse_matrix").unwrap();
    }
    assert!(is_same_run(&reread(folder.path()), &run));
}

/// The message of reading a folder in which one file was changed.
fn message(folder: &Path, name: &str, change: impl Fn(Vec<u8>) -> Vec<u8>) -> String {
    let path = folder.join(name);
    let before = fs::read(&path).unwrap();
    fs::write(&path, change(before.clone())).unwrap();
    let error = read(folder, &ReadOptions::default()).expect_err(name).to_string();
    fs::write(&path, before).unwrap();
    error
}

#[test]
fn broken_files_are_located() {
    let folder = written(&fixture("openmx/h2o"), ALL);
    let folder = folder.path();
    let replaced = |from: &'static str, to: &'static str| {
        move |file: Vec<u8>| String::from_utf8(file).unwrap().replacen(from, to, 1).into_bytes()
    };
    let cut = |file: Vec<u8>| file[..file.len() / 2].to_vec();
    let nan = |file: Vec<u8>| [b"1.0\n  NaN\n", &file[..]].concat();
    let cases = [
        (message(folder, "rs_overlap.out", nan), "rs_overlap.out:2:3: expected a number, found `NaN`"),
        (message(folder, "rs_hamiltonian.out", cut), "expected a number, found the end of the file"),
        (
            message(folder, "rs_indices.out", replaced("n_basis:           23", "n_basis:           22")),
            "rs_indices.out:",
        ),
        (message(folder, "basis-indices.out", cut), "basis-indices.out"),
        (
            message(folder, "geometry.in", replaced("lattice_vector", "lattice")),
            "expected three lattice vectors, found 2",
        ),
        (message(folder, "geometry.in", replaced(" H\n", " O\n")), "are both O, but have other shells"),
    ];
    for (message, expected) in cases {
        assert!(message.contains(expected), "{message}\ninstead of\n{expected}");
    }
}

#[test]
fn no_change_of_a_byte_is_a_panic() {
    let folder = written(&fixture("openmx/h2o"), ALL);
    for name in ["rs_indices.out", "rs_overlap.out", "basis-indices.out", "geometry.in", "control.in"] {
        let path: PathBuf = folder.path().join(name);
        let whole = fs::read(&path).unwrap();
        for step in 0..60 {
            let at = step * 7919 % whole.len();
            for byte in [b'9', b'-', b'\n', 0xff] {
                let mut changed = whole.clone();
                changed[at] = byte;
                fs::write(&path, &changed).unwrap();
                let _ = read(folder.path(), &ReadOptions::default());
            }
            fs::write(&path, &whole[..at]).unwrap();
            let _ = read(folder.path(), &ReadOptions::default());
        }
        fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn what_is_missing_is_named() {
    let folder = written(&fixture("openmx/fe_spin"), ALL);
    fs::remove_file(folder.path().join("rs_hamiltonian_dn.out")).unwrap();
    let error = |path: &Path| read(path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(error(folder.path()).contains("without rs_hamiltonian_dn.out (or _down.h5), the other spin"));
    fs::remove_file(folder.path().join("rs_hamiltonian_up.out")).unwrap();
    assert!(channels(&reread(folder.path())).next().is_none());
    fs::write(folder.path().join("rs_overlap.h5"), "").unwrap();
    assert!(error(folder.path()).contains("could be the same matrix"));
    fs::remove_file(folder.path().join("basis-indices.out")).unwrap();
    assert!(error(&folder.path().join("rs_indices.out")).contains("without basis-indices.out"));
}
