//! Which structures are worth computing next: those least like what a model has learned from, by the leverage of its linear stage.
//!
//! A leverage xᵀ(XᵀX + λn)⁻¹x says how far a bond or atom lies from those of training, and needs no converged H. The stage keeps
//! random projections Z of it, |Zx|² ≈ leverage; in that space the information of training is the unit matrix, and a structure
//! with rows x adds Σ Zx (Zx)ᵀ to it. So after each choice the leverages of all others are known anew, and what resembles the
//! chosen one falls back.

use faer::linalg::matmul::matmul;
use faer::linalg::solvers::DenseSolveCore;
use faer::{Accum, Mat, Par, Side};
use rayon::prelude::*;

use crate::model::linear::LinearStage;
use crate::model::linear::design::{self, Rows, Source};
use crate::model::linear::environment::Environment;
use crate::model::linear::layout::{BondLayout, OnsiteLayout};
use crate::model::linear::regression::Regression;
use crate::model::linear::stage::{BONDS_AT_ONCE, atoms_of, canonical_edges};
use crate::model::{Sample, Slots};
use crate::parsers::{Error, Result};

/// What a structure adds to each regression of the linear stage.
#[derive(Debug, Clone)]
pub struct Information {
    regressions: Vec<Gram>,
}

/// Rows of one regression in the space of its projections.
#[derive(Debug, Clone)]
struct Gram {
    /// Σ Zx (Zx)ᵀ, `[directions, directions]`.
    matrix: Mat<f64>,
    n_rows: usize,
    of_atoms: bool,
}

/// One proposal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// Index of the candidate.
    pub candidate: usize,
    /// Its leverage relative to what the model has learned from.
    pub alone: f64,
    /// Relative to that and all candidates chosen before.
    pub when_chosen: f64,
    /// And to itself: what is left of it once it is learned from.
    pub afterwards: f64,
}

impl Information {
    /// Projects the bonds and atoms of a structure; of a run with two spin channels, of both.
    ///
    /// # Errors
    /// `Unsupported` where a sample has no H⁽⁰⁾.
    pub fn of(stage: &LinearStage, samples: &[Sample], slots: &Slots) -> Result<Self> {
        let mut regressions = Vec::new();
        for sample in samples {
            let h0 = sample.require_h0()?;
            let environment = Environment::new(sample, h0, slots, &stage.config.sums(slots.species().len()));
            let source = Source { sample, h0, environment: &environment, algebra: slots.algebra() };
            add(&mut regressions, [bond_grams(stage, source), atom_grams(stage, source)].concat());
        }
        Ok(Information { regressions })
    }

    /// √(mean leverage of bonds · mean leverage of atoms), given M⁻¹ of every regression.
    fn leverage(&self, inverse: &[Mat<f64>]) -> f64 {
        let mean = |of_atoms: bool| {
            let (mut sum, mut n_rows) = (0.0, 0);
            for (gram, inverse) in self.regressions.iter().zip(inverse).filter(|(gram, _)| gram.of_atoms == of_atoms) {
                sum += trace_of_product(inverse, &gram.matrix);
                n_rows += gram.n_rows;
            }
            sum / n_rows.max(1) as f64
        };
        (mean(false) * mean(true)).sqrt()
    }
}

fn add(sums: &mut Vec<Gram>, grams: Vec<Gram>) {
    if sums.is_empty() {
        *sums = grams;
        return;
    }
    for (sum, gram) in sums.iter_mut().zip(grams) {
        sum.matrix += &gram.matrix;
        sum.n_rows += gram.n_rows;
    }
}

fn bond_grams(stage: &LinearStage, source: Source) -> Vec<Gram> {
    let of_layout = |(layout, regressions): &(BondLayout, Vec<Regression>)| -> Vec<Gram> {
        let mut grams: Vec<Gram> = regressions.iter().map(|regression| Gram::empty(regression, false)).collect();
        let [a, b] = layout.species;
        let Some(profile) = stage.config.profile(a, b) else { return grams };
        let radial = stage.config.bond_radial(profile);
        for edges in canonical_edges(source.sample, layout.species).chunks(BONDS_AT_ONCE) {
            let weight = |distance: f64| 1.0 / profile.size(distance);
            let features = design::bond_features(source, layout, edges, &radial, weight);
            grams
                .iter_mut()
                .zip(regressions)
                .zip(&features)
                .for_each(|((gram, regression), x)| gram.add(regression, x));
        }
        grams
    };
    stage.bonds.par_iter().flat_map(of_layout).collect()
}

