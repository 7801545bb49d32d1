//! csr files: bytes → struct → bytes is the identity, in every layout.

mod runs;

use hzero_parsers::abacus::Csr;

/// Fixtures and, where it is present, the folder of larger runs.
fn csr_files() -> Vec<std::path::PathBuf> {
    let files = runs::files(|name| [".csr", ".csr.gz", ".csr.zst"].iter().any(|end| name.ends_with(end)));
    assert!(files.len() >= 10, "only {} csr files found", files.len());
    files
}

#[test]
fn a_file_is_written_as_it_was_read() {
    for path in csr_files() {
        let bytes = hzero_parsers::input::open(&path).unwrap();
        let csr = Csr::parse(&bytes, None).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut written = Vec::new();
        csr.write(&mut written).unwrap();
        assert!(written == bytes[..], "{} changed", path.display());
    }
}
