//! Conventions and symmetry of every system, measured; and each measure notices what it is there for.

use std::path::{Path, PathBuf};

use hzero_parsers::check::check;
use hzero_parsers::{Calculation, Pair, ReadOptions, SpinOperator, read};

fn systems() -> Vec<PathBuf> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let shared = std::env::var_os("HZERO_SHARED").map_or(project.join("../shared"), PathBuf::from);
    let fixtures = ["abacus", "openmx"].map(|code| project.join("fixtures").join(code));
    let larger = ["abacus", "abacus311", "openmx"].map(|code| shared.join("dft").join(code));
    let folders = [&fixtures[..], &larger].concat();
    let entries = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.join("scf").is_dir() || path.join("HR.csr.zst").is_file()).collect()
}

fn graphene() -> Calculation {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/abacus/graphene");
    read(&path, &ReadOptions::default()).unwrap()
}

fn failed(run: &Calculation) -> Vec<String> {
    check(run).into_iter().filter(|property| !property.holds()).map(|property| property.name).collect()
}

#[test]
fn every_system_keeps_the_conventions() {
    let systems = systems();
    assert!(systems.len() >= 12, "only {} systems", systems.len());
    for system in systems {
        let run = read(&system, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"));
        let properties = check(&run);
        assert!(properties.len() >= 7, "{}", system.display());
        for property in properties {
            assert!(property.holds(), "{}: {property:?}", system.display());
        }
    }
}

#[test]
fn a_changed_element_breaks_hermiticity() {
    let mut run = graphene();
    let Some(SpinOperator::Unpolarized(h)) = &mut run.hamiltonian else { panic!("nspin 1") };
    let last = h.values().len() - 1;
    h.values_mut()[last] += 1e-6;
    assert_eq!(failed(&run), ["H: Hermiticity, largest difference"]);
}

#[test]
fn a_wrong_lattice_breaks_the_direction_rule() {
    let mut run = graphene();
    run.structure.lattice.swap_rows(0, 1);
    assert_eq!(failed(&run), ["S: order, sign and direction of orbitals (s with l > 0 against Y_lm), residual"]);
}

#[test]
fn a_wrong_norm_is_seen() {
    let mut run = graphene();
    let s = run.overlap.as_mut().unwrap();
    let index = s.pairs().find(&Pair::onsite(1)).unwrap();
    s.block_mut(index)[0] = 1.001;
    assert_eq!(failed(&run), ["S: on-site diagonal, largest distance from 1"]);
}

#[test]
fn an_infinite_element_is_seen() {
    let mut run = graphene();
    run.overlap.as_mut().unwrap().values_mut()[3] = f64::NAN;
    assert!(failed(&run).contains(&"S: elements that are no finite number".to_owned()));
}
