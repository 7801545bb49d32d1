//! From a run to a `dat` folder.

use std::io::Write;
use std::path::Path;

use super::{DENSITY_MATRICES, HAMILTONIANS, HINTS, OVERLAPS, basis_text, matrices};
use crate::convert::{Fate, Writing};
use crate::deeph::blocks::{Orbitals, entries_of, spinless_entries_of};
use crate::deeph::entries::Entries;
use crate::error::Result;
use crate::ev::Ev;
use crate::hints;
use crate::operator::SpinOperator;
use crate::output::write_file;
use crate::predicted::not_representable;

/// Writes the run of `job`, whose shells are sorted by l, into the folder `target`.
///
/// # Errors
/// `NotRepresentable` where the run has no matrix, ghost atoms, or atoms of one element with different shells; `Io`.
pub fn write(target: &Path, job: &Writing) -> Result<()> {
    let basis = basis_text::text(&job.run.basis)?;
    write_texts(target, job, &basis)?;
    let writer = Writer { target, job, orbitals: Orbitals::canonical(&job.run.basis) };
    let mut spins = 1;
    if let Some((_, operator)) = job.hamiltonian {
        writer.hamiltonian(operator)?;
        spins = operator.nspin().min(2);
    }
    if let Some(overlap) = &job.run.overlap {
        let entries = spinless_entries_of(overlap, overlap.pairs(), &writer.orbitals);
        matrices::write(&target.join(OVERLAPS[0]), overlap.pairs(), &writer.orbitals, 1, &entries, job.options.double)?;
    }
    if let Some(operator) = &job.run.density_matrix {
        writer.spin_operator(
            DENSITY_MATRICES[0],
            operator,
            &entries_of(operator, operator.pairs(), &writer.orbitals),
        )?;
        spins = spins.max(operator.nspin().min(2));
    }
    if spins == 2 {
        job.notes
            .add(Fate::Changed, "blocks [[uu, ud], [du, dd]] of every pair of atoms, of which DeePTB takes uu alone");
    }
    if job.hamiltonian.is_none() && job.run.overlap.is_none() && job.run.density_matrix.is_none() {
        return Err(not_representable("dftio", "the run has neither H nor S nor DM"));
    }
    Ok(())
}

/// All but the matrices. Numbers are read as the same ones.
fn write_texts(target: &Path, job: &Writing, basis: &str) -> Result<()> {
    let (structure, angstrom) = (&job.run.structure, job.run.origin.angstrom_per_bohr);
    let row = |out: &mut dyn Write, x: f64, y: f64, z: f64| {
        writeln!(out, "{:?} {:?} {:?}", x * angstrom, y * angstrom, z * angstrom)
    };
    write_file(&target.join("cell.dat"), |out| {
        structure.lattice.row_iter().try_for_each(|v| row(out, v[0], v[1], v[2]))
    })?;
    write_file(&target.join("positions.dat"), |out| {
        structure.positions.iter().try_for_each(|v| row(out, v.x, v.y, v.z))
    })?;
    write_file(&target.join("atomic_numbers.dat"), |out| {
        let numbers = (0..structure.n_atoms()).filter_map(|atom| job.run.basis.species_of(atom).z);
        numbers.into_iter().try_for_each(|z| writeln!(out, "{z}"))
    })?;
    write_file(&target.join("pbc.dat"), |out| write!(out, "1.0\n1.0\n1.0\n"))?;
    write_file(&target.join("basis.dat"), |out| write!(out, "{basis}"))?;
    write_file(&target.join("info.json"), |out| {
        let info = serde_json::json!({
            "nframes": 1, "natoms": structure.n_atoms(), "pos_type": "cart", "pbc": [true, true, true]
        });
        Ok(serde_json::to_writer_pretty(out, &info)?)
    })
}

struct Writer<'a> {
    target: &'a Path,
    job: &'a Writing<'a>,
    orbitals: Orbitals<'a>,
}

impl Writer<'_> {
    fn hamiltonian(&self, operator: &SpinOperator) -> Result<()> {
        let ev = Ev { per_hartree: self.job.run.origin.ev_per_hartree };
        let mut entries = entries_of(operator, operator.pairs(), &self.orbitals);
        if self.job.options.double {
            hints::write(self.target, HINTS, &entries.hints(ev))?;
        }
        entries.become_ev(ev);
        if !self.job.options.double {
            let text = format!("single precision: elements of H are rounded by up to {:.1e} eV", rounding(&entries));
            self.job.notes.add(Fate::Changed, text);
        }
        self.spin_operator(HAMILTONIANS[0], operator, &entries)
    }

    fn spin_operator(&self, name: &str, operator: &SpinOperator, entries: &Entries) -> Result<()> {
        let (path, spins) = (self.target.join(name), operator.nspin().min(2));
        matrices::write(&path, operator.pairs(), &self.orbitals, spins, entries, self.job.options.double)
    }
}

/// Largest difference of an element from what single precision keeps of it.
fn rounding(entries: &Entries) -> f64 {
    let lost = |x: f64| (x - f64::from(x as f32)).abs();
    match entries {
        Entries::Real(values) => values.iter().map(|&x| lost(x)).fold(0.0, f64::max),
        Entries::Complex(values) => values.iter().map(|x| lost(x.re).max(lost(x.im))).fold(0.0, f64::max),
    }
}
