//! Densities of states are those that the codes themselves write for the same run, number by number.
//!
//! The references are excerpts of `ProjectedDensityOfStates` of SIESTA, `out_dos 2` of ABACUS and OpenMX' DosMain.

use std::path::{Path, PathBuf};

use hzero::bands::dos::{Dos, LevelOf, Method, Options, compute};
use hzero::bands::projection::{By, Groups};
use hzero::bands::spectrum::SpectrumOptions;
use hzero::bands::structure::{Align, own_sources};
use hzero::parsers::{Calculation, Of, ReadOptions, Smearing, read};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// A run on its own absolute energies: without a Fermi level there is no other zero.
fn run(path: &str) -> Calculation {
    let run = read(&fixtures().join(path), &ReadOptions::default()).unwrap();
    Calculation { fermi_level: None, n_electrons: None, ..run }
}

/// Densities on every orbital of the converged H on the run's own mesh; window and step in eV.
fn orbital_dos(run: &Calculation, method: Method, window: [f64; 2], step: f64) -> Dos {
    let ev = 1.0 / run.origin.ev_per_hartree;
    let atoms: Vec<usize> = (0..run.basis.n_atoms()).collect();
    let options = Options {
        grid: run.k_grid.unwrap(),
        method,
        window: Some(window.map(|end| end * ev)),
        step: step * ev,
        groups: Some(Groups::new(&run.basis, By::Orbital, Some(&atoms))),
        align: Align::None,
        level: LevelOf::Run,
        // OpenMX', and nobody else is interpolated.
        diagonal: Some([1, -1, 1]),
        spectrum: SpectrumOptions::default(),
        most_kept_bytes: 1 << 30,
    };
    compute(run, &own_sources(run, Some(Of::Scf)).unwrap(), &options).unwrap()
}

/// One orbital of a file in the layout of SIESTA's and ABACUS' PDOS.
struct Orbital {
    atom: usize,
    l: usize,
    m: i64,
    zeta: usize,
    /// One line per energy, one column per component.
    data: Vec<Vec<f64>>,
}

/// Energies and orbitals.
fn read_pdos(name: &str) -> (Vec<f64>, Vec<Orbital>) {
    let text = std::fs::read_to_string(fixtures().join("dos").join(name)).unwrap();
    let lines = |text: &str| -> Vec<Vec<f64>> {
        let numbers = |line: &str| line.split_whitespace().map(|word| word.parse().unwrap()).collect();
        text.lines().filter(|line| !line.trim().is_empty()).map(numbers).collect()
    };
    let between = |text: &str, start: &str, end: &str| -> String {
        let (_, rest) = text.split_once(start).unwrap();
        rest.split_once(end).unwrap().0.to_owned()
    };
    let energies = lines(&between(&text, "<energy_values units=\"eV\">", "</energy_values>")).concat();
    let orbital = |part: &str| {
        let (head, _) = part.split_once("<data>").unwrap();
        let attribute = |name: &str| -> i64 {
            let (_, value) = head.split_once(&format!("{name}=\"")).unwrap();
            value.split('"').next().unwrap().trim().parse().unwrap()
        };
        Orbital {
            atom: attribute("atom_index") as usize,
            l: attribute("\nl").unsigned_abs() as usize,
            m: attribute("\nm"),
            zeta: attribute("\nz") as usize,
            data: lines(&between(part, "<data>", "</data>")),
        }
    };
    // Attributes stand on lines of their own, with blanks before or not.
    let parts = text.split("<orbital").skip(1);
    let parts = parts.map(|part| part.lines().map(str::trim).collect::<Vec<_>>().join("\n"));
    (energies, parts.map(|part| orbital(&format!("\n{part}"))).collect())
}

