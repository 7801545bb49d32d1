//! Options and reports of `hzero dos --kpm`.

use std::path::{Path, PathBuf};

use crate::bands::dos::Dos;
pub use crate::bands::kpm::compute::compute;
use crate::bands::kpm::compute::{Computed, Report};
use crate::bands::kpm::estimate::Estimate;
use crate::bands::kpm::moments::{Options, Resolution, Starts};
use crate::parsers::output::write_file;

/// Kernel polynomials.
#[derive(clap::Args, Debug, Clone)]
#[command(next_help_heading = "Very large cells: kernel polynomials instead of eigenvalues")]
pub struct KpmArgs {
    /// Estimate everything from random vectors, with errors; time grows as the power 1.3 (layers) or 1.5 (bulk) of the number of atoms, not 3
    #[arg(long, conflicts_with_all = ["tetrahedra", "smearing", "null_space"])]
    kpm: bool,
    /// Number of Chebyshev moments [default: as many as --sigma needs]
    #[arg(long, value_name = "M", requires = "kpm", value_parser = clap::value_parser!(u32).range(2..=10_000_000))]
    moments: Option<u32>,
    /// Broadening, eV: the largest standard deviation of the kernel
    #[arg(long, value_name = "EV", requires = "kpm", conflicts_with = "moments", default_value_t = 0.1, value_parser = super::dos::positive)]
    sigma: f64,
    /// Number of random vectors; errors fall as its root, and as that of the number of atoms
    #[arg(long, value_name = "R", requires = "kpm", default_value_t = 16, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    vectors: u32,
    /// Seed of the random vectors
    #[arg(long, value_name = "N", requires = "kpm", default_value_t = 1)]
    seed: u64,
}

impl KpmArgs {
    /// How moments are computed, where they are wanted.
    pub fn options(&self, ev_per_hartree: f64) -> Option<Options> {
        let resolution = match self.moments {
            Some(n) => Resolution::Moments(n as usize),
            None => Resolution::Sigma(self.sigma / ev_per_hartree),
        };
        self.kpm.then_some(Options { resolution, starts: Starts::Random(self.vectors as usize), seed: self.seed })
    }
}

/// Writes `STEM.errors.dat`: what the summary says of occupied states, and by energy for each Hamiltonian and spin the density of
/// states, its standard error, the states below that energy, and their error.
pub fn write_errors(computed: &Computed, folder: &Path, stem: &str) -> anyhow::Result<PathBuf> {
    let file = folder.join(format!("{stem}.errors.dat"));
    let dos = &computed.dos;
    let columns: Vec<[&Vec<f64>; 4]> = dos
        .curves
        .iter()
        .zip(&computed.reports)
        .flat_map(|(curve, report)| {
            let spins = 0..curve.total.len();
            spins.map(|s| [&curve.total[s], &report.total_error[s], &curve.integrated[s], &report.integrated_error[s]])
        })
        .collect();
    write_file(&file, |out| {
        for (curve, report) in dos.curves.iter().zip(&computed.reports) {
            writeln!(out, "# {}:", curve.name)?;
            occupied(dos, report).lines().try_for_each(|line| writeln!(out, "# {line}"))?;
        }
        writeln!(out, "# energy (eV); per Hamiltonian and spin: states/eV/cell, error, states/cell below, error")?;
        for (point, energy) in dos.energies_ev().iter().enumerate() {
            write!(out, "{energy:.6}")?;
            for [total, error, integrated, of_integrated] in &columns {
                let per_ev = |of: &[f64]| of[point] / dos.ev_per_hartree;
                let (below, below_error) = (integrated[point], of_integrated[point]);
                write!(out, " {:.8e} {:.2e} {below:.8e} {below_error:.2e}", per_ev(total), per_ev(error))?;
            }
            writeln!(out)?;
        }
        Ok(())
    })?;
    Ok(file)
}

/// Up to so many orbitals, diagonalization at one k point takes less time than some thousand moments.
const MOST_OF_A_SMALL_CELL: usize = 2000;

/// What a person wants to know at a glance.
pub fn summary(computed: &Computed, kpm: &Options, n_orbitals: usize, files: &[PathBuf]) -> String {
    let dos = &computed.dos;
    let vectors = match kpm.starts {
        Starts::Random(n) => format!("{n} random vectors per k point, seed {}", kpm.seed),
        Starts::All => "all unit vectors".to_owned(),
    };
    let mut text = format!("kernel polynomials, {vectors}\n");
    for (curve, report) in dos.curves.iter().zip(&computed.reports) {
        let broadening = report.broadening * dos.ev_per_hartree;
        text += &format!("{}: {} moments or more, broadening up to {broadening:.4} eV\n", curve.name, report.n_moments);
        text += &occupied(dos, report);
    }
    if n_orbitals <= MOST_OF_A_SMALL_CELL {
        text +=
            &format!("{n_orbitals} orbitals are few: without --kpm, densities are exact and usually sooner there\n");
    }
    files.iter().for_each(|file| text += &format!("wrote {}\n", file.display()));
    text
}

fn occupied(dos: &Dos, report: &Report) -> String {
    let Some(filling) = &report.filling else { return "  the number of electrons is unknown\n".to_owned() };
    let row = |name: &str, of: Estimate| {
        let of = of.times(dos.ev_per_hartree);
        format!("  {name:<14} {:.6} ± {:.6} eV\n", of.value, of.error)
    };
    let mut text = match filling.resolves_smearing {
        true => String::new(),
        false => {
            "  occupations are smeared by the kernel: more moments would resolve the run's own smearing\n".to_owned()
        }
    };
    filling.fermi_levels.iter().for_each(|&level| text += &row("Fermi level", level));
    text += &row("band energy", filling.band_energy);
    text += &row("-TS", filling.entropy_energy);
    for (name, electrons) in dos.groups.iter().zip(&report.populations) {
        text += &format!("  {name:<14} {:.6} ± {:.6} electrons (Mulliken)\n", electrons.value, electrons.error);
    }
    text
}
