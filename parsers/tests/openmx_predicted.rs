//! The files of a predicted H of OpenMX: where nothing was predicted, those of H⁽⁰⁾, to the bit.

use std::path::{Path, PathBuf};

use hzero_parsers::input::{self, Input};
use hzero_parsers::openmx::Scfout;
use hzero_parsers::openmx::rst::Rst;
use hzero_parsers::openmx::scfout::Set;
use hzero_parsers::predicted::Prediction;
use hzero_parsers::{Calculation, ReadOptions, SpinOperator, read};

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs with H⁽⁰⁾: fixtures, and the larger ones where they are present.
fn runs() -> Vec<PathBuf> {
    let fixtures = project().join("fixtures/openmx");
    let shared = std::env::var_os("HZERO_SHARED").map_or(project().join("../shared"), PathBuf::from).join("dft/openmx");
    let mut found = Vec::new();
    for root in [fixtures, shared] {
        let entries = std::fs::read_dir(&root).into_iter().flatten().flatten().map(|entry| entry.path());
        found.extend(entries.filter(|path| path.join("h0").is_dir()));
    }
    assert!(found.len() >= 5, "only {found:?}");
    found.sort();
    found
}

fn run(path: &Path) -> Calculation {
    read(path, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn written(run: &Calculation, h: &SpinOperator, folder: &Path) -> Vec<PathBuf> {
    Prediction { fermi_level: Some(-0.125), ..Prediction::new(run, h) }.write(folder).unwrap()
}

fn with_end<'a>(files: &'a [PathBuf], end: &str) -> Option<&'a PathBuf> {
    files.iter().find(|path| path.to_string_lossy().ends_with(end))
}

/// What `Scfout` writes of the file as it was read: garbage zeroed, nothing else changed (`scfout_files.rs`).
fn as_read(path: &Path) -> (Scfout, Vec<u8>) {
    let scfout = Scfout::read(path).unwrap();
    let mut bytes = Vec::new();
    scfout.write(&mut bytes).unwrap();
    (scfout, bytes)
}

#[test]
fn an_unchanged_h0_comes_out_to_the_bit() {
    for path in runs() {
        let (run, folder) = (run(&path), tempfile::tempdir().unwrap());
        let files = written(&run, run.hamiltonian0.as_ref().unwrap(), folder.path());
        let h0 = run.origin.files.iter().find(|file| file.to_string_lossy().contains("/h0/")).unwrap();
        let (mut scfout, _) = as_read(h0);
        scfout.tail.chem_p = -0.125;
        let mut expected = Vec::new();
        scfout.write(&mut expected).unwrap();
        let bytes = std::fs::read(with_end(&files, ".scfout").unwrap()).unwrap();
        assert!(bytes == expected, "{}", path.display());
    }
}

/// OpenMX' own restart files, but for the band energy, which an scfout does not hold.
#[test]
fn restart_files_are_openmx_own_to_the_bit() {
    let mut n = 0;
    for path in runs() {
        let entries = std::fs::read_dir(path.join("h0")).unwrap().map(|entry| entry.unwrap().path());
        let Some(own) = entries.into_iter().find(|path| path.to_string_lossy().ends_with("_rst")) else { continue };
        let (run, folder) = (run(&path), tempfile::tempdir().unwrap());
        let files = written(&run, run.hamiltonian0.as_ref().unwrap(), folder.path());
        for file in files.iter().filter(|file| file.parent() != Some(folder.path())) {
            let (ours, theirs) =
                (std::fs::read(file).unwrap(), std::fs::read(own.join(file.file_name().unwrap())).unwrap());
            if file.to_string_lossy().ends_with("crst_check") {
                assert_eq!(ours, theirs);
                continue;
            }
            let mut expected = Rst::parse(&theirs, input::ByteOrder::Little).unwrap();
            let mut again = Vec::new();
            expected.write(&mut again).unwrap();
            assert!(again == theirs, "{} is written as it was read", own.display());
            assert_ne!(expected.uele, 0.0);
            expected.uele = 0.0;
            let ours = Rst::parse(&ours, input::ByteOrder::Little).unwrap();
            assert_eq!(
                ours.h.concat().iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
                expected.h.concat().iter().map(|x| x.to_bits()).collect::<Vec<_>>()
            );
            assert!(ours == expected, "{}", file.display());
            n += 1;
        }
    }
    assert!(n >= 6, "only {n} restart files were compared");
}

