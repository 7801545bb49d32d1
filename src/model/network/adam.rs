//! The optimizer.

use tch::Tensor;

use super::config::TrainingConfig;

const DECAY_FIRST: f64 = 0.9;
/// Forgets faster than the usual 0.999: batches are single structures, and runs are short.
const DECAY_SECOND: f64 = 0.99;
const EPSILON: f64 = 1e-8;
/// Of the highest learning rate, at the last step.
const LAST_RATE: f64 = 0.005;

/// Adam (Kingma, Ba 2015) on one flat vector. tch's own does not show its moments, which a checkpoint needs.
#[derive(Debug)]
pub struct Adam {
    /// Running mean of the gradient.
    pub first: Tensor,
    /// Running mean of its square.
    pub second: Tensor,
}

impl Adam {
    /// At the start of training.
    pub fn new(weights: &Tensor) -> Self {
        let zeros = || weights.detach().zeros_like();
        Adam { first: zeros(), second: zeros() }
    }

    /// Step number `step`, from 0. Call without gradients being recorded.
    pub fn step(&mut self, weights: &mut Tensor, gradient: &Tensor, rate: f64, step: usize) {
        self.first = &self.first * DECAY_FIRST + gradient * (1.0 - DECAY_FIRST);
        self.second = &self.second * DECAY_SECOND + gradient.square() * (1.0 - DECAY_SECOND);
        let [first, second] = [DECAY_FIRST, DECAY_SECOND].map(|decay| 1.0 - decay.powi(step as i32 + 1));
        let size = (&self.second / second).sqrt() + EPSILON;
        let _ = weights.g_sub_(&(&self.first / size * (rate / first)));
    }
}

/// Learning rate: rises linearly, then falls as a half cosine.
pub fn learning_rate(config: &TrainingConfig, step: usize) -> f64 {
    let rise = ((step + 1) as f64 / config.warmup.max(1) as f64).min(1.0);
    let phase = std::f64::consts::PI * step as f64 / config.steps.max(1) as f64;
    config.learning_rate * rise * (LAST_RATE + (1.0 - LAST_RATE) * 0.5 * (1.0 + phase.cos()))
}

/// Scales a gradient to at most this norm; returns the norm that it had.
pub fn clip(gradient: &Tensor, largest: f64) -> (Tensor, f64) {
    let norm = gradient.norm().double_value(&[]);
    let factor = if norm > largest { largest / norm } else { 1.0 };
    (gradient * factor, norm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::network::init_torch;

    #[test]
    fn finds_a_minimum() {
        init_torch();
        let target = Tensor::from_slice(&[1.0, -2.0, 0.5]);
        let mut weights = Tensor::from_slice(&[0.0, 0.0, 0.0]);
        let mut adam = Adam::new(&weights);
        for step in 0..500 {
            let gradient = &weights - &target;
            adam.step(&mut weights, &gradient, 0.02, step);
        }
        assert!((weights - target).abs().max().double_value(&[]) < 1e-2);
    }

    #[test]
    fn rate_rises_and_falls() {
        let config = TrainingConfig { steps: 1000, warmup: 10, learning_rate: 1.0, ..TrainingConfig::default() };
        let rate = |step| learning_rate(&config, step);
        assert!((rate(0) - 0.1).abs() < 1e-3 && rate(9) > 0.99 && (rate(999) - 0.005).abs() < 1e-4);
    }

    #[test]
    fn long_gradients_are_shortened() {
        init_torch();
        let (clipped, norm) = clip(&Tensor::from_slice(&[3.0, 4.0]), 1.0);
        assert!((norm - 5.0).abs() < 1e-12 && (clipped.norm().double_value(&[]) - 1.0).abs() < 1e-12);
    }
}
