//! Defects that were verified in the programs that people convert with today (sisl 0.20, DeepH-dock 0.9, dftio, in their state of
//! 2026), one test each that ham-convert does not share it (`peer_failures.rs` has those
//! of failures). The folders are read as a stranger would, without what ham-convert
//! puts beside them.
#![cfg(feature = "hdf5")]

use std::path::{Path, PathBuf};

use hzero::bands::bloch::BlochSum;
use hzero::bands::compare::with_printed;
use hzero::bands::spectrum::SpectrumOptions;
use hzero::parsers::convert::{Fate, Request, WriteOptions, convert};
use hzero::parsers::eigen::OverlapFactor;
use hzero::parsers::format::Format;
use hzero::parsers::shift::Shift;
use hzero::parsers::siesta::Tshs;
use hzero::parsers::{Calculation, Of, Operator, ReadOptions, SpinOperator, c64, read as read_with};
use tempfile::{TempDir, tempdir};

/// Reduced; no symmetry holds there.
const K: [f64; 3] = [0.1, 0.23, -0.37];
/// Hartree.
const SAME: f64 = 1e-7;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn read(path: &Path) -> Calculation {
    read_with(path, &ReadOptions::default()).unwrap()
}

fn written(source: &Path, to: Format, write: WriteOptions) -> TempDir {
    let folder = tempdir().unwrap();
    convert(&Request { write, ..Request::new(source, folder.path(), to) }).unwrap();
    folder
}

/// A folder of `to` as another program would have written it.
fn foreign(source: &Path, to: Format, write: WriteOptions) -> TempDir {
    let folder = written(source, to, write);
    for name in ["hzero.json", "hzero.h5"] {
        let _ = std::fs::remove_file(folder.path().join(name));
    }
    folder
}

