//! How far a block sees.

use super::config::ModelConfig;
use super::layers::refine::added_envelopes;

impl ModelConfig {
    /// Steps of at most one envelope by which what an atom knows spreads.
    pub fn hops(&self) -> usize {
        let first_stage = if self.passing { self.layers } else { self.layers.min(1) };
        first_stage + added_envelopes(self)
    }

    /// Block (i, j) is a function, to the last bit, of what lies within this many bohr of i or j: species, positions, and the
    /// blocks of S and H⁽⁰⁾ there. Strictly local: one envelope, at every depth. With `passing`: one for every layer. A refinement
    /// adds one for each of its own layers.
    ///
    /// (To the last bit: on the CPU, where channels and widths are whole numbers of 4; else to rounding.)
    ///
    /// `ends` does not add to it, but lets the bonds of i see the on-site H⁽⁰⁾ of its neighbours. H⁽⁰⁾ itself is no function of
    /// two atoms, so the range in terms of positions alone is longer by that of H⁽⁰⁾; models of structure and S have no such part.
    /// Of a model, the base may add to it: the linear stage sees all neighbours of i and j, and its potential all atoms.
    pub fn reach(&self) -> f64 {
        self.hops() as f64 * self.envelope
    }
}