/// A copy of H⁽⁰⁾ would not hold the converged H.
#[test]
fn another_h_is_in_every_file() {
    for path in runs() {
        let (run, folder) = (run(&path), tempfile::tempdir().unwrap());
        let Some(h) = &run.hamiltonian else { continue };
        let files = written(&run, h, folder.path());
        let scfout = Scfout::read(with_end(&files, ".scfout").unwrap()).unwrap();
        let converged = Scfout::read(&run.origin.files[0]).unwrap();
        assert_eq!(scfout.tail.chem_p, -0.125);
        for spin in 0..scfout.spin.n_sets() {
            let difference = |a: &Scfout, b: &Scfout| {
                let (a, b) = (a.values(Set::H(spin)).unwrap(), b.values(Set::H(spin)).unwrap());
                a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
            };
            // Hks[3] of another file is found by a difference
            assert!(difference(&scfout, &converged) < 1e-15, "{} {spin}", path.display());
        }
        if let Some(rst) = with_end(&files, ".rst1") {
            let rst = Rst::parse(&std::fs::read(rst).unwrap(), input::ByteOrder::Little).unwrap();
            assert_eq!(rst.h[0], scfout.values(Set::H(0)).unwrap()[scfout.elements_of(0)]);
        }
        let again = read(with_end(&files, ".scfout").unwrap(), &ReadOptions::default()).unwrap();
        assert_eq!(again.structure, run.structure);
        assert_eq!(again.hamiltonian0.as_ref().map(|h| h.nspin()), Some(h.nspin()));
    }
}

#[test]
fn a_file_of_38_gets_restart_files_of_38() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(&project().join("fixtures/openmx/h2o_nc_v38"));
    let files = written(&run, run.hamiltonian0.as_ref().unwrap(), folder.path());
    let rst =
        Rst::parse(&std::fs::read(with_end(&files, ".rst2").unwrap()).unwrap(), input::ByteOrder::Little).unwrap();
    assert!(rst.dm.is_empty() && rst.spin_orbit && rst.i_h.len() == 3);
    assert_eq!(std::fs::read_to_string(with_end(&files, "crst_check").unwrap()).unwrap(), "1 75 75 75");
    let next = Prediction::new(&run, run.hamiltonian0.as_ref().unwrap()).next_step(folder.path(), Path::new("out"));
    let next = next.unwrap();
    for said in
        ["run `openmx h2o_nc.dat`", "Found restart files", "total energy and forces are not", "DM in h2o_nc.scfout"]
    {
        assert!(next.contains(said), "{said}: {next}");
    }
}

#[test]
fn without_a_grid_there_is_no_restart() {
    let run = run(&project().join("fixtures/openmx/gaas_soc"));
    let folder = tempfile::tempdir().unwrap();
    let h = run.hamiltonian0.as_ref().unwrap();
    let files = written(&run, h, folder.path());
    assert_eq!(files.len(), 1, "{files:?}");
    let next = Prediction::new(&run, h).next_step(folder.path(), Path::new("out")).unwrap();
    assert!(next.contains("no gaas_soc_rst/") && next.contains("gaas_soc.out"), "{next}");
    assert!(next.contains("DM is that of H0"), "{next}");
}

#[test]
fn other_blocks_or_spins_are_refused() {
    let message = |of: &str, h_of: &str| {
        let (run, other) =
            (run(&project().join("fixtures/openmx").join(of)), run(&project().join("fixtures/openmx").join(h_of)));
        let folder = tempfile::tempdir().unwrap();
        let error = Prediction::new(&run, other.hamiltonian.as_ref().unwrap()).write(folder.path()).unwrap_err();
        error.to_string()
    };
    assert!(message("h2o", "h2o_nc").ends_with("H has nspin 4, the file SpinP 0"), "{}", message("h2o", "h2o_nc"));
    assert!(message("h2o", "silicene_f").contains("other atoms or orbitals"));
}

#[test]
fn bytes_that_are_cut_are_refused() {
    let own = project().join("fixtures/openmx/h2o_nc/h0/h2o_nc_rst/h2o_nc.rst1");
    let bytes = std::fs::read(own).unwrap();
    for n in 0..60 {
        assert!(Rst::parse(&bytes[..bytes.len() * n / 60], input::ByteOrder::Little).is_err());
    }
    assert!(Scfout::parse(Input::Owned(bytes)).is_err(), "a restart file is no scfout");
}
