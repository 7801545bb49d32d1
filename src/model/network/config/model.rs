//! `[model]`: shape of the network.

use serde::{Deserialize, Serialize};

use crate::model::network::features::Hidden;
use crate::parsers::{Error, Result};

/// What the network corrects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Base {
    /// Nothing: the network predicts the whole operator, from the structure alone if H⁽⁰⁾ is no input.
    None,
    /// The mean of the whole operator: per species on the atoms, per pair of species and distance on the bonds.
    Shift,
    /// H⁽⁰⁾, and the mean of ΔH as [`Base::Shift`] has it.
    H0,
    /// H⁽⁰⁾, and the linear stage's potential of distant atoms alone, which no network of finite range can see.
    Potential,
    /// H⁽⁰⁾, and the prediction of the linear stage.
    Linear,
}

impl Base {
    /// Does the prediction start from H⁽⁰⁾?
    pub fn from_h0(self) -> bool {
        !matches!(self, Base::None | Base::Shift)
    }

    /// Does it need the linear stage?
    pub fn needs_linear(self) -> bool {
        matches!(self, Base::Potential | Base::Linear)
    }
}

/// An operator that the network sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// H⁽⁰⁾ of the pair and of the atoms.
    H0,
    /// S of the pair.
    S,
    /// The exchange field of the pair and of the atoms: half of what H⁽⁰⁾ of one spin has more than that of the other. Training
    /// adds it by itself where the runs have collinear spin.
    Exchange,
}

/// Linear maps of features in the frame of a bond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mixing {
    /// All that respects turns about the bond and mirrors through it: exact in O(3).
    Parity,
    /// All that respects turns about the bond (eSCN, SLEM): exact in SO(3), but not under inversion.
    Free,
}

/// How an atom gathers what its bonds say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aggregation {
    /// A sum, weighted with the envelope.
    Sum,
    /// Attention: a softmax over the atom's bonds, weighted with the envelope.
    Attention,
}

/// Gradient-induced features (TraceGrad): the derivative of learned invariants with respect to the features is added to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gradient {
    /// None.
    None,
    /// f + v.
    Plain,
    /// f + 0.2 (‖f‖/‖v‖) v.
    Scaled,
}

/// A second stage that corrects the output of the first (HarmoSE).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Refine {
    /// None.
    None,
    /// A transformer in the frames of the bonds: exactly equivariant.
    Frame,
    /// A plain transformer on components in the common frame: equivariant only as far as it has learned to be.
    Free,
}

/// `[model]`: shape of the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// What the network corrects: `"linear"` (default), `"potential"`, `"h0"`, `"shift"` or `"none"`; the last two need no H⁽⁰⁾.
    pub base: Base,
    /// Operators that it sees besides species and distances: `["h0"]` (default), `["h0", "s"]` or `[]`.
    pub inputs: Vec<Input>,
    /// Do the first features of a bond see species and on-site H⁽⁰⁾ of both of its atoms? Atoms then see those of their
    /// neighbours. Default `true`: it took the error on silicon from 3.9 to 3.1 % of that of H⁽⁰⁾.
    pub ends: bool,
    /// `"parity"` (default) or `"free"`: the linear maps in the frame of a bond.
    pub mixing: Mixing,
    /// Do layers pass what an atom has learned on to its neighbours? Then the range grows by one envelope per layer; else
    /// (`false`, strictly local) H_ij depends on what is within the envelope around i and j, whatever the depth. Default `true`:
    /// silicon 3.1 to 2.2 %.
    pub passing: bool,
    /// `"sum"` (default) or `"attention"`: how an atom gathers what its bonds say.
    pub aggregation: Aggregation,
    /// Heads of the attention (default 4).
    pub heads: usize,
    /// `"none"` (default), `"plain"` or `"scaled"`: gradient-induced features.
    pub gradient: Gradient,
    /// Invariants of which those gradients are taken, and from which traces are predicted (default 64).
    pub invariants: usize,
    /// Are the traces tr(ΔH_ab ΔH_abᵀ) of all pairs of shells predicted too? `training.trace_weight` supervises them. Default `false`.
    pub trace: bool,
    /// `"none"` (default), `"frame"` or `"free"`: the second stage.
    pub refine: Refine,
    /// Layers of the second stage (default 2). Each widens the range by one envelope, since an atom hears its bonds, which know both of
    /// their atoms.
    pub refine_layers: usize,
    /// Heads of its attention (default 4).
    pub refine_heads: usize,
    /// Width of its tokens (default 64).
    pub refine_width: usize,
    /// Axes in which a free second stage works in a prediction, whose mean counts: 4, 12 or 24 rotations of a cube make it more nearly
    /// equivariant, at as many times its cost (default 1).
    pub refine_turns: usize,
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
    /// Gates multiply features by at most this, g ↦ b tanh(g/b) (default 4; 0: by any number). Without a bound layers multiply
    /// what is far from training by itself, and a structure just outside can get an output of any size.
    pub gate_bound: f64,
    /// Gaussians of the distance (default 16).
    pub radial_functions: usize,
    /// Distance in bohr at which the influence of neighbours ends (default 10.4; for silicon 12.5 was a little better).
    pub envelope: f64,
}

