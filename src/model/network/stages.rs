//! The two stages of the network in the course of training: when the refinement starts, who learns how fast, and in which axes it
//! works.

use tch::Tensor;

use super::batch::Preparation;
use super::config::{Refine, TrainingConfig};
use super::layers::refine::{Turn, fixed_turns, random_turn};
use super::weights::WeightTable;

/// What the names of the refinement's weights start with.
const REFINEMENT: &str = "refine.";

/// How the two stages take part in a pass through the network.
#[derive(Debug)]
pub struct Pass {
    /// Does the refinement correct the first stage's output?
    pub refine: bool,
    /// Are gradients of the first stage wanted?
    pub first_stage_learns: bool,
    /// Axes in which a free refinement works; the mean over them counts. None: those of the structure.
    pub turns: Vec<Turn>,
}

impl Pass {
    /// A prediction.
    pub fn prediction(preparation: &Preparation) -> Self {
        let Preparation { config, tables, kind, device, .. } = preparation;
        let turn = |r| Turn::new(&tables.hidden, &r, *kind, *device);
        let n = if config.refine == Refine::Free && config.refine_turns > 1 { config.refine_turns } else { 0 };
        let turns = fixed_turns(n).into_iter().map(turn).collect();
        Pass { refine: true, first_stage_learns: true, turns }
    }
}

/// The course of training. In the first part of the steps only the first stage learns; in the second the refinement does, with a
/// learning rate that rises and falls anew, and the first stage follows at a part of it. Without a refinement there is one stage.
#[derive(Debug)]
pub struct Stages {
    /// Training as each of the two stages sees it: with its own number of steps.
    configs: [TrainingConfig; 2],
    /// Part of the learning rate that each weight has in the second stage, one number per weight; `None` if all are one.
    factors: Option<Tensor>,
    free: bool,
}

impl Stages {
    /// The stages of a network with these weights.
    pub fn new(config: &TrainingConfig, table: &WeightTable, preparation: &Preparation) -> Self {
        let refines = preparation.config.refine != Refine::None;
        let first = if refines { (config.refine_from * config.steps as f64).round() as usize } else { config.steps };
        let stage = |steps: usize| TrainingConfig { steps, ..config.clone() };
        let factors = (refines && config.first_stage_rate != 1.0).then(|| {
            let parts = table.named().map(|(name, shape, _)| {
                let factor = if name.starts_with(REFINEMENT) { 1.0 } else { config.first_stage_rate };
                Tensor::full([shape.iter().product::<i64>()], factor, (preparation.kind, preparation.device))
            });
            Tensor::cat(&parts.collect::<Vec<_>>(), 0)
        });
        Stages {
            configs: [stage(first), stage(config.steps.saturating_sub(first))],
            factors,
            free: preparation.config.refine == Refine::Free,
        }
    }

    /// The schedule of the stage that a step is in, and the step's number in it.
    pub fn schedule(&self, step: usize) -> (&TrainingConfig, usize) {
        let [first, second] = &self.configs;
        if step < first.steps { (first, step) } else { (second, step - first.steps) }
    }

    /// Does the refinement start with this step?
    pub fn turns_over(&self, step: usize) -> bool {
        step > 0 && step == self.configs[0].steps
    }

    /// Has the last stage begun before this step?
    pub fn in_last(&self, step: usize) -> bool {
        self.configs[1].steps == 0 || step > self.configs[0].steps
    }

    /// How the stages take part in a training step. Depends on seed and step alone, so that a resumed run repeats the curve.
    pub fn pass(&self, preparation: &Preparation, step: usize) -> Pass {
        let refine = step >= self.configs[0].steps;
        let config = &self.configs[1];
        let rotate = refine && self.free && config.rotate;
        let turn = |r| Turn::new(&preparation.tables.hidden, &r, preparation.kind, preparation.device);
        Pass {
            refine,
            first_stage_learns: !refine || config.first_stage_rate > 0.0,
            turns: if rotate { vec![turn(random_turn(config.seed, step))] } else { Vec::new() },
        }
    }

    /// Lets `update` change the weights, and takes back what of the change is beyond each weight's part. Call without gradients being
    /// recorded.
    pub fn moderate(&self, weights: &mut Tensor, step: usize, update: impl FnOnce(&mut Tensor)) {
        let factors = self.factors.as_ref().filter(|_| step >= self.configs[0].steps);
        let before = factors.map(|_| weights.detach().copy());
        update(weights);
        if let (Some(before), Some(factors)) = (before, factors) {
            let change = (weights.detach() - &before) * factors;
            weights.copy_(&(before + change));
        }
    }
}
