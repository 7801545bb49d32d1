//! The configuration of a training run: the TOML file of `hzero train`. Every field has a default except the training runs; a
//! [`Preset`] changes the defaults to those of a published system.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::model::linear::FitSettings;
use crate::model::target::{Quantity, Target};
use crate::parsers::{Error, Result};

mod model;
mod presets;
mod training;

pub use model::{Aggregation, Base, Gradient, Input, Mixing, ModelConfig, Refine};
pub use presets::Preset;
pub use training::{KSpaceConfig, Keep, Loss, Precision, Schedule, TrainingConfig};

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// A published system, whose fields are the defaults of all sections: see [`TrainConfig::parse`].
    pub preset: Option<Preset>,
    /// Which runs.
    pub data: DataConfig,
    /// What is predicted.
    pub target: TargetConfig,
    /// The linear stage.
    pub linear: LinearConfig,
    /// Shape of the network.
    pub model: ModelConfig,
    /// How it is trained.
    pub training: TrainingConfig,
    /// The error in reciprocal space.
    pub k_space: KSpaceConfig,
    /// What is written.
    pub output: OutputConfig,
}

/// `[data]`: folders of runs as paths or patterns (`*`, `?`, `[0-9]`), relative to the config file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// Runs to learn from.
    pub train: Vec<String>,
    /// Runs to watch the error on. Take a shape of cell that training does not have: other runs of the training cells hide how a
    /// model fails elsewhere.
    pub validate: Vec<String>,
    /// Runs that the patterns match but nothing may use, for later tests.
    pub exclude: Vec<String>,
    /// Where `validate` is empty: this part of the training runs, chosen by the seed.
    pub validation_fraction: f64,
}

impl Default for DataConfig {
    fn default() -> Self {
        DataConfig { train: Vec::new(), validate: Vec::new(), exclude: Vec::new(), validation_fraction: 0.1 }
    }
}

/// `[target]`: what is predicted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TargetConfig {
    /// `"hamiltonian"` (default), `"density-matrix"` or `"overlap"`.
    pub quantity: Quantity,
    /// Is the exchange field of non-collinear magnets learned too, or left as H⁽⁰⁾ has it (`false`, default)? The linear stage
    /// cannot learn it: `linear.enabled = false`.
    pub magnetic: bool,
}

/// `[linear]`: the linear stage. Where the network does not correct it, it still says how unlike training a run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinearConfig {
    /// Is it fitted (default `true`)? It needs H⁽⁰⁾.
    pub enabled: bool,
    /// Has it the potential of distant atoms (default `true`)? Without it the stage is strictly local.
    pub potential: bool,
    /// Gaussians of the bond's length that multiply every feature of a bond (default 6). The size of the stage grows with them:
    /// for many orbitals, and a network that does not correct it, 3 are enough.
    pub gaussians: usize,
}

impl Default for LinearConfig {
    fn default() -> Self {
        LinearConfig { enabled: true, potential: true, gaussians: FitSettings::default().bond_gaussians }
    }
}

impl TrainConfig {
    /// What the model predicts.
    pub fn what(&self) -> Target {
        Target { quantity: self.target.quantity, from_h0: self.model.base.from_h0(), magnetic: self.target.magnetic }
    }

    /// What an exchange field cannot go with.
    fn check_magnetic(&self) -> Result<()> {
        let beyond = [
            ("linear.enabled", self.linear.enabled),
            ("model.refine", self.model.refine != Refine::None),
            ("model.trace", self.model.trace),
            ("k_space.weight", self.k_space.weight > 0.0),
            ("a model.base without H0", !self.model.base.from_h0()),
        ];
        match beyond.iter().find(|(_, set)| self.target.magnetic && *set) {
            Some((name, _)) => Err(Error::unsupported(format!("target.magnetic: {name} knows no exchange fields"))),
            None => Ok(()),
        }
    }

    /// Refuses what no network can be built or trained with.
    ///
    /// # Errors
    /// `Unsupported`, naming the field and its value.
    pub fn check(&self) -> Result<()> {
        require_positive("linear", &[("gaussians", self.linear.gaussians as f64)])?;
        self.model.check()?;
        self.training.check()?;
        self.check_magnetic()?;
        if self.model.base.needs_linear() && !self.linear.enabled {
            return Err(Error::unsupported("model.base asks for the linear stage, but linear.enabled is false"));
        }
        if self.linear.enabled && self.what() != Target::default() {
            return Err(Error::unsupported(
                "the linear stage predicts H - H0: set linear.enabled = false for other targets and for models without H0",
            ));
        }
        if self.model.base.from_h0() && self.target.quantity != Quantity::Hamiltonian {
            return Err(Error::unsupported(
                "model.base starts from H0, but target.quantity is no Hamiltonian: set model.base = \"shift\"",
            ));
        }
        if self.k_space.weight != 0.0 && self.target.quantity != Quantity::Hamiltonian {
            return Err(Error::unsupported("k_space compares Hamiltonians, but target.quantity is none"));
        }
        self.check_parts()?;
        self.k_space.check()
    }

    /// Parts of the loss that nothing would come of, and inputs that hold the answer.
    fn check_parts(&self) -> Result<()> {
        let (model, training, quantity) = (&self.model, &self.training, self.target.quantity);
        let refused = [
            (training.gauge && quantity != Quantity::Hamiltonian, "training.gauge: only a Hamiltonian has a gauge"),
            (training.trace_weight != 0.0 && !model.trace, "training.trace_weight needs model.trace = true"),
            (model.trace && training.trace_weight == 0.0, "model.trace needs a training.trace_weight"),
            (
                quantity == Quantity::Overlap && model.inputs.contains(&Input::S),
                "model.inputs has S, which is what target.quantity asks for",
            ),
        ];
        match refused.iter().find(|(refused, _)| *refused) {
            Some((_, message)) => Err(Error::unsupported(*message)),
            None => Ok(()),
        }
    }
}

fn require_positive(section: &str, fields: &[(&str, f64)]) -> Result<()> {
    match fields.iter().find(|(_, value)| value.is_nan() || *value <= 0.0) {
        Some((name, _)) => Err(Error::unsupported(format!("{section}.{name} is too small"))),
        None => Ok(()),
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
        assert_eq!(
            check("[model]\nrefine_turns = 5"),
            Err("model.refine_turns of 5 is none of [1, 4, 12, 24]".to_owned())
        );
        assert_eq!(check("[model]\ntrace = true"), Err("model.trace needs a training.trace_weight".to_owned()));
        assert_eq!(
            check("[training]\ntrace_weight = 0.3"),
            Err("training.trace_weight needs model.trace = true".to_owned())
        );
        let overlap = "[linear]\nenabled = false\n[target]\nquantity = \"overlap\"\n[model]\nbase = \"shift\"\n";
        assert!(
            check(&format!("{overlap}inputs = [\"s\"]")).is_err_and(|error| error.starts_with("model.inputs has S"))
        );
        let gauge = format!("{overlap}inputs = []\n[training]\ngauge = true");
        assert!(check(&gauge).is_err_and(|error| error.starts_with("training.gauge")));
        assert_eq!(check("[training]\nema = 1.0"), Err("training.ema of 1 is outside 0 to 1".to_owned()));
    }

    #[test]
    fn text_and_back() {
        let config: TrainConfig = toml::from_str("[data]\ntrain = [\"a\"]\n[training]\nloss = \"mixed\"").unwrap();
        assert_eq!(toml::from_str::<TrainConfig>(&toml::to_string(&config).unwrap()).unwrap(), config);
    }
}
