//! H of a run as files of Wannier90, one set per spin channel, each with lattice and atoms beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::files::{Kind, OWN_SPINS};
use super::lowdin::{ABOVE_FERMI, Lowdin, Truncation};
use super::mesh::Mesh;
use super::print;
use super::real_space::{Cell, RealSpace};
use super::win::Described;
use crate::basis::Basis;
use crate::calculation::{Calculation, Of};
use crate::convert::{Fate, Writing};
use crate::error::Result;
use crate::ev::Ev;
use crate::operator::{Operator, Pair, SpinOperator, c64};
use crate::output::write_file;
use crate::predicted::not_representable;

/// Name of the files up to their ends: Wannier90's own where nothing else is said.
const SEED: &str = "wannier90";
/// A mesh that was not asked for is made finer until the eigenvalues that matter are wrong by no more, eV.
const GOOD: f64 = 1e-3;
/// Such a mesh grows no further than to files of so many elements.
const MOST_ELEMENTS: usize = 4_000_000;

/// Writes H of `job` into the folder `target`.
///
/// # Errors
/// `NotRepresentable` where the run has no H or S, `Inconsistent` where S(k) is not positive definite; `Io`.
pub fn write(target: &Path, kind: Kind, job: &Writing) -> Result<()> {
    let format = kind.format().capabilities().name;
    let (of, hamiltonian) = job.hamiltonian.ok_or_else(|| not_representable(format, "the run has no H"))?;
    let overlap = job.run.overlap.as_ref().ok_or_else(|| not_representable(format, "the run has no S"))?;
    let models = match overlap.is_identity(&job.run.basis) {
        true => direct(job.run, hamiltonian),
        false => orthogonalized(job, &Lowdin::new(job.run, hamiltonian, overlap))?,
    };
    let spinors = matches!(hamiltonian, SpinOperator::Spinor(_));
    if spinors {
        job.notes.add(Fate::Changed, "two functions per orbital, spin up and then down, as Wannier90 orders spinors");
    }
    let described = described(job.run, of, spinors);
    let seeds =
        if models.len() == 2 { OWN_SPINS.map(|spin| format!("{SEED}{spin}")).into() } else { vec![SEED.to_owned()] };
    for (seed, model) in seeds.iter().zip(&models) {
        let file = |end: &str| target.join(format!("{seed}{end}"));
        write_file(&file(".win"), |out| described.write_win(out))?;
        write_file(&file("_centres.xyz"), |out| described.write_centres(out))?;
        write_file(&file(kind.end()), |out| match kind {
            Kind::Hr => print::hr(out, model),
            Kind::Tb => print::tb(out, model, &described),
        })?;
    }
    if kind == Kind::Tb {
        job.notes.add(Fate::Filled, "the positions between different functions; those of each one are its atom's");
    }
    Ok(())
}

fn described<'a>(run: &'a Calculation, of: Of, spinors: bool) -> Described<'a> {
    let level = run.fermi_level.filter(|level| level.is_finite() && of == Of::Scf);
    Described {
        structure: &run.structure,
        species: (0..run.structure.n_atoms()).map(|atom| run.basis.species_of(atom)).collect(),
        spinors,
        fermi_energy: level.map(|level| level * run.origin.ev_per_hartree),
        angstrom_per_bohr: run.origin.angstrom_per_bohr,
    }
}

/// H(R) as it is: every cell once.
fn direct(run: &Calculation, hamiltonian: &SpinOperator) -> Vec<RealSpace> {
    let ev = Ev { per_hartree: run.origin.ev_per_hartree };
    match hamiltonian {
        SpinOperator::Unpolarized(both) => vec![dense(&run.basis, 1, ev, &[(both, [0, 0])])],
        SpinOperator::Collinear(spins) => {
            spins.iter().map(|spin| dense(&run.basis, 1, ev, &[(spin, [0, 0])])).collect()
        }
        SpinOperator::Spinor([uu, ud, du, dd]) => {
            vec![dense(&run.basis, 2, ev, &[(uu, [0, 0]), (ud, [0, 1]), (du, [1, 0]), (dd, [1, 1])])]
        }
    }
}

/// The components with their spins, `per_orbital` functions for each orbital.
fn dense<T>(basis: &Basis, per_orbital: usize, ev: Ev, components: &[(&Operator<T>, [usize; 2])]) -> RealSpace
where
    T: Copy + Into<c64>,
{
    let n = per_orbital * basis.n_orbitals();
    let pairs = components.iter().flat_map(|(operator, _)| operator.pairs().as_slice());
    let cells: BTreeSet<[i32; 3]> = pairs.map(|pair| pair.r).collect();
    let index: BTreeMap<[i32; 3], usize> = cells.iter().enumerate().map(|(index, &r)| (r, index)).collect();
    let mut values = vec![c64::ZERO; cells.len() * n * n];
    for (operator, [s, t]) in components {
        for (&Pair { i, j, r }, block) in operator.blocks() {
            let columns = basis.orbitals_of(j as usize);
            let places = basis.orbitals_of(i as usize).flat_map(|row| columns.clone().map(move |column| (row, column)));
            for ((row, column), &value) in places.zip(block) {
                let value: c64 = value.into();
                let place = (index[&r] * n + per_orbital * row + s) * n + per_orbital * column + t;
                values[place] = c64::new(ev.to_ev(value.re), ev.to_ev(value.im));
            }
        }
    }
    RealSpace::new(n, cells.into_iter().map(|r| Cell { r, degeneracy: 1 }).collect(), values)
}

/// Orthogonalised on the mesh that was asked for, else on one that grows until the energies between its points are good.
fn orthogonalized(job: &Writing, lowdin: &Lowdin) -> Result<Vec<RealSpace>> {
    let (asked, level) = (job.options.mesh, job.run.fermi_level.filter(|level| level.is_finite()));
    let mut divisions = asked.unwrap_or_else(|| lowdin.smallest_mesh());
    loop {
        let mesh = Mesh::new(divisions)?;
        let models = lowdin.on(mesh)?;
        let truncation = lowdin.truncation(mesh, &models, level)?;
        let finer = divisions.map(|n| if n == 1 { 1 } else { n + n / 2 + n / 2 % 2 });
        let elements = finer.iter().map(|&n| n as usize).product::<usize>() * models[0].n_functions().pow(2);
        let is_good = if level.is_some() { truncation.worst_low } else { truncation.worst } <= GOOD;
        if asked.is_some() || is_good || finer == divisions || elements > MOST_ELEMENTS {
            job.notes.add(Fate::Changed, note(divisions, &models[0], &truncation, level.is_some()));
            return Ok(models);
        }
        divisions = finer;
    }
}

fn note([a, b, c]: [u32; 3], model: &RealSpace, truncation: &Truncation, has_fermi_level: bool) -> String {
    let [x, y, z] = truncation.k;
    let low = match has_fermi_level {
        true => format!(", by at most {:.1e} eV up to {ABOVE_FERMI} eV above the Fermi level", truncation.worst_low),
        false => String::new(),
    };
    format!(
        "the orbitals were orthogonalised (Löwdin) on {a} x {b} x {c} k points, {} lattice vectors; energies at {} points \
         between these are wrong by at most {:.1e} eV (band {} of {} at k = {x:.3} {y:.3} {z:.3}){low}",
        model.cells().len(),
        truncation.n_points,
        truncation.worst,
        truncation.band + 1,
        model.n_functions()
    )
}
