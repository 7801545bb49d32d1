//! SIESTA's files of runs that did not come from them, for programs that read H, S and DM alone (sisl, TBtrans, COOP).
//!
//! The numbers belong to the orbitals of the other code: bands, densities of states and transport follow from them, whatever
//! evaluates SIESTA's own radial functions (`siesta` itself among it) does not.

mod pattern;
mod texts;

use std::io;
use std::path::Path;
use std::sync::Arc;

use pattern::Pattern;

use super::hsx::{CellHead, Head, Hsx, KMesh, LABEL_LENGTH, SpeciesHead, Version};
use super::matrix::{
    Places, components_of_density_matrix, components_of_hamiltonian, components_of_overlap, refuse_folded,
    refuse_folded_pairs,
};
use super::predicted::H_IN;
use super::sparsity::Sparsity;
use super::supercell::Supercell;
use super::{Dm, HIn, Nc, Tshs};
use crate::basis::Species;
use crate::calculation::{Calculation, Of, Smearing};
use crate::convert::{Fate, Writing};
use crate::error::Result;
use crate::foreign::{self, LABEL, Matrices};
use crate::format::Format;
use crate::operator::{Operator, SpinOperator, c64};
use crate::output::write_file;
use crate::predicted::not_representable;
use crate::units::RYDBERG_IN_HARTREE;

/// SIESTA's default of 300 K in Ry, for runs without a temperature.
const ROOM_TEMPERATURE: f64 = 1.900_087e-3;

/// Writes the files into the folder `target`, which is a run again: the file of `format`; DM, where the run has it; what lacks
/// there of H and S (HSX beside `H_IN`, `.onlyS` beside a lone DM) and of the shells (`.ORB_INDX` beside TSHS); `.fdf` and `.XV`.
///
/// # Errors
/// `Io`; `NotRepresentable` where the run lacks S, or the H, DM or number of electrons that the format needs; `Inconsistent`
/// where H or DM is not whole.
pub fn write(target: &Path, format: Format, job: &Writing) -> Result<()> {
    let name = format.to_string();
    let matrices = Matrices::of(job, &name)?;
    require(format, &matrices)?;
    let unknown = job.run.n_electrons.is_none().then_some("the number of electrons (Qtot)");
    foreign::fill(job, &name, unknown.as_slice())?;
    note_smearing(job);
    foreign::note_kpoints(job);
    if job.run.k_grid.is_none() {
        job.notes.add(Fate::Changed, "the k mesh is not known: Γ alone stands in its place");
    }
    if format == Format::SiestaHin {
        job.notes.add(Fate::Changed, OTHER_COLUMNS);
    }
    let pairs = Arc::new(matrices.all_pairs(&job.run.basis)?);
    let whole = |name, operator| foreign::whole(name, operator, &pairs, &job.run.basis);
    let h = matrices.hamiltonian.map(|(of, h)| whole("H", h).map(|h| (of, h))).transpose()?;
    let dm = matrices.density_matrix.map(|dm| whole("DM", dm)).transpose()?;
    let hamiltonian = h.as_ref().map(|(of, h)| (*of, h));
    let stored = Stored::new(job.run, Matrices { hamiltonian, density_matrix: dm.as_ref(), ..matrices })?;
    Folder { target, run: job.run }.write(format, &stored)
}

fn require(format: Format, matrices: &Matrices) -> Result<()> {
    let lacks = |what: &str| Err(not_representable(&format.to_string(), what));
    match format {
        Format::SiestaDm if matrices.density_matrix.is_none() => lacks("the run has no DM"),
        Format::SiestaHsx | Format::SiestaHin | Format::SiestaNc if matrices.hamiltonian.is_none() => {
            lacks("the run does not have this H")
        }
        _ => Ok(()),
    }
}

fn note_smearing(job: &Writing) {
    if job.run.smearing.is_none_or(|smearing| smearing.width() <= 0.0) {
        job.notes.add(Fate::Changed, "the electronic temperature is 300 K, SIESTA's default");
    }
}

/// Where files go, under SIESTA's own names.
struct Folder<'a> {
    target: &'a Path,
    run: &'a Calculation,
}

