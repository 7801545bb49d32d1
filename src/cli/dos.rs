//! `hzero dos`.

use std::path::PathBuf;

use anyhow::Context;

use super::Outcome;
use super::figure_args::FigureArgs;
use super::kpm::{self, KpmArgs};
use super::one_run::OneRun;
use super::sources::Others;
use super::spectrum_args::{OfArg, SpectrumArgs};
use crate::bands::dos::{self, Dos, LevelOf, Method, Options, export};
use crate::bands::mesh::default_grid;
use crate::bands::projection::{By, Groups};
use crate::bands::structure::{Align, BandStructure, Source, compute, compute_fat, path};
use crate::parsers::{Calculation, KGrid, Of, Smearing};

/// Name of the outputs.
const STEM: &str = "dos";

/// Densities of states, total and projected on species, atoms, shells or orbitals (Mulliken)
///
/// Writes STEM.dat (for gnuplot), STEM.json, STEM.svg, STEM.png, STEM.html (for a browser) and, with HDF5, STEM.h5. Energies are in eV
/// relative to the Fermi level as in `hzero bands`, by default those of the states from 25 eV below it to 10 eV above; densities are in
/// states per eV and cell.
#[derive(clap::Args)]
pub struct Args {
    /// Which Hamiltonian of the run [default: those that are there]
    #[arg(long)]
    of: Option<OfArg>,
    /// Draw the Hamiltonian of this folder too (such as a prediction); may be repeated
    #[arg(long, value_name = "FOLDER")]
    with: Vec<PathBuf>,
    /// k mesh such as 24x24x1, around the zone centre; `run` for the run's own [default: twice as dense as that, at most 0.15 1/angstrom apart]
    #[arg(long, value_name = "NxMxL|run", value_parser = mesh)]
    mesh: Option<Mesh>,
    /// Interpolate between the points of the mesh (linear tetrahedra, triangles or lines) [default where the cell is periodic]
    #[arg(long, conflicts_with = "smearing")]
    tetrahedra: bool,
    /// Broaden each state instead: gaussian, fermi, mp1, mp2 or cold, and the width in eV [default for molecules: gaussian:0.1]
    #[arg(long, value_name = "KIND:WIDTH", value_parser = smearing)]
    smearing: Option<(Kind, f64)>,
    /// Distance of two energies, eV
    #[arg(long, value_name = "EV", default_value_t = 0.02, value_parser = positive)]
    step: f64,
    /// Project on groups of orbitals
    #[arg(long, value_enum)]
    by: Option<By>,
    /// Project on these atoms one by one, such as 1,3-5, and on the others together
    #[arg(long, value_name = "LIST", requires = "by")]
    atoms: Option<String>,
    /// Where zero is
    #[arg(long, value_enum, default_value_t = Align::Fermi)]
    align: Align,
    /// Which Fermi level is taken
    #[arg(long, value_enum, default_value_t = LevelOf::Run)]
    level: LevelOf,
    /// Draw the bands beside it, along this path [default: as `hzero bands`]
    #[arg(long, value_name = "PATH", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    bands: Option<String>,
    #[command(flatten)]
    figures: FigureArgs,
    #[command(flatten)]
    spectrum: SpectrumArgs,
    #[command(flatten)]
    run: OneRun,
    #[command(flatten)]
    kpm: KpmArgs,
}

/// A mesh as the user names it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mesh {
    Run,
    Divisions([u32; 3]),
}

/// Points of a mesh that fit into memory with their energies.
const MOST_POINTS: u32 = 10_000_000;

fn mesh(text: &str) -> Result<Mesh, String> {
    let wrong = || format!("`{text}` is neither three numbers such as 24x24x1 nor `run`");
    if text == "run" {
        return Ok(Mesh::Run);
    }
    let numbers: Vec<u32> = text.split('x').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
    let divisions = <[u32; 3]>::try_from(numbers).map_err(|_| wrong())?;
    if divisions.contains(&0) {
        return Err(wrong());
    }
    let n_points = divisions.iter().try_fold(1_u32, |n, &along| n.checked_mul(along));
    match n_points.is_some_and(|n| n <= MOST_POINTS) {
        true => Ok(Mesh::Divisions(divisions)),
        false => Err(format!("`{text}` has more than {MOST_POINTS} points")),
    }
}

