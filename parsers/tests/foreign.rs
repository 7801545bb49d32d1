//! Runs of every code as files of every other one: read again, they are the same to the last bit.

mod runs;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hzero_parsers::cells::Moves;
use hzero_parsers::convert::{Notes, Request, WriteOptions, Writing, convert};
use hzero_parsers::format::Format;
use hzero_parsers::siesta::Hsx;
use hzero_parsers::{
    Calculation, Code, Of, Operator, Pair, Pairs, ReadOptions, SpinOperator, abacus, c64, openmx, read, siesta,
};

/// What du of OpenMX, and the packed spin of DM of ABACUS, may differ by: they are not in the files.
const ROUNDING: f64 = 1e-7;

/// Formats that hold H and S.
const TARGETS: [Format; 7] = [
    Format::AbacusNew,
    Format::AbacusOld,
    Format::SiestaHsx,
    Format::SiestaTshs,
    Format::SiestaHin,
    Format::SiestaNc,
    Format::OpenMxScfout,
];

/// Folders of runs below `fixtures/<code>`.
fn fixtures(code: Code) -> Vec<PathBuf> {
    let name = code.name().to_lowercase();
    let entries = std::fs::read_dir(runs::project().join("fixtures").join(name)).unwrap();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    found.sort();
    assert!(found.len() >= 6, "{} runs of {}", found.len(), code.name());
    found
}

