//! Hidden features: irreps on atoms, and their components in the frame of a bond.

use tch::{Device, Kind, Tensor};

/// The irreps of the hidden features: `channels` of every natural l ≤ `l_max` (parity (−1)^l), and `unnatural_channels` of every
/// unnatural l = 1 … `unnatural_l_max` (parity −(−1)^l).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hidden {
    /// Highest natural l.
    pub l_max: i64,
    /// Highest unnatural l, at most `l_max`.
    pub unnatural_l_max: i64,
    /// Copies of each natural irrep.
    pub channels: i64,
    /// Copies of each unnatural irrep.
    pub unnatural_channels: i64,
}

/// Features of pairs in the frame of the bond, one tensor per class: natural m = 0 `[E, k]`, unnatural m = 0 `[E, k]`, then for
/// m = 1, 2, … `[E, 2, k]` with the cosine- and the sine-like components (see [`crate::symmetry::PairAlgebra`]). Linear maps mix a class
/// with itself only. All classes exist; a width may be zero.
#[derive(Debug)]
pub struct Classes(pub Vec<Tensor>);

/// Features of atoms in the common frame.
#[derive(Debug)]
pub struct NodeFeatures {
    /// `[N, (l_max+1)², channels]`, rows l after l, m = −l … l.
    pub natural: Tensor,
    /// `[N, (unnatural_l_max+1)²−1, unnatural_channels]`, from l = 1.
    pub unnatural: Tensor,
}

/// D matrices of the frames of bonds with rows in the order of [`Classes`].
#[derive(Debug)]
pub struct Rotations {
    /// `[E, (l_max+1)², (l_max+1)²]`.
    pub natural: Tensor,
    /// `[E, (unnatural_l_max+1)²−1, …]`.
    pub unnatural: Tensor,
}

impl Hidden {
    /// Components of all natural l.
    pub fn natural_rows(&self) -> i64 {
        (self.l_max + 1).pow(2)
    }

    /// Components of all unnatural l.
    pub fn unnatural_rows(&self) -> i64 {
        (self.unnatural_l_max + 1).pow(2) - 1
    }

    /// Natural l ≥ m.
    fn natural_degrees(&self, m: i64) -> i64 {
        (self.l_max + 1 - m).max(0)
    }

    /// Unnatural l ≥ max(m, 1).
    fn unnatural_degrees(&self, m: i64) -> i64 {
        (self.unnatural_l_max + 1 - m.max(1)).max(0)
    }

    /// Width of every class, for classes up to `m_max`.
    pub fn widths(&self, m_max: i64) -> Vec<i64> {
        let natural = |m| self.natural_degrees(m) * self.channels;
        let unnatural = |m| self.unnatural_degrees(m) * self.unnatural_channels;
        let mut widths = vec![natural(0), unnatural(0)];
        widths.extend((1..=m_max).map(|m| natural(m) + unnatural(m)));
        widths
    }

    /// Where the rows of a D matrix in class order come from: (component in l, m order, sign) for natural and unnatural irreps.
    /// Unnatural components are swapped within ±m so that they turn with the natural ones.
    pub fn frame_rows(&self) -> [Vec<(usize, f64)>; 2] {
        let mut natural: Vec<(usize, f64)> = (0..=self.l_max).map(|l| (place(l, 0), 1.0)).collect();
        let mut unnatural: Vec<(usize, f64)> = (1..=self.unnatural_l_max).map(|l| (place(l, 0) - 1, 1.0)).collect();
        for m in 1..=self.l_max {
            natural.extend((m..=self.l_max).map(|l| (place(l, m), 1.0)));
            natural.extend((m..=self.l_max).map(|l| (place(l, -m), 1.0)));
            unnatural.extend((m..=self.unnatural_l_max).map(|l| (place(l, -m) - 1, 1.0)));
            unnatural.extend((m..=self.unnatural_l_max).map(|l| (place(l, m) - 1, -1.0)));
        }
        [natural, unnatural]
    }

    /// Rotates the features `atoms` (one row per pair: those of its atom) into the frames.
    pub fn to_frame(&self, atoms: &NodeFeatures, rotations: &Rotations, m_max: i64) -> Classes {
        self.classes(&rotations.natural.bmm(&atoms.natural), &rotations.unnatural.bmm(&atoms.unnatural), m_max)
    }

