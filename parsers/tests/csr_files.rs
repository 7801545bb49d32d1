//! csr files: bytes → struct → bytes is the identity, in every layout.

mod runs;

use std::path::Path;

use hzero_parsers::abacus::csr::{Blocks, Header, Version};
use hzero_parsers::abacus::{Csr, matrix};
use hzero_parsers::{Basis, Step};

/// Fixtures and, where it is present, the folder of larger runs.
fn csr_files() -> Vec<std::path::PathBuf> {
    let files = runs::files(|name| [".csr", ".csr.gz", ".csr.zst"].iter().any(|end| name.ends_with(end)));
    assert!(files.len() >= 10, "only {} csr files found", files.len());
    files
}

#[test]
fn a_file_is_written_as_it_was_read() {
    for path in csr_files() {
        let bytes = hzero_parsers::input::open(&path).unwrap();
        let csr = Csr::parse(&bytes, None).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut written = Vec::new();
        csr.write(&mut written).unwrap();
        assert!(written == bytes[..], "{} changed", path.display());
    }
}

/// Units, order, sign, spin, threshold and list of R all have to be undone for the bytes to come back.
#[test]
fn dense_blocks_become_the_same_file() {
    for path in csr_files() {
        let csr = Csr::read(&path, None).unwrap();
        let basis = runs::basis(&path);
        if csr.blocks.n_values() == 0 {
            let error = matrix::hamiltonian(&[csr], &basis).unwrap_err();
            assert!(error.to_string().contains("ABACUS 3.11"), "{error}");
            continue;
        }
        let again = through_blocks(&csr, &basis, &path);
        if is_packed_density_matrix(&csr, &basis) {
            assert!(difference(&again, &csr) < 1e-15, "{} changed", path.display());
            continue;
        }
        assert!(again == csr, "{} changed", path.display());
        assert!(text(&again) == *hzero_parsers::input::open(&path).unwrap(), "{} changed", path.display());
    }
}

/// Sums and differences of n and m round in the last bit.
fn is_packed_density_matrix(csr: &Csr, basis: &Basis) -> bool {
    matches!(csr.blocks, Blocks::Real(_)) && csr.dimension == 2 * basis.n_orbitals()
}

fn difference(a: &Csr, b: &Csr) -> f64 {
    let (Blocks::Real(a), Blocks::Real(b)) = (&a.blocks, &b.blocks) else { panic!("not real") };
    let blocks = a.iter().zip(b).inspect(|(a, b)| assert_eq!((a.r, &a.columns), (b.r, &b.columns)));
    blocks.flat_map(|(a, b)| a.values.iter().zip(&b.values)).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
}

fn through_blocks(csr: &Csr, basis: &Basis, path: &Path) -> Csr {
    let name = path.file_name().unwrap().to_string_lossy().to_lowercase();
    let files = std::slice::from_ref(csr);
    if name.contains("dm") {
        let dm = matrix::density_matrix(files, basis).unwrap();
        matrix::density_matrix_to_csr(&dm, basis, &[csr.layout()]).unwrap().remove(0)
    } else if name.contains("sr") && !name.contains("hr") {
        matrix::overlap_to_csr(&matrix::overlap(csr, basis).unwrap(), basis, &csr.layout())
    } else {
        let h = matrix::hamiltonian(files, basis).unwrap();
        matrix::hamiltonian_to_csr(&h, basis, &[csr.layout()]).unwrap().remove(0)
    }
}

fn text(csr: &Csr) -> Vec<u8> {
    let mut text = Vec::new();
    csr.write(&mut text).unwrap();
    text
}

#[test]
fn a_written_new_header_is_abacus_own() {
    for path in csr_files() {
        let csr = Csr::read(&path, None).unwrap();
        let Header::New { step, lines } = &csr.header else { continue };
        let n_spins = if lines[2].starts_with(" 2") { 2 } else { 1 };
        let spin = if lines[3].starts_with(" 2") { 1 } else { 0 };
        let made = Header::new_layout(csr.header.quantity(), *step, n_spins, spin, &lines[7..lines.len() - 10]);
        assert_eq!(text(&Csr { header: made, ..csr.clone() }), text(&csr), "{}", path.display());
    }
}

