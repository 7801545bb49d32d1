//! Broken scfout files: an error that says where, or a valid reading; never a panic, never a huge allocation.

use std::path::{Path, PathBuf};

use hzero_parsers::input::{self, Input};
use hzero_parsers::openmx::Scfout;
use hzero_parsers::{ReadOptions, output, read};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/openmx").join(name)
}

/// Three atoms, format 0, SpinP 0.
fn whole() -> Vec<u8> {
    std::fs::read(fixture("h2o_v38/h2o.scfout")).unwrap()
}

/// Where the parts of [`whole`] begin: 6 numbers, 125 cells of 4 doubles and of 4 integers, then 3 numbers of orbitals.
const ORBITALS: usize = 24 + 125 * (32 + 16);
const NEIGHBOURS: usize = ORBITALS + 12;
const ATOMS: usize = NEIGHBOURS + 12;
const CELLS: usize = ATOMS + 36;
const MATRICES: usize = CELLS + 36 + 6 * 32 + 3 * 32;
/// Each of 6 sets holds 23 x 23 numbers; then one integer, ten doubles, and the number of lines.
const TAIL: usize = MATRICES + 6 * 8 * 23 * 23;
const LINES: usize = TAIL + 84;

type Change = fn(&mut Vec<u8>);

fn put(bytes: &mut [u8], at: usize, number: i32) {
    bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
}

fn put_f64(bytes: &mut [u8], at: usize, number: f64) {
    bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
}

/// What is done to the file, and the message.
const BAD: &[(Change, &str)] = &[
    (|file| file.clear(), "byte 0: expected 2 items of 4 bytes, found 0 bytes before the end of the file"),
    (
        |file| file.splice(..8, *b"FERMI 00").for_each(drop),
        "expected an scfout file of OpenMX (SpinP + 4 * version in bytes 4 to 7), found 808460361",
    ),
    (|file| put(file, 4, 2), "expected SpinP of 0, 1 or 3, found 2"),
    (
        |file| put(file, 4, 4),
        "scfout of format 1: written by development versions of OpenMX 3.7; write it with 3.8 (format 0) or 3.9 (format 3)",
    ),
    (
        |file| put(file, 4, 16),
        "scfout of format 4: newer than OpenMX 3.9, whose format is 3; its layout is not known here",
    ),
    (
        |file| put(file, 20, i32::MAX - 1),
        "byte 24: expected 8589934588 items of 8 bytes, found 43896 bytes before the end of the file (while reading lattice vectors of the cells (atv))",
    ),
    (|file| put(file, 20, -7), "byte 20: expected a number of cells of 0 to 2147483646, found -7"),
    (
        |file| put(file, 0, 100_000),
        "byte 6024: expected 100000 items of 4 bytes, found 37896 bytes before the end of the file",
    ),
    (|file| put(file, ORBITALS + 4, 0), "byte 6028: expected a number of orbitals of 1 to 2147483647, found 0"),
    (
        |file| put(file, ORBITALS, i32::MAX),
        "byte 6408: expected 4611686057082093649 items of 8 bytes, found 37512 bytes before the end of the file (while reading H(0))",
    ),
    (
        |file| put(file, NEIGHBOURS, 2_000_000_000),
        "byte 6048: expected 2000000001 items of 4 bytes, found 37872 bytes before the end of the file (while reading neighbours of atom 1)",
    ),
    (
        |file| put(file, ATOMS + 8, 4),
        "byte 6056: expected an atom of 1 to 3, found 4 (while reading neighbours of atom 1)",
    ),
    (
        |file| put(file, CELLS + 32, 125),
        "byte 6116: expected a cell of 0 to 124, found 125 (while reading neighbours of atom 3)",
    ),
    (
        |file| put(file, 24 + 125 * 32 + 4, i32::MIN),
        "byte 4024: expected cells up to 1000000, found -2147483648 (while reading cells in units of the lattice (atv_ijk))",
    ),
    (
        |file| file.truncate(MATRICES + 20_000),
        "byte 23336: expected 529 items of 8 bytes, found 3072 bytes before the end of the file (while reading Position(2, 0))",
    ),
    (
        |file| file.truncate(TAIL + 44),
        "byte 31804: expected 10 items of 8 bytes, found 40 bytes before the end of the file (while reading chemical potential and electrons)",
    ),
    (
        |file| put_f64(file, CELLS + 36 + 8, f64::NAN),
        "byte 6120: expected finite numbers, found NaN (while reading lattice vectors (tv, rtv))",
    ),
    (
        |file| put_f64(file, CELLS + 36 + 6 * 32 + 40, f64::INFINITY),
        "byte 6312: expected finite numbers, found inf (while reading positions (Gxyz))",
    ),
    (
        |file| put_f64(file, TAIL + 12, f64::NAN),
        "byte 31804: expected a chemical potential, a temperature and a number of electrons, found 0e0 hartree, NaN K, 8e0 electrons (while reading chemical potential and electrons)",
    ),
    (
        |file| put_f64(file, TAIL + 68, 1e300),
        "byte 31804: expected a chemical potential, a temperature and a number of electrons, found 0e0 hartree, 3e2 K, 1e300 electrons (while reading chemical potential and electrons)",
    ),
    (
        |file| put(file, LINES, 1 << 30),
        "byte 31888: expected 1073741824 items of 256 bytes, found 12032 bytes before the end of the file (while reading the input text)",
    ),
    (
        |file| put(file, LINES, -1),
        "byte 31884: expected a number of lines of the input text of 0 to 2147483647, found -1",
    ),
    (
        |file| file[LINES + 4..LINES + 4 + 256].fill(b'x'),
        "byte 31888: expected a line that ends with a zero byte, found 256 bytes without",
    ),
    (|file| file.push(0), "byte 43920: expected the end of the file, found 1 bytes more"),
];