/// A way of broadening, without its width.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Gaussian,
    Fermi,
    MethfesselPaxton(u8),
    Cold,
}

impl Kind {
    fn of_width(self, width: f64) -> Smearing {
        match self {
            Kind::Gaussian => Smearing::Gaussian(width),
            Kind::Fermi => Smearing::FermiDirac(width),
            Kind::MethfesselPaxton(order) => Smearing::MethfesselPaxton { width, order },
            Kind::Cold => Smearing::Cold(width),
        }
    }
}

fn smearing(text: &str) -> Result<(Kind, f64), String> {
    let (name, width) = text.split_once(':').ok_or("write KIND:WIDTH, e.g. gaussian:0.1")?;
    let kind = match name {
        "gaussian" | "gauss" => Kind::Gaussian,
        "fermi" => Kind::Fermi,
        "mp1" => Kind::MethfesselPaxton(1),
        "mp2" => Kind::MethfesselPaxton(2),
        "cold" => Kind::Cold,
        _ => return Err(format!("`{name}` is none of gaussian, fermi, mp1, mp2, cold")),
    };
    Ok((kind, positive(width)?))
}

pub(super) fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| format!("`{text}` is no positive number"))
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let run = args.run.read()?;
    let located = || args.run.name();
    let others = Others::read(&run, &args.run.place, &args.with, &args.run.files.basis)?;
    let sources = others.with_own(&run, args.of.map(Of::from)).with_context(located)?;
    let options = args.options(&run).with_context(located)?;
    if let Some(moments) = args.kpm.options(run.origin.ev_per_hartree) {
        let computed = kpm::compute(&run, &sources, &options, &moments).with_context(located)?;
        let bands = args.bands(&run, &sources, &options, &computed.dos).with_context(located)?;
        let mut files = args.write(&computed.dos, bands.as_ref())?;
        files.push(kpm::write_errors(&computed, &args.figures.out, args.figures.stem(STEM))?);
        return args.print(&computed.dos, || kpm::summary(&computed, &moments, run.basis.n_orbitals(), &files));
    }
    let dos = dos::compute(&run, &sources, &options).with_context(located)?;
    let bands = args.bands(&run, &sources, &options, &dos).with_context(located)?;
    let files = args.write(&dos, bands.as_ref())?;
    args.print(&dos, || summary(&dos, &options, &files))
}

impl Args {
    /// The bands of the same Hamiltonians on the same axis of energies, with weights on the same groups, if they are asked for.
    fn bands(
        &self,
        run: &Calculation,
        sources: &[Source<'_>],
        options: &Options,
        dos: &Dos,
    ) -> anyhow::Result<Option<BandStructure>> {
        let Some(text) = &self.bands else { return Ok(None) };
        let path = path(run, (!text.is_empty()).then_some(text), None)?;
        let mut bands = match &options.groups {
            Some(groups) => compute_fat(run, sources, path, self.align, options.spectrum, groups)?,
            None => compute(run, sources, path, self.align, options.spectrum)?,
        };
        for (curve, density) in bands.curves.iter_mut().zip(&dos.curves) {
            (curve.fermi_level, curve.zero) = (density.fermi_level, density.zero);
        }
        Ok(Some(bands))
    }

    fn write(&self, dos: &Dos, bands: Option<&BandStructure>) -> anyhow::Result<Vec<PathBuf>> {
        self.figures.write(&self.run.place, STEM, bands, Some(dos))
    }

    fn print(&self, dos: &Dos, summary: impl FnOnce() -> String) -> anyhow::Result<Outcome> {
        super::print(&self.figures.text(&export::json(dos), summary)?)?;
        Ok(Outcome::Done)
    }

    fn options(&self, run: &Calculation) -> anyhow::Result<Options> {
        let ev = 1.0 / run.origin.ev_per_hartree;
        let grid = self.grid(run)?;
        let method = match self.smearing {
            Some((kind, width)) => Method::Smearing(kind.of_width(width * ev)),
            None if self.tetrahedra => Method::Tetrahedra,
            None => Method::usual(&grid, run),
        };
        let atoms = self.atoms.as_deref().map(|list| parse_atoms(list, run.basis.n_atoms())).transpose()?;
        Ok(Options {
            grid,
            method,
            window: self.figures.window().map(|ends| ends.map(|end| end * ev)),
            step: self.step * ev,
            groups: self.by.map(|by| Groups::new(&run.basis, by, atoms.as_deref())),
            align: self.align,
            level: self.level,
            spectrum: self.spectrum.options(),
            ..Options::usual(run)?
        })
    }

    fn grid(&self, run: &Calculation) -> anyhow::Result<KGrid> {
        match self.mesh {
            Some(Mesh::Run) => run.k_grid.context("the run states no regular mesh of k points: give --mesh NxMxL"),
            Some(Mesh::Divisions(divisions)) => Ok(KGrid { divisions, ..default_grid([false; 3]) }),
            None => Ok(dos::dense_grid(run)?),
        }
    }
}

/// Indices from 0 of a list such as `1,3-5`.
fn parse_atoms(list: &str, n_atoms: usize) -> anyhow::Result<Vec<usize>> {
    let mut atoms = Vec::new();
    for part in list.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let ends: Option<(usize, usize)> = first.parse().ok().zip(last.parse().ok());
        let (first, last) = ends.with_context(|| format!("--atoms: `{part}` is neither a number nor a range"))?;
        anyhow::ensure!((1..=last).contains(&first) && last <= n_atoms, "--atoms: `{part}` of {n_atoms} atoms");
        atoms.extend(first - 1..last);
    }
    Ok(atoms)
}

