//! What goes into the network and comes out: sizes and index lists that follow from the slots of a model.

use crate::model::Slots;
use crate::model::target::Quantity;
use crate::symmetry::{Channel, PairAlgebra, Signed};

/// Sizes and index lists. Two kinds of outputs vanish for a local operator, as ΔH is one, and are left out: unnatural m = 0 components
/// of pairs (the product of two orbitals has none at any point of space), and on-site irreps of unnatural rank of the orbitals. H and
/// S have none either, since each projector's atom lies in a plane with the bond (below 1e-8 in runs of three codes); of the density
/// matrix of strained silicene they are 2 %. Of an exchange field only the on-site ones are left out: the spin has a part in m.
#[derive(Debug, Clone)]
pub struct Interface {
    /// Number of species.
    pub n_species: usize,
    /// Highest m of any class, those of the hidden features included.
    pub m_max: i64,
    /// Class widths of a pair operator.
    pub pair_inputs: Vec<i64>,
    /// Class widths of the output: of a local operator no unnatural m = 0.
    pub pair_outputs: Vec<i64>,
    /// Columns of a frame row that are outputs, in the order of the classes.
    pub pair_columns: Vec<usize>,
    /// Channel of each of these columns.
    pub pair_channels: Vec<usize>,
    /// Exchange of the two directions of a bond, on these columns.
    pub exchange: Vec<Signed>,
    /// Number of shells of the slots.
    pub n_shells: i64,
    /// Pair of shells (a · shells + b) of each output column of pairs.
    pub pair_shells: Vec<i64>,
    /// The same for atoms.
    pub node_shells: Vec<i64>,
    /// Columns of a coupled on-site row by L, for natural channels: `[m][channel]`.
    pub natural_columns: Vec<Vec<usize>>,
    /// The same for unnatural channels.
    pub unnatural_columns: Vec<Vec<usize>>,
    /// Are the spinless part's unnatural ones outputs?
    pub unnatural_outputs: bool,
    /// Those columns that are outputs.
    pub onsite_outputs: OnsiteOutputs,
}

/// On-site columns by degree that are outputs, as [`Interface::natural_columns`].
#[derive(Debug, Clone)]
pub struct OnsiteOutputs {
    /// Of natural channels.
    pub natural: Vec<Vec<usize>>,
    /// Of unnatural ones: only an exchange field and the density matrix have them.
    pub unnatural: Vec<Vec<usize>>,
}

impl Interface {
    /// The interface of a model of `quantity` with these slots, whose hidden features reach to `hidden_l_max`.
    pub fn new(slots: &Slots, hidden_l_max: i64, quantity: Quantity) -> Self {
        let algebra = slots.algebra();
        let m_max = hidden_l_max.max(algebra.classes().len() as i64);
        let pair_inputs = class_widths(algebra, m_max);
        let magnetic = algebra.frame_magnetic();
        let local = quantity != Quantity::DensityMatrix;
        let removed = |column: &usize| local && algebra.unnatural0().contains(column) && !magnetic[*column];
        let pair_columns: Vec<usize> = (0..algebra.width()).filter(|column| !removed(column)).collect();
        let mut pair_outputs = pair_inputs.clone();
        pair_outputs[1] -= (algebra.width() - pair_columns.len()) as i64;
        let onsite_outputs = OnsiteOutputs {
            natural: columns_by_degree(algebra, |channel| channel.natural && (channel.symmetric || !local)),
            unnatural: columns_by_degree(algebra, |channel| !channel.natural && (channel.symmetric || !local)),
        };
        let n_shells = slots.shells().len();
        let shells = |channel: usize| {
            let Channel { a, b, .. } = algebra.channels()[channel];
            (a * n_shells + b) as i64
        };
        let channel_of = |column: usize| algebra.channels().partition_point(|channel| channel.offset <= column) - 1;
        Interface {
            n_shells: n_shells as i64,
            pair_shells: pair_columns.iter().map(|&column| shells(algebra.frame_channel()[column])).collect(),
            node_shells: onsite_outputs.columns().map(|column| shells(channel_of(column))).collect(),
            n_species: slots.species().len(),
            m_max,
            pair_inputs,
            pair_outputs,
            pair_channels: pair_columns.iter().map(|&column| algebra.frame_channel()[column]).collect(),
            exchange: reduced_exchange(algebra, &pair_columns),
            pair_columns,
            natural_columns: columns_by_degree(algebra, |channel| channel.natural),
            unnatural_columns: columns_by_degree(algebra, |channel| !channel.natural),
            unnatural_outputs: !local,
            onsite_outputs,
        }
    }

    /// Columns of a coupled on-site row that are outputs, in the order of [`super::layers::NodeReadout`].
    pub fn node_columns(&self) -> Vec<usize> {
        self.onsite_outputs.columns().collect()
    }

    /// Channel of each column of [`Self::node_columns`], `slots` being those of the interface.
    pub fn node_channels(&self, slots: &Slots) -> Vec<usize> {
        let channels = slots.algebra().channels();
        let channel = |&column: &usize| channels.partition_point(|channel| channel.offset <= column) - 1;
        self.node_columns().iter().map(channel).collect()
    }

    /// Number of natural (or unnatural) channels of degree l.
    pub fn n_channels(columns: &[Vec<usize>], l: usize) -> i64 {
        columns.get(l).map_or(0, |columns| (columns.len() / (2 * l + 1)) as i64)
    }
}

impl OnsiteOutputs {
    /// All, natural ones first.
    fn columns(&self) -> impl Iterator<Item = usize> + '_ {
        self.natural.iter().chain(&self.unnatural).flatten().copied()
    }
}

fn class_widths(algebra: &PairAlgebra, m_max: i64) -> Vec<i64> {
    let mut widths = vec![algebra.natural0().len() as i64, algebra.unnatural0().len() as i64];
    widths.extend(algebra.classes().iter().map(|class| class.cos.len() as i64));
    widths.resize(2 + m_max as usize, 0);
    widths
}

fn reduced_exchange(algebra: &PairAlgebra, columns: &[usize]) -> Vec<Signed> {
    let mut place = vec![0; algebra.width()];
    columns.iter().enumerate().for_each(|(k, &column)| place[column] = k);
    let entry = |&column: &usize| {
        let Signed { index, sign } = algebra.exchange()[column];
        Signed { index: place[index], sign }
    };
    columns.iter().map(entry).collect()
}

fn columns_by_degree(algebra: &PairAlgebra, wanted: impl Fn(&Channel) -> bool) -> Vec<Vec<usize>> {
    let l_max = algebra.channels().iter().map(|c| c.l).max().unwrap_or(0);
    let of_degree = |l: usize| -> Vec<usize> {
        let channels: Vec<_> = algebra.channels().iter().filter(|c| c.l == l && wanted(c)).collect();
        (0..2 * l + 1).flat_map(|m| channels.iter().map(move |c| c.offset + m)).collect()
    };
    (0..=l_max).map(of_degree).collect()
}
