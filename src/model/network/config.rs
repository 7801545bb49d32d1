//! The configuration of a training run: the TOML file of `hzero train`. Every field has a default except the training runs.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::features::Hidden;
use crate::model::linear::FitSettings;
use crate::parsers::{Error, Result};

/// The whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Which runs.
    pub data: DataConfig,
    /// The linear stage.
    #[serde(default)]
    pub linear: LinearConfig,
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

/// `[linear]`: the linear stage, which is always fitted. Where the network does not correct it, it still says how unlike training
/// a run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinearConfig {
    /// Gaussians of the bond's length that multiply every feature of a bond (default 6). The size of the stage grows with them:
    /// for many orbitals, and a network that does not correct it, 3 are enough.
    pub gaussians: usize,
}

impl Default for LinearConfig {
    fn default() -> Self {
        LinearConfig { gaussians: FitSettings::default().bond_gaussians }
    }
}

/// What the network corrects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Base {
    /// The prediction of the linear stage.
    Linear,
    /// The linear stage's potential of distant atoms alone, which no network of finite range can see.
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
    /// What the network corrects: `"linear"`, `"potential"` (default) or `"none"`.
    pub base: Base,
    /// Operators that it sees: `["h0"]` (default), `["h0", "s"]` or `[]`.
    pub inputs: Vec<Input>,
    /// Do the first features of a bond see species and on-site H⁽⁰⁾ of both of its atoms? Atoms then see those of their
    /// neighbours. Default `true`: it took the error on silicon from 3.9 to 3.1 % of that of H⁽⁰⁾.
    pub ends: bool,
    /// Do layers pass what an atom has learned on to its neighbours? Then the range grows by one envelope per layer; else
    /// (`false`, strictly local) H_ij depends on what is within the envelope around i and j, whatever the depth. Default `true`:
    /// silicon 3.1 to 2.2 %.
    pub passing: bool,
    /// Interaction layers (default 2).
    pub layers: usize,
    /// Copies of every natural hidden irrep (default 16).
    pub channels: usize,
    /// Copies of every unnatural hidden irrep (default 8; 0: none).
    pub unnatural_channels: usize,
    /// Highest l of natural hidden irreps (default 4).
    pub l_max: usize,
    /// Highest l of unnatural hidden irreps, at most `l_max` (default 3).
    pub unnatural_l_max: usize,
    /// Width of latent vectors and MLPs (default 64).
    pub width: usize,
    /// Gaussians of the distance (default 16).
    pub radial_functions: usize,
    /// Distance in bohr at which the influence of neighbours ends (default 10.4; for silicon 12.5 was a little better).
    pub envelope: f64,
}

impl Default for ModelConfig {
    fn default() -> Self {
        ModelConfig {
            base: Base::Potential,
            inputs: vec![Input::H0],
            ends: true,
            passing: true,
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

impl TrainConfig {
    /// Refuses what no network can be built or trained with.
    ///
    /// # Errors
    /// `Unsupported`, naming the field and its value.
    pub fn check(&self) -> Result<()> {
        let (m, t) = (&self.model, &self.training);
        let positive = [
            ("linear.gaussians", self.linear.gaussians as f64),
            ("model.channels", m.channels as f64),
            ("model.width", m.width as f64),
            ("model.radial_functions", m.radial_functions as f64 - 1.0),
            ("model.envelope", m.envelope),
            ("training.batch", t.batch as f64),
            ("training.learning_rate", t.learning_rate),
            ("training.clip", t.clip),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| value.is_nan() || *value <= 0.0) {
            return Err(Error::unsupported(format!("{name} is too small")));
        }
        if m.l_max > MAX_DEGREE {
            return Err(Error::unsupported(format!("model.l_max of {} is above {MAX_DEGREE}", m.l_max)));
        }
        if !(0.0..1.0).contains(&t.ema) {
            return Err(Error::unsupported(format!("training.ema of {} is outside 0 to 1", t.ema)));
        }
        Ok(())
    }
}

/// Beyond this the tables lose digits and a step takes minutes.
const MAX_DEGREE: usize = 8;

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
    /// Steps (default 2000; more learn the training cells better and other cells no better).
    pub steps: usize,
    /// Highest learning rate (default 0.003); it decays to 0.5 % of this.
    pub learning_rate: f64,
    /// Steps over which the learning rate rises (default 50).
    pub warmup: usize,
    /// Structures per step (default 1).
    pub batch: usize,
    /// `"mae"` (default) or `"mixed"`.
    pub loss: Loss,
    /// Largest norm of the gradient of the error relative to that of the base (default 10).
    pub clip: f64,
    /// Decides first weights, order of the data and the validation part (default 0).
    pub seed: u64,
    /// Decay of the running mean of the weights that is evaluated and saved; 0 (default) switches it off.
    pub ema: f64,
    /// `"f32"` (default) or `"f64"`.
    pub precision: Precision,
    /// CPU threads of libtorch; 0 (default) leaves the choice to it.
    pub threads: usize,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        TrainingConfig {
            steps: 2000,
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
    /// The model (default `model.safetensors`). Beside it: `.checkpoint.safetensors`, `.log.jsonl` and `.svg` of the same name.
    pub model: PathBuf,
    /// Steps between checkpoints (default 200).
    pub checkpoint_every: usize,
    /// Steps between evaluations on the validation runs (default 500).
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
        assert_eq!(config.training.steps, 2000);
        assert!(toml::from_str::<TrainConfig>("[data]\ntrain = []\n[model]\nlayer = 2").is_err());
    }

    #[test]
    fn impossible_values_are_named() {
        let check = |text: &str| {
            let config: TrainConfig = toml::from_str(&format!("[data]\ntrain = []\n{text}")).unwrap();
            config.check().map_err(|error| error.to_string())
        };
        assert_eq!(check(""), Ok(()));
        assert_eq!(check("[model]\nwidth = 0"), Err("model.width is too small".to_owned()));
        assert_eq!(check("[model]\nenvelope = nan"), Err("model.envelope is too small".to_owned()));
        assert_eq!(check("[model]\nl_max = 9"), Err("model.l_max of 9 is above 8".to_owned()));
        assert_eq!(check("[training]\nema = 1.0"), Err("training.ema of 1 is outside 0 to 1".to_owned()));
    }

    #[test]
    fn text_and_back() {
        let config: TrainConfig = toml::from_str("[data]\ntrain = [\"a\"]\n[training]\nloss = \"mixed\"").unwrap();
        assert_eq!(toml::from_str::<TrainConfig>(&toml::to_string(&config).unwrap()).unwrap(), config);
    }
}