impl Folder<'_> {
    fn write(&self, format: Format, stored: &Stored) -> Result<()> {
        let (hsx, dm) = (stored.hsx()?, stored.dm()?);
        let of = stored.matrices.hamiltonian.map(|(of, _)| of);
        self.put(&self.named("fdf"), |out| out.write_all(texts::fdf(self.run, stored.nspin, of).as_bytes()))?;
        self.put(&self.named("XV"), |out| out.write_all(texts::xv(self.run).as_bytes()))?;
        if let Some(dm) = dm.as_ref().filter(|_| format != Format::SiestaNc) {
            self.put(&self.named("DM"), |out| dm.write(out))?;
        }
        match format {
            Format::SiestaTshs | Format::SiestaDm => self.put_tshs(stored.tshs(hsx)),
            Format::SiestaNc => {
                let nc = Nc { atomic_numbers: self.atomic_numbers(), ..Nc::new(hsx, dm.map(|dm| dm.density_matrix)) };
                nc.write(&self.target.join(self.named("nc")), LABEL)
            }
            Format::SiestaHin => {
                self.put(&self.named("HSX"), |out| hsx.write(out))?;
                let h_in = HIn { sparsity: hsx.sparsity, hamiltonian: hsx.hamiltonian };
                self.put(H_IN, |out| h_in.write(out))
            }
            _ => self.put(&self.named("HSX"), |out| hsx.write(out)),
        }
    }

    /// The format knows orbitals by number only.
    fn put_tshs(&self, tshs: Tshs) -> Result<()> {
        let end = if tshs.hamiltonian.is_empty() { "onlyS" } else { "TSHS" };
        self.put(&self.named(end), |out| tshs.write(out))?;
        let shells = texts::orb_indx(&self.run.basis);
        self.put(&self.named("ORB_INDX"), |out| out.write_all(shells.as_bytes()))
    }

    fn atomic_numbers(&self) -> Vec<i32> {
        self.run.basis.species().iter().map(|species| species.z.map_or(0, i32::from)).collect()
    }

    fn named(&self, end: &str) -> String {
        format!("{LABEL}.{end}")
    }

    fn put(&self, name: &str, write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> Result<()> {
        write_file(&self.target.join(name), write)
    }
}

/// SIESTA takes the columns of `H_IN` for its own, and keeps S in the order that it has itself.
const OTHER_COLUMNS: &str = "the elements of H_IN are those that are not zero, in ascending columns: SIESTA itself reads an H_IN only in the \
     order of its own run (hzero predict and hzero restart write that); a .DM it takes in any";

/// The matrices of a run as SIESTA would store them, all on one pattern: the elements where one of them is not 0 (and their
/// Hermitian partners), in ascending columns.
pub struct Stored<'a> {
    run: &'a Calculation,
    matrices: Matrices<'a>,
    nspin: usize,
    sparsity: Arc<Sparsity>,
    supercell: Arc<Supercell>,
}

impl<'a> Stored<'a> {
    /// Finds the pattern.
    ///
    /// # Errors
    /// `Limit` where the lattice vectors reach too far.
    pub fn new(run: &'a Calculation, matrices: Matrices<'a>) -> Result<Self> {
        let pattern = Pattern::new(&matrices, &run.basis)?;
        let supercell = Arc::new(Supercell::new(widened(&pattern, matrices.overlap, run))?);
        let sparsity = Arc::new(pattern.sparsity(&supercell)?);
        let spin = [matrices.hamiltonian.map(|(_, h)| h), matrices.density_matrix];
        let nspin = spin.into_iter().flatten().map(components).max().or(run.nspin()).unwrap_or(1);
        Ok(Stored { run, matrices, nspin, sparsity, supercell })
    }

    /// HSX of version 2. Charges of ion cores that are not known are 0 unless there is one species only; a principal quantum
    /// number that is not known is l + 1; a Fermi level that is not known is 0, SIESTA's own word for it.
    ///
    /// # Errors
    /// `Inconsistent` where H does not fit the basis.
    pub fn hsx(&self) -> Result<Hsx> {
        let places = self.places()?;
        let hamiltonian = match self.matrices.hamiltonian {
            Some((_, h)) => components_of_hamiltonian(h, self.nspin, &places)?,
            None => Vec::new(),
        };
        let overlap = components_of_overlap(self.matrices.overlap, &places);
        Ok(Hsx { head: Arc::new(self.head()), sparsity: self.sparsity.clone(), hamiltonian, overlap })
    }

    /// DM, where the run has it.
    ///
    /// # Errors
    /// As [`Stored::hsx`].
    pub fn dm(&self) -> Result<Option<Dm>> {
        let Some(dm) = self.matrices.density_matrix else { return Ok(None) };
        Ok(Some(Dm {
            nsc: Some(self.supercell.nsc),
            sparsity: self.sparsity.clone(),
            density_matrix: components_of_density_matrix(dm, self.nspin, &self.places()?)?,
            energy: None,
        }))
    }

