//! Whole runs of OpenMX 3.8 and 3.9 through `read`.

mod runs;

use std::path::{Path, PathBuf};

use hzero_parsers::openmx::{Dat, Scfout};
use hzero_parsers::recipe::step_zero;
use hzero_parsers::{
    Calculation, Code, NativeLayout, Of, Operator, ReadOptions, Smearing, SpinOperator, Step, c64, read,
};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/openmx")
}

fn run(name: &str) -> Calculation {
    read(&fixtures().join(name), &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// System, shells, nspin, electrons, number of printed tables. Those of 3.8 are one run each, of which
/// `h2o_nc_v38` is step-zero.
const SYSTEMS: [(&str, &str, usize, f64, usize); 7] = [
    ("h2o", "2s1p 2s2p1d", 1, 8.0, 2),
    ("h2o_nc", "2s1p 2s2p1d", 4, 8.0, 2),
    ("fe_spin", "3s2p1d", 2, 16.0, 4),
    ("gaas_soc", "1s1p1d 1s1p1d", 4, 28.0, 1),
    ("silicene_f", "2s2p1d1f", 1, 8.0, 1),
    ("h2o_v38", "2s1p 2s2p1d", 1, 8.0, 1),
    ("h2o_nc_v38", "2s1p 2s2p1d", 4, 8.0, 1),
];

#[test]
fn systems_are_read_whole() {
    for (name, shells, nspin, electrons, tables) in SYSTEMS {
        let run = run(name);
        let found: Vec<String> = run.basis.species().iter().map(|s| s.shells_text()).collect();
        assert_eq!(found.join(" "), shells, "{name}");
        assert!(run.basis.species().iter().all(|s| s.z.is_some() && s.cutoff.is_some()), "{name}");
        let (has_h0, has_h) = (name != "h2o_v38", name != "h2o_nc_v38");
        assert_eq!(run.hamiltonian0.as_ref().map(SpinOperator::nspin), has_h0.then_some(nspin), "{name}");
        assert_eq!(run.hamiltonian.as_ref().map(SpinOperator::nspin), has_h.then_some(nspin), "{name}");
        assert_eq!(run.n_electrons, Some(electrons), "{name}");
        assert_eq!(run.printed.len(), tables, "{name}");
        assert_eq!(run.smearing, Some(Smearing::FermiDirac(300.0 * 8.617_251_324e-5 / 27.2113845)), "{name}");
        let Some(NativeLayout::OpenMx(layout)) = &run.native else { panic!("{name}") };
        assert_eq!((layout.hamiltonian0.is_some(), layout.hamiltonian.is_some()), (has_h0, has_h), "{name}");
    }
}

/// Blocks that are the same are in memory once.
#[test]
fn operators_share_their_blocks() {
    let run = run("gaas_soc");
    let [h0, h] = [&run.hamiltonian0, &run.hamiltonian].map(|h| h.as_ref().unwrap().pairs());
    assert!(std::sync::Arc::ptr_eq(h0, h) && std::sync::Arc::ptr_eq(h, run.overlap.as_ref().unwrap().pairs()));
}

/// Σ DM S over all blocks: DM is real where S is, so that no conjugate is needed.
fn charge(dm: &SpinOperator, s: &Operator<f64>) -> f64 {
    let real = |dm: &Operator<f64>| dm.values().iter().zip(s.values()).map(|(d, s)| d * s).sum::<f64>();
    let complex = |dm: &Operator<c64>| dm.values().iter().zip(s.values()).map(|(d, s)| d.re * s).sum::<f64>();
    match dm {
        SpinOperator::Unpolarized(dm) => real(dm),
        SpinOperator::Collinear([up, down]) => real(up) + real(down),
        SpinOperator::Spinor([uu, _, _, dd]) => complex(uu) + complex(dd),
    }
}

#[test]
fn density_matrices_hold_all_electrons() {
    for (name, _, _, electrons, _) in SYSTEMS {
        let run = run(name);
        let Some(dm) = &run.density_matrix else {
            assert!(run.hamiltonian.is_none(), "{name}: DM is read of the converged run");
            continue;
        };
        let charge = charge(dm, run.overlap.as_ref().unwrap());
        assert!((charge - electrons).abs() < 1e-6, "{name}: {charge}");
    }
}

/// du = ud†, and S and the imaginary parts of uu and dd are the same for H0 and H.
#[test]
fn spin_blocks_are_hermitian_partners() {
    for name in ["h2o_nc", "gaas_soc"] {
        let run = run(name);
        let (Some(SpinOperator::Spinor(h)), Some(SpinOperator::Spinor(h0))) = (&run.hamiltonian, &run.hamiltonian0)
        else {
            panic!("{name}")
        };
        let [_, ud, du, _] = h;
        for (index, partner) in ud.pairs().partners().into_iter().enumerate() {
            let (block, other) = (ud.block(index), du.block(partner.unwrap()));
            let rows = run.basis.orbitals_of(ud.pairs().as_slice()[index].i as usize).len();
            let columns = block.len() / rows;
            let transposed = |n: usize| block[(n % rows) * columns + n / rows].conj();
            assert!(other.iter().enumerate().all(|(n, &x)| x == transposed(n)), "{name}");
        }
        for component in [0, 3] {
            let pairs = h[component].values().iter().zip(h0[component].values());
            assert!(pairs.clone().all(|(a, b)| a.im == b.im), "{name}");
            assert!(pairs.clone().any(|(a, _)| a.im.abs() > 1e-6), "{name}: spin-orbit coupling is there");
            assert!(pairs.clone().any(|(a, b)| a.re != b.re), "{name}");
        }
    }
}

/// A copy of a fixture that a test may change.
fn copy(name: &str) -> tempfile::TempDir {
    runs::copy(&fixtures().join(name))
}

fn edit(path: &Path, change: impl Fn(&mut Scfout)) {
    let mut scfout = Scfout::read(path).unwrap();
    change(&mut scfout);
    hzero_parsers::output::write_file(path, |out| scfout.write(out)).unwrap();
}

fn error(path: &Path, options: &ReadOptions) -> String {
    read(path, options).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn a_run_has_many_doors() {
    let scf = fixtures().join("h2o/scf");
    for door in ["", "h2o.scfout"] {
        let run = read(&scf.join(door), &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"));
        assert!(run.hamiltonian.is_some() && run.hamiltonian0.is_none(), "{door}");
        assert_eq!(run.fermi_level, Some(-0.10345458984375), "{door}");
        assert_eq!(run.printed.len(), 1, "{door}");
    }
    let h0 = read(&fixtures().join("h2o/h0"), &ReadOptions::default()).unwrap();
    assert!(h0.hamiltonian.is_none() && h0.hamiltonian0.is_some());
    assert_eq!(h0.fermi_level, None, "the Fermi level of one iteration is not the converged one");
}

/// Whatever the folder is called, `scf.maxIter 1` in the input text tells; so does the name `h0-*`.
#[test]
fn h0_is_found_by_content_and_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(fixtures().join("h2o/h0/h2o.scfout"), folder.path().join("h2o.scfout")).unwrap();
    let read_it = || read(folder.path(), &ReadOptions::default()).unwrap();
    assert!(read_it().hamiltonian.is_none() && read_it().hamiltonian0.is_some());
    std::fs::rename(folder.path().join("h2o.scfout"), folder.path().join("h0-h2o.scfout")).unwrap();
    std::fs::copy(fixtures().join("h2o/scf/h2o.scfout"), folder.path().join("h2o.scfout")).unwrap();
    assert!(read_it().hamiltonian.is_some() && read_it().hamiltonian0.is_some());
    assert_eq!(read_it().hamiltonian0, run("h2o").hamiltonian0);
    // what the converged run printed is of the converged H only
    std::fs::copy(fixtures().join("h2o/scf/h2o.out"), folder.path().join("h2o.out")).unwrap();
    let of = || read_it().printed.iter().map(|printed| printed.of).collect::<Vec<_>>();
    assert_eq!(of(), [Of::Scf]);
    std::fs::copy(fixtures().join("h2o/h0/h2o.out"), folder.path().join("h0-h2o.out")).unwrap();
    assert_eq!(of(), [Of::H0, Of::Scf]);
    std::fs::remove_file(folder.path().join("h2o.out")).unwrap();
    assert_eq!(of(), [Of::H0]);
}

#[test]
fn files_by_hand_win() {
    let system = fixtures().join("h2o");
    let options =
        ReadOptions { h0: Some(system.join("h0/h2o.scfout")), electrons: Some(7.0), ..ReadOptions::default() };
    let run = read(&system.join("scf"), &options).unwrap();
    assert_eq!((&run.hamiltonian0, &run.hamiltonian), (&self::run("h2o").hamiltonian0, &self::run("h2o").hamiltonian));
    assert_eq!(run.n_electrons, Some(7.0));
}

#[test]
fn a_prediction_is_no_step_zero() {
    let folder = copy("h2o/h0");
    std::fs::write(folder.path().join("report.json"), "{}").unwrap();
    let run = read(folder.path(), &ReadOptions::default()).unwrap();
    assert!(run.hamiltonian.is_some() && run.hamiltonian0.is_none() && run.origin.is_predicted);
    assert!(run.density_matrix.is_none(), "that in the file is of H0");
}

#[test]
fn pairs_that_do_not_belong_together_are_refused() {
    let folder = copy("h2o");
    edit(&folder.path().join("h0/h2o.scfout"), |scfout| scfout.gxyz[1][2] += 0.5);
    let message = error(folder.path(), &ReadOptions::default());
    assert!(message.contains("h0/h2o.scfout: positions differ by up to 5.000e-1 bohr from those of"), "{message}");

    let folder = copy("h2o");
    edit(&folder.path().join("h0/h2o.scfout"), |scfout| {
        let mut s = scfout.values(hzero_parsers::openmx::scfout::Set::Overlap).unwrap();
        s[3] += 0.25;
        assert!(scfout.replace(hzero_parsers::openmx::scfout::Set::Overlap, s));
    });
    let message = error(folder.path(), &ReadOptions::default());
    assert!(message.contains("h0/h2o.scfout: S differs by up to 2.500e-1"), "{message}");

    let folder = copy("h2o");
    std::fs::copy(folder.path().join("scf/h2o.scfout"), folder.path().join("h0/h2o.scfout")).unwrap();
    let message = error(folder.path(), &ReadOptions::default());
    assert!(
        message.contains("h0/h2o.scfout: lies where H0 does, but its input text is not that of a step-zero run"),
        "{message}"
    );
    let h0 = Some(folder.path().join("h0/h2o.scfout"));
    let named = read(folder.path(), &ReadOptions { h0, ..ReadOptions::default() }).unwrap();
    assert_eq!(named.hamiltonian0, named.hamiltonian, "what the message says helps");

    let folder = copy("h2o");
    std::fs::copy(folder.path().join("h0/h2o.scfout"), folder.path().join("scf/h2o.scfout")).unwrap();
    let message = error(folder.path(), &ReadOptions::default());
    assert!(message.contains("scf/h2o.scfout: lies where the converged H does, but"), "{message}");
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let empty = tempfile::tempdir().unwrap();
    std::fs::create_dir(empty.path().join("scf")).unwrap();
    std::fs::write(empty.path().join("scf/h2o.scfout"), "short").unwrap();
    let message = error(empty.path(), &ReadOptions::default());
    assert!(
        message
            .ends_with("scf/h2o.scfout:byte 0: expected 2 items of 4 bytes, found 5 bytes before the end of the file"),
        "{message}"
    );

    let folder = copy("h2o/scf");
    let text = |from: &str, to: &str| {
        std::fs::copy(fixtures().join("h2o/scf/h2o.scfout"), folder.path().join("h2o.scfout")).unwrap();
        edit(&folder.path().join("h2o.scfout"), |scfout| {
            for line in &mut scfout.tail.input_text {
                *line = String::from_utf8_lossy(line).replace(from, to).into_bytes();
            }
        });
        error(folder.path(), &ReadOptions::default())
    };
    let message = text("O5.0-s2p2d1", "O5.0-s2p2");
    assert!(message.contains("h2o.scfout: atom 1 has 13 orbitals, but its basis is O: 2s2p"), "{message}");
    let message = text("O5.0-s2p2d1", "O5.0");
    assert!(
        message.contains(
            "h2o.scfout:14: expected a species with its basis (Si Si7.0-s2p2d1 Si_PBE19), found `O  O5.0  O_PBE19`"
        ),
        "{message}"
    );
    let message = text("  1  O", "  1  C");
    assert!(message.contains("an atom is of species `C`, but there are H, O"), "{message}");
}

#[test]
fn what_has_no_meaning_is_refused() {
    let options = ReadOptions { step: Some(Step::Number(3)), ..ReadOptions::default() };
    assert!(error(&fixtures().join("h2o"), &options).contains("holds the last geometry only"));
    let shells = hzero_parsers::basis::parse_shells("2s1p").unwrap();
    let options = ReadOptions { basis: vec![("N".into(), shells)], ..ReadOptions::default() };
    assert!(error(&fixtures().join("h2o"), &options).contains("a basis was given for `N`, but the species are H, O"));
}

/// Without `.out`, the restart files of the step-zero run tell the grid that a restart needs.
#[test]
fn the_grid_is_in_out_or_crst_check() {
    let grid = |run: Calculation| match run.native {
        Some(NativeLayout::OpenMx(layout)) => layout.grid,
        _ => None,
    };
    let folder = copy("h2o/h0");
    let read_it = || read(folder.path(), &ReadOptions::default()).unwrap();
    assert_eq!(grid(read_it()), Some([75, 75, 75]));
    std::fs::remove_file(folder.path().join("h2o.out")).unwrap();
    std::fs::write(folder.path().join("h2o_rst/h2o.crst_check"), "1 72 75 80 0").unwrap();
    assert_eq!(grid(read_it()), Some([72, 75, 80]));
    std::fs::remove_dir_all(folder.path().join("h2o_rst")).unwrap();
    assert_eq!(grid(read_it()), None);
    edit(&folder.path().join("h2o.scfout"), |scfout| scfout.tail.input_text.push(b"scf.Ngrid 64 70 72\n".to_vec()));
    assert_eq!(grid(read_it()), Some([64, 70, 72]));
}

#[test]
fn the_recipe_makes_the_step_zero_run_of_a_converged_one() {
    let recipe = step_zero(Code::OpenMx, &fixtures().join("h2o/scf"), None).unwrap();
    let (dat, user) =
        (Dat::parse(recipe.input.as_bytes()), Scfout::read(&fixtures().join("h2o/scf/h2o.scfout")).unwrap());
    assert!(dat.is_step_zero() && !user.input().is_step_zero());
    assert_eq!(
        (dat.species().unwrap(), dat.atoms().unwrap()),
        (user.input().species().unwrap(), user.input().atoms().unwrap())
    );
    let of_scfout = step_zero(Code::OpenMx, &fixtures().join("h2o/scf/h2o.scfout"), None).unwrap();
    assert!(Dat::parse(of_scfout.input.as_bytes()).is_step_zero());
    let message = step_zero(Code::OpenMx, &fixtures().join("h2o/scf/h2o.out"), None).unwrap_err().to_string();
    assert!(message.ends_with("h2o.out: is an output of OpenMX, not its input"), "{message}");
    let message = step_zero(Code::OpenMx, &fixtures().join("h2o"), None).unwrap_err().to_string();
    assert!(message.ends_with("h2o: no .dat file here; name the input"), "{message}");
    let message = step_zero(Code::OpenMx, &fixtures().join("h2o/scf/h2o.out"), Some("4.0")).unwrap_err().to_string();
    assert_eq!(message, "no recipe for OpenMX 4.0: there are 3.9, 3.8, 3.7");
}
