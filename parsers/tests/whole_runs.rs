//! Supercells of every code's runs, in the run's own format: read again, they are the same runs, H0 and H both.

mod runs;

use std::path::PathBuf;

use hzero_parsers::convert::{own_format, write_whole};
use hzero_parsers::format::Format;
use hzero_parsers::{Calculation, Operator, ReadOptions, SpinOperator, c64, read, supercell, tile};

fn open(folder: impl Into<PathBuf>) -> Calculation {
    read(&folder.into(), &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// Folders of runs of the three codes.
fn fixtures() -> Vec<PathBuf> {
    let of_code = |code: &str| std::fs::read_dir(runs::project().join("fixtures").join(code)).unwrap();
    let paths = ["abacus", "siesta", "siesta_nc", "openmx"].into_iter().flat_map(of_code);
    let mut found: Vec<PathBuf> = paths.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    found.sort();
    assert!(found.len() > 20, "{} runs", found.len());
    found
}

#[test]
fn supercells_come_back_as_they_were() {
    let mut n_with_both = 0;
    for source in fixtures().into_iter().filter(|path| cfg!(feature = "hdf5") || !path.ends_with("siesta_nc/graphene"))
    {
        let name = source.display().to_string();
        let run = open(&source);
        let tiled = tile(&run, [2, 1, 1]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("tiled");
        let to = own_format(&run, &source).unwrap();
        write_whole(tiled.clone(), &source, &target, to, false).unwrap_or_else(|error| panic!("{name}: {error}"));
        let back = open(&target);
        same_run(&name, &tiled, &back, &run);
        n_with_both += usize::from(back.hamiltonian.is_some() && back.hamiltonian0.is_some());
        let part = |name: &str| open(target.join(name));
        assert!(run.hamiltonian0.is_none() || part("h0").hamiltonian0.is_some(), "{name}: h0/ is no run of H0");
        assert!(run.hamiltonian.is_none() || part("scf").hamiltonian.is_some(), "{name}: scf/ is no run of H");
    }
    assert!(n_with_both > 10, "{n_with_both}");
}

fn same_run(name: &str, wanted: &Calculation, found: &Calculation, source: &Calculation) {
    assert_eq!(found.basis, wanted.basis, "{name}");
    let (cell, atoms) = found.structure.distance(&wanted.structure);
    // ABACUS has moved atoms from the lower end of the cell to the upper one.
    assert!(cell == 0.0 && (atoms < 1e-12 || found.origin.code == "ABACUS"), "{name}: {cell:e} {atoms:e}");
    let numbers = |run: &Calculation| (run.fermi_level, run.n_electrons, run.smearing, run.fixed_moment, run.k_grid);
    assert_eq!(numbers(found), numbers(wanted), "{name}");
    assert_eq!(found.k_list, wanted.k_list, "{name}");
    assert_eq!(found.n_electrons.map(|n| n / 2.0), source.n_electrons, "{name}");
    assert_eq!((found.origin.code, found.origin.is_predicted), (source.origin.code, source.origin.is_predicted));
    assert!(found.native.is_some(), "{name}: predictions could not be written");
    if atoms > 1e-12 {
        return;
    }
    let s = difference(wanted.overlap.as_ref().unwrap(), found.overlap.as_ref().unwrap());
    assert!(s == 0.0, "S of {name}: {s:e}");
    let pairs = [
        ("H0", &wanted.hamiltonian0, &found.hamiltonian0),
        ("H", &wanted.hamiltonian, &found.hamiltonian),
        ("DM", &wanted.density_matrix, &found.density_matrix),
    ];
    for (what, wanted, found) in pairs {
        assert_eq!(wanted.is_some(), found.is_some(), "{what} of {name}");
        let Some((wanted, found)) = wanted.as_ref().zip(found.as_ref()) else { continue };
        let apart = spin_difference(wanted, found);
        // ABACUS prints DM with fewer digits than its halves have, OpenMX has no du.
        assert!(apart < 1e-14, "{what} of {name}: {apart:e}");
    }
}

fn spin_difference(a: &SpinOperator, b: &SpinOperator) -> f64 {
    match (a, b) {
        (SpinOperator::Unpolarized(a), SpinOperator::Unpolarized(b)) => difference(a, b),
        (SpinOperator::Collinear(a), SpinOperator::Collinear(b)) => largest(a.iter().zip(b)),
        (SpinOperator::Spinor(a), SpinOperator::Spinor(b)) => largest(a.iter().zip(b)),
        _ => panic!("another spin"),
    }
}

fn largest<'a, T: Copy + Into<c64> + 'a>(pairs: impl Iterator<Item = (&'a Operator<T>, &'a Operator<T>)>) -> f64 {
    pairs.map(|(a, b)| difference(a, b)).fold(0.0, f64::max)
}

/// Largest difference of two elements; blocks that are not stored are 0.
fn difference<T: Copy + Into<c64>>(a: &Operator<T>, b: &Operator<T>) -> f64 {
    let of_block = |block: &[T], other: Option<&[T]>| {
        let other = |place: usize| other.map_or(c64::ZERO, |other| other[place].into());
        block.iter().enumerate().map(|(place, &x)| (x.into() - other(place)).norm()).fold(0.0, f64::max)
    };
    let there = a.blocks().map(|(pair, block)| of_block(block, b.get(pair)));
    let back = b.blocks().filter(|(pair, _)| a.get(pair).is_none()).map(|(_, block)| of_block(block, None));
    there.chain(back).fold(0.0, f64::max)
}

#[test]
fn a_supercell_may_go_elsewhere_and_only_once() {
    let run = open(runs::project().join("fixtures/abacus/graphene"));
    let matrix = [[2, 1, 0], [-1, 1, 0], [0, 0, 1]];
    let root3 = supercell(&run, &matrix).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("there");
    let write = |force| write_whole(root3.clone(), folder.path(), &target, Format::SiestaHsx, force);
    let report = write(false).unwrap();
    assert!(report.notes.iter().any(|note| note.text.contains("the orbitals are those of ABACUS")), "{report:?}");
    let back = open(&target);
    assert_eq!(spin_difference(back.hamiltonian0.as_ref().unwrap(), root3.hamiltonian0.as_ref().unwrap()), 0.0);
    assert_eq!(back.k_list, root3.k_list);
    let message = write(false).unwrap_err().to_string();
    assert!(message.ends_with("the folder is not empty; --force replaces it"), "{message}");
    std::fs::write(target.join("scf/notes"), "mine").unwrap();
    write(true).unwrap();
    assert!(target.join("scf/notes").is_file() && target.join("h0/hamiltonian.HSX").is_file());
}

/// A neutral folder is one of one H: the converged one, where the run has both.
#[cfg(feature = "hdf5")]
#[test]
fn neutral_runs_stay_neutral() {
    let source = runs::project().join("fixtures/deeph/siesta_graphene");
    let run = open(source.clone());
    let tiled = tile(&run, [1, 2, 1]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("tiled");
    let to = own_format(&run, &source).unwrap();
    assert_eq!(to, Format::Deeph);
    write_whole(tiled.clone(), &source, &target, to, false).unwrap();
    let back = open(target);
    let apart = spin_difference(back.hamiltonian.as_ref().unwrap(), tiled.hamiltonian.as_ref().unwrap());
    assert!(apart < 1e-15 && back.structure == tiled.structure, "{apart:e}");
    let aims = Calculation { origin: hzero_parsers::Origin { code: "FHI-aims", ..run.origin.clone() }, ..run };
    let message = own_format(&aims, folder.path()).unwrap_err().to_string();
    assert!(message.ends_with("hzero does not write FHI-aims; name a format with --to"), "{message}");
}
