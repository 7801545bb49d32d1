//! scfout files as they are: read and written again, the bytes are the same but for those that OpenMX never set.

mod runs;

use std::path::PathBuf;

use hzero_parsers::input::{self, Input};
use hzero_parsers::openmx::Scfout;
use hzero_parsers::openmx::scfout::{Set, Version};

/// Every scfout of the fixtures and, where they are present, of the larger runs.
fn files() -> Vec<PathBuf> {
    let is_scfout = |name: &str| name.contains(".scfout");
    let mut found = Vec::new();
    runs::walk(&runs::project().join("fixtures/openmx"), &is_scfout, &mut found);
    assert!(found.len() >= 5, "only {} fixtures", found.len());
    if let Some(larger) = runs::larger_runs() {
        runs::walk(&larger.join("openmx"), &is_scfout, &mut found);
        assert!(found.len() >= 20, "only {} files", found.len());
    }
    found
}

fn written(scfout: &Scfout) -> Vec<u8> {
    let mut bytes = Vec::new();
    scfout.write(&mut bytes).unwrap();
    bytes
}

/// Sets what OpenMX leaves uninitialised to zero, by the offsets that the file's own numbers give (little-endian).
fn without_garbage(scfout: &Scfout, bytes: &[u8]) -> Vec<u8> {
    let mut clean = bytes.to_vec();
    let head = if scfout.version == Version::V3_9 { 28 } else { 24 };
    let cells = scfout.atv.len();
    let indices = head + 32 * cells;
    for cell in 0..cells {
        clean[head + 32 * cell..][..8].fill(0);
        clean[indices + 16 * cell..][..4].fill(0);
    }
    let n_atoms = scfout.n_atoms();
    let n_blocks: usize = scfout.natn.iter().map(Vec::len).sum();
    let vectors = indices + 16 * cells + 8 * n_atoms + 8 * n_blocks;
    for row in 0..6 + n_atoms {
        clean[vectors + 32 * row..][..8].fill(0);
    }
    let lines = scfout.tail.input_text.len();
    let text = clean.len() - 256 * lines;
    for line in clean[text..].chunks_exact_mut(256) {
        let end = line.iter().position(|&byte| byte == 0).unwrap();
        line[end..].fill(0);
    }
    clean
}

#[test]
fn what_is_read_is_written_to_the_byte() {
    for path in files() {
        let bytes = input::open(&path).unwrap();
        let scfout = Scfout::read(&path).unwrap_or_else(|error| panic!("{error}"));
        assert!(written(&scfout) == without_garbage(&scfout, &bytes), "{}", path.display());
    }
}

/// A copy of the input would not show these.
#[test]
fn what_is_changed_is_written() {
    for path in files() {
        let mut scfout = Scfout::read(&path).unwrap();
        let before = written(&scfout);
        let mut h = scfout.values(Set::H(0)).unwrap();
        h[7] += 1.0;
        assert!(scfout.replace(Set::H(0), h.clone()));
        scfout.tail.chem_p += 1.0;
        scfout.natn[0][1..].reverse();
        let after = written(&scfout);
        let changed = before.iter().zip(&after).filter(|(a, b)| a != b).count();
        assert!((1..=16 + 4 * scfout.natn[0].len()).contains(&changed), "{}: {changed} bytes", path.display());
        let again = Scfout::parse(Input::Owned(after)).unwrap();
        assert_eq!(again.values(Set::H(0)).unwrap()[7].to_bits(), h[7].to_bits(), "{}", path.display());
        assert_eq!((again.tail.chem_p, &again.natn), (scfout.tail.chem_p, &scfout.natn));
    }
}

#[test]
fn sets_are_those_of_the_layout() {
    for path in files() {
        let scfout = Scfout::read(&path).unwrap();
        let n = match (scfout.version, scfout.spin.number()) {
            (Version::V3_9, spin) => [11, 13, 0, 20][spin as usize],
            (Version::V3_8, spin) => [6, 8, 0, 15][spin as usize],
        };
        assert_eq!(scfout.sets().count(), n, "{}", path.display());
        let last = scfout.values(Set::Overlap).unwrap();
        // the first number of an atom's first block is ⟨s|s⟩ on the same atom
        assert!((last[0] - 1.0).abs() < 1e-4, "{}: {}", path.display(), last[0]);
        assert!(!scfout.clone().replace(Set::Overlap, vec![0.0]), "a set of another size");
    }
}

#[test]
fn the_other_byte_order_is_the_same_file() {
    for path in files().into_iter().filter(|path| input::open(path).unwrap().len() < 200_000) {
        let mut scfout = Scfout::read(&path).unwrap();
        let little = written(&scfout);
        for set in scfout.sets().collect::<Vec<_>>() {
            let values = scfout.values(set).unwrap();
            scfout.replace(set, values);
        }
        scfout.order = input::ByteOrder::Big;
        let big = written(&scfout);
        assert_ne!(little, big);
        let mut again = Scfout::parse(Input::Owned(big)).unwrap_or_else(|error| panic!("{error}"));
        for set in again.sets().collect::<Vec<_>>() {
            let values = again.values(set).unwrap();
            again.replace(set, values);
        }
        again.order = input::ByteOrder::Little;
        assert!(written(&again) == little, "{}", path.display());
    }
}
