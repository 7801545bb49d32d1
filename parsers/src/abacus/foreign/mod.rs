//! ABACUS' files of runs that did not come from ABACUS: a folder with matrices, STRU, INPUT and KPT, which is a run again.
//!
//! The numbers belong to the orbitals of the other code: bands, densities of states and transport follow from them, whatever
//! evaluates ABACUS' own radial functions (`abacus` itself among it) does not. The orbital files that STRU names to state the
//! shells (`C_8au_2s2p1d.orb`) do not exist.

mod inputs;

use std::path::Path;
use std::sync::Arc;

use super::csr::{Csr, CsrLayout, Header, Quantity, Version, structure_lines};
use super::predicted::put;
use super::{constants, matrix};
use crate::calculation::{Calculation, Of, Smearing};
use crate::cells::Moves;
use crate::convert::{Fate, Writing};
use crate::error::Result;
use crate::ev::Ev;
use crate::foreign::{self, Matrices};
use crate::format::Format;
use crate::operator::{Operator, SpinOperator, c64};
use crate::output::write_file;
use crate::predicted::not_representable;

const FORMAT: &str = "ABACUS csr";
/// Digits after the point: with the one before it they tell every double.
const DIGITS: usize = 16;

/// Writes the files into the folder `target`, in the old or the new layout, with all elements that are not 0 to the last bit.
/// Atoms go into the cell, as ABACUS moves them on reading.
///
/// # Errors
/// `Io`; `NotRepresentable` where the run lacks S, atoms of one species are apart or shells out of order; `Inconsistent`
/// where H or DM is not whole.
pub fn write(target: &Path, format: Format, job: &Writing) -> Result<()> {
    foreign::check_shells(&job.run.basis, FORMAT, u8::MAX)?;
    check_atoms(job.run)?;
    let matrices = Matrices::of(job, FORMAT)?;
    notes(job, &matrices);
    let version = if format == Format::AbacusOld { Version::Old } else { Version::New };
    Folder { target, version, job, moves: Moves::into_cell(&job.run.structure) }.write(&matrices)
}

/// STRU lists atoms species by species.
fn check_atoms(run: &Calculation) -> Result<()> {
    let groups: Vec<&[usize]> = run.structure.species.chunk_by(|a, b| a == b).collect();
    let is_apart = |(n, group): (usize, &&[usize])| groups[..n].iter().any(|other| other[0] == group[0]);
    match groups.iter().enumerate().any(is_apart) {
        true => Err(not_representable(FORMAT, "atoms of one species do not follow each other")),
        false => Ok(()),
    }
}

fn notes(job: &Writing, matrices: &Matrices) {
    job.notes
        .add(Fate::Changed, "STRU names orbital files, to state the shells, and pseudopotentials that do not exist");
    if job.run.k_grid.is_some() {
        foreign::note_kpoints(job);
    }
    if let Some(Smearing::MethfesselPaxton { order: order @ 4.., .. }) = job.run.smearing {
        job.notes.add(
            Fate::Changed,
            format!("Methfessel-Paxton smearing of order {order} to order 3, the highest in ABACUS"),
        );
    }
    if let Some(SpinOperator::Spinor(dm)) = matrices.density_matrix {
        let is_complex = |operator: &Operator<c64>| operator.values().iter().any(|value| value.im != 0.0);
        if is_complex(&dm[0]) || is_complex(&dm[3]) {
            let text =
                "imaginary parts of the density and the magnetization in DM, which ABACUS' files have no place for";
            job.notes.add(Fate::Lost, text);
        }
    }
    if !Moves::into_cell(&job.run.structure).is_none() {
        let text =
            "atoms outside of the cell are moved into it by lattice vectors, and the R of their blocks with them";
        job.notes.add(Fate::Changed, text);
    }
}

/// What is being written.
struct Folder<'a> {
    target: &'a Path,
    version: Version,
    job: &'a Writing<'a>,
    moves: Moves,
}