fn atom_grams(stage: &LinearStage, source: Source) -> Vec<Gram> {
    let of_layout = |(layout, regression): &(OnsiteLayout, Regression)| {
        let mut gram = Gram::empty(regression, true);
        let atoms = atoms_of(source.sample, layout.species);
        gram.add(regression, &design::onsite_features(source, layout, &atoms));
        gram
    };
    stage.onsite.par_iter().map(of_layout).collect()
}

impl Gram {
    fn empty(regression: &Regression, of_atoms: bool) -> Self {
        let n = regression.n_directions();
        Gram { matrix: Mat::zeros(n, n), n_rows: 0, of_atoms }
    }

    fn add(&mut self, regression: &Regression, x: &Rows) {
        if x.is_empty() {
            return;
        }
        let projected = regression.projected(x);
        matmul(&mut self.matrix, Accum::Add, projected.transpose(), &projected, 1.0, Par::Seq);
        self.n_rows += x.len();
    }
}

/// tr(A B) of two symmetric matrices.
fn trace_of_product(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    (0..a.ncols()).map(|j| (0..a.nrows()).map(|i| a[(i, j)] * b[(i, j)]).sum::<f64>()).sum()
}

/// Proposes `count` candidates, one after the other the one with the largest leverage relative to training and all chosen before.
///
/// # Errors
/// `Inconsistent` where candidates belong to different stages.
pub fn next(candidates: &[Information], count: usize) -> Result<Vec<Choice>> {
    let Some(first) = candidates.first() else { return Ok(Vec::new()) };
    let mut total: Vec<Mat<f64>> = first.regressions.iter().map(|gram| identity(gram.matrix.nrows())).collect();
    let alone = leverages(candidates, &inverses(&total)?);
    let mut now = alone.clone();
    let mut left: Vec<usize> = (0..candidates.len()).collect();
    let mut choices = Vec::new();
    while choices.len() < count {
        let Some(place) = (0..left.len()).max_by(|&a, &b| now[left[a]].total_cmp(&now[left[b]])) else { break };
        let candidate = left.remove(place);
        let when_chosen = now[candidate];
        total.iter_mut().zip(&candidates[candidate].regressions).for_each(|(sum, gram)| *sum += &gram.matrix);
        now = leverages(candidates, &inverses(&total)?);
        choices.push(Choice { candidate, alone: alone[candidate], when_chosen, afterwards: now[candidate] });
    }
    Ok(choices)
}

fn leverages(candidates: &[Information], inverse: &[Mat<f64>]) -> Vec<f64> {
    candidates.par_iter().map(|candidate| candidate.leverage(inverse)).collect()
}

fn identity(n: usize) -> Mat<f64> {
    Mat::identity(n, n)
}

fn inverses(matrices: &[Mat<f64>]) -> Result<Vec<Mat<f64>>> {
    let inverse = |matrix: &Mat<f64>| {
        let factor = matrix.llt(Side::Lower);
        factor.map(|factor| factor.inverse()).map_err(|_| Error::inconsistent("leverages are no finite numbers"))
    };
    matrices.par_iter().map(inverse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One regression with rows along some axes.
    fn along(axes: &[(usize, f64)]) -> Information {
        let gram = |of_atoms: bool| {
            let mut matrix = Mat::zeros(3, 3);
            axes.iter().for_each(|&(axis, size)| matrix[(axis, axis)] += size);
            Gram { matrix, n_rows: 1, of_atoms }
        };
        Information { regressions: vec![gram(false), gram(true)] }
    }

    #[test]
    fn what_resembles_a_choice_falls_back() {
        let candidates = [along(&[(0, 10.0)]), along(&[(0, 9.0)]), along(&[(1, 2.0)]), along(&[(2, 0.5)])];
        let choices = next(&candidates, 9).unwrap();
        let order: Vec<usize> = choices.iter().map(|choice| choice.candidate).collect();
        assert_eq!(order, [0, 2, 1, 3]);
        assert!((choices[0].when_chosen - 10.0).abs() < 1e-12 && (choices[0].afterwards - 10.0 / 11.0).abs() < 1e-12);
        assert!((choices[2].alone - 9.0).abs() < 1e-12 && (choices[2].when_chosen - 9.0 / 11.0).abs() < 1e-12);
    }
}
