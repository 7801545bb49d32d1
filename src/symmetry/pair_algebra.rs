//! Blocks of orbital pairs as irreducible tensors, and their order in the frame of the bond.

use std::ops::Range;

use super::clebsch_gordan::Coupling;
use super::wigner::{WignerD, WignerTables};

/// One coupled channel: the part of rank L of the shell pair (a, b).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel {
    /// Row shell.
    pub a: usize,
    /// Column shell.
    pub b: usize,
    /// Rank L, with 2L+1 components.
    pub l: usize,
    /// Is l_a + l_b + L even? Then its parity is that of a polar tensor of rank L.
    pub natural: bool,
    /// Where its components M = −L … L start among the coupled numbers.
    pub offset: usize,
}

/// An entry of a signed permutation: `out[k] = sign · in[index]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Signed {
    /// Where from.
    pub index: usize,
    /// +1 or −1.
    pub sign: f64,
}

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

/// The algebra of blocks over one list of shells (rows and columns alike): `n_orbitals`² numbers as a row-major block, as
/// coupled channels (channel after channel, M = −L … L), or in *frame order*.
///
/// Frame order, for coupled numbers that were rotated into the frame of the bond: natural m = 0, unnatural m = 0, then for each
/// m = 1, 2, … the cosine-like and the sine-like components. Linear maps that respect the bond's symmetry mix a class with
/// itself only, cos and sin alike, and natural m = 0 not with unnatural m = 0.
#[derive(Debug, Clone, PartialEq)]
pub struct PairAlgebra {
    channels: Vec<Channel>,
    n_orbitals: usize,
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

#[derive(Debug, Clone, Copy, PartialEq)]
struct CouplingTerm {
    coupled: u32,
    block: u32,
    value: f64,
}

impl PairAlgebra {
    /// The algebra for shells of the given angular momenta.
    pub fn new(shells: &[u8]) -> Self {
        let channels = channels(shells);
        let l_max = channels.iter().map(|c| c.l).max().unwrap_or(0);
        let (frame, ranges) = frame_order(&channels, l_max);
        let n_orbitals = shells.iter().map(|&l| 2 * l as usize + 1).sum();
        let channel_of: Vec<usize> = (0..channels.len()).flat_map(|c| vec![c; 2 * channels[c].l + 1]).collect();
        let transpose = transpose(&channels, shells.len());
        PairAlgebra {
            n_orbitals,
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

    /// Coupled channels, by row shell, column shell, L.
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// Rows (and columns) of a block.
    pub fn n_orbitals(&self) -> usize {
        self.n_orbitals
    }

    /// Numbers per block in any of the three forms.
    pub fn width(&self) -> usize {
        self.n_orbitals * self.n_orbitals
    }

    /// Frame components m = 0 of natural channels, by L: all that a two-centre integral has.
    pub fn natural0(&self) -> Range<usize> {
        self.natural0.clone()
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

fn channels(shells: &[u8]) -> Vec<Channel> {
    let mut channels = Vec::new();
    let mut offset = 0;
    for (a, &la) in shells.iter().enumerate() {
        for (b, &lb) in shells.iter().enumerate() {
            let (la, lb) = (la as usize, lb as usize);
            for l in la.abs_diff(lb)..=la + lb {
                channels.push(Channel { a, b, l, natural: (la + lb + l).is_multiple_of(2), offset });
                offset += 2 * l + 1;
            }
        }
    }
    channels
}

fn terms(channels: &[Channel], shells: &[u8], n_orbitals: usize) -> Vec<CouplingTerm> {
    let first: Vec<usize> = shells
        .iter()
        .scan(0, |next, &l| {
            *next += 2 * l as usize + 1;
            Some(*next - (2 * l as usize + 1))
        })
        .collect();
    let of_channel = |channel: &Channel| {
        let (row, column, offset) = (first[channel.a], first[channel.b], channel.offset);
        let coupling = Coupling::new(shells[channel.a] as usize, shells[channel.b] as usize, channel.l);
        coupling.terms.into_iter().map(move |term| CouplingTerm {
            coupled: (offset + term.m) as u32,
            block: ((row + term.m1) * n_orbitals + column + term.m2) as u32,
            value: term.value,
        })
    };
    channels.iter().flat_map(of_channel).collect()
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

/// w3j(l₂,l₁,L)ᵀ = (−1)^{l₁+l₂+L} w3j(l₁,l₂,L).
fn transpose(channels: &[Channel], n_shells: usize) -> Vec<Signed> {
    let mut first = vec![usize::MAX; n_shells * n_shells];
    for (k, c) in channels.iter().enumerate().rev() {
        first[c.a * n_shells + c.b] = k;
    }
    let partner = |k: usize, c: &Channel| {
        let rank = k - first[c.a * n_shells + c.b];
        channels[first[c.b * n_shells + c.a] + rank]
    };
    let entries = |(k, c): (usize, &Channel)| {
        let (offset, sign) = (partner(k, c).offset, if c.natural { 1.0 } else { -1.0 });
        (0..2 * c.l + 1).map(move |m| Signed { index: offset + m, sign })
    };
    channels.iter().enumerate().flat_map(entries).collect()
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
mod tests {
    use nalgebra::{DMatrix, Matrix3, Rotation3, Vector3};

    use super::*;
    use crate::symmetry::frame::{bond_frame, reversed};

    const SHELLS: [u8; 6] = [0, 0, 1, 1, 2, 3];

    fn block(n: usize) -> Vec<f64> {
        (0..n * n).map(|k| ((k * 37 + 11) % 101) as f64 / 50.0 - 1.0).collect()
    }

    fn framed(algebra: &PairAlgebra, block: &[f64], frame: &Matrix3<f64>) -> Vec<f64> {
        let (mut coupled, mut framed) = (vec![0.0; algebra.width()], vec![0.0; algebra.width()]);
        algebra.couple(block, &mut coupled);
        algebra.to_frame(&coupled, &algebra.wigner().matrices(frame), &mut framed);
        framed
    }

    fn difference(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).fold(0.0, |worst, (a, b)| (a - b).abs().max(worst))
    }

    #[test]
    fn block_to_frame_and_back() {
        let algebra = PairAlgebra::new(&SHELLS);
        let block = block(algebra.n_orbitals());
        let d = algebra.wigner().matrices(&bond_frame(&Vector3::new(0.3, 1.0, -0.5)).unwrap());
        let mut buffers = [vec![0.0; block.len()], vec![0.0; block.len()], vec![0.0; block.len()]];
        let [coupled, framed, back] = &mut buffers;
        algebra.couple(&block, coupled);
        algebra.to_frame(coupled, &d, framed);
        coupled.fill(0.0);
        algebra.from_frame(framed, &d, coupled);
        algebra.uncouple(coupled, back);
        assert!(difference(&block, back) < 1e-14);
        let (norm, framed_norm) = [&block, framed].map(|v| v.iter().map(|x| x * x).sum::<f64>()).into();
        assert!((norm - framed_norm).abs() < 1e-12 * norm);
    }

    #[test]
    fn transposed_block_in_the_reversed_frame_is_the_exchange() {
        let algebra = PairAlgebra::new(&SHELLS);
        let n = algebra.n_orbitals();
        let frame = bond_frame(&Vector3::new(-0.2, 0.9, 0.5)).unwrap();
        let block = block(n);
        let transposed: Vec<f64> = (0..n * n).map(|k| block[k % n * n + k / n]).collect();
        let there = framed(&algebra, &block, &frame);
        let back = framed(&algebra, &transposed, &reversed(&frame));
        let mut exchanged = vec![0.0; n * n];
        permute(algebra.exchange(), &back, &mut exchanged);
        assert!(difference(&there, &exchanged) < 1e-14);
    }

    #[test]
    fn coupled_transpose() {
        let algebra = PairAlgebra::new(&SHELLS);
        let n = algebra.n_orbitals();
        let block = block(n);
        let transposed: Vec<f64> = (0..n * n).map(|k| block[k % n * n + k / n]).collect();
        let (mut coupled, mut wanted, mut found) = (vec![0.0; n * n], vec![0.0; n * n], vec![0.0; n * n]);
        algebra.couple(&block, &mut coupled);
        algebra.couple(&transposed, &mut wanted);
        permute(algebra.transpose(), &coupled, &mut found);
        assert!(difference(&wanted, &found) < 1e-14);
    }

    #[test]
    fn a_turn_about_the_bond_is_a_phase_per_class() {
        let algebra = PairAlgebra::new(&SHELLS);
        let block = block(algebra.n_orbitals());
        let frame = bond_frame(&Vector3::new(0.6, 0.1, 0.5)).unwrap();
        let angle = 0.7;
        let turn = Rotation3::from_axis_angle(&Vector3::z_axis(), angle).into_inner();
        let (before, after) = (framed(&algebra, &block, &frame), framed(&algebra, &block, &(turn * frame)));
        let fixed = algebra.unnatural0().end;
        assert!(difference(&before[..fixed], &after[..fixed]) < 1e-14);
        for class in algebra.classes() {
            let (sin, cos) = (class.m as f64 * angle).sin_cos();
            for (c, s) in class.cos.clone().zip(class.sin.clone()) {
                assert!((after[c] - (cos * before[c] - sin * before[s])).abs() < 1e-13, "m = {}", class.m);
                assert!((after[s] - (sin * before[c] + cos * before[s])).abs() < 1e-13, "m = {}", class.m);
            }
        }
    }

    #[test]
    fn inversion_changes_natural_and_unnatural_against_each_other() {
        // A mirror y -> -y through the bond keeps natural cos and turns unnatural cos (and natural sin) round.
        let algebra = PairAlgebra::new(&[1, 2]);
        let n = algebra.n_orbitals();
        let parity: Vec<f64> = [-1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0, 1.0].to_vec();
        let mirror = DMatrix::from_diagonal(&parity.into());
        let block = DMatrix::from_row_slice(n, n, &block(n));
        let mirrored = &mirror * &block * &mirror;
        let identity = Matrix3::identity();
        let before = framed(&algebra, block.transpose().as_slice(), &identity);
        let after = framed(&algebra, mirrored.transpose().as_slice(), &identity);
        for (k, &channel) in algebra.frame_channel().iter().enumerate() {
            let natural = algebra.channels()[channel].natural;
            let is_sin = algebra.classes().iter().any(|class| class.sin.contains(&k));
            let sign = if is_sin || (!natural && algebra.unnatural0().contains(&k)) { -1.0 } else { 1.0 };
            assert!((after[k] - sign * before[k]).abs() < 1e-14, "component {k}");
        }
    }
}