/// Largest difference to `of_spin` (the density on the orbital at that index, per spin) in states/eV, and the largest value.
fn compare(dos: &Dos, energies: &[f64], index: &[usize], of_spin: impl Fn(usize, usize) -> Vec<f64>) -> (f64, f64) {
    let own = dos.energies_ev();
    assert_eq!(own.len(), energies.len());
    assert!(own.iter().zip(energies).all(|(a, b)| (a - b).abs() < 1e-4), "{own:?} {energies:?}");
    let (mut worst, mut largest) = (0.0f64, 0.0f64);
    for (spin, groups) in dos.curves[0].projected.as_ref().unwrap().iter().enumerate() {
        assert_eq!(groups.len(), index.len());
        for (orbital, &place) in index.iter().enumerate() {
            for (found, expected) in dos.per_ev(&groups[place]).iter().zip(of_spin(orbital, spin)) {
                worst = worst.max((found - expected).abs());
                largest = largest.max(expected.abs());
            }
        }
    }
    (worst, largest)
}

/// SIESTA broadens by exp(−(E−ε)²/σ²)/(σ√π), up to 15 in the exponent; its orbitals are in the order of the basis.
#[test]
fn siesta_has_the_same_densities() {
    // Written with nine decimals for collinear spins, else with five.
    for (system, tolerance) in [("fe", 1e-5), ("feas_so", 2e-5)] {
        let run = run(&format!("siesta/{system}/scf"));
        let (energies, orbitals) = read_pdos(&format!("siesta_{system}.PDOS"));
        assert_eq!(orbitals.len(), run.basis.n_orbitals());
        let width = Smearing::Gaussian(0.3 / run.origin.ev_per_hartree);
        let dos = orbital_dos(&run, Method::Smearing(width), [-15.0, 15.0], 0.25);
        let spinor = dos.curves[0].total.len() == 1;
        let density = |orbital: usize, spin: usize| {
            let component = |line: &Vec<f64>| if spinor { line[0] + line[1] } else { line[spin] };
            orbitals[orbital].data.iter().map(component).collect()
        };
        let in_order: Vec<usize> = (0..orbitals.len()).collect();
        let (worst, largest) = compare(&dos, &energies, &in_order, density);
        println!("{system}: largest difference {worst:.1e} of {largest:.2} states/eV");
        assert!(worst < tolerance && largest > 0.5, "{system}: {worst:e} of {largest}");
    }
}

/// ABACUS' `dos_sigma` is a standard deviation, and its m are 0, 1, −1, 2, −2.
#[test]
fn abacus_has_the_same_densities() {
    let run = run("abacus/si2/scf");
    let (energies, orbitals) = read_pdos("abacus_si2.PDOS.dat");
    let width = Smearing::Gaussian(0.2 * std::f64::consts::SQRT_2 / run.origin.ev_per_hartree);
    // The last point of ABACUS is one step below the end of its window.
    let dos = orbital_dos(&run, Method::Smearing(width), [-10.0, 19.75], 0.25);
    let place = |orbital: &Orbital| {
        let atom = orbital.atom - 1;
        let shells = &run.basis.species_of(atom).shells;
        let is_this = |l: u8, zeta: u8| (usize::from(l), usize::from(zeta)) == (orbital.l, orbital.zeta);
        let before = shells.iter().take_while(|shell| !is_this(shell.l, shell.zeta));
        let m = (orbital.m + 1) / 2 * if orbital.m % 2 == 1 { 1 } else { -1 };
        let in_shell = (orbital.l as i64 + m) as usize;
        run.basis.orbitals_of(atom).start + before.map(|shell| shell.n_orbitals()).sum::<usize>() + in_shell
    };
    let places: Vec<usize> = orbitals.iter().map(place).collect();
    let density = |orbital: usize, _| orbitals[orbital].data.iter().map(|line| line[0]).collect();
    let (worst, largest) = compare(&dos, &energies, &places, density);
    println!("si2: largest difference {worst:.1e} of {largest:.2} states/eV");
    assert!(worst < 1e-5 && largest > 0.5, "{worst:e} of {largest}");
}

