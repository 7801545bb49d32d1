//! The second stage: corrects what the first one says (HarmoSE's cascade, arXiv:2401.00744).
//!
//! Tokens are the atoms and both directions of every bond. A bond's token sees the first stage's output for it (in units of the spread
//! of ΔH), the features of both of its atoms, and its own features and invariants. In every layer an atom attends to its bonds,
//! then a bond reads the tokens of both of its atoms: so bond (i, j) hears the bonds of i and those of j, while memory stays linear in
//! the number of bonds. The correction is added to the first stage's output; it starts at exactly zero.
//!
//! *Range.* Each layer of the refinement widens the range of the first stage by one envelope.

mod attention;
mod ends;
mod frame;
mod free;
mod turn;

use tch::Tensor;

pub use self::attention::BondAttention;
use self::ends::{Answers, Tokens};
use self::frame::FrameRefinement;
use self::free::FreeRefinement;
pub use self::turn::{Turn, fixed_turns, random_turn};
use super::PairState;
use crate::model::network::batch::{Batch, EdgeTile, Preparation};
use crate::model::network::config::{ModelConfig, Refine};
use crate::model::network::features::{Classes, NodeFeatures};
use crate::model::network::network::Output;
use crate::model::network::weights::{WeightTable, Weights};

/// What the first stage says.
#[derive(Debug)]
pub struct FirstStage {
    /// Features of the atoms after the last layer.
    pub nodes: NodeFeatures,
    /// Latent vectors of all bonds before the first layer, by tile: near bonds, then far ones.
    pub latents: Vec<Tensor>,
    /// State of the near bonds after the last layer, by tile.
    pub states: Vec<PairState>,
    /// ΔH in units of the scale.
    pub output: Output,
}

/// The bonds of a tile as the refinement sees them.
#[derive(Debug)]
pub struct Bonds<'a> {
    /// Geometry.
    pub tile: &'a EdgeTile,
    /// Do they lie within the envelope? Others hear, but are not heard.
    pub near: bool,
    /// Invariants, `[E, width]`.
    pub latent: Tensor,
    /// Features in the frames of the bonds.
    pub frame: Classes,
}

/// Features of atoms and of bonds, by tile: what the two kinds of refinement turn into others of the same shapes.
type Features = (NodeFeatures, Vec<Classes>);

/// The second stage.
#[derive(Debug)]
pub struct Refinement {
    tokens: Tokens,
    kind: Kind,
    answers: Answers,
}

#[derive(Debug)]
enum Kind {
    Frame(Box<FrameRefinement>),
    Free(Box<FreeRefinement>),
}

impl Refinement {
    /// Declares the weights, whose names start with `refine.`; `None` without a second stage. `widths`: of the hidden classes.
    pub fn new(table: &mut WeightTable, preparation: &Preparation, widths: &[i64]) -> Option<Self> {
        let Preparation { config, interface, tables, .. } = preparation;
        let tokens = |table: &mut WeightTable| Tokens::new(table, config, interface, widths);
        let (tokens, kind) = match config.refine {
            Refine::None => return None,
            Refine::Frame => {
                (tokens(table), Kind::Frame(Box::new(FrameRefinement::new(table, config, tables, widths))))
            }
            Refine::Free => (tokens(table), Kind::Free(Box::new(FreeRefinement::new(table, config, interface)))),
        };
        Some(Refinement { tokens, kind, answers: Answers::new(table, config, interface, widths) })
    }

    /// The first stage's output plus the correction, in units of the scale. A free refinement works in the axes of each of `turns`,
    /// and the mean counts; no turn at all is the same as the identity.
    pub fn forward(
        &self,
        w: &Weights,
        preparation: &Preparation,
        batch: &Batch,
        first: FirstStage,
        turns: &[Turn],
    ) -> Output {
        let tables = &preparation.tables;
        let atoms = self.tokens.atoms(w, &first);
        let bonds: Vec<Bonds> = tiles(batch).map(|(k, tile)| self.tokens.bonds(w, tables, tile, &first, k)).collect();
        let features = match &self.kind {
            Kind::Frame(kind) => vec![kind.forward(w, tables, atoms, bonds)],
            Kind::Free(kind) if turns.is_empty() => vec![kind.forward(w, &atoms, &bonds, None)],
            Kind::Free(kind) => turns.iter().map(|turn| kind.forward(w, &atoms, &bonds, Some(turn))).collect(),
        };
        let share = 1.0 / features.len() as f64;
        let Output { mut pairs, mut nodes, traces } = first.output;
        for (atoms, bonds) in &features {
            nodes = &nodes + self.answers.atoms(w, atoms) * share;
            for (rows, classes) in pairs.iter_mut().zip(bonds) {
                *rows = &*rows + self.answers.bonds(w, classes) * share;
            }
        }
        Output { pairs, nodes, traces }
    }
}

/// All tiles with their numbers.
fn tiles(batch: &Batch) -> impl Iterator<Item = (usize, &EdgeTile)> {
    batch.near.iter().chain(&batch.far).enumerate()
}

/// Envelopes by which the refinement widens the range.
pub fn added_envelopes(config: &ModelConfig) -> usize {
    match config.refine {
        Refine::None => 0,
        Refine::Frame | Refine::Free => config.refine_layers,
    }
}
