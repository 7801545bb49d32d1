//! Which numbers enter and leave each regression: derived from the slots alone, so that a model file need not store it.

use std::collections::HashMap;

use super::environment::{AtomSource, NeighbourSum, Sums};
use crate::model::slots::Slots;
use crate::symmetry::{Channel, PairAlgebra};

/// Where a feature of a bond comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BondSource {
    /// The number 1 (m = 0 only).
    One,
    /// H⁽⁰⁾ of the pair.
    Pair,
    /// The exchange field of the pair ([`crate::model::Sample::exchange`]).
    Exchange,
    /// Tensor of the first atom, by its index in [`super::environment::Sums::sources`].
    First(usize),
    /// Tensor of the second atom.
    Second(usize),
}

impl BondSource {
    fn exchanged(self) -> Self {
        match self {
            BondSource::First(s) => BondSource::Second(s),
            BondSource::Second(s) => BondSource::First(s),
            other => other,
        }
    }
}

/// One frame component of one source: its indices in frame order in the cosine and the sine row (equal for m = 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    /// Where from.
    pub source: BondSource,
    /// Frame components [cos, sin].
    pub component: [usize; 2],
}

/// A linear combination of one or two entries of a list: (index, factor).
pub type Combination = Vec<(usize, f64)>;

/// What is even, or odd, under exchange of the two atoms; for unlike atoms there is one sector with everything.
#[derive(Debug, Clone, PartialEq)]
pub struct Sector {
    /// `even`, `odd` or `all`.
    pub name: &'static str,
    /// Combinations of [`BondLayout::inputs`].
    pub inputs: Vec<Combination>,
    /// Combinations of [`BondLayout::outputs`].
    pub outputs: Vec<Combination>,
}

/// One |m| of the bonds between two species.
#[derive(Debug, Clone, PartialEq)]
pub struct BondLayout {
    /// Species, ascending.
    pub species: [usize; 2],
    /// |m|.
    pub m: usize,
    /// Features before combination.
    pub inputs: Vec<Input>,
    /// Frame components [cos, sin] of ΔH before combination.
    pub outputs: Vec<[usize; 2]>,
    /// One or two.
    pub sectors: Vec<Sector>,
}

impl BondLayout {
    /// Layouts of all |m| for the bonds between two species.
    pub fn all(slots: &Slots, species: [usize; 2], sums: &Sums) -> Vec<Self> {
        let all = (0..=slots.algebra().classes().len()).map(|m| Self::new(slots, species, m, sums));
        all.filter(|layout| !layout.sectors.is_empty()).collect()
    }

    /// Rows per bond: one for m = 0, else a cosine and a sine row.
    pub fn n_rows(&self) -> usize {
        if self.m == 0 { 1 } else { 2 }
    }

    fn new(slots: &Slots, species: [usize; 2], m: usize, sums: &Sums) -> Self {
        let algebra = slots.algebra();
        let components = components(algebra, m);
        let inputs = inputs(slots, species, &components, sums, m);
        let [a, b] = species;
        let present = |c: &&[usize; 2]| slots.has(a, b, channel(algebra, c));
        let outputs: Vec<[usize; 2]> = components.iter().filter(present).copied().collect();
        let mut sectors =
            if a == b { sectors(algebra, &inputs, &outputs) } else { vec![everything(&inputs, &outputs)] };
        sectors.retain(|sector| !sector.outputs.is_empty());
        BondLayout { species, m, inputs, outputs, sectors }
    }
}

/// Frame components of one |m|. Unnatural m = 0 is left out: a local potential has none, and natural features make none.
fn components(algebra: &PairAlgebra, m: usize) -> Vec<[usize; 2]> {
    match m.checked_sub(1).map(|k| &algebra.classes()[k]) {
        None => algebra.natural0().map(|c| [c, c]).collect(),
        Some(class) => class.cos.clone().zip(class.sin.clone()).map(|(cos, sin)| [cos, sin]).collect(),
    }
}

fn channel<'a>(algebra: &'a PairAlgebra, component: &[usize; 2]) -> &'a Channel {
    &algebra.channels()[algebra.frame_channel()[component[0]]]
}

fn inputs(slots: &Slots, [a, b]: [usize; 2], components: &[[usize; 2]], sums: &Sums, m: usize) -> Vec<Input> {
    let algebra = slots.algebra();
    let mut inputs = Vec::new();
    let mut push = |source: BondSource, wanted: &dyn Fn(&Channel) -> bool| {
        let chosen = components.iter().filter(|c| wanted(channel(algebra, c)));
        inputs.extend(chosen.map(|&component| Input { source, component }));
    };
    push(BondSource::Pair, &|channel| slots.has(a, b, channel));
    if sums.exchange {
        push(BondSource::Exchange, &|channel| slots.has(a, b, channel));
    }
    for (index, source) in sums.sources().iter().enumerate().filter(|(_, source)| source.is_plain()) {
        push(BondSource::First(index), &|channel| source.fills(slots, sums, a, channel));
        push(BondSource::Second(index), &|channel| source.fills(slots, sums, b, channel));
    }
    if m == 0 {
        inputs.push(Input { source: BondSource::One, component: [0, 0] });
    }
    inputs
}

impl AtomSource {
    /// Without radial weight; only these are features of bonds.
    pub fn is_plain(&self) -> bool {
        match self {
            AtomSource::Onsite | AtomSource::Exchange => true,
            AtomSource::Overlap(sum) | AtomSource::H0(sum) | AtomSource::Square(sum) | AtomSource::ExchangeSum(sum) => {
                sum.radial == 0
            }
        }
    }