fn open(path: &Path) -> Calculation {
    read(path, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn request(source: &Path, target: &Path, to: Format, of: Option<Of>) -> Request {
    let write = WriteOptions { fill_zero: true, ..WriteOptions::default() };
    Request { of, write, ..Request::new(source, target, to) }
}

/// Every pair of codes: source, target format.
fn pairs() -> impl Iterator<Item = (PathBuf, Format)> {
    let targets = TARGETS.into_iter().filter(|to| cfg!(feature = "hdf5") || *to != Format::SiestaNc);
    targets.flat_map(|to| {
        let sources = Code::ALL.into_iter().filter(move |code| to.capabilities().code != Some(*code));
        sources.flat_map(fixtures).map(move |source| (source, to))
    })
}

#[test]
fn runs_of_every_code_become_files_of_every_other_and_come_back() {
    let mut n_converted = 0;
    for (source, to) in pairs() {
        let name = format!("{} as {to}", source.display());
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("there");
        convert(&request(&source, &target, to, None)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (run, back) = (open(&source), open(&target));
        let of = if run.hamiltonian.is_some() { Of::Scf } else { Of::H0 };
        same_matrices(&name, to, &run, &back, of);
        assert_eq!(back.structure, run.structure, "{name}");
        assert_eq!(back.basis, run.basis, "{name}");
        let numbers = |run: &Calculation| (run.n_electrons, run.smearing, run.fixed_moment, run.k_grid);
        assert_eq!(numbers(&back), numbers(&run), "{name}");
        assert_eq!((&back.k_list, &back.k_path), (&run.k_list, &run.k_path), "{name}");
        assert_eq!(back.fermi_level, run.fermi_level.filter(|_| of == Of::Scf), "{name}");
        if run.valence_charges.is_some() {
            assert_eq!(back.valence_charges, run.valence_charges, "{name}");
        }
        n_converted += 1;
    }
    assert!(n_converted > 80, "{n_converted}");
}

/// The files alone, as other programs see them.
#[test]
fn nothing_of_it_depends_on_the_companion() {
    let mut n_in_order = 0;
    for (source, to) in pairs() {
        let name = format!("{} as {to}", source.display());
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("there");
        convert(&request(&source, &target, to, None)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let with_companion = open(&target);
        std::fs::remove_file(target.join("hzero.json")).unwrap();
        let alone = open(&target);
        assert_eq!(kinds(&alone), kinds(&with_companion), "{name}");
        assert_eq!(alone.structure.lattice, with_companion.structure.lattice, "{name}");
        assert_eq!(alone.n_electrons.unwrap_or(0.0), with_companion.n_electrons.unwrap_or(0.0), "{name}");
        let apart = alone.fermi_level.unwrap_or(0.0) - with_companion.fermi_level.unwrap_or(0.0);
        assert!(apart.abs() < 1e-15, "{name}: {apart:e}");
        let has_charges = to.capabilities().code != Some(Code::Abacus) && to != Format::SiestaTshs;
        if with_companion.valence_charges.is_some() && has_charges {
            assert_eq!(alone.valence_charges, with_companion.valence_charges, "{name}");
        }
        if orbitals(&alone) == orbitals(&with_companion)
            && alone.structure.distance(&with_companion.structure).1 < 1e-12
        {
            assert_eq!(alone.structure.positions, with_companion.structure.positions, "{name}");
            let of = if with_companion.hamiltonian.is_some() { Of::Scf } else { Of::H0 };
            same_matrices(&name, to, &with_companion, &alone, of);
            n_in_order += 1;
        }
    }
    assert!(n_in_order > 60, "{n_in_order}");
}

/// Element and l of each shell, of every atom.
fn orbitals(run: &Calculation) -> Vec<(Option<u8>, Vec<u8>)> {
    let species = (0..run.basis.n_atoms()).map(|atom| run.basis.species_of(atom));
    species.map(|species| (species.z, species.shells.iter().map(|shell| shell.l).collect())).collect()
}

/// The same without order.
fn kinds(run: &Calculation) -> Vec<(Option<u8>, Vec<u8>)> {
    let mut kinds = orbitals(run);
    kinds.iter_mut().for_each(|(_, shells)| shells.sort_unstable());
    kinds.sort();
    kinds
}

/// As few components as hold the matrices: 4 where nothing couples orbit and spin.
#[test]
fn siesta_gets_as_many_spin_components_as_it_takes() {
    for (source, nspin) in
        [("abacus/graphene", 1), ("openmx/fe_spin", 2), ("abacus/si2_soc_sz", 8), ("openmx/h2o_nc", 8)]
    {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("there.HSX");
        convert(&request(&runs::project().join("fixtures").join(source), &target, Format::SiestaHsx, None)).unwrap();
        let hsx = Hsx::parse(&std::fs::read(&target).unwrap()).unwrap();
        assert_eq!(hsx.head.nspin, nspin, "{source}");
    }
}

#[test]
fn the_step_zero_h_stays_one() {
    let fixtures = runs::project().join("fixtures");
    for (source, to) in [
        ("siesta/fe", Format::AbacusNew),
        ("siesta/feas_so", Format::OpenMxScfout),
        ("abacus/O2_box", Format::SiestaHsx),
        ("abacus/si2_soc_sz", Format::OpenMxScfout),
        ("openmx/gaas_soc", Format::AbacusOld),
        ("openmx/fe_spin", Format::SiestaTshs),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("there");
        convert(&request(&fixtures.join(source), &target, to, Some(Of::H0))).unwrap_or_else(|error| panic!("{error}"));
        for companion in [true, false] {
            if !companion {
                std::fs::remove_file(target.join("hzero.json")).unwrap();
            }
            let back = open(&target);
            assert!(back.hamiltonian.is_none() && back.density_matrix.is_none(), "{source} as {to}");
            assert_eq!(back.fermi_level, None, "{source} as {to}");
            if companion {
                same_matrices(source, to, &open(&fixtures.join(source)), &back, Of::H0);
            }
        }
    }
}

/// H, S and DM on whatever blocks either has.
fn same_matrices(name: &str, to: Format, run: &Calculation, back: &Calculation, of: Of) {
    same(&format!("S of {name}"), run.overlap.as_ref().unwrap(), back.overlap.as_ref().unwrap());
    let [h, again] = [run, back].map(|run| run.operator(of).unwrap_or_else(|| panic!("{name} has no such H")));
    same_spin(&format!("H of {name}"), h, again, to == Format::OpenMxScfout);
    let (Some(dm), Of::Scf) = (&run.density_matrix, of) else { return };
    let again = back.density_matrix.as_ref().unwrap_or_else(|| panic!("{name} has no DM"));
    match (dm, to.capabilities().code) {
        (SpinOperator::Spinor(dm), Some(Code::Abacus)) => {
            let SpinOperator::Spinor(again) = again else { panic!("{name}: another spin") };
            let real = |o: &Operator<c64>| {
                Operator::new(o.pairs().clone(), o.values().iter().map(|x| c64::from(x.re)).collect()).unwrap()
            };
            near(&format!("DM of {name}"), &real(&dm[0]), &again[0]);
            near(&format!("DM of {name}"), &real(&dm[3]), &again[3]);
        }
        _ => same_spin(&format!("DM of {name}"), dm, again, to == Format::OpenMxScfout),
    }
}

fn same_spin(name: &str, one: &SpinOperator, other: &SpinOperator, du_is_a_partner: bool) {
    match (one, other) {
        (SpinOperator::Unpolarized(a), SpinOperator::Unpolarized(b)) => same(name, a, b),
        (SpinOperator::Collinear(a), SpinOperator::Collinear(b)) => a.iter().zip(b).for_each(|(a, b)| same(name, a, b)),
        (SpinOperator::Spinor([uu, ud, du, dd]), SpinOperator::Spinor(b)) => {
            same(name, uu, &b[0]);
            same(name, ud, &b[1]);
            if du_is_a_partner {
                near(name, du, &b[2])
            } else {
                same(name, du, &b[2])
            }
            same(name, dd, &b[3]);
        }
        _ => panic!("{name}: another spin"),
    }
}

/// Blocks that one side lacks are 0 on the other.
fn same<T: Copy + Default + PartialEq + std::fmt::Debug>(name: &str, a: &Operator<T>, b: &Operator<T>) {
    for (one, other) in [(a, b), (b, a)] {
        for (pair, block) in one.blocks() {
            match other.get(pair) {
                Some(expected) => assert!(block == expected, "{name}: {pair:?} differs"),
                None => assert!(block.iter().all(|value| *value == T::default()), "{name}: {pair:?} is missing"),
            }
        }
    }
    assert!(
        a.values().iter().any(|value| *value != T::default()) || b.values().iter().all(|value| *value == T::default())
    );
}

fn near(name: &str, a: &Operator<c64>, b: &Operator<c64>) {
    let blocks = |o: &Operator<c64>| o.pairs().as_slice().to_vec();
    for pair in blocks(a).into_iter().chain(blocks(b)) {
        let (one, other) = (a.get(&pair).unwrap_or_default(), b.get(&pair).unwrap_or_default());
        for n in 0..one.len().max(other.len()) {
            let [x, y] = [one, other].map(|block| block.get(n).copied().unwrap_or_default());
            assert!((x - y).norm() < ROUNDING, "{name}: {pair:?} has {x} and {y}");
        }
    }
}

#[test]
fn what_is_missing_is_named_and_zeros_are_no_default() {
    let source = runs::project().join("fixtures/abacus/graphene");
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("there");
    let strict = Request::new(&source, &target, Format::OpenMxScfout);
    let message = convert(&strict).unwrap_err().to_string();
    assert!(
        message.ends_with(
            "OpenMX scfout cannot be written: the run lacks the density matrix of this H (DM), position operators (OLPpo), \
             momentum operators (OLPmo), dipole moments of core and background (--fill zero writes zeros)"
        ),
        "{message}"
    );
    assert!(!target.exists());
    let report = convert(&request(&source, &target, Format::OpenMxScfout, None)).unwrap();
    let notes: Vec<String> = report.notes.iter().map(ToString::to_string).collect();
    assert!(notes.iter().any(|note| note.starts_with("filled with zeros: the density matrix")), "{notes:?}");
    assert!(notes.iter().any(|note| note.starts_with("changed: the orbitals are those of ABACUS")), "{notes:?}");
}

#[test]
fn half_a_matrix_becomes_no_file() {
    let run = open(&runs::project().join("fixtures/siesta/fe"));
    let Some(SpinOperator::Collinear(h)) = &run.hamiltonian else { panic!("nspin is not 2") };
    let kept: Vec<Pair> = h[0].pairs().as_slice().iter().copied().filter(|pair| pair.r >= [0; 3]).collect();
    let half = Arc::new(Pairs::new(kept, &run.basis).unwrap());
    let half = SpinOperator::Collinear(h.each_ref().map(|h| h.on(&half)));
    let (options, notes) = (WriteOptions { fill_zero: true, ..WriteOptions::default() }, Notes::default());
    let job = Writing { run: &run, hamiltonian: Some((Of::Scf, &half)), options: &options, notes: &notes };
    let folder = tempfile::tempdir().unwrap();
    for written in [
        abacus::foreign::write(folder.path(), Format::AbacusNew, &job),
        siesta::foreign::write(folder.path(), Format::SiestaHsx, &job),
        openmx::foreign::write(folder.path(), Format::OpenMxScfout, &job),
    ] {
        let message = written.unwrap_err().to_string();
        assert!(message.starts_with("H is not Hermitian: a block and its partner differ by"), "{message}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// ABACUS moves atoms into the cell on reading, so that R counts from there.
#[test]
fn atoms_outside_of_the_cell_go_there_and_back() {
    let inside = open(&runs::project().join("fixtures/openmx/silicene_f"));
    let mut away = inside.structure.clone();
    let shifts = [[2, -1, 0], [0, 0, 1]].map(|r| away.translation(r));
    away.positions.iter_mut().zip(shifts).for_each(|(position, shift)| *position += shift);
    let run = Moves::between(&inside.structure, &away).apply(inside.clone()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    std::fs::create_dir(&source).unwrap();
    let (options, notes) = (WriteOptions::default(), Notes::default());
    let hamiltonian = run.hamiltonian.as_ref().map(|h| (Of::Scf, h));
    let job = Writing { run: &run, hamiltonian, options: &options, notes: &notes };
    siesta::foreign::write(&source, Format::SiestaHsx, &job).unwrap();
    let run = open(&source);
    let target = folder.path().join("there");
    let report = convert(&request(&source, &target, Format::AbacusNew, None)).unwrap();
    assert!(report.notes.iter().any(|note| note.text.starts_with("atoms outside of the cell")), "{:?}", report.notes);
    let back = open(&target);
    assert_eq!(back.structure, run.structure);
    same("S", run.overlap.as_ref().unwrap(), back.overlap.as_ref().unwrap());
    std::fs::remove_file(target.join("hzero.json")).unwrap();
    let alone = open(&target);
    let norms = |pairs: &Pairs, run: &Calculation| {
        let mut norms: Vec<f64> = pairs.as_slice().iter().map(|pair| run.structure.displacement(pair).norm()).collect();
        norms.sort_by(f64::total_cmp);
        norms
    };
    let [before, after] = [&run, &alone].map(|run| norms(run.overlap.as_ref().unwrap().pairs(), run));
    assert!(before.iter().zip(&after).all(|(a, b)| (a - b).abs() < 1e-12) && before.len() == after.len());
}
