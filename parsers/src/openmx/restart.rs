//! What OpenMX needs to go on from a Hamiltonian.
//!
//! `openmx` has no option for it. It reads H and DM from `<name>_rst/`, but rebuilds H from the density on the grid unless
//! spin–orbit coupling, Hubbard U, a constraint or a Zeeman term is on (`DFT.c`), and that density is the atoms' as long as
//! `<name>_rst/` holds none. So it takes two runs: the first diagonalises H (with U = 0, where nothing else is on) and leaves
//! its density in `<name>_rst/`; the second is an ordinary restart from there.

mod input;

use std::iter::Sum;
use std::ops::Mul;
use std::path::Path;

use super::matrix::Blocks;
use super::predicted::{self, file_stem};
use super::{Dat, Layout};
use crate::error::{Error, Result};
use crate::operator::{Operator, SpinOperator, c64};
use crate::output::write_file;
use crate::predicted::Prediction;
use crate::restart::{Continuation, Restart, Route};

/// Writes the files of [`predicted::write`] with the DM, Fermi level and total spin of H in all of them, and where the
/// real-space grid is known the inputs of a second run: `<name>.scf.dat` and `<name>.energies.dat`.
///
/// # Errors
/// As [`Prediction::write`]; where H or DM lacks a block of the run's file.
pub fn write(folder: &Path, shown: &Path, continuation: &Continuation, layout: &Layout) -> Result<Restart> {
    let (run, density) = (continuation.prediction.run, continuation.density);
    require_one_geometry(layout)?;
    let fermi_level = continuation.prediction.fermi_level.unwrap_or(density.fermi_level);
    let prediction = Prediction { fermi_level: Some(fermi_level), ..continuation.prediction };
    let mut scfout = predicted::scfout(&prediction, layout)?;
    Blocks::new(&scfout, &run.basis)?.set_density_matrix(&mut scfout, &density.matrix)?;
    let spin = run.overlap.as_ref().and_then(|overlap| total_spin(&density.matrix, overlap));
    scfout.tail.total_spin = spin.unwrap_or(scfout.tail.total_spin);
    let mut files = predicted::write_files(folder, &scfout, &run.basis, layout)?;
    let dat = scfout.input();
    let name = file_stem(&dat);
    let mut routes = Vec::new();
    if layout.grid.is_some() {
        let own = input::own(layout);
        for way in [Way::Scf, Way::Energies] {
            files.push(folder.join(way.file(&name)));
            let text = way.input(&own);
            write_file(&files[files.len() - 1], |out| out.write_all(text.as_bytes()))?;
        }
        routes.extend(Way::ALL.map(|way| way.route(&name, &dat, shown)));
        if own.moves_atoms() {
            routes.iter_mut().for_each(|route| route.cautions.push(MOVES.to_owned()));
        }
    }
    routes.push(tools(&name));
    Ok(Restart { files, routes })
}

/// The `.scfout` of a relaxation is of its last geometry, the input text in it of the first.
fn require_one_geometry(layout: &Layout) -> Result<()> {
    if predicted::template(layout).is_some_and(|scfout| scfout.input().has_several_geometries()) {
        let message = "atoms moved in this run (MD.Type): H belongs to the last geometry, the input to the first; run the \
             geometry of NAME.dat# with MD.Type nomd";
        return Err(Error::unsupported(message));
    }
    Ok(())
}

/// `Total_SpinS`: ½ |tr(σ DM S)|, for collinear spins with its sign. `None` without spin, or where S has other blocks.
fn total_spin(dm: &SpinOperator, overlap: &Operator<f64>) -> Option<f64> {
    if dm.pairs() != overlap.pairs() {
        return None;
    }
    match dm {
        SpinOperator::Unpolarized(_) => None,
        SpinOperator::Collinear(spins) => {
            let [up, down] = spins.each_ref().map(|dm| trace(dm, overlap));
            Some(0.5 * (up - down))
        }
        SpinOperator::Spinor(spins) => {
            let [uu, ud, du, dd] = spins.each_ref().map(|dm| trace(dm, overlap));
            Some(0.5 * [ud + du, ud - du, uu - dd].iter().map(c64::norm_sqr).sum::<f64>().sqrt())
        }
    }
}

