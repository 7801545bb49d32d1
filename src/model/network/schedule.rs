//! The course of a training run: learning rate, best evaluation, and when to stop.

use serde::{Deserialize, Serialize};

use super::config::{Schedule, TrainingConfig};

/// Improvements below this part of the best error do not count as such on a plateau.
const NOTABLE: f64 = 1e-4;

/// What decides the further course, besides weights and moments; stands in checkpoints, so that a resumed run repeats the curve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// The best evaluation so far.
    pub best: Option<Best>,
    /// Running mean of the error of the steps, hartree.
    pub running: Option<f64>,
    /// Steps without an update, because loss or gradient was not finite.
    pub skipped: usize,
    /// Of them, those since the last good step.
    pub skipped_in_a_row: usize,
    /// Evaluations since the best.
    waited: usize,
    /// Error that the plateau is measured from.
    level: Option<f64>,
    /// Evaluations since then.
    waited_on_plateau: usize,
    /// How often the rate was reduced.
    reductions: i32,
}

/// An evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Steps done.
    pub step: usize,
    /// Error on the validation runs, hartree.
    pub error: f64,
}

impl Course {
    /// Learning rate of step `step`, from 0: rises linearly, then falls as the schedule says.
    pub fn rate(&self, config: &TrainingConfig, step: usize) -> f64 {
        let rise = ((step + 1) as f64 / config.warmup.max(1) as f64).min(1.0);
        let fall = match config.schedule {
            Schedule::Cosine => {
                let phase = std::f64::consts::PI * step as f64 / config.steps.max(1) as f64;
                config.last_rate + (1.0 - config.last_rate) * 0.5 * (1.0 + phase.cos())
            }
            Schedule::Plateau => config.plateau_factor.powi(self.reductions).max(config.last_rate),
        };
        config.learning_rate * rise * fall
    }

    /// A second stage of training starts: patience and the rate of a plateau start anew.
    pub fn turn_over(&mut self) {
        (self.waited, self.level, self.waited_on_plateau, self.reductions) = (0, None, 0, 0);
    }

    /// Notes an evaluation after `step` steps; is it the best so far?
    pub fn evaluated(&mut self, config: &TrainingConfig, step: usize, error: f64) -> bool {
        self.note_level(config, error);
        let better = error.is_finite() && self.best.is_none_or(|best| error < best.error);
        self.waited = if better { 0 } else { self.waited + 1 };
        if better {
            self.best = Some(Best { step, error });
        }
        better
    }

    fn note_level(&mut self, config: &TrainingConfig, error: f64) {
        if error.is_finite() && self.level.is_none_or(|level| error < level * (1.0 - NOTABLE)) {
            (self.level, self.waited_on_plateau) = (Some(error), 0);
            return;
        }
        self.waited_on_plateau += 1;
        if self.waited_on_plateau >= config.plateau_patience.max(1) {
            self.waited_on_plateau = 0;
            self.reductions += 1;
        }
    }

    /// Has nothing improved for too long?
    pub fn is_over(&self, config: &TrainingConfig) -> bool {
        config.patience > 0 && self.waited >= config.patience
    }

    /// Notes a step: its error in hartree, and whether weights were updated.
    pub fn stepped(&mut self, error: f64, updated: bool) {
        if updated {
            self.skipped_in_a_row = 0;
            self.running = Some(self.running.map_or(error, |mean| FORGET * error + (1.0 - FORGET) * mean));
        } else {
            self.skipped += 1;
            self.skipped_in_a_row += 1;
        }
    }
}

/// Weight of the newest step in the running mean of the training error.
const FORGET: f64 = 0.05;

#[cfg(test)]
mod tests {
    use super::*;

    fn config(schedule: Schedule) -> TrainingConfig {
        let patiences = TrainingConfig { plateau_patience: 2, patience: 3, ..TrainingConfig::default() };
        TrainingConfig { steps: 1000, warmup: 10, learning_rate: 1.0, schedule, ..patiences }
    }

    #[test]
    fn cosine_rises_and_falls() {
        let rate = |step| Course::default().rate(&config(Schedule::Cosine), step);
        assert!((rate(0) - 0.1).abs() < 1e-3 && rate(9) > 0.99 && (rate(999) - 0.005).abs() < 1e-4);
    }

    #[test]
    fn plateau_falls_where_nothing_improves() {
        let config = config(Schedule::Plateau);
        let mut course = Course::default();
        let rates = [5.0, 4.0, 4.0, 3.9999, 4.1, f64::NAN, 3.0, 3.1].map(|error| {
            course.evaluated(&config, 500, error);
            course.rate(&config, 500)
        });
        assert_eq!(rates, [1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.25]);
        let floor = TrainingConfig { last_rate: 0.4, ..config };
        assert_eq!(course.rate(&floor, 500), 0.4);
    }

    #[test]
    fn ends_when_nothing_is_better_for_long() {
        let config = config(Schedule::Cosine);
        let mut course = Course::default();
        let better = [5.0, 4.0, 4.5, 3.9, 4.0, 4.0].map(|error| course.evaluated(&config, 7, error));
        assert_eq!(better, [true, true, false, true, false, false]);
        assert!(!course.is_over(&config));
        course.evaluated(&config, 8, 4.0);
        assert!(course.is_over(&config));
        assert!(!course.is_over(&TrainingConfig { patience: 0, ..config }));
        assert_eq!(course.best, Some(Best { step: 7, error: 3.9 }));
    }

    #[test]
    fn skipped_steps_are_counted_and_do_not_spoil_the_mean() {
        let mut course = Course::default();
        course.stepped(1.0, true);
        course.stepped(f64::NAN, false);
        course.stepped(f64::NAN, false);
        assert_eq!((course.skipped_in_a_row, course.running), (2, Some(1.0)));
        course.stepped(0.0, true);
        assert_eq!((course.skipped, course.skipped_in_a_row, course.running), (2, 0, Some(0.95)));
    }
}
