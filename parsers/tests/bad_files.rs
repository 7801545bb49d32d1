//! Broken csr files: an error that says where, or a valid reading; never a panic, never a huge allocation.

mod runs;

use std::path::Path;

use hzero_parsers::abacus::{Csr, matrix};
use hzero_parsers::{Basis, input};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/bad/abacus");

#[test]
fn every_bad_file_gives_its_message() {
    let mut found = 0;
    for entry in std::fs::read_dir(FOLDER).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "csr") {
            found += 1;
            let message = message_of(&path);
            let expected = path.with_extension("txt");
            if std::env::var_os("HZERO_BLESS").is_some() {
                std::fs::write(&expected, format!("{message}\n")).unwrap();
            }
            assert_eq!(message, std::fs::read_to_string(&expected).unwrap().trim_end(), "{}", path.display());
        }
    }
    assert!(found >= 10, "only {found} bad files");
}

/// Two hydrogen-like atoms with two s orbitals each, unless the file needs the oxygen of `o2_spin2`.
fn message_of(path: &Path) -> String {
    let name = path.file_stem().unwrap().to_string_lossy();
    let basis =
        if name.contains("empty") { runs::basis(Path::new("o2_spin2")) } else { runs::basis(Path::new("H2_toy")) };
    let error = match Csr::read(path, None) {
        Err(error) => error,
        Ok(csr) => matrix::hamiltonian(&[csr], &basis).expect_err("a bad file was read").in_file(path),
    };
    error.to_string().replace(&format!("{FOLDER}/"), "")
}

/// All fixtures, decompressed, with their bases.
fn fixtures() -> Vec<(Vec<u8>, Basis)> {
    let is_csr = |name: &str| [".csr", ".csr.gz", ".csr.zst"].iter().any(|end| name.ends_with(end));
    let paths = runs::fixtures(is_csr);
    assert!(paths.len() >= 10);
    paths.iter().map(|path| (input::open(path).unwrap().to_vec(), runs::basis(path))).collect()
}

fn read(bytes: &[u8], basis: &Basis) {
    if let Ok(csr) = Csr::parse(bytes, None) {
        let _ = matrix::hamiltonian(std::slice::from_ref(&csr), basis);
        let _ = matrix::overlap(&csr, basis);
        let _ = matrix::density_matrix(&[csr], basis);
    }
}

#[test]
fn cut_files_are_refused() {
    for (bytes, _) in fixtures() {
        // the last line end alone may be missing
        for n in 0..60 {
            let length = (bytes.len() - 2) * n / 60;
            assert!(Csr::parse(&bytes[..length], None).is_err(), "{length} of {} bytes were read", bytes.len());
        }
    }
}

#[test]
fn changed_bytes_never_panic() {
    let mut random = Random(20_261_121);
    for (bytes, basis) in fixtures() {
        // small files get many changes, since most bytes there matter
        let rounds = (2_000_000 / bytes.len()).clamp(20, 200);
        for _ in 0..rounds {
            let mut changed = bytes.clone();
            for _ in 0..1 + random.below(4) {
                // every second change hits the head, where the counts stand
                let reach = if random.below(2) == 0 { changed.len().min(2000) } else { changed.len() };
                let place = random.below(reach);
                changed[place] = BYTES[random.below(BYTES.len())];
            }
            read(&changed, &basis);
        }
    }
}

/// What a csr file is made of, and what it is not.
const BYTES: &[u8] = b"0123456789-.e()#, \nxS\xff";

/// A linear congruential generator: the same bytes on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }
}
