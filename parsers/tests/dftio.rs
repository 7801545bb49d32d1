//! Folders of dftio: what dftio itself made of our runs, and there and back.

#![cfg(feature = "hdf5")]

use std::path::{Path, PathBuf};

use hzero_parsers::bloch::BlochSum;
use hzero_parsers::convert::{Request, WriteOptions, convert};
use hzero_parsers::eigen::OverlapFactor;
use hzero_parsers::format::Format;
use hzero_parsers::h5::{self, Source};
use hzero_parsers::operator::c64;
use hzero_parsers::{Calculation, Of, Operator, ReadOptions, SpinOperator, Step, read};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name)
}

fn run(name: &str) -> Calculation {
    read(&fixture(name), &ReadOptions::default()).unwrap()
}

fn parts(operator: &SpinOperator) -> Vec<&Operator<c64>> {
    match operator {
        SpinOperator::Spinor(parts) => parts.iter().collect(),
        _ => Vec::new(),
    }
}

fn reals(operator: &SpinOperator) -> Vec<&Operator<f64>> {
    match operator {
        SpinOperator::Unpolarized(both) => vec![both],
        SpinOperator::Collinear(spins) => spins.iter().collect(),
        SpinOperator::Spinor(_) => Vec::new(),
    }
}

/// Largest difference on the blocks that `b` has, and largest element on those that it lacks.
fn difference<T: Copy + Into<c64>>(a: &Operator<T>, b: &Operator<T>) -> (f64, f64) {
    let (mut apart, mut lacking) = (0.0_f64, 0.0_f64);
    for (pair, block) in a.blocks() {
        let other = b.get(pair);
        for (place, &value) in block.iter().enumerate() {
            let value: c64 = value.into();
            match other {
                Some(other) => apart = apart.max((value - other[place].into()).norm()),
                None => lacking = lacking.max(value.norm()),
            }
        }
    }
    assert!(b.pairs().as_slice().iter().all(|pair| a.get(pair).is_some()));
    (apart, lacking)
}

fn differences(a: &SpinOperator, b: &SpinOperator) -> (f64, f64) {
    let real = reals(a).into_iter().zip(reals(b)).map(|(a, b)| difference(a, b));
    let complex = parts(a).into_iter().zip(parts(b)).map(|(a, b)| difference(a, b));
    let all: Vec<(f64, f64)> = real.chain(complex).collect();
    assert_eq!(all.len(), a.nspin());
    all.into_iter().fold((0.0, 0.0), |(x, y), (a, b)| (x.max(a), y.max(b)))
}

/// dftio drops blocks of elements below 1e-10 Ry, and rounds to single precision; its constant is ABACUS' own.
#[test]
fn what_dftio_makes_of_abacus_is_the_run() {
    for (sample, source) in [
        ("dftio/abacus_graphene", "abacus/graphene"),
        ("dftio/abacus_h2o", "abacus/H2O_box"),
        ("dftio/abacus_si2_soc_sz", "abacus/si2_soc_sz"),
    ] {
        let (sample, source) = (run(sample), run(source));
        assert_eq!(sample.origin.code, "dftio");
        let (cell, shift) = sample.structure.distance(&source.structure);
        assert!(cell < 2e-5 && shift < 2e-5, "{cell:e} {shift:e}");
        let shells = |run: &Calculation| run.basis.species().iter().map(|s| s.shells_text()).collect::<Vec<_>>();
        assert_eq!(shells(&sample), shells(&source));
        let (apart, lacking) = differences(source.hamiltonian.as_ref().unwrap(), sample.hamiltonian.as_ref().unwrap());
        assert!(apart < 3e-6 && lacking < 1e-9, "{apart:e} {lacking:e}");
        let (apart, lacking) = difference(source.overlap.as_ref().unwrap(), sample.overlap.as_ref().unwrap());
        assert!(apart < 1e-7 && lacking < 1e-9, "{apart:e} {lacking:e}");
    }
}

