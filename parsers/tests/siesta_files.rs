//! SIESTA's binary files: bytes → struct → bytes is the identity, and so is the way through dense blocks.

mod runs;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hzero_parsers::siesta::dm::Energy;
use hzero_parsers::siesta::hsx::{CellHead, Version};
use hzero_parsers::siesta::{Dm, HIn, Hsx, Tshs, matrix};
use hzero_parsers::{Operator, SpinOperator, Structure, input};
use nalgebra::{Matrix3, Vector3};

/// Fixtures and, where it is present, the folder of larger runs.
fn files(fits: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let larger = runs::larger_runs().map(|runs| runs.join("siesta"));
    let mut found = Vec::new();
    for folder in [runs::project().join("fixtures/siesta")].into_iter().chain(larger) {
        runs::walk(&folder, &fits, &mut found);
    }
    assert!(!found.is_empty(), "no file fits");
    found
}

/// That of the file, else that of the `.XV` beside it.
fn structure(hsx: &Hsx, path: &Path) -> Structure {
    hsx.structure().unwrap_or_else(|| {
        let text = std::fs::read_to_string(path.with_extension("XV")).unwrap();
        let lines: Vec<Vec<f64>> =
            text.lines().map(|line| line.split_whitespace().map(|x| x.parse().unwrap()).collect()).collect();
        Structure {
            lattice: Matrix3::from_fn(|row, column| lines[row][column]),
            positions: lines[4..].iter().map(|line| Vector3::new(line[2], line[3], line[4])).collect(),
            species: lines[4..].iter().map(|line| line[0] as usize - 1).collect(),
        }
    })
}

fn assert_same(written: &[u8], path: &Path) {
    assert!(written == &input::open(path).unwrap()[..], "{} changed", path.display());
}

/// Reads all files that `fits`, and writes them again.
fn round_trip(fits: impl Fn(&str) -> bool, through: impl Fn(&[u8], &mut Vec<u8>) -> hzero_parsers::Result<()>) {
    for path in files(fits) {
        let mut written = Vec::new();
        through(&input::open(&path).unwrap(), &mut written)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_same(&written, &path);
    }
}

#[test]
fn files_are_written_as_they_were_read() {
    round_trip(|name| name.ends_with(".HSX"), |bytes, out| Ok(Hsx::parse(bytes)?.write(out)?));
    round_trip(|name| name.ends_with(".TSHS"), |bytes, out| Ok(Tshs::parse(bytes)?.write(out)?));
    round_trip(|name| name.ends_with(".DM"), |bytes, out| Ok(Dm::parse(bytes)?.write(out)?));
    round_trip(|name| name == "H_DMGEN", |bytes, out| Ok(HIn::parse(bytes)?.write(out)?));
}

/// No run left these: TSDE, the older head of DM, S alone, HSX version 1.
#[test]
fn variants_are_written_as_they_are_read() {
    let read = |name: &str| input::open(&fixture(name)).unwrap();
    let mut dm = Dm::parse(&read("feas_so/scf/feas_so.DM")).unwrap();
    dm.nsc = None;
    assert_eq!(through(|out| dm.write(out), Dm::parse), dm);
    dm.energy = Some(Energy { density_matrix: dm.density_matrix[..4].to_vec(), fermi_level: -0.25 });
    assert_eq!(through(|out| dm.write(out), Dm::parse), dm);
    let mut tshs = Tshs::parse(&read("feas_so/scf/feas_so.TSHS")).unwrap();
    tshs.logicals[2] = 1;
    tshs.hamiltonian.clear();
    assert_eq!(through(|out| tshs.write(out), Tshs::parse), tshs);
    let mut hsx = Hsx::parse(&read("feas_so/scf/feas_so.HSX")).unwrap();
    let Version::V2(cell, _) = hsx.head.version.clone() else { panic!("version 2") };
    Arc::make_mut(&mut hsx.head).version = Version::V1(CellHead { is_double: -1, fermi_level: f64::INFINITY, ..cell });
    assert_eq!(through(|out| hsx.write(out), Hsx::parse), hsx);
}

fn through<T>(write: impl Fn(&mut Vec<u8>) -> std::io::Result<()>, parse: fn(&[u8]) -> hzero_parsers::Result<T>) -> T {
    let mut bytes = Vec::new();
    write(&mut bytes).unwrap();
    parse(&bytes).unwrap()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/siesta").join(name)
}

/// Units, order, sign, spin and the order of columns all have to be undone for the bytes to come back.
#[test]
fn dense_blocks_become_the_same_hsx() {
    for path in files(|name| name.ends_with(".HSX")) {
        let mut hsx = Hsx::parse(&input::open(&path).unwrap()).unwrap();
        let structure = structure(&hsx, &path);
        let (basis, supercell) = (hsx.basis().unwrap(), hsx.supercell(&structure).unwrap());
        let sparsity = hsx.sparsity.clone();
        let places = matrix::Places::new(&sparsity, &supercell, &basis).unwrap();
        let h = matrix::hamiltonian(&hsx.hamiltonian, &places).unwrap();
        let s = matrix::overlap(&hsx.overlap, &places).unwrap();
        matrix::refuse_folded(&s, &supercell, &structure).unwrap();
        let nspin = hsx.hamiltonian.len();
        hsx.hamiltonian = matrix::components_of_hamiltonian(&h, nspin, &places).unwrap();
        hsx.overlap = matrix::components_of_overlap(&s, &places);
        let mut written = Vec::new();
        hsx.write(&mut written).unwrap();
        assert_same(&written, &path);
    }
}

