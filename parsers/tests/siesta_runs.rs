//! Whole runs of SIESTA 5 and 4.1 through `read`.

use std::path::{Path, PathBuf};

use hzero_parsers::siesta::Tshs;
use hzero_parsers::{Calculation, NativeLayout, ReadOptions, Step, read};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/siesta")
}

fn read_path(path: &Path) -> Calculation {
    read(path, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn run(name: &str) -> Calculation {
    read_path(&fixtures().join(name))
}

fn error(path: &Path, options: &ReadOptions) -> String {
    read(path, options).map(|_| ()).unwrap_err().to_string()
}

/// A new folder with these files (target name, fixture).
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, from) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(fixtures().join(from), path).unwrap();
    }
    folder
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{} lacks {from}", path.display());
    std::fs::write(path, text.replace(from, to)).unwrap();
}

/// System, shells, nspin, electrons, Fermi level in eV as SIESTA prints it, printed tables, components in the files.
const SYSTEMS: [(&str, &str, usize, f64, f64, usize, usize); 5] = [
    ("h2o", "2s2p1d 2s1p", 1, 8.0, -1.31904863, 2, 1),
    ("fe", "3s2p2d", 2, 16.0, -4.567893859, 4, 2),
    ("fe2_nc", "2s2p1d", 4, 32.0, -1.969712, 4, 4),
    ("feas_so", "2s1p1d 1s1p1d", 4, 31.0, 0.110780867, 4, 8),
    ("fe_v41", "1s1d1p", 2, 8.0, -5.61412424, 4, 2),
];

#[test]
fn systems_are_read_whole() {
    for (name, shells, nspin, electrons, fermi_ev, n_printed, components) in SYSTEMS {
        let run = run(name);
        let found: Vec<String> = run.basis.species().iter().map(|s| s.shells_text()).collect();
        assert_eq!(found.join(" "), shells, "{name}");
        assert_eq!(run.hamiltonian0.as_ref().unwrap().nspin(), nspin, "{name}");
        assert_eq!(run.hamiltonian.as_ref().unwrap().nspin(), nspin, "{name}");
        assert!((run.n_electrons.unwrap() - electrons).abs() < 1e-12, "{name}");
        let ev = run.fermi_level.unwrap() * run.origin.ev_per_hartree;
        assert!((ev - fermi_ev).abs() < 1e-6, "{name}: {ev}");
        assert_eq!(run.printed.len(), n_printed, "{name}");
        assert!(run.k_grid.is_some() && run.smearing.is_some() && run.origin.version.is_some(), "{name}");
        let NativeLayout::Siesta(layout) = run.native.unwrap() else { panic!("{name}") };
        assert_eq!(layout.head.nspin, components, "{name}");
    }
}

#[test]
fn a_run_has_many_doors() {
    let scf = fixtures().join("h2o/scf");
    let expected = read_path(&scf);
    assert!(expected.density_matrix.is_some());
    for door in ["h2o.HSX", "h2o.TSHS", "h2o.XV", "h2o.fdf", "h2o.EIG"] {
        let run = read_path(&scf.join(door));
        assert_eq!(run.hamiltonian, expected.hamiltonian, "{door}");
        assert_eq!(run.fermi_level, expected.fermi_level, "{door}");
        assert!(run.hamiltonian0.is_none(), "{door}");
    }
    let h0 = run("h2o").hamiltonian0;
    for door in ["", "h2o.0.HSX", "h2o.HSX"] {
        let run = read_path(&fixtures().join("h2o/h0").join(door));
        assert_eq!(run.hamiltonian0, h0, "{door}");
        assert!(run.hamiltonian.is_none() && run.fermi_level.is_none(), "{door}");
    }
}

#[test]
fn a_flat_folder_holds_both() {
    let flat =
        folder(&[("h2o.0.HSX", "h2o/h0/h2o.0.HSX"), ("h2o.HSX", "h2o/scf/h2o.HSX"), ("run.fdf", "h2o/scf/h2o.fdf")]);
    let (found, expected) = (read_path(flat.path()), run("h2o"));
    assert_eq!((found.hamiltonian0, found.hamiltonian), (expected.hamiltonian0, expected.hamiltonian));
    assert_eq!(found.basis.species()[0].z, Some(8));
}

