//! The layouts of NextHAM hold what the runs of ABACUS hold that they were made from.

use std::fs;
use std::path::{Path, PathBuf};

use hzero_parsers::format::Format;
use hzero_parsers::{Calculation, Operator, Pair, ReadOptions, SpinOperator, neutral, read};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name)
}

fn run(path: &Path) -> Calculation {
    read(path, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn message(path: &Path) -> String {
    read(path, &ReadOptions::default()).err().unwrap_or_else(|| panic!("{} was read", path.display())).to_string()
}

fn unpolarized(h: &Option<SpinOperator>) -> &Operator<f64> {
    match h {
        Some(SpinOperator::Unpolarized(h)) => h,
        _ => panic!("no nspin 1"),
    }
}

#[test]
fn a_binary_csr_holds_the_same_numbers() {
    let (found, original) = (run(&fixture("nextham/si2_csr")), run(&fixture("abacus/si2/h0")));
    assert_eq!(neutral::find(&fixture("nextham/si2_csr")).unwrap(), Some(Format::Nextham));
    assert!(found.hamiltonian0 == original.hamiltonian0 && found.overlap == original.overlap);
    assert!(found.hamiltonian.is_none() && !found.origin.is_predicted);
    assert_eq!(found.origin.code, "NextHAM");
    assert_eq!(found.structure, original.structure);
}

#[test]
fn blocks_of_two_processes_make_one_matrix() {
    let (found, original) = (run(&fixture("nextham/si2_blocks")), run(&fixture("abacus/si2/h0")));
    assert!(found.hamiltonian0 == original.hamiltonian0 && found.overlap == original.overlap);
    let one = run(&fixture("nextham/si2_blocks/OUT.ABACUS/hrs_block_up_1.dat.gz"));
    assert_eq!(one.hamiltonian0, original.hamiltonian0);
    let s = run(&fixture("nextham/si2_blocks/OUT.ABACUS/srs_block_0.dat.gz"));
    assert!(s.overlap == original.overlap && s.hamiltonian0.is_none());
}

#[test]
fn binary_blocks_with_spin_and_a_binary_overlap_without_pointers() {
    let (found, original) = (run(&fixture("nextham/si2_soc_blocks")), run(&fixture("abacus/si2_soc_sz/h0")));
    assert_eq!(found.hamiltonian0.as_ref().unwrap().nspin(), 4);
    assert!(found.hamiltonian0 == original.hamiltonian0 && found.overlap == original.overlap);
}

/// Largest difference of the elements of one block, which either may lack.
fn difference(a: &Operator<f64>, b: &Operator<f64>, pair: &Pair) -> f64 {
    let zeros = vec![0.0; 169];
    let block = |o: &Operator<f64>| o.get(pair).unwrap_or(&zeros).to_vec();
    block(a).iter().zip(block(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// NextHAM's scripts take the predicted blocks of atoms closer than 7 Å (here: those of the converged H) and H⁽⁰⁾ beyond.
#[test]
fn a_prediction_is_the_converged_hamiltonian() {
    const CUTOFF: f64 = 7.0 / 0.529177;
    let original = run(&fixture("abacus/si2"));
    let (h0, scf) = (unpolarized(&original.hamiltonian0), unpolarized(&original.hamiltonian));
    for name in ["predict_hr_tot.gz", "predict_hr_cut.gz", ""] {
        let found = run(&fixture("nextham/si2_predicted").join(name));
        assert!(found.origin.is_predicted, "{name}");
        let (mut near, mut far) = (0.0_f64, 0.0_f64);
        for pair in h0.pairs().as_slice() {
            let is_near = original.structure.displacement(pair).norm() < CUTOFF;
            let (other, largest) = if is_near { (scf, &mut near) } else { (h0, &mut far) };
            *largest = largest.max(difference(unpolarized(&found.hamiltonian), other, pair));
        }
        let is_cut = name.contains("cut");
        assert!(near < 1e-8 && (far > 1e-8) == is_cut, "{name}: {near:e} {far:e}");
        // Beside a matrix that was named alone, no other H is taken.
        assert_eq!(found.hamiltonian0.is_some(), name.is_empty());
        assert_eq!(found.overlap, original.overlap);
    }
}

/// As NextHAM 2 names them; the converged H that lies beside one, as INPUT tells, is no H⁽⁰⁾.
#[test]
fn hr_tot_is_a_prediction_beside_any_matrix() {
    let folder = copy("nextham/si2_predicted");
    let at = |name: &str| folder.path().join(name);
    let expected = run(&at("")).hamiltonian;
    fs::rename(at("predict_hr_tot"), at("hr_tot")).unwrap();
    fs::rename(at("predict_hr_cut"), at("hr_cut")).unwrap();
    for (calculation, is_step_zero) in [("get_hs", true), ("scf", false)] {
        fs::write(at("INPUT"), format!("INPUT_PARAMETERS\ncalculation {calculation}\n")).unwrap();
        for name in ["", "hr_tot"] {
            let found = run(&at(name));
            assert!(found.origin.is_predicted && found.hamiltonian == expected, "{name}");
            assert_eq!(found.hamiltonian0.is_some(), is_step_zero && name.is_empty(), "{calculation} {name}");
            assert!(found.overlap.is_some());
        }
    }
    fs::write(at("hr_tot"), "of another program\n").unwrap();
    assert_ne!(run(&at("")).hamiltonian, expected);
}

/// The tree of its data sets: the step-zero run and the converged one, in folders of their own names.
#[test]
fn a_case_of_a_data_set_is_a_run() {
    let folder = tempfile::tempdir().unwrap();
    for (part, name) in [("scf", "abacus_scf"), ("h0", "abacus_geths")] {
        let target = folder.path().join(name);
        fs::create_dir(&target).unwrap();
        for file in fs::read_dir(fixture("abacus/si2").join(part)).unwrap().map(|entry| entry.unwrap().path()) {
            fs::copy(&file, target.join(file.file_name().unwrap())).unwrap();
        }
    }
    let input = folder.path().join("abacus_geths/INPUT");
    let stated = fs::read_to_string(&input).unwrap().replace("calculation          scf", "calculation get_hs");
    fs::write(&input, stated.replace("scf_nmax", "# scf_nmax")).unwrap();
    let original = run(&fixture("abacus/si2"));
    let found = run(folder.path());
    assert!(found.hamiltonian0 == original.hamiltonian0 && found.hamiltonian == original.hamiltonian);
    let alone = run(&folder.path().join("abacus_geths"));
    assert!(alone.hamiltonian.is_none() && alone.hamiltonian0 == original.hamiltonian0);
}

/// STRU as the scripts write it, without orbital files.
#[test]
fn shells_come_from_the_element_where_nothing_names_them() {
    let folder = copy("nextham/si2_csr");
    let stru = folder.path().join("STRU");
    let text = fs::read_to_string(&stru).unwrap();
    fs::write(&stru, text.replace("NUMERICAL_ORBITAL\nSi_gga_6au_100Ry_2s2p1d.orb\n", "")).unwrap();
    assert_eq!(run(folder.path()).basis.species()[0].shells_text(), "2s2p1d");
    let by_hand = hzero_parsers::basis::parse_shells("2s1p").unwrap();
    let options = ReadOptions { basis: vec![("Si".into(), by_hand)], ..Default::default() };
    let error = read(folder.path(), &options).err().unwrap().to_string();
    assert!(error.contains("the matrix has dimension 26, but the basis has 10 orbitals"), "{error}");
}

fn copy(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let has_output = fixture(name).join("OUT.ABACUS").is_dir();
    if has_output {
        fs::create_dir(folder.path().join("OUT.ABACUS")).unwrap();
    }
    for part in ["", "OUT.ABACUS"].into_iter().take(1 + usize::from(has_output)) {
        for file in fs::read_dir(fixture(name).join(part)).unwrap().map(|entry| entry.unwrap().path()) {
            if file.is_file() {
                let bytes = hzero_parsers::input::open(&file).unwrap();
                let plain = file.file_name().unwrap().to_str().unwrap().trim_end_matches(".gz");
                fs::write(folder.path().join(part).join(plain), &*bytes).unwrap();
            }
        }
    }
    folder
}

#[test]
fn broken_files_are_located() {
    let folder = copy("nextham/si2_blocks");
    let path = folder.path().join("OUT.ABACUS/hrs_block_up_1.dat");
    let whole = fs::read_to_string(&path).unwrap();
    let cases = [
        (whole.replacen("R: 0 0 0", "R: 0 0", 1), "expected an integer, found nothing more"),
        (whole.replacen("ColIdx: 0 1", "ColIdx: 0", 1), "expected 13 columns, found 12"),
        (whole.replacen("e-0", "e-0 nan ", 1), "expected a number, found"),
        (whole.replacen("Num_AP: 4", "Num_AP: 9", 1), "found the end of the file"),
        (whole.replacen("RowIdx: 5", "RowIdx: 4", 1), "is there twice"),
        (whole.replacen("RowIdx: 5", "RowIdx: 2000000000", 1), "a matrix dimension of 2000000001 exceeds the limit of"),
        (whole[..whole.len() - 300].to_owned(), "expected 78 real or complex numbers, found"),
    ];
    for (text, expected) in cases {
        assert!(text != whole, "{expected}");
        fs::write(&path, text).unwrap();
        let message = message(folder.path());
        assert!(message.contains(expected) && message.contains("hrs_block_up_"), "{message}\ninstead of\n{expected}");
    }
    fs::rename(&path, path.with_file_name("hrs_block_down_1.dat")).unwrap();
    assert!(message(folder.path()).contains("of nspin 1 and 4 the blocks are read"));
}

#[test]
fn no_change_of_a_byte_is_a_panic() {
    for (name, file) in
        [("si2_csr", "hrs1_nao.csr"), ("si2_soc_blocks", "hrs_block_up_2.dat"), ("si2_blocks", "srs_block_0.dat")]
    {
        let folder = copy(&format!("nextham/{name}"));
        let path = folder.path().join("OUT.ABACUS").join(file);
        let whole = fs::read(&path).unwrap();
        for step in 0..150 {
            let at = if step < 60 { step } else { step * 7919 % whole.len() };
            for byte in [0, 1, 0x7f, 0xff, b'9'] {
                let mut changed = whole.clone();
                changed[at] = byte;
                fs::write(&path, &changed).unwrap();
                let _ = read(folder.path(), &ReadOptions::default());
            }
            fs::write(&path, &whole[..at]).unwrap();
            assert!(read(folder.path(), &ReadOptions::default()).is_err(), "{name} cut at {at}");
        }
    }
}