    /// Cuts components in class order, `[E, rows, channels]`, into classes.
    pub fn classes(&self, natural: &Tensor, unnatural: &Tensor, m_max: i64) -> Classes {
        let pairs = natural.size()[0];
        let (c, cu) = (self.channels, self.unnatural_channels);
        let (n0, u0) = (self.natural_degrees(0), self.unnatural_degrees(0));
        let mut classes = vec![
            natural.narrow(1, 0, n0).reshape([pairs, n0 * c]),
            unnatural.narrow(1, 0, u0).reshape([pairs, u0 * cu]),
        ];
        let (mut first, mut first_u) = (n0, u0);
        for m in 1..=m_max {
            let (n, u) = (self.natural_degrees(m), self.unnatural_degrees(m));
            let a = natural.narrow(1, first, 2 * n).reshape([pairs, 2, n * c]);
            let b = unnatural.narrow(1, first_u, 2 * u).reshape([pairs, 2, u * cu]);
            classes.push(if u * cu > 0 { Tensor::cat(&[a, b], -1) } else { a });
            (first, first_u) = (first + 2 * n, first_u + 2 * u);
        }
        Classes(classes)
    }

    /// Joins classes to components in class order and rotates them back: the inverse of [`Self::to_frame`].
    pub fn from_frame(&self, classes: &Classes, rotations: &Rotations) -> NodeFeatures {
        let pairs = classes.0[0].size()[0];
        let (c, cu) = (self.channels, self.unnatural_channels);
        let mut natural = vec![classes.0[0].view([pairs, -1, c])];
        let mut unnatural = vec![classes.0[1].reshape([pairs, self.unnatural_degrees(0), cu])];
        for (m, class) in (1..=self.l_max).zip(&classes.0[2..]) {
            let (n, u) = (self.natural_degrees(m), self.unnatural_degrees(m));
            natural.push(class.narrow(2, 0, n * c).reshape([pairs, 2 * n, c]));
            unnatural.push(class.narrow(2, n * c, u * cu).reshape([pairs, 2 * u, cu]));
        }
        let back = |rotation: &Tensor, parts: &[Tensor]| rotation.transpose(1, 2).bmm(&Tensor::cat(parts, 1));
        NodeFeatures { natural: back(&rotations.natural, &natural), unnatural: back(&rotations.unnatural, &unnatural) }
    }
}

impl Hidden {
    /// Channels of every part of [`Self::degrees`].
    pub fn degree_channels(&self) -> Vec<i64> {
        let natural = (0..=self.l_max).map(|_| self.channels);
        natural.chain((1..=self.unnatural_l_max).map(|_| self.unnatural_channels)).collect()
    }

    /// Features of atoms irrep by irrep, `[N, 2l+1, channels]`: natural l = 0, 1, …, then unnatural l = 1, 2, ….
    pub fn degrees(&self, atoms: &NodeFeatures) -> Vec<Tensor> {
        let natural = (0..=self.l_max).map(|l| atoms.natural.narrow(1, l * l, 2 * l + 1));
        natural.chain((1..=self.unnatural_l_max).map(|l| atoms.unnatural.narrow(1, l * l - 1, 2 * l + 1))).collect()
    }

    /// The inverse of [`Self::degrees`]; `atoms` are features of the same shape.
    pub fn joined(&self, degrees: &[Tensor], atoms: &NodeFeatures) -> NodeFeatures {
        let (natural, unnatural) = degrees.split_at(self.l_max as usize + 1);
        let unnatural = if unnatural.is_empty() { atoms.unnatural.shallow_clone() } else { Tensor::cat(unnatural, 1) };
        NodeFeatures { natural: Tensor::cat(natural, 1), unnatural }
    }
}

/// Component (l, m) in the order l after l, m = −l … l.
fn place(l: i64, m: i64) -> usize {
    (l * l + l + m) as usize
}

fn half_turn_sign(row: usize) -> f64 {
    let l = row.isqrt();
    let even = if l.is_multiple_of(2) { 1.0 } else { -1.0 };
    if row >= l * l + l { even } else { -even }
}

/// Constant tensors that belong to [`Hidden`], on one device.
#[derive(Debug)]
pub struct HiddenTables {
    /// The irreps.
    pub hidden: Hidden,
    /// For each natural component its l.
    pub natural_degrees: Tensor,
    /// For each unnatural component its l − 1.
    pub unnatural_degrees: Tensor,
    exchange_signs: [Tensor; 2],
}

