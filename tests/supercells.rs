//! Runs tiled, turned, strained and unfolded by the binary: cases whose answers are known.

use std::path::{Path, PathBuf};
use std::process::Command;

use hzero::bands::spectrum::{Energies, SpectrumOptions, energies};
use hzero::parsers::{Calculation, Of, ReadOptions, Sublattice, read};

const K: [[f64; 3]; 3] = [[0.0; 3], [0.13, -0.31, 0.22], [0.5, 0.0, 0.37]];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// Runs `hzero`; its output, or its message where it fails.
fn hzero(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_hzero")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// The run that a command writes from a fixture.
fn written(command: &str, source: &str, arguments: &[&str]) -> Calculation {
    let folder = tempfile::tempdir().unwrap();
    let (source, out) = (fixture(source).display().to_string(), folder.path().join("out").display().to_string());
    let all = [&[command, &source, "--out", &out], arguments].concat();
    hzero(&all).unwrap_or_else(|message| panic!("{all:?}: {message}"));
    read(Path::new(&out), &ReadOptions::default()).unwrap()
}

fn open(name: &str) -> Calculation {
    read(&fixture(name), &ReadOptions::default()).unwrap()
}

fn spectrum(run: &Calculation, of: Of, kpoints: &[[f64; 3]]) -> Energies {
    let (h, s) = (run.operator(of).unwrap(), run.overlap.as_ref().unwrap());
    energies(h, s, &run.basis, kpoints, SpectrumOptions::default()).unwrap()
}

/// Both spectra are the same: up to 5 eV above the Fermi level to 1e-9 eV, everywhere to 1e-5 eV. Files have Hermitian matrices to
/// their own rounding, and which triangle of H(k) counts changes with the order of orbitals; small eigenvalues of S
/// amplify that in the highest states.
fn assert_same(name: &str, run: &Calculation, a: &Energies, b: &Energies) {
    const EV: f64 = 1.0 / 27.211;
    let flat = |energies: &Energies| energies.iter().flatten().flatten().copied().collect::<Vec<f64>>();
    let (a, b) = (flat(a), flat(b));
    assert_eq!(a.len(), b.len());
    let apart = |limit: f64| {
        let below = a.iter().zip(&b).filter(|(a, _)| **a < limit);
        below.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    };
    let low = apart(run.fermi_level.unwrap() + 5.0 * EV);
    println!("{name}: {:.1e} eV up to E_F + 5 eV, {:.1e} eV in all", low / EV, apart(f64::INFINITY) / EV);
    assert!(low < 1e-9 * EV && apart(f64::INFINITY) < 1e-5 * EV, "{name}: {low:e} hartree");
}

/// The states of the small cell that fold to each K of the supercell.
fn folded(small: &Calculation, of: Of, cells: &Sublattice) -> Energies {
    let at = |large: &[f64; 3]| {
        let of_spin = |by_k: Vec<Vec<f64>>| {
            let mut states = by_k.concat();
            states.sort_by(f64::total_cmp);
            states
        };
        spectrum(small, of, &cells.k_points_at(*large)).into_iter().map(of_spin).collect::<Vec<_>>()
    };
    let by_k: Vec<Vec<Vec<f64>>> = K.iter().map(at).collect();
    (0..by_k[0].len()).map(|spin| by_k.iter().map(|spins| spins[spin].clone()).collect()).collect()
}

/// Run, its supercell as the user writes it, and as integers.
const TILED: [(&str, &[&str], [[i32; 3]; 3]); 6] = [
    ("abacus/graphene", &["2x2x1"], [[2, 0, 0], [0, 2, 0], [0, 0, 1]]),
    ("abacus/graphene", &["--matrix", "-1,2,0;-2,1,0;0,0,1"], [[-1, 2, 0], [-2, 1, 0], [0, 0, 1]]),
    ("abacus/si2_soc_sz", &["1x2x2"], [[1, 0, 0], [0, 2, 0], [0, 0, 2]]),
    ("siesta/fe", &["2x1x1"], [[2, 0, 0], [0, 1, 0], [0, 0, 1]]),
    ("siesta/feas_so", &["1x1x2"], [[1, 0, 0], [0, 1, 0], [0, 0, 2]]),
    ("openmx/silicene_f", &["--matrix", "1,1,0;-1,1,0;0,0,1"], [[1, 1, 0], [-1, 1, 0], [0, 0, 1]]),
];

#[test]
fn the_bands_of_a_supercell_are_those_of_the_cell_folded() {
    for (name, arguments, matrix) in TILED {
        let (small, large) = (open(name), written("tile", name, arguments));
        let cells = Sublattice::new(matrix).unwrap();
        assert_eq!(large.structure.n_atoms(), small.structure.n_atoms() * cells.n_cells(), "{name}");
        for of in [Of::H0, Of::Scf] {
            assert_same(&format!("{name} {of:?}"), &small, &folded(&small, of, &cells), &spectrum(&large, of, &K));
        }
    }
}

#[test]
fn a_turned_run_has_the_same_eigenvalues() {
    let turns: [&[&str]; 3] =
        [&["--axis", "1,-2,0.5", "--angle", "77"], &["--euler", "10,-120,45.5"], &["--seed", "7"]];
    for (n, (name, ..)) in TILED.iter().enumerate() {
        let (run, turned) = (open(name), written("rotate", name, turns[n % 3]));
        assert!(run.structure.distance(&turned.structure).0 > 0.1, "{name} was not turned");
        for of in [Of::H0, Of::Scf] {
            assert_same(&format!("{name} {of:?}"), &run, &spectrum(&run, of, &K), &spectrum(&turned, of, &K));
        }
    }
}

#[test]
fn a_strained_run_keeps_its_numbers() {
    for (name, ..) in TILED {
        let (run, strained) = (open(name), written("strain", name, &["--strain", "0.01,-0.02,0.03,0.004,0,0.001"]));
        let wanted = run.structure.volume() * (1.01 * (0.98 * 1.03 - 0.004 * 0.004) - 0.001 * 0.001 * 1.03);
        assert!((strained.structure.volume() / wanted - 1.0).abs() < 1e-12, "{name}");
        for of in [Of::H0, Of::Scf] {
            assert_same(&format!("{name} {of:?}"), &run, &spectrum(&run, of, &K), &spectrum(&strained, of, &K));
        }
    }
}

#[test]
fn what_makes_no_sense_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out").display().to_string();
    let graphene = fixture("abacus/graphene").display().to_string();
    let message = |command: &str, arguments: &[&str]| {
        hzero(&[&[command, &graphene, "--out", &out], arguments].concat()).unwrap_err()
    };
    assert!(message("tile", &["0x2x1"]).contains("`0x2x1` is no cell"));
    assert!(message("tile", &["many"]).contains("`many` is no cell"));
    assert!(message("tile", &["3000x3000x1"]).contains("9000000 cells, more than 1000000"));
    assert!(message("tile", &["--matrix", "1,0,0;2,0,0;0,0,1"]).contains("lie in one plane"));
    assert!(message("tile", &[]).contains("<CELL|--matrix <M>>"));
    assert!(message("rotate", &["--axis", "0,0,0", "--angle", "3"]).contains("has no direction"));
    assert!(message("rotate", &["--axis", "0,0,1"]).contains("--angle"));
    assert!(message("strain", &["--strain", "0.1"]).contains("takes 3 components"));
    assert!(message("strain", &["--strain=-2,0,0"]).contains("the cell collapses"));
    assert!(!Path::new(&out).exists());
    hzero(&["strain", &graphene, "--out", &out, "--strain", "0.1,0,0", "--structure-only"]).unwrap();
    let poscar = std::fs::read_to_string(Path::new(&out).join("POSCAR")).unwrap();
    assert!(poscar.contains("\nC\n2\n"), "{poscar}");
}
