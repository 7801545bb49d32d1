//! Files of SIESTA out of others of the same run: byte for byte those that SIESTA itself wrote.

use std::path::{Path, PathBuf};

use hzero_parsers::Of;
use hzero_parsers::convert::{Request, convert};
use hzero_parsers::format::Format;

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/siesta").join(path)
}

fn converted(source: &str, to: Format, of: Option<Of>) -> (String, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (fixture(source), folder.path().to_owned());
    let request = Request { source, target, from: None, to, structure: None, step: None, of };
    let files = convert(&request).unwrap_or_else(|error| panic!("{error}"));
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

#[test]
fn another_code_is_refused() {
    let request = Request {
        source: fixture("feas_so"),
        target: PathBuf::from("H.csr"),
        from: None,
        to: Format::AbacusNew,
        structure: None,
        step: None,
        of: None,
    };
    let message = convert(&request).unwrap_err().to_string();
    assert!(message.ends_with("files of SIESTA cannot become files of ABACUS yet"), "{message}");
}
