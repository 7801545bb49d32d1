//! Blocks of orbital pairs as irreducible tensors, and their order in the frame of the bond.

use std::ops::Range;

pub use super::pair_channels::{Channel, Signed};
use super::pair_channels::{CouplingTerm, channels, terms, transpose};
use super::wigner::{WignerD, WignerTables};

/// The frame components of one |m| > 0: a turn α about the bond multiplies cos + i sin by e^{iαm} up to the sense of turning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameClass {
    /// |m|.
    pub m: usize,
    /// Cosine-like components: natural channels first, then unnatural ones (whose components are swapped so that they turn alike).
    pub cos: Range<usize>,
    /// Sine-like components, the same channels.
    pub sin: Range<usize>,
    /// Number of natural channels, the first ones of both ranges.
    pub n_natural: usize,
}

/// The algebra of blocks over one list of shells (rows and columns alike): `n_components` times `n_orbitals`² numbers as row-major
/// blocks, as coupled channels (channel after channel, M = −L … L), or in *frame order*. There is one component, or four: the
/// spinless A and the exchange field B_x, B_y, B_z of H = A + σ·B, each real and symmetric as an operator.
///
/// Frame order, for coupled numbers that were rotated into the frame of the bond: natural m = 0, unnatural m = 0, then for each
/// m = 1, 2, … the cosine-like and the sine-like components. Linear maps that respect the bond's symmetry mix a class with
/// itself only, cos and sin alike, and natural m = 0 not with unnatural m = 0.
#[derive(Debug, Clone, PartialEq)]
pub struct PairAlgebra {
    channels: Vec<Channel>,
    n_orbitals: usize,
    n_components: usize,
    terms: Vec<CouplingTerm>,
    frame: Vec<Signed>,
    frame_channel: Vec<usize>,
    natural0: Range<usize>,
    unnatural0: Range<usize>,
    classes: Vec<FrameClass>,
    exchange: Vec<Signed>,
    transpose: Vec<Signed>,
    wigner: WignerTables,
}

impl PairAlgebra {
    /// The algebra for shells of the given angular momenta, without spin.
    pub fn new(shells: &[u8]) -> Self {
        Self::with_components(shells, false)
    }

    /// The same with the exchange field.
    pub fn magnetic(shells: &[u8]) -> Self {
        Self::with_components(shells, true)
    }

    fn with_components(shells: &[u8], magnetic: bool) -> Self {
        let channels = channels(shells, magnetic);
        let l_max = channels.iter().map(|c| c.l).max().unwrap_or(0);
        let (frame, ranges) = frame_order(&channels, l_max);
        let n_orbitals = shells.iter().map(|&l| 2 * l as usize + 1).sum();
        let channel_of: Vec<usize> = (0..channels.len()).flat_map(|c| vec![c; 2 * channels[c].l + 1]).collect();
        let transpose = transpose(&channels);
        PairAlgebra {
            n_orbitals,
            n_components: if magnetic { 4 } else { 1 },
            terms: terms(&channels, shells, n_orbitals),
            frame_channel: frame.iter().map(|f| channel_of[f.index]).collect(),
            exchange: exchange(&channels, &channel_of, &frame, &transpose),
            transpose,
            frame,
            natural0: ranges.natural0,
            unnatural0: ranges.unnatural0,
            classes: ranges.classes,
            wigner: WignerTables::new(l_max),
            channels,
        }
    }

    /// Coupled channels, by row shell, column shell, L; magnetic ones after all others.
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// Rows (and columns) of a block.
    pub fn n_orbitals(&self) -> usize {
        self.n_orbitals
    }

    /// Components: 1, or 4 with the exchange field.
    pub fn n_components(&self) -> usize {
        self.n_components
    }

    /// Numbers per block in any of the three forms.
    pub fn width(&self) -> usize {
        self.n_components * self.n_orbitals * self.n_orbitals
    }

    /// Frame components m = 0 of natural channels, by L: all that a two-centre integral has.
    pub fn natural0(&self) -> Range<usize> {
        self.natural0.clone()
    }

    /// Is each coupled number a part of the exchange field?
    pub fn coupled_magnetic(&self) -> Vec<bool> {
        self.channels.iter().flat_map(|c| vec![c.magnetic; 2 * c.l + 1]).collect()
    }

    /// Is each frame component?
    pub fn frame_magnetic(&self) -> Vec<bool> {
        self.frame_channel.iter().map(|&channel| self.channels[channel].magnetic).collect()
    }

    /// Frame components m = 0 of unnatural channels: odd under every mirror through the bond.
    pub fn unnatural0(&self) -> Range<usize> {
        self.unnatural0.clone()
    }

    /// Frame components with |m| = 1, 2, ….
    pub fn classes(&self) -> &[FrameClass] {
        &self.classes
    }

    /// For each frame component the coupled number that it is, once that is turned into the frame.
    pub fn frame(&self) -> &[Signed] {
        &self.frame
    }

    /// Channel of each frame component.
    pub fn frame_channel(&self) -> &[usize] {
        &self.frame_channel
    }

    /// Frame components of (i, j) from those of (j, i), whose frame is [`super::frame::reversed`]: the Hermitian transpose of real
    /// blocks. It is its own inverse.
    pub fn exchange(&self) -> &[Signed] {
        &self.exchange
    }

    /// Coupled numbers of the transposed block.
    pub fn transpose(&self) -> &[Signed] {
        &self.transpose
    }

    /// Wigner matrices up to the highest L.
    pub fn wigner(&self) -> &WignerTables {
        &self.wigner
    }

