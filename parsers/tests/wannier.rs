//! Wannier90's files: written of real runs, read again, and their energies compared with those of H and S.

use std::path::{Path, PathBuf};

use hzero_parsers::bloch::BlochSum;
use hzero_parsers::convert::{Report, Request, WriteOptions, convert};
use hzero_parsers::eigen::OverlapFactor;
use hzero_parsers::format::Format;
use hzero_parsers::units::{BOHR_IN_ANGSTROM, HARTREE_IN_EV};
use hzero_parsers::{Calculation, Of, Operator, ReadOptions, SpinOperator, c64, read};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name)
}

/// Eigenvalues in eV of every spin channel.
fn energies(run: &Calculation, of: Of, k: [f64; 3]) -> Vec<Vec<f64>> {
    let (hamiltonian, overlap) = (run.operator(of).unwrap(), run.overlap.as_ref().unwrap());
    let s = BlochSum::new(overlap.pairs(), &run.basis).overlap_at(overlap, hamiltonian.nspin() == 4, k);
    let factor = OverlapFactor::new(s.as_ref(), k, None, faer::Par::Seq).unwrap();
    let channels = BlochSum::new(hamiltonian.pairs(), &run.basis).channels_at(hamiltonian, k);
    let in_ev = |energies: Vec<f64>| energies.iter().map(|energy| energy * run.origin.ev_per_hartree).collect();
    channels.iter().map(|h| in_ev(factor.energies(h.as_ref()).unwrap())).collect()
}

