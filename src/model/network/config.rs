//! The configuration of a training run: the TOML file of `hzero train`. Every field has a default except the training runs.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::features::Hidden;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Which runs.
    pub data: DataConfig,
    /// Shape of the network.
    #[serde(default)]
    pub model: ModelConfig,
    /// How it is trained.
    #[serde(default)]
    pub training: TrainingConfig,
    /// What is written.
    #[serde(default)]
    pub output: OutputConfig,
}

/// `[data]`: folders of runs as paths or patterns (`*`, `?`, `[0-9]`), relative to the config file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Runs to learn from.
    pub train: Vec<String>,
    /// Runs to watch the error on. Take a shape of cell that training does not have: other runs of the training cells hide how a
    /// model fails elsewhere.
    #[serde(default)]
    pub validate: Vec<String>,
    /// Runs that the patterns match but nothing may use, for later tests.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Where `validate` is empty: this part of the training runs, chosen by the seed.
    #[serde(default = "default_validation_fraction")]
    pub validation_fraction: f64,
}

fn default_validation_fraction() -> f64 {
    0.1
}

/// What the network corrects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Base {
    /// The prediction of the linear stage.
    Linear,
    /// The linear stage's potential of distant atoms alone, which no strictly local network can see.
    Potential,
    /// The mean ΔH as a function of distance alone.
    None,
}

/// An operator that the network sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// H⁽⁰⁾ of the pair and of the atoms.
    H0,
    /// S of the pair.
    S,
}

/// `[model]`: shape of the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// What the network corrects: `"linear"`, `"potential"` or `"none"`.
    pub base: Base,
    /// Operators that it sees: `["h0"]`, `["h0", "s"]` or `[]`.
    pub inputs: Vec<Input>,
    /// Do the first features of a bond see species and on-site H⁽⁰⁾ of both of its atoms? Atoms then see those of their neighbours.
    pub ends: bool,
    /// Do layers pass what an atom has learned on to its neighbours? Then the range grows by one envelope per layer; else
    /// (`false`, strictly local) H_ij depends on what is within the envelope around i and j, whatever the depth.
    pub passing: bool,
    /// Interaction layers.
    pub layers: usize,
    /// Copies of every natural hidden irrep.
    pub channels: usize,
    /// Copies of every unnatural hidden irrep.
    pub unnatural_channels: usize,
    /// Highest l of natural hidden irreps.
    pub l_max: usize,
    /// Highest l of unnatural hidden irreps, at most `l_max`.
    pub unnatural_l_max: usize,
    /// Width of latent vectors and MLPs.
    pub width: usize,
    /// Gaussians of the distance.
    pub radial_functions: usize,
    /// Distance in bohr at which the influence of neighbours ends. Longer was no better on our sets.
    pub envelope: f64,
}

impl Default for ModelConfig {
    fn default() -> Self {
        ModelConfig {
            base: Base::None,
            inputs: vec![Input::H0],
            ends: true,
            passing: false,
            layers: 2,
            channels: 16,
            unnatural_channels: 8,
            l_max: 4,
            unnatural_l_max: 3,
            width: 64,
            radial_functions: 16,
            envelope: 10.4,
        }
    }
}

impl ModelConfig {
    /// The hidden irreps.
    pub fn hidden(&self) -> Hidden {
        Hidden {
            l_max: self.l_max as i64,
            unnatural_l_max: self.unnatural_l_max.min(self.l_max) as i64,
            channels: self.channels as i64,
            unnatural_channels: self.unnatural_channels as i64,
        }
    }

    /// Is H⁽⁰⁾ an input?
    pub fn uses_h0(&self) -> bool {
        self.inputs.contains(&Input::H0)
    }
}

/// What is minimized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Loss {
    /// Mean absolute error of ΔH.
    Mae,
    /// Half mean absolute, half root mean square error.
    Mixed,
}

/// Number format of the network; statistics, base and sum are always double precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Single: enough, and twice as fast.
    F32,
    /// Double: for tests of symmetry.
    F64,
}

/// `[training]`: Adam with warm-up and cosine decay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingConfig {
    /// Steps.
    pub steps: usize,
    /// Highest learning rate; it decays to 0.5 % of this.
    pub learning_rate: f64,
    /// Steps over which the learning rate rises.
    pub warmup: usize,
    /// Structures per step.
    pub batch: usize,
    /// `"mae"` or `"mixed"`.
    pub loss: Loss,
    /// Largest norm of the gradient (of the error relative to that of the base).
    pub clip: f64,
    /// Decides first weights, order of the data and the validation part.
    pub seed: u64,
    /// Decay of the running mean of the weights that is evaluated and saved; 0 switches it off.
    pub ema: f64,
    /// `"f32"` or `"f64"`.
    pub precision: Precision,
    /// CPU threads of libtorch; 0 leaves the choice to it.
    pub threads: usize,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        TrainingConfig {
            steps: 3000,
            learning_rate: 3e-3,
            warmup: 50,
            batch: 1,
            loss: Loss::Mae,
            clip: 10.0,
            seed: 0,
            ema: 0.0,
            precision: Precision::F32,
            threads: 0,
        }
    }
}

/// `[output]`: files, relative to the config file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutputConfig {
    /// The model. Beside it: `.checkpoint.safetensors`, `.log.jsonl` and `.svg` of the same name.
    pub model: PathBuf,
    /// Steps between checkpoints.
    pub checkpoint_every: usize,
    /// Steps between evaluations on the validation runs.
    pub evaluate_every: usize,
}

impl Default for OutputConfig {
    fn default() -> Self {
        OutputConfig { model: "model.safetensors".into(), checkpoint_every: 200, evaluate_every: 500 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_training_runs_are_required() {
        let config: TrainConfig = toml::from_str("[data]\ntrain = [\"runs/*\"]").unwrap();
        assert_eq!(config.model, ModelConfig::default());
        assert_eq!(config.training.steps, 3000);
        assert!(toml::from_str::<TrainConfig>("[data]\ntrain = []\n[model]\nlayer = 2").is_err());
    }

    #[test]
    fn text_and_back() {
        let config: TrainConfig = toml::from_str("[data]\ntrain = [\"a\"]\n[training]\nloss = \"mixed\"").unwrap();
        assert_eq!(toml::from_str::<TrainConfig>(&toml::to_string(&config).unwrap()).unwrap(), config);
    }
}