/// Of SIESTA dftio writes half of the blocks, those above 1e-5 eV, and H − E_F S, which no file says.
#[test]
fn what_dftio_makes_of_siesta_is_completed() {
    let (sample, source) = (run("dftio/siesta_graphene"), run("siesta_nc/graphene"));
    let file = Source::open(&fixture("dftio/siesta_graphene/hamiltonians.h5.gz")).unwrap();
    let n_stored = file.group("0").unwrap().names().unwrap().len();
    let [hamiltonian, whole] = [&sample, &source].map(|run| reals(run.hamiltonian.as_ref().unwrap())[0]);
    assert!(n_stored < hamiltonian.pairs().len());
    assert!(hamiltonian.pairs().partners().iter().all(Option::is_some));
    let (overlap, level) = (source.overlap.as_ref().unwrap(), source.fermi_level.unwrap());
    let mut worst = 0.0_f64;
    for (pair, block) in hamiltonian.blocks() {
        let (whole, overlap) = (whole.get(pair).unwrap(), overlap.get(pair).unwrap());
        for ((value, whole), overlap) in block.iter().zip(whole).zip(overlap) {
            worst = worst.max((value - (whole - level * overlap)).abs());
        }
    }
    assert!(worst < 2e-6, "{worst:e}");
    assert!(level.abs() > 0.05);
}

/// Eigenvalues are compared up to here above E_F, eV: higher ones suffer more where S(k) has small eigenvalues.
const WINDOW: f64 = 5.0;

const RUNS: [&str; 5] = ["abacus/graphene", "siesta/fe", "siesta/feas_so", "openmx/h2o", "openmx/silicene_f"];

fn converted(source: &Path, target: &Path, to: Format, double: bool) {
    let write = WriteOptions { double, ..WriteOptions::default() };
    convert(&Request { write, ..Request::new(source, target, to) }).unwrap();
}

#[test]
fn double_precision_goes_there_and_back_to_the_last_bit() {
    for name in RUNS {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("data.0");
        converted(&fixture(name), &target, Format::Dftio, true);
        let (run, back) = (run(name), read(&target, &ReadOptions::default()).unwrap());
        assert!(back.hamiltonian == run.hamiltonian, "{name}: H");
        assert!(back.overlap == run.overlap, "{name}: S");
        assert!(back.density_matrix == run.density_matrix, "{name}: DM");
        assert_eq!((&back.structure, &back.basis), (&run.structure, &run.basis));
        assert_eq!((back.fermi_level, back.n_electrons), (run.fermi_level, run.n_electrons));
    }
}

#[test]
fn single_precision_is_as_near_as_it_can_be_and_also_without_hzero_json() {
    for name in RUNS {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("data.0");
        converted(&fixture(name), &target, Format::Dftio, false);
        let (run, back) = (run(name), read(&target, &ReadOptions::default()).unwrap());
        let (apart, lacking) = differences(run.hamiltonian.as_ref().unwrap(), back.hamiltonian.as_ref().unwrap());
        assert!(apart > 0.0 && apart < 4e-6 && lacking == 0.0, "{name}: {apart:e}");
        std::fs::remove_file(target.join("hzero.json")).unwrap();
        let alone = read(&target, &ReadOptions::default()).unwrap();
        let report = convert(&Request::new(&target, folder.path().join("back"), Format::Deeph)).unwrap();
        assert!(report.notes.iter().any(|note| note.text.starts_with("the zero of energy is the one that dftio left")));
        assert_eq!(alone.nspin(), Some(if run.nspin() == Some(1) { 1 } else { 4 }));
        let (a, b) = (energies(&run), energies(&alone));
        let high = run.fermi_level.unwrap() * run.origin.ev_per_hartree + WINDOW;
        let below = a.iter().zip(&b).filter(|(a, _)| **a < high);
        let worst = below.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(a.len() == b.len() && worst > 0.0 && worst < 1e-3, "{name}: {worst:e} eV");
    }
}

/// Of all channels together, eV, ascending.
fn energies(run: &Calculation) -> Vec<f64> {
    let k = [0.13, 0.27, 0.41];
    let (hamiltonian, overlap) = (run.operator(Of::Scf).unwrap(), run.overlap.as_ref().unwrap());
    let s = BlochSum::new(overlap.pairs(), &run.basis).overlap_at(overlap, hamiltonian.nspin() == 4, k);
    let factor = OverlapFactor::new(s.as_ref(), k, None, faer::Par::Seq).unwrap();
    let channels = BlochSum::new(hamiltonian.pairs(), &run.basis).channels_at(hamiltonian, k);
    let mut all: Vec<f64> = channels.iter().flat_map(|h| factor.energies(h.as_ref()).unwrap()).collect();
    all.iter_mut().for_each(|energy| *energy *= run.origin.ev_per_hartree);
    all.sort_by(f64::total_cmp);
    all
}