/// One diagonalization of a predicted H, in the words of `next_step`.
const FROM_H_IN: &str = "Read-H-from-file T\nSCF.Mix Hamiltonian\nMaxSCFIterations 1\nSCF.DM.Converge F\n\
    SCF.H.Tolerance 1.0e9 eV\n";

#[test]
fn a_run_from_h_in_is_no_h0() {
    for (place, is_refused) in [("", false), ("h0/", true)] {
        let one_shot = folder(&[(&format!("{place}h2o.HSX"), "h2o/scf/h2o.HSX")]);
        let fdf = one_shot.path().join(place).join("h2o.fdf");
        std::fs::write(&fdf, FROM_H_IN).unwrap();
        match read(one_shot.path(), &ReadOptions::default()) {
            Ok(run) => assert!(!is_refused && run.hamiltonian.is_some() && run.hamiltonian0.is_none()),
            Err(error) => assert!(is_refused && error.to_string().contains("this is not H0: with Read-H-from-file T")),
        }
        std::fs::write(&fdf, FROM_H_IN.replace("file T", "file F")).unwrap();
        assert!(read_path(one_shot.path()).hamiltonian0.is_some());
    }
}

#[test]
fn the_output_of_a_queue_is_no_log() {
    let files = [("fe.HSX", "fe/scf/fe.HSX"), ("RUN.out", "fe/scf/fe.out")];
    let with_log = folder(&files);
    std::fs::write(with_log.path().join("slurm-17.out"), "job 17 started\n").unwrap();
    assert!(read_path(with_log.path()).origin.version.is_some());
    std::fs::remove_file(with_log.path().join("RUN.out")).unwrap();
    assert!(read_path(with_log.path()).origin.version.is_none());
}

#[test]
fn an_unknown_fermi_level_means_h0() {
    let lone = folder(&[("a.HSX", "h2o/h0/h2o.0.HSX")]);
    let run = read_path(lone.path());
    assert!(run.hamiltonian.is_none() && run.hamiltonian0.is_some());
}

#[test]
fn h_alone_takes_s_from_the_other_run() {
    let files = [("h0/H_DMGEN", "feas_so/h0/H_DMGEN"), ("scf/feas_so.HSX", "feas_so/scf/feas_so.HSX")];
    assert_eq!(read_path(folder(&files).path()).hamiltonian0, run("feas_so").hamiltonian0);
    let message = error(folder(&files[..1]).path(), &ReadOptions::default());
    assert!(message.contains("h0/H_DMGEN: holds H alone: S must come from an HSX or TSHS"), "{message}");
    let files = [("h0/H_DMGEN", "feas_so/h0/H_DMGEN"), ("scf/h2o.HSX", "h2o/scf/h2o.HSX")];
    let message = error(folder(&files).path(), &ReadOptions::default());
    assert!(message.contains("H_DMGEN: its elements are not those of") && message.contains("h2o.HSX"), "{message}");
}

/// Named by hand, it is not its folder's HSX that is read.
#[test]
fn h_alone_by_its_name_takes_s_from_beside() {
    for (name, s) in [("H_IN", "h2o.HSX"), ("H_MIXED", "h2o.HSX"), ("H_DMGEN", "h2o.0.HSX")] {
        let from = if s == "h2o.HSX" { "h2o/scf/h2o.HSX" } else { "h2o/h0/h2o.0.HSX" };
        let folder = folder(&[(name, "h2o/h0/H_DMGEN"), (s, from)]);
        let run = read_path(&folder.path().join(name));
        assert_eq!((run.hamiltonian, run.hamiltonian0), (self::run("h2o").hamiltonian0, None), "{name}");
        assert!(run.overlap.is_some() && run.origin.files.iter().any(|file| file.ends_with(name)), "{name}");
    }
    let run = read_path(&fixtures().join("h2o/h0/H_DMGEN"));
    assert!(run.hamiltonian.is_none() && run.hamiltonian0 == self::run("h2o").hamiltonian0);
}

