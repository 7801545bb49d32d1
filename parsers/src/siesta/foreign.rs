//! HSX of runs that did not come from SIESTA's files, for programs that read H and S alone (sisl, TBtrans, COOP).
//!
//! The numbers belong to the orbitals of the other code: bands, densities of states and transport follow from them, whatever
//! evaluates SIESTA's own radial functions does not.

use std::path::Path;
use std::sync::Arc;

use super::hsx::{CellHead, Head, Hsx, KMesh, LABEL_LENGTH, SpeciesHead, Version};
use super::matrix::{Places, components_of_hamiltonian, components_of_overlap};
use super::sparsity::Sparsity;
use super::supercell::Supercell;
use crate::basis::{Basis, Species};
use crate::calculation::{Calculation, Smearing};
use crate::convert::Writing;
use crate::error::Result;
use crate::format::Format;
use crate::operator::{Operator, Pair, Pairs, SpinOperator, c64};
use crate::predicted::not_representable;
use crate::units::RYDBERG_IN_HARTREE;

/// SIESTA's default of 300 K in Ry, for runs without a temperature.
const ROOM_TEMPERATURE: f64 = 1.900_087e-3;

/// Writes the run of `job` into `folder`.
///
/// # Errors
/// As [`super::convert::write`].
pub fn write(folder: &Path, format: Format, job: &Writing) -> Result<()> {
    super::convert::write(&folder.join(super::convert::file_name(job.run, format)), format, job.run, job.hamiltonian)
}

/// `hamiltonian` and the S of `run` as SIESTA 5 would write them. Stored are the elements where one of them is not 0 (and
/// their Hermitian partners), in ascending columns. Charges of ion cores that are not known are 0 unless there is one species
/// only; a principal quantum number that is not known is l + 1.
///
/// # Errors
/// `NotRepresentable` where the run lacks S or the number of electrons.
pub fn hsx(run: &Calculation, hamiltonian: &SpinOperator) -> Result<Hsx> {
    let missing = |what| not_representable("SIESTA HSX", what);
    let overlap = run.overlap.as_ref().ok_or_else(|| missing("the run has no S"))?;
    let n_electrons = run.n_electrons.ok_or_else(|| missing("the number of electrons is not known (--electrons)"))?;
    let pattern = Pattern::new(hamiltonian, overlap, &run.basis)?;
    let supercell = Arc::new(Supercell::new(pattern.nsc())?);
    let sparsity = pattern.sparsity(&run.basis, &supercell)?;
    let places = Places::new(&sparsity, &supercell, &run.basis)?;
    let nspin = components(hamiltonian);
    let (hamiltonian, overlap) =
        (components_of_hamiltonian(hamiltonian, nspin, &places)?, components_of_overlap(overlap, &places));
    let head = Head {
        nspin,
        n_electrons,
        temperature: temperature(run),
        species: run.basis.species().iter().zip(valence_charges(run, n_electrons)).map(species_head).collect(),
        species_of: run.structure.species.iter().map(|&species| species as i32 + 1).collect(),
        version: Version::V2(cell(run, supercell), KMesh::of(run)),
    };
    Ok(Hsx { head: Arc::new(head), sparsity: Arc::new(sparsity), hamiltonian, overlap })
}

/// Elements that are not 0, as a mask over dense blocks.
struct Pattern {
    pairs: Pairs,
    is_stored: Vec<bool>,
}

impl Pattern {
    fn new(hamiltonian: &SpinOperator, overlap: &Operator<f64>, basis: &Basis) -> Result<Self> {
        let own = hamiltonian.pairs().as_slice().iter().chain(overlap.pairs().as_slice()).copied();
        let onsite = (0..basis.n_atoms()).map(Pair::onsite);
        let pairs = Pairs::new(own.flat_map(|pair| [pair, pair.reversed()]).chain(onsite).collect(), basis)?;
        let mut pattern = Pattern { is_stored: vec![false; pairs.n_values()], pairs };
        pattern.add(overlap, basis);
        match hamiltonian {
            SpinOperator::Unpolarized(h) => pattern.add(h, basis),
            SpinOperator::Collinear(h) => h.iter().for_each(|h| pattern.add(h, basis)),
            SpinOperator::Spinor(h) => h.iter().for_each(|h| pattern.add(h, basis)),
        }
        Ok(pattern)
    }

