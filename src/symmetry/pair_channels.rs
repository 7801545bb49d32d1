//! Channels of pair blocks: shell pairs coupled to irreducible tensors, and those to the axial vector of the spin.

use std::collections::HashMap;

use super::clebsch_gordan::Coupling;

/// One coupled channel: a part of rank L of the shell pair (a, b).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel {
    /// Row shell.
    pub a: usize,
    /// Column shell.
    pub b: usize,
    /// Rank L, with 2L+1 components.
    pub l: usize,
    /// Has it the parity of a polar tensor of rank L, (−1)^{l_a + l_b} = (−1)^L?
    pub natural: bool,
    /// Does it come back with its sign, not against it, when the block is transposed? Of the orbitals' rank alone; for channels
    /// without spin the same as `natural`.
    pub symmetric: bool,
    /// Is it a part of the exchange field (l_a ⊗ l_b → orbital rank, ⊗ axial vector → L)? Time reversal turns its sign.
    pub magnetic: bool,
    /// Rank of the orbitals before the spin comes in; L itself without spin.
    pub orbital: usize,
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

/// A coefficient of the map from block to coupled numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct CouplingTerm {
    pub coupled: u32,
    pub block: u32,
    pub value: f64,
}

/// All channels of these shells by row shell, column shell, rank; with `magnetic`, those of the exchange field follow.
pub(super) fn channels(shells: &[u8], magnetic: bool) -> Vec<Channel> {
    let mut channels = Vec::new();
    let mut offset = 0;
    for spin in if magnetic { 0..=1 } else { 0..=0 } {
        for (a, b) in (0..shells.len()).flat_map(|a| (0..shells.len()).map(move |b| (a, b))) {
            let (la, lb) = (shells[a] as usize, shells[b] as usize);
            let ranks = (la.abs_diff(lb)..=la + lb)
                .flat_map(|orbital| (orbital.abs_diff(spin)..=orbital + spin).map(move |l| (orbital, l)));
            for (orbital, l) in ranks {
                let even = |sum: usize| sum.is_multiple_of(2);
                let (natural, symmetric) = (even(la + lb + l), even(la + lb + orbital));
                channels.push(Channel { a, b, l, natural, symmetric, magnetic: spin == 1, orbital, offset });
                offset += 2 * l + 1;
            }
        }
    }
    channels
}

/// Coefficients of all channels. The components of a block follow one another: one, or the spinless one and B_x, B_y, B_z.
pub(super) fn terms(channels: &[Channel], shells: &[u8], n_orbitals: usize) -> Vec<CouplingTerm> {
    let starts = shells.iter().scan(0, |next, &l| {
        let first = *next;
        *next += 2 * l as usize + 1;
        Some(first)
    });
    let first: Vec<usize> = starts.collect();
    let of_channel = |channel: &Channel| {
        let (row, column, offset) = (first[channel.a], first[channel.b], channel.offset);
        let elements = elements(channel, shells[channel.a] as usize, shells[channel.b] as usize);
        elements.into_iter().map(move |([component, m1, m2, m], value)| CouplingTerm {
            coupled: (offset + m) as u32,
            block: ((component * n_orbitals + row + m1) * n_orbitals + column + m2) as u32,
            value,
        })
    };
    channels.iter().flat_map(of_channel).collect()
}

/// (spin component, m₁, m₂, M) with their coefficients.
fn elements(channel: &Channel, la: usize, lb: usize) -> Vec<([usize; 4], f64)> {
    let orbital = Coupling::new(la, lb, channel.orbital);
    if !channel.magnetic {
        return orbital.terms.iter().map(|t| ([0, t.m1, t.m2, t.m], t.value)).collect();
    }
    let mut sums: HashMap<[usize; 4], f64> = HashMap::new();
    for spin in Coupling::new(channel.orbital, 1, channel.l).terms {
        for t in orbital.terms.iter().filter(|t| t.m == spin.m1) {
            *sums.entry([COMPONENT[spin.m2], t.m1, t.m2, spin.m]).or_default() += t.value * spin.value;
        }
    }
    let mut elements: Vec<_> = sums.into_iter().collect();
    elements.sort_by_key(|(place, _)| *place);
    elements
}

/// Components of a vector in the order of m = −1, 0, 1 (y, z, x) among (A, B_x, B_y, B_z).
const COMPONENT: [usize; 3] = [2, 3, 1];

/// w3j(l₂,l₁,L)ᵀ = (−1)^{l₁+l₂+L} w3j(l₁,l₂,L); the spin has no part in it.
pub(super) fn transpose(channels: &[Channel]) -> Vec<Signed> {
    let key = |a: usize, b: usize, c: &Channel| (a, b, c.orbital, c.l, c.magnetic);
    let place: HashMap<_, usize> = channels.iter().map(|c| (key(c.a, c.b, c), c.offset)).collect();
    let entries = |c: &Channel| {
        let (offset, sign) = (place[&key(c.b, c.a, c)], if c.symmetric { 1.0 } else { -1.0 });
        (0..2 * c.l + 1).map(move |m| Signed { index: offset + m, sign })
    };
    channels.iter().flat_map(entries).collect()
}
