//! SIESTA's `.nc` files: H, S and DM equal those of `.HSX` bit for bit, and what is written is read again.
#![cfg(feature = "hdf5")]

use std::path::{Path, PathBuf};

use hzero_parsers::predicted::Prediction;
use hzero_parsers::siesta::hsx::Version;
use hzero_parsers::siesta::{Hsx, Nc};
use hzero_parsers::{ErrorKind, ReadOptions, input, read};

/// `.nc` and `.HSX` of the same H: a fixture, and the run that it comes from where that is present.
fn files() -> Vec<[PathBuf; 2]> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let shared = std::env::var_os("HZERO_SHARED").map_or(project.join("../shared"), PathBuf::from);
    let (fixture, run) = (project.join("fixtures/siesta_nc/graphene"), shared.join("dft/siesta/graphene/scf"));
    let mut files = vec![[fixture.join("scf/graphene.nc.gz"), fixture.join("hsx/graphene.HSX.gz")]];
    if run.is_dir() {
        files.push([run.join("graphene.nc"), run.join("graphene.HSX")]);
    } else {
        println!("skipped {}: not there", run.display());
    }
    files
}

fn hsx(path: &Path) -> Hsx {
    Hsx::parse(&input::open(path).unwrap()).unwrap()
}

#[test]
fn nc_holds_the_numbers_of_hsx() {
    for [path, beside] in files() {
        let (nc, hsx) = (Nc::read(&path).unwrap(), hsx(&beside));
        assert_eq!(nc.atomic_numbers, [6]);
        assert_eq!(nc.density_matrix.as_ref().unwrap()[0].len(), nc.hsx.sparsity.n_elements());
        assert_eq!(nc.hsx.hamiltonian, hsx.hamiltonian);
        assert_eq!(nc.hsx.overlap, hsx.overlap);
        assert_eq!(nc.hsx.sparsity, hsx.sparsity);
        assert_eq!(nc.hsx.head, hsx.head);
    }
}

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graphene.nc");
    for [source, _] in files() {
        let nc = Nc::read(&source).unwrap();
        nc.write(&path, "graphene").unwrap();
        assert_eq!(Nc::read(&path).unwrap(), nc);
    }
}

#[test]
fn h_that_was_never_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graphene.nc");
    let mut nc = Nc::read(&files()[0][0]).unwrap();
    nc.hsx.hamiltonian[0][7] = hzero_parsers::netcdf::FILL_DOUBLE;
    nc.write(&path, "graphene").unwrap();
    let error = Nc::read(&path).unwrap_err();
    let text = error.to_string();
    assert!(text.ends_with("H was never written: the run did not converge (while reading SPARSE/H)"), "{text}");
}

#[test]
fn an_nc_without_k_mesh_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graphene.nc");
    let mut nc = Nc::read(&files()[0][0]).unwrap();
    let cell = nc.hsx.head.cell().unwrap().clone();
    std::sync::Arc::make_mut(&mut nc.hsx.head).version = Version::V1(cell);
    let error = nc.write(&path, "graphene").unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotRepresentable { .. }), "{error}");
    assert!(!path.exists());
}

#[test]
fn a_run_with_its_h_in_nc_alone_is_a_run() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/siesta_nc/graphene");
    let run = read(&folder, &ReadOptions::default()).unwrap();
    let hsx = ReadOptions { hamiltonian: Some(folder.join("hsx/graphene.HSX.gz")), ..ReadOptions::default() };
    let with_hsx = read(&folder, &hsx).unwrap();
    assert_eq!((&run.hamiltonian, &run.overlap), (&with_hsx.hamiltonian, &with_hsx.overlap));
    assert!(run.hamiltonian0.is_some() && run.fermi_level.is_some() && run.density_matrix.is_some());
    let target = tempfile::tempdir().unwrap();
    let prediction =
        Prediction { fermi_level: run.fermi_level, ..Prediction::new(&run, run.hamiltonian.as_ref().unwrap()) };
    let files = prediction.write(target.path()).unwrap();
    let written = files.iter().find(|file| file.extension().is_some_and(|end| end == "nc")).unwrap();
    assert_eq!(Nc::read(written).unwrap().hsx, Nc::read(&folder.join("scf/graphene.nc.gz")).unwrap().hsx);
}

/// The HDF5 library must not end the process, nor print.
#[test]
fn changed_bytes_end_in_numbers_or_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graphene.nc");
    let bytes = input::open(&files()[0][0]).unwrap().to_vec();
    let head = bytes.len() / 8; // most of what is not numbers
    let (mut state, mut n_errors) = (1_u64, 0);
    for _ in 0..200 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut changed = bytes.clone();
        changed[(state >> 33) as usize % head] = (state >> 20) as u8;
        std::fs::write(&path, changed).unwrap();
        n_errors += usize::from(Nc::read(&path).is_err());
    }
    assert!(n_errors > 10, "only {n_errors} changes were noticed");
}
