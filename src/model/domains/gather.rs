//! What the processes of the domains do with a model, and what becomes of their answers.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

use super::cut::{Cut, Reach, Scissors};
use super::exchange::{Answer, Facts};
use super::partition::partition;
use super::potential;
use crate::model::Sample;
use crate::model::certify::signs::Leverages;
use crate::model::graph::Graph;
use crate::model::linear::Prediction;
use crate::model::phases::Phases;
use crate::model::predict::{Predicted, Predictor};
use crate::model::target;
use crate::parsers::{Calculation, Error, Operator, Pair, Result};

impl Predictor {
    /// On what the blocks that the model predicts depend, the long-ranged potential apart.
    pub fn reach(&self) -> Reach {
        let (envelope, hops) = self.network_reach();
        Reach { envelope, hops, neighbours: self.model().linear.is_some() }
    }

    /// For cutting `n` domains out of a run.
    ///
    /// # Errors
    /// As [`Predictor::predict`] and [`partition`].
    pub fn scissors<'a>(&self, run: &'a Calculation, n: usize) -> Result<Scissors<'a>> {
        self.model().check_compatible(run)?;
        let domains = partition(&run.structure, n)?;
        let mut scissors = Scissors::new(run, self.reach(), domains.clone())?;
        let potential = self.needed_potential().map(|stage| {
            let neighbours_of_own = Reach { envelope: 0.0, hops: 0, neighbours: false };
            potential::at_atoms(self.model(), stage, run, &Scissors::new(run, neighbours_of_own, domains)?)
        });
        scissors.potentials = potential.transpose()?.unwrap_or_default();
        Ok(scissors)
    }

    /// The rows of a domain.
    ///
    /// # Errors
    /// As [`Predictor::predict`].
    pub fn answer(&self, cut: &Cut) -> Result<Answer> {
        let start = Instant::now();
        let mut leverages = Leverages::default();
        let deltas = self.deltas(&cut.run, &cut.potentials, &mut Phases::default(), |sample, linear| {
            linear.iter().for_each(|linear| add_own(&mut leverages, sample, linear, &cut.own));
        })?;
        let rows = deltas.iter().map(|operator| own_rows(operator, &cut.own)).collect();
        let facts = Facts {
            n_own: cut.own.iter().filter(|own| **own).count(),
            n_atoms: cut.own.len(),
            seconds: start.elapsed().as_secs_f64(),
            peak_memory: None,
            device: self.device().to_owned(),
            fingerprint: self.fingerprint(&cut.run, &cut.own)?,
        };
        Ok(Answer { rows, leverages, facts })
    }

    /// H of the whole run from the rows of all its domains.
    ///
    /// # Errors
    /// `Inconsistent` where an answer belongs to another run or model.
    pub fn gather(&self, run: &Calculation, scissors: &Scissors, answers: &[Answer]) -> Result<Predicted> {
        let mut phases = Phases::default();
        let operators = phases.note("assemble", || self.rows_of_all(run, scissors, answers))?;
        let (hamiltonian, symmetrized) = phases.note("assemble", || self.assembled(run, operators))?;
        let leverages = Leverages::joined(answers.iter().map(|answer| &answer.leverages));
        let seats = self.model().slots.seats(run)?;
        let species: Vec<usize> = run.structure.species.iter().map(|&species| seats[species].species).collect();
        let graph = Graph::new(&run.structure, target::overlap(run)?, &species)?;
        let trust = self.trust_of(run, &leverages, self.distance_warnings(&graph, &species));
        Ok(Predicted { hamiltonian, symmetrized, trust, phases })
    }

    /// What the domains say, one operator per channel.
    fn rows_of_all(&self, run: &Calculation, scissors: &Scissors, answers: &[Answer]) -> Result<Vec<Operator<f64>>> {
        let overlap = target::overlap(run)?;
        let n_operators = answers.iter().map(|answer| answer.rows.len()).max().unwrap_or(0);
        let mut operators = vec![Operator::zeros(overlap.pairs().clone()); n_operators];
        for (k, answer) in answers.iter().enumerate() {
            let own = scissors.own(k);
            let known = answer.facts.fingerprint == self.fingerprint(run, &own)? && answer.rows.len() == n_operators;
            let put = |(operator, rows): (&mut Operator<f64>, &Vec<f64>)| put_rows(operator, &own, rows);
            if !known || !operators.iter_mut().zip(&answer.rows).all(put) {
                let message = format!("the rows of domain {}/{} are of another run or model", k + 1, answers.len());
                return Err(Error::inconsistent(message));
            }
        }
        Ok(operators)
    }

    /// Tells the rows of `own` by this model from all others: a hash of the model, and of S and H⁽⁰⁾ in these rows.
    fn fingerprint(&self, run: &Calculation, own: &[bool]) -> Result<u64> {
        let mut hasher = DefaultHasher::new();
        self.model().hash_into(&mut hasher);
        let overlap = target::overlap(run)?;
        let h0 = run.hamiltonian0.as_ref().map(target::channels).unwrap_or_default();
        for (pair, block) in overlap.blocks().filter(|(pair, _)| own[pair.i as usize]) {
            let h0 = h0.iter().flat_map(|h0| h0.get(pair).unwrap_or_default());
            block.iter().chain(h0).for_each(|value| value.to_bits().hash(&mut hasher));
        }
        Ok(hasher.finish())
    }
}

/// Blocks whose row atom is the domain's own, one after the other.
fn own_rows(operator: &Operator<f64>, own: &[bool]) -> Vec<f64> {
    operator.blocks().filter(|(pair, _)| own[pair.i as usize]).flat_map(|(_, block)| block).copied().collect()
}

/// The inverse of [`own_rows`] on the whole run; `false` where the numbers of elements differ.
fn put_rows(operator: &mut Operator<f64>, own: &[bool], rows: &[f64]) -> bool {
    let pairs = operator.pairs().clone();
    let mut rest = rows;
    let is_own = |(_, pair): &(usize, &Pair)| own[pair.i as usize];
    for (k, _) in pairs.as_slice().iter().enumerate().filter(is_own) {
        let block = operator.block_mut(k);
        let Some((values, after)) = rest.split_at_checked(block.len()) else { return false };
        block.copy_from_slice(values);
        rest = after;
    }
    rest.is_empty()
}

/// Adds leverages of the domain's own atoms, and of the bonds that start from them.
fn add_own(leverages: &mut Leverages, sample: &Sample, linear: &Prediction, own: &[bool]) {
    let of_bonds = sample.graph.edges.iter().zip(&linear.bond_leverage);
    leverages.bonds.extend(of_bonds.filter(|(edge, _)| own[edge.i]).map(|(_, leverage)| leverage));
    let of_atoms = |values: &[f64]| -> Vec<f64> {
        values.iter().zip(own).filter(|(_, own)| **own).map(|(value, _)| *value).collect()
    };
    leverages.atoms.extend(of_atoms(&linear.atom_leverage));
    leverages.errors.extend(of_atoms(&linear.atom_error));
}
