//! The linear stage's long-ranged potential in domains: it has no range, but follows from a few multipoles of every atom, which
//! depend on the atom's neighbours alone.

use super::cut::{Cut, Scissors};
use crate::model::Sample;
use crate::model::file::Model;
use crate::model::linear::LinearStage;
use crate::model::linear::design::Rows;
use crate::model::linear::layout::OnsiteLayout;
use crate::model::linear::potential::{Potential, atoms_of};
use crate::parsers::{Calculation, Result};

/// The potential at all atoms of a run, hartree, for every channel. Multipoles are made domain after domain, in little memory;
/// `scissors` need not cut more than the own rows of each.
///
/// # Errors
/// As [`LinearStage::predict`].
pub fn at_atoms(model: &Model, stage: &LinearStage, run: &Calculation, scissors: &Scissors) -> Result<Vec<Vec<f64>>> {
    let Some(potential) = &stage.potential else { return Ok(Vec::new()) };
    let seats = model.slots.seats(run)?;
    let species: Vec<usize> = run.structure.species.iter().map(|&species| seats[species].species).collect();
    let mut channels: Vec<Vec<Rows>> = Vec::new();
    for domain in 0..scissors.n_domains() {
        let cut = scissors.cut(domain)?;
        let samples = Sample::of_run(&cut.run, &model.slots, model.header.target)?;
        channels.resize_with(samples.len(), || zeros(potential, &species));
        for (sample, whole) in samples.iter().zip(&mut channels) {
            let parts = stage.multipoles(sample, &model.slots)?;
            for ((layout, part), whole) in potential.ranks.iter().zip(&parts).zip(whole) {
                put_own(layout, &cut, &sample.species, part, &species, whole);
            }
        }
    }
    Ok(channels.into_iter().map(|multipoles| potential.at_atoms(&run.structure, &species, multipoles)).collect())
}

fn zeros(potential: &Potential, species: &[usize]) -> Vec<Rows> {
    let rows = |layout: &OnsiteLayout| {
        let n = atoms_of(species, layout.species).len();
        Rows { width: 1, values: vec![0.0; n * (2 * layout.l + 1)] }
    };
    potential.ranks.iter().map(rows).collect()
}

/// Copies multipoles of one rank from a domain's own atoms to their places among those of all atoms.
fn put_own(layout: &OnsiteLayout, cut: &Cut, here: &[usize], part: &Rows, there: &[usize], whole: &mut Rows) {
    let size = 2 * layout.l + 1;
    let there = atoms_of(there, layout.species);
    let multipoles = atoms_of(here, layout.species).into_iter().zip(part.values.chunks_exact(size));
    for (atom, values) in multipoles.filter(|(atom, _)| cut.own[*atom]) {
        let place = there.partition_point(|&other| other < cut.atoms[atom]);
        whole.values[place * size..][..size].copy_from_slice(values);
    }
}