#[test]
fn a_tshs_finds_its_shells() {
    let expected = run("h2o/scf");
    let of_orb_indx = folder(&[("h2o.TSHS", "h2o/scf/h2o.TSHS"), ("h2o.ORB_INDX", "h2o/scf/h2o.ORB_INDX")]);
    let of_ions = folder(&[
        ("h2o.TSHS", "h2o/scf/h2o.TSHS"),
        ("h2o.XV", "h2o/scf/h2o.XV"),
        ("h2o.fdf", "h2o/scf/h2o.fdf"),
        ("O.ion.xml", "h2o/scf/O.ion.xml"),
        ("H.ion.xml", "h2o/scf/H.ion.xml"),
    ]);
    for folder in [of_orb_indx, of_ions] {
        let run = read_path(folder.path());
        assert_eq!((&run.hamiltonian, &run.overlap), (&expected.hamiltonian, &expected.overlap));
        let shells = |run: &Calculation| run.basis.species().iter().map(|s| s.shells.clone()).collect::<Vec<_>>();
        assert_eq!((shells(&run), run.structure), (shells(&expected), expected.structure.clone()));
    }
    let message = error(folder(&[("h2o.TSHS", "h2o/scf/h2o.TSHS")]).path(), &ReadOptions::default());
    assert!(message.contains("h2o.TSHS: holds no shells: .ORB_INDX, or .ion.xml and .XV"), "{message}");
}

#[test]
fn version_0_takes_what_it_lacks_from_beside() {
    let hsx = ("fe.HSX", "fe_v41/scf/fe.HSX");
    let message = error(folder(&[hsx]).path(), &ReadOptions::default());
    assert!(message.contains("fe.HSX: version 0 (of SIESTA 4.1) holds no structure"), "{message}");
    let single = read_path(folder(&[hsx, ("fe.XV", "fe_v41/scf/fe.XV"), ("fe.EIG", "fe_v41/scf/fe.EIG")]).path());
    let double = read_path(folder(&[hsx, ("fe.TSHS", "fe_v41/scf/fe.TSHS")]).path());
    assert_eq!(double.hamiltonian, run("fe_v41").hamiltonian);
    assert!(single.structure.distance(&double.structure).0 < 1e-9 && single.hamiltonian != double.hamiltonian);
    assert!((single.fermi_level.unwrap() - double.fermi_level.unwrap()).abs() < 1e-8);
    let out = folder(&[hsx]);
    let text = "-1.435 1.435 1.435\n1.435 -1.435 1.435\n1.435 1.435 -1.435\n 1\n 1 26 0.0 0.0 0.0\n";
    std::fs::write(out.path().join("fe.STRUCT_OUT"), text).unwrap();
    assert!(read_path(out.path()).structure.distance(&double.structure).0 < 1e-8);
    let foreign = folder(&[("fe.HSX", "fe_v41/h0/fe.HSX"), ("fe.TSHS", "fe_v41/scf/fe.TSHS")]);
    let message = error(foreign.path(), &ReadOptions::default());
    assert!(message.contains("fe.TSHS: does not hold the numbers of") && message.contains("fe.HSX"), "{message}");
}

#[test]
fn files_by_hand_win() {
    for file in ["h2o.TSHS", "H_DMGEN", "h2o.HSX"] {
        let h0 = Some(fixtures().join("h2o/h0").join(file));
        let options = ReadOptions { h0, electrons: Some(7.0), ..ReadOptions::default() };
        let run = read(&fixtures().join("h2o/scf"), &options).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((run.hamiltonian0, run.n_electrons), (self::run("h2o").hamiltonian0, Some(7.0)), "{file}");
    }
    let options = ReadOptions { hamiltonian: Some(fixtures().join("h2o/scf/h2o.HSX")), ..ReadOptions::default() };
    let run = read(&fixtures().join("h2o/h0"), &options).unwrap();
    assert_eq!(run.hamiltonian, self::run("h2o").hamiltonian);
    let options = ReadOptions { step: Some(Step::Number(2)), ..ReadOptions::default() };
    assert!(error(&fixtures().join("h2o"), &options).contains("matrices of the last step only"));
}