    /// Is this channel of an atom of `species` more than zero or a copy of another one?
    ///
    /// On-site blocks and squares are symmetric, so shells a ≤ b suffice; two-centre integrals have natural channels only.
    pub fn fills(&self, slots: &Slots, sums: &Sums, species: usize, channel: &Channel) -> bool {
        let has = |column: usize| slots.has(species, column, channel);
        let bonded = |sum: NeighbourSum| sums.between(species, sum.neighbour).is_some();
        let symmetric = channel.a < channel.b || (channel.a == channel.b && channel.natural);
        match *self {
            AtomSource::Onsite | AtomSource::Exchange => has(species) && symmetric,
            AtomSource::Square(sum) => has(species) && symmetric && bonded(sum),
            AtomSource::Overlap(sum) => has(sum.neighbour) && channel.natural && bonded(sum),
            AtomSource::H0(sum) | AtomSource::ExchangeSum(sum) => has(sum.neighbour) && bonded(sum),
        }
    }
}

fn everything(inputs: &[Input], outputs: &[[usize; 2]]) -> Sector {
    let all = |n: usize| (0..n).map(|k| vec![(k, 1.0)]).collect();
    Sector { name: "all", inputs: all(inputs.len()), outputs: all(outputs.len()) }
}

/// Splits the regression of like atoms by exchange. In the cosine row exchange multiplies a component by the sign used here, in the
/// sine row by its opposite; the weights are the same for both rows.
fn sectors(algebra: &PairAlgebra, inputs: &[Input], outputs: &[[usize; 2]]) -> Vec<Sector> {
    let place: HashMap<(BondSource, usize), usize> =
        inputs.iter().enumerate().map(|(k, input)| ((input.source, input.component[0]), k)).collect();
    let input_partner = |k: usize| {
        let Input { source, component } = inputs[k];
        let exchange = algebra.exchange()[component[0]];
        let (component, sign) = match source {
            BondSource::One => (component[0], 1.0),
            BondSource::Pair | BondSource::Exchange => (exchange.index, exchange.sign),
            // A tensor of an atom is only turned, not transposed.
            _ if channel(algebra, &component).natural => (component[0], exchange.sign),
            _ => (component[0], -exchange.sign),
        };
        (place[&(source.exchanged(), component)], sign)
    };
    let place: HashMap<usize, usize> = outputs.iter().enumerate().map(|(k, component)| (component[0], k)).collect();
    let output_partner = |k: usize| {
        let exchange = algebra.exchange()[outputs[k][0]];
        (place[&exchange.index], exchange.sign)
    };
    let (inputs, outputs) = (split(inputs.len(), input_partner), split(outputs.len(), output_partner));
    let parts = ["even", "odd"].into_iter().zip(inputs).zip(outputs);
    parts.map(|((name, inputs), outputs)| Sector { name, inputs, outputs }).collect()
}

/// Orthonormal even and odd combinations under `partner`, an involution with signs.
fn split(n: usize, partner: impl Fn(usize) -> (usize, f64)) -> [Vec<Combination>; 2] {
    let [mut even, mut odd] = [Vec::new(), Vec::new()];
    let half = std::f64::consts::FRAC_1_SQRT_2;
    for k in 0..n {
        match partner(k) {
            (p, sign) if p == k => if sign > 0.0 { &mut even } else { &mut odd }.push(vec![(k, 1.0)]),
            (p, sign) if p > k => {
                even.push(vec![(k, half), (p, sign * half)]);
                odd.push(vec![(k, half), (p, -sign * half)]);
            }
            _ => {}
        }
    }
    [even, odd]
}

/// One rank L of the on-site blocks of one species.
#[derive(Debug, Clone, PartialEq)]
pub struct OnsiteLayout {
    /// Species.
    pub species: usize,
    /// Rank.
    pub l: usize,
    /// (source, channel) of each feature; the number 1 follows for L = 0.
    pub inputs: Vec<(usize, usize)>,
    /// Channels of ΔH: natural, shells a ≤ b.
    pub outputs: Vec<usize>,
}

impl OnsiteLayout {
    /// Layouts of all ranks of one species.
    pub fn all(slots: &Slots, species: usize, sums: &Sums) -> Vec<Self> {
        let all = (0..=slots.algebra().classes().len()).map(|l| Self::new(slots, species, l, sums));
        all.filter(|layout| !layout.outputs.is_empty()).collect()
    }

    /// Number of features.
    pub fn n_inputs(&self) -> usize {
        self.inputs.len() + usize::from(self.l == 0)
    }

    fn new(slots: &Slots, species: usize, l: usize, sums: &Sums) -> Self {
        let natural = |c: &Channel| c.l == l && c.natural;
        let filled = |source: &AtomSource| -> Vec<usize> {
            let channels = slots.algebra().channels().iter().enumerate();
            channels.filter(|(_, c)| natural(c) && source.fills(slots, sums, species, c)).map(|(k, _)| k).collect()
        };
        let of_source = |(s, source): (usize, &AtomSource)| filled(source).into_iter().map(move |c| (s, c));
        let inputs = sums.sources().iter().enumerate().flat_map(of_source).collect();
        OnsiteLayout { species, l, inputs, outputs: filled(&AtomSource::Onsite) }
    }
}