fn difference(a: &[Vec<f64>], b: &[Vec<f64>]) -> f64 {
    assert_eq!(a.iter().map(Vec::len).collect::<Vec<_>>(), b.iter().map(Vec::len).collect::<Vec<_>>());
    a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

fn converted(source: &Path, target: &Path, to: Format, mesh: Option<[u32; 3]>) -> Report {
    let write = WriteOptions { mesh, ..WriteOptions::default() };
    convert(&Request { write, ..Request::new(source, target, to) }).unwrap()
}

/// The number that follows `before` in the notes of a conversion.
fn noted(report: &Report, before: &str) -> f64 {
    let text = report.notes.iter().find_map(|note| note.text.split_once(before)).expect("such a note").1;
    text.split(' ').next().and_then(|number| number.parse().ok()).expect("a number")
}

const RUNS: [(&str, [u32; 3]); 4] = [
    ("abacus/graphene", [9, 9, 1]),
    ("siesta/fe", [4, 4, 3]),
    ("siesta/feas_so", [5, 4, 5]),
    ("openmx/h2o", [1, 1, 1]),
];

#[test]
fn energies_are_those_of_the_run_on_the_mesh_and_as_noted_off_it() {
    for (name, mesh) in RUNS {
        let run = read(&fixture(name), &ReadOptions::default()).unwrap();
        for to in [Format::WannierHr, Format::WannierTb] {
            let folder = tempfile::tempdir().unwrap();
            let target = folder.path().join("out");
            let report = converted(&fixture(name), &target, to, Some(mesh));
            let back = read(&target, &ReadOptions::default()).unwrap();
            assert_eq!(back.nspin(), run.nspin());
            assert_eq!((&back.structure, &back.basis), (&run.structure, &run.basis));
            assert_eq!((back.fermi_level, back.n_electrons), (run.fermi_level, run.n_electrons));
            let on_mesh = [[0.0; 3], mesh.map(|n| f64::from(n / 2) / f64::from(n))];
            for k in on_mesh {
                let error = difference(&energies(&run, Of::Scf, k), &energies(&back, Of::Scf, k));
                assert!(error < 1e-9, "{name} {to}: {error:e} eV at {k:?}");
            }
            let off_mesh = mesh.map(|n| 0.5 / f64::from(n));
            let (error, noted) = (
                difference(&energies(&run, Of::Scf, off_mesh), &energies(&back, Of::Scf, off_mesh)),
                noted(&report, "are wrong by at most "),
            );
            assert!(error <= 1.05 * noted, "{name} {to}: {error:e} of {noted:e} eV");
            assert!(!(1e-9..1e-5).contains(&noted), "{noted:e}");
        }
    }
}

#[test]
fn a_mesh_is_found_that_is_fine_enough() {
    let folder = tempfile::tempdir().unwrap();
    let report = converted(&fixture("abacus/graphene"), &folder.path().join("g_hr.dat"), Format::WannierHr, None);
    assert_eq!(report.files, [folder.path().join("g_hr.dat")]);
    assert!(noted(&report, "), by at most ") < 1e-3);
}

/// A H between orthonormal functions stays what it is, to the last printed digit.
#[test]
fn orthonormal_functions_go_there_and_back() {
    for (name, mesh) in RUNS {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        converted(&fixture(name), &at("first"), Format::WannierHr, Some(mesh));
        converted(&at("first"), &at("tb"), Format::WannierTb, None);
        converted(&at("tb"), &at("hr"), Format::WannierHr, None);
        converted(&at("hr"), &at("again"), Format::WannierHr, None);
        let mut n_files = 0;
        for file in std::fs::read_dir(at("hr")).unwrap().flatten().map(|entry| entry.path()) {
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            if name.ends_with("_hr.dat") {
                let same = std::fs::read(&file).unwrap() == std::fs::read(at("again").join(&name)).unwrap();
                assert!(same, "{name}");
                n_files += 1;
            }
        }
        assert!(n_files > 0);
        let (first, last) =
            (read(&at("first"), &Default::default()).unwrap(), read(&at("again"), &Default::default()).unwrap());
        let k = [0.13, 0.27, 0.41];
        assert!(difference(&energies(&first, Of::Scf, k), &energies(&last, Of::Scf, k)) < 1e-10);
        assert!((first.overlap, first.basis) == (last.overlap, last.basis));
    }
}

/// Without hzero.json, as another program's files are read.
#[test]
fn files_alone_are_read_with_the_lattice_beside_them() {
    for (name, mesh) in RUNS {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        let k = [0.13, 0.27, 0.41];
        for to in [Format::WannierHr, Format::WannierTb] {
            converted(&fixture(name), &target, to, Some(mesh));
            let with = read(&target, &ReadOptions::default()).unwrap();
            std::fs::remove_file(target.join("hzero.json")).unwrap();
            let alone = read(&target, &ReadOptions::default()).unwrap();
            assert_eq!(alone.origin.code, "Wannier90");
            assert_eq!(alone.basis.n_orbitals(), with.basis.n_orbitals());
            let (cell, shift) = alone.structure.distance(&with.structure);
            assert!(cell.max(shift) < 1e-4, "{name} {to}: {cell:e} {shift:e}");
            let (a, b) = (energies(&with, Of::Scf, k), energies(&alone, Of::Scf, k));
            assert!(difference(&a, &b) < 1e-5 * alone.basis.n_orbitals() as f64, "{name} {to}");
            std::fs::remove_dir_all(&target).unwrap();
        }
    }
}

/// Two functions, the hopping between them imaginary.
const COMPLEX: &str = " by hand\n2\n1\n1\n0 0 0 1 1 1.0 0\n0 0 0 2 1 0 0.5\n0 0 0 1 2 0 -0.5\n0 0 0 2 2 2.0 0\n";

fn written(folder: &Path, files: &[(&str, &str)]) {
    files.iter().for_each(|(name, text)| std::fs::write(folder.join(name), text).unwrap());
}

#[test]
fn complex_elements_are_of_spinors_or_of_both_spins() {
    const CELL: &str = "begin unit_cell_cart\n3 0 0\n0 3 0\n0 0 3\nend unit_cell_cart\n";
    let run = |win: &str| {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), &[("a_hr.dat", COMPLEX), ("a.win", win)]);
        read(folder.path(), &ReadOptions::default())
    };
    let eigenvalues = [1.5 - 0.5_f64.sqrt(), 1.5 + 0.5_f64.sqrt()];
    let spinor = run(&format!("spinors = .true.\n{CELL}")).unwrap();
    assert_eq!((spinor.basis.n_orbitals(), spinor.nspin()), (1, Some(4)));
    assert!(difference(&energies(&spinor, Of::Scf, [0.1; 3]), &[eigenvalues.to_vec()]) < 1e-14);
    let silent = run(CELL).unwrap_err().to_string();
    assert!(silent.contains("a_hr.dat: H is complex, and nothing says whether its functions are spinors"), "{silent}");
    let both = run(&format!("spinors = false\n{CELL}")).unwrap();
    assert_eq!((both.basis.n_orbitals(), both.nspin()), (2, Some(4)));
    let noise = tempfile::tempdir().unwrap();
    written(noise.path(), &[("a_hr.dat", &COMPLEX.replace("0.5\n", "3e-8\n")), ("a.win", CELL)]);
    assert_eq!(read(noise.path(), &ReadOptions::default()).unwrap().nspin(), Some(1));
    let [low, high] = eigenvalues;
    assert!(difference(&energies(&both, Of::Scf, [0.1; 3]), &[vec![low, low, high, high]]) < 1e-14);
}

#[test]
fn a_mesh_that_takes_all_memory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut request = Request::new(fixture(RUNS[0].0), folder.path().join("out"), Format::WannierHr);
    request.write.mesh = Some([1250, 1250, 1]);
    let message = convert(&request).unwrap_err().to_string();
    assert!(
        message.contains("functions on 1250 x 1250 x 1 k points (set fewer by --mesh): memory in bytes of"),
        "{message}"
    );
}