fn parsed(bytes: Vec<u8>) -> Result<Scfout, String> {
    Scfout::parse(Input::Owned(bytes)).map_err(|error| error.to_string())
}

#[test]
fn every_bad_file_gives_its_message() {
    assert!(parsed(whole()).is_ok());
    let mut failures = 0;
    for (change, message) in BAD {
        let mut bytes = whole();
        change(&mut bytes);
        let found = parsed(bytes).map(|_| ());
        if found != Err((*message).to_owned()) {
            println!("{found:?}\n{message}");
            failures += 1;
        }
    }
    assert_eq!(failures, 0);
}

/// What is wrong with the run rather than with the bytes.
#[test]
fn what_contradicts_itself_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h2o.scfout");
    let message = |change: &dyn Fn(&mut Scfout)| {
        let mut scfout = parsed(whole()).unwrap();
        change(&mut scfout);
        output::write_file(&path, |out| scfout.write(out)).unwrap();
        let error = read(&path, &ReadOptions::default()).unwrap_err().to_string();
        error.replace(&format!("{}/", folder.path().display()), "")
    };
    let twice = message(&|scfout| {
        scfout.natn[0][2] = scfout.natn[0][1];
        scfout.ncn[0][2] = scfout.ncn[0][1];
    });
    assert_eq!(twice, "h2o.scfout: an atom has the same neighbour twice");
    let g_shell = message(&|scfout| {
        for line in &mut scfout.tail.input_text {
            *line = String::from_utf8_lossy(line).replace("O5.0-s2p2d1", "O5.0-s1p1g1").into_bytes();
        }
    });
    assert_eq!(g_shell, "h2o.scfout: the order of OpenMX' g orbitals is not known here");
    let lone = message(&|scfout| scfout.tail.input_text.clear());
    assert_eq!(
        lone,
        "h2o.scfout: the input text lacks <Definition.of.Atomic.Species (while reading the input text at the end of the file)"
    );
}

#[test]
fn cut_files_are_refused() {
    for name in
        ["h2o_v38/h2o.scfout", "h2o_nc_v38/h2o_nc.scfout", "h2o_nc/h0/h2o_nc.scfout", "fe_spin/h0/fe_spin.scfout.zst"]
    {
        let bytes = input::open(&fixture(name)).unwrap().to_vec();
        for n in 0..60 {
            let length = (bytes.len() - 1) * n / 60;
            assert!(parsed(bytes[..length].to_vec()).is_err(), "{length} of {} bytes were read", bytes.len());
        }
    }
}

#[test]
fn changed_bytes_never_panic() {
    let mut random = Random(20_261_121);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changed.scfout");
    let mut n_read = 0;
    for name in ["h2o_v38/h2o.scfout", "h2o_nc_v38/h2o_nc.scfout", "h2o_nc/h0/h2o_nc.scfout"] {
        let whole = std::fs::read(fixture(name)).unwrap();
        let text = whole.len() - 46 * 256;
        for _ in 0..300 {
            let mut changed = whole.clone();
            for _ in 0..1 + random.below(4) {
                // head, input text, anywhere
                let place = match random.below(3) {
                    0 => random.below(1800),
                    1 => text + random.below(46 * 256),
                    _ => random.below(whole.len()),
                };
                changed[place] = random.below(256) as u8;
            }
            std::fs::write(&path, changed).unwrap();
            n_read += usize::from(read(&path, &ReadOptions::default()).is_ok());
        }
    }
    assert!(n_read > 100, "only {n_read} changes were harmless: the others hide what comes after them");
}

/// A linear congruential generator: the same bytes on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }
}