impl Folder<'_> {
    fn write(&self, matrices: &Matrices) -> Result<()> {
        let nspin = matrices.hamiltonian.map(|(_, h)| h.nspin()).or(self.job.run.nspin()).unwrap_or(1);
        let h = matrices.hamiltonian.map(|(_, h)| self.whole("H", h)).transpose()?;
        let dm = matrices.density_matrix.map(|dm| self.whole("DM", dm)).transpose()?;
        let basis = &self.job.run.basis;
        let layouts = |quantity, nspin| self.layouts(quantity, nspin);
        if let Some(h) = &h {
            self.put(
                &matrix::hamiltonian_to_csr(h, basis, &layouts(Quantity::Hamiltonian, nspin))?,
                Quantity::Hamiltonian,
            )?;
        }
        if let Some(dm) = &dm {
            let layouts = layouts(Quantity::DensityMatrix, dm.nspin());
            self.put(&matrix::density_matrix_to_csr(dm, basis, &layouts)?, Quantity::DensityMatrix)?;
        }
        let overlap = self.moves.operator(matrices.overlap, basis)?;
        let layout = &layouts(Quantity::Overlap, nspin)[0];
        self.put(&[matrix::overlap_to_csr(&overlap, basis, layout)], Quantity::Overlap)?;
        self.put_texts(nspin, matrices.hamiltonian.map(|(of, _)| of))
    }

    /// With the Hermitian partner of every block, and R that count from where the atoms go.
    fn whole(&self, name: &str, operator: &SpinOperator) -> Result<SpinOperator> {
        let basis = &self.job.run.basis;
        let own = operator.pairs().as_slice().iter();
        let pairs = crate::operator::Pairs::new(own.flat_map(|pair| [*pair, pair.reversed()]).collect(), basis)?;
        self.moves.spin(&foreign::whole(name, operator, &Arc::new(pairs), basis)?, basis)
    }

    /// One for each spin.
    fn layouts(&self, quantity: Quantity, nspin: usize) -> Vec<CsrLayout> {
        let header = |spin| match self.version {
            Version::Old => Header::old_layout(quantity, 0),
            Version::New => Header::new_layout(quantity, 1, nspin, spin, &self.structure_lines()),
        };
        let layout = |spin| CsrLayout {
            header: header(spin),
            digits: DIGITS,
            is_complex: nspin == 4 && quantity != Quantity::DensityMatrix,
            lattice_vectors: Vec::new(),
            threshold: 0.0,
        };
        let n_files = if nspin == 2 && quantity != Quantity::Overlap { 2 } else { 1 };
        (0..n_files).map(layout).collect()
    }

    fn structure_lines(&self) -> Vec<String> {
        let structure = self.moves.structure(&self.job.run.structure);
        let labels = inputs::labels(&self.job.run.basis);
        let of_atoms: Vec<&str> = structure.species.iter().map(|&species| labels[species].as_str()).collect();
        structure_lines(&structure, &of_atoms)
    }

    fn put(&self, csrs: &[Csr], quantity: Quantity) -> Result<()> {
        let mut files = csrs.iter().enumerate();
        files.try_for_each(|(spin, csr)| put(self.target, csr, quantity, self.version, spin).map(drop))
    }

    fn put_texts(&self, nspin: usize, of: Option<Of>) -> Result<()> {
        let run = self.job.run;
        let stru = inputs::stru(run, &self.moves.structure(&run.structure));
        self.put_text("STRU", &stru.write())?;
        self.put_text("INPUT", &inputs::input(run, nspin, of))?;
        if let Some(kpt) = inputs::kpt(run) {
            self.put_text("KPT", &kpt)?;
        }
        self.put_text("info.json", &format!("{:#}\n", facts(run)))
    }

    fn put_text(&self, name: &str, text: &str) -> Result<()> {
        write_file(&self.target.join(name), |out| out.write_all(text.as_bytes()))
    }
}

/// Electrons and Fermi level, for which none of ABACUS' inputs has a place.
fn facts(run: &Calculation) -> serde_json::Value {
    let ev = Ev { per_hartree: constants::EV_PER_HARTREE };
    let level = run.fermi_level.filter(|level| level.is_finite());
    serde_json::json!({ "nelec": run.n_electrons, "fermi_eV": level.map(|level| ev.to_ev(level)) })
}