impl Default for ModelConfig {
    fn default() -> Self {
        ModelConfig {
            base: Base::Linear,
            inputs: vec![Input::H0],
            ends: true,
            mixing: Mixing::Parity,
            passing: true,
            aggregation: Aggregation::Sum,
            heads: 4,
            gradient: Gradient::None,
            invariants: 64,
            trace: false,
            refine: Refine::None,
            refine_layers: 2,
            refine_heads: 4,
            refine_width: 64,
            refine_turns: 1,
            layers: 2,
            channels: 16,
            unnatural_channels: 8,
            l_max: 4,
            unnatural_l_max: 3,
            width: 64,
            gate_bound: 4.0,
            radial_functions: 16,
            envelope: 10.4,
        }
    }
}

/// Beyond this the tables lose digits and a step takes minutes.
const MAX_DEGREE: usize = 8;
/// Sizes of groups of rotations that a free refinement may be averaged over.
const TURNS: [usize; 4] = [1, 4, 12, 24];

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

    /// Is the exchange field an input?
    pub fn uses_exchange(&self) -> bool {
        self.inputs.contains(&Input::Exchange)
    }

    /// Number of operators that are seen on the atoms.
    pub fn n_onsite_inputs(&self) -> i64 {
        i64::from(self.uses_h0()) + i64::from(self.uses_exchange())
    }

    /// Does a prediction need H⁽⁰⁾?
    pub fn needs_h0(&self) -> bool {
        self.uses_h0() || self.uses_exchange() || self.base.from_h0()
    }

    /// Refuses what no network can be built with.
    pub(super) fn check(&self) -> Result<()> {
        let positive = [
            ("layers", self.layers as f64),
            ("channels", self.channels as f64),
            ("heads", self.heads as f64),
            ("invariants", self.invariants as f64),
            ("refine_heads", self.refine_heads as f64),
            ("refine_width", self.refine_width as f64),
            ("width", self.width as f64),
            ("radial_functions", self.radial_functions as f64 - 1.0),
            ("envelope", self.envelope),
        ];
        super::require_positive("model", &positive)?;
        if !TURNS.contains(&self.refine_turns) {
            let message = format!("model.refine_turns of {} is none of {TURNS:?}", self.refine_turns);
            return Err(Error::unsupported(message));
        }
        if !self.gate_bound.is_finite() || self.gate_bound < 0.0 {
            return Err(Error::unsupported(format!("model.gate_bound of {} is no bound", self.gate_bound)));
        }
        if self.l_max > MAX_DEGREE {
            return Err(Error::unsupported(format!("model.l_max of {} is above {MAX_DEGREE}", self.l_max)));
        }
        Ok(())
    }
}