#[test]
fn a_poscar_or_a_named_file_gives_the_lattice_too() {
    let folder = tempfile::tempdir().unwrap();
    let poscar = "cubic\n1.0\n3 0 0\n0 3 0\n0 0 3\nH\n1\nDirect\n0 0 0\n";
    let real = COMPLEX.replace("0.5\n", "0\n");
    written(folder.path(), &[("a_hr.dat", &real), ("POSCAR", poscar), ("other.vasp", &poscar.replace('3', "4"))]);
    let length = |structure: Option<&str>| {
        let structure = structure.map(|name| folder.path().join(name));
        let run = read(folder.path(), &ReadOptions { structure, ..ReadOptions::default() }).unwrap();
        run.structure.lattice[(1, 1)] * BOHR_IN_ANGSTROM
    };
    assert!((length(None) - 3.0).abs() < 1e-14 && (length(Some("other.vasp")) - 4.0).abs() < 1e-14);
}

#[test]
fn functions_of_spinors_are_up_and_down_of_one_orbital_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let element = |place: usize| {
        let (row, column) = (place % 4 + 1, place / 4 + 1);
        format!("0 0 0 {row} {column} {}.0 0\n", if row == column { row } else { 0 })
    };
    let file: String = (0..16).map(element).collect();
    let win = "spinors = T\nbegin unit_cell_cart\n3 0 0\n0 3 0\n0 0 3\nend unit_cell_cart\n";
    written(folder.path(), &[("a_hr.dat", &format!(" diagonal\n4\n1\n1\n{file}")), ("a.win", win)]);
    let run = read(folder.path(), &ReadOptions::default()).unwrap();
    let Some(SpinOperator::Spinor([up, _, _, down])) = &run.hamiltonian else { panic!("{:?}", run.nspin()) };
    let diagonal = |operator: &Operator<c64>| [0, 3].map(|place| (operator.block(0)[place].re * HARTREE_IN_EV).round());
    assert_eq!((diagonal(up), diagonal(down)), ([1.0, 3.0], [2.0, 4.0]));
    let target = folder.path().join("out");
    converted(&folder.path().join("a_hr.dat"), &target, Format::WannierHr, None);
    let text = std::fs::read_to_string(target.join("wannier90_hr.dat")).unwrap();
    let values: Vec<f64> =
        text.lines().skip(4).map(|line| line.split_whitespace().nth(5).unwrap().parse().unwrap()).collect();
    assert_eq!([0, 5, 10, 15].map(|place| values[place].round()), [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn what_is_missing_or_contradicts_itself_is_named() {
    let message = |files: &[(&str, &str)]| {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), files);
        let message = read(folder.path(), &ReadOptions::default()).unwrap_err().to_string();
        message.split_once(folder.path().to_str().unwrap()).expect("the file's name").1.to_owned()
    };
    let lattice = "no lattice: there is no NAME.win and no POSCAR beside this file; name one of them by --structure";
    assert_eq!(message(&[("a_hr.dat", COMPLEX)]), format!("/a_hr.dat: {lattice}"));
    let one = " by hand\n1\n1\n1\n0 0 0 1 1 1.0 0\n";
    let other = message(&[("a.up_hr.dat", COMPLEX), ("a.dn_hr.dat", one)]);
    assert_eq!(other, "/a.dn_hr.dat: 2 functions of spin up, but 1 of spin down");
    let flat = "begin unit_cell_cart\n3 0 0\n0 3 0\n0 3 0\nend unit_cell_cart\n";
    let flat = message(&[("a_hr.dat", COMPLEX), ("a.win", flat)]);
    assert!(flat.ends_with("the lattice vectors lie in a plane"), "{flat}");
    let odd = "spinors = T\nbegin unit_cell_cart\n3 0 0\n0 3 0\n0 0 3\nend unit_cell_cart\n";
    let odd = message(&[("a_hr.dat", one), ("a.win", odd)]);
    assert_eq!(odd, "/a_hr.dat: 1 functions, but spinors come in pairs of up and down");
    let broken = message(&[("a_hr.dat", &COMPLEX.replace("0.5\n0 0 0 1 2", "0.5\n0 0 0 1 3")), ("a.win", "")]);
    assert_eq!(broken, "/a_hr.dat:7:9: expected the number of a function from 1 to 2, found `3`");
    let short = message(&[("a_tb.dat", " by hand\n3 0 0\n0 3 0\n0 0 3\n1\n1\n1\n\n0 0 0\n1 1 1.0 0\n\n0 0 0\n")]);
    assert_eq!(short, "/a_tb.dat:13:1: expected a line of another matrix element, found the end of the file");
}
