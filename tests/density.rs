//! DM(R) of the converged H(R) equals the density matrix that the code itself left behind.

use std::path::{Path, PathBuf};
use std::process::Command;

use hzero::density::compare::{Comparison, with_native};
use hzero::density::population::Mulliken;
use hzero::density::{Options, of};
use hzero::parsers::siesta::dm::Dm;
use hzero::parsers::siesta::matrix::{Places, density_matrix};
use hzero::parsers::{Calculation, NativeLayout, Operator, ReadOptions, SpinOperator, c64, input, read};

/// Run, bound of every element of DM(R), bound of E_F where it is not arbitrary (hartree): about twice what was measured. SIESTA's
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
    ("openmx/graphene", 4e-8, 1e-8),
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
    // a fixed moment, Methfessel–Paxton of second order, a skew displaced mesh
    ("siesta_tsde/fe", 7e-11, 1e-9),
    ("abacus/o2_spin2", 1e-8, 1e-8),
    ("abacus/o2_nc", 2e-8, 1e-8),
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
        let level_error = one.fermi_level_error.map_or(0.0, f64::abs);
        println!("{name:<28} {:8.1e} of {:.2}, E_F {level_error:8.1e} hartree", one.max_error, one.largest_element);
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

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn run_of(name: &str) -> Calculation {
    read(&fixture(name), &ReadOptions::default()).unwrap()
}

fn largest<T: Copy>(a: &Operator<T>, b: &Operator<T>, difference: impl Fn(T, T) -> f64) -> f64 {
    assert_eq!(a.pairs(), b.pairs());
    a.values().iter().zip(b.values()).map(|(&a, &b)| difference(a, b)).fold(0.0, f64::max)
}

/// The energy density matrix of a `.TSDE`, rydberg; of nspin 8 SIESTA keeps Re uu, Re dd and ud.
fn energy_density_of(file: &Path, run: &Calculation) -> SpinOperator {
    let Some(NativeLayout::Siesta(layout)) = &run.native else { panic!("a run of SIESTA") };
    let dm = Dm::parse(&input::open(file).unwrap()).unwrap();
    let places = Places::new(&dm.sparsity, &layout.supercell, &run.basis).unwrap();
    density_matrix(&dm.energy.unwrap().density_matrix, &places).unwrap()
}

#[test]
fn energy_density_matrices_are_siestas_own() {
    for (run, tsde) in
        [("siesta_tsde/fe", "siesta_tsde/fe/fe.TSDE"), ("siesta/feas_so", "siesta_tsde/feas_so/feas_so.TSDE")]
    {
        let run = run_of(run);
        let native = energy_density_of(&fixture(tsde), &run);
        let options = Options { pairs: Some(native.pairs().clone()), ..Options::default() };
        let mut density = of(&run, run.hamiltonian.as_ref().unwrap(), &options).unwrap();
        run.native.as_ref().unwrap().restrict_density(&run.basis, &mut density.energy_weighted).unwrap();
        let half = |own: f64, native: f64| (own - 0.5 * native).abs();
        let error = match (&density.energy_weighted, &native) {
            // SIESTA writes H of down spins, and its energies, so that both Fermi levels are those of up spins
            (SpinOperator::Collinear([up, down]), SpinOperator::Collinear([own_up, own_down])) => {
                largest(up, own_up, half).max(largest(down, own_down, half))
            }
            (SpinOperator::Spinor([uu, ud, _, dd]), SpinOperator::Spinor([own_uu, own_ud, _, own_dd])) => {
                let real = |own: c64, native: c64| half(own.re, native.re);
                let whole = |own: c64, native: c64| (own - 0.5 * native).norm();
                largest(uu, own_uu, real).max(largest(dd, own_dd, real)).max(largest(ud, own_ud, whole))
            }
            _ => panic!("spins differ"),
        };
        println!("{tsde}: max |EDM error| {error:.1e} hartree");
        assert!(error < 6e-11, "{tsde}: {error}");
    }
}

