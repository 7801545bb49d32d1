//! From a run to the matrix files of a folder.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use super::blocks::{Orbitals, entries_of, spinless_entries_of};
use super::layout::Layout;
use super::reading::HINTS;
use crate::basis::Basis;
use crate::calculation::Of;
use crate::convert::{Fate, Writing};
use crate::error::Result;
use crate::ev::Ev;
use crate::hints;
use crate::operator::{Operator, Pair, Pairs, SpinOperator};
use crate::predicted::not_representable;

/// What the other files of a folder say of its matrices.
pub(super) struct Written {
    /// 2 where H and DM have spin.
    pub spins: usize,
    /// Is S the identity?
    pub is_orthogonal: bool,
    /// Fermi level of the H that was written.
    pub fermi_level_ev: Option<f64>,
}

impl Layout {
    /// Writes S, H and DM into the folder `target`, all with one list of blocks: DeepH-dock demands it of H and S.
    pub fn write(&self, target: &Path, job: &Writing) -> Result<Written> {
        let run = job.run;
        let overlap = self.overlap(job)?;
        let hamiltonian = job.hamiltonian.map(|(_, operator)| operator);
        let density_matrix = run.density_matrix.as_ref();
        let spins = self.spins(hamiltonian, density_matrix, run.nspin())?;
        let lists =
            [overlap.as_ref().map(|s| s.pairs()), hamiltonian.map(|h| h.pairs()), density_matrix.map(|d| d.pairs())];
        let pairs = union(lists.into_iter().flatten(), &run.basis)?;
        let writer = Writer {
            layout: self,
            target,
            job,
            orbitals: (self.orbitals)(&run.basis)?,
            pairs: &pairs,
            spins,
            ev: Ev { per_hartree: run.origin.ev_per_hartree },
        };
        if let Some(operator) = &overlap {
            writer.overlap(operator)?;
        }
        if let Some(operator) = hamiltonian {
            writer.hamiltonian(operator)?;
        }
        if let Some(operator) = density_matrix {
            writer.density_matrix(operator)?;
        }
        let is_orthogonal = overlap.is_some_and(|overlap| overlap.is_identity(&run.basis));
        Ok(Written { spins, is_orthogonal, fermi_level_ev: writer.fermi_level() })
    }

    /// S, zeros in its place where the user wants that; `None` where there is no H that needs it.
    fn overlap<'a>(&self, job: &Writing<'a>) -> Result<Option<Cow<'a, Operator<f64>>>> {
        match (&job.run.overlap, job.hamiltonian) {
            (Some(overlap), _) => Ok(Some(Cow::Borrowed(overlap))),
            (None, None) if job.run.density_matrix.is_none() => {
                Err(not_representable(self.format, "the run has neither H nor S nor DM"))
            }
            (None, None) => Ok(None),
            (None, Some((_, h))) if job.options.fill_zero => {
                job.notes.add(Fate::Filled, "S, which the run lacks");
                Ok(Some(Cow::Owned(Operator::zeros(h.pairs().clone()))))
            }
            (None, Some(_)) => {
                Err(not_representable(self.format, "the run has no S; --fill zero puts zeros in its place"))
            }
        }
    }

    /// 1 or 2, the same for H and DM.
    fn spins(&self, h: Option<&SpinOperator>, dm: Option<&SpinOperator>, nspin: Option<usize>) -> Result<usize> {
        let spins = |operator: &SpinOperator| operator.nspin().min(2);
        match (h.map(spins), dm.map(spins)) {
            (Some(h), Some(dm)) if h != dm => {
                let what = format!("H has {h} spins, but DM {dm}, and it has one mark for both");
                Err(not_representable(self.format, &what))
            }
            (Some(spins), _) | (None, Some(spins)) => Ok(spins),
            (None, None) => Ok(nspin.unwrap_or(1).min(2)),
        }
    }
}

/// Writes the matrices of one run.
struct Writer<'a> {
    layout: &'a Layout,
    target: &'a Path,
    job: &'a Writing<'a>,
    orbitals: Orbitals<'a>,
    pairs: &'a Arc<Pairs>,
    spins: usize,
    ev: Ev,
}

impl Writer<'_> {
    fn overlap(&self, operator: &Operator<f64>) -> Result<()> {
        self.note_filled("S", operator.pairs());
        let entries = spinless_entries_of(operator, self.pairs, &self.orbitals);
        (self.layout.write)(&self.target.join(self.layout.overlap), self.pairs, &self.orbitals, 1, &entries)
    }

    fn density_matrix(&self, operator: &SpinOperator) -> Result<()> {
        self.note_filled("DM", operator.pairs());
        let name = self.layout.density_matrix[0];
        let entries = entries_of(operator, self.pairs, &self.orbitals);
        (self.layout.write)(&self.target.join(name), self.pairs, &self.orbitals, self.spins, &entries)
    }

    /// Under the name of predictions where it is one.
    fn hamiltonian(&self, operator: &SpinOperator) -> Result<()> {
        self.note_filled("H", operator.pairs());
        let is_predicted = self.job.run.origin.is_predicted && matches!(self.job.hamiltonian, Some((Of::Scf, _)));
        let name = if is_predicted { self.layout.predicted } else { self.layout.hamiltonian };
        let mut entries = entries_of(operator, self.pairs, &self.orbitals);
        hints::write(self.target, HINTS, &entries.hints(self.ev))?;
        entries.become_ev(self.ev);
        (self.layout.write)(&self.target.join(name), self.pairs, &self.orbitals, self.spins, &entries)
    }

    fn note_filled(&self, name: &str, own: &Pairs) {
        let lacking = self.pairs.len() - own.len();
        if lacking > 0 {
            let text =
                format!("{lacking} of {} blocks of {name}, which other matrices of the run have", self.pairs.len());
            self.job.notes.add(Fate::Filled, text);
        }
    }

    /// H⁽⁰⁾ has none.
    fn fermi_level(&self) -> Option<f64> {
        let is_h0 = matches!(self.job.hamiltonian, Some((Of::H0, _)));
        let level = self.job.run.fermi_level.filter(|level| level.is_finite() && !is_h0);
        level.map(|level| self.ev.to_ev(level))
    }
}

/// All blocks that any matrix has.
fn union<'a>(lists: impl Iterator<Item = &'a Arc<Pairs>>, basis: &Basis) -> Result<Arc<Pairs>> {
    let mut lists: Vec<&Arc<Pairs>> = lists.collect();
    lists.dedup();
    match lists[..] {
        [one] => Ok(one.clone()),
        _ => {
            let all: Vec<Pair> = lists.iter().flat_map(|pairs| pairs.as_slice()).copied().collect();
            Pairs::new(all, basis).map(Arc::new)
        }
    }
}