    /// TSHS of these matrices, without H (onlyS) where the run has none.
    fn tshs(&self, hsx: Hsx) -> Tshs {
        let (run, mesh) = (self.run, KMesh::of(self.run));
        let only_s = hsx.hamiltonian.is_empty();
        let tshs = Tshs::from_hsx(hsx, &run.structure, self.supercell.clone(), 0.0, mesh);
        let [gamma, ts_gamma, _] = tshs.logicals;
        Tshs { logicals: [gamma, ts_gamma, i32::from(only_s)], nspin: self.nspin, ..tshs }
    }

    fn places(&self) -> Result<Places<'_>> {
        Places::new(&self.sparsity, &self.supercell, &self.run.basis)
    }

    fn head(&self) -> Head {
        let run = self.run;
        let is_scf = self.matrices.hamiltonian.is_none_or(|(of, _)| of == Of::Scf);
        let fermi_level = run.fermi_level.filter(|level| is_scf && level.is_finite());
        Head {
            nspin: self.nspin,
            n_electrons: run.n_electrons.unwrap_or(0.0),
            temperature: temperature(run),
            species: run.basis.species().iter().zip(foreign::valence_charges(run)).map(species_head).collect(),
            species_of: run.structure.species.iter().map(|&species| species as i32 + 1).collect(),
            version: Version::V2(cell(run, self.supercell.clone(), fermi_level), KMesh::of(run)),
        }
    }
}

/// An auxiliary supercell of one cell says that k = Γ alone was used, and that images may be added up: where the structure does
/// not show that they are not, there are three cells along each axis.
fn widened(pattern: &Pattern, overlap: &Operator<f64>, run: &Calculation) -> [i32; 3] {
    let looks_folded = |home: Supercell| {
        let pairs = refuse_folded_pairs(pattern.pairs(), "meet", &home, &run.structure);
        refuse_folded(overlap, &home, &run.structure).and(pairs).is_err()
    };
    if Supercell::new(pattern.nsc()).is_ok_and(looks_folded) { [3; 3] } else { pattern.nsc() }
}

/// nspin 4 suffices where uu and dd are real and ud = du*.
fn components(hamiltonian: &SpinOperator) -> usize {
    let SpinOperator::Spinor([uu, ud, du, dd]) = hamiltonian else { return hamiltonian.nspin() };
    let is_real = |operator: &Operator<c64>| operator.values().iter().all(|value| value.im == 0.0);
    let is_mirrored = ud.values().iter().zip(du.values()).all(|(ud, du)| *ud == du.conj());
    if is_real(uu) && is_real(dd) && is_mirrored { 4 } else { 8 }
}

fn cell(run: &Calculation, supercell: Arc<Supercell>, fermi_level: Option<f64>) -> CellHead {
    let lattice = &run.structure.lattice;
    let mut last = 0;
    let last_orbitals = (0..run.basis.n_atoms()).map(|atom| {
        last += run.basis.orbitals_of(atom).len() as i32;
        last
    });
    CellHead {
        is_double: 1,
        cell: [0, 1, 2].map(|row| [0, 1, 2].map(|column| lattice[(row, column)])),
        last_orbitals: last_orbitals.collect(),
        positions: run.structure.positions.iter().map(|&position| position.into()).collect(),
        fermi_level: fermi_level.map_or(0.0, |level| level / RYDBERG_IN_HARTREE),
        supercell,
    }
}

fn species_head((species, valence): (&Species, f64)) -> SpeciesHead {
    let mut label = [b' '; LABEL_LENGTH];
    label.iter_mut().zip(species.label.bytes()).for_each(|(place, byte)| *place = byte);
    let orbitals = species.shells.iter().flat_map(|shell| {
        let n = shell.n.unwrap_or(shell.l + 1);
        std::iter::repeat_n([n, shell.l, shell.zeta].map(i32::from), shell.n_orbitals())
    });
    SpeciesHead { label, valence, orbitals: orbitals.collect() }
}

/// Ry.
fn temperature(run: &Calculation) -> f64 {
    let width = run.smearing.map(Smearing::width).filter(|width| *width > 0.0);
    width.map_or(ROOM_TEMPERATURE, |width| width / RYDBERG_IN_HARTREE)
}