/// `feas_so` is magnetic, has spin–orbit coupling and no inversion: a wrong sign of its spinor form costs 0.2 hartree.
#[test]
fn the_density_matrix_gives_the_charge_and_the_sum_of_eigenvalues() {
    for system in ["h2o", "fe", "feas_so"] {
        let folder = fixture(system).join("scf");
        let hsx = Hsx::parse(&input::open(&folder.join(format!("{system}.HSX"))).unwrap()).unwrap();
        let dm = Dm::parse(&input::open(&folder.join(format!("{system}.DM"))).unwrap()).unwrap();
        let basis = hsx.basis().unwrap();
        let supercell = &hsx.head.cell().unwrap().supercell;
        dm.check_supercell(supercell).unwrap();
        assert!(dm.sparsity == hsx.sparsity);
        let h_places = matrix::Places::new(&hsx.sparsity, supercell, &basis).unwrap();
        let dm_places = matrix::Places::new(&dm.sparsity, supercell, &basis).unwrap();
        let h = matrix::hamiltonian(&hsx.hamiltonian, &h_places).unwrap();
        let s = matrix::overlap(&hsx.overlap, &h_places).unwrap();
        let rho = matrix::density_matrix(&dm.density_matrix, &dm_places).unwrap();
        let charge = trace_with_overlap(&rho, &s);
        assert!((charge - hsx.head.n_electrons).abs() < 1e-6, "{system}: {charge} electrons");
        let energy = trace(&rho, &h);
        let expected = sum_of_eigenvalues(&folder, system, hsx.head.temperature / 2.0);
        assert!((energy - expected).abs() < 1e-6, "{system}: {energy} hartree, not {expected}");
    }
}

/// tr(ρ S), counting both spins.
fn trace_with_overlap(rho: &SpinOperator, s: &Operator<f64>) -> f64 {
    let of = |rho: &Operator<f64>| dot(rho, s, |rho, s| rho * s);
    match rho {
        SpinOperator::Unpolarized(rho) => of(rho),
        SpinOperator::Collinear([up, down]) => of(up) + of(down),
        SpinOperator::Spinor([uu, _, _, dd]) => dot(uu, s, |rho, s| rho.re * s) + dot(dd, s, |rho, s| rho.re * s),
    }
}

/// tr(ρ H) = Σ ρ_is,js'(R) H_js',is(−R) = Σ ρ H*.
fn trace(rho: &SpinOperator, h: &SpinOperator) -> f64 {
    match (rho, h) {
        (SpinOperator::Unpolarized(rho), SpinOperator::Unpolarized(h)) => dot(rho, h, |rho, h| rho * h),
        (SpinOperator::Collinear(rho), SpinOperator::Collinear(h)) => {
            rho.iter().zip(h).map(|(rho, h)| dot(rho, h, |rho, h| rho * h)).sum()
        }
        (SpinOperator::Spinor(rho), SpinOperator::Spinor(h)) => {
            rho.iter().zip(h).map(|(rho, h)| dot(rho, h, |rho, h| (rho * h.conj()).re)).sum()
        }
        _ => panic!("ρ and H differ in spin"),
    }
}

fn dot<A, B>(a: &Operator<A>, b: &Operator<B>, product: impl Fn(&A, &B) -> f64) -> f64 {
    let blocks = a.blocks().filter_map(|(pair, block)| Some((block, b.get(pair)?)));
    blocks.flat_map(|(a, b)| a.iter().zip(b)).map(|(a, b)| product(a, b)).sum()
}

/// Σ w f(ε) ε in hartree, from `.EIG` and `.KP`, with the occupations of Fermi and Dirac.
fn sum_of_eigenvalues(folder: &Path, label: &str, temperature: f64) -> f64 {
    let numbers = |suffix: &str| -> Vec<f64> {
        let text = std::fs::read_to_string(folder.join(format!("{label}.{suffix}"))).unwrap();
        text.split_whitespace().map(|word| word.parse().unwrap()).collect()
    };
    const EV: f64 = 1.0 / 27.211386245988;
    let (eig, kp) = (numbers("EIG"), numbers("KP"));
    let (n_bands, nspin) = (eig[1] as usize, eig[2] as usize);
    let per_k = n_bands * if nspin == 2 { 2 } else { 1 };
    let states = if nspin == 1 { 2.0 } else { 1.0 };
    let weights: Vec<f64> = kp[1..].chunks(5).map(|line| line[4]).collect();
    let total: f64 = weights.iter().sum();
    let energies = eig[4..].chunks(per_k + 1).zip(weights);
    let weighted =
        energies.flat_map(|(line, weight)| line[1..].iter().map(move |energy| (energy * EV, weight / total)));
    weighted
        .map(|(energy, weight)| weight * states * energy / (((energy - eig[0] * EV) / temperature).exp() + 1.0))
        .sum()
}