fn summary(dos: &Dos, options: &Options, files: &[PathBuf]) -> String {
    let [x, y, z] = options.grid.divisions;
    let how = match options.method {
        Method::Tetrahedra => "linear interpolation".to_owned(),
        Method::Smearing(smearing) => format!("{smearing:?} (hartree)"),
    };
    let mut text = format!("{x}x{y}x{z} k points, {how}\n");
    for curve in &dos.curves {
        let level = curve.fermi_level.map(|level| level * dos.ev_per_hartree);
        let level = level.map_or("unknown".to_owned(), |level| format!("{level:.6} eV"));
        text += &format!("{:<12} Fermi level {level}", curve.name);
        if let Some((density, states)) = dos.at_zero(curve) {
            text += &format!(", {states:.6} states below zero, {density:.6} states/eV/cell at zero");
        }
        text += "\n";
    }
    files.iter().for_each(|file| text += &format!("wrote {}\n", file.display()));
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn lists_of_atoms_are_read_as_people_write_them() {
        assert_eq!(parse_atoms("1, 3-5", 5).unwrap(), [0, 2, 3, 4]);
        for bad in ["0", "6", "3-2", "x", "", "1-", "1,,2"] {
            assert!(parse_atoms(bad, 5).is_err(), "{bad}");
        }
    }

    #[derive(clap::Parser)]
    struct Program {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn kernel_polynomials_take_no_options_of_diagonalization() {
        let parsed = |options: &[&str]| Program::try_parse_from([&["dos", "run", "--kpm"], options].concat());
        assert!(parsed(&["--moments", "100"]).is_ok_and(|program| program.args.smearing.is_none()));
        for refused in [&["--tetrahedra"][..], &["--smearing", "gaussian:0.1"], &["--null-space", "1e-6"]] {
            assert!(parsed(refused).is_err_and(|error| error.kind() == ErrorKind::ArgumentConflict), "{refused:?}");
        }
    }

    #[test]
    fn meshes_and_smearings_are_read_as_people_write_them() {
        assert_eq!(mesh("24x24x1"), Ok(Mesh::Divisions([24, 24, 1])));
        assert_eq!(mesh("run"), Ok(Mesh::Run));
        assert!(["24x24", "0x1x1", "24", "axbxc", "1x1x1x1"].iter().all(|bad| mesh(bad).is_err()));
        for large in ["10000x10000x10000", "65536x65536x1", "10000001x1x1"] {
            assert_eq!(mesh(large), Err(format!("`{large}` has more than 10000000 points")));
        }
        assert_eq!(mesh("10000x1000x1"), Ok(Mesh::Divisions([10_000, 1000, 1])));
        assert_eq!(smearing("mp2:0.2"), Ok((Kind::MethfesselPaxton(2), 0.2)));
        assert!(
            ["gaussian", "gaussian:0", "gaussian:-1", "square:1", "cold:x"].iter().all(|bad| smearing(bad).is_err())
        );
    }
}