#[test]
fn old_to_new_to_old_is_the_identity() {
    let mut found = 0;
    for path in csr_files() {
        let csr = Csr::read(&path, None).unwrap();
        if csr.header.version() == Version::Old {
            found += 1;
            let new = Csr::parse(&text(&csr.converted(Version::New, 1, 0, &[])), None).unwrap();
            assert_eq!(new.header.version(), Version::New);
            let old = new.converted(Version::Old, 1, 0, &[]);
            assert!(text(&old) == *hzero_parsers::input::open(&path).unwrap(), "{} changed", path.display());
        }
    }
    assert!(found >= 5);
}

/// A copy of the bytes would hide a change; and nothing else may change.
#[test]
fn one_changed_number_changes_one_place() {
    for path in csr_files() {
        let mut csr = Csr::read(&path, None).unwrap();
        let before = text(&csr);
        let changed = match &mut csr.blocks {
            Blocks::Real(blocks) => blocks.iter_mut().flat_map(|b| &mut b.values).nth(5).map(|x| *x = -0.125),
            Blocks::Complex(blocks) => blocks.iter_mut().flat_map(|b| &mut b.values).nth(5).map(|x| x.im = -0.125),
        };
        let after = text(&csr);
        assert!(Csr::parse(&after, None).unwrap() == csr);
        let tokens = |text: &[u8]| -> Vec<String> {
            String::from_utf8_lossy(text).split_whitespace().map(str::to_owned).collect()
        };
        let (before, after) = (tokens(&before), tokens(&after));
        assert_eq!(before.len(), after.len());
        let differ = before.iter().zip(&after).filter(|(a, b)| a != b).count();
        assert_eq!(differ, usize::from(changed.is_some()), "{}", path.display());
    }
}

/// Two ionic steps, appended as ABACUS does.
fn two_steps(path: &Path) -> (Csr, Vec<u8>) {
    let first = Csr::read(path, None).unwrap();
    let mut second = first.clone();
    match &mut second.header {
        Header::Old { step, .. } => *step = Some(1),
        Header::New { step, lines } => {
            *step = 2;
            lines[0] = " --- Ionic Step 2 ---".into();
        }
    }
    let bytes = [text(&first), text(&second)].concat();
    (second, bytes)
}

#[test]
fn one_of_several_steps_has_to_be_chosen() {
    for path in runs::fixtures(|name| ["hrs1_nao.csr", "data-HR-sparse_SPIN0.csr"].contains(&name)) {
        let (second, bytes) = two_steps(&path);
        let number = second.header.step();
        let error = Csr::parse(&bytes, None).unwrap_err().to_string();
        assert!(error.contains("holds 2 ionic steps") && error.contains("choose one"), "{error}");
        assert!(Csr::parse(&bytes, Some(Step::Last)).unwrap() == second);
        assert!(Csr::parse(&bytes, Some(Step::Number(number))).unwrap() == second);
        assert!(Csr::parse(&bytes, Some(Step::Number(number - 1))).unwrap() != second);
        let error = Csr::parse(&bytes, Some(Step::Number(7))).unwrap_err().to_string();
        assert!(error.contains("holds no ionic step 7"), "{error}");
    }
}

/// ABACUS reads a file without −R silently wrong.
#[test]
fn written_lattice_vectors_are_closed_under_inversion() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures/abacus/graphene/h0/OUT.ABACUS/data-HR-sparse_SPIN0.csr");
    let csr = Csr::read(&path, None).unwrap();
    let basis = runs::basis(&path);
    let h = matrix::hamiltonian(std::slice::from_ref(&csr), &basis).unwrap();
    let mut layout = csr.layout();
    layout.lattice_vectors = vec![[9, 0, 0]];
    let written = &matrix::hamiltonian_to_csr(&h, &basis, &[layout]).unwrap()[0];
    let vectors = written.blocks.lattice_vectors();
    assert!(vectors.is_sorted() && vectors.contains(&[9, 0, 0]) && vectors.contains(&[-9, 0, 0]));
    assert!(vectors.iter().all(|r| vectors.contains(&r.map(|x| -x))));
    assert_eq!(vectors.len(), csr.blocks.len() + 2);
    assert_eq!(written.blocks.n_values(), csr.blocks.n_values());
}