/// The number of threads changes no bit; where eigenvectors are not kept, eigenvalues are computed by another routine.
#[test]
fn densities_are_reproducible() {
    for name in ["siesta/h2o", "siesta/feas_so", "siesta/fe"] {
        let run = run_of(name);
        let h = run.hamiltonian.as_ref().unwrap();
        let with = |threads, most_kept_bytes| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| of(&run, h, &Options { most_kept_bytes, ..Options::default() })).unwrap()
        };
        let [one, three, again] = [with(1, usize::MAX), with(3, usize::MAX), with(2, 0)];
        assert!(one.matrix == three.matrix && one.energy_weighted == three.energy_weighted, "{name}");
        let level_error = (one.fermi_level - again.fermi_level).abs();
        assert!(level_error < 1e-9, "{name}: {level_error}");
    }
}

/// OpenMX prints 9.074099257 and 6.925900743 for iron.
#[test]
fn mulliken_populations_are_openmx_own() {
    let run = run_of("openmx/fe_spin");
    let density = of(&run, run.hamiltonian.as_ref().unwrap(), &Options::default()).unwrap();
    let mulliken = Mulliken::new(&run, &density.matrix).unwrap();
    let iron = mulliken.atom(0);
    assert!((iron.electrons - 16.0).abs() < 1e-8 && (iron.moment_mu_b[2] - 2.148_198_514).abs() < 2e-8, "{iron:?}");
    let d: f64 = mulliken.shells_of(0)[5..].iter().map(|shell| shell.electrons).sum();
    let of_orbitals: f64 = mulliken.orbitals_of(0)[9..].iter().map(|orbital| orbital.electrons).sum();
    assert!((d - of_orbitals).abs() < 1e-12 && d > 6.0, "{d}");
}

/// A fixed moment has two Fermi levels, which H of SIESTA's file has moved together; its moment is the stated one.
#[test]
fn a_fixed_moment_is_kept() {
    let mut run = run_of("siesta_tsde/fe");
    let moment = |run: &Calculation| {
        let density = of(run, run.hamiltonian.as_ref().unwrap(), &Options::default()).unwrap();
        let moment = Mulliken::new(run, &density.matrix).unwrap().total().moment_mu_b[2];
        (moment, density.spin_fermi_levels.map(|[up, down]| up - down))
    };
    assert_eq!(run.fixed_moment, Some(1.5));
    let (kept, difference) = moment(&run);
    assert!((kept - 1.5).abs() < 1e-8 && difference.unwrap().abs() < 1e-8, "{kept} {difference:?}");
    run.fixed_moment = Some(2.5);
    let (kept, difference) = moment(&run);
    assert!((kept - 2.5).abs() < 1e-8 && difference.unwrap() > 1e-3, "{kept} {difference:?}");
}

/// The table has a line for every run; one that cannot be compared does not hide the others.
#[test]
fn the_command_compares_several_runs() {
    let [iron, water, without] =
        ["siesta/fe", "openmx/h2o", "abacus/si2"].map(|name| fixture(name).display().to_string());
    let hzero = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_hzero")).arg("density").args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = hzero(&[&iron, &water, &without, "--compare", "native", "--json"]);
    let runs = &serde_json::from_str::<serde_json::Value>(&text).unwrap()["runs"];
    assert_eq!((code, runs.as_array().unwrap().len()), (Some(1), 3));
    assert!(runs[0]["comparison"]["max_error"].as_f64().unwrap() < 1e-10, "{}", runs[0]["comparison"]);
    assert!(runs[1]["gap_ev"].as_f64().unwrap() > 8.0 && runs[0]["gap_ev"].is_null());
    assert!(runs[2]["error"].as_str().unwrap().contains("no density matrix"), "{}", runs[2]);
    let (code, text) = hzero(&[&iron]);
    assert!(code == Some(0) && text.contains("16.000000") && text.contains("3d1"), "{text}");
    let (code, text) = hzero(&[&iron, &water]);
    assert!(code == Some(0) && text.lines().count() == 3, "{text}");
}
