//! What the three codes' writers have in common for runs that are not their own.

use std::sync::Arc;

use crate::basis::{Basis, Shell, Species};
use crate::calculation::{Calculation, Of};
use crate::code::Code;
use crate::complete;
use crate::convert::{Fate, Writing};
use crate::elements::{self, atomic_number};
use crate::error::Result;
use crate::operator::{Operator, Pair, Pairs, SpinOperator};
use crate::predicted::not_representable;

/// Stem of the files of SIESTA and OpenMX.
pub const LABEL: &str = "hamiltonian";

/// The matrices of a job, each on its own blocks.
#[derive(Clone, Copy)]
pub struct Matrices<'a> {
    /// H, and which one.
    pub hamiltonian: Option<(Of, &'a SpinOperator)>,
    /// S.
    pub overlap: &'a Operator<f64>,
    /// DM, where it belongs to H.
    pub density_matrix: Option<&'a SpinOperator>,
}

impl<'a> Matrices<'a> {
    /// Those of `job`. The DM of a run is that of its converged H.
    ///
    /// # Errors
    /// `NotRepresentable` where the run has no S.
    pub fn of(job: &Writing<'a>, format: &str) -> Result<Self> {
        let overlap = job.run.overlap.as_ref().ok_or_else(|| not_representable(format, "the run has no S"))?;
        let is_h0 = job.hamiltonian.is_some_and(|(of, _)| of == Of::H0);
        let density_matrix = job.run.density_matrix.as_ref().filter(|_| !is_h0);
        Ok(Matrices { hamiltonian: job.hamiltonian, overlap, density_matrix })
    }

    /// All blocks, closed under (i, j, R) → (j, i, −R), with every atom's on-site block.
    ///
    /// # Errors
    /// `Inconsistent` where a block names an atom that `basis` lacks.
    pub fn all_pairs(&self, basis: &Basis) -> Result<Pairs> {
        let spin =
            [self.hamiltonian.map(|(_, h)| h), self.density_matrix].into_iter().flatten().map(SpinOperator::pairs);
        let own = spin.chain([self.overlap.pairs()]).flat_map(|pairs| pairs.as_slice());
        let onsite = (0..basis.n_atoms()).map(Pair::onsite);
        Pairs::new(own.flat_map(|pair| [*pair, pair.reversed()]).chain(onsite).collect(), basis)
    }
}

/// `operator` on these blocks, which must be whole: codes take half a matrix without a word.
///
/// # Errors
/// Those of [`complete::check`].
pub fn whole(name: &str, operator: &SpinOperator, pairs: &Arc<Pairs>, basis: &Basis) -> Result<SpinOperator> {
    let operator = operator.try_map(|o| Ok(o.on(pairs)), |o| Ok(o.on(pairs)))?;
    complete::check(name, &operator, basis)?;
    Ok(operator)
}

/// Shells must ascend in l, up to `largest`, in files that state no more than how many there are of each l.
///
/// # Errors
/// `NotRepresentable` with the species.
pub fn check_shells(basis: &Basis, format: &str, largest: u8) -> Result<()> {
    for Species { label, shells, .. } in basis.species() {
        if let Some(Shell { l, .. }) = shells.iter().find(|shell| shell.l > largest) {
            let what = format!("{label} has a shell of l = {l}, and l = {largest} is the largest known there");
            return Err(not_representable(format, &what));
        }
        if !shells.is_sorted_by_key(|shell| shell.l) {
            return Err(not_representable(format, &format!("the shells of {label} do not ascend in l")));
        }
    }
    Ok(())
}

/// What a file must hold and the run lacks is 0 where the user asked for zeros.
///
/// # Errors
/// `NotRepresentable`, naming all of it, where the user did not.
pub fn fill(job: &Writing, format: &str, lacking: &[&str]) -> Result<()> {
    if lacking.is_empty() {
        return Ok(());
    }
    let all = lacking.join(", ");
    if !job.options.fill_zero {
        return Err(not_representable(format, &format!("the run lacks {all} (--fill zero writes zeros)")));
    }
    job.notes.add(Fate::Filled, all);
    Ok(())
}

/// The first comment in the inputs that `target` would read: they describe matrices, and start nothing.
pub fn comment(run: &Calculation, target: Code) -> String {
    let source = run.origin.code;
    let why = match source == target.name() {
        true => "for its own run take that run's inputs, with the matrices from here".to_owned(),
        false => format!("not to be run, {} has no such orbitals", target.name()),
    };
    format!("# written by hzero from a run of {source}: {why}")
}

/// What a file that knows meshes alone, without OpenMX' small shift, does not say of the k points.
pub fn note_kpoints(job: &Writing) {
    if job.run.k_grid.is_some_and(|grid| grid.nudge != [0.0; 3]) {
        job.notes.add(Fate::Kept, "the small shift of OpenMX' k mesh");
    }
    if job.run.k_list.is_some() {
        job.notes.add(Fate::Kept, "the list of k points");
    }
}

/// Charge of the ion core of each species; 0 where it is not known and the electrons do not tell it (one species).
pub fn valence_charges(run: &Calculation) -> Vec<f64> {
    match (&run.valence_charges, run.basis.species().len()) {
        (Some(charges), _) => charges.clone(),
        (None, 1) => vec![run.n_electrons.unwrap_or(0.0) / run.structure.n_atoms() as f64],
        (None, n) => vec![0.0; n],
    }
}

/// `Fe` of a species that is called `Fe1`; `None` for ghost atoms.
pub fn symbol(species: &Species) -> Option<&'static str> {
    elements::symbol(species.z?)
}

/// A label that names the element, for files that know it by the label alone: the species' own, if it does.
pub fn telling_label(species: &Species, index: usize) -> String {
    match symbol(species) {
        Some(symbol) if atomic_number(&species.label) != species.z => format!("{symbol}_{}", index + 1),
        _ => species.label.clone(),
    }
}
