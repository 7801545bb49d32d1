//! Broken binary files of SIESTA: an error that says where, or a valid reading; never a panic, never a huge allocation.

use std::path::{Path, PathBuf};

use hzero_parsers::siesta::{Dm, HIn, Hsx, Tshs, matrix};
use hzero_parsers::{Result, Structure, input};
use nalgebra::{Matrix3, Vector3};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/bad/siesta-binary");
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/siesta");

#[test]
fn every_bad_file_gives_its_message() {
    let mut found = 0;
    for entry in std::fs::read_dir(FOLDER).unwrap() {
        let path = entry.unwrap().path();
        let Some(parse) = parser(&path) else { continue };
        found += 1;
        let message = parse(&input::open(&path).unwrap()).expect_err("a bad file was read").in_file(&path).to_string();
        let message = message.replace(&format!("{FOLDER}/"), "");
        let expected = PathBuf::from(format!("{}.txt", path.display()));
        if std::env::var_os("HZERO_BLESS").is_some() {
            std::fs::write(&expected, format!("{message}\n")).unwrap();
        }
        assert_eq!(message, std::fs::read_to_string(&expected).unwrap().trim_end(), "{}", path.display());
    }
    assert!(found >= 40, "only {found} bad files");
}

type Parser = fn(&[u8]) -> Result<()>;

/// What reads files of this name, up to the blocks.
fn parser(path: &Path) -> Option<Parser> {
    match path.extension()?.to_str()? {
        "HSX" => Some(read_hsx),
        "TSHS" => Some(|bytes| Tshs::parse(bytes).map(drop)),
        "DM" | "TSDE" => Some(|bytes| Dm::parse(bytes).map(drop)),
        "H_IN" => Some(|bytes| HIn::parse(bytes).map(drop)),
        _ if path.ends_with("H_DMGEN") => Some(|bytes| HIn::parse(bytes).map(drop)),
        _ => None,
    }
}

fn read_hsx(bytes: &[u8]) -> Result<()> {
    let hsx = Hsx::parse(bytes)?;
    let basis = hsx.basis()?;
    let structure = hsx.structure().unwrap_or_else(|| chain(hsx.head.species_indices()));
    let supercell = hsx.supercell(&structure)?;
    let places = matrix::Places::new(&hsx.sparsity, &supercell, &basis)?;
    matrix::hamiltonian(&hsx.hamiltonian, &places)?;
    matrix::density_matrix(&hsx.hamiltonian, &places)?;
    matrix::refuse_folded(&matrix::overlap(&hsx.overlap, &places)?, &supercell, &structure)
}

/// The structure of the bad files of version 0: atoms 1.4 bohr apart in a cell of 4 × 10 × 10 bohr.
fn chain(species: Vec<usize>) -> Structure {
    let positions = (0..species.len()).map(|atom| Vector3::new(1.4 * atom as f64, 0.0, 0.0)).collect();
    Structure { lattice: Matrix3::from_diagonal(&Vector3::new(4.0, 10.0, 10.0)), positions, species }
}

/// All binary fixtures with their readers.
fn fixtures() -> Vec<(Vec<u8>, Parser)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(FIXTURES)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Some(parse) = parser(&path) {
                found.push((input::open(&path).unwrap().to_vec(), parse));
            }
        }
    }
    assert!(found.len() >= 10, "only {} fixtures", found.len());
    found
}

#[test]
fn cut_files_are_refused() {
    for (bytes, parse) in fixtures() {
        for n in 0..60 {
            let length = (bytes.len() - 1) * n / 60;
            assert!(parse(&bytes[..length]).is_err(), "{length} of {} bytes were read", bytes.len());
        }
    }
}

#[test]
fn changed_numbers_never_panic() {
    let mut random = Random(20_261_121);
    for (bytes, parse) in fixtures() {
        // small files get many changes, since most numbers there matter
        for _ in 0..(20_000_000 / bytes.len()).clamp(20, 400) {
            let mut changed = bytes.clone();
            for _ in 0..1 + random.below(3) {
                // every second change hits the head, where the counts stand
                let reach = if random.below(2) == 0 { changed.len().min(1500) } else { changed.len() };
                let place = random.below(reach - 4) / 4 * 4;
                let number = NUMBERS[random.below(NUMBERS.len())];
                changed[place..place + 4].copy_from_slice(&number.to_le_bytes());
            }
            let _ = parse(&changed);
        }
    }
}

/// What a count, an index or a marker could wrongly be.
const NUMBERS: &[i32] =
    &[0, 1, 2, 3, 4, 8, 9, 20, 23, 24, 27, 100, 65_536, -1, -4, -8, 1 << 24, 1 << 30, i32::MAX, i32::MIN, i32::MAX - 8];

/// A linear congruential generator: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }
}