/// tr(A S), both on the same blocks.
fn trace<T: Copy + Mul<f64, Output = T> + Sum>(a: &Operator<T>, overlap: &Operator<f64>) -> T {
    a.values().iter().zip(overlap.values()).map(|(&a, &s)| a * s).sum()
}

/// How `openmx` goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    OneShot,
    Scf,
    Energies,
}

impl Way {
    const ALL: [Way; 3] = [Way::OneShot, Way::Scf, Way::Energies];

    fn name(self) -> &'static str {
        match self {
            Way::OneShot => "one-shot",
            Way::Scf => "scf",
            Way::Energies => "energies",
        }
    }

    fn file(self, name: &str) -> String {
        match self {
            Way::OneShot => format!("{name}.dat"),
            other => format!("{name}.{}.dat", other.name()),
        }
    }

    fn purpose(self) -> &'static str {
        match self {
            Way::OneShot => "one diagonalisation of H: bands, DOS, charges, and the density for a second run",
            Way::Scf => "after one-shot: an SCF to your own criterion from the density of H",
            Way::Energies => "after one-shot: energy and forces of the density of H, with one more diagonalisation",
        }
    }

    /// The ready input of the second run.
    fn input(self, own: &Dat) -> String {
        match self {
            Way::Energies => input::energies(own),
            _ => input::scf(own),
        }
    }

    fn input_lines(self, dat: &Dat) -> Vec<String> {
        match self {
            Way::OneShot => input::one_shot_lines(dat),
            Way::Scf => vec!["scf.restart on".into()],
            Way::Energies => vec!["scf.restart on".into(), "scf.maxIter 1".into()],
        }
    }

    fn route(self, name: &str, dat: &Dat, shown: &Path) -> Route {
        let file = self.file(name);
        let run = format!(
            "in {}: `openmx {file}`; DATA.PATH in {file} must lead to your DFT_DATA from there",
            shown.display()
        );
        let cautions = self.cautions().iter().map(|caution| caution.replace("NAME", name));
        Route {
            name: self.name(),
            purpose: self.purpose().to_owned(),
            files: vec![file, format!("{name}_rst/")],
            input_lines: self.input_lines(dat),
            cautions: [run].into_iter().chain(cautions).collect(),
        }
    }

    fn cautions(self) -> &'static [&'static str] {
        match self {
            Way::OneShot => &[
                FOUND,
                "with scf.Hubbard.U on, every line of Atoms.SpeciesAndCoordinates must end in off (or on): NAME.dat has it",
                "total energy and forces of this run are those of the atomic density with another H: wrong",
                "the mixing must be simple, rmm-diis or rmm-diish: rmm-diisk and kerker keep the old density in NAME_rst/, and a \
                 second run starts as cold as ever",
            ],
            Way::Scf => &[
                FOUND,
                "your own input without the lines of one-shot: scf.Hubbard.U with U = 0 must not be in it",
                "its files replace those of one-shot: copy what you want to keep",
                "3 iterations are the fewest that OpenMX makes",
            ],
            Way::Energies => &[
                FOUND,
                "bands and files of this run are those of H[density of H], one step closer to self-consistency than H",
                "its files replace those of one-shot: copy what you want to keep",
            ],
        }
    }
}

/// OpenMX goes on from atoms without an error where it finds nothing.
const FOUND: &str = "look for `<Restart>  Found restart files` in the output: where it says `Could not find restart files`, \
     nothing was taken (files missing, or another real-space grid)";

const MOVES: &str = "atoms move in your input: the positions in it must be those that H belongs to";

/// jx, kSpin, polB and friends.
fn tools(name: &str) -> Route {
    Route {
        name: "tools",
        purpose: "jx, kSpin, polB, calB, Z2FH and all that reads an scfout".to_owned(),
        files: vec![format!("{name}.scfout")],
        input_lines: Vec::new(),
        cautions: vec![
            "H, DM and ChemP are those of this H; position and momentum operators and S are the run's own".to_owned(),
        ],
    }
}