    /// Block to coupled numbers.
    pub fn couple(&self, block: &[f64], coupled: &mut [f64]) {
        coupled.fill(0.0);
        for term in &self.terms {
            coupled[term.coupled as usize] += term.value * block[term.block as usize];
        }
    }

    /// Coupled numbers to block.
    pub fn uncouple(&self, coupled: &[f64], block: &mut [f64]) {
        block.fill(0.0);
        for term in &self.terms {
            block[term.block as usize] += term.value * coupled[term.coupled as usize];
        }
    }

    /// Coupled numbers, given in the common frame, in frame order of the bond whose [`super::bond_frame`] has matrices `d`.
    pub fn to_frame(&self, coupled: &[f64], d: &WignerD, framed: &mut [f64]) {
        let mut rotated = vec![0.0; self.width()];
        for channel in &self.channels {
            let range = channel.offset..channel.offset + 2 * channel.l + 1;
            multiply(d.block(channel.l), &coupled[range.clone()], &mut rotated[range]);
        }
        permute(&self.frame, &rotated, framed);
    }

    /// One number of [`Self::to_frame`].
    pub fn frame_value(&self, component: usize, coupled: &[f64], d: &WignerD) -> f64 {
        let Signed { index, sign } = self.frame[component];
        let Channel { l, offset, .. } = self.channels[self.frame_channel[component]];
        let size = 2 * l + 1;
        let row = &d.block(l)[(index - offset) * size..][..size];
        sign * row.iter().zip(&coupled[offset..]).map(|(d, x)| d * x).sum::<f64>()
    }

    /// The inverse of [`Self::to_frame`].
    pub fn from_frame(&self, framed: &[f64], d: &WignerD, coupled: &mut [f64]) {
        let mut rotated = vec![0.0; self.width()];
        for (entry, value) in self.frame.iter().zip(framed) {
            rotated[entry.index] = entry.sign * value;
        }
        for channel in &self.channels {
            let range = channel.offset..channel.offset + 2 * channel.l + 1;
            multiply_transposed(d.block(channel.l), &rotated[range.clone()], &mut coupled[range]);
        }
    }
}

/// `out[k] = sign[k] · values[index[k]]`.
pub fn permute(permutation: &[Signed], values: &[f64], out: &mut [f64]) {
    for (entry, out) in permutation.iter().zip(out) {
        *out = entry.sign * values[entry.index];
    }
}

fn multiply(matrix: &[f64], x: &[f64], out: &mut [f64]) {
    for (row, out) in matrix.chunks_exact(x.len()).zip(out) {
        *out = row.iter().zip(x).map(|(d, x)| d * x).sum();
    }
}

fn multiply_transposed(matrix: &[f64], x: &[f64], out: &mut [f64]) {
    out.fill(0.0);
    for (row, x) in matrix.chunks_exact(x.len()).zip(x) {
        for (out, d) in out.iter_mut().zip(row) {
            *out += d * x;
        }
    }
}

struct FrameRanges {
    natural0: Range<usize>,
    unnatural0: Range<usize>,
    classes: Vec<FrameClass>,
}

/// Unnatural channels turn against natural ones of equal m; (cos, sin) → (sin, −cos) makes them turn alike.
fn frame_order(channels: &[Channel], l_max: usize) -> (Vec<Signed>, FrameRanges) {
    let sorted = |natural: bool, m: usize| -> Vec<Channel> {
        let mut chosen: Vec<Channel> = channels.iter().filter(|c| c.natural == natural && c.l >= m).copied().collect();
        chosen.sort_by_key(|c| c.l);
        chosen
    };
    let mut frame = Vec::new();
    let mut push = |channels: &[Channel], m: i64, sign: f64| {
        let start = frame.len();
        frame.extend(channels.iter().map(|c| Signed { index: (c.offset as i64 + c.l as i64 + m) as usize, sign }));
        start..frame.len()
    };
    let (natural0, unnatural0) = (push(&sorted(true, 0), 0, 1.0), push(&sorted(false, 0), 0, 1.0));
    let mut classes = Vec::new();
    for m in 1..=l_max {
        let (natural, unnatural) = (sorted(true, m), sorted(false, m));
        let order = m as i64;
        let cos = push(&natural, order, 1.0).start..push(&unnatural, -order, 1.0).end;
        let sin = push(&natural, -order, 1.0).start..push(&unnatural, order, -1.0).end;
        classes.push(FrameClass { m, cos, sin, n_natural: natural.len() });
    }
    (frame, FrameRanges { natural0, unnatural0, classes })
}

/// Transposition followed by half a turn about y, which multiplies Y_LM by (−1)^L for M ≥ 0 and −(−1)^L for M < 0.
fn exchange(channels: &[Channel], channel_of: &[usize], frame: &[Signed], transpose: &[Signed]) -> Vec<Signed> {
    let mut place = vec![Signed { index: 0, sign: 0.0 }; frame.len()];
    for (k, entry) in frame.iter().enumerate() {
        place[entry.index] = Signed { index: k, sign: entry.sign };
    }
    let entry = |entry: &Signed| {
        let Channel { l, offset, .. } = channels[channel_of[entry.index]];
        let turn = if l.is_multiple_of(2) == (entry.index >= offset + l) { 1.0 } else { -1.0 };
        let from = transpose[entry.index];
        let there = place[from.index];
        Signed { index: there.index, sign: entry.sign * turn * from.sign * there.sign }
    };
    frame.iter().map(entry).collect()
}

#[cfg(test)]
mod tests;