/// Of all channels together, hartree, ascending: the lower half. (S(K) of MoS₂ is nearly singular: its highest states differ by much
/// more than the elements do.)
fn energies(run: &Calculation) -> Vec<f64> {
    let (h, s) = (run.hamiltonian.as_ref().unwrap(), run.overlap.as_ref().unwrap());
    let s = BlochSum::new(s.pairs(), &run.basis).overlap_at(s, run.nspin() == Some(4), K);
    let factor = OverlapFactor::new(s.as_ref(), K, None, faer::Par::Seq).unwrap();
    let channels = BlochSum::new(h.pairs(), &run.basis).channels_at(h, K);
    let mut energies: Vec<f64> = channels.iter().flat_map(|h| factor.energies(h.as_ref()).unwrap()).collect();
    energies.sort_by(f64::total_cmp);
    energies.truncate(energies.len() / 2);
    energies
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// sisl ends in `KeyError: -1`: Intel's compiler writes .true. as −1.
#[test]
fn logicals_of_intel_are_true() {
    let folder = tempdir().unwrap();
    let scf = fixture("siesta/h2o/scf");
    let mut hsx = std::fs::read(scf.join("h2o.HSX")).unwrap();
    assert_eq!(hsx[16..20], 1_i32.to_le_bytes(), "is_double of version 2");
    hsx[16..20].copy_from_slice(&(-1_i32).to_le_bytes());
    std::fs::write(folder.path().join("h2o.HSX"), hsx).unwrap();
    let mut tshs = Tshs::parse(&std::fs::read(scf.join("h2o.TSHS")).unwrap()).unwrap();
    assert!(tshs.logicals.contains(&1));
    tshs.logicals = tshs.logicals.map(|logical| -logical);
    let overlap = folder.path().join("intel.TSHS");
    tshs.write(&mut std::fs::File::create(&overlap).unwrap()).unwrap();
    let options = ReadOptions { overlap: Some(overlap), ..ReadOptions::default() };
    let (intel, gnu) = (read_with(folder.path(), &options).unwrap(), read(&scf.join("h2o.HSX")));
    assert!(intel.hamiltonian == gnu.hamiltonian && intel.overlap == gnu.overlap);
}

/// sisl writes an E_F of 0 and no valence charges.
#[test]
fn fermi_level_and_valence_charges_travel_along() {
    let source = read(&fixture("openmx/gaas_soc"));
    assert!(source.fermi_level.is_some_and(|level| level != 0.0) && source.valence_charges.is_some());
    let folder = tempdir().unwrap();
    for (to, name, has_charges) in
        [(Format::SiestaHsx, "a.HSX", true), (Format::SiestaNc, "a.nc", false), (Format::Deeph, "deeph", false)]
    {
        let target = folder.path().join(name);
        convert(&Request::new(fixture("openmx/gaas_soc"), &target, to)).unwrap();
        let found = read(&target);
        assert_eq!(found.fermi_level, source.fermi_level, "{to}");
        assert!(found.n_electrons.is_none_or(|n| Some(n) == source.n_electrons), "{to}");
        assert!(!has_charges || found.valence_charges == source.valence_charges, "{to}");
    }
    assert!(read(&folder.path().join("a.HSX")).n_electrons.is_some());
}

/// DeepH-dock takes SIESTA's elements of (i, j, R) for those of (i, j, R), where they are those of (j, i, −R) with the spins kept:
/// up to 2 eV.
#[test]
fn spinors_in_deeph_have_the_energies_that_the_code_printed() {
    for name in ["siesta/feas_so", "openmx/gaas_soc"] {
        let source = read(&fixture(name));
        for to in [Format::Deeph, Format::DeephLegacy] {
            let folder = foreign(&fixture(name), to, WriteOptions::default());
            let mut found = read(folder.path());
            found.printed = source.printed.clone();
            found.origin.ev_per_hartree = source.origin.ev_per_hartree;
            let compared = with_printed(&found, Some(Of::Scf), SpectrumOptions::default()).unwrap();
            assert!(compared.n_states > 100, "{name}");
            let worst = compared.max_error_all_ev;
            assert!(worst < 1e-4, "{name} as {to}: {worst} eV");
        }
    }
}

/// DeepH-dock fills what is missing with zeros and says nothing.
#[test]
fn zeros_are_written_only_where_asked_for() {
    let source = fixture("abacus/O2_box");
    let folder = tempdir().unwrap();
    let target = folder.path().join("openmx");
    let request = Request::new(&source, &target, Format::OpenMxScfout);
    let message = convert(&request).unwrap_err().to_string();
    assert!(message.contains("the run lacks position operators") && message.contains("--fill zero"), "{message}");
    assert!(!target.exists());
    let write = WriteOptions { fill_zero: true, ..WriteOptions::default() };
    let report = convert(&Request { write, ..request }).unwrap();
    assert!(report.notes.iter().any(|note| note.fate == Fate::Filled && note.text.contains("position operators")));
}

/// DeepH-dock keeps of H only the blocks that S has: of ABACUS' a third is gone.
#[test]
fn blocks_of_h_that_s_lacks_are_kept() {
    for name in ["abacus/si2", "abacus/si2_soc_sz", "siesta/mos2"] {
        let source = read(&fixture(name));
        let (h, s) = (source.hamiltonian.as_ref().unwrap(), source.overlap.as_ref().unwrap());
        assert!(h.pairs().len() > s.pairs().len(), "{name} cannot show it");
        for to in [Format::Deeph, Format::DeephLegacy, Format::Dftio] {
            let folder = foreign(&fixture(name), to, WriteOptions { double: true, ..WriteOptions::default() });
            let found = read(folder.path());
            assert_eq!(n_elements(found.hamiltonian.as_ref().unwrap()), n_elements(h), "{name} as {to}");
            let differ = largest_difference(&energies(&found), &energies(&source));
            assert!(differ < SAME, "{name} as {to}: {differ:.1e}");
        }
    }
}

/// How many elements are not 0.
fn n_elements(operator: &SpinOperator) -> usize {
    let real = |o: &Operator<f64>| o.values().iter().filter(|x| **x != 0.0).count();
    let complex = |o: &Operator<c64>| o.values().iter().filter(|x| **x != c64::ZERO).count();
    match operator {
        SpinOperator::Unpolarized(o) => real(o),
        SpinOperator::Collinear(o) => o.iter().map(real).sum(),
        SpinOperator::Spinor(o) => o.iter().map(complex).sum(),
    }
}

/// dftio's H of one run is zero at E_F or absolute, as the file has it that was at hand; sisl shifts all to E_F.
#[test]
fn every_file_of_a_run_has_the_same_zero_of_energy() {
    let scf = fixture("siesta/feas_so/scf");
    let hsx = read(&scf.join("feas_so.HSX"));
    let folder = tempdir().unwrap();
    let tshs = folder.path().join("feas_so.TSHS");
    convert(&Request::new(scf.join("feas_so.HSX"), &tshs, Format::SiestaTshs)).unwrap();
    let bytes = |path: &Path| std::fs::read(path).unwrap();
    assert!(bytes(&tshs) == bytes(&scf.join("feas_so.TSHS")), "HSX has the zero of SIESTA's TSHS");
    let mut found = Vec::new();
    for to in [Format::SiestaNc, Format::Deeph, Format::DeephLegacy, Format::AbacusNew] {
        let folder = foreign(&fixture("siesta/feas_so"), to, WriteOptions::default());
        found.push((to.to_string(), read(folder.path())));
    }
    let expected = energies(&hsx);
    for (name, run) in found {
        assert!(largest_difference(&energies(&run), &expected) < 1e-8, "{name}");
        let levels = run.fermi_level.zip(hsx.fermi_level);
        assert!(levels.is_none_or(|(a, b)| (a - b).abs() < 1e-8), "{name}: {levels:?}");
    }
}

/// DeepH-dock's `standardize` replaces H by H − μS and leaves the Fermi level where it was.
#[test]
fn the_fermi_level_moves_with_the_zero_of_energy() {
    for name in ["siesta/fe", "openmx/gaas_soc", "abacus/graphene"] {
        let source = read(&fixture(name));
        let (level, ev) = (source.fermi_level.unwrap(), source.origin.ev_per_hartree);
        for (shift, by) in [(Shift::Fermi, Some(level)), (Shift::Ev(1.5), Some(1.5 / ev)), (Shift::Standard, None)] {
            let write = WriteOptions { shift: Some(shift), ..WriteOptions::default() };
            for folder in [foreign(&fixture(name), Format::Deeph, write), written(&fixture(name), Format::Deeph, write)]
            {
                let found = read(folder.path());
                let moved = level - found.fermi_level.unwrap();
                assert!(by.is_none_or(|by| (moved - by).abs() < 1e-9), "{name}: by {moved}");
                let back: Vec<f64> = energies(&found).iter().map(|energy| energy + moved).collect();
                assert!(largest_difference(&back, &energies(&source)) < 1e-8, "{name}");
            }
        }
    }
}

/// sisl and DeepH-dock take the matrices of a calculation at Γ alone, the sums over all images, for those of one image.
#[test]
fn folded_matrices_are_not_taken_for_unfolded_ones() {
    let mut tshs = Tshs::parse(&std::fs::read(fixture("siesta/h2o/scf/h2o.TSHS")).unwrap()).unwrap();
    assert!(tshs.logicals[0] != 0, "at Γ alone");
    let folder = tempdir().unwrap();
    for file in ["h2o.ORB_INDX", "h2o.fdf"] {
        std::fs::copy(fixture("siesta/h2o/scf").join(file), folder.path().join(file)).unwrap();
    }
    let target = folder.path().join("deeph");
    let convert_tshs = |tshs: &Tshs| {
        tshs.write(&mut std::fs::File::create(folder.path().join("h2o.TSHS")).unwrap()).unwrap();
        convert(&Request::new(folder.path(), &target, Format::Deeph))
    };
    // Its box is so wide that nothing was folded.
    assert!(convert_tshs(&tshs).is_ok());
    std::fs::remove_dir_all(&target).unwrap();
    tshs.cell = tshs.cell.map(|vector| vector.map(|x| 0.25 * x));
    let message = convert_tshs(&tshs).unwrap_err().to_string();
    assert!(message.contains("a calculation at Γ alone adds up all images of a pair"), "{message}");
    assert!(!target.exists());
}

/// POSCAR wants atoms of an element together: DeepH-dock sorts them and forgets how they were.
#[test]
fn atoms_come_back_in_their_order() {
    let source = read(&fixture("siesta/mos2"));
    let is_sorted = |run: &Calculation| run.structure.species.is_sorted();
    assert!(!is_sorted(&source), "it cannot show it");
    let folder = written(&fixture("siesta/mos2"), Format::Deeph, WriteOptions::default());
    let back = read(folder.path());
    assert!(back.structure == source.structure && back.basis == source.basis);
    assert!(back.hamiltonian == source.hamiltonian);
    std::fs::remove_file(folder.path().join("hzero.json")).unwrap();
    let sorted = read(folder.path());
    assert!(is_sorted(&sorted));
    let differ = largest_difference(&energies(&sorted), &energies(&source));
    assert!(differ < SAME, "{differ:.1e}");
}

/// dftio and HamGNN write float32 and do not say so.
#[test]
fn double_precision_stays_double() {
    let source = fixture("siesta/fe");
    let h = |run: Calculation| match run.hamiltonian.unwrap() {
        SpinOperator::Collinear([up, _]) => up,
        SpinOperator::Spinor([up, ..]) => {
            Operator::new(up.pairs().clone(), up.values().iter().map(|value| value.re).collect()).unwrap()
        }
        SpinOperator::Unpolarized(both) => both,
    };
    let exact = h(read(&source));
    let lost = |to: Format, double: bool| {
        let folder = foreign(&source, to, WriteOptions { double, ..WriteOptions::default() });
        let found = h(read(folder.path()));
        let of_block = |(pair, block): (&hzero::parsers::Pair, &[f64])| {
            found.get(pair).map_or(f64::INFINITY, |other| largest_difference(block, other))
        };
        exact.blocks().filter(|(_, block)| block.iter().any(|x| *x != 0.0)).map(of_block).fold(0.0, f64::max)
    };
    assert!(lost(Format::Deeph, false) < 1e-14);
    assert!(lost(Format::Dftio, true) < 1e-14);
    let single = lost(Format::Dftio, false);
    assert!(single > 1e-9, "single precision cannot be so exact: {single}");
    let report = convert(&Request::new(&source, tempdir().unwrap().path().join("single"), Format::Dftio)).unwrap();
    assert!(report.notes.iter().any(|note| note.fate == Fate::Changed && note.text.contains("single precision")));
}

/// DeepH-dock's and HamGNN's readers stop at versions that they do not know, those of development builds among them.
#[test]
fn versions_of_development_builds_are_versions() {
    let cases = [
        ("abacus/graphene", "ABACUS v3.8.1", "ABACUS v3.9.0.25-dev", "3.9.0.25-dev"),
        ("siesta/fe", "d7f164993-dirty", "5.4-rc1-12-gabcdef0", "5.4-rc1-12-gabcdef0"),
        ("openmx/h2o", "Ver. 3.9", "Ver. 3.9.12-beta2", "3.9"),
    ];
    for (name, was, is, version) in cases {
        let folder = tempdir().unwrap();
        let n_changed = copy_changed(&fixture(name), folder.path(), was, is);
        assert!(n_changed > 0, "{name}: nothing says {was}");
        let (found, source) = (read(folder.path()), read(&fixture(name)));
        assert!(
            found.origin.version.as_deref().is_some_and(|found| found.starts_with(version)),
            "{name}: {:?}",
            found.origin.version
        );
        assert!(found.hamiltonian == source.hamiltonian, "{name}");
    }
}

/// Copies a folder with `was` replaced in its texts; tells in how many.
fn copy_changed(from: &Path, to: &Path, was: &str, is: &str) -> usize {
    std::fs::create_dir_all(to).unwrap();
    let entries = std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path());
    let copied = entries.map(|path| {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            return copy_changed(&path, &target, was, is);
        }
        let bytes = std::fs::read(&path).unwrap();
        let changed =
            std::str::from_utf8(&bytes).ok().filter(|text| text.contains(was)).map(|text| text.replace(was, is));
        std::fs::write(target, changed.as_ref().map_or(&bytes[..], |text| text.as_bytes())).unwrap();
        usize::from(changed.is_some())
    });
    copied.sum()
}