    /// Marks the elements of `operator` that are not 0, and their Hermitian partners.
    fn add<T: Default + PartialEq>(&mut self, operator: &Operator<T>, basis: &Basis) {
        let zero = T::default();
        for (pair, block) in operator.blocks() {
            let places =
                [*pair, pair.reversed()].map(|pair| self.pairs.find(&pair).map(|index| self.pairs.range(index)));
            let [Some(own), Some(partner)] = places else { continue };
            let (height, width) = (basis.orbitals_of(pair.i as usize).len(), basis.orbitals_of(pair.j as usize).len());
            for (element, _) in block.iter().enumerate().filter(|(_, value)| **value != zero) {
                self.is_stored[own.start + element] = true;
                self.is_stored[partner.start + element % width * height + element / width] = true;
            }
        }
    }

    /// Cells along each axis that hold all lattice vectors and their opposites.
    fn nsc(&self) -> [i32; 3] {
        [0, 1, 2].map(|axis| {
            let reach = self.pairs.as_slice().iter().map(|pair| pair.r[axis].unsigned_abs()).max();
            2 * reach.unwrap_or_default() as i32 + 1
        })
    }

    /// The elements in the order of columns; the diagonal is always there.
    fn sparsity(&self, basis: &Basis, supercell: &Supercell) -> Result<Sparsity> {
        let n_orbitals = basis.n_orbitals();
        let image_of: std::collections::BTreeMap<[i32; 3], usize> =
            supercell.offsets.iter().copied().zip(0..).collect();
        let mut rows: Vec<Vec<i32>> = (1..=n_orbitals as i32).map(|diagonal| vec![diagonal]).collect();
        for (index, pair) in self.pairs.as_slice().iter().enumerate() {
            let (of_i, of_j) = (basis.orbitals_of(pair.i as usize), basis.orbitals_of(pair.j as usize));
            let first_column = n_orbitals * image_of.get(&pair.r).copied().unwrap_or_default();
            let block = self.is_stored[self.pairs.range(index)].chunks(of_j.len().max(1));
            for (row, stored) in of_i.zip(block) {
                let columns = of_j.clone().zip(stored).filter(|(_, stored)| **stored);
                rows[row].extend(columns.map(|(column, _)| (first_column + column) as i32 + 1));
            }
        }
        let mut row_starts = vec![0];
        let mut columns = Vec::new();
        for mut row in rows {
            row.sort_unstable();
            row.dedup();
            columns.extend(row);
            row_starts.push(columns.len());
        }
        Sparsity::new(row_starts, columns, n_orbitals * supercell.offsets.len())
    }
}

/// nspin 4 suffices where uu and dd are real and ud = du*.
fn components(hamiltonian: &SpinOperator) -> usize {
    let SpinOperator::Spinor([uu, ud, du, dd]) = hamiltonian else { return hamiltonian.nspin() };
    let is_real = |operator: &Operator<c64>| operator.values().iter().all(|value| value.im == 0.0);
    let is_mirrored = ud.values().iter().zip(du.values()).all(|(ud, du)| *ud == du.conj());
    if is_real(uu) && is_real(dd) && is_mirrored { 4 } else { 8 }
}

fn cell(run: &Calculation, supercell: Arc<Supercell>) -> CellHead {
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
        fermi_level: run.fermi_level.map_or(0.0, |level| level / RYDBERG_IN_HARTREE),
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

/// Of each species; 0 where it is not known.
fn valence_charges(run: &Calculation, n_electrons: f64) -> Vec<f64> {
    match (&run.valence_charges, run.basis.species().len()) {
        (Some(charges), _) => charges.clone(),
        (None, 1) => vec![n_electrons / run.structure.n_atoms() as f64],
        (None, n) => vec![0.0; n],
    }
}

/// Ry.
fn temperature(run: &Calculation) -> f64 {
    let width = run.smearing.map(Smearing::width).filter(|width| *width > 0.0);
    width.map_or(ROOM_TEMPERATURE, |width| width / RYDBERG_IN_HARTREE)
}