/// Energy, up and minus down of a file of DosMain.
fn read_dosmain(name: &str) -> Vec<[f64; 3]> {
    let text = std::fs::read_to_string(fixtures().join("dos").join(format!("openmx_fe_spin.{name}"))).unwrap();
    let line = |line: &str| -> [f64; 3] {
        let numbers: Vec<f64> = line.split_whitespace().map(|word| word.parse().unwrap()).collect();
        numbers.try_into().unwrap()
    };
    text.lines().map(line).collect()
}

/// OpenMX' tetrahedra, from eigenvalues with six decimals, relative to its Fermi level. Its values are at points, ours means
/// over a millielectronvolt, which differ where a tetrahedron begins. Its projections are close only: between the second and the
/// third corner's energy it interpolates the mean weight linearly (`ATM_Spectrum`), so that a corner's does not integrate to 1/4.
#[test]
fn openmx_has_the_same_tetrahedra() {
    let run = run("openmx/fe_spin/scf");
    let level = read(&fixtures().join("openmx/fe_spin/scf"), &ReadOptions::default()).unwrap().fermi_level.unwrap();
    let zero = level * run.origin.ev_per_hartree;
    let dos = orbital_dos(&run, Method::Tetrahedra, [-3.1 + zero, 1.1 + zero], 1e-3);
    let own = dos.energies_ev();
    let at = |density: &[f64], energy: f64| {
        let place = (energy + zero - own[0]) / 1e-3;
        let (below, part) = (place.floor() as usize, place.fract());
        (density[below] * (1.0 - part) + density[below + 1] * part) / run.origin.ev_per_hartree
    };
    let difference = |lines: &[[f64; 3]], spins: &[Vec<f64>; 2]| {
        assert_eq!(lines.len(), 80);
        let of_line = |line: &[f64; 3]| {
            (0..2).map(|spin| (at(&spins[spin], line[0]) - line[1 + spin].abs()).abs()).fold(0.0, f64::max)
        };
        let largest = lines.iter().map(|line| line[1]).fold(0.0, f64::max);
        let mut differences: Vec<f64> = lines.iter().map(of_line).collect();
        differences.sort_by(f64::total_cmp);
        (differences[70], differences[79], largest)
    };
    let curve = &dos.curves[0];
    let total = [curve.total[0].clone(), curve.total[1].clone()];
    let (most, worst, all) = difference(&read_dosmain("DOS.tetrahedron"), &total);
    println!("fe_spin: 70 of 80 differences below {most:.1e}, the largest {worst:.1e} of {all:.2} states/eV");
    assert!(most < 2e-4 && worst < 2e-3 * all && all > 2.0, "{most:e} {worst:e} of {all}");
    let of_l = |l: &str, spin: usize| {
        let groups = (0..dos.groups.len()).filter(|&group| dos.groups[group].contains(l));
        let projected = &curve.projected.as_ref().unwrap()[spin];
        groups.fold(vec![0.0; own.len()], |sum, group| sum.iter().zip(&projected[group]).map(|(a, b)| a + b).collect())
    };
    for (l, names) in [(" s ", &["s1"][..]), (" p ", &["p1", "p2", "p3"]), (" d ", &["d1", "d2", "d3", "d4", "d5"])] {
        let files: Vec<_> = names.iter().map(|name| read_dosmain(&format!("PDOS.tetrahedron.atom1.{name}"))).collect();
        let sum = |place: usize| -> [f64; 3] {
            let column = |i: usize| files.iter().map(|lines| lines[place][i].abs()).sum::<f64>();
            [files[0][place][0], column(1), column(2)]
        };
        let lines: Vec<_> = (0..files[0].len()).map(sum).collect();
        let (_, worst, largest) = difference(&lines, &[of_l(l, 0), of_l(l, 1)]);
        println!("fe_spin{l}: largest difference {worst:.1e} of {largest:.2} states/eV");
        assert!(worst < 2e-3 * all, "{l}: {worst:e} of {largest}");
    }
}
