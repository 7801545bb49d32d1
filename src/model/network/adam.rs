//! The optimizer.

use tch::Tensor;

use super::config::TrainingConfig;

const EPSILON: f64 = 1e-8;
/// Adam (Kingma, Ba 2015) on one flat vector, with decoupled weight decay (Loshchilov, Hutter 2019). tch's own does not show its
/// moments, which a checkpoint needs.
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
    pub fn step(&mut self, weights: &mut Tensor, gradient: &Tensor, rate: f64, step: usize, config: &TrainingConfig) {
        let decays = config.adam;
        self.first = &self.first * decays[0] + gradient * (1.0 - decays[0]);
        self.second = &self.second * decays[1] + gradient.square() * (1.0 - decays[1]);
        let [first, second] = decays.map(|decay| 1.0 - decay.powi(step as i32 + 1));
        let size = (&self.second / second).sqrt() + EPSILON;
        let decayed = weights.detach() * (rate * config.weight_decay);
        let _ = weights.g_sub_(&(&self.first / size * (rate / first) + decayed));
    }
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
            adam.step(&mut weights, &gradient, 0.02, step, &TrainingConfig::default());
        }
        assert!((weights - target).abs().max().double_value(&[]) < 1e-2);
    }

    #[test]
    fn decays_decide_what_is_remembered() {
        init_torch();
        let moved = |adam: [f64; 2], weight_decay: f64| {
            let config = TrainingConfig { adam, weight_decay, ..TrainingConfig::default() };
            let mut weights = Tensor::from_slice(&[1.0]);
            let mut adam = Adam::new(&weights);
            for (step, gradient) in [1.0, 0.0, 0.0].into_iter().enumerate() {
                adam.step(&mut weights, &Tensor::from_slice(&[gradient]), 0.1, step, &config);
            }
            weights.double_value(&[0])
        };
        // Without memory of the gradient the first step is the only one.
        assert!((moved([0.0, 0.0], 0.0) - 0.9).abs() < 1e-9);
        assert!(moved([0.9, 0.99], 0.0) < 0.8);
        assert!(moved([0.9, 0.999], 0.0) != moved([0.9, 0.99], 0.0));
        assert!(moved([0.9, 0.99], 0.1) < moved([0.9, 0.99], 0.0) - 0.02);
    }

    #[test]
    fn long_gradients_are_shortened() {
        init_torch();
        let (clipped, norm) = clip(&Tensor::from_slice(&[3.0, 4.0]), 1.0);
        assert!((norm - 5.0).abs() < 1e-12 && (clipped.norm().double_value(&[]) - 1.0).abs() < 1e-12);
    }
}