impl HiddenTables {
    /// The tables for numbers of `kind` on `device`.
    pub fn new(hidden: Hidden, kind: Kind, device: Device) -> Self {
        let degrees = |first: i64, last: i64| {
            let degrees: Vec<i64> = (first..=last).flat_map(|l| vec![l - first; 2 * l as usize + 1]).collect();
            Tensor::from_slice(&degrees).to_device(device)
        };
        let signs = |rows: &[(usize, f64)], shift: usize| {
            let signs: Vec<f64> = rows.iter().map(|&(row, _)| half_turn_sign(row + shift)).collect();
            Tensor::from_slice(&signs).to_kind(kind).to_device(device).unsqueeze(-1)
        };
        let [natural, unnatural] = hidden.frame_rows();
        HiddenTables {
            hidden,
            natural_degrees: degrees(0, hidden.l_max),
            unnatural_degrees: degrees(1, hidden.unnatural_l_max),
            exchange_signs: [signs(&natural, 0), signs(&unnatural, 1)],
        }
    }

    /// Features at both ends of every bond, in its frame. `first` are the indices of the atoms i of all directed bonds, of which the
    /// second half are the first half reversed; so those of j are the ones of i of the reversed bond after half a turn about y.
    pub fn both_ends(&self, atoms: &NodeFeatures, first: &Tensor, rotations: &Rotations, m_max: i64) -> [Classes; 2] {
        let atoms = atoms.select(first);
        let here = [rotations.natural.bmm(&atoms.natural), rotations.unnatural.bmm(&atoms.unnatural)];
        let half = first.size()[0] / 2;
        let there = [0, 1].map(|parity| here[parity].roll([half], [0]) * &self.exchange_signs[parity]);
        [here, there].map(|[natural, unnatural]| self.hidden.classes(&natural, &unnatural, m_max))
    }
}

impl Classes {
    /// The sum with features of the same widths.
    pub fn plus(&self, other: &Classes) -> Classes {
        Classes(self.0.iter().zip(&other.0).map(|(a, b)| a + b).collect())
    }

    /// A quarter turn of every class, (cos, sin) → (−sin, cos), and the two m = 0 classes exchanged: commutes with turns about the
    /// bond, but changes its sign under mirrors through it.
    pub fn crossed(&self) -> Classes {
        let turned = |class: &Tensor| Tensor::stack(&[-class.select(1, 1), class.select(1, 0)], 1);
        let mut classes = vec![self.0[1].shallow_clone(), self.0[0].shallow_clone()];
        classes.extend(self.0[2..].iter().map(turned));
        Classes(classes)
    }

    /// Rows in frame order cut into classes of these widths: `[E, Σ components · width]`.
    pub fn from_rows(rows: &Tensor, widths: &[i64]) -> Classes {
        let components = |class: usize| if class < 2 { 1 } else { 2 };
        let sizes: Vec<i64> = widths.iter().enumerate().map(|(class, width)| components(class) * width).collect();
        let shaped = |(class, part): (usize, Tensor)| match class {
            0 | 1 => part,
            _ => part.reshape([part.size()[0], 2, widths[class]]),
        };
        Classes(rows.split_with_sizes(&sizes, 1).into_iter().enumerate().map(shaped).collect())
    }

    /// The inverse of [`Self::from_rows`].
    pub fn to_rows(&self) -> Tensor {
        let rows: Vec<Tensor> = self.0.iter().map(|class| class.flatten(1, -1)).collect();
        Tensor::cat(&rows, 1)
    }

    /// Applies `f` to every class.
    pub fn map(&self, f: impl FnMut(&Tensor) -> Tensor) -> Classes {
        Classes(self.0.iter().map(f).collect())
    }

    /// Part of the width of every class.
    pub fn narrow(&self, starts: &[i64], widths: &[i64]) -> Classes {
        let parts = self.0.iter().zip(starts).zip(widths);
        Classes(parts.map(|((class, &start), &width)| class.narrow(-1, start, width)).collect())
    }

    /// Multiplies the features of every pair by `factor [E]`.
    pub fn scale(&self, factor: &Tensor) -> Classes {
        self.map(|class| {
            let shape: &[i64] = if class.dim() == 2 { &[-1, 1] } else { &[-1, 1, 1] };
            class * factor.view(shape)
        })
    }
}

impl NodeFeatures {
    /// Zeros of the same shapes.
    pub fn zeros_like(&self) -> NodeFeatures {
        NodeFeatures { natural: self.natural.zeros_like(), unnatural: self.unnatural.zeros_like() }
    }

    /// Multiplied by `factor`, whose shape must suit both.
    pub fn scale(&self, factor: &Tensor) -> NodeFeatures {
        NodeFeatures { natural: &self.natural * factor, unnatural: &self.unnatural * factor }
    }

    /// The features of the atoms `index [E]`.
    pub fn select(&self, index: &Tensor) -> NodeFeatures {
        NodeFeatures { natural: self.natural.index_select(0, index), unnatural: self.unnatural.index_select(0, index) }
    }
}
