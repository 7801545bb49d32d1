//! DM(R) of the converged H(R) equals the density matrix that the code itself left behind.

use std::path::{Path, PathBuf};

use hzero::density::Options;
use hzero::density::compare::{Comparison, with_native};
use hzero::parsers::{ReadOptions, read};

/// Run, bound of every element of DM(R), bound of E_F where it is not arbitrary (eV): about twice what was measured. SIESTA's
/// matrices are whole; ABACUS rounds H to 9 digits (which splits the Kramers pairs of a metal in `si2_soc_sz`) and stops at a
/// density that still changes by so much.
const RUNS: &[(&str, f64, f64)] = &[
    ("siesta/si", 5e-12, 1e-9),
    ("siesta/graphene", 5e-11, 1e-9),
    ("siesta/h2o", 5e-11, 1e-9),
    ("siesta/mos2", 5e-11, 1e-9),
    ("siesta/fe", 2e-11, 1e-9),
    ("siesta/fe_v41", 4e-11, 1e-9),
    ("siesta/fe2_nc", 5e-12, 1e-9),
    ("siesta/feas_so", 2e-11, 1e-9),
    ("openmx/si", 4e-9, 1e-8),
    ("openmx/graphene", 4e-8, 3e-7),
    ("openmx/mos2", 2e-9, 1e-8),
    ("openmx/h2o", 1e-8, 1e-8),
    ("openmx/h2o_nc", 1e-8, 1e-8),
    ("openmx/gaas_soc", 1e-8, 1e-8),
    ("openmx/fe_spin", 4e-9, 1e-8),
    ("openmx/silicene_f", 2e-9, 1e-8),
    ("openmx/v38/h2o", 2e-9, 1e-8),
    ("openmx/h2o_v38", 2e-9, 1e-8),
    ("abacus/Si_diamond", 2e-8, 1e-8),
    ("abacus/graphene", 4e-7, 1e-8),
    ("abacus/TiSe2_monolayer", 8e-7, 1e-8),
    ("abacus/H2O_box", 8e-8, 1e-8),
    ("abacus/O2_box", 5e-8, 1e-8),
    ("abacus/GaAs_monolayer_soc", 4e-9, 1e-8),
    ("abacus311/si2", 3e-8, 1e-8),
    ("abacus311/gaas_soc", 5e-8, 1e-8),
    ("abacus311/fe_spin2", 4e-8, 1e-8),
    ("abacus311/o2_spin2", 1e-8, 1e-8),
    ("abacus311/si2_soc_sz", 1.2e-5, 1e-8),
    ("abacus/o2_spin2", 1e-8, 1e-8),
    ("abacus/si2_soc_sz", 1.2e-5, 1e-8),
];

fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let named = std::env::var_os("HZERO_SHARED").map(PathBuf::from);
    [Some(beside), named].into_iter().flatten().map(|folder| folder.join("dft")).find(|folder| folder.is_dir())
}

/// `None` where the folder (of a fixture) lacks DM or H.
fn compared(folder: &Path) -> Option<Comparison> {
    let run = read(folder, &ReadOptions::default()).unwrap();
    run.density_matrix.as_ref().zip(run.hamiltonian.as_ref())?;
    Some(with_native(&run, &Options::default()).unwrap_or_else(|error| panic!("{}: {error}", folder.display())).1)
}

/// Compares all runs that exist under `root`; returns how many, and the failures.
fn compare_all(root: &Path) -> (usize, Vec<String>) {
    let (mut found, mut failures) = (0, Vec::new());
    for &(name, bound, level_bound) in RUNS.iter().filter(|(name, ..)| root.join(name).is_dir()) {
        let Some(one) = compared(&root.join(name)) else { continue };
        let level_error = one.fermi_level_error_ev.map_or(0.0, f64::abs);
        println!("{name:<28} {:8.1e} of {:.2}, E_F {level_error:8.1e} eV", one.max_error, one.largest_element);
        found += 1;
        if one.max_error > bound || level_error > level_bound || (one.electrons - one.native_electrons).abs() > 1e-7 {
            failures.push(format!("{name}: {one:?}"));
        }
    }
    (found, failures)
}

#[test]
fn density_matrices_are_the_codes_own() {
    let (found, failures) = compare_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"));
    assert!(found >= 12, "{found} runs");
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn density_matrices_of_shared_runs_are_the_codes_own() {
    let Some(shared) = shared() else { return println!("skipped: no ../shared") };
    let (found, failures) = compare_all(&shared);
    assert!(found >= 27, "{found} runs");
    assert!(failures.is_empty(), "{failures:#?}");
}