/// S alone (onlyS) as well as S of a whole TSHS, neither with shells beside it.
#[test]
fn an_overlap_by_hand_may_be_a_tshs() {
    let scf = fixtures().join("h2o/scf");
    let mut tshs = Tshs::parse(&std::fs::read(scf.join("h2o.TSHS")).unwrap()).unwrap();
    (tshs.logicals[2], tshs.overlap[0]) = (1, 2.0);
    tshs.hamiltonian.clear();
    let folder = folder(&[("h2o.HSX", "h2o/scf/h2o.HSX")]);
    let only_s = folder.path().join("h2o.onlyS");
    tshs.write(&mut std::fs::File::create(&only_s).unwrap()).unwrap();
    let of = |overlap: &Path| {
        let options = ReadOptions { overlap: Some(overlap.to_owned()), ..ReadOptions::default() };
        read(&folder.path().join("h2o.HSX"), &options)
    };
    let message = of(&only_s).map(drop).unwrap_err().to_string();
    assert!(message.contains("h2o.onlyS: a calculation at Γ alone adds up all images"), "{message}");
    assert_eq!(of(&scf.join("h2o.TSHS")).unwrap().overlap, read_path(&scf).overlap);
    let message = of(&fixtures().join("feas_so/scf/feas_so.TSHS")).map(drop).unwrap_err().to_string();
    assert!(message.contains("feas_so.TSHS: "), "{message}");
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let files = [("h0/fe.HSX", "fe/h0/fe.HSX"), ("scf/h2o.HSX", "h2o/scf/h2o.HSX")];
    let message = error(folder(&files).path(), &ReadOptions::default());
    assert!(message.contains("h0/fe.HSX: 1 atoms, but") && message.contains("scf/h2o.HSX has 3"), "{message}");
    let files = [
        ("h0/fe.HSX", "fe_v41/h0/fe.HSX"),
        ("h0/fe.XV", "fe_v41/h0/fe.XV"),
        ("scf/fe.HSX", "fe_v41/scf/fe.HSX"),
        ("scf/fe.XV", "fe_v41/scf/fe.XV"),
    ];
    let moved = folder(&files);
    edit(&moved.path().join("h0/fe.XV"), "2.711758070", "2.711858070");
    let message = error(moved.path(), &ReadOptions::default());
    assert!(message.contains("h0/fe.HSX: lattice vectors differ by up to 1.000e-4 bohr"), "{message}");
    let two = folder(&[("a.HSX", "fe/h0/fe.HSX"), ("b.HSX", "fe/scf/fe.HSX")]);
    let message = error(two.path(), &ReadOptions::default());
    assert!(message.ends_with("a.HSX and b.HSX could be the same calculation: name one of them by hand"), "{message}");
}

#[test]
fn a_converged_h_is_no_h0() {
    let files = [("h0/fe.HSX", "fe/scf/fe.HSX"), ("h0/fe.fdf", "fe/scf/fe.fdf")];
    let message = error(folder(&files).path(), &ReadOptions::default());
    assert!(message.contains("h0/fe.HSX: this is not H0: its input neither has HSetupOnly T"), "{message}");
    let files = [("fe.HSX", "fe/scf/fe.HSX"), ("fe.out", "fe/scf/fe.out")];
    let unconverged = folder(&files);
    edit(&unconverged.path().join("fe.out"), "SCF cycle converged after 17", "SCF_NOT_CONV: after 17");
    assert_eq!(read_path(unconverged.path()).fermi_level, None);
}

#[test]
fn what_is_missing_is_named() {
    let texts = folder(&[("fe.fdf", "fe/scf/fe.fdf")]);
    let message = error(texts.path(), &ReadOptions::default());
    assert!(message.contains("no matrix: looked for fe.HSX, fe.nc, fe.0.HSX, fe.TSHS"), "{message}");
    let short =
        folder(&[("fe.HSX", "fe/scf/fe.HSX"), ("fe.EIG", "fe/scf/fe.EIG"), ("fe.KP", "feas_so/scf/feas_so.KP")]);
    let message = error(short.path(), &ReadOptions::default());
    assert!(message.contains("fe.EIG: 296 k points, but") && message.ends_with("fe.KP has 27"), "{message}");
}