/// A copy of H of a folder with other names of blocks and frames; `None` leaves one out.
fn renamed(folder: &Path, frames: &[&str], name: impl Fn([i32; 5]) -> Option<String>) {
    let path = folder.join("hamiltonians.h5");
    let blocks: Vec<(String, Vec<usize>, Vec<f64>)> = {
        let group = Source::open(&path).unwrap().group("0").unwrap();
        let block = |old: &String| {
            let numbers: Vec<i32> = old.split('_').map(|number| number.parse().unwrap()).collect();
            let data = group.data(old).unwrap();
            Some((name(numbers.try_into().unwrap())?, data.shape(), data.reals().unwrap()))
        };
        group.names().unwrap().iter().filter_map(block).collect()
    };
    std::fs::remove_file(&path).unwrap();
    h5::write(&path, |file| {
        for frame in frames {
            let group = file.group(frame)?;
            blocks.iter().try_for_each(|(name, shape, values)| group.write(name, shape, values))?;
        }
        Ok(())
    })
    .unwrap();
}

fn graphene(folder: &Path) -> PathBuf {
    let target = folder.join("data.0");
    converted(&fixture("abacus/graphene"), &target, Format::Dftio, true);
    std::fs::remove_file(target.join("overlaps.h5")).unwrap();
    target
}

#[test]
fn atoms_from_1_and_half_of_the_blocks_are_the_same_run() {
    let folder = tempfile::tempdir().unwrap();
    let target = graphene(folder.path());
    let whole = read(&target, &ReadOptions::default()).unwrap();
    renamed(&target, &["0"], |[i, j, x, y, z]| Some(format!("{}_{}_{x}_{y}_{z}", i + 1, j + 1)));
    assert!(read(&target, &ReadOptions::default()).unwrap().hamiltonian == whole.hamiltonian);
    renamed(&target, &["0"], |[i, j, x, y, z]| {
        ([x, y, z, i] >= [-x, -y, -z, j]).then(|| format!("{i}_{j}_{x}_{y}_{z}"))
    });
    std::fs::remove_file(target.join("hzero.h5")).unwrap();
    let half = read(&target, &ReadOptions::default()).unwrap();
    let (apart, lacking) = differences(whole.hamiltonian.as_ref().unwrap(), half.hamiltonian.as_ref().unwrap());
    assert!(apart < 1e-8 && lacking == 0.0, "{apart:e} {lacking:e}");
}

#[test]
fn one_of_several_frames_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let target = graphene(folder.path());
    std::fs::remove_file(target.join("hzero.json")).unwrap();
    renamed(&target, &["0", "1"], |[i, j, x, y, z]| Some(format!("{i}_{j}_{x}_{y}_{z}")));
    let positions = std::fs::read_to_string(target.join("positions.dat")).unwrap();
    std::fs::write(target.join("positions.dat"), format!("{positions}0 0 0\n0 0 1\n")).unwrap();
    let read = |step| read(&target, &ReadOptions { step, ..ReadOptions::default() });
    let message = read(None).unwrap_err().to_string();
    assert!(
        message.ends_with("hamiltonians.h5: 2 frames, 0 to 1: choose one with --step N or --step last"),
        "{message}"
    );
    assert!(read(Some(Step::Number(0))).unwrap().structure.positions[1].z > 10.0);
    assert!(read(Some(Step::Last)).unwrap().structure.positions[1].z < 2.0);
    std::fs::write(target.join("positions.dat"), format!("{positions}0 0 0\n")).unwrap();
    let message = read(Some(Step::Last)).unwrap_err().to_string();
    assert!(message.ends_with("3 positions for 2 frames, each of which needs 1"), "{message}");
}

#[test]
fn broken_folders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let target = graphene(folder.path());
    let message = || read(&target, &ReadOptions::default()).unwrap_err().to_string();
    std::fs::write(target.join("basis.dat"), "{'C': '2s1p'}").unwrap();
    let path = target.join("hamiltonians.h5");
    h5::write(&path, |file| file.group("0")?.write("0_0_0_0_0", &[2, 2], &[1.0; 4])).unwrap();
    assert!(message().ends_with("block `0_0_0_0_0` has the shape [2, 2] instead of [5, 5]"), "{}", message());
    h5::write(&path, |file| file.group("0")?.write("0_2_0_0_0", &[5, 5], &[1.0; 25])).unwrap();
    assert!(message().ends_with("block `0_2_0_0_0` names another atom than the 2 of the folder"), "{}", message());
    h5::write(&path, |file| file.group("frame")?.write("0_0_0_0_0", &[5, 5], &[1.0; 25])).unwrap();
    assert!(message().ends_with("expected groups with numbers of frames, found `frame`"), "{}", message());
    std::fs::write(target.join("cell.dat"), "1 0 0\n0 1 x\n0 0 1\n").unwrap();
    assert!(message().ends_with("cell.dat:2: expected a lattice vector, found `0 1 x`"), "{}", message());
}
