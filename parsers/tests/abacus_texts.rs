//! STRU in all its words, and every text parser on real, cut and damaged files.

mod runs;

use std::path::Path;

use hzero_parsers::abacus::{Eigenvalues, Info, InputFile, Kpt, Log, OrbHeader, Stru, log::parse_kpoints};
use hzero_parsers::{Result, Structure};

/// Two carbon atoms with everything but the positions' word and numbers.
fn stru(word: &str, first: &str, second: &str) -> String {
    format!(
        "// made by hand\nATOMIC_SPECIES\nC1 12.011 C.upf upf201 # carbon\nC_empty 1.0 C.upf\n\nNUMERICAL_ORBITAL\nC_8au_2s2p1d.orb\n\
         C_8au_1s.orb\nLATTICE_CONSTANT\n4.0 // bohr\nLATTICE_VECTORS\n2 0 0\n0 1.5 0 # second\n0 0 1\n\
         ATOMIC_POSITIONS\n{word} # coordinates\nC1\n0.5\n1\n{first} m 1 1 0 mag 1.0\nC_empty #ghost\n0.0\n1\n{second}\n"
    )
}

fn structure(text: &str) -> Structure {
    Stru::parse(text.as_bytes()).unwrap().structure(None, 0.5).unwrap()
}

#[test]
fn all_coordinates_mean_the_same() {
    let direct = structure(&stru("Direct", "0.5 0.25 0.5", "0.75 0.5 0.25"));
    assert_eq!(direct.positions[0].as_slice(), [4.0, 1.5, 2.0]);
    let others = [
        ("Cartesian", "1 0.375 0.5", "1.5 0.75 0.25"),
        ("Cartesian_au", "4 1.5 2", "6 3 1"),
        ("Cartesian_angstrom", "2 0.75 1", "3 1.5 0.5"),
        ("Cartesian_angstrom_center_xy", "0 -0.75 1", "1 0 0.5"),
        ("Cartesian_angstrom_center_xz", "0 0.75 0", "1 1.5 -0.5"),
        ("Cartesian_angstrom_center_yz", "2 -0.75 0", "3 0 -0.5"),
        ("Cartesian_angstrom_center_xyz", "0 -0.75 0", "1 0 -0.5"),
    ];
    for (word, first, second) in others {
        assert_eq!(structure(&stru(word, first, second)), direct, "{word}");
    }
}

#[test]
fn atoms_outside_move_into_the_cell() {
    let inside = structure(&stru("Direct", "0.5 0.25 0.5", "0.75 0.5 0.25"));
    let outside = structure(&stru("Direct", "-0.5 0.25 1.5", "0.75 -2.5 0.25"));
    for (a, b) in inside.positions.iter().zip(&outside.positions) {
        assert!((a - b).amax() < 1e-12, "{a} {b}");
    }
}

#[test]
fn stru_survives_writing() {
    let read = Stru::parse(stru("Cartesian_angstrom_center_xz", "0.1 0.2 0.3", "1e-3 0 0").as_bytes()).unwrap();
    assert_eq!(Stru::parse(read.write().as_bytes()).unwrap(), read);
    assert_eq!(read.groups[0].atoms[0].rest, "m 1 1 0 mag 1.0");
}

#[test]
fn lattice_by_name() {
    let text = stru("Direct", "0 0 0", "0.5 0.5 0.5")
        .replace("LATTICE_VECTORS\n2 0 0\n0 1.5 0 # second\n0 0 1", "LATTICE_PARAMETERS\n1.5 # c/a");
    let stru = Stru::parse(text.as_bytes()).unwrap();
    assert_eq!(stru.lattice(Some("st")).unwrap().diagonal().as_slice(), [4.0, 4.0, 6.0]);
    let error = stru.lattice(None).unwrap_err().to_string();
    assert_eq!(error, "there is no section LATTICE_VECTORS, and INPUT sets no latname");
}

#[test]
fn mistakes_in_stru_are_located() {
    let good = stru("Direct", "0 0 0", "0.5 0.5 0.5");
    let error = |from: &str, to: &str| Stru::parse(good.replace(from, to).as_bytes()).unwrap_err().to_string();
    assert_eq!(
        error("0 1.5 0", "0 x 0"),
        "13: expected a lattice vector of three numbers, found `0 x 0` (while reading section LATTICE_VECTORS)"
    );
    assert_eq!(
        error("0.5\n1\n", "0.5\n99999999\n"),
        "19: number of atoms of 99999999 exceeds the limit of 5 (while reading section ATOMIC_POSITIONS)"
    );
    assert_eq!(error("C_empty #", "Si #"), "atoms of `Si`, which ATOMIC_SPECIES does not list");
    assert!(error("Direct", "direct").contains("expected Direct, Cartesian, Cartesian_au"));
}

type Parser = fn(&[u8]) -> Result<()>;

/// Parsers by the beginning of the file's name.
const PARSERS: [(&str, Parser); 10] = [
    ("STRU", |b| Stru::parse(b).map(drop)),
    ("INPUT", |b| InputFile::parse(b).map(drop)),
    ("KPT.info", |b| parse_kpoints(b).map(drop)),
    ("KPT", |b| Kpt::parse(b).map(drop)),
    ("info.json", |b| Info::parse(b).map(drop)),
    ("running_", |b| Log::parse(b).map(drop)),
    ("istate.info", |b| Eigenvalues::parse_istate(b).map(drop)),
    ("eig_occ.txt", |b| Eigenvalues::parse_eig_occ(b).map(drop)),
    ("BANDS_", |b| Eigenvalues::parse_bands(b).map(drop)),
    ("band", |b| Eigenvalues::parse_bands(b).map(drop)),
];

#[test]
fn real_files_are_read_and_damaged_ones_do_no_harm() {
    let mut found = Vec::new();
    runs::walk(&runs::project().join("fixtures/abacus"), &|_| true, &mut found);
    let mut counts = [0; PARSERS.len()];
    for path in found {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(kind) = PARSERS.iter().position(|(start, _)| name.starts_with(start)) else { continue };
        let (bytes, parser) = (std::fs::read(&path).unwrap(), PARSERS[kind].1);
        parser(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        counts[kind] += 1;
        if counts[kind] <= 2 {
            let head = &bytes[..bytes.len().min(6000)];
            runs::damage(head, b"9-\n\xff x(", parser);
            // Nothing at all is an error.
            assert!(parser(b"").is_err());
            let _ = OrbHeader::parse(head);
            let _ = Eigenvalues::parse_log(head);
        }
    }
    assert!(counts.iter().all(|&n| n > 0), "no file for some parser: {counts:?}");
}

#[test]
fn the_log_of_3_8_holds_eigenvalues_too() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/abacus/O2_box/scf/OUT.ABACUS");
    let of_log = Eigenvalues::parse_log(&std::fs::read(path.join("running_scf.log")).unwrap()).unwrap();
    let bands = Eigenvalues::parse_bands(&std::fs::read(path.join("BANDS_2.dat")).unwrap()).unwrap();
    assert_eq!(of_log.energies.len(), 2);
    for (a, b) in of_log.energies[1][0].iter().zip(&bands.energies[0][0]) {
        assert!((a - b).abs() < of_log.precision * 1.01, "{a} {b}");
    }
}
