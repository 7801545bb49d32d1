//! The four published systems as defaults of the shared axes.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::TrainConfig;
use crate::parsers::{Error, Result};

/// A published system. What is the paper's and what is ours stands in the file of each preset and in `docs/models.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lower")]
pub enum Preset {
    /// SLEM (arXiv:2407.06053): strictly local, SO(2) maps, no H⁽⁰⁾.
    Slem,
    /// TraceGrad (arXiv:2405.05722): traces are supervised, and gradients of invariants are features.
    TraceGrad,
    /// NextHAM (arXiv:2509.19877): H⁽⁰⁾ as input and as base of the output, attention, an error in reciprocal space.
    NextHam,
    /// HarmoSE (arXiv:2401.00744): a second stage that is not equivariant by construction.
    HarmoSe,
}

impl Preset {
    /// All of them.
    pub const ALL: [Preset; 4] = [Preset::Slem, Preset::TraceGrad, Preset::NextHam, Preset::HarmoSe];

    /// Its fields, with comments.
    pub fn text(self) -> &'static str {
        match self {
            Preset::Slem => include_str!("presets/slem.toml"),
            Preset::TraceGrad => include_str!("presets/tracegrad.toml"),
            Preset::NextHam => include_str!("presets/nextham.toml"),
            Preset::HarmoSe => include_str!("presets/harmose.toml"),
        }
    }
}

impl TrainConfig {
    /// A configuration file. Fields that it does not give are those of its preset, if it names one, else the defaults.
    ///
    /// # Errors
    /// `Syntax` with line and column where it is no TOML, or has unknown fields or values.
    pub fn parse(text: &str) -> Result<Self> {
        let malformed = |e: toml::de::Error| Error::syntax("a training configuration", e.to_string());
        // By itself first: only so do mistakes have a place.
        let given: TrainConfig = toml::from_str(text).map_err(malformed)?;
        let Some(preset) = given.preset else { return Ok(given) };
        let mut table: toml::Table = toml::from_str(preset.text()).map_err(malformed)?;
        merge(&mut table, toml::from_str(text).map_err(malformed)?);
        table.try_into().map_err(malformed)
    }

    /// A preset without data.
    ///
    /// # Errors
    /// As [`TrainConfig::parse`].
    pub fn of_preset(preset: Preset) -> Result<Self> {
        let config = TrainConfig::parse(preset.text())?;
        Ok(TrainConfig { preset: Some(preset), ..config })
    }
}

/// Puts the fields of `over` into `table`, section by section.
fn merge(table: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(toml::Value::Table(section)), toml::Value::Table(fields)) => merge(section, fields),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Aggregation, Base, Gradient, Input, Mixing, Refine};
    use super::*;

    #[test]
    fn presets_have_what_their_papers_have() {
        let [slem, tracegrad, nextham, harmose] = Preset::ALL.map(|preset| TrainConfig::of_preset(preset).unwrap());
        assert!(slem.model.mixing == Mixing::Free && !slem.model.passing && !slem.model.needs_h0());
        assert!(tracegrad.model.trace && tracegrad.training.trace_weight > 0.0);
        assert!(tracegrad.model.gradient == Gradient::Plain && !tracegrad.model.needs_h0());
        assert!(nextham.model.base == Base::H0 && nextham.model.inputs == [Input::H0]);
        assert!(nextham.model.aggregation == Aggregation::Attention && nextham.model.gradient == Gradient::Scaled);
        assert!(nextham.k_space.weight > 0.0 && nextham.training.trace_weight > 0.0 && nextham.training.gauge);
        assert!(harmose.model.refine == Refine::Free && harmose.training.rotate && !harmose.model.needs_h0());
        for config in [slem, tracegrad, nextham, harmose] {
            assert!(config.check().is_ok(), "{config:?}");
            assert!(!config.linear.enabled);
        }
    }

    #[test]
    fn fields_of_the_file_win_over_those_of_its_preset() {
        let config = TrainConfig::parse("preset = \"nextham\"\n[data]\ntrain = [\"a\"]\n[model]\nlayers = 7").unwrap();
        assert_eq!((config.model.layers, config.model.base), (7, Base::H0));
        assert_eq!(config.data.train, ["a"]);
        assert_eq!(config.preset, Some(Preset::NextHam));
    }

    #[test]
    fn mistakes_have_a_place_and_unknown_presets_are_named() {
        let message = |text: &str| TrainConfig::parse(text).unwrap_err().to_string();
        assert!(message("preset = \"slem\"\n[model]\nlayer = 2").contains("line 3"));
        assert!(message("preset = \"deeph\"").contains("slem"));
    }
}
