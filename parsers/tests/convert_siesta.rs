//! Files of SIESTA out of others of the same run: byte for byte those that SIESTA itself wrote.

use std::path::{Path, PathBuf};

use hzero_parsers::convert::{Request, convert};
use hzero_parsers::format::Format;
use hzero_parsers::siesta::convert::write;
use hzero_parsers::{NativeLayout, Of, ReadOptions, SpinOperator, read};

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/siesta").join(path)
}

fn converted(source: &str, to: Format, of: Option<Of>) -> (String, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let request = Request { of, ..Request::new(fixture(source), folder.path(), to) };
    let files = convert(&request).unwrap_or_else(|error| panic!("{error}")).files;
    let [file] = files.as_slice() else { panic!("{files:?}") };
    (file.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(file).unwrap())
}

#[test]
fn conversions_equal_the_files_of_siesta() {
    for (source, to, of, original) in [
        ("feas_so", Format::SiestaTshs, Some(Of::Scf), "feas_so/scf/feas_so.TSHS"),
        ("feas_so", Format::SiestaTshs, Some(Of::H0), "feas_so/h0/feas_so.TSHS"),
        ("feas_so", Format::SiestaHsx, None, "feas_so/scf/feas_so.HSX"),
        ("feas_so/scf/feas_so.HSX", Format::SiestaTshs, None, "feas_so/scf/feas_so.TSHS"),
        ("feas_so", Format::SiestaHin, None, "feas_so/scf/H_DMGEN"),
        ("feas_so", Format::SiestaDm, None, "feas_so/scf/feas_so.DM"),
    ] {
        let (name, bytes) = converted(source, to, of);
        assert!(bytes == std::fs::read(fixture(original)).unwrap(), "{source} as {to}: {name} is not {original}");
    }
}

/// What SIESTA's file holds of an ABACUS run is the same matrix, element by element.
#[test]
fn a_run_of_abacus_becomes_hsx() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/abacus/si2_soc_sz");
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("si.HSX");
    let request = Request { of: Some(Of::Scf), ..Request::new(&source, &target, Format::SiestaHsx) };
    convert(&request).unwrap();
    let [before, after] = [source, target].map(|path| read(&path, &ReadOptions::default()).unwrap());
    assert_eq!((before.n_electrons, before.fermi_level), (after.n_electrons, after.fermi_level));
    let [before, after] = [&before, &after].map(|run| match &run.hamiltonian {
        Some(SpinOperator::Spinor(spin)) => spin.clone(),
        other => panic!("{other:?}"),
    });
    for (before, after) in before.iter().zip(&after) {
        assert!(before.values().iter().any(|x| x.norm() > 1e-6));
        for (pair, block) in before.blocks() {
            match after.get(pair) {
                Some(other) => assert_eq!(block, other, "{pair:?}"),
                None => assert!(block.iter().all(|x| x.norm() == 0.0), "{pair:?}"),
            }
        }
    }
}

#[test]
fn an_element_without_a_place_is_not_dropped() {
    let run = read(&fixture("fe"), &ReadOptions::default()).unwrap();
    let Some(NativeLayout::Siesta(layout)) = &run.native else { panic!("no layout of SIESTA") };
    let Some(SpinOperator::Collinear([up, down])) = run.hamiltonian.clone() else { panic!("nspin is not 2") };
    let mut places = up.clone();
    places.values_mut().fill(1.0);
    layout.restrict(&run.basis, &mut places).unwrap();
    let outside = places.values().iter().position(|place| *place == 0.0).expect("SIESTA stores parts of blocks");
    let file = tempfile::NamedTempFile::new().unwrap();
    let converted = |value| {
        let mut up = up.clone();
        up.values_mut()[outside] = value;
        let h = SpinOperator::Collinear([up, down.clone()]);
        write(file.path(), Format::SiestaHsx, &run, Some((Of::Scf, &h)))
    };
    converted(0.0).unwrap();
    let message = converted(1e-3).unwrap_err().to_string();
    assert!(
        message.starts_with("SIESTA cannot be written: H has elements that the pattern of H0's file lacks"),
        "{message}"
    );
}
